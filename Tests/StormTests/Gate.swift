import CWeirBase
import CWeirLink
import WeirChance

/// The optical gate: pulls files from the outer unit's directory and puts them before the inner.
struct Gate {
  let pair: Pair
  var chance: Chance
  var lost = 0
  var repeated = 0
  private var nonces: [[UInt8]: [UInt8]] = [:]
  private(set) var reused = 0

  init(_ pair: Pair, seed: UInt64) {
    self.pair = pair
    chance = Chance(seed: seed)
  }

  mutating func pull() {
    for name in pair.outer.names(in: "/ferry") {
      let bytes = pair.outer.content("/ferry/" + name).bytes
      pair.outer.remove("/ferry/" + name)
      note(bytes)
      if chance.percent(lost) { continue }
      pair.inner.put(bytes, at: "/ferry/" + name)
      if chance.percent(repeated) { pair.inner.put(bytes, at: "/ferry/again-" + name) }
    }
  }

  /// What key and nonce are made of, of every datagram: never for other bytes. A file may come back
  /// into the directory, when the power goes before its removal is on the disk.
  private mutating func note(_ bytes: [UInt8]) {
    bytes.withUnsafeBufferPointer {
      var rest = weir_bytes(at: $0.baseAddress, count: $0.count)
      var reader = weir_link_file_reader()
      var datagram = weir_bytes()
      while weir_link_file_next(&reader, &rest, &datagram) == .ok {
        let head = Array(UnsafeBufferPointer(start: datagram.at, count: 52))
        let all = Array(UnsafeBufferPointer(start: datagram.at, count: datagram.count))
        if let before = nonces.updateValue(all, forKey: Array(head[4...])), before != all {
          reused += 1
        }
      }
    }
  }
}
