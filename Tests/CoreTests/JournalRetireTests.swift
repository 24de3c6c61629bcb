import CWeirBase
import CWeirFaultyOs
import CWeirJournal
import CWeirOs
import Testing

@Suite("The journal's retired segments")
struct JournalRetireTests {
  /// Frames of one size stand at the same places with the same indexes in every use of a file:
  /// the leftovers that look most like news.
  private static let sizes = [20_000]
  private static let perSegment = 13

  /// Durable frames over several segments, the first ones retired and used again.
  private func used(_ frames: Int = 91) throws -> JournalHouse {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    _ = try journalFill(house, frames: frames, batch: 1, sizes: Self.sizes)
    return house
  }

  private func segments(_ house: JournalHouse) -> [String] {
    house.names().filter { $0.hasPrefix("0") }
  }

  private func add(_ house: JournalHouse, _ serials: ClosedRange<Int>) {
    for serial in serials {
      let body = journalBody(serial, Self.sizes[0])
      let (status, given, _) = house.append(body, kind: UInt8(serial % 63 + 1))
      #expect(status == .ok)
      #expect(given == UInt64(serial))
      #expect(house.drain() == .ok)
    }
  }

  @Test("retired segments become the reserve, without a new block being taken")
  func reuse() throws {
    let house = try used()
    #expect(segments(house).count == 7)
    weir_journal_retire(house.journal, 5)
    #expect(house.drain() == .ok)
    #expect(segments(house).count == 5, "two wait to be used again, the others are gone")
    #expect(weir_journal_oldest(house.journal) == UInt64(2 * Self.perSegment + 1))
    let before = weir_faulty_os_calls(house.faulty, WEIR_FAULTY_RESERVE)
    add(house, 92...92 + 2 * Self.perSegment - 1)
    #expect(weir_faulty_os_calls(house.faulty, WEIR_FAULTY_RESERVE) == before)
    #expect(weir_journal_oldest(house.journal) == UInt64(4 * Self.perSegment + 1))
    #expect(segments(house).count == 5)
    #expect(house.read(1 << 32 | 64).0 == .notFound)
    let last = 91 + 2 * Self.perSegment
    #expect(house.open() == .ok)
    #expect(house.seen.first?.serial == UInt64(4 * Self.perSegment + 1))
    #expect(house.seen.last?.serial == UInt64(last))
    for frame in house.seen {
      #expect(frame.body == journalBody(Int(frame.serial), Self.sizes[0]))
      #expect(house.read(frame.position).1 == frame)
    }
  }

  @Test("the segment being written, and what waits for the disk, are never retired")
  func current() throws {
    let house = try used(20)
    weir_journal_retire(house.journal, 99)
    #expect(house.append(journalBody(21, Self.sizes[0])).status == .ok)
    #expect(house.drain() == .ok)
    #expect(weir_journal_oldest(house.journal) <= 21)
    #expect(house.open() == .ok)
    #expect(house.seen.last?.serial == 21)
  }

  @Test("what a file held before never passes for news, wherever the write tore")
  func leftovers() throws {
    let house = try used()
    weir_journal_retire(house.journal, 7)
    for serial in 92... {
      let before = segments(house).last
      add(house, serial...serial)
      // Two reserve files were made before anything was retired.
      guard segments(house).last != before, serial > 91 + 2 * Self.perSegment else { continue }
      try tear(house, first: serial)
      return
    }
  }

  /// The newest segment holds one frame, `first`, over leftovers: torn at every place of its head
  /// and some of its body, it is not there; whole, it is.
  private func tear(_ house: JournalHouse, first: Int) throws {
    let name = try #require(segments(house).last)
    let path = JournalHouse.directory + "/" + name
    let written = 64 + 16 + Self.sizes[0]
    let news = house.peek(path, 0, written)
    add(house, first + 1...first + 1)
    let two = house.peek(path, 0, written + 16 + Self.sizes[0])
    house.close()
    let other = try #require(house.names().first { $0.hasPrefix("reserve-") })
    let leftover = house.peek(JournalHouse.directory + "/" + other, 0, two.count)
    #expect(leftover[64..<80] != two[64..<80])
    for length in Array(0...96) + [4096, 9000, written - 1, written] {
      house.poke(path, 0, Array(news[..<length]) + Array(leftover[length...]))
      #expect(house.open(readOnly: true) == .ok, "torn at \(length): \(house.reason)")
      #expect(house.finding.last_serial == UInt64(length == written ? first : first - 1))
    }
    // The second batch proves that the header had been durable, and the first frame.
    for at in Array(0..<64) + [64, 70, 74, 78, 5000] {
      var damaged = two
      damaged[at] ^= 0x10
      house.poke(path, 0, damaged)
      #expect(house.open(readOnly: true) == .corrupt, "byte \(at)")
    }
    house.poke(path, 0, two)
    #expect(house.open() == .ok)
    #expect(house.seen.last?.serial == UInt64(first + 1))
  }

