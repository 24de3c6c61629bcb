internal import CCore
public import WeirModel

/// Reads intake lines without a unit, for `weir judge`.
@safe
public final class MessageReader {
  /// What a line says, as far as a decision needs it.
  public struct Label: Sendable {
    /// `id` or `ref`, whichever the line has, and which; nil for neither.
    public let key: (name: String, value: String)?
    /// The facts ticked.
    public let facts: FactSet
    /// Where the matter came in.
    public let platform: Platform
    /// How it came in.
    public let channel: Channel
    /// County of the event, 0 when unknown.
    public let county: UInt32
    /// `receivedAt`, milliseconds since 1970; nil when the line has none.
    public let receivedAt: Int64?
  }

  /// What is wrong with a line.
  public struct Fault: Sendable {
    /// `id` or `ref`, when it could be read.
    public let key: (name: String, value: String)?
    /// The code.
    public let code: String
    /// The English text of the code.
    public let message: String
    /// The field's path; empty for the whole line.
    public let field: String
  }

  /// A label, or what is wrong.
  public enum Reading: Sendable {
    case label(Label)
    case fault(Fault)
  }

  private let scratch: UnsafeMutablePointer<UInt8>

  /// A reader with its own scratch memory.
  public init() { unsafe scratch = .allocate(capacity: Int(WEIR_MESSAGE_SCRATCH)) }

  deinit { unsafe scratch.deallocate() }

  /// Reads one line.
  public func read(_ line: Span<UInt8>) -> Reading {
    var message = unsafe weir_message()
    var fault = weir_message_fault()
    let good = unsafe line.withUnsafeBufferPointer {
      unsafe weir_message_read(
        weir_bytes(at: $0.baseAddress, count: $0.count), WEIR_MESSAGE_JUDGE, scratch, &message,
        &fault)
    }
    let id = unsafe message.id.string
    let ref = unsafe message.ref.string
    let key = !id.isEmpty ? ("id", id) : !ref.isEmpty ? ("ref", ref) : nil
    guard good else {
      let field = unsafe withUnsafeBytes(of: fault.field) {
        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      return .fault(
        Fault(
          key: key, code: unsafe String(cString: weir_refusal_name(UInt32(fault.refusal))),
          message: unsafe String(cString: weir_refusal_text(UInt32(fault.refusal))), field: field))
    }
    return unsafe .label(
      Label(
        key: key, facts: FactSet(rawValue: message.facts),
        platform: Platform(rawValue: message.platform) ?? .hotline,
        channel: Channel(rawValue: message.channel) ?? .phone, county: message.county,
        receivedAt: message.present & UInt32(WEIR_HAS_RECEIVED_AT) != 0
          ? message.received_at_ms : nil))
  }
}

/// The core's closed lists, so that a test can hold WeirModel's against them.
public enum CoreLists {
  /// Names of the facts, by bit.
  public static var facts: [String] { unsafe names { unsafe weir_fact_name($0) } }
  /// Names of the events, by number.
  public static var events: [String] { unsafe names { unsafe weir_event_name($0) } }
  /// Names of the transfer causes, by number; `none` first.
  public static var causes: [String] { unsafe names { unsafe weir_cause_name($0) } }
  /// Codes of the refusals, by number; `none` first.
  public static var refusals: [String] { unsafe names { unsafe weir_refusal_name($0) } }

  private static func names(_ name: (UInt32) -> UnsafePointer<CChar>?) -> [String] {
    var all: [String] = []
    while let next = unsafe name(UInt32(all.count)) { unsafe all.append(String(cString: next)) }
    return all
  }
}

/// Times and digits as the core writes them.
public enum CoreText {
  /// RFC 3339 with milliseconds and +08:00.
  public static func time(_ wallMs: Int64) -> String {
    unsafe put { unsafe weir_put_time($0, wallMs) }
  }

  /// Wall milliseconds of an RFC 3339 time; nil when it is none.
  public static func wallMs(_ time: String) -> Int64? {
    var value: Int64 = 0
    let status = unsafe withBytes(time) { unsafe weir_time_read($0, &value) }
    return status == .ok ? value : nil
  }

  /// A JSON string with its quotes.
  public static func quoted(_ text: String) -> String {
    unsafe withBytes(text) { bytes in unsafe put { unsafe weir_put_quoted($0, bytes) } }
  }

  private static func put(_ body: (UnsafeMutablePointer<weir_buffer>) -> Void) -> String {
    var memory = [UInt8](repeating: 0, count: 64 * 1024)
    return unsafe memory.withUnsafeMutableBufferPointer { bytes in
      var buffer = unsafe weir_buffer(
        at: bytes.baseAddress, count: 0, capacity: bytes.count, overflow: false)
      unsafe body(&buffer)
      return unsafe weir_bytes(at: buffer.at, count: buffer.count).string
    }
  }
}
