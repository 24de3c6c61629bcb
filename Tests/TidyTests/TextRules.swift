/// Rules about lines, functions and files.
enum TextRules {
  static let columnsMax = 100
  static let functionLinesMax = 70
  static let fileLinesMax = 500
  static let testLinesMax = 600

  /// Lines have at most 100 columns and no tab.
  static func lines(_ source: Source) -> [Finding] {
    guard source.isSwift || source.isC else { return [] }
    var findings: [Finding] = []
    for (index, line) in source.lines.enumerated() {
      // The UTF-8 count is never less than the count of characters, and is quick to get.
      if line.utf8.count > columnsMax, line.count > columnsMax {
        findings.append(source.finding(index + 1, "\(line.count) columns; at most \(columnsMax)"))
      }
      if line.utf8.contains(UInt8(ascii: "\t")) {
        findings.append(source.finding(index + 1, "a tab; indent with spaces"))
      }
    }
    return findings
  }

  /// Files have at most 500 lines, those of tests 600.
  static func length(_ source: Source) -> [Finding] {
    guard source.isSwift || source.isC else { return [] }
    let most = source.lies(in: "Tests") ? testLinesMax : fileLinesMax
    let count = source.lines.count - (source.text.hasSuffix("\n") ? 1 : 0)
    return count > most
      ? [source.finding(0, "\(count) lines; at most \(most): split it by noun")] : []
  }

  /// Functions have at most 70 lines, from the line of their opening brace to that of the closing.
  static func functions(_ source: Source) -> [Finding] {
    let bodies = source.isSwift ? swiftBodies(source) : source.isC ? cBodies(source) : []
    return bodies.compactMap { body in
      let count = body.upperBound - body.lowerBound + 1
      return count > functionLinesMax
        ? source.finding(
          body.lowerBound, "a function of \(count) lines; at most \(functionLinesMax)") : nil
    }
  }

  /// Words that stand for "to be done" are not committed.
  static func leftovers(_ source: Source) -> [Finding] {
    // Written in halves, so that this file does not break the rule.
    let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
    return source.lines.enumerated().flatMap { index, line in
      words.filter { hasWord(line, $0) }
        .map { source.finding(index + 1, "`\($0)` is left behind: do it, or say why not") }
    }
  }

  /// No path of one developer's machine.
  static func machinePaths(_ source: Source) -> [Finding] {
    let folders = ["/wo" + "rk", "/ro" + "ot/", "/ho" + "me/", "/opt/" + "swift", "../sha" + "red"]
    return source.lines.enumerated().flatMap { index, line in
      folders.filter { hasFolder(line, $0) }
        .map { source.finding(index + 1, "`\($0)` is a path of one machine") }
    }
  }

  /// Whether a word stands in a line, not as a part of a longer one.
  private static func hasWord(_ line: Substring, _ word: String) -> Bool {
    line.ranges(of: word).contains { range in
      let before = line[..<range.lowerBound].utf8.last
      let after = line[range.upperBound...].utf8.first
      return !(before.map(Source.isWord) ?? false) && !(after.map(Source.isWord) ?? false)
    }
  }

  /// Whether a path begins with the folder, not another path or word that contains it.
  private static func hasFolder(_ line: Substring, _ folder: String) -> Bool {
    line.ranges(of: folder).contains { range in
      let before = line[..<range.lowerBound].utf8.last
      let after = line[range.upperBound...].utf8.first
      let isInside = before.map { Source.isWord($0) || $0 == UInt8(ascii: ".") } ?? false
      let isLonger = !folder.hasSuffix("/") && (after.map(Source.isWord) ?? false)
      return !isInside && !isLonger
    }
  }

  /// Lines of each C function's body. A body is a block at depth 0 behind a parenthesis.
  private static func cBodies(_ source: Source) -> [ClosedRange<Int>] {
    var bodies: [ClosedRange<Int>] = []
    var scan = CodeScan(source)
    var depth = 0
    var begin: Int?
    while let byte = scan.next() {
      if byte == UInt8(ascii: "#"), scan.isFirstOfLine {
        scan.skipDirective()
      } else if byte == UInt8(ascii: "{") {
        if depth == 0, scan.before == UInt8(ascii: ")") { begin = scan.line }
        depth += 1
      } else if byte == UInt8(ascii: "}") {
        depth -= 1
        if depth == 0, let line = begin {
          bodies.append(line...scan.line)
          begin = nil
        }
      }
    }
    return bodies
  }

  /// Lines of the body of each Swift function, initializer, subscript and computed property.
  private static func swiftBodies(_ source: Source) -> [ClosedRange<Int>] {
    var bodies: [ClosedRange<Int>] = []
    var scan = CodeScan(source)
    var words = source.words[...]
    /// A line for each open block that is a body, nil for any other.
    var open: [Int?] = []
    var parentheses = 0
    var expectsBody = false
    while let byte = scan.next() {
      while let word = words.first, word.offset <= scan.offset {
        words.removeFirst()
        if parentheses == 0, let declares = declaresBody(word) { expectsBody = declares }
      }
      switch byte {
      case UInt8(ascii: "("): parentheses += 1
      case UInt8(ascii: ")"): parentheses -= 1
      case UInt8(ascii: "{"):
        let isBody = expectsBody && parentheses == 0
        open.append(isBody ? scan.line : nil)
        if isBody { expectsBody = false }
      case UInt8(ascii: "}"):
        if let line = open.popLast() ?? nil { bodies.append(line...scan.line) }
        if parentheses == 0 { expectsBody = false }
      default: break
      }
    }
    return bodies
  }

  /// Whether a word begins a declaration that has a body of code; nil when it begins none.
  private static func declaresBody(_ word: Source.Word) -> Bool? {
    switch word.text {
    case "func", "deinit", "subscript", "var": word.isMember ? nil : true
    case "init": word.isMember ? nil : true
    case "let", "case", "struct", "class", "enum", "actor", "extension", "protocol": false
    default: nil
    }
  }
}

/// Walks the bytes of a source's code and knows the line.
private struct CodeScan {
  private let code: [UInt8]
  private(set) var offset = -1
  private(set) var line = 1
  /// The last character before this one that is no space.
  private(set) var before: UInt8 = 0
  /// Whether nothing but spaces stands before this character on its line.
  private(set) var isFirstOfLine = true
  private var current: UInt8 = UInt8(ascii: "\n")

  init(_ source: Source) {
    code = source.code
  }

  mutating func next() -> UInt8? {
    if offset >= 0 {
      if current == UInt8(ascii: "\n") { line += 1 }
      isFirstOfLine =
        current == UInt8(ascii: "\n") || (isFirstOfLine && Source.isSpace(current))
      if !Source.isSpace(current) { before = current }
    }
    offset += 1
    guard offset < code.count else { return nil }
    current = code[offset]
    return current
  }

  /// Goes to the end of a preprocessor line and of the lines that continue it.
  mutating func skipDirective() {
    while let byte = next() {
      if byte == UInt8(ascii: "\n"), before != UInt8(ascii: "\\") { return }
    }
  }
}
