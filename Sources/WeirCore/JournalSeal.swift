internal import CCore

/// The seal of a day: a short code over every record that was written on it. Printed and filed
/// away, it shows years later whether the journal still says of that day what it said then.
///
/// The code is the beginning of a SHA-256 over the unit, the day, and serial, kind, length and
/// bytes of each record. A day's records are those from the first one stamped on it to the last
/// one before a later day's; so every record belongs to one day, a clock set back or not.
public struct JournalSeal: Sendable {
  /// The first and the last serial; nil when nothing was written on that day.
  public let serials: ClosedRange<UInt64>?
  /// Twenty hexadecimal digits in groups of four.
  public let code: String
  /// Whether a later day's records follow: only then the code is final.
  public let isClosed: Bool
}

/// Hashes the frames of one day.
@safe
final class FrameSealer: FrameReader {
  private let day: UInt32
  private var running: UInt32 = 0
  private var first: UInt64 = 0
  private var last: UInt64 = 0
  private var run = unsafe weir_sha256_run()

  init(unit: String, day: UInt32) throws(CoreError) {
    self.day = day
    try super.init(unit: unit)
    unsafe weir_sha256_begin(&run)
    add(Array("weir-seal-1 \(unit) \(day)\n".utf8))
  }

  private func add(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBufferPointer {
      unsafe weir_sha256_add(&run, weir_bytes(at: $0.baseAddress, count: $0.count))
    }
  }

  private func add(_ number: UInt64) {
    add((0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
  }

  override func take(_ frame: UnsafePointer<weir_frame_view>) -> weir_status {
    var seen = unsafe weir_record()
    let status = unsafe weir_works_look(texts, frame, &seen)
    guard status == .ok else { return status }
    let wall = unsafe seen.now.wall_ms
    if wall != 0 { running = max(running, weir_day_of(wall)) }
    guard running == day else { return running < day ? .ok : .closed }
    last = unsafe frame.pointee.serial
    if first == 0 { first = last }
    add(last)
    add(UInt64(unsafe frame.pointee.kind))
    unsafe add(UInt64(frame.pointee.body.count))
    unsafe weir_sha256_add(&run, frame.pointee.body)
    return .ok
  }

  /// The seal; once, at the end.
  func finish() -> JournalSeal {
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe weir_sha256_end(&run, &digest)
    let digits = digest.prefix(10).map { byte in
      let text = String(byte, radix: 16)
      return text.utf8.count == 1 ? "0" + text : text
    }
    let groups = stride(from: 0, to: 10, by: 2).map { digits[$0] + digits[$0 + 1] }
    return JournalSeal(
      serials: first == 0 ? nil : first...last, code: groups.joined(separator: "-"),
      isClosed: running > day)
  }
}
