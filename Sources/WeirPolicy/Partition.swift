internal import WeirModel

/// Every combination of facts, in the parts that a list of conditions tells apart.
///
/// The conditions are walked in order; at each one the facts that it asks about and that are still
/// open are fixed, present or absent, one after the other. So the parts do not overlap, together
/// they are all combinations, and their number grows with what the conditions tell apart, not
/// with the combinations. What can go wrong: conditions that ask about many facts at once make too
/// many parts; then the walk ends early and says so.
struct Partition {
  /// Combinations that hold the facts of `present`, none of `absent`, and any of the rest.
  struct Part {
    let present: FactSet
    let absent: FactSet
    /// The first condition that holds, in each of the lists; nil where none does.
    let firsts: [Int?]

    /// How many combinations it stands for.
    var count: UInt64 {
      let open = Fact.allCases.count - present.facts.count - absent.facts.count
      return 1 << UInt64(open)
    }
  }

  private let lists: [[Condition]]
  private let partsMax: Int
  private let visit: (Part) -> Void
  private var parts = 0

  /// Walks the combinations.
  ///
  /// - Parameters:
  ///   - lists: one or more lists of conditions, each with what holds of circumstances; of each
  ///     list the first condition that holds counts.
  ///   - partsMax: most parts.
  ///   - visit: called with every part.
  /// - Returns: whether all were visited.
  static func walk(
    _ lists: [(conditions: [Condition], terms: TermSet)], partsMax: Int = 500_000,
    visit: (Part) -> Void
  ) -> Bool {
    withoutActuallyEscaping(visit) { visit in
      // What circumstances settle is settled beforehand; what they rule out never holds.
      let fixed = lists.map { list in
        list.conditions.map { condition in
          let asked = condition.all.union(condition.none).subtracting(facts)
          let holds = list.terms.intersection(asked) == condition.all.subtracting(facts)
          return holds ? condition : never
        }
      }
      var walk = Partition(lists: fixed, partsMax: partsMax, visit: visit)
      return walk.go(list: 0, index: 0, present: [], absent: [], firsts: [])
    }
  }

  private static let facts = TermSet(FactSet(Fact.allCases))
  /// A condition that nothing satisfies.
  private static let never = Condition(
    all: TermSet(FactSet(.crime)), any: [], none: TermSet(FactSet(.crime)))

  private init(lists: [[Condition]], partsMax: Int, visit: @escaping (Part) -> Void) {
    self.lists = lists
    self.partsMax = partsMax
    self.visit = visit
  }

  private mutating func go(
    list: Int, index: Int, present: FactSet, absent: FactSet, firsts: [Int?]
  ) -> Bool {
    guard list < lists.count else {
      parts += 1
      guard parts <= partsMax else { return false }
      visit(Part(present: present, absent: absent, firsts: firsts))
      return true
    }
    var index = index
    while index < lists[list].count {
      let condition = lists[list][index]
      let all = condition.all.facts
      let none = condition.none.facts
      let any = condition.any.facts
      let isOut =
        !all.isDisjoint(with: absent) || !none.isDisjoint(with: present)
        || !all.isDisjoint(with: none) || (!any.isEmpty && absent.isSuperset(of: any))
      if isOut {
        index += 1
        continue
      }
      let isMet = any.isEmpty || !any.isDisjoint(with: present)
      let asked = all.union(none).union(isMet ? [] : any).subtracting(present.union(absent))
      guard asked.rawValue != 0 else {
        return go(
          list: list + 1, index: 0, present: present, absent: absent, firsts: firsts + [index])
      }
      // One open fact is fixed both ways; the same condition is then looked at again.
      let fact = FactSet(rawValue: asked.rawValue & ~(asked.rawValue - 1))
      return go(
        list: list, index: index, present: present, absent: absent.union(fact), firsts: firsts)
        && go(
          list: list, index: index, present: present.union(fact), absent: absent, firsts: firsts)
    }
    return go(list: list + 1, index: 0, present: present, absent: absent, firsts: firsts + [nil])
  }
}
