import Yams

/// Reads the keys of one mapping; whatever is wrong with one goes to the findings and gives nil.
///
/// Unknown and repeated keys are found when the section is made, so a section is made with all the
/// keys it knows.
struct Section {
  /// Where a missing key is reported: at the section's own key.
  let place: Place
  private let name: String
  private let reader: ConfigurationReader
  private var entries: [String: YamlEntry] = [:]

  /// The section of a mapping; `name` is empty for the whole file.
  init(_ name: String, at place: Place, mapping: Node.Mapping, reader: ConfigurationReader) {
    self.name = name
    self.place = place
    self.reader = reader
    let known = ConfigurationReader.keys(of: name)
    for entry in reader.text.entries(of: mapping) {
      if known.contains(entry.name) {
        entries[entry.name] = entry
        reader.places[full(entry.name)] = Place(entry.value.mark)
      } else {
        reportUnknown(entry, known: known)
      }
    }
  }

  /// Whether the file gives the key, with whatever value.
  func has(_ key: String) -> Bool { entries[key] != nil }

  /// Whether the value of the key is a list.
  func isList(_ key: String) -> Bool { entries[key]?.value.sequence != nil }

  /// The place of a key's value; of the section when the key is missing.
  func place(of key: String) -> Place { entries[key].map { Place($0.value.mark) } ?? place }

  /// The place of the key itself.
  func keyPlace(_ key: String) -> Place { entries[key]?.place ?? place }

  /// Reports a key that must be there and is not.
  func require(_ key: String, hint: String) {
    if !has(key) {
      reader.findings.error(at: place, "`\(full(key))` is missing", hint: hint)
    }
  }

  /// The section below a key.
  func section(_ key: String) -> Section? {
    guard let entry = entries[key] else { return nil }
    guard case .mapping(let mapping) = entry.value else {
      reportKind(of: entry, wanted: "a mapping", hint: "write \(key): { … }")
      return nil
    }
    return Section(full(key), at: entry.place, mapping: mapping, reader: reader)
  }

  /// The text of a key.
  func text(_ key: String) -> String? {
    guard let entry = entries[key] else { return nil }
    guard case .scalar(let scalar) = entry.value, !YamlText.isNothing(scalar) else {
      reportKind(of: entry, wanted: "text", hint: "write \(key): VALUE, or remove the key")
      return nil
    }
    return scalar.string
  }

  /// What a reading function makes of a key's text; `expected` ends the sentence "`KEY` must be …".
  func value<Value>(
    _ key: String, expected: String, hint: String, _ read: (String) -> Value?
  ) -> Value? {
    guard let text = text(key) else { return nil }
    guard let value = read(text) else {
      bad(key, "must be \(expected), not \(shown(text))", hint: hint)
      return nil
    }
    return value
  }

  /// One of a closed list of words.
  func choice<Choice>(_ key: String, _ type: Choice.Type) -> Choice?
  where Choice: RawRepresentable<String> & CaseIterable {
    let words = Choice.allCases.map(\.rawValue)
    let list = words.map { "`\($0)`" }.joined(separator: ", ")
    guard let text = text(key) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      let nearest = Suggestion.nearest(to: text, among: words)
      bad(
        key, "must be one of \(list), not \(shown(text))",
        hint: nearest.map { "did you mean `\($0)`?" } ?? "write one of the words as they stand")
      return nil
    }
    return choice
  }

  /// Texts of a list with their places; nil when the key is missing or is no list.
  func list(_ key: String) -> [(text: String, place: Place)]? {
    guard let entry = entries[key] else { return nil }
    guard case .sequence(let sequence) = entry.value else {
      reportKind(of: entry, wanted: "a list", hint: "write \(key): [ONE, ANOTHER]")
      return nil
    }
    var texts: [(text: String, place: Place)] = []
    for node in sequence {
      guard case .scalar(let scalar) = node, !YamlText.isNothing(scalar) else {
        reader.findings.error(
          at: Place(node.mark),
          "`\(full(key))` must be a list of text; this is \(YamlText.kind(of: node))",
          hint: "write \(key): [ONE, ANOTHER]; a value with brackets needs quotes")
        continue
      }
      if texts.contains(where: { $0.text == scalar.string }) {
        reader.findings.error(
          at: Place(node.mark), "`\(full(key))` names \(shown(scalar.string)) twice",
          hint: "keep one of them")
      } else {
        reader.places["\(full(key))[\(texts.count)]"] = Place(node.mark)
        texts.append((scalar.string, Place(node.mark)))
      }
    }
    return texts
  }

  /// An error at a key's value: "`SECTION.KEY` " and the rest of the sentence.
  func bad(_ key: String, _ rest: String, hint: String) {
    reader.findings.error(at: place(of: key), "`\(full(key))` \(rest)", hint: hint)
  }

  /// The dotted name of a key.
  func full(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }

  private func reportKind(of entry: YamlEntry, wanted: String, hint: String) {
    let kind = YamlText.kind(of: entry.value)
    let full = full(entry.name)
    if kind == "nothing" {
      reader.findings.error(at: entry.place, "`\(full)` has no value", hint: hint)
    } else {
      reader.findings.error(
        at: Place(entry.value.mark), "`\(full)` must be \(wanted), not \(kind)", hint: hint)
    }
  }

  private func reportUnknown(_ entry: YamlEntry, known: [String]) {
    let hint: String
    if let nearest = Suggestion.nearest(to: entry.name, among: known) {
      hint = "did you mean `\(nearest)`?"
    } else if let home = ConfigurationReader.home(of: entry.name) {
      hint =
        home.isEmpty
        ? "it belongs to the top level, outside the sections" : "it belongs under `\(home)`"
    } else {
      hint = "known here: \(known.joined(separator: ", "))"
    }
    let inside = name.isEmpty ? "" : " in `\(name)`"
    reader.findings.error(
      at: entry.place, "unknown key \(shown(entry.name))\(inside)", hint: hint)
  }
}
