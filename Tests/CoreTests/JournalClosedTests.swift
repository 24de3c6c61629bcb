import CWeirBase
import CWeirFaultyOs
import CWeirJournal
import Testing

@Suite("The journal's closed segments")
struct JournalClosedTests {
  private static let sizes = [20_000]
  private static let perSegment = 13

  private func filled(_ frames: Int = 40) throws -> JournalHouse {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    _ = try journalFill(house, frames: frames, batch: 1, sizes: Self.sizes)
    return house
  }

  private struct Reading {
    var status: weir_status
    var border: weir_border
    var finding = weir_journal_finding()
    var serials: [UInt64] = []
    var bytes = 0
  }

  private final class Notes {
    var serials: [UInt64] = []
    var bytes = 0
    var most = Int.max
  }

  private func read(_ house: JournalHouse, _ from: weir_border, most: Int = .max) -> Reading {
    let notes = Notes()
    notes.most = most
    var border = from
    var finding = weir_journal_finding()
    var reader = weir_closed_reader(
      user: Unmanaged.passUnretained(notes).toOpaque(),
      each: { user, frame in
        guard let user, let frame else { return .invalid }
        let notes = Unmanaged<Notes>.fromOpaque(user).takeUnretainedValue()
        notes.serials.append(frame.pointee.serial)
        return notes.serials.count < notes.most ? .ok : .closed
      },
      piece: { user, bytes in
        guard let user else { return }
        Unmanaged<Notes>.fromOpaque(user).takeUnretainedValue().bytes += bytes.count
      })
    let status = weir_journal_read_closed(
      house.os, JournalHouse.directory, "kd1", &border, &reader, &finding)
    return Reading(
      status: status, border: border, finding: finding, serials: notes.serials, bytes: notes.bytes)
  }

  @Test("each is shown whole and in order, and the last one is not closed")
  func order() throws {
    let house = try filled()
    #expect(weir_journal_last_closed(house.journal) == 3)
    var border = weir_border()
    #expect(weir_journal_border(house.os, JournalHouse.directory, "kd1", 1, &border) == .ok)
    #expect(border.serial == 1 && border.chain == 0)
    for segment in 0..<3 {
      let reading = read(house, border)
      #expect(reading.status == .ok)
      let first = UInt64(segment * Self.perSegment + 1)
      #expect(reading.serials == Array(first..<first + UInt64(Self.perSegment)))
      #expect(reading.bytes == 64 + Self.perSegment * (16 + 20_000))
      border = reading.border
      #expect(border.segment == UInt32(segment + 2))
    }
    let last = read(house, border)
    #expect(last.status == .notFound && last.border.segment == 4 && last.serials.isEmpty)
  }

  @Test("while nothing of the next is durable, a segment is not closed")
  func notYet() throws {
    let house = try filled(Self.perSegment)
    #expect(weir_journal_last_closed(house.journal) == 0)
    #expect(house.append(journalBody(14, 20_000)).status == .ok)
    #expect(weir_journal_last_closed(house.journal) == 0)
    #expect(house.drain() == .ok)
    #expect(weir_journal_last_closed(house.journal) == 1)
  }

  @Test("damage anywhere in one, or in the next one's header, is named")
  func damage() throws {
    let house = try filled()
    let border = weir_border(segment: 2, chain: 0, serial: 14)
    var begins = weir_border()
    #expect(weir_journal_border(house.os, JournalHouse.directory, "kd1", 2, &begins) == .ok)
    let end = 64 + Self.perSegment * 20_016
    let path = house.segmentPath(2)
    for offset in Array(0..<64) + Array(stride(from: 64, to: end, by: 997)) {
      // Bytes 52 to 59 of a header are covered by its checksum too.
      let byte = house.peek(path, UInt64(offset), 1)[0]
      house.poke(path, UInt64(offset), [byte ^ 4])
      let reading = read(house, begins)
      #expect(reading.status == .corrupt && reading.finding.segment == 2, "byte \(offset)")
      house.poke(path, UInt64(offset), [byte])
    }
    let next = house.segmentPath(3)
    let byte = house.peek(next, 20, 1)[0]
    house.poke(next, 20, [byte ^ 4])
    let reading = read(house, begins)
    #expect(reading.status == .corrupt && reading.finding.segment == 3)
    house.poke(next, 20, [byte])
    #expect(read(house, border).status == .corrupt, "it continues another chain")
    #expect(read(house, begins).status == .ok)
  }

  /// Headers that hold by themselves and do not belong where they stand.
  private static let headers: [(segment: UInt32, at: Int, by: UInt8, reason: String)] = [
    (2, 8, 1, "does not hold"), (2, 12, 8, "does not hold"), (2, 36, 1, "does not hold"),
    (2, 24, 1, "does not continue"), (2, 32, 1, "does not continue"),
    (3, 8, 1, "does not hold"), (3, 12, 8, "does not hold"), (3, 36, 1, "does not hold"),
    (3, 24, 1, "does not follow"), (3, 24, 27 ^ 5, "does not follow"),
    (3, 32, 1, "does not follow"),
    (3, 24, 27 ^ 31, "no frame"),
  ]

