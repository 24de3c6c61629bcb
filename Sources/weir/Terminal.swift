import Foundation
import WeirCore

/// Colours and columns for people; plain text for everything else.
struct Terminal: Sendable {
  /// Colours that mean something here.
  enum Ink: String {
    case danger = "31"
    case good = "32"
    case warning = "33"
    case link = "36"
    case strong = "1"
    case faint = "2"
  }

  /// Whether a person reads this.
  let isPerson: Bool
  private let isColoured: Bool
  /// Columns of a line; nothing is cut when nobody watches.
  let columns: Int

  /// Standard output.
  static let output = Terminal(1)

  private init(_ descriptor: Int32) {
    isPerson = isatty(descriptor) == 1
    let environment = ProcessInfo.processInfo.environment
    // https://no-color.org: any value but an empty one means no.
    isColoured =
      isPerson && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    columns = isPerson ? Surroundings.columns(of: descriptor) ?? 100 : .max
  }

  /// The text in a colour, where there are colours.
  func paint(_ text: String, _ ink: Ink) -> String {
    isColoured && !text.isEmpty ? "\u{1B}[\(ink.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// Prints a line and shows it at once.
  func line(_ text: String = "") {
    write(text + "\n")
  }

  /// Writes a text as it is.
  func write(_ text: String) { write(Data(text.utf8)) }

  /// Writes bytes as they are. A command whose output is lost has not done what it was asked: it
  /// ends here, with 74.
  func write(_ bytes: Data) {
    do {
      try FileHandle.standardOutput.write(contentsOf: bytes)
    } catch {
      Self.complain("standard output took no more: \(error.localizedDescription)")
      Foundation.exit(74)
    }
  }

  /// A line on standard error.
  static func complain(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
  }

  /// Prints name and value in two columns.
  func pairs(_ pairs: [(name: String, value: String)]) {
    let width = pairs.map(\.name.columns).max() ?? 0
    for (name, value) in pairs {
      line("\(paint(name.padded(to: width), .faint))  \(value)")
    }
  }

  /// Prints rows in columns, the first of them a heading; the last column is not padded.
  func table(_ rows: [[String]]) {
    guard let heading = rows.first else { return }
    let widths = heading.indices.map { column in
      rows.map { column < $0.count ? $0[column].columns : 0 }.max() ?? 0
    }
    for (index, row) in rows.enumerated() {
      let cells = row.enumerated().map { column, cell in
        column + 1 < row.count ? cell.padded(to: widths[column]) : cell
      }
      let text = cells.joined(separator: "  ")
      line(index == 0 ? paint(text, .strong) : text)
    }
  }
}

extension String {
  /// Columns on a terminal: a Chinese character takes two, a mark that joins takes none.
  var columns: Int {
    unicodeScalars.reduce(0) { $0 + $1.columns }
  }

  /// Padded with spaces to so many columns.
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - columns))
  }

  /// Cut to so many columns, with an ellipsis when something was cut.
  func cut(to width: Int) -> String {
    guard columns > width else { return self }
    var kept = ""
    var taken = 0
    for scalar in unicodeScalars {
      if taken + scalar.columns > width - 1 { break }
      kept.unicodeScalars.append(scalar)
      taken += scalar.columns
    }
    return kept + "…"
  }
}

extension Unicode.Scalar {
  /// Columns of one scalar, by the wide blocks of Unicode's East Asian Width.
  fileprivate var columns: Int {
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: break
    }
    switch value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
      0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
      return 2
    default:
      return 1
    }
  }
}
