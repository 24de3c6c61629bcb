import CWeirBase
import CWeirLink
import CWeirSeal
import Testing

@Suite("A receiver knows who speaks, and says when nobody does")
struct LinkBootTests {
  private let ring: SealRing

  init() throws { ring = try SealRing.standard() }

  /// `count` datagrams of one boot, each with a record of its own.
  private func datagrams(
    _ bootEpoch: UInt64, _ bootID: UInt8, count: Int = 1, unit: String = "kd1", stream: UInt32 = 1
  ) throws -> [[UInt8]] {
    let id = SealFixture.streamID(unit: unit, bootEpoch: bootEpoch, bootID: bootID, stream: stream)
    let sender = try LinkSender(ring, id)
    return (1...count).flatMap { crossing in
      sender.offer(UInt64(crossing))
      return sender.run(0) { linkRecord($0, $1, count: 50) }
    }
  }

  private func kinds(_ events: [LinkEvent]) -> [UInt32] { events.map(\.kind) }
  private let record = WEIR_LINK_RECORD.rawValue
  private let bootNew = WEIR_LINK_BOOT_NEW.rawValue
  private let bootLower = WEIR_LINK_BOOT_LOWER.rawValue
  private let silenceBegan = WEIR_LINK_SILENCE_BEGAN.rawValue
  private let silenceEnded = WEIR_LINK_SILENCE_ENDED.rawValue

  // MARK: Boots

  @Test("a higher boot epoch is taken up once it is authentic; a lower one is reported once")
  func epochs() throws {
    let receiver = try LinkReceiver(ring)
    let first = receiver.take(try datagrams(1000, 1)[0])
    #expect(first.status == .ok)
    #expect(kinds(first.events) == [bootNew, record])
    #expect(first.events[0].bootEpoch == 1000 && first.events[0].bootID == 1)

    let higher = receiver.take(try datagrams(2000, 2)[0])
    #expect(higher.status == .ok)
    #expect(kinds(higher.events) == [bootNew, record])

    let lower = try datagrams(500, 3, count: 3)
    let refused = lower.map { receiver.take($0, 5000) }
    #expect(refused.map(\.status) == [.refused, .refused, .refused])
    #expect(refused.map { kinds($0.events) } == [[bootLower], [], []])
    #expect(refused[0].events[0].bootEpoch == 500 && refused[0].events[0].bootID == 3)

    let same = receiver.take(try datagrams(2000, 4)[0], 5000)
    #expect(same.status == .refused)
    #expect(kinds(same.events) == [bootLower])
    #expect(receiver.counts.lower_boot == 4)
    #expect(receiver.counts.good == 2)
    // The current boot goes on.
    #expect(receiver.take(try datagrams(2000, 2, count: 2)[1], 5000).status == .ok)
  }

  @Test("a forged higher boot changes nothing and is only counted")
  func forgedBoot() throws {
    let receiver = try LinkReceiver(ring)
    let good = try datagrams(1000, 1, count: 2)
    _ = receiver.take(good[0])
    for change in [16, 23, 24, 60] {
      var forged = good[1]
      forged[change] ^= 0x80
      let taken = receiver.take(forged)
      #expect(taken.status == .forged)
      #expect(taken.events.isEmpty)
    }
    #expect(receiver.counts.forged == 4)
    #expect(receiver.take(good[1]).status == .ok)
  }

  @Test("datagrams of the boot before, still on their way, are refused without an alarm")
  func lateOnes() throws {
    let receiver = try LinkReceiver(ring)
    let old = try datagrams(1000, 1, count: 4)
    _ = receiver.take(old[0], 0)
    _ = receiver.take(try datagrams(2000, 2)[0], 100)
    let late = receiver.take(old[1], 600)
    #expect(late.status == .refused && late.events.isEmpty)
    // A second later it is no straggler: that machine still runs.
    #expect(kinds(receiver.take(old[2], 1100).events) == [bootLower])
    #expect(receiver.take(old[3], 1200).events.isEmpty)
  }

