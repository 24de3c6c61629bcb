/// A place that breaks a rule of the house.
struct Finding: Equatable, Comparable, CustomStringConvertible {
  let path: String
  /// The line, from 1; 0 when the whole file is meant.
  let line: Int
  let message: String

  var description: String { line == 0 ? "\(path): \(message)" : "\(path):\(line): \(message)" }

  static func < (one: Finding, other: Finding) -> Bool {
    (one.path, one.line, one.message) < (other.path, other.line, other.message)
  }
}

extension Source {
  /// A finding in this file.
  func finding(_ line: Int, _ message: String) -> Finding {
    Finding(path: path, line: line, message: message)
  }
}
