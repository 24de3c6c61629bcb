import CWeirBase
import CWeirLink
import CWeirSeal
import Testing
import WeirChance

@Suite("A burst of datagrams is whole although some of them are lost")
struct LinkParityTests {
  private let ring: SealRing
  private let sender: LinkSender
  private let receiver: LinkReceiver

  init() throws {
    ring = try SealRing.standard()
    sender = try LinkSender(ring, capacity: 6000, parity: true)
    receiver = try LinkReceiver(ring)
  }

  private static func record(_ crossing: UInt64, _ revision: UInt32) -> [UInt8] {
    linkRecord(crossing, revision, count: 700 + Int(crossing * 37 % 400))
  }

  /// What leaves at a moment, the heartbeat first when one is due.
  private func leaving(_ now: UInt64) -> [[UInt8]] {
    sender.beat(now)
    return sender.run(now, record: Self.record)
  }

  /// A burst of so many datagrams, a record in each, at a moment.
  private func burst(_ count: Int, from first: UInt64 = 1, lane: Int = 1, now: UInt64 = 0)
    -> [[UInt8]]
  {
    for crossing in first..<(first + UInt64(count)) { sender.offer(crossing, lane: lane, now: now) }
    return Array(leaving(now).suffix(count))
  }

  /// The datagrams that an earlier burst's parity is in.
  private func parity(_ now: UInt64) -> [[UInt8]] {
    let before = sender.counts
    let datagrams = leaving(now)
    let count = Int(sender.counts.parity - before.parity)
    #expect(sender.counts.records == before.records)
    return Array(datagrams.suffix(count))
  }

