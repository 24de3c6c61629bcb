import CWeirBase
import CWeirFec
import Testing
import WeirChance

/// Arithmetic of GF(2^8) done slowly: polynomials over two elements modulo 0x11d.
private enum SlowField {
  static func product(_ left: UInt8, _ right: UInt8) -> UInt8 {
    var sum: UInt16 = 0
    for bit in 0..<8 where right >> bit & 1 == 1 { sum ^= UInt16(left) << bit }
    for bit in stride(from: 14, through: 8, by: -1) where sum >> bit & 1 == 1 {
      sum ^= 0x11d << UInt16(bit - 8)
    }
    return UInt8(sum)
  }

  static func inverse(_ element: UInt8) -> UInt8 {
    (1...255).first { product($0, element) == 1 } ?? 0
  }

  /// Parity shard `index` over `data`, by the definition in the header.
  static func parity(_ data: [[UInt8]], _ index: Int) -> [UInt8] {
    var shard = [UInt8](repeating: 0, count: data[0].count)
    for (column, bytes) in data.enumerated() {
      let factor = inverse(UInt8((data.count + index) ^ column))
      for at in shard.indices { shard[at] ^= product(factor, bytes[at]) }
    }
    return shard
  }
}

@Suite("Any k of the k+m shards give back the data")
struct FecTests {
  /// Memory for shards, lent to C as pointers.
  private final class Shards {
    let pointers: [UnsafeMutablePointer<UInt8>?]
    let count: Int

    init(_ shards: [[UInt8]]) {
      count = shards.first?.count ?? 0
      pointers = shards.map { shard in
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: shard.count)
        for (at, byte) in shard.enumerated() { memory[at] = byte }
        return memory
      }
    }

    deinit { for pointer in pointers { pointer?.deallocate() } }

    subscript(index: Int) -> [UInt8] {
      Array(UnsafeBufferPointer(start: pointers[index], count: count))
    }
  }

  private static func empty(_ count: Int, bytes: Int) -> Shards {
    Shards(Array(repeating: Array(repeating: 0xee, count: bytes), count: count))
  }

  private static func data(_ k: Int, bytes: Int, seed: UInt64) -> [[UInt8]] {
    (0..<k).map { linkRecord(UInt64($0) + seed, 1, count: bytes) }
  }

  private static func encode(_ data: [[UInt8]], _ m: Int) -> [[UInt8]] {
    let source = Shards(data)
    let target = empty(m, bytes: data[0].count)
    let status = weir_fec_encode(
      source.pointers, UInt32(data.count), data[0].count, target.pointers, UInt32(m))
    #expect(status == .ok)
    return (0..<m).map { target[$0] }
  }

  /// Restores every data row that is not among `rows`.
  private static func restore(_ all: [[UInt8]], k: Int, rows: [Int]) -> [Int: [UInt8]] {
    let here = Shards(rows.map { all[$0] })
    let missing = (0..<k).filter { !rows.contains($0) }
    let target = empty(missing.count, bytes: all[0].count)
    let status = lend(rows, missing, here, target) { loss in weir_fec_restore(&loss) }
    #expect(status == .ok)
    return Dictionary(uniqueKeysWithValues: missing.enumerated().map { ($1, target[$0]) })
  }

  private static func lend(
    _ rows: [Int], _ missing: [Int], _ here: Shards, _ target: Shards,
    _ body: (inout weir_fec_loss) -> weir_status
  ) -> weir_status {
    let (rowBytes, missingBytes) = (rows.map(UInt8.init), missing.map(UInt8.init))
    return here.pointers.withUnsafeBufferPointer { shards in
      target.pointers.withUnsafeBufferPointer { targets in
        rowBytes.withUnsafeBufferPointer { rows in
          missingBytes.withUnsafeBufferPointer { missing in
            var loss = weir_fec_loss(
              k: UInt32(rows.count), bytes: here.count, shards: shards.baseAddress,
              rows: rows.baseAddress, missing: targets.baseAddress,
              missing_rows: missing.baseAddress, missing_count: UInt32(missing.count))
            return body(&loss)
          }
        }
      }
    }
  }

  @Test("parity is what the slow arithmetic says", arguments: [1, 2, 7, 8, 31, 32])
  func oracle(k: Int) {
    for bytes in [1, 15, 32, 33, 200] {
      let data = Self.data(k, bytes: bytes, seed: 40)
      let parity = Self.encode(data, 5)
      for index in 0..<5 { #expect(parity[index] == SlowField.parity(data, index)) }
    }
  }

  @Test("every erasure of few shards is undone")
  func everyErasure() {
    for k in 1...6 {
      for m in 1...4 {
        let data = Self.data(k, bytes: 33, seed: UInt64(k * 10 + m))
        let all = data + Self.encode(data, m)
        for pattern in 0..<(1 << (k + m)) where pattern.nonzeroBitCount == k {
          let rows = (0..<(k + m)).filter { pattern >> $0 & 1 == 1 }
          // Their order says nothing.
          for (row, shard) in Self.restore(all, k: k, rows: rows.reversed()) {
            #expect(shard == data[row], "k \(k), m \(m), pattern \(pattern)")
          }
        }
      }
    }
  }

  @Test("of a whole group any eleven may be gone", arguments: 0..<20)
  func wholeGroup(seed: UInt64) {
    var chance = Chance(seed: seed)
    let data = Self.data(32, bytes: 1394, seed: seed)
    let all = data + Self.encode(data, 11)
    var rows = Array(0..<43)
    for _ in 0..<11 { rows.remove(at: chance.below(rows.count)) }
    for (row, shard) in Self.restore(all, k: 32, rows: rows) { #expect(shard == data[row]) }
  }

  @Test("counts and sizes out of range are refused, and nothing is written")
  func refusals() {
    let data = Shards(Self.data(33, bytes: 8, seed: 1))
    let target = Self.empty(33, bytes: 8)
    for (k, bytes, m) in [(0, 8, 1), (33, 8, 1), (8, 0, 1), (8, 8, 0), (8, 8, 33)] {
      let status = weir_fec_encode(data.pointers, UInt32(k), bytes, target.pointers, UInt32(m))
      #expect(status == .invalid, "\(k) \(bytes) \(m)")
    }
    let wrong: [(rows: [Int], missing: [Int])] = [
      ([], [0]), ([0, 0], [1]), ([0, 34], [1]), ([0, 2], [2]), ([2, 3], [0, 1, 0]),
      (Array(0...32), [0]),
    ]
    for (rows, missing) in wrong {
      let status = Self.lend(rows, missing, data, target) { weir_fec_restore(&$0) }
      #expect(status == .invalid, "\(rows) \(missing)")
    }
    let whole = Self.lend([1, 0], [], data, target) { weir_fec_restore(&$0) }
    #expect(whole == .ok)
    for index in 0..<33 { #expect(target[index] == [UInt8](repeating: 0xee, count: 8)) }
  }
}
