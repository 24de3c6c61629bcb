import CWeirBase
import CWeirFaultyOs
import CWeirJournal
import CWeirOs
import Testing

/// A frame as recovery or a read showed it.
struct JournalFrame: Equatable {
  var serial: UInt64
  var position: UInt64
  var kind: UInt8
  var body: [UInt8]

  init(_ view: weir_frame_view) {
    serial = view.serial
    position = view.position
    kind = view.kind
    body = Array(UnsafeBufferPointer(start: view.body.at, count: view.body.count))
  }
}

/// A journal in a faulty world, with its calls in Swift's words.
final class JournalHouse {
  static let directory = "/journal"
  let faulty: OpaquePointer
  private(set) var os: UnsafePointer<weir_os>
  private var replaced: UnsafeMutablePointer<weir_os>?
  var journal: OpaquePointer?
  var finding = weir_journal_finding()
  /// What the last open was told.
  var seen: [JournalFrame] = []
  var segmentBytes: UInt64 = 256 * 1024
  var now: UInt64 = 0
  /// Where recovery begins: a segment and its first serial; 0: with the oldest.
  var from: (segment: UInt32, serial: UInt64) = (0, 0)

  init(seed: UInt64 = 1) throws {
    faulty = try #require(weir_faulty_os_open(seed))
    os = try #require(weir_faulty_os_table(faulty))
  }

  deinit {
    close()
    weir_faulty_os_close(faulty)
    replaced?.deallocate()
  }

  /// From now on the journal speaks to the faulty world but for what `change` replaces.
  func replaceCalls(_ change: (inout weir_os) -> Void) {
    let table = replaced ?? .allocate(capacity: 1)
    table.initialize(to: os.pointee)
    change(&table.pointee)
    replaced = table
    os = UnsafePointer(table)
  }

  @discardableResult
  func open(readOnly: Bool = false, unit: String = "kd1") -> weir_status {
    close()
    seen = []
    return Self.directory.withCString { directory in
      unit.withCString { unit in
        var options = weir_journal_options(
          directory: directory, unit: unit, segment_bytes: segmentBytes, read_only: readOnly,
          from_segment: from.segment, from_serial: from.serial)
        return withUnsafeMutablePointer(to: &seen) {
          weir_journal_open(
            &options, os,
            { user, view in
              guard let user, let view else { return .invalid }
              let frame = JournalFrame(view.pointee)
              user.assumingMemoryBound(to: [JournalFrame].self).pointee.append(frame)
              return .ok
            }, $0, &finding, &journal)
        }
      }
    }
  }

  func close() {
    weir_journal_close(journal)
    journal = nil
  }

  func append(_ body: [UInt8], kind: UInt8 = 1) -> (
    status: weir_status, serial: UInt64, position: UInt64
  ) {
    var serial: UInt64 = 0
    var position: UInt64 = 0
    let status = body.withUnsafeBufferPointer { bytes in
      // Two parts, so that joining them is always under test.
      let half = bytes.count / 2
      let parts = [
        weir_bytes(at: bytes.baseAddress, count: half),
        weir_bytes(at: bytes.baseAddress.map { $0 + half }, count: bytes.count - half),
      ]
      return weir_journal_append(journal, kind, parts, 2, &serial, &position)
    }
    return (status, serial, position)
  }

  /// One job from take to done; nil when there was none.
  func step() -> weir_status? {
    guard let job = weir_journal_take(journal, now) else { return nil }
    let status = weir_journal_perform(job, os)
    let before = weir_journal_durable(journal)
    let moved = weir_journal_done(journal, job, status)
    #expect(moved == (weir_journal_durable(journal) > before))
    return status
  }

  /// Jobs until there is none or one fails.
  @discardableResult
  func drain() -> weir_status {
    while let status = step() {
      if status != .ok { return status }
    }
    return .ok
  }

  var durable: UInt64 { weir_journal_durable(journal) }
  var appended: UInt64 { weir_journal_appended(journal) }
  var scarce: Bool { weir_journal_scarce(journal) }

  func read(_ position: UInt64) -> (weir_status, JournalFrame?) {
    var memory = [UInt8](repeating: 0xEE, count: Int(WEIR_JOURNAL_BODY_MAX))
    return memory.withUnsafeMutableBufferPointer { bytes in
      var into = weir_buffer_over(bytes.baseAddress, bytes.count)
      var view = weir_frame_view()
      let status = weir_journal_read(journal, position, &into, &view)
      return (status, status == .ok ? JournalFrame(view) : nil)
    }
  }

