import CWeirBase
import CWeirLink
import CWeirSeal
import Testing
import WeirChance

/// A line that drops, repeats, delays, flips and cuts, at a share of each.
private struct LossyLine {
  var chance: Chance
  let percent: Int
  private var underway: [(at: UInt64, datagram: [UInt8], damaged: Bool)] = []

  init(seed: UInt64, percent: Int) {
    chance = Chance(seed: seed)
    self.percent = percent
  }

  mutating func send(_ datagram: [UInt8], now: UInt64) {
    if chance.percent(percent) { return }
    var copy = datagram
    let damaged = chance.percent(percent)
    if damaged && chance.percent(50) {
      copy[chance.below(copy.count)] ^= 1 << UInt8(chance.below(8))
    } else if damaged {
      copy.removeLast(chance.below(copy.count) + 1)
    }
    let delay = chance.percent(percent) ? UInt64(chance.below(200)) : 0
    underway.append((now + delay, copy, damaged))
    if chance.percent(percent) {
      underway.append((now + UInt64(chance.below(300)), datagram, false))
    }
  }

  mutating func arriving(now: UInt64) -> [(datagram: [UInt8], damaged: Bool)] {
    let arrived = underway.filter { $0.at <= now }.map {
      (datagram: $0.datagram, damaged: $0.damaged)
    }
    underway.removeAll { $0.at <= now }
    return arrived
  }
}

@Suite("Whatever the line does, the receiver converges to the sender")
struct LinkLossTests {
  private static let matters = UInt64(150)

  /// Every record that a run may send, made once.
  private static func allRecords() -> [[[UInt8]]] {
    (0...matters + 1).map { crossing in
      (UInt32(0)...3).map { linkRecord(crossing, $0, count: size(crossing)) }
    }
  }

  private static func size(_ crossing: UInt64) -> Int {
    crossing % 5 == 0 ? 2000 + Int(crossing * 97 % 18_000) : 100 + Int(crossing * 131 % 1200)
  }

