import Testing
import WeirModel

@testable import WeirPolicy

@Suite("Every combination of facts there is")
struct ExhaustiveTests {
  private static let all = UInt64(1) << UInt64(Fact.allCases.count)

  /// The parts of every combination that a policy tells apart, in the given circumstances; each
  /// with the rule that decides it by its place among all.
  private func parts(of policy: Policy, in kind: Circumstances) -> [Partition.Part] {
    var parts: [Partition.Part] = []
    let terms = policy.tables.terms.terms(in: kind)
    let lists = [(conditions: policy.conditions, terms: terms)] + policy.marks.map { ([$0], []) }
    #expect(Partition.walk(lists) { parts.append($0) })
    return parts
  }

  /// Some combinations of a part: the fewest facts, the most, and some between.
  private func samples(of part: Partition.Part) -> [FactSet] {
    let most = FactSet(Fact.allCases).subtracting(part.absent)
    let open = most.subtracting(part.present)
    let some = [0x1555_5555, 0x0AAA_AAAA, 0x1333_3333, 0x0F0F_0F0F, 0x1248_1248].map {
      part.present.union(open.intersection(FactSet(rawValue: $0)))
    }
    return [part.present, most] + some
  }

  @Test("belongs to exactly one part, and exactly one rule decides it")
  func oneRule() {
    let policy = Policy.embedded
    for kind in TermBook.kinds(of: [policy.tables.terms]) {
      let parts = parts(of: policy, in: kind)
      #expect(parts.reduce(0) { $0 + $1.count } == Self.all, "no gap and no overlap")
      for part in parts {
        #expect(part.present.isDisjoint(with: part.absent))
        let emergency = part.firsts[1] != nil
        var rule = part.firsts[0] ?? policy.tables.fallback
        if emergency, policy.tables.yields[rule] { rule = policy.tables.dangerRule }
        for facts in samples(of: part) {
          let decision = policy.decide(facts, in: kind)
          #expect(Int(decision.rule) == rule, "\(facts.facts)")
          #expect(decision.supervision == (part.firsts[2] != nil))
        }
      }
    }
  }

  @Test("with danger ends at 110, at a number for emergencies, or with 110 dispatching first")
  func danger() {
    let policy = Policy.embedded
    for kind in TermBook.kinds(of: [policy.tables.terms]) {
      for part in parts(of: policy, in: kind) where part.firsts[1] != nil {
        for facts in samples(of: part) {
          let decision = policy.decide(facts, in: kind)
          let ending = policy.ending(of: decision)
          let isGuided =
            ending.action == .explainAndGuide && ["119", "120", "122"].contains(ending.dial)
          #expect(ending.emergency)
          #expect(ending.goesToPolice || isGuided, "\(facts.facts): \(ending)")
          #expect(decision.dialText != 0)
          #expect(decision.sayText != 0)
          #expect(ending.action != .adviseRedial12345)
          #expect(ending.action != .acceptHere || kind.platform == .police)
        }
      }
    }
  }

  @Test("is decided as the notice says, worked out from its text")
  func notice() {
    let policy = Policy.embedded
    for kind in TermBook.kinds(of: [policy.tables.terms]) {
      for part in parts(of: policy, in: kind) {
        for facts in samples(of: part) {
          let decided = Verdict(policy.decide(facts, in: kind), policy)
          let wanted = Verdict(facts, kind.platform, kind.channel, kind.role)
          #expect(decided == wanted, "\(facts.facts) \(kind)")
        }
      }
    }
  }

  @Test("is walked the same where rules ask about circumstances")
  func circumstances() throws {
    let rules = """

      rules:
        - { id: n, priority: 1, any: [traffic, fire], none: [crime],
            when: { hours: "22:00-06:00" }, owner: "110", clause: 二, zh: 例, en: one }
        - { id: o, priority: 2, all: [military, crime], owner: unclear, clause: 五, zh: 例,
            en: one, when: { unit: overloaded, county: ["513301"] } }

      """
    let source = Policy.embeddedSource.replacing("\nrules:\n", with: rules)
    let policy = try Policy(yaml: source, file: "own.yaml")
    let kinds = TermBook.kinds(of: [policy.tables.terms])
    #expect(kinds.count == 5 * 3 * 2 * 2)
    for kind in kinds {
      let parts = parts(of: policy, in: kind)
      #expect(parts.reduce(0) { $0 + $1.count } == Self.all)
      for part in parts {
        var rule = part.firsts[0] ?? policy.tables.fallback
        if part.firsts[1] != nil, policy.tables.yields[rule] { rule = policy.tables.dangerRule }
        #expect(Int(policy.decide(part.present, in: kind).rule) == rule)
      }
    }
  }
}

@Suite("What two policies decide otherwise")
struct DifferenceTests {
  private func changed(_ old: String, _ new: String) throws -> Policy {
    #expect(Policy.embeddedSource.ranges(of: old).count == 1)
    return try Policy(yaml: Policy.embeddedSource.replacing(old, with: new), file: "own.yaml")
  }

  @Test("a policy and itself, or one of another version: nothing")
  func same() throws {
    let other = try changed("garze-2022-38/1", "garze-2022-38/2")
    let difference = PolicyDifference(.embedded, other)
    #expect(difference.groups.isEmpty)
    #expect(difference.isComplete)
  }

  @Test("every combination that differs is in a group, and no other")
  func counted() throws {
    let other = try changed(
      "- id: police.fire\n    priority: 240\n    all: [fire]\n    owner: \"110\"",
      "- id: police.fire\n    priority: 240\n    all: [fire]\n    owner: \"12345\"")
    let difference = PolicyDifference(.embedded, other)
    #expect(difference.groups.map(\.after.id) == ["danger.first", "police.fire"])
    #expect(difference.groups.map(\.losesPolice) == [false, false])
    #expect(difference.groups.last?.examples == [FactSet(.fire)])
    // Chance finds what differs as often as the groups say: one in 2^29 / count.
    let count = difference.groups.reduce(0) { $0 + $1.count }
    let before = FactSet([.crime, .publicOrder, .massIncident, .responsibilityUnclear])
    #expect(count == UInt64(1) << UInt64(Fact.allCases.count - 1 - before.facts.count))
  }

  @Test("an emergency that no longer reaches 110 comes first")
  func losesPolice() throws {
    let other = try changed(
      "all: [dangerToLife, medicalOnly]\n    owner: neither",
      "all: [dangerToLife]\n    any: [medicalOnly, military]\n    owner: neither")
    let difference = PolicyDifference(.embedded, other)
    #expect(difference.groups.first?.losesPolice == true)
    #expect(difference.groups.first?.before.id == "help.life")
    #expect(difference.groups.first?.examples.first == FactSet([.dangerToLife, .military]))
  }

  @Test("what differs at night only is told for the night only")
  func night() throws {
    let other = try changed(
      "- id: accept.request\n    priority: 630\n    all: [nonUrgentRequest]\n    owner: \"12345\"",
      """
      - id: accept.night
          priority: 629
          all: [nonUrgentRequest]
          when: { hours: "22:00-06:00" }
          owner: unclear
          clause: 五
          zh: 夜间协商
          en: talks at night
        - id: accept.request
          priority: 630
          all: [nonUrgentRequest]
          owner: "12345"
      """)
    let groups = PolicyDifference(.embedded, other).groups
    #expect(groups.map(\.after.id) == ["accept.night"])
    let minutes = groups[0].ways.map { Day.local($0.circumstances.receivedAt).minute }
    #expect(Set(minutes) == [0])
    #expect(groups[0].ways.count == 5 * 3)
  }
}
