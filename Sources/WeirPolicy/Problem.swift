/// Something that is wrong with a policy file, and where.
public struct Problem: Equatable, Sendable, CustomStringConvertible {
  /// The file's name as it was given.
  public let file: String
  /// The line, from 1.
  public let line: Int
  /// The column, from 1, in Unicode scalars.
  public let column: Int
  /// What is wrong, in English; one line without a full stop.
  public let message: String
  /// The same in Chinese.
  public let messageChinese: String

  /// `file:line:column: error: message`, as compilers and editors know it.
  public var description: String { "\(file):\(line):\(column): error: \(message)" }
}

/// A policy file that cannot be used, with all that is wrong with it.
public struct PolicyError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Every problem of the file, in the order of its lines; never empty.
  public let problems: [Problem]

  /// One line a problem.
  public var description: String {
    problems.map { String(describing: $0) }.joined(separator: "\n")
  }
}

/// A place in a text: line and column from 1, the column in Unicode scalars.
struct Place: Equatable, Sendable, Comparable {
  var line: Int
  var column: Int

  static func < (one: Place, other: Place) -> Bool {
    (one.line, one.column) < (other.line, other.column)
  }
}

/// A value and where it stands in the file.
struct Marked<Value: Sendable>: Sendable {
  var value: Value
  var place: Place
}

/// Gathers faults while a file is read, so that all of them can be told at once.
final class Findings {
  private let file: String
  private var found: [(place: Place, fault: Fault)] = []

  init(file: String) {
    self.file = file
  }

  /// Notes a fault.
  func add(_ fault: Fault, at place: Place) {
    found.append((place, fault))
  }

  /// Whether nothing was found.
  var isEmpty: Bool { found.isEmpty }

  /// What was found, as the error to throw; in the order of the file, and at one place in the
  /// order in which it was found.
  var error: PolicyError {
    let sorted = found.enumerated().sorted {
      ($0.element.place, $0.offset) < ($1.element.place, $1.offset)
    }
    return PolicyError(
      problems: sorted.map { entry in
        let words = entry.element.fault.words
        return Problem(
          file: file, line: entry.element.place.line, column: entry.element.place.column,
          message: words.english, messageChinese: words.chinese)
      })
  }
}