  @Test(
    "at any loss every matter's latest revision arrives, and nothing that was not sent",
    arguments: [0, 1, 5, 20], [UInt64(1), 2, 3])
  func convergence(percent: Int, seed: UInt64) throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring)
    let receiver = try LinkReceiver(ring)
    var line = LossyLine(seed: seed &* 1000 &+ UInt64(percent), percent: percent)
    let records = Self.allRecords()
    var offered: [UInt64: UInt32] = [:]
    var held: [UInt64: UInt32] = [:]
    var sequences: Set<[UInt8]> = []
    var tally: [weir_status: UInt64] = [:]
    var sent = 0
    var now: UInt64 = 0
    while now < 120_000 {
      if now < 3000 && now % 20 == 0 {
        let crossing = now / 20 + 1
        offered[crossing] = 1
        sender.offer(crossing, lane: Int(crossing % 4), now: now)
        let again = crossing / 2 + 1
        offered[again, default: 0] += 1
        sender.offer(again, offered[again] ?? 0, lane: Int(again % 4), now: now)
      }
      sender.beat(now)
      for datagram in sender.run(now, record: { records[Int($0)][Int($1)] }) {
        sent += 1
        sequences.insert(Array(datagram[44..<52]))
        line.send(datagram, now: now)
      }
      for (datagram, damaged) in line.arriving(now: now) {
        let taken = receiver.take(datagram, now)
        tally[taken.status, default: 0] += 1
        #expect(damaged ? taken.status != .ok : [.ok, .replayed].contains(taken.status))
        for event in taken.events where event.isKind(WEIR_LINK_RECORD) {
          let expected = records[Int(event.crossing)][Int(event.revision)]
          #expect(event.record == expected, "seed \(seed)")
          held[event.crossing] = max(held[event.crossing] ?? 0, event.revision)
        }
      }
      if now > 3000 && held == offered { break }
      now += 10
    }
    #expect(held == offered, "seed \(seed): not all after \(now) ms")
    #expect(offered.count == Int(Self.matters))
    #expect(sequences.count == sent, "a sequence was given twice, seed \(seed)")
    let counts = receiver.counts
    #expect(counts.good == tally[.ok] ?? 0 && counts.malformed == tally[.invalid] ?? 0)
    #expect(counts.forged == tally[.forged] ?? 0 && counts.replayed == tally[.replayed] ?? 0)
    #expect(counts.unknown_key == tally[.unknownKey] ?? 0)
    #expect(counts.datagrams == tally.values.reduce(0, +))
    #expect(counts.bad_check == 0)
    if percent == 0 { #expect(counts.good == counts.datagrams && now < 3100) }
  }

  @Test("of a hundred thousand wrong datagrams none is taken, and each is counted")
  func wrongDatagrams() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring)
    let receiver = try LinkReceiver(ring)
    var chance = Chance(seed: 20_261_123)
    var pool: [[UInt8]] = []
    for crossing in UInt64(1)...40 {
      sender.offer(crossing)
      pool += sender.run(0) { linkRecord($0, $1, count: Self.size($0)) }
    }
    for datagram in pool { #expect(receiver.take(datagram).status == .ok) }
    let before = receiver.counts
    var expected: [weir_status: Int] = [:]
    for number in 0..<100_000 {
      var datagram = pool[chance.below(pool.count)]
      var status = weir_status.replayed
      switch number % 5 {
      case 0:
        break  // replayed as it is
      case 1:  // a bit of the ciphertext or the tag, under a fresh sequence
        datagram[44] = 1
        datagram[52 + chance.below(datagram.count - 52)] ^= 1 << UInt8(chance.below(8))
        status = .forged
      case 2:  // cut short
        datagram.removeLast(chance.below(datagram.count) + 1)
        status = .invalid
      case 3:  // another sequence, boot or stream than it was sealed for
        datagram[[44, 16, 24, 40][chance.below(4)]] ^= 0x40
        status = .forged
      default:  // noise behind a right header
        datagram[45] = 1
        for at in 52..<datagram.count { datagram[at] = UInt8(chance.below(256)) }
        status = .forged
      }
      let taken = receiver.take(datagram, UInt64(number / 10))
      if taken.status != status || !taken.events.isEmpty {
        Issue.record("datagram \(number): \(taken.status) instead of \(status)")
        return
      }
      expected[status, default: 0] += 1
    }
    let counts = receiver.counts
    #expect(counts.good == before.good && counts.records == before.records)
    #expect(Int(counts.replayed) == expected[.replayed])
    #expect(Int(counts.forged) == expected[.forged])
    #expect(Int(counts.malformed) == expected[.invalid])
    #expect(counts.datagrams == before.datagrams + 100_000)
    // And the line still works.
    sender.offer(41)
    #expect(receiver.records(sender.run(0) { _, _ in [1] }, 99_999).count == 1)
  }

  @Test("each single bit of a datagram matters")
  func everyBit() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring)
    sender.offer(1)
    let datagram = try #require(sender.run(0) { _, _ in [1, 2, 3] }.first)
    let receiver = try LinkReceiver(ring)
    for bit in 0..<(8 * datagram.count) {
      var flipped = datagram
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      let taken = receiver.take(flipped, UInt64(bit) * 1000)
      #expect([.invalid, .forged, .unknownKey].contains(taken.status))
      #expect(taken.events.isEmpty)
    }
    #expect(receiver.counts.good == 0)
    #expect(receiver.take(datagram, 10_000_000).status == .ok)
  }

  @Test("over a long run no sequence is given twice, and heartbeats share the count")
  func sequences() throws {
    let sender = try LinkSender(try SealRing.standard(), capacity: 100)
    for crossing in UInt64(1)...100 { sender.offer(crossing, lane: Int(crossing % 4)) }
    let record = linkRecord(1, 1, count: 700)
    var last: UInt64 = 0
    for now in stride(from: UInt64(0), to: 300_000, by: 50) {
      sender.beat(now)
      for datagram in sender.run(now, record: { _, _ in record }) {
        let sequence = datagram[44..<52].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        #expect(sequence == last + 1)
        last = sequence
      }
    }
    #expect(last == sender.counts.datagrams && last > 10_000)
  }

  @Test("after a cut everything is across within one turn of the line's return")
  func healing() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring)
    let receiver = try LinkReceiver(ring)
    var held: Set<UInt64> = []
    let back = UInt64(60_000)
    for now in stride(from: UInt64(0), through: back + 1000, by: 10) {
      if now < back && now % 500 == 0 { sender.offer(now / 500 + 1, now: now) }
      let datagrams = sender.run(now) { linkRecord($0, $1, count: 600) }
      if now >= back { held.formUnion(receiver.records(datagrams, now).map(\.crossing)) }
    }
    #expect(held == Set(1...120))
  }

  @Test("a receiver that starts late, or anew with nothing, or elsewhere, catches up by itself")
  func lateReceivers() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring)
    for crossing in 1...UInt64(300) { sender.offer(crossing, lane: Int(crossing % 4)) }
    for now in stride(from: UInt64(0), through: 5000, by: 20) {
      _ = sender.run(now) { linkRecord($0, $1, count: 300) }  // nobody listens yet
    }
    // Each of these hears the sender for the first time, in the middle of what it does.
    for begin in [UInt64(5020), 6500, 9000] {
      let receiver = try LinkReceiver(ring, now: begin)
      var here: Set<UInt64> = []
      var owed: Set<UInt64> = []
      for now in stride(from: begin, through: begin + 1300, by: 20) {
        sender.beat(now)
        for datagram in sender.run(now, record: { linkRecord($0, $1, count: 300) }) {
          for event in receiver.take(datagram, now).events {
            if event.isKind(WEIR_LINK_RECORD) { here.insert(event.crossing) }
            for (at, revision) in event.index.enumerated() where revision > 0 {
              owed.insert(event.indexFirst + UInt64(at))
            }
          }
        }
      }
      #expect(here == Set(1...300), "from \(begin) ms")
      #expect(owed == Set(1...300), "the index names all of it")
      #expect(receiver.counts.bad_check == 0 && receiver.counts.forged == 0)
    }
  }
}
