import CWeirBase
import CWeirFaultyOs
import CWeirJournal
import CWeirOs
import Testing

/// Recovery of segments that are longer than what is read, or copied, at once; and of files that
/// are not as long as they should be.
@Suite("The journal's recovery, window by window") struct JournalWindowTests {
  /// Eight frames of it fill the window to its last byte.
  private static let sizes = [131_056]

  private func open(bytes: UInt64) throws -> JournalHouse {
    let house = try JournalHouse()
    house.segmentBytes = bytes
    try #require(house.open() == .ok)
    return house
  }

  enum End: CaseIterable { case whole, torn, begun }

  /// A journal whose last segment holds 3 MiB in one batch.
  private func long(_ end: End) throws -> JournalHouse {
    let house = try open(bytes: 4 << 20)
    if end == .begun {
      _ = try journalFill(house, frames: 31, batch: 31, sizes: Self.sizes)
      try #require(house.open() == .ok)
    }
    let positions = try journalFill(house, frames: 24, batch: 100, sizes: Self.sizes)
    house.close()
    switch end {
    case .whole: break
    case .torn:
      let place = (positions[9] & 0xFFFF_FFFF) + 500
      house.poke(house.segmentPath(1), place, [0xEE])
    case .begun:
      try #require(positions.allSatisfy { $0 >> 32 == 2 })
      house.poke(house.segmentPath(2), 0, [UInt8](repeating: 0, count: 64))
    }
    return house
  }

  @Test(
    "whichever read fails, recovery says so and comes to the same later", arguments: End.allCases)
  func failingReads(end: End) throws {
    let good = try long(end)
    try #require(good.open() == .ok, "\(good.reason)")
    #expect(good.finding.torn == (end != .whole))
    expectJournalFrames(good, end == .whole ? 24 : end == .torn ? 9 : 31, sizes: Self.sizes)
    var survived = false
    for n in 0..<200 where !survived {
      let house = try long(end)
      weir_faulty_os_fail(house.faulty, WEIR_FAULTY_READ_AT, UInt64(n), 1, .ioFailed)
      let status = house.open()
      survived = weir_faulty_os_failures(house.faulty) == 0
      #expect(status == (survived ? .ok : .ioFailed), "read \(n)")
      weir_faulty_os_heal(house.faulty)
      #expect(house.open() == .ok && house.seen == good.seen, "after read \(n)")
      #expect(survived || n < 100)
    }
    #expect(survived)
  }

  @Test("a copy that is longer than the buffer is written in parts, or not at all")
  func longCopy() throws {
    let house = try open(bytes: 0)
    _ = try journalFill(house, frames: 80, batch: 40, sizes: Self.sizes)
    let filling = 16 * 1024 / 64  // of the file that the copy goes to, 64 KiB at a time
    for n in [0, filling - 1, filling, filling + 1] {
      weir_faulty_os_fail(house.faulty, WEIR_FAULTY_WRITE_AT, UInt64(n), 1, .ioFailed)
      #expect(house.open() == .ioFailed, "part \(n)")
    }
    weir_faulty_os_heal(house.faulty)
    let before = weir_faulty_os_calls(house.faulty, WEIR_FAULTY_WRITE_AT)
    #expect(house.open() == .ok)
    let after = weir_faulty_os_calls(house.faulty, WEIR_FAULTY_WRITE_AT)
    #expect(after == before + UInt64(filling) + 2)
    expectJournalFrames(house, 80, sizes: Self.sizes)
  }

