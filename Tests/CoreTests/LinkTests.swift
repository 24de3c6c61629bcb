import CWeirBase
import CWeirLink
import CWeirSeal
import Testing

@Suite("The link carries the latest revision of every matter, one way")
struct LinkTests {
  @Test(
    "a record of any size crosses whole",
    arguments: [1, 100, 1000, 1400, 10_000, 65_536], [UInt32(576), 1500, 9000])
  func sizes(count: Int, mtu: UInt32) throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring, mtu: mtu)
    let receiver = try LinkReceiver(ring)
    sender.offer(5, 3, lane: 2)
    let record = linkRecord(5, 3, count: count)
    let datagrams = sender.run(0) { _, _ in record }
    #expect(datagrams.allSatisfy { $0.count <= Int(mtu) - 28 })
    let got = receiver.records(datagrams)
    try #require(got.count == 1)
    #expect(got[0].record == record)
    #expect(got[0].crossing == 5 && got[0].revision == 3 && got[0].lane == 2)
    #expect(got[0].sentMS == 1_000_000)
    // Backwards and doubled it is the same record.
    let again = try LinkReceiver(ring)
    let reversed = again.records(datagrams.reversed() + datagrams)
    #expect(reversed.map(\.record) == [record])
    #expect(Int(again.counts.replayed) == datagrams.count)
  }

  @Test("small records share a datagram, and every one comes out")
  func sharing() throws {
    let ring = try SealRing.standard()
    for (mtu, count) in [(UInt32(1500), 1), (1500, 300), (9000, 1), (576, 200)] {
      let sender = try LinkSender(ring, mtu: mtu)
      let receiver = try LinkReceiver(ring)
      for crossing in 1...UInt64(300) { sender.offer(crossing) }
      let datagrams = sender.run(0) { linkRecord($0, $1, count: count) }
      let got = receiver.records(datagrams)
      #expect(got.map(\.crossing) == Array(1...300))
      #expect(got.allSatisfy { $0.record == linkRecord($0.crossing, 1, count: count) })
      let perDatagram = (Int(mtu) - 28 - 52 - 16 - 6) / (38 + count)
      #expect(datagrams.count == (300 + perDatagram - 1) / perDatagram)
    }
  }

  @Test("a long record and short ones travel together")
  func mixedSizes() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring)
    let receiver = try LinkReceiver(ring)
    let sizes = [1, 100, 1000, 1400, 10_000, 65_536, 20, 600, 600, 3000, 5]
    for crossing in sizes.indices { sender.offer(UInt64(crossing + 1)) }
    let got = receiver.records(
      sender.run(0) { linkRecord($0, $1, count: sizes[Int($0) - 1]) })
    #expect(got.map(\.crossing) == Array(1...UInt64(sizes.count)))
    for event in got {
      #expect(event.record == linkRecord(event.crossing, 1, count: sizes[Int(event.crossing) - 1]))
    }
  }

  @Test("a half-filled datagram waits only for what is packed at once")
  func flushing() throws {
    let sender = try LinkSender(try SealRing.standard())
    sender.offer(1)
    _ = sender.due(0)
    #expect(sender.pack([1, 2, 3], 0) == .ok)
    #expect(sender.take(flush: false) == nil)
    #expect(sender.take(flush: true) != nil)
    #expect(sender.take(flush: true) == nil)
  }

  @Test("when more is packed than taken, nothing is lost and the packer is told")
  func fullRing() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring, mtu: 576)
    let receiver = try LinkReceiver(ring)
    for crossing in 1...UInt64(4) { sender.offer(crossing) }
    var datagrams: [[UInt8]] = []
    var refusals = 0
    while let named = sender.due(0) {
      let record = linkRecord(named.crossing, 1, count: 65_536)
      var status = sender.pack(record, 0)
      while status == .full {
        refusals += 1
        try datagrams.append(#require(sender.take(flush: true)))
        status = sender.pack(record, 0)
      }
      #expect(status == .ok)
    }
    while let datagram = sender.take(flush: true) { datagrams.append(datagram) }
    #expect(refusals > 0)
    #expect(receiver.records(datagrams).map(\.crossing) == [1, 2, 3, 4])
    #expect(sender.counts.records == 4)
  }

  // MARK: What the caller may ask at the wrong moment

  @Test("what is settled or superseded while its bytes are fetched is not sent")
  func changedMeanwhile() throws {
    let sender = try LinkSender(try SealRing.standard())
    sender.offer(1)
    #expect(sender.due(0)?.crossing == 1)
    weir_link_sender_settle(sender.pointer, 1)
    #expect(sender.pack([1], 0) == .again)
    sender.offer(2)
    #expect(sender.due(0)?.crossing == 2)
    sender.offer(2, 2)
    #expect(sender.pack([1], 0) == .again)
    #expect(sender.due(0)?.revision == 2)
    #expect(sender.take(flush: true) == nil)
  }

  @Test("a record that may not cross stands in nobody's way")
  func badRecords() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring)
    for crossing in 1...UInt64(3) { sender.offer(crossing) }
    _ = sender.due(0)
    #expect(sender.pack(Array(repeating: 1, count: 65_537), 0) == .tooLong)
    _ = sender.due(0)
    #expect(sender.pack([], 0) == .invalid)
    #expect(sender.due(0)?.crossing == 3)
    #expect(sender.pack([1], 0) == .ok)
    #expect(sender.due(0) == nil)
    #expect(sender.due(60)?.crossing == 1)
  }

  private static let wrongOptions: [(mtu: UInt32, capacity: UInt32, unit: String)] = [
    (575, 10, "kd1"), (9001, 10, "kd1"), (1500, 0, "kd1"), (1500, 10, ""), (1500, 10, "k-1"),
  ]

  @Test("options out of range are refused", arguments: wrongOptions.indices)
  func refusedOptions(index: Int) throws {
    let (mtu, capacity, unit) = Self.wrongOptions[index]
    let ring = try SealRing.standard()
    var options = weir_link_sender_options(
      id: SealFixture.streamID(unit: unit), keys: ring.pointer, mtu: mtu, capacity: capacity,
      rate: 0, turn_ms: 0, now_ms: 0, parity: false)
    var out: OpaquePointer?
    #expect(weir_link_sender_open(&options, &out) == .invalid)
    #expect(out == nil)
  }

  @Test("a full table says so, and a settled matter makes room")
  func capacity() throws {
    let sender = try LinkSender(try SealRing.standard(), capacity: 3)
    for crossing in 1...UInt64(3) { #expect(sender.offer(crossing) == .ok) }
    #expect(sender.offer(4) == .full)
    #expect(sender.offer(3, 2) == .ok)
    weir_link_sender_settle(sender.pointer, 2)
    weir_link_sender_settle(sender.pointer, 2)
    #expect(sender.counts.unsettled == 2)
    #expect(sender.offer(4) == .ok)
    #expect(sender.offer(5) == .full)
  }

  // MARK: Heartbeats

  @Test("a heartbeat leaves every quarter of a second, before anything else")
  func heartbeats() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring, now: 1000)
    let receiver = try LinkReceiver(ring)
    #expect(weir_link_sender_next(sender.pointer) == 1000)
    sender.offer(9, now: 1000)
    var datagrams = sender.run(1000) { linkRecord($0, $1, count: 10) }
    sender.offer(10, now: 1000)
    _ = sender.due(1000)
    _ = sender.pack([1], 1000)
    sender.beat(1000, danger: 3)
    sender.beat(1249, danger: 4)
    let beat = try #require(sender.take(flush: true))
    datagrams.append(beat)
    let events = datagrams.flatMap { receiver.take($0).events }
    let last = try #require(events.last)
    #expect(last.isKind(WEIR_LINK_HEARTBEAT))
    #expect(last.crossing == 10 && last.openDanger == 3 && last.sentMS == 1_001_000)
    #expect(sender.take(flush: true) != nil)
    sender.beat(1250)
    #expect(sender.take(flush: false) != nil)
    #expect(sender.counts.heartbeats == 2)
    sender.beat(9999)
    #expect(sender.counts.heartbeats == 3)
    sender.beat(10_000)
    #expect(sender.counts.heartbeats == 3)
  }

  // MARK: What an erring sender may send

  /// One whole record of the byte 1: crossing 1, revision 1, phone.
  static func piece(_ change: (inout [UInt8]) -> Void = { _ in }) -> [UInt8] {
    var bytes: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0]
    bytes += [UInt8](repeating: 0, count: 8) + linkCheck([1])
    bytes += [0, 0, 0, 1, 0, 1, 0, 0, 1]
    change(&bytes)
    return bytes
  }

  /// A heartbeat that says nothing, with an index page of `revisions` from crossing 1 on.
  private static func beat(_ revisions: [UInt8] = [], first: UInt8? = nil, count: Int? = nil)
    -> [UInt8]
  {
    let entries = count ?? revisions.count
    let first = first ?? (entries == 0 ? 0 : 1)
    return [3] + Array(repeating: 0, count: 35) + [
      first, UInt8(entries >> 8), UInt8(entries & 255),
    ]
      + revisions
  }

  /// The beginning of a data datagram that belongs to no group of parity.
  private static let data: [UInt8] = [1, 0, 0, 0, 0, 0]

  /// The first of three parity datagrams over eight.
  private static func parity(bytes: Int = 80, _ change: (inout [UInt8]) -> Void = { _ in })
    -> [UInt8]
  {
    var plain: [UInt8] = [2, 0, 0, 0, 9, 8, 3, 0, 0, UInt8(bytes)]
    plain += [UInt8](repeating: 5, count: bytes)
    change(&plain)
    return plain
  }

  private static let plaintexts: [(name: String, plain: [UInt8], status: weir_status, good: Int)] =
    [
      ("a whole record", data + piece(), .ok, 1),
      ("two records", data + piece() + piece(), .ok, 2),
      ("no piece", data, .invalid, 0),
      ("cut within the group", [1, 0, 0], .invalid, 0),
      ("a place in no group", [1, 0, 0, 0, 0, 1] + piece(), .invalid, 0),
      ("a place beyond the largest group", [1, 0, 0, 0, 9, 32] + piece(), .invalid, 0),
      ("a place in a group", [1, 0, 0, 0, 9, 31] + piece(), .ok, 1),
      ("unknown type", [9, 1, 2], .invalid, 0),
      ("type zero", [0], .invalid, 0),
      ("parity of nothing", [2, 1, 2, 3], .invalid, 0),
      ("parity", parity(), .ok, 0),
      ("parity of no group", parity { $0[4] = 0 }, .invalid, 0),
      ("parity over no data", parity { $0[5] = 0 }, .invalid, 0),
      ("parity over 33", parity { $0[5] = 33 }, .invalid, 0),
      ("one of twelve parities", parity { $0[6] = 12 }, .invalid, 0),
      ("parity beyond its count", parity { $0[7] = 3 }, .invalid, 0),
      ("parity of another size than it says", parity { $0[9] += 1 }, .invalid, 0),
      ("parity too short for a datagram", parity(bytes: 68), .invalid, 0),
      ("shorter than a piece's header", data + piece().prefix(20), .invalid, 0),
      ("crossing zero", data + piece { $0[7] = 0 }, .invalid, 0),
      ("revision zero", data + piece { $0[11] = 0 }, .invalid, 0),
      ("lane four", data + piece { $0[12] = 4 }, .invalid, 0),
      ("the zero byte", data + piece { $0[13] = 1 }, .invalid, 0),
      ("record of no bytes", data + piece { $0[33] = 0 }, .invalid, 0),
      ("record over the limit", data + piece { $0[31] = 1 }, .invalid, 0),
      ("piece size zero", data + piece { $0[35] = 0 }, .invalid, 0),
      ("more than 256 pieces", data + piece { $0[32] = 2 }, .invalid, 0),
      ("index outside", data + piece { $0[37] = 1 }, .invalid, 0),
      ("cut short", data + piece { $0.removeLast() }, .invalid, 0),
      ("a good one, then rubbish", data + piece() + [0], .invalid, 1),
      ("a wrong check", data + piece { $0[22] ^= 1 }, .ok, 0),
      ("a heartbeat", beat(), .ok, 0),
      ("a heartbeat with an index page", beat([1, 2]), .ok, 0),
      ("a heartbeat with the longest page", beat(Array(repeating: 5, count: 256)), .ok, 0),
      ("a heartbeat with a page too long", beat(Array(repeating: 5, count: 257)), .invalid, 0),
      ("a heartbeat with a page cut short", beat([1], count: 2), .invalid, 0),
      ("a heartbeat with a page and more", beat([1, 2, 3], count: 2), .invalid, 0),
      ("a heartbeat with a page of nowhere", beat([1], first: 0), .invalid, 0),
      ("a heartbeat with a first but no page", beat([], first: 1), .invalid, 0),
      ("a heartbeat with a page at the end", beat([1]).replacing(29..<37), .invalid, 0),
      ("a heartbeat with the highest revision", beat([255, 255, 255, 255, 15], count: 1), .ok, 0),
      (
        "a heartbeat with a revision beyond", beat([128, 128, 128, 128, 16], count: 1), .invalid, 0
      ),
      ("a short heartbeat", beat().dropLast(), .invalid, 0),
    ]

  @Test("behind the seal, too, every rule is checked", arguments: plaintexts.indices)
  func behindTheSeal(index: Int) throws {
    let row = Self.plaintexts[index]
    let ring = try SealRing.standard()
    let receiver = try LinkReceiver(ring)
    let taken = receiver.take(try linkDatagram(ring, sequence: 1, plain: row.plain))
    #expect(taken.status == row.status, "\(row.name)")
    let records = taken.events.filter { $0.isKind(WEIR_LINK_RECORD) }
    #expect(records.count == row.good, "\(row.name)")
    #expect(receiver.counts.malformed == (row.status == .invalid ? 1 : 0))
    #expect(receiver.counts.bad_check == (row.name == "a wrong check" ? 1 : 0))
  }

  @Test("no datagram is longer than the longest, or shorter than its header and tag")
  func lengths() throws {
    let ring = try SealRing.standard()
    let receiver = try LinkReceiver(ring)
    var good = try linkDatagram(ring, sequence: 1, plain: Self.data + Self.piece())
    for count in [0, 1, 52, 68, Int(WEIR_DATAGRAM_MAX) + 1, 65_535] {
      let bytes = Array((good + [UInt8](repeating: 0, count: 65_535))[..<count])
      #expect(receiver.take(bytes).status == .invalid, "\(count)")
    }
    #expect(receiver.counts.malformed == 6)
    good += [0]
    #expect(receiver.take(good).status == .invalid, "another length than it says")
    #expect(receiver.take(good.dropLast()).status == .ok)
  }

  @Test("a long record whose bytes are not those that were sent is counted and dropped")
  func badCheckOfPieces() throws {
    let ring = try SealRing.standard()
    let receiver = try LinkReceiver(ring)
    for (sequence, index) in [(UInt64(1), UInt8(0)), (2, 1)] {
      let piece = Self.piece { bytes in
        bytes[32] = 2  // 513 bytes in pieces of 512
        bytes[34] = 2
        bytes[35] = 0
        bytes[37] = index
        if index == 0 { bytes += [UInt8](repeating: 7, count: 511) }
      }
      let taken = receiver.take(
        try linkDatagram(ring, sequence: sequence, plain: Self.data + piece))
      #expect(taken.status == .ok)
      #expect(!taken.events.contains { $0.isKind(WEIR_LINK_RECORD) })
    }
    #expect(receiver.counts.bad_check == 1)
    #expect(receiver.counts.good == 2)
  }

  @Test("records that are never finished give way, the least recently touched first")
  func eviction() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring)
    let receiver = try LinkReceiver(ring)
    let assemblies = UInt64(WEIR_LINK_ASSEMBLIES)
    var tails: [UInt64: [UInt8]] = [:]
    for crossing in 1...(assemblies + 1) {
      sender.offer(crossing)
      let datagrams = sender.run(0) { linkRecord($0, $1, count: 2000) }
      try #require(datagrams.count == 2)
      #expect(receiver.records([datagrams[0]]).isEmpty)
      tails[crossing] = datagrams[1]
    }
    #expect(receiver.counts.evicted == 1)
    for crossing in 2...(assemblies + 1) {
      #expect(receiver.records([try #require(tails[crossing])]).map(\.crossing) == [crossing])
    }
    #expect(receiver.records([try #require(tails[1])]).isEmpty)
    #expect(receiver.counts.evicted == 1)
  }

  @Test("one datagram may finish a record in every slot, and the next one still finds room")
  func manyFinishedAtOnce() throws {
    let ring = try SealRing.standard()
    let receiver = try LinkReceiver(ring)
    let slots = UInt8(WEIR_LINK_ASSEMBLIES)
    let check = linkCheck([UInt8](repeating: 7, count: 257))
    func half(_ crossing: UInt8, _ index: UInt8) -> [UInt8] {
      Self.piece { bytes in
        bytes[7] = crossing
        for at in 0..<8 { bytes[22 + at] = check[at] }
        bytes[32] = 1  // 257 bytes in pieces of 256
        bytes[34] = 1
        bytes[35] = 0
        bytes[37] = index
        bytes.removeLast()
        bytes += [UInt8](repeating: 7, count: index == 0 ? 256 : 1)
      }
    }
    for crossing in 1...slots {
      _ = receiver.take(
        try linkDatagram(ring, sequence: UInt64(crossing), plain: Self.data + half(crossing, 0)))
    }
    var plain = Self.data
    for crossing in 1...slots { plain += half(crossing, 1) }
    plain += half(slots + 1, 0)
    let got = receiver.records([try linkDatagram(ring, sequence: 100, plain: plain)])
    #expect(got.map(\.crossing) == (1...slots).map(UInt64.init))
    #expect(got.allSatisfy { $0.record == [UInt8](repeating: 7, count: 257) })
    #expect(receiver.counts.evicted == 1)
    for (sequence, index) in [(UInt64(101), UInt8(0)), (102, 1)] {
      let one = try linkDatagram(
        ring, sequence: sequence, plain: Self.data + half(slots + 2, index))
      #expect(receiver.records([one]).count == Int(index))
    }
  }
}

extension [UInt8] {
  /// These bytes with the largest number in a range of them.
  fileprivate func replacing(_ range: Range<Int>) -> [UInt8] {
    enumerated().map { range.contains($0.offset) ? 255 : $0.element }
  }
}
