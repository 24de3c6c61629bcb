import CWeirBase
import CWeirLink
import CWeirSeal
import Testing
import WeirChance

@Suite("Copies leave when the schedule says, in the order of what matters")
struct LinkScheduleTests {
  /// Sends whatever is due at each of `times`, and says when each copy left.
  private func sendings(_ sender: LinkSender, times: some Sequence<UInt64>) -> [UInt64] {
    times.flatMap { now in
      var sent: [UInt64] = []
      while sender.due(now) != nil {
        #expect(sender.pack([1], now) == .ok)
        sent.append(now)
        while sender.take(flush: true) != nil {}
      }
      return sent
    }
  }

  @Test(
    "a revision leaves at 0, 60, 300 and 1,200 ms, then once a second, danger four times a second",
    arguments: [UInt64(0), 1, 86_400_000])
  func times(offered: UInt64) throws {
    let sender = try LinkSender(try SealRing.standard(), now: offered)
    sender.offer(1, now: offered)
    let sent = sendings(sender, times: offered...(offered + 4300)).map { $0 - offered }
    #expect(sent == [0, 60, 300, 1200, 2200, 3200, 4200])
    let danger = try LinkSender(try SealRing.standard(), now: offered)
    danger.offer(1, lane: 0, now: offered)
    let often = sendings(danger, times: offered...(offered + 2300)).map { $0 - offered }
    #expect(often == [0, 60, 300, 1200, 1450, 1700, 1950, 2200])
  }

  @Test("what `next` says is when the next copy is due")
  func nextTime() throws {
    let sender = try LinkSender(try SealRing.standard())
    sender.beat(0)
    #expect(sender.take(flush: true) != nil)
    #expect(weir_link_sender_next(sender.pointer) == 250)
    sender.offer(1, now: 10)
    #expect(weir_link_sender_next(sender.pointer) == 10)
    _ = sender.due(10)
    #expect(weir_link_sender_next(sender.pointer) == 10)
    #expect(sender.pack([1], 10) == .ok)
    #expect(weir_link_sender_next(sender.pointer) == 70)
    #expect(sender.due(69) == nil)
    _ = sender.due(70)
    weir_link_sender_skip(sender.pointer, 70)
    #expect(weir_link_sender_next(sender.pointer) == 250)
  }

  /// When the sender looks only at `looks`, copies leave at `sent`: never two close together to
  /// make up for what was missed.
  private static let lateLooks: [(looks: [UInt64], sent: [UInt64])] = [
    ([100, 300, 301, 1200], [100, 300, 1200]),
    ([500, 501, 1199, 1200], [500, 1200]),
    ([5000, 5001, 5999, 6000], [5000, 6000]),
    ([0, 60, 300, 1200, 2210, 3200], [0, 60, 300, 1200, 2210, 3200]),
    ([0, 60, 300, 1200, 2900, 3200, 3900], [0, 60, 300, 1200, 2900, 3900]),
  ]

  @Test(
    "a sender that was held up leaves out the times that passed", arguments: lateLooks.indices)
  func heldUp(index: Int) throws {
    let row = Self.lateLooks[index]
    let sender = try LinkSender(try SealRing.standard())
    sender.offer(1)
    #expect(sendings(sender, times: row.looks) == row.sent)
  }

  @Test("a higher revision begins anew; a lower or equal one changes nothing")
  func revisions() throws {
    let sender = try LinkSender(try SealRing.standard())
    sender.offer(1, 2)
    #expect(sendings(sender, times: UInt64(0)...100) == [0, 60])
    sender.offer(1, 1, now: 100)
    sender.offer(1, 2, now: 100)
    #expect(sendings(sender, times: UInt64(101)...299).isEmpty)
    sender.offer(1, 3, now: 310)
    #expect(sendings(sender, times: UInt64(310)...1600) == [310, 370, 610, 1510])
    weir_link_sender_settle(sender.pointer, 1)
    #expect(sendings(sender, times: UInt64(1601)...4000).isEmpty)
    #expect(sender.counts.unsettled == 0)
  }