  @Test("a person admits a refused boot, and only then its records count")
  func admitting() throws {
    let receiver = try LinkReceiver(ring)
    let lower = try datagrams(500, 5, count: 3)
    let higher = try datagrams(2000, 2, count: 3)
    #expect(weir_link_receiver_admit(receiver.pointer, "kd1", 500) == .notFound)
    _ = receiver.take(higher[0])
    #expect(weir_link_receiver_admit(receiver.pointer, "kd1", 500) == .notFound)
    #expect(receiver.take(lower[0]).status == .refused)
    #expect(weir_link_receiver_admit(receiver.pointer, "kd2", 500) == .notFound)
    #expect(weir_link_receiver_admit(receiver.pointer, "kd1", 501) == .notFound)
    #expect(weir_link_receiver_admit(receiver.pointer, "kd1", 500) == .ok)
    #expect(kinds(receiver.take(lower[1]).events) == [record])
    #expect(receiver.take(lower[0]).status == .replayed)
    // What was current is refused now, though its epoch is higher; and so is what lies between.
    #expect(kinds(receiver.take(higher[1]).events) == [bootLower])
    #expect(receiver.take(try datagrams(1500, 6)[0]).status == .refused)
    #expect(receiver.take(lower[2]).status == .ok)
    // Above the bar, a boot is taken up again.
    #expect(receiver.take(try datagrams(2001, 7)[0]).status == .ok)
    // The admitted one is refused from then on; that is news again, and it may be admitted again.
    let later = try datagrams(500, 5, count: 5)
    #expect(kinds(receiver.take(later[3], 9000).events) == [bootLower])
    #expect(weir_link_receiver_admit(receiver.pointer, "kd1", 500) == .ok)
    #expect(receiver.take(later[4], 9000).status == .ok)
  }

  @Test("a boot is admitted even when others were refused after it")
  func admittingOneOfMany() throws {
    let receiver = try LinkReceiver(ring)
    _ = receiver.take(try datagrams(2000, 1)[0])
    for epoch in UInt64(1)...10 {
      #expect(receiver.take(try datagrams(epoch, UInt8(epoch))[0]).events.count == 1)
    }
    for epoch in UInt64(1)...10 {
      #expect(receiver.take(try datagrams(epoch, UInt8(epoch), count: 2)[1]).events.isEmpty)
    }
    #expect(weir_link_receiver_admit(receiver.pointer, "kd1", 1) == .ok)
    #expect(receiver.take(try datagrams(1, 1, count: 3)[2]).status == .ok)
  }

  @Test("of many refused boots the last thirty-two may be admitted")
  func forgotten() throws {
    let receiver = try LinkReceiver(ring)
    _ = receiver.take(try datagrams(2000, 1)[0])
    let most = UInt64(WEIR_LINK_REFUSED_MAX)
    for epoch in 1...most + 1 {
      #expect(receiver.take(try datagrams(epoch, UInt8(epoch))[0]).events.count == 1)
    }
    #expect(receiver.take(try datagrams(most, UInt8(most), count: 2)[1]).events.isEmpty)
    #expect(weir_link_receiver_admit(receiver.pointer, "kd1", 1) == .notFound)
    #expect(weir_link_receiver_admit(receiver.pointer, "k d", 2) == .notFound)
    #expect(weir_link_receiver_admit(receiver.pointer, "kd1", 2) == .ok)
    #expect(receiver.take(try datagrams(2, 2, count: 2)[1]).status == .ok)
    // The oldest was forgotten, and so it is news.
    #expect(kinds(receiver.take(try datagrams(1, 1, count: 2)[1], 5000).events) == [bootLower])
  }