  @Test("what held a moment ago and is read otherwise for the copy is not copied")
  func copiesOtherwise() throws {
    for place in [3, 64 + 40] as [UInt64] {
      let house = try open(bytes: 256 * 1024)
      _ = try journalFill(house, frames: 5, batch: 1, sizes: [1000])
      house.close()
      let path = house.segmentPath(1)
      let byte = house.peek(path, place, 1)
      let turn = JournalTurn(world: house.os.pointee) { house.poke(path, place, [byte[0] ^ 1]) }
      // The first sync is that of the file which the copy goes to.
      house.replaceCalls {
        $0.sync = { context, file in
          guard let turn = JournalTurn.current else { return .invalid }
          turn.act()
          return turn.world.sync(context, file)
        }
      }
      JournalTurn.$current.withValue(turn) { #expect(house.open() == .ioFailed) }
      house.poke(path, place, byte)
      #expect(house.open(readOnly: true) == .ok)
      expectJournalFrames(house, 5, sizes: [1000])
    }
  }

  @Test("a file that is shorter than was said ends where it ends")
  func shorter() throws {
    let house = try open(bytes: 256 * 1024)
    _ = try journalFill(house, frames: 13, batch: 1, sizes: [20_000])
    house.close()
    let turn = JournalTurn(world: house.os.pointee)
    house.replaceCalls {
      $0.size = { context, file, size in
        let status = JournalTurn.current?.world.size(context, file, size)
        size?.pointee += 1 << 20
        return status ?? .invalid
      }
    }
    JournalTurn.$current.withValue(turn) { #expect(house.open(readOnly: true) == .ok) }
    #expect(!house.finding.torn)
    expectJournalFrames(house, 13, sizes: [20_000])
  }

  @Test("what lies beyond the longest segment is nobody's")
  func longer() throws {
    let house = try open(bytes: 256 * 1024)
    let positions = try journalFill(house, frames: 3, batch: 1, sizes: [16])
    house.close()
    let path = house.segmentPath(1)
    // A frame of a later batch: anywhere else it would prove that those before it were lost.
    let frame = house.forged(positions[2], flipping: 8, mask: 2 ^ 40)
    house.poke(path, 256 << 20, frame)
    #expect(house.open(readOnly: true) == .ok, "\(house.reason)")
    expectJournalFrames(house, 3, sizes: [16])
    house.poke(path, (256 << 20) - 32, frame)
    #expect(house.open(readOnly: true) == .corrupt)
  }

  @Test("a journal that was made with larger segments goes on with smaller ones")
  func largerSegments() throws {
    let house = try open(bytes: 1 << 20)
    _ = try journalFill(house, frames: 9, batch: 3, sizes: [60_000])
    house.segmentBytes = 256 * 1024
    #expect(house.open() == .ok)
    expectJournalFrames(house, 9, sizes: [60_000])
    let more = try journalFill(house, frames: 6, batch: 1, sizes: [60_000])
    #expect(more.map { $0 >> 32 } == [2, 2, 2, 2, 3, 3], "the copy is as long as what it holds")
    #expect(house.open() == .ok)
    expectJournalFrames(house, 15, sizes: [60_000])
  }

  @Test("a reserve that is smaller than what is kept is no place for the copy")
  func smallReserve() throws {
    let house = try open(bytes: 1 << 20)
    _ = try journalFill(house, frames: 9, batch: 3, sizes: [60_000])
    house.segmentBytes = 256 * 1024
    try #require(house.open() == .ok)
    house.close()
    // Its own segment and two of the reserve: there is no room for a second copy.
    weir_faulty_os_set_capacity(house.faulty, (1 << 20) + 256 * 1024)
    #expect(house.open() == .noSpace)
    weir_faulty_os_set_capacity(house.faulty, 8 << 20)
    #expect(house.open() == .ok)
    expectJournalFrames(house, 9, sizes: [60_000])
  }

  @Test("a reserve that cannot take the copy's name leaves the journal as it was")
  func reserveKeepsItsName() throws {
    let house = try open(bytes: 256 * 1024)
    _ = try journalFill(house, frames: 5, batch: 2, sizes: [30_000])
    house.close()
    weir_faulty_os_set_capacity(house.faulty, 3 * house.segmentBytes)
    weir_faulty_os_fail(house.faulty, WEIR_FAULTY_RENAME, 0, 1, .ioFailed)
    #expect(house.open() == .ioFailed)
    #expect(house.open() == .ok)
    expectJournalFrames(house, 5, sizes: [30_000])
  }

  // MARK: Names

  private func make(_ house: JournalHouse, _ name: String) {
    let os = house.os.pointee
    let path = JournalHouse.directory + "/" + name
    var file: OpaquePointer?
    #expect(os.open(os.context, path, WEIR_OPEN_CREATE, &file) == .ok)
    os.close(os.context, file)
  }

  @Test("names that are nearly the journal's own are left alone")
  func foreignNames() throws {
    let house = try open(bytes: 256 * 1024)
    _ = try journalFill(house, frames: 3, batch: 1, sizes: [10])
    let foreign = [
      "0000000009.wax", "00000o0009.wal", "0000000000.wal", "4294967295.wal",
      "Reserve-0000000009.wal", "x0000000009.wal", "notes", "reserve-0000000000.wal",
    ]
    for name in foreign { make(house, name) }
    #expect(house.open() == .ok, "\(house.reason)")
    expectJournalFrames(house, 3, sizes: [10])
    #expect(Set(foreign).isSubset(of: house.names()))
  }

  @Test("however many files an earlier start left half made, or in reserve, they go")
  func manyLeft() throws {
    let house = try open(bytes: 256 * 1024)
    _ = try journalFill(house, frames: 3, batch: 1, sizes: [10])
    for number in 10..<30 {
      make(house, ".00000000\(number).wal")
      make(house, ".reserve-00000000\(number).wal")
      make(house, "reserve-00000000\(number).wal")
    }
    #expect(house.open() == .ok)
    #expect(!house.names().contains { $0.hasPrefix(".") })
    #expect(house.open() == .ok, "the reserve's are met sixteen at a time")
    #expect(house.names().filter { $0.hasPrefix("reserve-") }.count == 2)
    expectJournalFrames(house, 3, sizes: [10])
  }

  @Test("a directory with more segments than have a place in the table is refused")
  func tooMany() throws {
    let house = try open(bytes: 256 * 1024)
    house.replaceCalls {
      $0.list = { _, _, each, user in
        for number in 100_000...165_536 {
          let status = "0000\(number).wal".withCString { each?(user, $0) ?? .invalid }
          if status != .ok { return status }
        }
        return .ok
      }
    }
    #expect(house.open(readOnly: true) == .full)
  }

  // MARK: Options

  @Test("what is no unit's name, no folder or no size of segments is refused")
  func options() throws {
    let long = String(repeating: "a", count: 960)
    let rows: [(directory: String, unit: String, bytes: UInt64, status: weir_status)] = [
      ("", "kd1", 0, .invalid), (long, "kd1", 0, .tooLong), ("/journal", "KD1", 0, .ok),
      ("/journal", "k_1", 0, .invalid), ("/journal", "k{1", 0, .invalid),
      ("/journal", "k:1", 0, .invalid), ("/journal", "kd1", 128 * 1024, .invalid),
      ("/journal", "kd1", 512 << 20, .invalid), ("/journal", "kd1", 256 * 1024 + 1, .invalid),
    ]
    for row in rows {
      let house = try JournalHouse()
      let status = row.directory.withCString { directory in
        row.unit.withCString { unit in
          var options = weir_journal_options(
            directory: directory, unit: unit, segment_bytes: row.bytes, read_only: false,
            from_segment: 0, from_serial: 0)
          return weir_journal_open(&options, house.os, nil, nil, &house.finding, &house.journal)
        }
      }
      #expect(status == row.status, "\(row)")
    }
  }
}
