/// Something that is wrong with a policy file, or worth knowing of it, and where.
public struct Problem: Equatable, Sendable, CustomStringConvertible {
  /// How much it weighs.
  public enum Severity: String, Sendable {
    /// The file cannot be used.
    case error
    /// The file can be used as it is.
    case note
  }

  /// How much it weighs.
  public let severity: Severity
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

  /// `file:line:column: error: message` (or `note:`), as compilers and editors know it.
  public var description: String { "\(file):\(line):\(column): \(severity.rawValue): \(message)" }
}

/// A policy file that cannot be used, with all that is wrong with it.
public struct PolicyError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Every problem of the file, in the order of its lines; never empty, and errors only.
  public let problems: [Problem]

  init(_ problems: [Problem]) { self.problems = problems }

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
  private var found: [(place: Place, severity: Problem.Severity, fault: Fault)] = []

  init(file: String) {
    self.file = file
  }

  /// Notes a fault.
  func add(_ fault: Fault, at place: Place) {
    found.append((place, .error, fault))
  }

  /// Notes something that is not wrong.
  func note(_ fault: Fault, at place: Place) {
    found.append((place, .note, fault))
  }

  /// Whether nothing wrong was found.
  var isEmpty: Bool { found.allSatisfy { $0.severity == .note } }

  /// What is wrong, as the error to throw.
  var error: PolicyError { PolicyError(problems(.error)) }

  /// What is only worth knowing.
  var notes: [Problem] { problems(.note) }

  /// In the order of the file, and at one place in the order in which it was found.
  private func problems(_ severity: Problem.Severity) -> [Problem] {
    let sorted = found.enumerated().sorted {
      ($0.element.place, $0.offset) < ($1.element.place, $1.offset)
    }
    return sorted.filter { $0.element.severity == severity }.map { entry in
      Problem(entry.element.fault, severity, file: file, at: entry.element.place)
    }
  }
}

extension Problem {
  init(_ fault: Fault, _ severity: Severity, file: String, at place: Place) {
    let words = fault.words
    self.init(
      severity: severity, file: file, line: place.line, column: place.column,
      message: words.english, messageChinese: words.chinese)
  }
}