  func segmentPath(_ number: Int) -> String {
    let digits = String(number)
    return Self.directory + "/" + String(repeating: "0", count: 10 - digits.count) + digits + ".wal"
  }

  func names() -> [String] {
    var found: [String] = []
    _ = withUnsafeMutablePointer(to: &found) {
      os.pointee.list(
        os.pointee.context, Self.directory,
        { user, name in
          guard let user, let name else { return .invalid }
          user.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
          return .ok
        }, $0)
    }
    return found
  }

  func peek(_ path: String, _ offset: UInt64, _ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var got = 0
    #expect(weir_faulty_os_peek(faulty, path, offset, &bytes, count, &got) == .ok)
    return Array(bytes[..<got])
  }

  func poke(_ path: String, _ offset: UInt64, _ bytes: [UInt8]) {
    let status = bytes.withUnsafeBufferPointer {
      weir_faulty_os_poke(faulty, path, offset, weir_bytes(at: $0.baseAddress, count: $0.count))
    }
    #expect(status == .ok)
  }

  /// The frame of 32 bytes at a position of the first segment, with one byte turned by `mask` and a
  /// checksum that is right for it.
  func forged(_ position: UInt64, flipping byte: Int, mask: UInt8) -> [UInt8] {
    let path = segmentPath(1)
    let seed = journalChecksum(0, peek(path, 16, 8))
    var frame = peek(path, position & 0xFFFF_FFFF, 32)
    frame[byte] ^= mask
    journalSign(&frame, at: 0, over: 4..<32, seed: seed)
    return frame
  }

  var reason: String {
    withUnsafeBytes(of: finding.reason) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}

/// The world as it was before a call was replaced, and what the replaced one does first.
struct JournalTurn: @unchecked Sendable {
  @TaskLocal static var current: JournalTurn?
  let world: weir_os
  var act: () -> Void = {}
}

/// The body that serial `serial` is given in these tests.
func journalBody(_ serial: Int, _ count: Int) -> [UInt8] {
  var body = [UInt8](repeating: UInt8(truncatingIfNeeded: serial &* 37 &+ 11), count: count)
  for i in 0..<min(8, count) {
    body[i] = UInt8(truncatingIfNeeded: serial >> (8 * i))
  }
  return body
}

/// Frames whose sizes cycle, in batches of `batch`, all durable; gives their positions.
func journalFill(
  _ house: JournalHouse, frames: Int, batch: Int, sizes: [Int]
) throws -> [UInt64] {
  var positions: [UInt64] = []
  for serial in house.seen.count + 1...house.seen.count + frames {
    let body = journalBody(serial, sizes[serial % sizes.count])
    let (status, given, position) = house.append(body, kind: UInt8(serial % 63 + 1))
    try #require(status == .ok)
    #expect(given == UInt64(serial))
    positions.append(position)
    if serial % batch == 0 { #expect(house.drain() == .ok) }
  }
  #expect(house.drain() == .ok)
  #expect(house.durable == house.appended)
  return positions
}

func expectJournalFrames(_ house: JournalHouse, _ count: Int, sizes: [Int]) {
  #expect(house.seen.count == count)
  for (index, frame) in house.seen.enumerated() {
    let serial = index + 1
    #expect(frame.serial == UInt64(serial))
    #expect(frame.kind == UInt8(serial % 63 + 1))
    #expect(frame.body == journalBody(serial, sizes[serial % sizes.count]))
  }
}

func journalChecksum(_ seed: UInt32, _ bytes: [UInt8]) -> UInt32 {
  bytes.withUnsafeBufferPointer {
    weir_crc32c(seed, weir_bytes(at: $0.baseAddress, count: $0.count))
  }
}

/// Writes the checksum of a part of a header or a frame to where it lies, so that it holds.
func journalSign(_ bytes: inout [UInt8], at place: Int, over part: Range<Int>, seed: UInt32 = 0) {
  let sum = journalChecksum(seed, Array(bytes[part]))
  for i in 0..<4 { bytes[place + i] = UInt8(truncatingIfNeeded: sum >> (8 * i)) }
}
