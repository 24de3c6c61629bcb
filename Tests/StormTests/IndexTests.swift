import CWeirBase
import CWeirTables
import Testing
import WeirChance

/// The table that everything is found by: whatever was added and taken away, it says the same as a
/// plain dictionary.
@Suite("The index") struct IndexTests {
  private final class Index {
    let table: OpaquePointer
    init(_ limit: UInt64) throws { table = try #require(weir_tables_open(limit)) }
    deinit { weir_tables_close(table) }

    func values(_ key: UInt64) -> [UInt64] {
      var values = [UInt64](repeating: 0, count: 64)
      let count = weir_tables_find(table, key, &values, values.count)
      return values.prefix(count).sorted()
    }
  }

  @Test(
    "whatever is added, taken away and cleared, it knows what a dictionary knows",
    arguments: UInt64(1)...20)
  func likeADictionary(seed: UInt64) throws {
    var chance = Chance(seed: seed)
    let index = try Index(1000)
    var known: [UInt64: [UInt64]] = [:]
    var count = 0
    for step in 1...20_000 {
      // Keys lie close together, as numbers do; times of growing and of shrinking take turns.
      let key = chance.next() % 700
      let grows = step / 1500 % 2 == 0
      switch chance.next() % 1000 {
      case 0:
        weir_tables_clear(index.table)
        known = [:]
        count = 0
      case ..<(grows ? 650 : 350):
        let status = weir_tables_add(index.table, key, UInt64(step))
        #expect(status == (count < 1000 ? .ok : .full))
        if status == .ok {
          known[key, default: []].append(UInt64(step))
          count += 1
        }
      default:
        let before = index.values(key)
        let isThere = weir_tables_remove(index.table, key)
        #expect(isThere == (known[key] != nil))
        guard isThere else { continue }
        known[key] = index.values(key)
        #expect(before.count == index.values(key).count + 1)
        if known[key] == [] { known[key] = nil }
        count -= 1
      }
      #expect(index.values(key) == known[key, default: []], "seed \(seed), step \(step)")
      #expect(weir_tables_count(index.table) == count)
    }
    for key in UInt64(0)..<700 { #expect(index.values(key) == known[key, default: []]) }
  }

  @Test("an index that is cleared has nothing in any place, however it had become empty")
  func cleared() throws {
    for added in UInt64(0)...400 {
      let index = try Index(1000)
      for key in 0..<added { #expect(weir_tables_add(index.table, key, key + 1) == .ok) }
      let moves = weir_tables_moves(index.table)
      for key in 0..<added { #expect(weir_tables_remove(index.table, key)) }
      #expect(weir_tables_written(index.table) == 0 || moves, "what was moved left its mark")
      weir_tables_clear(index.table)
      #expect(weir_tables_written(index.table) == 0, "\(added) came and went")
      #expect(weir_tables_add(index.table, 1, 1) == .ok && index.values(1) == [1])
    }
  }
}
