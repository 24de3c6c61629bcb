import CWeirBase
import CWeirFaultyOs
import CWeirJournal
import CWeirOs
import Foundation
import Testing

@Suite("The journal")
struct JournalTests {
  @Test("what was appended and synced comes back in order, life after life")
  func roundTrip() throws {
    let house = try JournalHouse()
    let sizes = [0, 1, 7, 8, 9, 600, 5000]
    var positions: [UInt64] = []
    for life in 0..<4 {
      #expect(house.open() == .ok)
      #expect(house.finding.frames == UInt64(life * 50))
      #expect(house.finding.last_serial == UInt64(life * 50))
      #expect(!house.finding.torn)
      expectJournalFrames(house, life * 50, sizes: sizes)
      #expect(house.seen.map(\.position) == positions, "a position is valid for ever")
      positions += try journalFill(house, frames: 50, batch: 7, sizes: sizes)
    }
    #expect(house.open(readOnly: true) == .ok)
    expectJournalFrames(house, 200, sizes: sizes)
    #expect(house.append([1]).status == .closed)
    #expect(weir_journal_take(house.journal, 0) == nil)
  }

  @Test("it works on a real disk")
  func realDisk() throws {
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("weir-journal-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    for life in UInt64(0)..<3 {
      try directory.withCString { directory in
        try "kd1".withCString { unit in
          var options = weir_journal_options(
            directory: directory, unit: unit, segment_bytes: 256 * 1024, read_only: false,
            from_segment: 0, from_serial: 0)
          var finding = weir_journal_finding()
          var opened: OpaquePointer?
          let os = weir_os_linux()
          #expect(weir_journal_open(&options, os, nil, nil, &finding, &opened) == .ok)
          let journal = try #require(opened)
          defer { weir_journal_close(journal) }
          #expect(finding.frames == life * 20)
          let body = [UInt8](repeating: 0x5A, count: 20_000)
          var serial: UInt64 = 0
          var position: UInt64 = 0
          for _ in 0..<20 {
            let status = body.withUnsafeBufferPointer {
              var part = weir_bytes(at: $0.baseAddress, count: $0.count)
              return weir_journal_append(journal, 1, &part, 1, &serial, &position)
            }
            #expect(status == .ok)
            while let job = weir_journal_take(journal, 0) {
              let status = weir_journal_perform(job, os)
              #expect(status == .ok)
              _ = weir_journal_done(journal, job, status)
            }
          }
          #expect(weir_journal_durable(journal) == (life + 1) * 20)
        }
      }
    }
  }

  @Test("a full segment is followed by the next, and the reserve is filled up again")
  func rotation() throws {
    let house = try JournalHouse()
    let sizes = [30_000, 10, 50_000]
    #expect(house.open() == .ok)
    let positions = try journalFill(house, frames: 60, batch: 4, sizes: sizes)
    #expect((positions.last ?? 0) >> 32 >= 5)
    #expect(positions == positions.sorted())
    #expect(!house.scarce)
    let reserves = house.names().filter { $0.hasPrefix("reserve-") }
    #expect(reserves.count == Int(WEIR_JOURNAL_RESERVE))
    #expect(house.open() == .ok)
    #expect(house.finding.segments == (positions.last ?? 0) >> 32)
    expectJournalFrames(house, 60, sizes: sizes)
    for (index, position) in positions.enumerated() {
      let (status, frame) = house.read(position)
      #expect(status == .ok)
      #expect(frame == house.seen[index])
    }
  }

  @Test("every use of a segment has a salt of its own")
  func salts() throws {
    let house = try JournalHouse()
    var salts: [[UInt8]] = []
    for life in 1...3 {
      #expect(house.open() == .ok)
      _ = try journalFill(house, frames: 20, batch: 4, sizes: [50_000])
      let segments = house.names().filter { $0.hasPrefix("0") }.count
      #expect(segments >= 3 * life)
      // Older segments keep theirs; the copied one and those that followed have new ones.
      salts += (1...segments).map { house.peek(house.segmentPath($0), 16, 8) }.filter {
        !salts.contains($0)
      }
      #expect(salts.count == segments + life - 1)
    }
  }

