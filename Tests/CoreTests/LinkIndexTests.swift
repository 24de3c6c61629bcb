import CWeirBase
import CWeirLink
import CWeirSeal
import Testing

@Suite("Heartbeats say which revisions were sent, so that what is missing has a number")
struct LinkIndexTests {
  /// One heartbeat's datagrams.
  private func beat(_ sender: LinkSender, _ now: UInt64) -> [[UInt8]] {
    sender.beat(now)
    var datagrams: [[UInt8]] = []
    while let datagram = sender.take(flush: true) { datagrams.append(datagram) }
    return datagrams
  }

  /// What heartbeats say of each crossing.
  private func index(_ receiver: LinkReceiver, _ datagrams: [[UInt8]]) -> [UInt64: UInt32] {
    var known: [UInt64: UInt32] = [:]
    for event in datagrams.flatMap({ receiver.take($0).events }) {
      for (at, revision) in event.index.enumerated() where revision > 0 {
        known[event.indexFirst + UInt64(at)] = revision
      }
    }
    return known
  }

  @Test("only what was sent and not settled is owed, under the revision that left last")
  func owed() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring)
    let receiver = try LinkReceiver(ring)
    #expect(index(receiver, beat(sender, 0)).isEmpty)
    for crossing in 1...UInt64(4) { sender.offer(crossing, 2) }
    #expect(index(receiver, beat(sender, 250)).isEmpty, "offered is not sent")
    _ = sender.run(250) { linkRecord($0, $1, count: 10) }
    #expect(index(receiver, beat(sender, 500)) == [1: 2, 2: 2, 3: 2, 4: 2])
    sender.offer(2, 7, now: 500)
    weir_link_sender_settle(sender.pointer, 3)
    #expect(index(receiver, beat(sender, 750)) == [1: 2, 2: 2, 4: 2], "7 has not left yet")
    _ = sender.run(750) { linkRecord($0, $1, count: 10) }
    #expect(index(receiver, beat(sender, 1000)) == [1: 2, 2: 7, 4: 2])
    weir_link_sender_settle(sender.pointer, 4)
    #expect(index(receiver, beat(sender, 1250)) == [1: 2, 2: 7], "the highest is settled")
    sender.offer(9, 1, now: 1250)
    #expect(index(receiver, beat(sender, 1500)) == [1: 2, 2: 7], "a used slot owes nothing yet")
  }

  @Test("the newest page goes with every beat, the others in turn, none twice in a round")
  func turns() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring, capacity: 3000)
    let receiver = try LinkReceiver(ring)
    for crossing in 1...UInt64(2600) where crossing < 600 || crossing > 1500 {
      sender.offer(crossing)
    }
    _ = sender.run(0) { linkRecord($0, $1, count: 10) }
    var firsts: [[UInt64]] = []
    var known: [UInt64: UInt32] = [:]
    for at in 0..<20 {
      let datagrams = beat(sender, UInt64(at) * 250)
      let events = datagrams.flatMap { receiver.take($0).events }
      firsts.append(events.filter { $0.isKind(WEIR_LINK_HEARTBEAT) }.map(\.indexFirst))
      for event in events {
        for (at, revision) in event.index.enumerated() where revision > 0 {
          known[event.indexFirst + UInt64(at)] = revision
        }
      }
    }
    #expect(firsts.allSatisfy { $0.first == 2561 && $0.count <= 2 })
    let others = firsts.compactMap { $0.count == 2 ? $0[1] : nil }
    let round: [UInt64] = [1, 257, 513, 1281, 1537, 1793, 2049, 2305]
    #expect(Array(others.prefix(8)) == round)
    #expect(Array(others.dropFirst(8).prefix(8)) == round)
    #expect(known.count == 599 + 1100)
  }

  @Test(
    "a page whose revisions are long goes on in further datagrams", arguments: [UInt32(576), 1500])
  func longRevisions(mtu: UInt32) throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring, mtu: mtu)
    let receiver = try LinkReceiver(ring)
    for crossing in 1...UInt64(512) { sender.offer(crossing, UInt32.max - UInt32(crossing)) }
    _ = sender.run(0) { linkRecord($0, $1, count: 10) }
    let datagrams = beat(sender, 0)
    #expect(datagrams.allSatisfy { $0.count <= Int(mtu) - 28 })
    let known = index(receiver, datagrams)
    #expect(known.count == 512)
    #expect(known.allSatisfy { $0.value == UInt32.max - UInt32($0.key) })
  }

  @Test("what comes behind a later datagram is counted, and a heartbeat says how much came")
  func reordering() throws {
    let ring = try SealRing.standard()
    let sender = try LinkSender(ring)
    let receiver = try LinkReceiver(ring)
    var datagrams: [[UInt8]] = []
    for crossing in 1...UInt64(6) {
      sender.offer(crossing)
      datagrams += sender.run(0) { linkRecord($0, $1, count: 10) }
    }
    for at in [0, 2, 1, 4, 3, 3] { _ = receiver.take(datagrams[at]) }
    let last = try #require(beat(sender, 0).flatMap { receiver.take($0).events }.last)
    #expect(last.received == 6 && last.reordered == 2)
  }
}
