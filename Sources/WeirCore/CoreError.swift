internal import CCore

/// What the core could not do, in words for whoever stands before the machine.
public struct CoreError: Error, Sendable, CustomStringConvertible {
  /// Which kind of trouble, for the exit code.
  public enum Kind: Sendable {
    /// The disk: writing, syncing, or no room (exit code 74).
    case disk
    /// Stored bytes are damaged; nothing was changed (exit code 74).
    case damaged
    /// Something the configuration says cannot be had: a key, a socket, a folder (exit code 78).
    case configuration
    /// Our own or the machine's fault (exit code 70).
    case `internal`
  }

  /// Which kind of trouble.
  public let kind: Kind
  /// One English sentence that says what is wrong, where, and what to do next.
  public let message: String

  /// An error from its parts.
  public init(kind: Kind, message: String) {
    self.kind = kind
    self.message = message
  }

  /// The message.
  public var description: String { message }

  init(_ status: weir_status, _ message: String) {
    let kind: Kind =
      switch status {
      case .noSpace, .ioFailed, .syncFailed: .disk
      case .corrupt: .damaged
      case .invalid, .permission, .notFound, .busy, .exists, .refused, .unknownKey: .configuration
      default: .internal
      }
    self.init(kind: kind, message: message)
  }
}

/// The English text of a status.
func text(of status: weir_status) -> String {
  unsafe String(cString: weir_status_text(status))
}

extension weir_bytes {
  /// A copy of the bytes as text.
  var string: String {
    guard unsafe count > 0 else { return "" }
    return unsafe String(decoding: UnsafeBufferPointer(start: at, count: count), as: UTF8.self)
  }
}

/// Lends a string's UTF-8 bytes to the core for one call.
func withBytes<R>(_ text: String, _ body: (weir_bytes) -> R) -> R {
  var copy = text
  return copy.withUTF8 { unsafe body(weir_bytes(at: $0.baseAddress, count: $0.count)) }
}

/// A fixed array of C characters as text, up to its zero.
func string(of characters: [CChar]) -> String {
  String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