  @Test("a batch never spans segments, and only one more segment may wait for the disk")
  func cutting() throws {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    var count = 0
    while house.append(journalBody(count + 1, 60_000)).status == .ok { count += 1 }
    #expect(count == 8, "four in this segment, four in the next")
    #expect(house.append([]).status == .ok, "a small one still fits")
    #expect(house.append(journalBody(0, 60_000)).status == .full)
    func stepBatch() {
      let before = house.durable
      while house.durable == before, house.step() == .ok {}
    }
    stepBatch()
    #expect(house.durable == 4)
    #expect(house.append(journalBody(10, 60_000)).status == .full, "one waits already")
    stepBatch()
    #expect(house.durable == 9)
    #expect(house.append(journalBody(10, 60_000)).status == .ok)
    #expect(house.drain() == .ok)
    #expect(house.durable == 10)
    #expect(house.open() == .ok)
    #expect(house.seen.map(\.body.count) == Array(repeating: 60_000, count: 8) + [0, 60_000])
  }

  @Test("while one job is in flight the next batch gathers, and there is no second job")
  func oneInFlight() throws {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    #expect(house.append([1]).status == .ok)
    let job = try #require(weir_journal_take(house.journal, 0))
    let (status, _, second) = house.append([2])
    #expect(status == .ok)
    #expect(weir_journal_take(house.journal, 0) == nil)
    #expect(house.durable == 0)
    #expect(house.read(second).1?.body == [2])
    #expect(weir_journal_perform(job, house.os) == .ok)
    #expect(weir_journal_done(house.journal, job, .ok))
    #expect(house.durable == 1)
    #expect(house.drain() == .ok)
    #expect(house.durable == 2)
  }

  @Test("limits are kept: a body, the gather buffer, the frames of a batch")
  func limits() throws {
    let house = try JournalHouse()
    house.segmentBytes = 0
    #expect(house.open() == .ok)
    let longest = Int(WEIR_JOURNAL_BODY_MAX)
    #expect(house.append([UInt8](repeating: 1, count: longest + 1)).status == .tooLong)
    let body = [UInt8](repeating: 1, count: longest)
    var count = 0
    while house.append(body).status == .ok { count += 1 }
    #expect(count == Int(WEIR_JOURNAL_GATHER_BYTES) / (longest + 16))
    #expect(house.append(body).status == .full)
    #expect(weir_journal_room(house.journal) < longest + 16)
    #expect(house.drain() == .ok)
    #expect(weir_journal_room(house.journal) == Int(WEIR_JOURNAL_GATHER_BYTES) - 64)
    for _ in 0..<65536 {
      if house.append([]).status != .ok { Issue.record("a frame was refused") }
    }
    #expect(house.append([]).status == .full)
    #expect(house.drain() == .ok)
    #expect(house.append([]).status == .ok)
    #expect(house.drain() == .ok)
    #expect(house.open(readOnly: true) == .ok)
    #expect(house.seen.count == count + 65537)
  }

  @Test("the caller's own no stops recovery and is handed back")
  func eachSaysNo() throws {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    _ = try journalFill(house, frames: 3, batch: 3, sizes: [10])
    house.close()
    let status = JournalHouse.directory.withCString { directory in
      "kd1".withCString { unit in
        var options = weir_journal_options(
          directory: directory, unit: unit, segment_bytes: house.segmentBytes, read_only: false,
          from_segment: 0, from_serial: 0)
        return weir_journal_open(
          &options, house.os,
          { _, view in (view?.pointee.serial ?? 0) < 2 ? .ok : .refused }, nil, &house.finding,
          &house.journal)
      }
    }
    #expect(status == .refused)
    #expect(house.journal == nil)
    #expect(house.open() == .ok, "the lock was given back")
  }

