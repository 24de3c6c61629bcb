import Yams

/// One key of a mapping with its value.
struct YamlEntry {
  let name: String
  let place: Place
  let value: Node
}

/// A YAML text and the nodes of its only document.
///
/// The parser below stops at a mapping that has a key twice. One repeated key would then hide
/// every other problem of the file, so its first place is overwritten with as many characters that
/// no key is made of, and the text is parsed again: lines and columns stay what they were, and
/// ``entries(of:)`` gives the key its name back.
struct YamlText {
  /// The document's root; nil when the text has none or is no YAML.
  private(set) var root: Node?
  private var text: String
  private let findings: Findings
  /// Stand-ins of overwritten keys → the keys.
  private var overwritten: [String: String] = [:]

  /// Stand-ins are made of this and the following scalars, of the private use area.
  private static let firstStandIn: UInt32 = 0xE000
  private static let standInsMax = 64

  /// Parses a text; what is wrong with it as YAML goes to the findings.
  init(_ text: String, findings: Findings) {
    // A byte order mark is no part of the text; the parser would count it as a column.
    self.text = text.hasPrefix("\u{FEFF}") ? String(text.unicodeScalars.dropFirst()) : text
    self.findings = findings
    while true {
      do {
        try parse()
        return
      } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
        let place = Place(context.mark)
        guard let key = keys.first, overwrite(key, at: place) else {
          findings.error(
            at: place, "a key is given twice: \(keys.map(shown).joined(separator: ", "))",
            hint: "keep one of them; the rest of the file is read once that is done")
          return
        }
      } catch {
        report(error)
        return
      }
    }
  }

  /// The keys of a mapping in the file's order, without repetitions; those go to the findings, as
  /// do keys that are not plain words.
  func entries(of mapping: Node.Mapping) -> [YamlEntry] {
    var entries: [YamlEntry] = []
    for (key, value) in mapping {
      let place = Place(key.mark)
      guard case .scalar(let scalar) = key else {
        findings.error(
          at: place, "a key must be a word, not \(Self.kind(of: key))",
          hint: "write `key: value`; text that holds braces or brackets needs quotes")
        continue
      }
      let name = overwritten[scalar.string] ?? scalar.string
      if let first = entries.first(where: { $0.name == name }) {
        findings.error(
          at: place, "\(shown(name)) is given twice",
          hint: "keep one of them; the first is on line \(first.place.line)")
      } else {
        entries.append(YamlEntry(name: name, place: place, value: value))
      }
    }
    return entries
  }

  /// What a node is, in words for a message.
  static func kind(of node: Node) -> String {
    switch node {
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .scalar(let scalar): isNothing(scalar) ? "nothing" : "text"
    case .alias: "an alias"
    }
  }

  /// Whether a scalar stands for "no value": `key:`, `key: ~` or `key: null`.
  static func isNothing(_ scalar: Node.Scalar) -> Bool {
    scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  /// Parses the text as it stands now. The first document is kept even if more follow.
  private mutating func parse() throws {
    // No rules: what a word means is for its key to say, so `name: 0110` stays as it was written.
    let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
    root = try parser.nextRoot()
    if root != nil, let second = try parser.nextRoot() {
      findings.error(
        at: Place(second.mark), "a second document begins",
        hint: "keep one document in the file: remove `---` and what does not belong to this unit")
    }
  }

  private mutating func overwrite(_ key: String, at place: Place) -> Bool {
    let number = overwritten.count
    guard number < Self.standInsMax, !key.isEmpty,
      let scalar = Unicode.Scalar(Self.firstStandIn + UInt32(number)),
      !text.unicodeScalars.contains(scalar), let start = index(of: place)
    else { return false }
    var begin = start
    if text.unicodeScalars[begin] == "\"" || text.unicodeScalars[begin] == "'" {
      begin = text.unicodeScalars.index(after: begin)
    }
    guard text.unicodeScalars[begin...].starts(with: key.unicodeScalars) else { return false }
    let end = text.unicodeScalars.index(begin, offsetBy: key.unicodeScalars.count)
    let standIn = String(repeating: Character(scalar), count: key.unicodeScalars.count)
    text.unicodeScalars.replaceSubrange(begin..<end, with: standIn.unicodeScalars)
    overwritten[standIn] = key
    return true
  }

  /// Where a place is in the text; nil when it lies beyond the end.
  private func index(of place: Place) -> String.Index? {
    var at = Place(line: 1, column: 1)
    for index in text.unicodeScalars.indices {
      if at >= place { return at == place ? index : nil }
      at.pass(text.unicodeScalars, index)
    }
    return nil
  }

  /// Turns what the parser threw into a problem at its place.
  private func report(_ error: any Error) {
    switch error {
    case YamlError.scanner(let context, let problem, let mark, _),
      YamlError.parser(let context, let problem, let mark, _),
      YamlError.composer(let context, let problem, let mark, _):
      let around = context.map { " \($0.text)" } ?? ""
      // The parser's own words for this one speak of a function to call.
      let isDeep = problem.hasPrefix("Maximum nesting level")
      findings.error(
        at: Place(mark), "not valid YAML: \(isDeep ? "nested too deep" : problem + around)",
        hint: hint(at: Place(mark)))
    case YamlError.reader(let problem, let offset, _, _):
      findings.error(
        at: place(ofCharacter: offset ?? 0), "not valid YAML: \(problem)",
        hint: "remove the character that cannot be seen here")
    default:
      findings.error(
        at: Place(line: 1, column: 1), "not valid YAML: \(error)", hint: "see the example file")
    }
  }

  private func hint(at place: Place) -> String {
    if let index = index(of: place), text.unicodeScalars[index] == "\t" {
      return "use spaces: YAML takes no tab for indentation"
    }
    return "look here and on the line above for a missing colon, quote, bracket or indentation"
  }

  private func place(ofCharacter offset: Int) -> Place {
    let end = text.index(text.startIndex, offsetBy: offset, limitedBy: text.endIndex)
    var place = Place(line: 1, column: 1)
    for index in text.unicodeScalars.indices.prefix(while: { $0 < end ?? text.endIndex }) {
      place.pass(text.unicodeScalars, index)
    }
    return place
  }
}

extension Place {
  /// The place of a node; the beginning of the file for a node that was not read from one.
  init(_ mark: Mark?) {
    self.init(line: mark?.line ?? 1, column: mark?.column ?? 1)
  }

  /// Goes on behind one scalar of a text, by the line breaks that YAML 1.1 knows.
  fileprivate mutating func pass(_ text: String.UnicodeScalarView, _ index: String.Index) {
    let next = text.index(after: index)
    switch text[index] {
    case "\r" where next < text.endIndex && text[next] == "\n":
      column += 1
    case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}":
      line += 1
      column = 1
    default:
      column += 1
    }
  }
}