  @Test("danger first, then its repeats, then new matters by lane, then repeats, newest first")
  func order() throws {
    let sender = try LinkSender(try SealRing.standard())
    // Sent once already, in this order, and due again at 60.
    for (crossing, lane) in [(UInt64(1), 0), (2, 1), (3, 3), (4, 0), (5, 2)] {
      sender.offer(crossing, lane: lane)
    }
    #expect(sendings(sender, times: [0]).count == 5)
    // New.
    for (crossing, lane) in [
      (UInt64(10), 3), (11, 2), (12, 1), (13, 0), (14, 3), (15, 2), (16, 1), (17, 0),
    ] {
      sender.offer(crossing, lane: lane, now: 60)
    }
    var sent: [UInt64] = []
    while let named = sender.due(60) {
      sent.append(named.crossing)
      #expect(sender.pack([1], 60) == .ok)
    }
    #expect(sent == [13, 17, 4, 1, 12, 16, 11, 15, 10, 14, 5, 3, 2])
  }

  @Test(
    "with a rate of their own repeats keep to it, first sendings leave at once, and nobody spins",
    arguments: [0, 1])
  func boundedRepeats(lane: Int) throws {
    let rate = UInt64(100_000), backlog = UInt64(500), seconds = UInt64(20)
    let sender = try LinkSender(try SealRing.standard())
    weir_link_sender_bound_repeats(sender.pointer, rate)
    for crossing in 1...backlog { sender.offer(crossing, lane: lane) }
    let record = [UInt8](repeating: 7, count: 600)
    var visits: [UInt64: Int] = [:]
    var repeats = 0
    for now in 0..<seconds * 1000 {
      // A new matter each 100 ms, and what it costs is no matter: it leaves in its millisecond.
      let new = now % 100 == 99 ? backlog + 1 + now / 100 : nil
      if let new { sender.offer(new, lane: 3, now: now) }
      var sent: [UInt64] = []
      while let named = sender.due(now) {
        sent.append(named.crossing)
        #expect(sender.pack(record, now) == .ok)
        while sender.take(flush: true) != nil {}
      }
      if let new { #expect(sent.contains(new), "at \(now) ms") }
      for crossing in sent { visits[crossing, default: 0] += 1 }
      if now > 0 { repeats += sent.count { $0 != new } }
      sender.beat(now)
      #expect(weir_link_sender_next(sender.pointer) > now)
    }
    let bytes = UInt64(repeats * 600)
    #expect(bytes > rate * seconds / 2)
    #expect(bytes < rate * seconds)
    #expect((1...backlog).allSatisfy { visits[$0, default: 0] > 1 }, "each is visited again")
  }

  @Test("a line that danger's copies alone would fill still carries the first sendings behind them")
  func dangerYields() throws {
    // New danger a hundred times a second, four copies each: more than the line carries.
    let rate = UInt64(250_000), waiting = UInt64(2000)
    let sender = try LinkSender(try SealRing.standard(), capacity: 8000, rate: rate)
    for crossing in 1...waiting { sender.offer(crossing, lane: 1) }
    let record = [UInt8](repeating: 7, count: 700)
    var left = Set(1...waiting)
    var copies = 0
    var sent = UInt64(0)
    var lastMs: UInt64 = 0
    for now in UInt64(0)..<30_000 where !left.isEmpty {
      let new = now % 10 == 0 ? waiting + 1 + now / 10 : nil
      if let new { sender.offer(new, lane: 0, now: now) }
      while sent < rate * now / 1000, let named = sender.due(now) {
        #expect(sender.pack(record, now) == .ok)
        while let datagram = sender.take(flush: true) { sent += UInt64(datagram.count) }
        if named.crossing > waiting { copies += 1 } else { left.remove(named.crossing) }
      }
      lastMs = now
    }
    #expect(left.isEmpty, "\(left.count) never left")
    #expect((10_000..<26_000).contains(lastMs), "the last left at \(lastMs) ms")
    #expect(copies > Int(lastMs) / 10 * 2, "danger was repeated too: \(copies) copies")
  }

  @Test("danger offered amid a backlog is the next to leave")
  func overtaking() throws {
    let sender = try LinkSender(try SealRing.standard())
    for crossing in 1...UInt64(500) { sender.offer(crossing, lane: Int(crossing % 3) + 1) }
    for _ in 0..<10 {
      _ = sender.due(0)
      #expect(sender.pack([1], 0) == .ok)
    }
    sender.offer(501, lane: 0)
    #expect(sender.due(0)?.crossing == 501)
  }

  @Test("a hundred thousand unsettled matters: each turn visits all, once, newest first")
  func manyUnsettled() throws {
    let count = UInt64(100_000)
    let sender = try LinkSender(try SealRing.standard(), capacity: UInt32(count))
    for crossing in 1...count { sender.offer(crossing) }
    let record: [UInt8] = [1]
    for now in [UInt64(0), 60, 300, 1200, 2200] {
      var sent: [UInt64] = []
      while let named = sender.due(now) {
        sent.append(named.crossing)
        guard sender.pack(record, now) == .ok else { break }
        while weir_link_sender_take(sender.pointer, false).count > 0 {}
      }
      #expect(sent.count == Int(count))
      // Compared apart: a report of the difference of two such lists would take minutes.
      let inOrder = sent == (now == 0 ? Array(1...count) : (1...count).reversed())
      #expect(inOrder, "at \(now) ms")
    }
    for crossing in stride(from: 1, through: count, by: 2) {
      weir_link_sender_settle(sender.pointer, crossing)
    }
    #expect(sender.counts.unsettled == count / 2)
    #expect(sender.due(3200)?.crossing == count)
  }

  /// What the schedule must do, in the plainest words: a list, searched from end to end.
  private struct PlainSchedule {
    struct Entry {
      let crossing: UInt64
      let revision: UInt32
      let lane: Int
      let offered: UInt64
      let order: Int
      var due: UInt64
      var step = 0
      var repeated = false

      /// What leaves first has the least rank: its class, then its order within it.
      var rank: [Int] {
        if repeated {
          let span = step < 4 ? 0 : 1 + (Int(due) >> (lane == 0 ? 8 : 10))
          return [lane == 0 ? 1 : 5, span, -order]
        }
        return [lane == 0 ? 0 : lane + 1, 0, order]
      }
    }
    var entries: [UInt64: Entry] = [:]
    private var offers = 0
    /// By so many sendings danger's repeats are ahead of first sendings of others.
    private(set) var ahead = 0

    mutating func offer(_ crossing: UInt64, _ revision: UInt32, lane: Int, _ now: UInt64) {
      if let old = entries[crossing], old.revision >= revision { return }
      offers += 1
      entries[crossing] = Entry(
        crossing: crossing, revision: revision, lane: lane, offered: now, order: offers, due: now)
    }

    /// Has it waited about as long as anything? The share of the oldest may go to it.
    func isAmongOldest(_ crossing: UInt64, _ now: UInt64) -> Bool {
      guard let due = entries[crossing]?.due, due <= now else { return false }
      return entries.values.allSatisfy { $0.due + 1024 > due }
    }

    func due(_ now: UInt64) -> Entry? {
      entries.values.filter { $0.due <= now }.min { $0.rank.lexicographicallyPrecedes($1.rank) }
    }

    /// The first sending behind danger that is next, whatever danger has to repeat.
    func firstOfOthers(_ now: UInt64) -> Entry? {
      entries.values.filter { $0.due <= now && !$0.repeated && $0.lane > 0 }
        .min { $0.rank.lexicographicallyPrecedes($1.rank) }
    }

    mutating func sent(_ crossing: UInt64, _ now: UInt64) {
      guard var entry = entries[crossing] else { return }
      if entry.lane == 0, entry.repeated {
        ahead = firstOfOthers(now) == nil ? 0 : ahead + 1
      } else if entry.lane > 0, !entry.repeated {
        ahead = max(0, ahead - 1)
      }
      entry.repeated = true
      let after: [UInt64] = [0, 60, 300, 1200]
      repeat {
        entry.step = min(entry.step + 1, 4)
      } while entry.step < 4 && entry.offered + after[entry.step] <= now
      if entry.step < 4 {
        entry.due = entry.offered + after[entry.step]
      } else {
        let turn: UInt64 = entry.lane == 0 ? 250 : 1000
        entry.due += turn
        if entry.due < now + turn / 2 { entry.due = now + turn }
      }
      entries[crossing] = entry
    }
  }

  @Test(
    "offers, settlings and sendings in any order agree with a plain list",
    arguments: [UInt64(1), 2, 3, 4])
  func againstAPlainList(seed: UInt64) throws {
    var chance = Chance(seed: seed)
    let sender = try LinkSender(try SealRing.standard(), capacity: 200)
    var plain = PlainSchedule()
    var now: UInt64 = 0
    var oldest = 0
    var yielded = 0
    var packed = 0
    for _ in 0..<10_000 {
      let crossing = UInt64(chance.below(300) + 1)
      switch chance.below(10) {
      case 0..<4:
        let revision = UInt32(chance.below(5) + 1)
        let lane = chance.below(4)
        let status = sender.offer(crossing, revision, lane: lane, now: now)
        let full = plain.entries[crossing] == nil && plain.entries.count == 200
        #expect(status == (full ? .full : .ok), "seed \(seed)")
        if !full { plain.offer(crossing, revision, lane: lane, now) }
      case 4:
        weir_link_sender_settle(sender.pointer, crossing)
        plain.entries[crossing] = nil
      case 5:
        now += UInt64(chance.below(400))
      default:
        let expected = plain.due(now)
        let named = sender.due(now)
        guard let named, let expected else {
          #expect(named == nil && expected == nil, "seed \(seed)")
          continue
        }
        // A record takes 42 to 48 bytes here: 64 KiB are some 1,450 of them.
        if named.crossing != expected.crossing, plain.ahead > 1300, expected.lane == 0,
          named.crossing == plain.firstOfOthers(now)?.crossing
        {
          yielded += 1
        } else if named.crossing != expected.crossing {
          oldest += 1
          #expect(plain.isAmongOldest(named.crossing, now), "seed \(seed)")
        }
        #expect(named.revision == plain.entries[named.crossing]?.revision, "seed \(seed)")
        packed += 45
        #expect(sender.pack([1], now) == .ok)
        plain.sent(named.crossing, now)
        while sender.take(flush: false) != nil {}
      }
      #expect(sender.counts.unsettled == UInt64(plain.entries.count), "seed \(seed)")
      #expect(plain.ahead < 1600, "seed \(seed)")
    }
    #expect(yielded > 0, "seed \(seed)")
    #expect(oldest > 0 && oldest <= packed / 20 / 45 + 1, "seed \(seed): \(oldest) of \(packed)")
  }

  // MARK: A line with a rate

  /// Plays a sender on a line of `rate` bytes a second and says, for each copy, when it left.
  private func play(
    _ sender: LinkSender, rate: UInt64, from begin: UInt64, to end: UInt64, recordBytes: Int,
    each: (UInt64) -> Void = { _ in }, sent: (UInt64, UInt64) -> Void
  ) {
    let record = [UInt8](repeating: 1, count: recordBytes)
    var budget = 0.0
    for now in begin..<end {
      each(now)
      budget = min(budget + Double(rate) / 1000, Double(rate) / 500 + 1500)
      while budget > 0 {
        if let named = sender.due(now) {
          sent(named.crossing, now)
          guard sender.pack(record, now) == .ok else { return }
        }
        var taken = 0
        while let datagram = sender.take(flush: sender.due(now) == nil) {
          taken += datagram.count + Int(WEIR_LINK_AROUND_IPV4)
        }
        budget -= Double(taken)
        if taken == 0 && sender.due(now) == nil { break }
      }
    }
  }

  @Test("however little the line carries, a turn visits all before any of them again")
  func fullTurns() throws {
    let rate = UInt64(250_000)  // 2 Mbit/s
    let sender = try LinkSender(try SealRing.standard(), capacity: 5000, rate: rate)
    for crossing in 1...UInt64(2000) { sender.offer(crossing) }
    var visits: [UInt64: [UInt64]] = [:]
    play(sender, rate: rate, from: 0, to: 40_000, recordBytes: 600) { crossing, now in
      visits[crossing, default: []].append(now)
    }
    // 2,000 copies take 5.6 s: that long is a turn, and no record waits for two.
    #expect(visits.count == 2000)
    let gaps = visits.values.flatMap { zip($0, $0.dropFirst()).map { $1 - $0 } }
    #expect(try #require(gaps.max()) < 9000)
    #expect(try #require(visits.values.map(\.count).min()) >= 6)
  }

  @Test("danger heals within two seconds beside a backlog that takes a turn of many")
  func dangerTurns() throws {
    let rate = UInt64(1_250_000)  // 10 Mbit/s
    let sender = try LinkSender(try SealRing.standard(), capacity: 40_000, rate: rate)
    for crossing in 1...UInt64(36_000) { sender.offer(crossing, lane: crossing % 100 == 0 ? 0 : 2) }
    var visits: [UInt64: [UInt64]] = [:]
    play(sender, rate: rate, from: 0, to: 90_000, recordBytes: 600) { crossing, now in
      if now > 40_000 { visits[crossing, default: []].append(now) }
    }
    #expect(visits.count == 36_000, "each was visited within a turn of 24 s, and more")
    let danger = visits.filter { $0.key % 100 == 0 }.values
    let gaps = danger.flatMap { zip($0, $0.dropFirst()).map { $1 - $0 } }
    #expect(try #require(gaps.max()) <= 2100)
    let others = visits.filter { $0.key % 100 != 0 }.values
    let waits = others.flatMap { zip($0, $0.dropFirst()).map { $1 - $0 } }
    #expect(try #require(waits.max()) < 27_000)
  }

  @Test("first sendings are never given up for repeats; the oldest gets a twentieth")
  func firstBeforeRepeats() throws {
    let rate = UInt64(250_000)
    let sender = try LinkSender(try SealRing.standard(), capacity: 40_000, rate: rate)
    var crossing: UInt64 = 0
    for _ in 0..<500 {  // a backlog of the last lane, sent once
      crossing += 1
      sender.offer(crossing, lane: 3)
    }
    while sender.due(0) != nil {
      #expect(sender.pack([1], 0) == .ok)
      while sender.take(flush: true) != nil {}
    }
    // More new phone matters than the line carries: 400 a second, where 357 fit.
    var offered: [UInt64: UInt64] = [:]
    var firsts: Set<UInt64> = []
    var repeats = 0
    var copies = 0
    play(
      sender, rate: rate, from: 1, to: 10_000, recordBytes: 600,
      each: { now in
        guard now % 5 < 2 else { return }
        crossing += 1
        offered[crossing] = now
        sender.offer(crossing, lane: 1, now: now)
      },
      sent: { crossing, _ in
        copies += 1
        if crossing <= 500 || !firsts.insert(crossing).inserted { repeats += 1 }
      })
    let share = Double(repeats) / Double(copies)
    #expect(share > 0.03 && share < 0.07, "\(repeats) of \(copies)")
  }

  @Test("danger overtakes what was packed before it, however long")
  func overtakesPacked() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring)
    let receiver = try LinkReceiver(ring)
    sender.offer(1, lane: 3)
    _ = sender.due(0)
    #expect(sender.pack([UInt8](repeating: 1, count: 60_000), 0) == .ok)
    #expect(sender.take(flush: false) != nil)
    #expect(weir_link_sender_packed(sender.pointer) > 50_000)
    sender.offer(2, lane: 0)
    _ = sender.due(0)
    #expect(sender.pack([7], 0) == .ok)
    let next = try #require(sender.take(flush: false))
    #expect(receiver.records([next]).map(\.crossing) == [2])
    while sender.take(flush: true) != nil {}
    #expect(weir_link_sender_packed(sender.pointer) == 0)
  }

  // MARK: Copies

  /// What an earlier run says of revision 1.
  private func restore(_ sender: LinkSender, _ crossing: UInt64) {
    var copies = weir_link_copies(count: 40, revision: 1, first_ms: 990_000, last_ms: 999_000)
    weir_link_sender_restore_copies(sender.pointer, crossing, &copies)
  }

  @Test("copies are counted over revisions and over restarts, and the order stays")
  func copies() throws {
    let sender = try LinkSender(try SealRing.standard())
    func copies(_ crossing: UInt64) -> (UInt32, Int64)? {
      var copies = weir_link_copies()
      let known = weir_link_sender_copies(sender.pointer, crossing, &copies)
      return known ? (copies.count, copies.last_ms) : nil
    }
    #expect(copies(1) == nil)
    sender.offer(1)
    #expect(try #require(copies(1)) == (0, 0))
    #expect(sendings(sender, times: [0, 60]) == [0, 60])
    #expect(try #require(copies(1)) == (2, 1_000_060))
    sender.offer(1, 2, now: 70)
    #expect(sendings(sender, times: [70]) == [70])
    #expect(try #require(copies(1)) == (3, 1_000_070))
    weir_link_sender_settle(sender.pointer, 1)
    #expect(copies(1) == nil)

    sender.offer(2, now: 100)
    sender.offer(3, now: 100)
    restore(sender, 2)
    restore(sender, 77)
    #expect(sender.due(100)?.crossing == 2)
    #expect(sender.pack([1], 100) == .ok)
    #expect(sender.due(100)?.crossing == 3)
    #expect(sender.pack([1], 100) == .ok)
    #expect(try #require(copies(2)) == (41, 1_000_100))
  }

  @Test("what an earlier run sent first keeps the time of its first sending")
  func restoredFirstSending() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring)
    let receiver = try LinkReceiver(ring)
    sender.offer(2)
    restore(sender, 2)
    #expect(receiver.records(sender.run(0) { _, _ in [1] }).map(\.sentMS) == [990_000])
    #expect(receiver.records(sender.run(60) { _, _ in [1] }).map(\.sentMS) == [990_000])
    sender.offer(2, 2, now: 70)
    restore(sender, 2)  // it speaks of an earlier revision
    #expect(receiver.records(sender.run(70) { _, _ in [1] }).map(\.sentMS) == [1_000_070])
  }
}