  @Test("after a restart the boots of the journal are the bar")
  func knowing() throws {
    let receiver = try LinkReceiver(ring)
    let id = [UInt8](repeating: 2, count: 16)
    for epoch in [1500, 2000, 2000] as [UInt64] {
      #expect(weir_link_receiver_know(receiver.pointer, "kd1", epoch, id) == .ok)
    }
    #expect(weir_link_receiver_know(receiver.pointer, "", 2000, id) == .invalid)
    #expect(weir_link_receiver_know(receiver.pointer, "kd1kd1kd1", 2000, id) == .invalid)
    #expect(receiver.take(try datagrams(1999, 9)[0]).status == .refused)
    #expect(kinds(receiver.take(try datagrams(2000, 2)[0]).events) == [record])
    #expect(kinds(receiver.take(try datagrams(2001, 3)[0]).events) == [bootNew, record])
  }

  @Test("units do not touch one another, and one too many finds no room")
  func manyUnits() throws {
    let receiver = try LinkReceiver(ring)
    let most = Int(WEIR_LINK_SENDERS_MAX)
    for unit in 1...most {
      let taken = receiver.take(try datagrams(UInt64(unit), 1, unit: "u\(unit)")[0])
      #expect(taken.status == .ok)
    }
    #expect(receiver.take(try datagrams(9, 1, unit: "more")[0]).status == .full)
    #expect(
      weir_link_receiver_know(receiver.pointer, "more", 1, [UInt8](repeating: 0, count: 16))
        == .full)
    #expect(receiver.counts.no_room == 1)
    #expect(receiver.take(try datagrams(2, 1, count: 2, unit: "u2")[1]).status == .ok)
  }

  @Test("carriers of one boot have windows of their own, up to four")
  func streams() throws {
    let receiver = try LinkReceiver(ring)
    for stream in UInt32(1)...4 {
      let two = try datagrams(1000, 1, count: 2, stream: stream)
      #expect(two.map { receiver.take($0).status } == [.ok, .ok])
      #expect(two.map { receiver.take($0).status } == [.replayed, .replayed])
    }
    #expect(receiver.take(try datagrams(1000, 1, stream: 5)[0]).status == .full)
  }

  @Test("keys of several epochs are accepted, and an unknown epoch is named as such")
  func keyEpochs() throws {
    let old = "7 aes-256-gcm \(SealFixture.masterHex)\n"
    let new = "8 sm4-gcm \(SealFixture.otherHex)\n"
    let receiver = try LinkReceiver(try SealRing(old + new))
    for (bootEpoch, file) in [(UInt64(1), old), (2, new), (3, old + new)] {
      let sender = try LinkSender(
        try SealRing(file), SealFixture.streamID(bootEpoch: bootEpoch))
      sender.offer(1)
      let sent = sender.run(0) { _, _ in [1] }
      #expect(sent[0][1] == (file == old ? 1 : 2))
      #expect(receiver.records(sent).count == 1)
    }
    let stranger = try LinkSender(try SealRing("9 sm4-gcm \(SealFixture.otherHex)\n"))
    stranger.offer(1)
    #expect(receiver.take(stranger.run(0) { _, _ in [1] }[0]).status == .unknownKey)
    #expect(receiver.counts.unknown_key == 1)
  }

  @Test("a stream that goes over to another key keeps its window")
  func keyChanges() throws {
    let old = "7 aes-256-gcm \(SealFixture.masterHex)\n"
    let both = old + "8 sm4-gcm \(SealFixture.otherHex)\n"
    let receiver = try LinkReceiver(try SealRing(both))
    func sent(_ file: String) throws -> [[UInt8]] {
      let sender = try LinkSender(try SealRing(file), SealFixture.streamID())
      return (1...3).flatMap { crossing in
        sender.offer(UInt64(crossing))
        return sender.run(0) { linkRecord($0, $1, count: 50) }
      }
    }
    let (before, after) = (try sent(old), try sent(both))
    #expect(receiver.take(before[0]).status == .ok)
    #expect(receiver.take(after[0]).status == .replayed)
    #expect(receiver.take(after[1]).status == .ok)
    #expect(receiver.take(before[1]).status == .replayed)
    #expect(receiver.take(before[2]).status == .ok, "a straggler under the key before")
  }

  @Test("a datagram that names another cipher than its key's is forged")
  func otherCipher() throws {
    let receiver = try LinkReceiver(ring)
    var bytes = try datagrams(1000, 1)[0]
    bytes[1] = 2
    #expect(receiver.take(bytes).status == .forged)
    bytes[1] = 1
    #expect(receiver.take(bytes).status == .ok)
  }

  @Test("a flood of invented boots is bounded a second and never holds up the known one")
  func flood() throws {
    let receiver = try LinkReceiver(ring)
    let known = try datagrams(1000, 1, count: 3)
    #expect(receiver.take(known[0], 10_000).status == .ok)
    var invented = try datagrams(9_000_000, 2)[0]
    invented[70] ^= 1
    for number in 0..<5000 {
      invented[24] = UInt8(truncatingIfNeeded: number)
      invented[25] = UInt8(truncatingIfNeeded: number >> 8)
      #expect(receiver.take(invented, 10_001).status == .forged)
    }
    #expect(receiver.take(known[1], 10_002).status == .ok)
    // In this second no key is derived any more, in the next one it is.
    let real = try datagrams(2000, 3, count: 2)
    #expect(receiver.take(real[0], 10_003).status == .forged)
    #expect(receiver.take(real[1], 11_000).status == .ok)
  }

  // MARK: Silence

  @Test("silence is told once when it begins and once when it ends")
  func silence() throws {
    let receiver = try LinkReceiver(ring)
    let sent = try datagrams(1000, 1, count: 3)
    #expect(receiver.tick(5000).isEmpty)
    _ = receiver.take(sent[0], 10_000)
    #expect(receiver.tick(10_999).isEmpty)
    let began = receiver.tick(11_000)
    #expect(kinds(began) == [silenceBegan])
    #expect(began[0].sinceMS == 10_000)
    #expect(receiver.tick(12_000).isEmpty)
    // What is not good breaks no silence.
    #expect(receiver.take(sent[0], 12_100).status == .replayed)
    #expect(receiver.take([1, 2, 3], 12_100).status == .invalid)
    #expect(receiver.take(try datagrams(1, 9)[0], 12_100).status == .refused)
    let ended = receiver.take(sent[1], 13_000)
    #expect(kinds(ended.events) == [silenceEnded, record])
    #expect(ended.events[0].sinceMS == 10_000)
    #expect(receiver.tick(13_999).isEmpty)
    #expect(kinds(receiver.tick(14_000)) == [silenceBegan])
  }

  @Test("a unit known from the journal that does not come is silent")
  func silentFromTheStart() throws {
    let receiver = try LinkReceiver(ring, now: 7000)
    let id = [UInt8](repeating: 1, count: 16)
    _ = weir_link_receiver_know(receiver.pointer, "kd1", 1000, id)
    #expect(receiver.tick(7999).isEmpty)
    let began = receiver.tick(8000)
    #expect(kinds(began) == [silenceBegan])
    #expect(began[0].sinceMS == 7000 && began[0].bootEpoch == 1000)
    #expect(kinds(receiver.take(try datagrams(1000, 1)[0], 9000).events) == [silenceEnded, record])
  }

  @Test("whoever is known counts as heard when the receiver begins")
  func heardAtBegin() throws {
    let receiver = try LinkReceiver(ring, now: 7000)
    let id = [UInt8](repeating: 1, count: 16)
    _ = weir_link_receiver_know(receiver.pointer, "kd1", 1000, id)
    weir_link_receiver_begin(receiver.pointer, 9500)
    #expect(receiver.tick(10_499).isEmpty)
    let began = receiver.tick(10_500)
    #expect(kinds(began) == [silenceBegan] && began[0].sinceMS == 9500)
  }

  @Test("a sender with nothing to say is not silent")
  func heartbeatsKeepTheLine() throws {
    let receiver = try LinkReceiver(ring)
    let sender = try LinkSender(ring)
    for now in stride(from: UInt64(0), to: 10_000, by: 250) {
      sender.beat(now)
      let beat = try #require(sender.take(flush: true))
      #expect(receiver.take(beat, now).status == .ok)
      #expect(receiver.tick(now + 249).isEmpty)
    }
    #expect(receiver.counts.heartbeats == 40)
  }
}
