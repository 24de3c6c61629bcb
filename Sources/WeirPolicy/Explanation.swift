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
  /// The rule that decided.
  public let rule: Rule
  /// The rule that held first but would have decided danger away; nil when there was none.
  public let overruled: Rule?
  /// The rules that were tried before and did not hold, in their order.
  public let tried: [Attempt]

  /// The explanation in English, a line each.
  public var english: [String] {
    var lines = ["\(rule.id), clause \(rule.clause) (\(rule.source)): \(rule.english)"]
    if let overruled {
      lines.append(
        "overrules \(overruled.id), clause \(overruled.clause): danger is never decided away")
    }
    return lines + tried.map { "tried \($0.rule), clause \($0.clause): \($0.lacked)" }
  }

  /// The explanation in Chinese, a line each.
  public var chinese: [String] {
    var lines = ["\(rule.id),条款\(rule.clause)(\(rule.source)):\(rule.chinese)"]
    if let overruled {
      lines.append("取代\(overruled.id),条款\(overruled.clause):紧急情况不得推出")
    }
    return lines + tried.map { "已试\($0.rule),条款\($0.clause):\($0.lackedChinese)" }
  }
}

extension Policy {
  /// Decides as ``decide`` does and says why. Not for the path of a message: it allocates.
  public func explain(
    _ facts: FactSet, platform: Platform, channel: Channel, role: UnitRole, county: UInt32 = 0
  ) -> Explanation {
    let decision = decide(
      facts, platform: platform, channel: channel, role: role, county: county)
    let winner = rules[Int(decision.rule)]
    // The danger rule stands behind all others, so what it overrules is found by trying again.
    let first =
      rules.prefix { $0.priority != nil }.firstIndex {
        Condition(all: $0.all, any: $0.any, none: $0.none).holds(for: facts)
      } ?? rules.firstIndex { $0.priority == nil } ?? 0
    let tried = rules[..<first].map { attempt($0, facts) }
    return Explanation(
      decision: decision, rule: winner, overruled: rules[first] == winner ? nil : rules[first],
      tried: Array(tried))
  }

  private func attempt(_ rule: Rule, _ facts: FactSet) -> Explanation.Attempt {
    let missing = rule.all.subtracting(facts).facts
    let unwanted = rule.none.intersection(facts).facts
    var english = missing.map { "lacks \($0.name) (\(englishName(of: $0)))" }
    var chinese = missing.map { "缺“\(name(of: $0))”" }
    if !rule.any.isEmpty, rule.any.isDisjoint(with: facts) {
      let names = rule.any.facts
      english.append("lacks one of \(names.map(\.name).joined(separator: ", "))")
      chinese.append("缺下列之一:\(names.map { name(of: $0) }.joined(separator: "、"))")
    }
    english += unwanted.map { "must not have \($0.name) (\(englishName(of: $0)))" }
    chinese += unwanted.map { "不应有“\(name(of: $0))”" }
    return Explanation.Attempt(
      rule: rule.id, clause: rule.clause, lacked: english.joined(separator: "; "),
      lackedChinese: chinese.joined(separator: ";"))
  }
}
