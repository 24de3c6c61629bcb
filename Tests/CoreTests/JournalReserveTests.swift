import CWeirBase
import CWeirFaultyOs
import CWeirJournal
import CWeirOs
import Testing

/// Segments in reserve: filled before they are used, made beside what must not wait for them, and
/// never spent while the disk has room.
@Suite("The journal's reserve") struct JournalReserveTests {
  /// What one job of the reserve writes.
  private static let part: UInt64 = 512 * 1024

  private func open(bytes: UInt64) throws -> JournalHouse {
    let house = try JournalHouse()
    house.segmentBytes = bytes
    #expect(house.open() == .ok)
    return house
  }

  private func reserves(_ house: JournalHouse, _ prefix: String = "reserve-") -> [String] {
    house.names().filter { $0.hasPrefix(prefix) }
  }

  /// A house whose journal has just begun its second segment and lacks a reserve file.
  private func lacking(bytes: UInt64 = 2 << 20) throws -> JournalHouse {
    let house = try open(bytes: bytes)
    while reserves(house).count == 2 {
      #expect(house.append(journalBody(1, 100_000)).status == .ok)
      #expect(house.step() == .ok)
    }
    try #require(reserves(house).count == 1)
    return house
  }

  @Test("every byte of a segment has been written before a frame goes there")
  func filled() throws {
    let house = try JournalHouse()
    house.segmentBytes = 1 << 20
    final class Written: @unchecked Sendable { var bytes: UInt64 = 0 }
    let written = Written()
    let world = house.os.pointee
    let turn = JournalWrite(world: world) { offset, bytes in
      if bytes.count == Int(WEIR_JOURNAL_HEADER_BYTES) { return }
      #expect(offset == written.bytes % (1 << 20) && bytes.allSatisfy { $0 == 0 })
      written.bytes += UInt64(bytes.count)
    }
    house.replaceCalls {
      $0.write_at = { context, file, offset, bytes in
        guard let turn = JournalWrite.current else { return .invalid }
        turn.see(offset, Array(UnsafeBufferPointer(start: bytes.at, count: bytes.count)))
        return turn.world.write_at(context, file, offset, bytes)
      }
    }
    JournalWrite.$current.withValue(turn) { #expect(house.open() == .ok) }
    #expect(written.bytes == 3 << 20, "the first segment and two in reserve")
  }

  @Test("a batch waits for one part of a reserve file, never for all of it")
  func inParts() throws {
    let house = try lacking()
    var parts = 0
    while reserves(house).count == 1 {
      let before = weir_faulty_os_calls(house.faulty, WEIR_FAULTY_WRITE_AT)
      #expect(house.step() == .ok)
      let calls = weir_faulty_os_calls(house.faulty, WEIR_FAULTY_WRITE_AT) - before
      #expect(calls * 64 * 1024 == Self.part)
      parts += 1
      let durable = house.durable
      #expect(house.append([1]).status == .ok)
      #expect(house.step() == .ok)
      #expect(house.durable == durable + 1, "what waits goes before the next part")
    }
    #expect(parts == 4)
    #expect(house.drain() == .ok && house.open() == .ok)
  }

  struct Busy {
    var segment: UInt64
    var body: Int
    var batch: Int
  }

  @Test(
    "a unit that is never idle still fills its reserve up before it is spent",
    arguments: [
      Busy(segment: 256 * 1024, body: 20_000, batch: 1),
      Busy(segment: 4 << 20, body: 600, batch: 10),
      Busy(segment: 4 << 20, body: 600, batch: 100),
      Busy(segment: 4 << 20, body: 100_000, batch: 1),
      Busy(segment: 4 << 20, body: 100_000, batch: 12),
      Busy(segment: 4 << 20, body: 100_000, batch: 30),
    ])
  func neverIdle(busy: Busy) throws {
    let house = try open(bytes: busy.segment)
    var serial = 0
    var bytes: UInt64 = 0
    while bytes < 8 * busy.segment {
      while weir_journal_room(house.journal) < busy.batch * (busy.body + 100) {
        #expect(!reserves(house).isEmpty, "the reserve is spent")
        #expect(house.step() == .ok)
      }
      // There is always a batch waiting when a job is taken.
      for _ in 0..<busy.batch {
        serial += 1
        #expect(house.append(journalBody(serial, busy.body)).status == .ok)
        bytes += UInt64(busy.body)
      }
      #expect(house.step() == .ok)
    }
    #expect(house.drain() == .ok)
    #expect(house.durable == UInt64(serial))
    #expect(!house.scarce)
  }

  @Test("while batches wait only small ones have the next segment filled", arguments: [1, 30])
  func worthFilling(frames: Int) throws {
    let house = try open(bytes: 2 << 20)
    var filled: UInt64 = 0
    while house.names().filter({ $0.hasPrefix("0") }).count < 3 {
      for _ in 0..<frames { #expect(house.append(journalBody(1, 1000)).status == .ok) }
      let before = weir_faulty_os_calls(house.faulty, WEIR_FAULTY_WRITE_AT)
      #expect(house.step() == .ok)
      let calls = weir_faulty_os_calls(house.faulty, WEIR_FAULTY_WRITE_AT) - before
      if calls > 1 { filled += calls * 64 * 1024 }
    }
    #expect(frames == 1 ? filled >= 2 << 20 : filled == 0)
  }

  @Test("a power cut while a reserve file is filled leaves none that is half made")
  func cutWhileFilling() throws {
    for parts in 1...3 {
      let house = try lacking()
      let known = house.durable
      for _ in 0..<parts { #expect(house.step() == .ok) }
      #expect(reserves(house, ".reserve-").count == 1)
      house.close()
      weir_faulty_os_power_cut(house.faulty, UInt64(parts))
      #expect(house.open() == .ok, "\(house.reason)")
      #expect(house.seen.count == Int(known))
      #expect(reserves(house, ".reserve-").isEmpty && reserves(house).count == 2)
    }
  }

  @Test("a disk that is full while a file is filled makes the journal scarce and keeps no half")
  func fullWhileFilling() throws {
    let house = try lacking()
    #expect(house.step() == .ok)
    weir_faulty_os_fail(house.faulty, WEIR_FAULTY_WRITE_AT, 1, 1, .noSpace)
    #expect(house.step() == .noSpace)
    #expect(house.scarce && reserves(house, ".reserve-").isEmpty)
    #expect(house.append([1]).status == .ok, "what is there is used")
    house.now = 1000
    #expect(house.drain() == .ok)
    #expect(!house.scarce && reserves(house).count == 2)
  }

  @Test("a disk that fails while a file is filled ends the journal")
  func failsWhileFilling() throws {
    for call in [WEIR_FAULTY_WRITE_AT, WEIR_FAULTY_SYNC] {
      let house = try lacking()
      #expect(house.step() == .ok)
      weir_faulty_os_fail(house.faulty, call, 0, 1, .ioFailed)
      #expect(house.step() == .ioFailed)
      #expect(house.append([1]).status == .closed)
    }
  }

  @Test("a retired segment that is gone is forgotten, though no room was found for another file")
  func goneWithoutRoom() throws {
    let house = try open(bytes: 512 * 1024)
    while weir_journal_durable(house.journal) < 30 {
      #expect(house.append(journalBody(1, 60_000)).status == .ok)
      #expect(house.drain() == .ok)
    }
    house.segmentBytes = 256 * 1024
    #expect(house.open() == .ok)
    while reserves(house).count == 2 {
      #expect(house.append(journalBody(1, 60_000)).status == .ok)
      #expect(house.step() == .ok)
    }
    weir_journal_retire(house.journal, 3)
    weir_faulty_os_fail(house.faulty, WEIR_FAULTY_RESERVE, 0, 1, .noSpace)
    #expect(house.step() == .noSpace)
    #expect(house.scarce && !house.names().contains("0000000001.wal"))
    #expect(weir_journal_oldest(house.journal) > 1)
    house.now = 1000
    #expect(house.drain() == .ok)
    #expect(!house.scarce && house.open() == .ok, "\(house.reason)")
  }
}

/// The world as it was before `write_at` was replaced, and who sees what is written.
private struct JournalWrite: @unchecked Sendable {
  @TaskLocal static var current: JournalWrite?
  let world: weir_os
  let see: (UInt64, [UInt8]) -> Void
}
