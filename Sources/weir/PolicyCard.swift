import Foundation
import WeirModel
import WeirPolicy

/// The card on the wall of a desk whose unit is dead: the policy's decisions on one page of paper,
/// derived from what the policy decides, so that it can say nothing else.
struct PolicyCard {
  private let policy: Policy
  private let desk: Platform
  private static let columns = 78

  init(_ policy: Policy, desk: Platform) {
    self.policy = policy
    self.desk = desk
  }

  /// Prints it.
  func print() {
    let document = policy.document
    rule("═")
    line("系统停用时的办理卡  \(desk.name)席位")
    wrapped("依据 \(document.number)《\(document.title)》", indent: 0)
    line("版本 \(policy.version)  自\(document.validFrom)起\(document.validTo.map { "至\($0)" } ?? "")")
    rule("─")
    line("一、先问有没有危险。有下列任何一项的,先办这一条,不等协商:")
    facts(Fact.allCases.filter { FactSet.danger.has($0) })
    say(of: [.dangerToLife])
    if !decide([.dangerToLife, .medicalOnly]).ending.goesToPolice {
      line("  例外:□\(policy.name(of: .medicalOnly))的,仍是紧急情况:")
      say(of: [.dangerToLife, .medicalOnly])
    }
    line("二、再看是什么事,自上而下,先符合的先办:")
    for (index, group) in groups.enumerated() { show(group, index + 1) }
    if desk == .hotline { fallback() }
    numbers()
    rule("─")
    line("登记:时间____:____  来电号码______________  事项____________________________")
    line("      转接____:____  接听人____________  告知自拨____:____  报备____:____")
    line("系统恢复后,凭本卡补录。")
    rule("═")
  }

  /// Facts that come to the same end.
  private struct Group {
    let ending: Ending
    var facts: [Fact]
    let say: [String]
  }

  private func decide(_ facts: [Fact]) -> (ending: Ending, say: [String]) {
    let decision = policy.decide(
      FactSet(facts), in: Circumstances(platform: desk, channel: .phone))
    let say = policy.texts[Int(decision.sayText)]
    let lines = try? JSONDecoder().decode([String].self, from: Data(say.utf8))
    return (policy.ending(of: decision), lines ?? [])
  }

  /// In the order in which the rules are tried.
  private var groups: [Group] {
    var groups: [Group] = []
    let ranked = Fact.allCases.filter { !FactSet.danger.has($0) }.map { fact in
      let facts = FactSet(fact)
      let rank = policy.decide(facts, in: Circumstances(platform: desk, channel: .phone)).rule
      return (fact: fact, rank: rank)
    }.sorted { ($0.rank, $0.fact.rawValue) < ($1.rank, $1.fact.rawValue) }
    for (fact, _) in ranked {
      let (ending, say) = decide([fact])
      let like = groups.firstIndex { group in
        group.ending.owner == ending.owner && group.ending.action == ending.action
          && group.ending.guide == ending.guide && group.ending.emergency == ending.emergency
      }
      if let like {
        groups[like].facts.append(fact)
      } else {
        groups.append(Group(ending: ending, facts: [fact], say: say))
      }
    }
    return groups
  }

  private func show(_ group: Group, _ number: Int) {
    let ending = group.ending
    let urgent = ending.emergency ? ",紧急" : ""
    line(
      "\(number). \(Words.owner(ending.owner.name)):\(Words.action(ending.action.name))\(urgent)")
    facts(group.facts)
    for sentence in group.say { wrapped("☞ \(sentence)", indent: 4) }
  }

  private func facts(_ facts: [Fact]) {
    var part = "  "
    for name in facts.map({ "  □\(policy.name(of: $0))" }) {
      if (part + name).columns > Self.columns {
        line(part)
        part = "  "
      }
      part += name
    }
    line(part)
  }

  private func say(of facts: [Fact]) {
    for sentence in decide(facts).say { wrapped("☞ \(sentence)", indent: 4) }
  }

  /// What to do when nobody picks up within the minute.
  private func fallback() {
    line("三、\(PolicyText.span(policy.timing.minuteMs))内接不通的:")
    for sentence in [Sentence.transferFailed, .late] {
      let text = policy.texts[Int(policy.sayText(sentence, dial: policy.dialDefault, drill: false))]
      let lines = try? JSONDecoder().decode([String].self, from: Data(text.utf8))
      for line in lines ?? [] { wrapped("☞ \(line)", indent: 4) }
    }
  }

  /// 110 by county, where counties differ.
  private func numbers() {
    let counties = policy.policeNumbers
    guard Set(counties.map(\.spoken)).count > 1 else {
      if let first = counties.first { line("110:\(first.spoken)(各县市相同)") }
      return
    }
    line("各县(市)110:")
    wrapped(counties.map { "\($0.county) \($0.spoken)" }.joined(separator: "  "), indent: 4)
  }

  private func rule(_ letter: String) {
    line(String(repeating: letter, count: Self.columns / letter.columns))
  }

  private func line(_ text: String) { Terminal.output.line(text) }

  /// A long text on lines that fit the paper.
  private func wrapped(_ text: String, indent: Int) {
    let space = String(repeating: " ", count: indent)
    var part = ""
    for letter in text {
      if (space + part).columns + String(letter).columns > Self.columns {
        line(space + part)
        part = "  "
      }
      part.append(letter)
    }
    if !part.isEmpty { line(space + part) }
  }
}
