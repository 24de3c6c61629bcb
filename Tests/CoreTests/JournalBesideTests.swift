import CWeirBase
import CWeirFaultyOs
import CWeirJournal
import CWeirOs
import Testing

/// `weir journal verify`, `show` and `export` beside the unit that writes.
@Suite("Reading a journal while a unit writes it")
struct JournalBesideTests {
  private static let sizes = [300, 5_000, 40, 20_000]

  /// Frames of one batch, made durable.
  private func write(_ writer: JournalHouse, _ frames: Int) {
    for _ in 0..<frames {
      let serial = Int(writer.appended) + 1
      let body = journalBody(serial, Self.sizes[serial % Self.sizes.count])
      #expect(writer.append(body, kind: UInt8(serial % 63 + 1)).status == .ok)
    }
    #expect(writer.drain() == .ok)
  }

  /// A reader of the writer's world, whose calls are the test's.
  private func read(
    _ writer: JournalHouse, _ change: (inout weir_os) -> Void
  ) -> (status: weir_status, finding: weir_journal_finding, frames: UInt64) {
    var table = writer.os.pointee
    change(&table)
    var finding = weir_journal_finding()
    var reader: OpaquePointer?
    var told: UInt64 = 0
    let status = JournalHouse.directory.withCString { directory in
      "kd1".withCString { unit in
        var options = weir_journal_options(
          directory: directory, unit: unit, segment_bytes: 0, read_only: true, from_segment: 0,
          from_serial: 0)
        return weir_journal_open(
          &options, &table,
          { user, _ in
            user?.assumingMemoryBound(to: UInt64.self).pointee += 1
            return .ok
          }, &told, &finding, &reader)
      }
    }
    weir_journal_close(reader)
    return (status, finding, told)
  }

  /// Where a read of the reader is cut in two: the writer has batches durable in between, as the
  /// kernel lets it.
  @TaskLocal private static var cut: UInt64 = 0

  @Test(
    "what was written while it was read is neither torn nor damage", arguments: [1, 2, 40], [1, 3])
  func batchesMeanwhile(frames: Int, times: Int) throws {
    for cut in stride(from: UInt64(64), to: 140_000, by: 1_231) {
      let writer = try JournalHouse()
      #expect(writer.open() == .ok)
      write(writer, 12)
      let before = writer.durable
      var left = times
      let turn = JournalTurn(world: writer.os.pointee) {
        left -= 1
        for _ in 0..<(left < 0 ? 0 : 3) { write(writer, frames) }
      }
      let found = Self.$cut.withValue(cut) {
        JournalTurn.$current.withValue(turn) { read(writer) { $0.read_at = Self.readInTwo } }
      }
      let place = "cut at \(cut): \(found.finding.segment), \(found.finding.offset)"
      #expect(found.status == .ok && !found.finding.torn, "\(place)")
      #expect(found.frames >= before && found.frames == found.finding.frames, "\(place)")
    }
  }

  private static let readInTwo:
    @convention(c) (
      UnsafeMutableRawPointer?, OpaquePointer?, UInt64, UnsafeMutableRawPointer?, Int,
      UnsafeMutablePointer<Int>?
    ) -> weir_status = { context, file, offset, into, count, got in
      guard let turn = JournalTurn.current, let into, let got else { return .invalid }
      let first = cut > offset ? min(Int(cut - offset), count) : 0
      let status = turn.world.read_at(context, file, offset, into, first, got)
      if status != .ok || got.pointee < first { return status }
      turn.act()
      defer { got.pointee += first }
      return turn.world.read_at(
        context, file, offset + UInt64(first), into + first, count - first, got)
    }

  /// The last frame of a batch of three stands there by its first `part` bytes.
  @Test(
    "half a batch is being written where a unit runs, and torn where none does",
    arguments: [true, false], [20, 100, 4_000])
  func halfABatch(runs: Bool, part: UInt64) throws {
    let writer = try JournalHouse()
    #expect(writer.open() == .ok)
    let places = try journalFill(writer, frames: 9, batch: 3, sizes: [5_000])
    let place = places[8] & 0xFFFF_FFFF
    if !runs { writer.close() }
    writer.poke(writer.segmentPath(1), place + part, Array(repeating: 0, count: 5_016 - Int(part)))
    let found = read(writer) { _ in }
    #expect(found.status == .ok && found.frames == 8)
    #expect(found.finding.torn == !runs && found.finding.writing == runs)
  }

  /// A journal that nobody writes any more, the end of whose last batch is missing.
  private func torn() throws -> JournalHouse {
    let writer = try JournalHouse()
    #expect(writer.open() == .ok)
    let places = try journalFill(writer, frames: 9, batch: 3, sizes: [5_000])
    writer.close()
    let end = (places[8] & 0xFFFF_FFFF) + 100
    writer.poke(writer.segmentPath(1), end, Array(repeating: 0, count: 4_916))
    return writer
  }

  @Test("a copy without the file that a unit locks is torn where it is torn")
  func copy() throws {
    let writer = try torn()
    let os = writer.os.pointee
    #expect(os.remove(os.context, JournalHouse.directory + "/lock") == .ok)
    let found = read(writer) { _ in }
    #expect(found.status == .ok && found.finding.torn && !found.finding.writing)
    #expect(os.remove(os.context, JournalHouse.directory + "/lock") == .notFound, "none is made")
  }

  @Test("whichever read of a torn journal fails, the reader says so")
  func failingReads() throws {
    let writer = try torn()
    var survived = false
    for n in 0..<100 where !survived {
      weir_faulty_os_fail(writer.faulty, WEIR_FAULTY_READ_AT, UInt64(n), 1, .ioFailed)
      let found = read(writer) { _ in }
      survived = weir_faulty_os_failures(writer.faulty) == 0
      #expect(found.status == (survived ? .ok : .ioFailed), "read \(n)")
      weir_faulty_os_heal(writer.faulty)
    }
    #expect(survived)
  }

  @Test("what is damaged is damaged beside a running unit too", arguments: [true, false])
  func damage(runs: Bool) throws {
    let writer = try JournalHouse()
    #expect(writer.open() == .ok)
    let places = try journalFill(writer, frames: 9, batch: 3, sizes: [5_000])
    if !runs { writer.close() }
    writer.poke(writer.segmentPath(1), places[4] & 0xFFFF_FFFF + 300, [0, 1, 2])
    let found = read(writer) { _ in }
    #expect(found.status == .corrupt && found.finding.serial == 5)
    #expect(!found.finding.torn && !found.finding.writing)
  }
}