  @Test(
    "20 ms after a burst of 8 or more a third as many parity datagrams leave",
    arguments: [(1, 0), (7, 0), (8, 3), (9, 3), (10, 4), (31, 11), (32, 11), (39, 11), (40, 14)])
  func share(datagrams: Int, rows: Int) {
    #expect(burst(datagrams).count == datagrams)
    #expect(parity(19).isEmpty)
    if datagrams >= 8 { #expect(weir_link_sender_next(sender.pointer) == 20) }
    #expect((20...25).reduce(0) { $0 + parity($1).count } == rows)
    #expect(weir_link_sender_next(sender.pointer) == 60)
  }

  @Test("datagrams that leave 10 ms apart are no burst")
  func apart() {
    for crossing in UInt64(1)...20 {
      #expect(burst(1, from: crossing, now: crossing * 2).count == 1)
    }
    #expect((41...59).allSatisfy { parity($0).isEmpty })
  }

  @Test("any eight of a burst of eight and its parity are enough")
  func everyPattern() throws {
    let all = burst(8) + parity(20)
    try #require(all.count == 11)
    for pattern in 0..<(1 << 11) where pattern.nonzeroBitCount == 8 {
      let receiver = try LinkReceiver(ring)
      let here = all.indices.filter { pattern >> $0 & 1 == 1 }
      let records = receiver.records(here.map { all[$0] })
      #expect(records.map(\.crossing).sorted() == Array(1...8), "\(here)")
      #expect(records.allSatisfy { $0.record == Self.record($0.crossing, 1) })
      let counts = receiver.counts
      #expect(Int(counts.restored) == 8 - here.filter { $0 < 8 }.count)
      #expect(counts.good == counts.datagrams && counts.replayed == 0)
    }
  }

  @Test("a group of 32 lacks eleven, in any order, parity first or last", arguments: 0..<10)
  func wholeGroup(seed: UInt64) throws {
    var chance = Chance(seed: seed)
    var all = burst(32) + parity(20)
    try #require(all.count == 43)
    for _ in 0..<11 { all.remove(at: chance.below(all.count)) }
    for at in all.indices { all.swapAt(at, chance.below(all.count)) }
    #expect(receiver.records(all).map(\.crossing).sorted() == Array(1...32))
  }

  @Test("what is given back is neither come nor out of order, and its original is a replay")
  func order() throws {
    let data = burst(8)
    let rows = parity(20)
    #expect(receiver.records(Array(data[1...])).count == 7)
    #expect(receiver.records(rows).map(\.crossing) == [1])
    sender.beat(250)
    let events = receiver.take(try #require(sender.take(flush: false)), 250).events
    #expect(events.last?.received == 11 && events.last?.reordered == 0)
    #expect(receiver.take(data[0]).status == .replayed)
  }

  @Test("when too much is lost the rest stands, and copies bring what is missing")
  func tooMuch() {
    let data = burst(8)
    #expect(receiver.records(Array(data[4...]) + parity(20)).count == 4)
    #expect(receiver.counts.restored == 0 && receiver.counts.good == receiver.counts.datagrams)
    let copies = receiver.records(leaving(60), 60).map(\.crossing)
    #expect(Set(copies) == Set(1...8))
  }

  @Test("danger, and a sender that is no line, have no parity")
  func without() throws {
    _ = burst(20, lane: 0)
    #expect((20...30).allSatisfy { parity($0).isEmpty })
    let other = try LinkSender(ring)
    for crossing in UInt64(1)...20 { other.offer(crossing) }
    _ = other.run(0, record: Self.record)
    other.beat(20)
    _ = other.run(20, record: Self.record)
    #expect(other.counts.parity == 0)
  }

  @Test("parity leaves behind first sendings and before repeats")
  func wireOrder() throws {
    _ = burst(8)
    sender.beat(60)
    for crossing in UInt64(100)...101 { sender.offer(crossing, now: 60) }
    while let named = sender.due(60) {
      try #require(sender.pack(Self.record(named.crossing, named.revision), 60) == .ok)
    }
    var kinds = ""
    while true {
      let before = sender.counts.parity
      guard let datagram = sender.take(flush: true) else { break }
      let crossings = receiver.records([datagram], 60).map(\.crossing)
      let isParity = sender.counts.parity > before
      kinds += isParity ? "p" : crossings.first.map { $0 >= 100 ? "f" : "r" } ?? "?"
    }
    #expect(kinds == "ffppprrrrrrrr")
  }

  @Test("a burst that lies behind the replay window has no parity any more")
  func behindTheWindow() {
    _ = burst(8)
    _ = burst(4100, from: 100, lane: 0, now: 11)
    #expect((20...30).allSatisfy { parity($0).isEmpty })
  }

  @Test("a flood has parity for as many groups as there is room for, and room comes back")
  func flood() {
    _ = burst(3000)
    var rows = 0
    for _ in 0..<100 { rows += parity(20).count }
    #expect(rows == 11 * 32)
    for crossing in UInt64(1)...3000 { weir_link_sender_settle(sender.pointer, crossing) }
    #expect(burst(8, from: 4000, now: 100).count == 8)
    #expect(parity(120).count == 3)
  }

  // MARK: What an erring sender may send

  private func parityPlain(
    group: UInt8 = 9, k: UInt8 = 8, m: UInt8 = 3, index: UInt8, shard: [UInt8]
  ) -> [UInt8] {
    [2, 0, 0, 0, group, k, m, index, UInt8(shard.count >> 8), UInt8(shard.count & 255)] + shard
  }

  @Test("parity that does not fit its group is malformed, and changes nothing")
  func oddParity() throws {
    let shard = [UInt8](repeating: 3, count: 100)
    let rows: [(plain: [UInt8], status: weir_status)] = [
      (parityPlain(index: 0, shard: shard), .ok),
      (parityPlain(index: 0, shard: shard), .ok),  // again, under another sequence
      (parityPlain(k: 9, index: 1, shard: shard), .invalid),
      (parityPlain(m: 2, index: 1, shard: shard), .invalid),
      (parityPlain(index: 1, shard: shard + [0]), .invalid),
      (parityPlain(index: 1, shard: shard), .ok),
    ]
    for (number, row) in rows.enumerated() {
      let datagram = try linkDatagram(ring, sequence: UInt64(number) + 1, plain: row.plain)
      #expect(receiver.take(datagram).status == row.status, "\(number)")
    }
    #expect(receiver.counts.malformed == 3 && receiver.counts.restored == 0)
  }

  /// A datagram of data that stands at a place of group 9.
  private func dataPlain(_ index: UInt8, count: Int = 1) -> [UInt8] {
    var plain: [UInt8] = [1, 0, 0, 0, 9, index]
    for _ in 0..<count { plain += LinkTests.piece() }
    return plain
  }

  @Test("data that does not fit the parity over it is taken, and restores nothing")
  func oddData() throws {
    let shard = [UInt8](repeating: 3, count: 140)
    let rows: [(name: String, plains: [[UInt8]], last: weir_status)] = [
      (
        "a place behind the last",
        [dataPlain(0), dataPlain(10), parityPlain(k: 3, index: 0, shard: shard)], .invalid
      ),
      (
        "longer than the shards",
        [dataPlain(0), dataPlain(1, count: 3), parityPlain(k: 3, index: 0, shard: shard)], .invalid
      ),
      (
        "a place behind the last, parity first",
        [parityPlain(k: 3, index: 0, shard: shard), dataPlain(0), dataPlain(10)], .ok
      ),
      (
        "twice the same place",
        [dataPlain(0), dataPlain(0), parityPlain(k: 3, index: 0, shard: shard)], .ok
      ),
      (
        "one more than was needed",
        [dataPlain(0), parityPlain(k: 1, index: 0, shard: shard), dataPlain(0)], .ok
      ),
    ]
    for row in rows {
      let receiver = try LinkReceiver(ring)
      var statuses: [weir_status] = []
      for (number, plain) in row.plains.enumerated() {
        let datagram = try linkDatagram(ring, sequence: UInt64(number) + 1, plain: plain)
        statuses.append(receiver.take(datagram).status)
      }
      #expect(statuses == [.ok, .ok, row.last], "\(row.name)")
      #expect(receiver.counts.restored == 0, "\(row.name)")
      #expect(receiver.counts.records >= 2 - (row.plains[0][0] == 2 ? 0 : 1), "\(row.name)")
    }
  }

  @Test("parity in a file is passed over: what a file lost, its next copy brings")
  func inFiles() throws {
    let files = try LinkReceiver(ring, files: true)
    let all = burst(8) + parity(20)
    #expect(files.records(Array(all[1...])).map(\.crossing) == Array(2...8))
    #expect(files.counts.good == 10 && files.counts.restored == 0)
    #expect(files.take(all[0]).status == .ok)
  }

  @Test("groups of two carriers are never mixed, though they bear the same number")
  func twoStreams() throws {
    let other = try LinkSender(
      ring, SealFixture.streamID(stream: 2), capacity: 100, parity: true)
    let first = burst(8) + parity(20)
    for crossing in UInt64(101)...108 { other.offer(crossing) }
    var second = other.run(0, record: Self.record)
    other.beat(20)
    second += other.run(20, record: Self.record).suffix(3)
    try #require(first.count == 11 && second.count == 11)
    // Of each carrier two are lost; the rest comes in turns.
    let turns = (2..<11).flatMap { [first[$0], second[$0]] }
    let records = receiver.records(turns)
    #expect(records.map(\.crossing).sorted() == Array(1...8) + Array(101...108))
    #expect(records.allSatisfy { $0.record == Self.record($0.crossing, 1) })
    #expect(receiver.counts.restored == 4 && receiver.counts.malformed == 0)
  }

  @Test("what wrong parity gives back passes no check", arguments: [UInt8(0), 1, 255])
  func wrongParity(byte: UInt8) throws {
    let shard = [UInt8](repeating: byte, count: 200)
    for index in UInt8(0)..<3 {
      let plain = parityPlain(k: 3, index: index, shard: shard)
      let taken = receiver.take(try linkDatagram(ring, sequence: UInt64(index) + 1, plain: plain))
      #expect(taken.status == .ok && !taken.events.contains { $0.isKind(WEIR_LINK_RECORD) })
    }
    #expect(receiver.counts.restored == 3 && receiver.counts.malformed == 3)
    #expect(receiver.counts.good == 3)
  }

  @Test("only data is given back: neither a heartbeat nor parity over parity")
  func onlyData() throws {
    let beat: [UInt8] = [3] + [UInt8](repeating: 0, count: 38)
    let inner = parityPlain(
      group: 10, k: 1, m: 1, index: 0, shard: [UInt8](repeating: 0, count: 80))
    for (number, plain) in [beat, inner].enumerated() {
      // Over one data datagram, parity is a multiple of it: 1/(1 xor 0) = 1, the datagram itself.
      let base = UInt64(number) * 10
      let lost = try linkDatagram(ring, sequence: base + 1, plain: plain)
      let row = parityPlain(group: UInt8(20 + number), k: 1, m: 1, index: 0, shard: lost)
      let taken = receiver.take(try linkDatagram(ring, sequence: base + 2, plain: row))
      #expect(taken.status == .ok && !taken.events.contains { $0.isKind(WEIR_LINK_HEARTBEAT) })
    }
    #expect(receiver.counts.restored == 2 && receiver.counts.malformed == 2)
  }

  @Test("more places than a group has are passed over")
  func crowdedGroup() throws {
    for sequence in UInt64(1)...40 {
      let plain = [1, 0, 0, 0, 9, UInt8(sequence % 32)] + LinkTests.piece()
      #expect(receiver.take(try linkDatagram(ring, sequence: sequence, plain: plain)).status == .ok)
    }
    #expect(receiver.counts.good == 40 && receiver.counts.restored == 0)
  }

  @Test("groups that never come to an end give way to others")
  func bounded() throws {
    let datagrams = try (UInt64(1)...2000).map { sequence in
      var plain = parityPlain(index: 0, shard: [UInt8](repeating: 1, count: 100))
      plain[3] = 200
      plain[2] = UInt8(sequence >> 8)
      plain[4] = UInt8(sequence & 255)
      return try linkDatagram(
        ring, SealFixture.streamID(stream: 2), sequence: sequence, plain: plain)
    }
    for datagram in datagrams { #expect(receiver.take(datagram).status == .ok) }
    let data = burst(32)
    #expect(receiver.records(Array(data[11...]) + parity(20)).count == 32)
  }

  @Test("what longer datagrams left in a group's room is not taken for a shard's end")
  func reusedRoom() {
    for number in UInt64(0)...40 {
      let (first, now) = (number * 8 + 1, number * 100)
      for crossing in first..<(first + 8) { sender.offer(crossing, now: now) }
      sender.beat(now)
      let long = sender.run(now) { linkRecord($0, $1, count: 1250) }
      #expect(receiver.records(long, now).count == 8)
      for crossing in first..<(first + 8) { weir_link_sender_settle(sender.pointer, crossing) }
    }
    #expect(parity(4100).count == 3)
    let data = burst(32, from: 1000, now: 5000)
    #expect(receiver.records(Array(data[11...]) + parity(5020), 5020).count == 32)
  }

  @Test("neither side takes memory after it was opened")
  func memory() async {
    await #expect(processExitsWith: .success) {
      let tests = try LinkParityTests()
      var before: UInt64 = 0
      for number in UInt64(0)...300 {
        if number == 1 { before = weir_allocations() }  // a key is derived once
        let (first, now) = (number * 8 + 1, number * 100)
        let data = tests.burst(8, from: first, now: now)
        let rows = tests.parity(now + 20)
        _ = tests.receiver.records(Array(data[2...]) + rows, now + 20)
        for crossing in first..<(first + 8) {
          weir_link_sender_settle(tests.sender.pointer, crossing)
        }
      }
      precondition(weir_allocations() == before && tests.receiver.counts.restored == 602)
    }
  }

  // MARK: Under loss

  @Test("bursts over a line that loses, flips and delays are whole", arguments: [1, 5, 20])
  func lossy(percent: Int) throws {
    var chance = Chance(seed: UInt64(percent))
    var late: [[UInt8]] = []
    var held: Set<UInt64> = []
    var offered = 0
    for now in UInt64(0)...12_000 {
      if now % 100 == 0 && now < 2000 {
        for _ in 0..<40 {
          offered += 1
          sender.offer(UInt64(offered), now: now)
        }
      }
      var arriving = late
      late = []
      for datagram in leaving(now) where !chance.percent(percent) {
        var copy = datagram
        if chance.percent(percent) { copy[chance.below(copy.count)] ^= 1 }
        if chance.percent(percent) { late.append(copy) } else { arriving.append(copy) }
      }
      for event in receiver.records(arriving, now) {
        #expect(event.record == Self.record(event.crossing, event.revision))
        held.insert(event.crossing)
      }
      if now > 2000 && held.count == offered { break }
    }
    #expect(held.count == offered)
    #expect(receiver.counts.restored > 0 && receiver.counts.bad_check == 0)
  }
}
