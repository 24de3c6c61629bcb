import Foundation
import WeirCore

/// A JSON value that was read, with questions that never fail.
struct Json {
  private let value: Any?

  private init(_ value: Any?) { self.value = value }

  /// Reads one line; nil when it is no JSON object.
  init?(line: String) {
    self.init(data: Data(line.utf8))
  }

  /// Reads a text; nil when it is no JSON object.
  init?(data: Data) {
    guard let value = try? JSONSerialization.jsonObject(with: data), value is [String: Any] else {
      return nil
    }
    self.value = value
  }

  /// A member; nothing when this is no object or has no such member.
  subscript(key: String) -> Json { Json((value as? [String: Any])?[key]) }
  /// Whether there is a value at all.
  var exists: Bool { value != nil && !(value is NSNull) }
  /// Whether it is an object.
  var isObject: Bool { value is [String: Any] }
  /// The text, when it is one.
  var text: String? { value as? String }
  /// The number, when it is one.
  var number: Int? { value as? Int }
  /// Whether it is true.
  var isTrue: Bool { value as? Bool == true }
  /// The items of a list.
  var list: [Json] { (value as? [Any] ?? []).map { Json($0) } }
  /// The names of an object's members, sorted.
  var keys: [String] { (value as? [String: Any])?.keys.sorted() ?? [] }
  /// The texts of a list.
  var texts: [String] { list.compactMap(\.text) }
}

/// A JSON object in the making; members keep their order.
struct JsonLine {
  private var members: [String] = []

  /// Adds a text, unless there is none.
  mutating func add(_ key: String, _ text: String?) {
    if let text { add(key, raw: CoreText.quoted(text)) }
  }

  /// Adds a value that is JSON already.
  mutating func add(_ key: String, raw: String?) {
    if let raw { members.append("\(CoreText.quoted(key)):\(raw)") }
  }

  /// The object.
  var text: String { "{" + members.joined(separator: ",") + "}" }

  /// A list of texts.
  static func list(_ texts: [String]) -> String {
    "[" + texts.map { CoreText.quoted($0) }.joined(separator: ",") + "]"
  }
}
