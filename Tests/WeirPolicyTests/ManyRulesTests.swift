import Testing
import WeirChance
import WeirModel

@testable import WeirPolicy

@Suite("A policy of many rules")
struct ManyRulesTests {
  /// The embedded policy with rules of every shape before its own.
  private func source(rules count: Int, _ chance: inout Chance) -> String {
    let later = Policy.embeddedSource.replacing(#/priority: (\d+)/#) { found in
      "priority: 9\(found.1)"
    }
    var rules = ""
    for index in 1...count {
      let facts = Fact.allCases.shuffled(using: &chance).map(\.name)
      // Most wait for several facts; a few for one of many, so that the rules behind are reached.
      let all = facts[..<(index % 5 == 0 ? 0 : Int.random(in: 2...4, using: &chance))]
      let any = facts[4..<(all.isEmpty ? 6 : Int.random(in: 4...7, using: &chance))]
      let none = facts[7..<(all.isEmpty ? 11 : Int.random(in: 7...9, using: &chance))]
      rules += "  - { id: x\(index), priority: \(index), owner: \"110\", clause: 二, zh: 例, en: one,"
      rules += " all: [\(all.joined(separator: ", "))], any: [\(any.joined(separator: ", "))],"
      rules += " none: [\(none.joined(separator: ", "))] }\n"
    }
    return later.replacing("\nrules:\n", with: "\nrules:\n" + rules)
  }

  @Test("decides as one that tries every rule in turn", arguments: [3, 4, 5, 6, 7, 10])
  func inTurn(_ seed: UInt64) throws {
    var chance = Chance(seed: seed)
    let yaml = source(rules: 25, &chance)
    let policy = try Policy(yaml: yaml, file: "many.yaml")
    let ranked = policy.rules.filter { $0.priority != nil }
    for _ in 0..<3_000 {
      let word = UInt32.random(in: 0..<(1 << 29), using: &chance)
      // Few facts are usual; many are tried too.
      let mask =
        Bool.random(using: &chance)
        ? UInt32.max : UInt32.random(in: 0..<(1 << 29), using: &chance)
      let facts = FactSet(rawValue: word & mask)
      let holding = ranked.first { rule in
        facts.isSuperset(of: rule.all) && facts.isDisjoint(with: rule.none)
          && (rule.any.isEmpty || !facts.isDisjoint(with: rule.any))
      }
      let decided = policy.rules[Int(policy.decide(facts, Way.all[0]).rule)]
      let isTaken = decided.id == "danger.first" && facts.isDanger
      if !isTaken, decided.id != (holding?.id ?? "unclear.nothing") {
        Issue.record("\(facts.facts) is decided by \(decided.id)")
      }
    }
  }

  @Test("is refused when it says more than can be numbered: each county, each neighbouring fact")
  func tooManyTexts() {
    let counties = (0..<170).map { "\(520_000 + $0)" }
    let numbers = counties.map { code in
      "  n\(code): { digits: \"\(code)\", spoken: \"\(code)\", call: \"110\", zh: 报警 }\n"
    }
    let places = counties.map { "  \"\($0)\": { zh: 某县, en: One, number: n\($0) }\n" }
    func refusal(besides facts: [Fact]) -> String? {
      let besides = facts.map { "  - { fact: \($0.name), zh: 另有\($0.name), bo: \"\" }\n" }
      let source = Policy.embeddedSource
        .replacing("\nnumbers:\n", with: "\nnumbers:\n" + numbers.joined())
        .replacing("\ncounties:\n", with: "\ncounties:\n" + places.joined())
        .replacing("\nbeside:\n", with: "\nbeside:\n" + besides.joined())
        .replacing("请本台", with: "请本台({police})")
      do throws(PolicyError) {
        _ = try Policy(yaml: source, file: "wide.yaml")
        return nil
      } catch {
        return "\(error)"
      }
    }
    #expect(refusal(besides: []) == nil)
    let told = refusal(besides: [.crime, .dangerToLife])
    #expect(told == "wide.yaml:1:1: error: one text too many: at most 65535")
  }

  @Test("calls a rule unreachable exactly when no set of facts leads to it")
  func reach() {
    var chance = Chance(seed: 38)
    let facts = Array(Fact.allCases.prefix(6))
    let sets = (UInt32(0)..<64).map { TermSet(FactSet(rawValue: $0)) }
    var unreachable = 0
    for _ in 0..<3_000 {
      let conditions = (0..<6).map { _ in
        let order = facts.shuffled(using: &chance)
        let parts = [0, 1, 2].map { _ in Int.random(in: 0...2, using: &chance) }
        return Condition(
          all: TermSet(FactSet(Array(order[..<parts[0]]))),
          any: TermSet(FactSet(Array(order[2..<(2 + parts[1])]))),
          none: TermSet(FactSet(Array(order[4..<(4 + parts[2])]))))
      }
      let earlier = Array(conditions.dropLast())
      let last = conditions[5]
      let forbidden = TermSet(FactSet(facts.randomElement(using: &chance) ?? .crime))
      let isReached = sets.contains { set in
        set.isDisjoint(with: forbidden) && last.holds(for: set)
          && !earlier.contains { $0.holds(for: set) }
      }
      #expect(Reachability.canDecide(last, after: earlier, forbidden: forbidden) == isReached)
      unreachable += isReached ? 0 : 1
      for condition in earlier where condition.covers(last) {
        #expect(sets.allSatisfy { !last.holds(for: $0) || condition.holds(for: $0) })
      }
    }
    #expect(100...2_900 ~= unreachable)
  }

  @Test("may have two thousand rules, not more")
  func limit() {
    var rules = ""
    for index in 1...1_972 {
      rules += "  - { id: x\(index), priority: \(index + 9_000), owner: \"110\", clause: 二, zh: 例,"
      rules += " en: one, all: [crime] }\n"
    }
    let source = Policy.embeddedSource.replacing("\nrules:\n", with: "\nrules:\n" + rules)
    let error = #expect(throws: PolicyError.self) { try Policy(yaml: source, file: "many.yaml") }
    #expect(error?.problems.contains { $0.message == "one rule too many: at most 2000" } == true)
  }
}
