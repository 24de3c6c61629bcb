internal import Yams

/// The root of a policy file, or what is wrong with the file as YAML.
enum YamlFile {
  /// Parses a text; nil when something was found that keeps it from being read at all.
  static func root(of yaml: String, findings: Findings) -> Node? {
    do {
      // No rules for scalars: what a word means is for its key to say, so `0836` stays as written.
      let parser = try Parser(yaml: yaml, resolver: .basic, encoding: .utf8)
      guard let root = try parser.singleRoot(), !isNothing(root) else {
        findings.add(.empty, at: Place(line: 1, column: 1))
        return nil
      }
      return root
    } catch let error as YamlError {
      report(error, yaml: yaml, findings: findings)
    } catch {
      findings.add(.notYaml(String(describing: error)), at: Place(line: 1, column: 1))
    }
    return nil
  }

  /// Whether a node stands for "no value": `key:`, `key: ~` or `key: null`.
  static func isNothing(_ node: Node) -> Bool {
    guard case .scalar(let scalar) = node else { return false }
    return scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
  }

  private static func report(_ error: YamlError, yaml: String, findings: Findings) {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      findings.add(.notYaml(problem), at: Place(mark))
    case .reader(let problem, let offset, _, let yaml):
      findings.add(.notYaml(problem), at: place(ofCharacter: offset ?? 0, in: yaml))
    case .duplicatedKeysInMapping(let keys, let context):
      // The parser only names the mapping; the key is looked for from there.
      for key in keys {
        let place = secondPlace(of: key, in: yaml, from: Place(context.mark))
        findings.add(.duplicateKey(key), at: place)
      }
    default:
      findings.add(.notYaml(String(describing: error)), at: Place(line: 1, column: 1))
    }
  }

  /// The keys of a block mapping all begin in its own column, so the second line with the key there
  /// is the repetition; in a mapping in braces it is looked for on the same line.
  private static func secondPlace(of key: String, in yaml: String, from start: Place) -> Place {
    let lines = Self.lines(of: yaml)
    let first = lines[start.line - 1].unicodeScalars
    if first.prefix(start.column - 1).last(where: { $0 != " " }) == "{" {
      let columns = (start.column..<max(start.column, first.count)).filter { column in
        "{, ".unicodeScalars.contains(first[first.index(first.startIndex, offsetBy: column - 1)])
          && isKey(key, first.dropFirst(column))
      }
      return columns.first.map { Place(line: start.line, column: $0 + 1) } ?? start
    }
    for (index, line) in lines.enumerated().dropFirst(start.line)
    where isKey(key, line.unicodeScalars.dropFirst(start.column - 1)) {
      return Place(line: index + 1, column: start.column)
    }
    return start
  }

  /// Whether a text begins with a key, in quotes or not, and its colon.
  private static func isKey(_ key: String, _ text: Substring.UnicodeScalarView) -> Bool {
    let unquoted = text.first == "\"" || text.first == "'" ? text.dropFirst() : text
    guard unquoted.starts(with: key.unicodeScalars) else { return false }
    let after = unquoted.dropFirst(key.unicodeScalars.count).drop { $0 == "\"" || $0 == "'" }
    return after.first == ":"
  }

  private static func place(ofCharacter offset: Int, in yaml: String) -> Place {
    let lines = Self.lines(of: yaml.prefix(offset))
    return Place(line: lines.count, column: (lines.last ?? "").unicodeScalars.count + 1)
  }

  /// The lines as the parser counts them: a carriage return, with a line feed or alone, ends one
  /// too, and so do the breaks that only Unicode knows.
  private static func lines(of text: some StringProtocol) -> [Substring] {
    Substring(text).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
  }
}

extension Place {
  /// The place of a node; the beginning of the file for one that was not read from it.
  init(_ mark: Mark?) {
    self.init(line: mark?.line ?? 1, column: mark?.column ?? 1)
  }
}

/// The keys of one mapping, read with their types; everything wrong goes to the findings.
struct Fields {
  /// One key with its value.
  struct Entry {
    let key: Marked<String>
    let node: Node
  }

  let place: Place
  let entries: [Entry]
  private let findings: Findings

  /// The mapping of a node; nil, and a finding, when it is something else.
  init?(_ node: Node, name: String, findings: Findings) {
    self.findings = findings
    place = Place(node.mark)
    guard case .mapping(let mapping) = node else {
      findings.add(.wrongType(name, wanted: .mapping), at: place)
      return nil
    }
    entries = mapping.compactMap { key, value in
      guard case .scalar(let scalar) = key else {
        findings.add(.wrongType(name, wanted: .text), at: Place(key.mark))
        return nil
      }
      return Entry(
        key: Marked(value: scalar.string, place: Place(key.mark)), node: value)
    }
  }

