import CWeirBase
import CWeirFaultyOs
import CWeirJournal
import CWeirOs
import Testing

/// What recovery refuses, how it names it, and what it does where the disk fails meanwhile.
@Suite("The journal's recovery") struct JournalRecoveryTests {
  private static let sizes = [30_000, 10, 50_000, 0]

  /// A journal of several segments, closed.
  private func several(_ frames: Int = 40) throws -> JournalHouse {
    let house = try JournalHouse()
    try #require(house.open() == .ok)
    _ = try journalFill(house, frames: frames, batch: 3, sizes: Self.sizes)
    house.close()
    try #require(house.names().filter { $0.hasPrefix("0") }.count >= 3)
    return house
  }

  /// Opens the journal of some folder, and tells whom it may concern of every frame.
  private func open(
    _ house: JournalHouse, at directory: String, readOnly: Bool = false,
    user: UnsafeMutableRawPointer? = nil,
    _ each: (
      @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<weir_frame_view>?) -> weir_status
    )? = nil
  ) -> weir_status {
    house.close()
    return directory.withCString { directory in
      "kd1".withCString { unit in
        var options = weir_journal_options(
          directory: directory, unit: unit, segment_bytes: house.segmentBytes,
          read_only: readOnly, from_segment: 0, from_serial: 0)
        return weir_journal_open(
          &options, house.os, each, user, &house.finding, &house.journal)
      }
    }
  }

  /// Makes a file of zeros.
  private static func make(_ house: JournalHouse, _ path: String, _ bytes: UInt64) {
    let os = house.os.pointee
    var file: OpaquePointer?
    #expect(os.open(os.context, path, WEIR_OPEN_CREATE, &file) == .ok)
    os.close(os.context, file)
    #expect(weir_faulty_os_truncate(house.faulty, path, bytes) == .ok)
  }

  private func last(_ house: JournalHouse) -> Int {
    house.names().filter { $0.hasPrefix("0") }.count
  }

  /// Changes a segment's header and makes its checksum hold again.
  private func forge(_ house: JournalHouse, _ segment: Int, _ change: (inout [UInt8]) -> Void) {
    var header = house.peek(house.segmentPath(segment), 0, 64)
    change(&header)
    journalSign(&header, at: 60, over: 0..<60)
    house.poke(house.segmentPath(segment), 0, header)
  }

  /// A header that holds by itself and does not belong where it stands.
  private static let headers: [(name: String, segment: Int, at: Int, by: UInt8, reason: String)] = [
    ("a number of another segment", 2, 12, 8, "another number"),
    ("no serial at all", 1, 24, 1, "impossible serial"),
    ("a first segment behind another", 1, 32, 1, "impossible serial"),
    ("a first segment that begins late", 1, 25, 1, "impossible serial"),
    ("a chain that another segment would continue", 2, 32, 1, "does not continue"),
    ("frames that are missing before it", 2, 26, 1, "missing before the next"),
    ("a unit of another name", 3, 36, 1, "another unit"),
    ("a format that is not known", 3, 8, 1, "version"),
  ]

  @Test("a header that holds and does not belong is named by what is wrong", arguments: headers)
  func header(row: (name: String, segment: Int, at: Int, by: UInt8, reason: String)) throws {
    let house = try several()
    forge(house, row.segment) { $0[row.at] ^= row.by }
    #expect(house.open(readOnly: true) == .corrupt)
    #expect(house.reason.contains(row.reason), "\(row.name): \(house.reason)")
    #expect(house.seen.isEmpty)
  }

  @Test("a segment whose serials begin before those of the one before it is damage")
  func earlierSerial() throws {
    let house = try several()
    forge(house, 2) { $0[24] = 1 }
    #expect(house.open(readOnly: true) == .corrupt)
    #expect(house.finding.segment == 2 && house.reason.contains("does not continue"))
  }

  @Test("what an earlier use left at the end is no segment; what is newer is damage")
  func leftover() throws {
    for (serial, status) in [(1, weir_status.ok), (200, .corrupt)] as [(UInt8, weir_status)] {
      let house = try several()
      let number = last(house)
      forge(house, number) {
        $0[12] = 99
        $0[24] = serial
        $0[25] = 0
        // Its frames lie under a salt that nobody expects.
        $0[16] ^= 1
      }
      let frames = house.peek(house.segmentPath(number), 64, 200_000)
      house.poke(house.segmentPath(number), 64, frames.map { $0 ^ 0x55 })
      #expect(house.open(readOnly: true) == status, "\(serial): \(house.reason)")
    }
  }

  @Test("segments before the one where recovery begins are held against their headers alone")
  func skimmed() throws {
    let first = try several()
    try #require(first.open(readOnly: true) == .ok)
    let frame = try #require(first.seen.first { $0.position >> 32 == 3 })
    let changes: [(name: String, change: (inout [UInt8]) -> Void)] = [
      ("another number", { $0[12] = 7 }), ("another unit", { $0[36] ^= 1 }),
      ("an earlier serial", { $0[24] = 0 }),
    ]
    func skim(_ house: JournalHouse) -> weir_status {
      house.from = (3, frame.serial)
      return house.open(readOnly: true)
    }
    let good = try several()
    #expect(skim(good) == .ok && good.seen.first == frame)
    for (name, change) in changes {
      let house = try several()
      forge(house, 2, change)
      #expect(skim(house) == .corrupt, "\(name)")
    }
    let torn = try several()
    torn.poke(torn.segmentPath(2), 3, [0xEE])
    #expect(skim(torn) == .corrupt && torn.finding.segment == 2)
    // And where there is no such segment, or another serial than was said.
    for from in [(9, 1), (3, 2)] as [(UInt32, UInt64)] {
      let house = try several()
      house.from = from
      #expect(house.open(readOnly: true) == .corrupt && house.finding.segment == from.0)
    }
    let retired = try several()
    let os = retired.os.pointee
    try #require(os.remove(os.context, retired.segmentPath(1)) == .ok)
    retired.from = (1, 1)
    #expect(retired.open(readOnly: true) == .corrupt)
  }

  /// What a crash may leave, each as a change to a journal of several segments.
  private static let ends: [(name: String, leave: @Sendable (JournalHouse, Int) -> Void)] = [
    ("whole", { _, _ in }),
    (
      "torn",
      { house, last in
        var size: UInt64 = 0
        _ = weir_faulty_os_file_size(house.faulty, house.segmentPath(last), &size)
        let used = house.peek(house.segmentPath(last), 0, Int(size)).lastIndex { $0 != 0 } ?? 0
        let byte = house.peek(house.segmentPath(last), UInt64(used), 1)
        house.poke(house.segmentPath(last), UInt64(used), [byte[0] ^ 0x10])
      }
    ),
    (
      "begun and never synced",
      { house, last in
        house.poke(house.segmentPath(last), 0, [UInt8](repeating: 0, count: 200_000))
      }
    ),
    (
      "half made",
      { house, _ in
        make(house, "/journal/reserve-0000000099.wal", 3)
        make(house, "/journal/.0000000098.wal", 3)
      }
    ),
  ]

  @Test(
    "whatever call fails meanwhile, recovery says so, judges nothing by it, and comes to the same",
    arguments: [0, 1, 2, 3], [false, true])
  func failing(which: Int, skims: Bool) throws {
    func made() throws -> JournalHouse {
      let house = try several(33)
      let number = last(house)
      Self.ends[which].leave(house, number)
      if skims {
        try #require(house.open(readOnly: true) == .ok, "\(house.reason)")
        let frame = try #require(house.seen.first { $0.position >> 32 == 2 })
        house.close()
        house.from = (2, frame.serial)
      }
      return house
    }
    let good = try made()
    try #require(good.open() == .ok, "\(good.reason)")
    var survived = false
    for n in 0..<2000 where !survived {
      let house = try made()
      weir_faulty_os_fail(house.faulty, WEIR_FAULTY_ANY, UInt64(n), 1, .ioFailed)
      let status = house.open()
      survived = weir_faulty_os_failures(house.faulty) == 0
      #expect(status == (survived ? .ok : .ioFailed), "\(Self.ends[which].name), call \(n)")
      house.close()
      weir_faulty_os_heal(house.faulty)
      #expect(house.open() == .ok, "\(Self.ends[which].name), after call \(n): \(house.reason)")
      #expect(house.seen.map(\.body) == good.seen.map(\.body))
    }
    #expect(survived)
  }

  /// What happens once a reader has been told of the first frame, and how many it was told of.
  private final class Meanwhile {
    let act: () -> Void
    var frames = 0
    init(_ act: @escaping () -> Void) { self.act = act }
  }

  /// Reads the journal, with something happening meanwhile.
  private func read(
    _ house: JournalHouse, meanwhile act: @escaping () -> Void
  ) -> (status: weir_status, frames: Int) {
    let meanwhile = Meanwhile(act)
    let status = open(
      house, at: JournalHouse.directory, readOnly: true,
      user: Unmanaged.passUnretained(meanwhile).toOpaque()
    ) { user, _ in
      guard let user else { return .invalid }
      let meanwhile = Unmanaged<Meanwhile>.fromOpaque(user).takeUnretainedValue()
      if meanwhile.frames == 0 { meanwhile.act() }
      meanwhile.frames += 1
      return .ok
    }
    return (status, meanwhile.frames)
  }

  private func spoil(_ house: JournalHouse, _ segment: Int, at place: UInt64 = 64 + 4) {
    let byte = house.peek(house.segmentPath(segment), place, 1)
    house.poke(house.segmentPath(segment), place, [byte[0] ^ 1])
  }

  private func remove(_ house: JournalHouse, _ segments: [Int]) {
    let os = house.os.pointee
    for number in segments {
      #expect(os.remove(os.context, house.segmentPath(number)) == .ok)
    }
  }

  @Test("a disk that shows less when it is read again is not believed")
  func readsOtherwise() throws {
    for place in [0, 64 + 4] as [UInt64] {
      let house = try several()
      let (status, frames) = read(house) { spoil(house, 3, at: place) }
      #expect(status == .ioFailed)
      #expect(frames > 0 && frames < 40)
    }
  }

  @Test("a reader begins again where segments were retired meanwhile, and only there")
  func retiredMeanwhile() throws {
    let count = last(try several())
    let rows: [(removed: [Int], spoiled: Int?, status: weir_status)] = [
      ([], nil, .ok), ([1], nil, .ok), ([1, 2, 3], nil, .again), ([3], nil, .notFound),
      (Array(1...count), nil, .notFound), ([1], 3, .again), ([], 3, .ioFailed),
    ]
    for row in rows {
      let house = try several()
      let (status, frames) = read(house) {
        if let segment = row.spoiled { spoil(house, segment) }
        remove(house, row.removed)
      }
      #expect(status == row.status, "\(row)")
      #expect((frames == 40) == (status == .ok), "\(row)")
    }
  }

  @Test("damage is told as it was found where the folder cannot be listed once more")
  func listsOnce() throws {
    for fails in [false, true] {
      let house = try several()
      spoil(house, 2)
      if fails { weir_faulty_os_fail(house.faulty, WEIR_FAULTY_LIST, 1, 1, .ioFailed) }
      #expect(house.open(readOnly: true) == .corrupt)
      #expect(weir_faulty_os_failures(house.faulty) == (fails ? 1 : 0))
      #expect(house.finding.segment == 2 && !house.reason.isEmpty)
    }
  }

  @Test(
    "the name of a new journal's folder is synced too, however it is written",
    arguments: ["journal", "j", "/a/journal", "/a//journal/", "/journal/", "a/journal"])
  func folder(directory: String) throws {
    let house = try JournalHouse()
    let os = house.os.pointee
    for parent in ["/a", "a"] { _ = os.make_directory(os.context, parent) }
    weir_faulty_os_settle(house.faulty)
    #expect(open(house, at: directory) == .ok)
    #expect(house.append([1, 2, 3]).serial == 1)
    #expect(house.drain() == .ok)
    weir_faulty_os_power_cut_losing_all(house.faulty, 1)
    #expect(open(house, at: directory) == .ok)
    #expect(house.durable == 1)
  }

  @Test("files of the reserve that are too many, or not whole, are put away")
  func reserves() throws {
    let house = try several()
    let before = house.names().filter { $0.hasPrefix("reserve-") }
    try #require(before.count == 2)
    Self.make(house, "/journal/reserve-0000000050.wal", house.segmentBytes)
    Self.make(house, "/journal/reserve-0000000051.wal", 3)
    #expect(house.open() == .ok)
    #expect(house.names().filter { $0.hasPrefix("reserve-") }.count == 2)
    #expect(!house.names().contains("reserve-0000000051.wal"))
  }
}