  @Test("a second process is told that the journal is in use")
  func locked() throws {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    let first = house.journal
    house.journal = nil
    #expect(house.open() == .busy)
    #expect(house.open(readOnly: true) == .ok)
    house.close()
    house.journal = first
    house.close()
    #expect(house.open() == .ok)
  }

  @Test("reading only changes nothing")
  func readOnly() throws {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    _ = try journalFill(house, frames: 30, batch: 4, sizes: [30_000])
    house.close()
    house.poke(house.segmentPath(4), 40_000, [1, 2, 3])
    let changing: [weir_faulty_call] = [
      WEIR_FAULTY_WRITE_AT, WEIR_FAULTY_SYNC, WEIR_FAULTY_RESERVE, WEIR_FAULTY_RENAME,
      WEIR_FAULTY_REMOVE, WEIR_FAULTY_SYNC_DIRECTORY, WEIR_FAULTY_MAKE_DIRECTORY,
    ]
    let names = house.names()
    let before = changing.map { weir_faulty_os_calls(house.faulty, $0) }
    let status = house.open(readOnly: true)
    #expect(status == .ok || status == .corrupt)
    house.close()
    #expect(changing.map { weir_faulty_os_calls(house.faulty, $0) } == before)
    #expect(house.names() == names)
  }

