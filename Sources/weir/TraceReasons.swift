import WeirConfiguration
import WeirCore
import WeirModel
import WeirPolicy
import WeirRuntime

/// Why a matter was decided as its story says: the policy that it names decides its facts again.
struct TraceReasons {
  /// A line each, in Chinese; what cannot be told again is said to be so.
  let lines: [String]

  /// - Parameters:
  ///   - story: a matter's.
  ///   - data: the unit's data folder with the policies that decided there; nil when it is not
  ///     known, then only the embedded policy can explain.
  init(_ story: Story, data: String?) {
    guard let index = story.entries.lastIndex(where: { $0["decision"].exists }) else {
      lines = []
      return
    }
    let decision = story.entries[index]["decision"]
    let version = decision["policy"].text ?? ""
    let policy =
      data.map { PolicyShelf(data: $0).policy(version) }
      ?? (version == Policy.embedded.version ? .embedded : nil)
    guard let policy else {
      lines = ["政策\(version)不在手边,无法重述依据"]
      return
    }
    let explanation = Self.explain(story.entries[...index], by: policy)
    guard let explanation, explanation.rule.id == decision["rule"].text else {
      lines = ["事实已有变化,按现有记录无法重述依据"]
      return
    }
    lines = explanation.chinese
  }

  /// What the policy says of the facts that were told up to a decision.
  private static func explain(_ entries: ArraySlice<Json>, by policy: Policy) -> Explanation? {
    guard let intake = entries.first?["request"],
      let platform = intake["receivedBy"].text.flatMap({ Platform(name: $0) })
    else { return nil }
    var facts: FactSet = []
    var county: UInt32 = 0
    for entry in entries {
      let request = entry["request"]
      facts.formUnion(FactSet(request["facts"].texts.compactMap { Fact(name: $0) }))
      county = request["place"]["county"].text.flatMap(UInt32.init) ?? county
      switch entry["event"].text {
      case "dangerRaised" where !facts.isDanger: facts.insert(FactSet(.dangerToPublic))
      case "escalated": facts.insert(FactSet(.escalated))
      case "dangerCleared": facts.subtract(.danger)
      default: break
      }
    }
    let time = intake["receivedAt"].text ?? entries.first?["at"].text ?? ""
    let channel = Channel.allCases.first { $0.name == intake["channel"].text } ?? .phone
    return policy.explain(
      facts,
      in: Circumstances(
        platform: platform, channel: channel, county: county,
        receivedAt: CoreText.wallMs(time) ?? 0))
  }
}
