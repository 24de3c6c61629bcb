public import WeirModel

/// Where a decision leads: what two policies must agree on to decide alike.
public struct Ending: Hashable, Sendable {
  /// Who takes the matter.
  public let owner: Owner
  /// What is done next.
  public let action: Action
  /// The clause.
  public let clause: String
  /// Whether it is an emergency.
  public let emergency: Bool
  /// Whether it is marked for the police supervision unit.
  public fileprivate(set) var supervision: Bool
  /// The number to dial, empty for none.
  public let dial: String
  /// The bodies people are guided to, in Chinese.
  public let guide: [String]

  /// 110 acts: it owns the matter or dispatches first.
  public var goesToPolice: Bool { owner == .police || action == .dispatchFirst }
}

extension Policy {
  /// Where a decision of this policy leads.
  public func ending(of decision: Decision) -> Ending {
    let rule = rules[Int(decision.rule)]
    return Ending(
      owner: decision.owner, action: decision.action, clause: rule.clause,
      emergency: decision.emergency, supervision: decision.supervision,
      dial: texts[Int(decision.dialText)], guide: rule.guide)
  }

  /// The conditions of the ranked rules, as they are tried.
  var conditions: [Condition] {
    rules.filter { $0.priority != nil }.map { rule in
      var book = tables.terms
      let asked = book.terms(of: rule.when) ?? ([], [])
      return Condition(
        all: TermSet(rule.all).union(asked.all), any: TermSet(rule.any),
        none: TermSet(rule.none).union(asked.none))
    }
  }

  /// What else makes a difference: whether it is an emergency, and whether it is marked.
  var marks: [Condition] {
    [tables.emergencyMask, tables.supervisionMask].map { mask in
      Condition(all: [], any: TermSet(FactSet(rawValue: mask)), none: [])
    }
  }
}

/// What two policies decide otherwise: every combination of facts, on every way in, in groups.
public struct PolicyDifference: Sendable {
  /// Combinations that one rule decided and another decides now.
  public struct Group: Sendable {
    /// One way in, and what becomes of the combinations there.
    public struct Way: Sendable {
      /// Where and how they come in.
      public let circumstances: Circumstances
      /// What the first policy makes of them.
      public let before: Ending
      /// What the second makes of them.
      public let after: Ending
      /// How many combinations of facts are meant.
      public fileprivate(set) var count: UInt64
    }

    /// The rule of the first policy.
    public let before: Rule
    /// The rule of the second.
    public let after: Rule
    /// The ways in on which they differ.
    public fileprivate(set) var ways: [Way]
    /// Some of the combinations, the smallest: at most three, none of which holds another.
    public fileprivate(set) var examples: [FactSet]

    /// Combinations of facts on the way in that has most.
    public var count: UInt64 { ways.map(\.count).max() ?? 0 }
    /// An emergency that went to 110 no longer does.
    public var losesPolice: Bool {
      ways.contains { $0.before.emergency && $0.before.goesToPolice && !$0.after.goesToPolice }
    }
  }

  /// The groups: first what no longer reaches 110, then the largest.
  public let groups: [Group]
  /// False when the policies tell so much apart that the search was ended early.
  public let isComplete: Bool

  /// Compares two policies.
  public init(_ before: Policy, _ after: Policy) {
    var search = Search(before: before, after: after)
    isComplete = search.run()
    groups = search.groups.sorted { one, other in
      one.losesPolice != other.losesPolice ? one.losesPolice : one.count > other.count
    }
  }
}

/// The search behind a difference.
private struct Search {
  let before: Policy
  let after: Policy
  private(set) var groups: [PolicyDifference.Group] = []
  private var indices: [[Int]: Int] = [:]

  init(before: Policy, after: Policy) {
    self.before = before
    self.after = after
  }

  /// False when it was ended early.
  mutating func run() -> Bool {
    var isComplete = true
    for kind in TermBook.kinds(of: [before.tables.terms, after.tables.terms]) {
      isComplete = compare(in: kind) && isComplete
    }
    return isComplete
  }

  private mutating func compare(in kind: Circumstances) -> Bool {
    var lists: [(conditions: [Condition], terms: TermSet)] = [before, after].map { policy in
      (policy.conditions, policy.tables.terms.terms(in: kind))
    }
    lists += (before.marks + after.marks).filter { !$0.any.isEmpty }.map { ([$0], []) }
    var parts: [Partition.Part] = []
    let isComplete = Partition.walk(lists) { parts.append($0) }
    for part in parts { note(part, in: kind) }
    return isComplete
  }

  private mutating func note(_ part: Partition.Part, in kind: Circumstances) {
    let one = before.decide(part.present, in: kind)
    let other = after.decide(part.present, in: kind)
    var (was, now) = (before.ending(of: one), after.ending(of: other))
    guard was != now else { return }
    // What is marked alike by both is told once, not twice.
    if was.supervision == now.supervision { (was.supervision, now.supervision) = (false, false) }
    let key = [Int(one.rule), Int(other.rule)]
    let index = indices[key] ?? groups.count
    if index == groups.count {
      indices[key] = index
      groups.append(
        PolicyDifference.Group(
          before: before.rules[Int(one.rule)], after: after.rules[Int(other.rule)], ways: [],
          examples: []))
    }
    let way = groups[index].ways.firstIndex {
      $0.circumstances == kind && $0.before == was && $0.after == now
    }
    if let way {
      groups[index].ways[way].count += part.count
    } else {
      groups[index].ways.append(
        PolicyDifference.Group.Way(
          circumstances: kind, before: was, after: now, count: part.count))
    }
    addExample(part.present, to: index)
  }

  private mutating func addExample(_ facts: FactSet, to index: Int) {
    var examples = groups[index].examples
    guard !examples.contains(where: { facts.isSuperset(of: $0) }) else { return }
    examples.removeAll { $0.isSuperset(of: facts) }
    examples.append(facts)
    examples.sort { ($0.facts.count, $0.rawValue) < ($1.facts.count, $1.rawValue) }
    groups[index].examples = Array(examples.prefix(3))
  }
}
