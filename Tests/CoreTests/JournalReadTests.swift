import CWeirBase
import CWeirFaultyOs
import CWeirJournal
import CWeirOs
import Testing

/// What reading one frame, or finding one, answers where the disk fails or shows something else.
@Suite("Frames that are read back") struct JournalReadTests {
  private static let sizes = [5000]

  /// Three segments, opened anew: nothing lies in a buffer.
  private func stored() throws -> JournalHouse {
    let house = try JournalHouse()
    try #require(house.open() == .ok)
    _ = try journalFill(house, frames: 120, batch: 4, sizes: Self.sizes)
    try #require(house.open() == .ok)
    try #require(house.seen.last.map { $0.position >> 32 } == 3)
    return house
  }

  private func seek(_ house: JournalHouse, _ serial: UInt64, _ hint: inout UInt64) -> (
    status: weir_status, position: UInt64
  ) {
    var found: UInt64 = 0
    let status = weir_journal_seek(house.journal, serial, &hint, &found)
    return (status, found)
  }

  @Test("whichever call fails, that is told, and the next try is right")
  func failing() throws {
    for asks in ["read", "seek"] {
      let house = try stored()
      let frame = house.seen[59]
      func ask() -> weir_status {
        var hint: UInt64 = 0
        if asks == "seek" { return seek(house, frame.serial, &hint).status }
        return house.read(frame.position).0
      }
      for n in 0... {
        weir_faulty_os_fail(house.faulty, WEIR_FAULTY_ANY, UInt64(n), 1, .ioFailed)
        // Reading another segment's frames lets go of its file.
        for segment in [1, 3, 1, 3] { _ = house.read(UInt64(segment) << 32 | 64) }
        weir_faulty_os_fail(house.faulty, WEIR_FAULTY_ANY, UInt64(n), 1, .ioFailed)
        let status = ask()
        let failed = weir_faulty_os_failures(house.faulty) > 0
        weir_faulty_os_heal(house.faulty)
        #expect(status == (failed ? .ioFailed : .ok), "\(asks), call \(n)")
        guard failed else { break }
        #expect(house.read(frame.position).1 == frame)
        try #require(house.open() == .ok)
      }
    }
  }

  @Test("a hint that cannot be looked at is a failure, one that lies behind is none")
  func hints() throws {
    let house = try stored()
    var hint: UInt64 = 0
    #expect(seek(house, 50, &hint) == (.ok, house.seen[49].position))
    #expect(seek(house, 10, &hint) == (.ok, house.seen[9].position))
    weir_faulty_os_fail(house.faulty, WEIR_FAULTY_READ_AT, 0, 1, .ioFailed)
    #expect(seek(house, 40, &hint).status == .ioFailed)
    #expect(seek(house, 40, &hint) == (.ok, house.seen[39].position))
    hint += 2  // where no frame can begin
    #expect(seek(house, 41, &hint) == (.ok, house.seen[40].position))
  }

  @Test("a segment that says of itself that it begins earlier leads nowhere, whatever the hint")
  func earlierHeader() throws {
    let house = try stored()
    let frames = house.seen.filter { $0.position >> 32 == 2 }
    var header = house.peek(house.segmentPath(2), 0, 64)
    header[24] -= 1
    let sum = journalChecksum(0, Array(header[..<60]))
    for i in 0..<4 { header[60 + i] = UInt8(truncatingIfNeeded: sum >> (8 * i)) }
    house.poke(house.segmentPath(2), 0, header)
    for hinted in [0, 1, 5] {
      var hint = frames[hinted].position
      #expect(seek(house, frames[5].serial, &hint).status == .corrupt)
    }
  }

  @Test("a frame that would reach beyond the last is damage")
  func beyond() throws {
    let house = try stored()
    let frames = house.seen.filter { $0.position >> 32 == 3 }
    let place = (frames[frames.count - 2].position & 0xFFFF_FFFF) + 13
    let path = house.segmentPath(3)
    house.poke(path, place, [house.peek(path, place, 1)[0] ^ 1])  // 64 KiB more
    var hint: UInt64 = 0
    #expect(seek(house, frames[frames.count - 1].serial, &hint).status == .corrupt)
  }

