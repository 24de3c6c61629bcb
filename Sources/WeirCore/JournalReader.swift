internal import CCore

/// Reads a journal that no unit has open for writing by us: `weir journal verify` and `show`.
public enum JournalReader {
  /// What a reading found.
  public struct Finding: Sendable {
    /// Valid records.
    public let records: UInt64
    /// Segments read.
    public let segments: UInt64
    /// Whether the last batch was torn: bytes of it were written, but never answered durable.
    public let torn: Bool
    /// Place and reason of a torn tail.
    public let place: String
  }

  /// Reads every record in order.
  ///
  /// - Parameters:
  ///   - directory: the unit's data folder.
  ///   - unit: the unit's name.
  ///   - line: called with each record as one line of JSON; return false to stop.
  public static func read(
    _ directory: String, unit: String, line: (String) -> Bool
  ) throws(CoreError) -> Finding {
    var finding = weir_journal_finding()
    let strings = CStrings()
    var texts: OpaquePointer?
    guard unsafe weir_texts_open(&texts) == .ok else {
      throw CoreError(kind: .internal, message: "out of memory")
    }
    defer { unsafe weir_texts_close(texts) }
    var journal: OpaquePointer?
    defer { unsafe weir_journal_close(journal) }
    let status = withoutActuallyEscaping(line) { line in
      let reader = unsafe FrameReader(unit: unit, texts: texts, line: line)
      var options = unsafe weir_journal_options()
      unsafe options.directory = strings.keep(directory + "/journal")
      unsafe options.unit = strings.keep(unit)
      unsafe options.read_only = true
      return withExtendedLifetime(reader) {
        unsafe weir_journal_open(
          &options, weir_os_linux(),
          { user, frame in
            guard let user = unsafe user, let frame = unsafe frame else { return .invalid }
            return unsafe Unmanaged<FrameReader>.fromOpaque(user).takeUnretainedValue()
              .take(frame)
          }, Unmanaged.passUnretained(reader).toOpaque(), &finding, &journal)
      }
    }
    let reason = unsafe withUnsafeBytes(of: finding.reason) {
      unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    let place =
      "segment \(finding.segment), offset \(finding.offset), record \(finding.serial): \(reason)"
    if status == .corrupt {
      throw CoreError(
        kind: .damaged, message: "the journal in \(directory)/journal is damaged: \(place)")
    }
    guard status == .ok || status == .closed else {
      throw CoreError(status, "the journal in \(directory)/journal: \(text(of: status))")
    }
    return Finding(
      records: finding.frames, segments: finding.segments, torn: finding.torn, place: place)
  }
}

/// Renders frames for one reading.
@safe
private final class FrameReader {
  private let unit: String
  private let texts: OpaquePointer?
  private let line: (String) -> Bool
  private var memory = [UInt8](repeating: 0, count: 256 * 1024)

  init(unit: String, texts: OpaquePointer?, line: @escaping (String) -> Bool) {
    self.unit = unit
    unsafe self.texts = unsafe texts
    self.line = line
  }

  /// `closed` stands for "the caller wants no more".
  func take(_ frame: UnsafePointer<weir_frame_view>) -> weir_status {
    var text = ""
    let status = unsafe memory.withUnsafeMutableBufferPointer { bytes in
      var buffer = unsafe weir_buffer(
        at: bytes.baseAddress, count: 0, capacity: bytes.count, overflow: false)
      let status = unsafe unit.withCString {
        unsafe weir_works_show(texts, $0, frame, &buffer)
      }
      unsafe text = weir_bytes(at: buffer.at, count: buffer.count).string
      return status
    }
    guard status == .ok else { return status }
    return line(text) ? .ok : .closed
  }
}
