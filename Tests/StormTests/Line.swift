import CWeirBase
import Glibc

/// One line that a unit answered, looked into by key: the first field of a name, wherever it lies.
struct Line: CustomStringConvertible, Equatable {
  let bytes: [UInt8]

  init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  var description: String { String(decoding: bytes, as: UTF8.self) }

  /// Where `part` ends at its first place.
  private func end(of part: [UInt8]) -> Int? {
    guard let first = part.first else { return nil }
    return bytes.withUnsafeBytes { line -> Int? in
      guard let base = line.baseAddress else { return nil }
      var from = 0
      while from + part.count <= line.count,
        let found = memchr(base + from, Int32(first), line.count - part.count + 1 - from)
      {
        let at = UnsafeRawPointer(found) - base
        if memcmp(base + at, part, part.count) == 0 { return at + part.count }
        from = at + 1
      }
      return nil
    }
  }

  func has(_ part: String) -> Bool { end(of: Array(part.utf8)) != nil }

  func string(_ key: String) -> String? {
    guard let start = end(of: Array("\"\(key)\":\"".utf8)) else { return nil }
    return String(decoding: bytes[start...].prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
  }

  func number(_ key: String) -> Int? {
    guard let start = end(of: Array("\"\(key)\":".utf8)) else { return nil }
    let digits = bytes[start...].prefix { (48...57).contains($0) || $0 == UInt8(ascii: "-") }
    return Int(String(decoding: digits, as: UTF8.self))
  }

  var ref: String? { bytes.starts(with: Array("{\"ref\":".utf8)) ? string("ref") : nil }
  var code: String? { has("\"error\":") ? string("code") : nil }
  var isDurable: Bool { has("\"durable\":true") }
}

/// Requests as clients write them.
enum Ask {
  static func intake(
    _ ref: String, _ facts: [String] = ["dangerToLife"], by platform: String = "12345",
    channel: String = "phone", more: String = ""
  ) -> String {
    let list = facts.map { "\"\($0)\"" }.joined(separator: ",")
    return "{\"op\":\"intake\",\"ref\":\"\(ref)\",\"receivedBy\":\"\(platform)\","
      + "\"channel\":\"\(channel)\",\"facts\":[\(list)]\(more)}"
  }

  static func event(
    _ handover: String, _ event: String, ref: String? = nil, more: String = ""
  ) -> String {
    let key = ref.map { "\"ref\":\"\($0)\"," } ?? ""
    return "{\"op\":\"event\",\(key)\"handover\":\"\(handover)\",\"event\":\"\(event)\","
      + "\"by\":\"A07\"\(more)}"
  }

  static func update(_ ref: String, _ handover: String, text: String) -> String {
    "{\"op\":\"update\",\"ref\":\"\(ref)\",\"handover\":\"\(handover)\",\"text\":\"\(text)\"}"
  }

  static func get(_ handover: String) -> String {
    "{\"op\":\"get\",\"handover\":\"\(handover)\"}"
  }

  static func watch(after cursor: Int = 0) -> String { "{\"op\":\"watch\",\"after\":\(cursor)}" }

  static let status = "{\"op\":\"status\"}"

  /// RFC 3339 at +08:00, as the core writes it.
  static func time(_ wallMs: Int64) -> String {
    var memory = [UInt8](repeating: 0, count: 40)
    return memory.withUnsafeMutableBufferPointer { bytes in
      var buffer = weir_buffer_over(bytes.baseAddress, bytes.count)
      weir_put_time(&buffer, wallMs)
      return String(decoding: bytes[..<buffer.count], as: UTF8.self)
    }
  }
}