  @Test("recovery may begin with a later segment; the earlier ones stay readable")
  func later() throws {
    let house = try used(60)
    house.from = (3, UInt64(2 * Self.perSegment + 1))
    #expect(house.open() == .ok)
    #expect(house.seen.map(\.serial) == Array(27...60))
    #expect(house.finding.segments == 5)
    let (status, frame) = house.read(1 << 32 | 64)
    #expect(status == .ok)
    #expect(frame?.body == journalBody(1, Self.sizes[0]))
    var hint: UInt64 = 0
    var found: UInt64 = 0
    #expect(weir_journal_seek(house.journal, 20, &hint, &found) == .ok)
    #expect(house.read(found).1?.serial == 20)
    var segment: UInt32 = 0
    var first: UInt64 = 0
    weir_journal_place(house.journal, 30, &segment, &first)
    #expect(segment == 3 && first == 27)
    house.from = (3, 26)
    #expect(house.open() == .corrupt)
    house.from = (9, 27)
    #expect(house.open() == .corrupt)
    #expect(house.reason.contains("missing"))
    house.from = (3, 27)
    house.poke(house.segmentPath(2), 30, [0xFF])
    #expect(house.open() == .corrupt, "an earlier header is looked at")
    #expect(house.finding.segment == 2)
  }

  @Test(
    "whichever call fails while retired segments are used again, a start finds all that is kept")
  func failing() throws {
    for n in 0..<60 {
      let house = try used(60)
      #expect(house.read(1 << 32 | 64).0 == .ok)
      weir_journal_retire(house.journal, 4)
      weir_faulty_os_fail(house.faulty, WEIR_FAULTY_ANY, UInt64(n), 1, .ioFailed)
      for serial in 61...80 where house.append(journalBody(serial, Self.sizes[0])).status == .ok {
        while let status = house.step(), status == .ok {}
      }
      let failed = weir_faulty_os_failures(house.faulty) > 0
      weir_faulty_os_heal(house.faulty)
      let durable = house.durable
      #expect(weir_journal_closed(house.journal) || durable == 80)
      #expect(house.open() == .ok, "call \(n): \(house.reason)")
      #expect(house.finding.last_serial >= durable && weir_journal_oldest(house.journal) <= 40)
      expectBodies(house)
      if !failed {
        #expect(n > 10 && durable == 80)
        #expect(house.read(1 << 32 | 64).0 == .notFound)
        return
      }
    }
    Issue.record("the countdown must end")
  }

  private func expectBodies(_ house: JournalHouse) {
    for frame in house.seen {
      #expect(frame.body == journalBody(Int(frame.serial), Self.sizes[0]))
    }
  }

  @Test("a retired segment of another size is no reserve, and goes")
  func otherSize() throws {
    let house = try JournalHouse()
    house.segmentBytes = 512 * 1024
    try #require(house.open() == .ok)
    _ = try journalFill(house, frames: 60, batch: 1, sizes: Self.sizes)
    house.segmentBytes = 256 * 1024
    try #require(house.open() == .ok)
    try #require(segments(house).count == 3)
    weir_journal_retire(house.journal, 3)
    let before = weir_faulty_os_calls(house.faulty, WEIR_FAULTY_RESERVE)
    add(house, 61...90)
    #expect(segments(house).first == "0000000003.wal")
    #expect(weir_faulty_os_calls(house.faulty, WEIR_FAULTY_RESERVE) > before)
    #expect(house.open() == .ok && house.seen.last?.serial == 90)
  }

  @Test("a retired segment that cannot be taken closes the journal, one that cannot go is left")
  func failures() throws {
    let house = try used(60)
    weir_journal_retire(house.journal, 4)
    weir_faulty_os_fail(house.faulty, WEIR_FAULTY_REMOVE, 0, 1, .ioFailed)
    while let status = house.step() { #expect(status == .ok || status == .ioFailed) }
    #expect(!weir_journal_closed(house.journal))
    #expect(weir_journal_oldest(house.journal) == 1)
    weir_journal_retire(house.journal, 4)
    weir_faulty_os_fail(house.faulty, WEIR_FAULTY_RENAME, 0, 1, .ioFailed)
    for serial in 61...90 where house.append(journalBody(serial, Self.sizes[0])).status == .ok {
      while let status = house.step(), status == .ok {}
    }
    #expect(weir_journal_closed(house.journal))
    #expect(house.open() == .ok)
    #expect(house.seen.last.map { $0.serial >= 60 } == true)
  }
}
