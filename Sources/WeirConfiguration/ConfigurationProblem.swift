/// Something that is wrong with a configuration, and what to do about it.
public struct ConfigurationProblem: Sendable, Equatable, CustomStringConvertible {
  /// Whether the unit can start all the same.
  public enum Severity: String, Sendable {
    /// The unit does not start with it; where only reports cannot be written it does, and says so.
    case error
    /// The unit starts; somebody should look.
    case warning
  }

  /// The file's name as it was given.
  public let file: String
  /// The line, from 1.
  public let line: Int
  /// The column, from 1, in Unicode scalars.
  public let column: Int
  /// Whether the unit can start all the same.
  public let severity: Severity
  /// What is wrong, in English; one line without a full stop.
  public let message: String
  /// What to do next, in English; one line without a full stop.
  public let hint: String

  /// `file:line:column: error: message`, as compilers and editors know it.
  public var description: String { "\(file):\(line):\(column): \(severity.rawValue): \(message)" }
}

/// A place in a text: line and column from 1, the column in Unicode scalars.
struct Place: Hashable, Sendable, Comparable {
  var line: Int
  var column: Int

  static func < (one: Place, other: Place) -> Bool {
    (one.line, one.column) < (other.line, other.column)
  }
}

/// A text of the file between backquotes, fit for one line of a terminal: what cannot be seen is
/// escaped and what is long is cut.
func shown(_ text: String) -> String {
  let scalars = text.unicodeScalars
  let cut = scalars.prefix(60).map { scalar -> String in
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
      scalar.escaped(asASCII: true)
    default: String(scalar)
    }
  }
  return "`\(cut.joined())\(scalars.count > 60 ? "…" : "")`"
}

/// Gathers problems while a file is read, so that all of them can be told at once.
final class Findings {
  let file: String
  private var found: [(place: Place, problem: ConfigurationProblem)] = []

  init(file: String) {
    self.file = file
  }

  /// Notes an error.
  func error(at place: Place, _ message: String, hint: String) {
    add(.error, at: place, message, hint)
  }

  /// Notes a warning.
  func warning(at place: Place, _ message: String, hint: String) {
    add(.warning, at: place, message, hint)
  }

  /// Whether there is anything that keeps the unit from starting.
  var hasErrors: Bool { found.contains { $0.problem.severity == .error } }

  /// Everything that was found, in the order of the file; what stands at one place keeps the order
  /// in which it was found.
  var problems: [ConfigurationProblem] {
    found.enumerated()
      .sorted { ($0.element.place, $0.offset) < ($1.element.place, $1.offset) }
      .map { $0.element.problem }
  }

  private func add(
    _ severity: ConfigurationProblem.Severity, at place: Place, _ message: String, _ hint: String
  ) {
    let problem = ConfigurationProblem(
      file: file, line: place.line, column: place.column, severity: severity, message: message,
      hint: hint)
    found.append((place, problem))
  }
}
