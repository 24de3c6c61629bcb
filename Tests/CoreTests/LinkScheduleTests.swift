import CWeirBase
import CWeirLink
import CWeirSeal
import Testing

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
    "a revision leaves at 0, 60, 300 and 1,200 ms, then once a second",
    arguments: [UInt64(0), 1, 86_400_000])
  func times(offered: UInt64) throws {
    let sender = try LinkSender(try SealRing.standard(), now: offered)
    sender.offer(1, now: offered)
    let sent = sendings(sender, times: offered...(offered + 4300)).map { $0 - offered }
    #expect(sent == [0, 60, 300, 1200, 2200, 3200, 4200])
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
        if repeated { return [lane == 0 ? 1 : 5, -order] }
        return [lane == 0 ? 0 : lane + 1, order]
      }
    }
    var entries: [UInt64: Entry] = [:]
    private var offers = 0

    mutating func offer(_ crossing: UInt64, _ revision: UInt32, lane: Int, _ now: UInt64) {
      if let old = entries[crossing], old.revision >= revision { return }
      offers += 1
      entries[crossing] = Entry(
        crossing: crossing, revision: revision, lane: lane, offered: now, order: offers, due: now)
    }

    func due(_ now: UInt64) -> Entry? {
      entries.values.filter { $0.due <= now }.min { $0.rank.lexicographicallyPrecedes($1.rank) }
    }

    mutating func sent(_ crossing: UInt64, _ now: UInt64) {
      guard var entry = entries[crossing] else { return }
      entry.repeated = true
      let after: [UInt64] = [0, 60, 300, 1200]
      repeat {
        entry.step = min(entry.step + 1, 4)
      } while entry.step < 4 && entry.offered + after[entry.step] <= now
      if entry.step < 4 {
        entry.due = entry.offered + after[entry.step]
      } else {
        entry.due += 1000
        if entry.due < now + 500 { entry.due = now + 1000 }
      }
      entries[crossing] = entry
    }
  }

  @Test(
    "offers, settlings and sendings in any order agree with a plain list",
    arguments: [UInt64(1), 2, 3, 4])
  func againstAPlainList(seed: UInt64) throws {
    var chance = LinkChance(seed: seed)
    let sender = try LinkSender(try SealRing.standard(), capacity: 200)
    var plain = PlainSchedule()
    var now: UInt64 = 0
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
        #expect(named?.crossing == expected?.crossing, "seed \(seed)")
        #expect(named?.revision == expected?.revision, "seed \(seed)")
        guard let named else { continue }
        #expect(sender.pack([1], now) == .ok)
        plain.sent(named.crossing, now)
        while sender.take(flush: false) != nil {}
      }
      #expect(sender.counts.unsettled == UInt64(plain.entries.count), "seed \(seed)")
    }
  }

  // MARK: Copies

  @Test("copies are counted over revisions and over restarts, and first sendings stay first")
  func copies() throws {
    let sender = try LinkSender(try SealRing.standard())
    func copies(_ crossing: UInt64) -> (UInt32, Int64)? {
      var count: UInt32 = 0
      var last: Int64 = 0
      let known = weir_link_sender_copies(sender.pointer, crossing, &count, &last)
      return known ? (count, last) : nil
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
    weir_link_sender_restore_copies(sender.pointer, 2, 40, 999_000, 990_000)
    weir_link_sender_restore_copies(sender.pointer, 77, 40, 999_000, 990_000)
    #expect(sender.due(100)?.crossing == 3)
    #expect(sender.pack([1], 100) == .ok)
    #expect(sender.due(100)?.crossing == 2)
    #expect(sender.pack([1], 100) == .ok)
    #expect(try #require(copies(2)) == (41, 1_000_100))
  }

  @Test("what an earlier run sent first keeps the time of its first sending")
  func restoredFirstSending() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring)
    let receiver = try LinkReceiver(ring)
    sender.offer(2)
    weir_link_sender_restore_copies(sender.pointer, 2, 40, 999_000, 990_000)
    #expect(receiver.records(sender.run(0) { _, _ in [1] }).map(\.sentMS) == [990_000])
    #expect(receiver.records(sender.run(60) { _, _ in [1] }).map(\.sentMS) == [990_000])
    sender.offer(2, 2, now: 70)
    #expect(receiver.records(sender.run(70) { _, _ in [1] }).map(\.sentMS) == [1_000_070])
  }
}
