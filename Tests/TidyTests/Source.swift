/// One text file of the repository, and its code without comments and strings.
struct Source {
  /// The path from the root of the repository.
  let path: String
  let text: String
  /// The text's lines, without their ends.
  let lines: [Substring]
  /// The words of the code: what stands in comments and strings is none.
  let words: [Word]
  /// The code's bytes; comments and strings are spaces, line feeds stay.
  let code: [UInt8]

  /// A word of the code.
  struct Word {
    let text: String
    /// The line, from 1.
    let line: Int
    /// Offset of its first byte in the code.
    let offset: Int
    /// The nearest characters before and after it that are no spaces; 0 where there are none.
    let before: UInt8
    let after: UInt8
    /// Whether it is called as a function of its own, not as a member of something.
    var isCall: Bool { after == UInt8(ascii: "(") && !isMember }
    /// Whether a `.` or `->` stands before it.
    var isMember: Bool { before == UInt8(ascii: ".") || before == UInt8(ascii: ">") }
  }

  init(path: String, text: String) {
    self.path = path
    self.text = text
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if path.hasSuffix(".swift") {
      var blanking = Blanking(text, swift: true)
      code = blanking.code()
    } else if path.hasSuffix(".c") || path.hasSuffix(".h") {
      var blanking = Blanking(text, swift: false)
      code = blanking.code()
    } else {
      code = []
    }
    words = Self.words(of: code)
  }

  var isSwift: Bool { path.hasSuffix(".swift") }
  var isC: Bool { path.hasSuffix(".c") || path.hasSuffix(".h") }

  /// Whether the file lies in a folder (or is that file).
  func lies(in folder: String) -> Bool { path == folder || path.hasPrefix(folder + "/") }

  private static func words(of code: [UInt8]) -> [Word] {
    var words: [Word] = []
    var line = 1
    var before: UInt8 = 0
    var index = 0
    while index < code.count {
      let byte = code[index]
      guard isWord(byte) else {
        if byte == UInt8(ascii: "\n") { line += 1 }
        if !isSpace(byte) { before = byte }
        index += 1
        continue
      }
      var end = index
      while end < code.count, isWord(code[end]) { end += 1 }
      var next = end
      while next < code.count, isSpace(code[next]) { next += 1 }
      words.append(
        Word(
          text: String(decoding: code[index..<end], as: UTF8.self), line: line, offset: index,
          before: before, after: next < code.count ? code[next] : 0))
      before = code[end - 1]
      index = end
    }
    return words
  }

  static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\t")
  }
}

/// Replaces comments and strings with spaces, so that braces and words in them do not count.
struct Blanking {
  private let bytes: [UInt8]
  private let isSwift: Bool
  private var out: [UInt8] = []
  private var index = 0

  init(_ text: String, swift: Bool) {
    bytes = Array(text.utf8)
    isSwift = swift
  }

  mutating func code() -> [UInt8] {
    out.reserveCapacity(bytes.count)
    while index < bytes.count { step() }
    return out
  }

  /// Takes one character of code, or one whole comment or string.
  private mutating func step() {
    if isAt("//") {
      while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { blank() }
    } else if isAt("/*") {
      blockComment()
    } else if isAt("\"") || (isSwift && isAt("#") && isRawString()) {
      string()
    } else if !isSwift, isAt("'") {
      character()
    } else if isSwift, isAt("/"), isRegex() {
      regex()
    } else {
      out.append(bytes[index])
      index += 1
    }
  }

  private mutating func blockComment() {
    var depth = 0
    repeat {
      if isAt("/*") && (isSwift || depth == 0) {
        depth += 1
        blank(2)
      } else if isAt("*/") {
        depth -= 1
        blank(2)
      } else {
        blank()
      }
    } while depth > 0 && index < bytes.count
  }

  /// A string of either language; Swift's may be raw, have several lines and interpolations.
  private mutating func string() {
    let hashes = bytes[index...].prefix { $0 == UInt8(ascii: "#") }.count
    blank(hashes)
    let quotes = isSwift && isAt("\"\"\"") ? 3 : 1
    let end =
      Array(repeating: UInt8(ascii: "\""), count: quotes)
      + Array(repeating: UInt8(ascii: "#"), count: hashes)
    let escape = [UInt8(ascii: "\\")] + Array(repeating: UInt8(ascii: "#"), count: hashes)
    blank(quotes)
    while index < bytes.count {
      if isAt(end) {
        blank(end.count)
        return
      }
      if isAt(escape) {
        blank(escape.count)
        if isSwift, isAt("(") { interpolation() } else { blank() }
      } else {
        blank()
      }
    }
  }

  /// What stands in `\( … )` is code, but no rule needs it: it becomes spaces too.
  private mutating func interpolation() {
    let start = out.count
    var depth = 0
    repeat {
      if isAt("(") { depth += 1 }
      if isAt(")") { depth -= 1 }
      step()
    } while depth > 0 && index < bytes.count
    for position in start..<out.count where out[position] != UInt8(ascii: "\n") {
      out[position] = UInt8(ascii: " ")
    }
  }

  private mutating func character() {
    blank()
    while index < bytes.count, bytes[index] != UInt8(ascii: "'"), bytes[index] != UInt8(ascii: "\n")
    {
      blank(bytes[index] == UInt8(ascii: "\\") ? 2 : 1)
    }
    blank()
  }

  private mutating func regex() {
    blank()
    while index < bytes.count, bytes[index] != UInt8(ascii: "/") {
      blank(bytes[index] == UInt8(ascii: "\\") ? 2 : 1)
    }
    blank()
  }

  /// Whether the `#` here begins a raw string, not a macro or a condition.
  private func isRawString() -> Bool {
    let rest = bytes[index...].drop { $0 == UInt8(ascii: "#") }
    return rest.first == UInt8(ascii: "\"")
  }

  /// Whether the slash here begins a regular expression: an operator has its operand before it.
  private func isRegex() -> Bool {
    guard let before = out.last(where: { !Source.isSpace($0) }),
      "(,=:[{&|!?".utf8.contains(before), index + 1 < bytes.count,
      !Source.isSpace(bytes[index + 1])
    else { return false }
    return bytes[(index + 1)...].prefix { $0 != UInt8(ascii: "\n") }.contains(UInt8(ascii: "/"))
  }

  private func isAt(_ text: StaticString) -> Bool {
    text.withUTF8Buffer { isAt(Array($0)) }
  }

  private func isAt(_ wanted: [UInt8]) -> Bool {
    index + wanted.count <= bytes.count
      && bytes[index..<(index + wanted.count)].elementsEqual(wanted)
  }

  private mutating func blank(_ count: Int = 1) {
    for _ in 0..<count where index < bytes.count {
      out.append(bytes[index] == UInt8(ascii: "\n") ? bytes[index] : UInt8(ascii: " "))
      index += 1
    }
  }
}