  @Test("frames are read back from both buffers and from the disk, and nothing else is")
  func readBack() throws {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    var positions: [UInt64] = []
    func append(_ count: Int) throws {
      let serial = positions.count + 1
      let (status, _, position) = house.append(journalBody(serial, count))
      try #require(status == .ok)
      positions.append(position)
    }
    func expectAll() {
      for (index, position) in positions.enumerated() {
        let (status, frame) = house.read(position)
        #expect(status == .ok)
        #expect(frame?.serial == UInt64(index + 1))
        #expect(frame?.position == position)
        let count = frame?.body.count ?? 0
        #expect(frame?.body == journalBody(index + 1, count))
      }
    }
    for count in [10, 4080, 4081, 100_000] { try append(count) }
    expectAll()
    #expect(house.drain() == .ok)
    for count in [0, 100_000, 100_000, 1] { try append(count) }
    expectAll()
    let job = try #require(weir_journal_take(house.journal, 0))
    try append(77)
    expectAll()
    let status = weir_journal_perform(job, house.os)
    expectAll()
    _ = weir_journal_done(house.journal, job, status)
    expectAll()
    #expect(house.drain() == .ok)
    expectAll()
    let nowhere: [UInt64] = [
      0, 64, 1 << 32, 1 << 32 | 63, 1 << 32 | 66, 9 << 32 | 64, (positions.last ?? 0) + 96,
    ]
    for position in nowhere { #expect(house.read(position).0 == .notFound) }
    let first = house.peek(house.segmentPath(1), 64 + 16, 1)
    house.poke(house.segmentPath(1), 64 + 16, [first[0] ^ 1])
    #expect(house.read(positions[0]).0 == .corrupt)
  }

  @Test("a serial is found wherever it lies, with any hint", arguments: [UInt64(0), 1, 2])
  func seek(seed: UInt64) throws {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    var hint: UInt64 = 0
    var found: UInt64 = 0
    #expect(weir_journal_seek(house.journal, 1, &hint, &found) == .notFound)
    var positions: [UInt64] = []
    func add(_ count: Int) {
      for _ in 0..<count {
        let serial = positions.count + 1
        let (status, _, position) = house.append(journalBody(serial, serial * 7919 % 9000))
        #expect(status == .ok)
        positions.append(position)
        if serial % 9 == 0 && serial < 300 { #expect(house.drain() == .ok) }
      }
    }
    add(100)
    #expect(house.drain() == .ok)
    if seed == 1 { #expect(house.open() == .ok) }
    add(220)
    if seed == 2 { #expect(house.drain() == .ok) }
    for serial in 1...320 {
      #expect(weir_journal_seek(house.journal, UInt64(serial), &hint, &found) == .ok)
      #expect(found == positions[serial - 1])
    }
    #expect(weir_journal_seek(house.journal, 321, &hint, &found) == .notFound)
    for step in 0..<200 {
      let serial = (step * 7919 + Int(seed)) % 320 + 1
      #expect(weir_journal_seek(house.journal, UInt64(serial), &hint, &found) == .ok)
      #expect(found == positions[serial - 1])
    }
    #expect(weir_journal_seek(house.journal, 0, &hint, &found) == .ok)
    #expect(found == positions[0])
  }

  @Test("a full disk is told early, then refused, and healed by room")
  func fullDisk() throws {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    #expect(!house.scarce)
    weir_faulty_os_set_capacity(house.faulty, 3 * house.segmentBytes)
    let body = journalBody(1, 30_000)
    var scarceAt: Int?
    var count = 0
    var last = weir_status.ok
    while last == .ok {
      last = house.append(body).status
      if last == .ok { count += 1 }
      while let status = house.step() { #expect(status == .ok || status == .noSpace) }
      if house.scarce && scarceAt == nil { scarceAt = count }
    }
    #expect(last == .noSpace)
    #expect(house.durable == UInt64(count))
    #expect(count == 24, "eight in each of three segments")
    #expect(scarceAt == 9, "told when the first reserve had to be used")
    #expect(weir_journal_take(house.journal, 999) == nil, "one try a second")
    house.now = 1000
    #expect(house.step() == .noSpace)
    weir_faulty_os_set_capacity(house.faulty, 6 * house.segmentBytes)
    house.now = 2000
    #expect(house.step() == .ok)
    #expect(house.scarce, "until the reserve is whole")
    #expect(house.append(body).status == .ok)
    #expect(house.drain() == .ok)
    #expect(!house.scarce)
    #expect(house.open() == .ok)
    #expect(house.seen.count == 25)
  }

  @Test("a start on a full disk goes on with what is there")
  func startOnFullDisk() throws {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    _ = try journalFill(house, frames: 5, batch: 2, sizes: [30_000])
    house.close()
    weir_faulty_os_set_capacity(house.faulty, 3 * house.segmentBytes)
    #expect(house.open() == .ok)
    expectJournalFrames(house, 5, sizes: [30_000])
    #expect(house.append([7]).status == .ok)
    #expect(house.drain() == .ok)
    house.close()
    let os = house.os.pointee
    for name in house.names() where name.hasPrefix("reserve-") {
      #expect(os.remove(os.context, JournalHouse.directory + "/" + name) == .ok)
    }
    weir_faulty_os_set_capacity(house.faulty, house.segmentBytes)
    #expect(house.open() == .noSpace, "not even a copy has room")
    weir_faulty_os_set_capacity(house.faulty, 2 * house.segmentBytes)
    #expect(house.open() == .ok)
    #expect(house.scarce, "the reserve is not whole")
    #expect(house.seen.count == 6)
  }

  @Test("after a failed job nothing more is taken in, and nothing more is called durable")
  func failure() throws {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    #expect(house.append([1]).status == .ok)
    #expect(house.drain() == .ok)
    let (_, _, second) = house.append([2])
    weir_faulty_os_fail(house.faulty, WEIR_FAULTY_SYNC, 0, 1, .syncFailed)
    let job = try #require(weir_journal_take(house.journal, 0))
    let (_, _, third) = house.append([3])
    #expect(weir_journal_perform(job, house.os) == .syncFailed)
    #expect(!weir_journal_done(house.journal, job, .syncFailed))
    #expect(house.append([4]).status == .closed)
    #expect(weir_journal_room(house.journal) == 0)
    #expect(weir_journal_take(house.journal, 0) == nil)
    #expect(house.durable == 1)
    #expect(house.read(second).1?.body == [2])
    #expect(house.read(third).1?.body == [3])
  }
}
