internal import CCore
public import WeirModel

/// A handover's number in parts; drills have a series of their own.
public struct HandoverNumber: Hashable, Sendable {
  /// The day as yyyymmdd, at +08:00.
  public let day: UInt32
  /// From 1 within the day.
  public let serial: UInt32
  /// Whether it is a drill's.
  public let isDrill: Bool

  /// A number from its parts.
  public init(day: UInt32, serial: UInt32, isDrill: Bool) {
    self.day = day
    self.serial = serial
    self.isDrill = isDrill
  }

  /// Reads `UNIT-YYYYMMDD-[Y]SERIAL`, or a spoken number (`417-6`, `Y417-6`) of a day.
  ///
  /// - Throws: ``CoreError`` when it is neither, is another unit's, or its check digit is wrong.
  public init(_ text: String, unit: String, today: UInt32) throws(CoreError) {
    var key: UInt64 = 0
    let status = unsafe unit.withCString { name in
      unsafe withBytes(text) { unsafe weir_handover_read(name, today, $0, &key) }
    }
    if status == .refused {
      // Not which digit would fit: any of them may be the wrong one.
      throw CoreError(
        status, "the check digit of \(text) does not fit. Have the number read out again")
    }
    guard status == .ok else {
      throw CoreError(
        status,
        "\(text) is no number of \(unit). Give one as \(unit)-20261123-000417, or today's 417-6")
    }
    day = UInt32(truncatingIfNeeded: key >> 32) & 0x7fff_ffff
    serial = UInt32(truncatingIfNeeded: key)
    isDrill = key >> 63 != 0
  }
}

/// One record of a journal, lent for one call of the reader.
@safe
public struct JournalRecord: ~Copyable {
  /// What a record is about.
  public enum Kind: Sendable {
    case other
    /// The unit began; ``text`` is the program's version.
    case start
    /// The unit stopped cleanly.
    case stop
    /// A handover changed.
    case change
    /// A dangerous line was refused.
    case quarantine
    /// Copies sent over the link, summed up.
    case tally
    /// A report was acknowledged.
    case acknowledged
    /// The drill window was opened or closed.
    case drill
    /// Another policy came into force; ``text`` is the JSON array of its versions.
    case policy
  }

  private let record: weir_record
  private let reader: FrameReader

  init(_ record: weir_record, reader: FrameReader) {
    unsafe self.record = unsafe record
    self.reader = reader
  }

  /// What it is about.
  public var kind: Kind {
    switch unsafe record.kind {
    case WEIR_RECORD_START: .start
    case WEIR_RECORD_STOP: .stop
    case WEIR_RECORD_CHANGE: .change
    case WEIR_RECORD_QUARANTINE: .quarantine
    case WEIR_RECORD_TALLY: .tally
    case WEIR_RECORD_ACKNOWLEDGED: .acknowledged
    case WEIR_RECORD_DRILL: .drill
    case WEIR_RECORD_POLICY: .policy
    default: .other
    }
  }

  /// Its place in the journal, from 1.
  public var serial: UInt64 { unsafe record.serial }
  /// The unit's two clocks then; none for a tally.
  public var now: Moment { unsafe Moment(record.now) }
  /// A drill window's end; none: closed.
  public var until: Moment { unsafe Moment(record.until) }

  /// The number of the handover that changed.
  public var number: HandoverNumber {
    let flags = unsafe HandoverFlags(rawValue: record.state.flags)
    return unsafe HandoverNumber(
      day: record.state.day, serial: record.state.serial, isDrill: flags.contains(.drill))
  }
  /// The day of the handover's number, yyyymmdd.
  public var day: UInt32 { unsafe record.state.day }
  /// The number as it is written.
  public var handover: String {
    var text = [CChar](repeating: 0, count: Int(WEIR_HANDOVER_BYTES))
    var state = unsafe record.state
    let count = unsafe reader.unit.withCString {
      unsafe weir_handover_write($0, &state, &text)
    }
    return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
  /// The state after the change.
  public var state: Handover { unsafe Handover(record.state) }
  /// The crossing number, 0: it never crossed.
  public var crossing: UInt64 { unsafe record.state.crossing }
  /// How it changed.
  public var step: Happening.Kind { unsafe Happening.Kind(rawValue: record.step_kind) ?? .event }
  /// The event of a change that is neither intake nor update.
  public var event: EventKind? { unsafe step.event(record.event) }
  /// What the change had done.
  public var effects: Effects { unsafe Effects(rawValue: record.effects) }
  /// Marks of the request.
  public var marks: Happening.Flags { unsafe Happening.Flags(rawValue: record.step_flags) }

  /// The report that was acknowledged, and how many matters that settled.
  public var acknowledged: (report: UInt32, matters: UInt32) {
    unsafe (record.report, record.settled)
  }

  /// The request's own line; empty for what the unit did by itself.
  public var line: String { unsafe record.line.string }
  /// A start's program version.
  public var text: String { unsafe record.text.string }
  /// One of the texts that states name by their ids.
  public func text(_ id: UInt32) -> String { unsafe weir_texts_at(reader.texts, id).string }

  /// A change as one JSON object of `weir trace`.
  public var story: String {
    var memory = [UInt8](repeating: 0, count: 160 * 1024)
    var seen = unsafe record
    return unsafe memory.withUnsafeMutableBufferPointer { bytes in
      var buffer = unsafe weir_buffer(
        at: bytes.baseAddress, count: 0, capacity: bytes.count, overflow: false)
      unsafe reader.unit.withCString {
        unsafe weir_record_tell(reader.texts, $0, &seen, &buffer)
      }
      return unsafe weir_bytes(at: buffer.at, count: buffer.count).string
    }
  }

  /// A tally's entries.
  public func tally(_ body: (_ crossing: UInt64, _ copies: UInt32, _ lastMs: Int64) -> Void) {
    var rest = unsafe record
    var crossing: UInt64 = 0
    var copies: UInt32 = 0
    var last: Int64 = 0
    while unsafe weir_record_tally(&rest, &crossing, &copies, &last) {
      body(crossing, copies, last)
    }
  }
}

extension Happening.Kind {
  /// The event that a number of the core's stands for; an intake and an update are none.
  func event(_ number: UInt8) -> EventKind? {
    switch self {
    case .intake, .update: nil
    case .event, .deadline: EventKind(rawValue: number)
    }
  }
}
