internal import CCore
internal import WeirModel

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
    /// Whether a unit runs on the folder and was writing behind what was read.
    public let isWriting: Bool
    /// Place and reason of a torn tail, or of one that is being written.
    public let place: String
  }

  /// Reads every record in order.
  ///
  /// - Parameters:
  ///   - directory: the unit's data folder.
  ///   - unit: the unit's name.
  ///   - filter: which records are wanted; all of them are checked.
  ///   - line: called with each record as one line of JSON, nil for one that is not wanted; return
  ///     false to stop.
  public static func read(
    _ directory: String, unit: String, filter: JournalFilter = JournalFilter(),
    line: (String?) -> Bool
  ) throws(CoreError) -> Finding {
    try withoutActuallyEscaping(line) { line throws(CoreError) in
      try read(directory, unit: unit, by: try FrameShower(unit: unit, filter: filter, line: line))
    }
  }

  /// What is known of the hashes of closed segments.
  public struct Hashes: Sendable {
    /// Closed segments that are byte for byte as they were hashed when they closed.
    public let segments: UInt64
    /// The last one's hash, which stands for all before it: 64 hexadecimal digits.
    public let last: String
  }

  /// Hashes every closed segment again and compares: see `hashes.c`.
  ///
  /// - Parameters:
  ///   - directory: the unit's data folder.
  ///   - unit: the unit's name.
  /// - Throws: of kind `damaged`, naming the segment that does not fit.
  public static func verifyHashes(
    _ directory: String, unit: String
  ) throws(CoreError) -> Hashes {
    guard weir_seal_self_test() == .ok else {
      throw CoreError(kind: .internal, message: "the library's SHA-256 fails its own test")
    }
    var finding = weir_hashes_finding()
    let strings = CStrings()
    let status = unsafe weir_hashes_verify(
      weir_os_linux(), strings.keep(directory), strings.keep(unit), &finding)
    if status == .corrupt {
      let reason = unsafe withUnsafeBytes(of: finding.reason) {
        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      throw CoreError(
        kind: .damaged,
        message: "the journal in \(directory)/journal: segment \(finding.segment) does not fit: "
          + reason)
    }
    guard status == .ok else {
      throw CoreError(
        status, "the file of hashes in \(directory)/journal: \(text(of: status))")
    }
    let digits = unsafe withUnsafeBytes(of: finding.hash) {
      unsafe $0.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    }
    return Hashes(segments: finding.fit, last: digits.joined())
  }

  /// Seals a day: see ``JournalSeal``.
  ///
  /// - Parameters:
  ///   - directory: the unit's data folder.
  ///   - unit: the unit's name.
  ///   - day: yyyymmdd, at +08:00.
  public static func seal(
    _ directory: String, unit: String, day: UInt32
  ) throws(CoreError) -> JournalSeal {
    guard weir_seal_self_test() == .ok else {
      throw CoreError(kind: .internal, message: "the library's SHA-256 fails its own test")
    }
    let sealer = try FrameSealer(unit: unit, day: day)
    _ = try read(directory, unit: unit, by: sealer)
    return sealer.finish()
  }

  /// Looks into every record in order, as values.
  ///
  /// - Parameters:
  ///   - directory: the unit's data folder.
  ///   - unit: the unit's name.
  ///   - record: called with each record, lent for the call; return false to stop.
  public static func look(
    _ directory: String, unit: String, record: (borrowing JournalRecord) -> Bool
  ) throws(CoreError) -> Finding {
    try withoutActuallyEscaping(record) { record throws(CoreError) in
      try read(directory, unit: unit, by: try FrameLooker(unit: unit, record: record))
    }
  }

  private static func read(
    _ directory: String, unit: String, by reader: FrameReader
  ) throws(CoreError) -> Finding {
    var finding = weir_journal_finding()
    let strings = CStrings()
    var journal: OpaquePointer?
    defer { unsafe weir_journal_close(journal) }
    var options = unsafe weir_journal_options()
    unsafe options.directory = strings.keep(directory + "/journal")
    unsafe options.unit = strings.keep(unit)
    unsafe options.read_only = true
    // What no snapshot tells is shown without its words; the records are checked all the same.
    _ = unsafe weir_texts_recall(
      reader.texts, weir_os_linux(), strings.keep(directory), strings.keep(unit))
    let status = withExtendedLifetime(reader) {
      unsafe weir_journal_open(
        &options, weir_os_linux(),
        { user, frame in
          guard let user = unsafe user, let frame = unsafe frame else { return .invalid }
          return unsafe Unmanaged<FrameReader>.fromOpaque(user)._withUnsafeGuaranteedRef {
            unsafe $0.take(frame)
          }
        }, Unmanaged.passUnretained(reader).toOpaque(), &finding, &journal)
    }
    let reason = unsafe withUnsafeBytes(of: finding.reason) {
      unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    let place =
      "segment \(finding.segment), offset \(finding.offset), record \(finding.serial): \(reason)"
    if finding.foreign {
      throw CoreError(
        kind: .configuration,
        message: "the journal in \(directory)/journal belongs to another unit than \(unit). Give "
          + "the name of the unit that wrote it")
    }
    if status == .corrupt {
      throw CoreError(
        kind: .damaged, message: "the journal in \(directory)/journal is damaged: \(place)")
    }
    if status == .again {
      throw CoreError(
        kind: .configuration,
        message: "the unit retired segments of the journal in \(directory)/journal while they were "
          + "read. Run the command again: it reads what is left")
    }
    guard status == .ok || status == .closed else {
      let next = status == .permission ? ". Run this as the unit's user" : ""
      throw CoreError(status, "the journal in \(directory)/journal: \(text(of: status))\(next)")
    }
    return Finding(
      records: finding.frames, segments: finding.segments, torn: finding.torn,
      isWriting: finding.writing, place: place)
  }
}

/// Takes the frames of one reading; a plain class, so that a C callback can call it.
@safe
class FrameReader {
  let unit: String
  let texts: OpaquePointer

  init(unit: String) throws(CoreError) {
    var texts: OpaquePointer?
    guard unsafe weir_texts_open(&texts) == .ok, let texts = unsafe texts else {
      throw CoreError(kind: .internal, message: "out of memory")
    }
    self.unit = unit
    unsafe self.texts = unsafe texts
  }

  deinit { unsafe weir_texts_close(texts) }

  /// `closed` stands for "the caller wants no more".
  func take(_ frame: UnsafePointer<weir_frame_view>) -> weir_status { .closed }
}

/// Renders frames as lines.
@safe
private final class FrameShower: FrameReader {
  private let filter: JournalFilter
  private let line: (String?) -> Bool
  private var stamp: Int64 = 0
  private var memory = [UInt8](repeating: 0, count: 256 * 1024)

  init(
    unit: String, filter: JournalFilter, line: @escaping (String?) -> Bool
  ) throws(CoreError) {
    self.filter = filter
    self.line = line
    try super.init(unit: unit)
  }

  override func take(_ frame: UnsafePointer<weir_frame_view>) -> weir_status {
    if !filter.isEmpty {
      var seen = unsafe weir_record()
      let status = unsafe weir_works_look(texts, frame, &seen)
      guard status == .ok else { return status }
      let record = unsafe JournalRecord(seen, reader: self)
      if record.now.wall != 0 { stamp = record.now.wall }
      guard filter.wants(record, at: stamp) else { return line(nil) ? .ok : .closed }
    }
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

/// Lends frames as values.
@safe
private final class FrameLooker: FrameReader {
  private let record: (borrowing JournalRecord) -> Bool

  init(unit: String, record: @escaping (borrowing JournalRecord) -> Bool) throws(CoreError) {
    self.record = record
    try super.init(unit: unit)
  }

  override func take(_ frame: UnsafePointer<weir_frame_view>) -> weir_status {
    var seen = unsafe weir_record()
    let status = unsafe weir_works_look(texts, frame, &seen)
    guard status == .ok else { return status }
    return unsafe record(JournalRecord(seen, reader: self)) ? .ok : .closed
  }
}