  /// Reports every key that is not in the list.
  func allow(_ known: [String]) {
    for entry in entries where !known.contains(entry.key.value) {
      findings.add(.unknownKey(entry.key.value, known: known), at: entry.key.place)
    }
  }

  /// The value of a key, or nil when it has none.
  func optional(_ key: String) -> Node? {
    guard let entry = entries.first(where: { $0.key.value == key }),
      !YamlFile.isNothing(entry.node)
    else { return nil }
    return entry.node
  }

  /// The value of a key; a finding when it has none.
  func required(_ key: String) -> Node? {
    if let node = optional(key) { return node }
    let entry = entries.first { $0.key.value == key }
    findings.add(.missingKey(key), at: entry?.key.place ?? place)
    return nil
  }

  /// The text of a key that must have one.
  func text(_ key: String, most: Int = 300) -> Marked<String>? {
    required(key).flatMap { text(of: $0, key: key, most: most) }
  }

  /// The text of a key that may have one.
  func optionalText(_ key: String, most: Int = 300) -> Marked<String>? {
    optional(key).flatMap { text(of: $0, key: key, most: most) }
  }

  /// The whole number of a key, in a range.
  func number(_ key: String, _ range: ClosedRange<Int>) -> Marked<Int>? {
    required(key).flatMap { number(of: $0, key: key, range) }
  }

  /// The whole numbers of a key, as many as asked for.
  func numbers(_ key: String, count: Int, _ range: ClosedRange<Int>) -> [Marked<Int>]? {
    guard let node = required(key), let nodes = list(of: node, key: key) else { return nil }
    guard nodes.count == count else {
      findings.add(.malformed(key, wanted: .numbers(count)), at: Place(node.mark))
      return nil
    }
    let numbers = nodes.compactMap { number(of: $0, key: key, range) }
    return numbers.count == count ? numbers : nil
  }

  /// Whether a key that may be there is `true`.
  func flag(_ key: String) -> Bool {
    guard let node = optional(key) else { return false }
    guard case .scalar(let scalar) = node, ["true", "false"].contains(scalar.string) else {
      findings.add(.wrongType(key, wanted: .flag), at: Place(node.mark))
      return false
    }
    return scalar.string == "true"
  }

  /// The texts of a list that may be there.
  func names(_ key: String) -> [Marked<String>] {
    guard let node = optional(key), let nodes = list(of: node, key: key) else { return [] }
    return nodes.compactMap { text(of: $0, key: key, most: 64) }
  }

  /// A text or a list of texts that may be there, an empty text counting as no text; nil, and a
  /// finding, when it is something else.
  func words(_ key: String) -> [Marked<String>]? {
    guard let node = optional(key) else { return [] }
    switch node {
    case .scalar(let scalar) where scalar.string.isEmpty:
      return []
    case .scalar:
      return text(of: node, key: key, most: 300).map { [$0] }
    case .sequence(let sequence):
      return sequence.compactMap { text(of: $0, key: key, most: 300) }
    default:
      findings.add(.wrongType(key, wanted: .words), at: Place(node.mark))
      return nil
    }
  }

  /// The mapping of a key that must have one.
  func fields(_ key: String) -> Fields? {
    required(key).flatMap { Fields($0, name: key, findings: findings) }
  }

  /// The nodes of a list.
  func list(of node: Node, key: String) -> [Node]? {
    guard case .sequence(let sequence) = node else {
      findings.add(.wrongType(key, wanted: .list), at: Place(node.mark))
      return nil
    }
    return Array(sequence)
  }

  private func text(of node: Node, key: String, most: Int) -> Marked<String>? {
    let place = Place(node.mark)
    guard case .scalar(let scalar) = node, !YamlFile.isNothing(node), !scalar.string.isEmpty else {
      findings.add(.wrongType(key, wanted: .text), at: place)
      return nil
    }
    guard scalar.string.unicodeScalars.count <= most else {
      findings.add(.tooLong(key, most: most), at: place)
      return nil
    }
    guard scalar.string.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
      findings.add(.malformed(key, wanted: .oneLine), at: place)
      return nil
    }
    return Marked(value: scalar.string, place: place)
  }

  private func number(of node: Node, key: String, _ range: ClosedRange<Int>) -> Marked<Int>? {
    let place = Place(node.mark)
    guard case .scalar(let scalar) = node, scalar.style == .plain, let number = Int(scalar.string)
    else {
      findings.add(.wrongType(key, wanted: .number), at: place)
      return nil
    }
    guard range.contains(number) else {
      findings.add(
        .outOfRange(key, least: range.lowerBound, most: range.upperBound), at: place)
      return nil
    }
    return Marked(value: number, place: place)
  }
}