  @Test("a header that does not belong there ends the reading and is named", arguments: headers)
  func foreignHeader(row: (segment: UInt32, at: Int, by: UInt8, reason: String)) throws {
    let house = try filled()
    let path = house.segmentPath(Int(row.segment))
    var begins = weir_border()
    #expect(weir_journal_border(house.os, JournalHouse.directory, "kd1", 2, &begins) == .ok)
    var header = house.peek(path, 0, 64)
    header[row.at] ^= row.by
    journalSign(&header, at: 60, over: 0..<60)
    house.poke(path, 0, header)
    let reading = read(house, begins)
    #expect(reading.status == .corrupt && reading.border.segment == 2)
    let reason = withUnsafeBytes(of: reading.finding.reason) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    #expect(reason.contains(row.reason), "\(reason)")
    guard row.reason == "does not hold" else { return }
    #expect(
      weir_journal_border(house.os, JournalHouse.directory, "kd1", row.segment, &begins) == .corrupt
    )
  }

  @Test("whichever call fails, the border stays where it was")
  func failing() throws {
    let house = try JournalHouse()
    house.segmentBytes = 4 << 20
    try #require(house.open() == .ok)
    _ = try journalFill(house, frames: 40, batch: 20, sizes: [131_056])
    let begins = weir_border(segment: 1, chain: 0, serial: 1)
    for n in 0..<50 {
      weir_faulty_os_fail(house.faulty, WEIR_FAULTY_ANY, UInt64(n), 1, .ioFailed)
      let reading = read(house, begins)
      let failed = weir_faulty_os_failures(house.faulty) > 0
      weir_faulty_os_heal(house.faulty)
      #expect(
        reading.status == (failed ? .ioFailed : .ok) && reading.border.segment == (failed ? 1 : 2))
      if !failed {
        #expect(n > 6)
        return
      }
    }
    Issue.record("reading never came to an end")
  }

  @Test("who asks for nothing is shown nothing, and it is checked all the same")
  func checkedAlone() throws {
    let house = try filled()
    var border = weir_border(segment: 1, chain: 0, serial: 1)
    var finding = weir_journal_finding()
    var reader = weir_closed_reader()
    let directory = JournalHouse.directory
    #expect(
      weir_journal_read_closed(house.os, directory, "kd1", &border, &reader, &finding) == .ok)
    #expect(border.segment == 2 && finding.frames == UInt64(Self.perSegment))
    house.poke(house.segmentPath(2), 5000, [0xEE])
    #expect(
      weir_journal_read_closed(house.os, directory, "kd1", &border, &reader, &finding) == .corrupt)
  }

  @Test("a directory that is empty holds none; one that lacks a segment is damaged")
  func heldNone() throws {
    let house = try filled()
    var (first, last): (UInt32, UInt32) = (9, 9)
    let os = house.os.pointee
    #expect(os.make_directory(os.context, "/empty") == .ok)
    #expect(weir_journal_held(house.os, "/empty", &first, &last) == .ok)
    #expect(first == 0 && last == 0)
    #expect(os.remove(os.context, house.segmentPath(2)) == .ok)
    #expect(weir_journal_held(house.os, JournalHouse.directory, &first, &last) == .corrupt)
    weir_faulty_os_fail(house.faulty, WEIR_FAULTY_LIST, 0, 1, .ioFailed)
    #expect(weir_journal_held(house.os, JournalHouse.directory, &first, &last) == .ioFailed)
  }

  @Test("whoever has seen enough ends it, and the border stays")
  func ended() throws {
    let house = try filled()
    let reading = read(house, weir_border(segment: 1, chain: 0, serial: 1), most: 3)
    #expect(reading.status == .closed && reading.border.segment == 1)
    #expect(reading.serials == [1, 2, 3])
  }

  @Test("a position in a retired segment is not held, though its bytes may still be there")
  func held() throws {
    let house = try filled()
    #expect(!weir_journal_has_retired(house.journal))
    #expect(weir_journal_holds(house.journal, 1 << 32 | 64))
    weir_journal_retire(house.journal, 2)
    #expect(weir_journal_has_retired(house.journal))
    #expect(!weir_journal_holds(house.journal, 1 << 32 | 64))
    #expect(weir_journal_holds(house.journal, 2 << 32 | 64))
    var first: UInt32 = 0
    var last: UInt32 = 0
    #expect(weir_journal_held(house.os, JournalHouse.directory, &first, &last) == .ok)
    #expect(first == 1 && last == 4)
  }
}
