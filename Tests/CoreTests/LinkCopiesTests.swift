import CWeirLink
import Testing

/// What the kernel refuses is no copy: the count is of what left.
@Suite struct LinkCopiesTests {
  /// Records by crossing: danger, one that fills a datagram, a long one, two that share.
  private static let records = [1: 1_300, 2: 1_300, 3: 5_000, 4: 100, 5: 100]
  private static let times: [UInt64] = [0, 60, 300]

  private let ring: SealRing
  private let sender: LinkSender

  init() throws {
    ring = try SealRing.standard()
    sender = try LinkSender(ring)
    for crossing in Self.records.keys.sorted() {
      sender.offer(UInt64(crossing), lane: crossing == 1 ? 0 : 1)
    }
  }

  /// All that is due, as the hall takes it: borrowed until the next call.
  private func round(_ now: UInt64) -> [weir_bytes] {
    sender.beat(now)
    while let due = sender.due(now) {
      let record = linkRecord(due.crossing, 1, count: Self.records[Int(due.crossing)] ?? 0)
      #expect(sender.pack(record, now) == .ok)
    }
    var datagrams: [weir_bytes] = []
    while true {
      let datagram = weir_link_sender_take(sender.pointer, true)
      if datagram.count == 0 { return datagrams }
      datagrams.append(datagram)
    }
  }

  private func copies(_ crossing: Int) throws -> weir_link_copies {
    var copies = weir_link_copies()
    try #require(weir_link_sender_copies(sender.pointer, UInt64(crossing), &copies))
    return copies
  }

  /// Datagrams that are refused, by round, and in how many tellings.
  private static let refusals: [[[Int]]] = [
    [[], [], []],
    [Array(0...7), Array(0...7), Array(0...7)],
    [Array(0...7), [], []],
    [[], [], Array(0...7)],
    [[], Array(0...7), Array(0...7)],
    [[0], [0], [0]],
    [[1], [2], [7]],
    [[3], [6], [4, 5]],
    [[3, 4], [7], [2, 3, 7]],
    [[1, 6, 7], [1, 6, 7], []],
  ]

  @Test(
    "a copy counts when what left of its datagrams would bring the record", arguments: refusals,
    [1, 2, 8])
  func refused(rounds: [[Int]], tellings: Int) throws {
    var left: [UInt64: [UInt64]] = [:]
    for (now, refused) in zip(Self.times, rounds) {
      let datagrams = round(now)
      try #require(datagrams.count >= 6)
      let gone = refused.filter { $0 < datagrams.count }
      let others = datagrams.indices.filter { !gone.contains($0) }.map { datagrams[$0] }
      let bytes = others.map { Array(UnsafeBufferPointer(start: $0.at, count: $0.count)) }
      for record in try LinkReceiver(ring).records(bytes) {
        left[record.crossing, default: []].append(now)
      }
      let size = max(1, (gone.count + tellings - 1) / tellings)
      for start in stride(from: 0, to: gone.count, by: size) {
        let told = gone[start..<min(start + size, gone.count)].map { datagrams[$0] }
        weir_link_sender_refused(sender.pointer, told, told.count)
      }
    }
    for crossing in Self.records.keys {
      let times = left[UInt64(crossing)] ?? []
      let counted = try copies(crossing)
      #expect(Int(counted.count) == times.count, "\(crossing)")
      #expect(counted.last_ms == times.last.map { 1_000_000 + Int64($0) } ?? 0, "\(crossing)")
    }
  }

  @Test("what was settled before its refusal is told changes nothing")
  func settled() throws {
    let datagrams = round(0)
    weir_link_sender_settle(sender.pointer, 2)
    weir_link_sender_refused(sender.pointer, datagrams, datagrams.count)
    #expect(try copies(1).count == 0)
    #expect(sender.due(60)?.crossing == 1, "the schedule goes on")
  }
}