  /// A change to a segment while the journal is open, and what reading its first frame and finding
  /// its third answer then.
  private static let damages:
    [(
      name: String, segment: Int, read: weir_status, seek: weir_status,
      change: @Sendable (JournalHouse, String) -> Void
    )] = [
      ("a header that does not hold", 1, .corrupt, .corrupt, { $0.poke($1, 3, [0xEE]) }),
      (
        "a header of another segment", 1, .corrupt, .corrupt,
        { house, path in house.poke(path, 0, house.peek(house.segmentPath(2), 0, 64)) }
      ),
      (
        "nothing but half a header", 1, .corrupt, .corrupt,
        { _ = weir_faulty_os_truncate($0.faulty, $1, 30) }
      ),
      ("no frame", 1, .corrupt, .corrupt, { $0.poke($1, 64 + 11, [0, 0, 0]) }),
      (
        "half a frame", 1, .corrupt, .corrupt,
        { _ = weir_faulty_os_truncate($0.faulty, $1, 64 + 16 + 4500) }
      ),
      ("another body", 1, .corrupt, .ok, { $0.poke($1, 64 + 4700, [0xEE]) }),
      (
        "another index", 1, .corrupt, .corrupt,
        { $0.poke($1, 64 + 8, [$0.peek($1, 64 + 8, 1)[0] ^ 1]) }
      ),
      (
        "a body longer than any", 3, .corrupt, .corrupt,
        { $0.poke($1, 64 + 13, [$0.peek($1, 64 + 13, 1)[0] | 2]) }
      ),
    ]

  @Test("what is not as it was written is never handed on", arguments: damages.indices)
  func damaged(index: Int) throws {
    let row = Self.damages[index]
    let house = try stored()
    row.change(house, house.segmentPath(row.segment))
    let frames = house.seen.filter { $0.position >> 32 == UInt64(row.segment) }
    var hint: UInt64 = 0
    #expect(house.read(frames[0].position).0 == row.read, "\(row.name)")
    #expect(seek(house, frames[2].serial, &hint).status == row.seek, "\(row.name)")
  }

  @Test("a place within a frame that gathers is no frame, whatever its bytes say")
  func within() throws {
    let house = try JournalHouse()
    try #require(house.open() == .ok)
    // Read as a frame, the body would have 100,000 bytes.
    let claims: [UInt8] = [UInt8](repeating: 0, count: 11) + [0xA0, 0x86, 0x05, 0, 0]
    let (status, _, position) = house.append(claims + [UInt8](repeating: 0xFF, count: 64))
    try #require(status == .ok)
    for within in [2, 4, 16, 40] as [UInt64] {
      #expect(house.read(position + within).0 == .notFound)
    }
    #expect(house.read(position).0 == .ok)
  }

  @Test("an empty journal that is only read holds nothing")
  func empty() throws {
    let house = try JournalHouse()
    let os = house.os.pointee
    try #require(os.make_directory(os.context, JournalHouse.directory) == .ok)
    let opened = JournalHouse.directory.withCString { directory in
      "kd1".withCString { unit in
        var options = weir_journal_options(
          directory: directory, unit: unit, segment_bytes: 0, read_only: true, from_segment: 0,
          from_serial: 0)
        return weir_journal_open(&options, house.os, nil, nil, &house.finding, &house.journal)
      }
    }
    try #require(opened == .ok)
    var hint: UInt64 = 0
    #expect(house.read(1 << 32 | 64).0 == .notFound)
    #expect(seek(house, 1, &hint).status == .notFound)
    #expect(weir_journal_oldest(house.journal) == 1 && weir_journal_room(house.journal) == 0)
  }
}
