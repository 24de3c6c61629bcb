import Testing
import WeirModel
import WeirPolicy

@Suite("The embedded policy against the notice, combination by combination")
struct CombinationTests {
  static let dangers = FactSet.danger.facts
  static let scopes = Fact.allCases.filter { !FactSet.danger.has($0) }
  static let policy = Policy.embedded

  /// Every set of danger facts, the empty one too.
  static let conditions = (0..<(1 << dangers.count)).map { bits in
    FactSet(dangers.indices.filter { bits & (1 << $0) != 0 }.map { dangers[$0] })
  }

  private func check(_ facts: FactSet, _ way: Way) -> Bool {
    let decided = Verdict(Self.policy.decide(facts, way), Self.policy)
    return decided == Verdict(facts, way.platform, way.channel, way.role)
  }

  private func explainDifference(_ facts: FactSet, _ way: Way) {
    let decided = Verdict(Self.policy.decide(facts, way), Self.policy)
    let wanted = Verdict(facts, way.platform, way.channel, way.role)
    #expect(decided == wanted, "\(facts.facts) \(way)")
  }

  @Test("every scope fact with every danger condition is decided as the notice says")
  func scopesAndDangers() {
    for way in Way.all {
      for condition in Self.conditions {
        if !check(condition, way) { explainDifference(condition, way) }
        for scope in Self.scopes {
          let facts = condition.union(FactSet(scope))
          if !check(facts, way) { explainDifference(facts, way) }
        }
      }
    }
  }

  @Test("every pair of scope facts with every danger condition is decided as the notice says")
  func pairsOfScopesAndDangers() {
    let way = Way(platform: .hotline, channel: .phone, role: .outer)
    for (index, first) in Self.scopes.enumerated() {
      for second in Self.scopes[..<index] {
        for condition in Self.conditions {
          let facts = condition.union(FactSet([first, second]))
          if !check(facts, way) { explainDifference(facts, way) }
        }
      }
    }
  }

  @Test("every triple of facts, by every way in, is decided as the notice says")
  func triples() {
    let all = Fact.allCases
    for (i, first) in all.enumerated() {
      for (j, second) in all[..<i].enumerated() {
        for third in all[..<j] {
          let facts = FactSet([first, second, third])
          for way in Way.all where !check(facts, way) { explainDifference(facts, way) }
        }
      }
    }
  }

  @Test("exactly one rule decides: those before it do not hold, or danger took over")
  func oneRule() throws {
    let way = Way.all[0]
    for first in Fact.allCases {
      for second in Fact.allCases {
        for third in Fact.allCases where first.rawValue <= second.rawValue {
          let facts = FactSet([first, second, third])
          let decision = Self.policy.decide(facts, way)
          let ranked = Self.policy.rules.filter { $0.priority != nil }
          let holding = ranked.first { rule in
            facts.isSuperset(of: rule.all) && facts.isDisjoint(with: rule.none)
              && (rule.any.isEmpty || !facts.isDisjoint(with: rule.any))
          }
          let id = Self.policy.rules[Int(decision.rule)].id
          let isTaken = id == "danger.first" && facts.isDanger
          if !isTaken, id != (holding?.id ?? "unclear.nothing") {
            Issue.record("\(facts.facts) is decided by \(id)")
          }
        }
      }
    }
  }

  @Test("danger never ends at 12345 or with neither, but for a patient")
  func dangerIsNotDecidedAway() {
    for (facts, way) in everyPairAndTriple() where facts.isDanger {
      let decision = Self.policy.decide(facts, way)
      let clause = Self.policy.rules[Int(decision.rule)].clause
      let isPatient = decision.owner == .neither && clause == "四(二)3" && facts.has(.medicalOnly)
      let policeActs = decision.owner == .police || decision.action == .dispatchFirst
      if !decision.emergency || !(policeActs || isPatient) {
        Issue.record("\(facts.facts) ends as \(decision)")
      }
    }
  }

  @Test("every emergency has a number to dial and something to say")
  func emergenciesSpeak() {
    for (facts, way) in everyPairAndTriple() {
      let decision = Self.policy.decide(facts, way)
      guard decision.emergency else { continue }
      if decision.dialText == 0 || decision.sayText == 0 {
        Issue.record("\(facts.facts) is silent: \(decision)")
      }
    }
  }

  @Test("every emergency that 110 must act on has a voice leg on an outer unit")
  func emergenciesRing() {
    for (facts, way) in everyPairAndTriple() {
      let decision = Self.policy.decide(facts, way)
      let isDesk = way.platform == .police && way.channel == .phone
      guard decision.emergency, way.role == .outer, !isDesk else { continue }
      if !decision.voiceDue { Issue.record("\(facts.facts) rings nobody: \(decision)") }
    }
  }

  @Test("what belongs to 12345 or to neither never crosses, and nothing leaves an inner unit")
  func crossings() {
    for (facts, way) in everyPairAndTriple() {
      let decision = Self.policy.decide(facts, way)
      let isOurs = decision.owner == .hotline || decision.owner == .neither || way.role == .inner
      if isOurs, decision.crosses { Issue.record("\(facts.facts) crosses: \(decision)") }
    }
  }

  /// Every set of two or three facts, by every way in.
  private func everyPairAndTriple() -> [(FactSet, Way)] {
    var combinations: [(FactSet, Way)] = []
    let all = Fact.allCases
    for (i, first) in all.enumerated() {
      for (j, second) in all[...i].enumerated() {
        for third in all[...j] {
          let facts = FactSet([first, second, third])
          for way in Way.all { combinations.append((facts, way)) }
        }
      }
    }
    return combinations
  }
}
