/// The condition of a rule as three masks.
struct Condition {
  /// Every one of these.
  var all: TermSet
  /// At least one of these; no demand when empty.
  var any: TermSet
  /// Not one of these.
  var none: TermSet

  /// Whether a set of facts and circumstances satisfies it.
  func holds(for facts: TermSet) -> Bool {
    facts.isSuperset(of: all) && facts.isDisjoint(with: none)
      && (any.isEmpty || !facts.isDisjoint(with: any))
  }

  /// Whether every set of facts that satisfies the other satisfies this one too.
  func covers(_ other: Condition) -> Bool {
    other.all.isSuperset(of: all) && other.none.isSuperset(of: none)
      && (any.isEmpty || !any.isDisjoint(with: other.all)
        || (!other.any.isEmpty && any.isSuperset(of: other.any)))
  }
}

/// Looks for a set of facts that a rule decides although other rules are tried before it.
///
/// Happy path: facts are fixed one after the other, present or absent, until the rule's condition
/// holds and none of the earlier ones can. What can go wrong: the search grows with alternatives,
/// so it has a budget of steps; a rule for which that is too small counts as reachable.
struct Reachability {
  private var earlier: [Condition]
  private var steps = 0
  private static let stepsMax = 50_000

  private init(earlier: [Condition]) {
    self.earlier = earlier
  }

  /// Whether some set of facts without any of `forbidden` is decided by the condition.
  static func canDecide(
    _ condition: Condition, after earlier: [Condition], forbidden: TermSet = []
  ) -> Bool {
    var search = Reachability(earlier: earlier)
    let absent = condition.none.union(forbidden)
    guard condition.all.isDisjoint(with: absent) else { return false }
    if condition.any.isEmpty {
      return search.canEscape(from: 0, present: condition.all, absent: absent)
    }
    for fact in condition.any.subtracting(absent).terms {
      let present = condition.all.union(fact)
      if search.canEscape(from: 0, present: present, absent: absent) { return true }
    }
    return false
  }

  /// Whether the facts left open can be chosen so that no earlier condition from an index on holds.
  private mutating func canEscape(from index: Int, present: TermSet, absent: TermSet) -> Bool {
    steps += 1
    guard index < earlier.count, steps < Self.stepsMax else { return true }
    let other = earlier[index]
    let isOut =
      !other.all.isDisjoint(with: absent) || !other.none.isDisjoint(with: present)
      || (!other.any.isEmpty && absent.isSuperset(of: other.any))
    if isOut { return canEscape(from: index + 1, present: present, absent: absent) }
    for fact in other.all.subtracting(present).terms
    where canEscape(from: index + 1, present: present, absent: absent.union(fact)) {
      return true
    }
    for fact in other.none.subtracting(absent).terms
    where canEscape(from: index + 1, present: present.union(fact), absent: absent) {
      return true
    }
    guard !other.any.isEmpty, other.any.isDisjoint(with: present) else { return false }
    return canEscape(from: index + 1, present: present, absent: absent.union(other.any))
  }
}
