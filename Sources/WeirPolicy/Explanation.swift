public import WeirModel

/// Why a decision came out as it did: the rule that won, and what each rule before it lacked.
public struct Explanation: Sendable {
  /// A rule that was tried and did not hold.
  public struct Attempt: Equatable, Sendable {
    /// The rule's name.
    public let rule: String
    /// The clause that it carries out.
    public let clause: String
    /// What it lacked, in English.
    public let lacked: String
    /// What it lacked, in Chinese.
    public let lackedChinese: String
  }

  /// The decision.
  public let decision: Decision
  /// The policy's version.
  public let version: String
  /// The rule that decided.
  public let rule: Rule
  /// The ticked facts by which the rule holds, in both languages.
  public let used: [(english: String, chinese: String)]
  /// The ticked facts that the rule did not need.
  public let unused: [(english: String, chinese: String)]
  /// The rule that held first but would have decided danger away; nil when there was none.
  public let overruled: Rule?
  /// The rules that were tried before and did not hold, in their order.
  public let tried: [Attempt]

  /// The explanation in English, a line each.
  public var english: [String] {
    var lines = ["\(rule.id), clause \(rule.clause) (\(rule.source)): \(rule.english)"]
    lines.append("by: \(Self.list(used.map(\.english), none: "nothing ticked", between: ", "))")
    if !unused.isEmpty {
      lines.append("not needed: \(unused.map(\.english).joined(separator: ", "))")
    }
    if let overruled {
      lines.append(
        "overrules \(overruled.id), clause \(overruled.clause): danger is never decided away")
    }
    return lines + tried.map { "tried \($0.rule), clause \($0.clause): \($0.lacked)" }
  }

  /// The explanation in Chinese, a line each.
  public var chinese: [String] {
    var lines = ["\(rule.id),条款\(rule.clause)(\(rule.source)):\(rule.chinese)"]
    lines.append("依据:\(Self.list(used.map(\.chinese), none: "未勾选事实", between: "、"))")
    if !unused.isEmpty {
      lines.append("未用到:\(unused.map(\.chinese).joined(separator: "、"))")
    }
    if let overruled {
      lines.append("取代\(overruled.id),条款\(overruled.clause):紧急情况不得推出")
    }
    return lines + tried.map { "已试\($0.rule),条款\($0.clause):\($0.lackedChinese)" }
  }

  private static func list(_ words: [String], none: String, between: String) -> String {
    words.isEmpty ? none : words.joined(separator: between)
  }
}

extension Policy {
  /// Decides as ``decide(_:in:)`` does and says why. Not for the path of a message: it allocates.
  public func explain(_ facts: FactSet, in circumstances: Circumstances) -> Explanation {
    let decision = decide(facts, in: circumstances)
    let winner = rules[Int(decision.rule)]
    // The danger rule stands behind all others, so what it overrules is found by trying again.
    let terms = TermSet(facts)
    let first =
      rules.prefix { $0.priority != nil }.firstIndex { rule in
        Condition(all: TermSet(rule.all), any: TermSet(rule.any), none: TermSet(rule.none))
          .holds(for: terms) && rule.when.holds(in: circumstances)
      } ?? rules.firstIndex { $0.priority == nil } ?? 0
    let overruled = rules[first] == winner ? nil : rules[first]
    let asked = overruled == nil ? winner.all.union(winner.any) : emergencies
    let used = facts.intersection(asked)
    return Explanation(
      decision: decision, version: version, rule: winner, used: used.facts.map(names(of:)),
      unused: facts.subtracting(used).facts.map(names(of:)), overruled: overruled,
      tried: rules[..<first].map { attempt($0, facts, circumstances) })
  }

  /// The facts that make a matter an emergency.
  private var emergencies: FactSet { FactSet(rawValue: tables.emergencyMask) }

  private func names(of fact: Fact) -> (english: String, chinese: String) {
    ("\(fact.name) (\(englishName(of: fact)))", name(of: fact))
  }

  private func attempt(
    _ rule: Rule, _ facts: FactSet, _ circumstances: Circumstances
  ) -> Explanation.Attempt {
    let missing = rule.all.subtracting(facts).facts
    let unwanted = rule.none.intersection(facts).facts
    var english = missing.map { "lacks \(names(of: $0).english)" }
    var chinese = missing.map { "缺“\(name(of: $0))”" }
    if !rule.any.isEmpty, rule.any.isDisjoint(with: facts) {
      let names = rule.any.facts
      english.append("lacks one of \(names.map(\.name).joined(separator: ", "))")
      chinese.append("缺下列之一:\(names.map { name(of: $0) }.joined(separator: "、"))")
    }
    english += unwanted.map { "must not have \(names(of: $0).english)" }
    chinese += unwanted.map { "不应有“\(name(of: $0))”" }
    for unmet in rule.when.unmet(in: circumstances) {
      english.append("only \(unmet.english)")
      chinese.append("仅限\(unmet.chinese)")
    }
    return Explanation.Attempt(
      rule: rule.id, clause: rule.clause, lacked: english.joined(separator: "; "),
      lackedChinese: chinese.joined(separator: ";"))
  }
}
