import Foundation
import Testing
import WeirPolicy
import Yams

/// The part of JSON Schema that the policy's schema uses, over YAML nodes.
private struct Schema {
  private let root: [String: Any]

  init(_ text: String) throws {
    root = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  /// Whether a document is as the schema wants it.
  func accepts(_ node: Node) -> Bool { accepts(node, root) }

  private func accepts(_ node: Node, _ schema: [String: Any]) -> Bool {
    if let name = schema["$ref"] as? String {
      let definitions = root["$defs"] as? [String: Any]
      let definition = definitions?[String(name.dropFirst("#/$defs/".count))] as? [String: Any]
      return definition.map { accepts(node, $0) } ?? false
    }
    if let choices = schema["anyOf"] as? [[String: Any]] {
      return choices.contains { accepts(node, $0) }
    }
    if let words = schema["enum"] as? [String] { return words.contains(node.string ?? "") }
    switch schema["type"] as? String {
    case "object": return acceptsObject(node, schema)
    case "array": return acceptsList(node, schema)
    case "boolean": return ["true", "false"].contains(node.string ?? "")
    case "integer":
      guard let number = node.string.flatMap(Int.init), node.scalar?.style == .plain else {
        return false
      }
      return (schema["minimum"] as? Int).map { $0 <= number } ?? true
        && (schema["maximum"] as? Int).map { number <= $0 } ?? true
    default: return acceptsText(node, schema)
    }
  }

  private func acceptsText(_ node: Node, _ schema: [String: Any]) -> Bool {
    guard let text = node.string else { return false }
    let count = text.unicodeScalars.count
    let pattern = (schema["pattern"] as? String).flatMap { try? Regex($0) }
    return count >= schema["minLength"] as? Int ?? 0 && count <= schema["maxLength"] as? Int ?? .max
      && (pattern.map { text.firstMatch(of: $0) != nil } ?? true)
  }

  private func acceptsList(_ node: Node, _ schema: [String: Any]) -> Bool {
    guard let items = node.sequence.map({ Array($0) }) else { return false }
    let item = schema["items"] as? [String: Any] ?? [:]
    return items.count >= schema["minItems"] as? Int ?? 0
      && items.count <= schema["maxItems"] as? Int ?? .max
      && items.allSatisfy { accepts($0, item) }
  }

  private func acceptsObject(_ node: Node, _ schema: [String: Any]) -> Bool {
    guard let mapping = node.mapping else { return false }
    let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
    let others = schema["additionalProperties"] as? [String: Any]
    let names = schema["propertyNames"] as? [String: Any] ?? ["type": "string"]
    let keys = mapping.compactMap { $0.key.string }
    guard (schema["required"] as? [String] ?? []).allSatisfy(keys.contains) else { return false }
    guard keys.count >= schema["minProperties"] as? Int ?? 0 else { return false }
    return mapping.allSatisfy { key, value in
      guard let name = key.string, accepts(key, names) else { return false }
      guard let known = properties[name] ?? others else { return false }
      return accepts(value, known)
    }
  }
}

@Suite("The JSON Schema of policy files")
struct SchemaTests {
  private static func node(_ yaml: String) throws -> Node {
    try #require(try Parser(yaml: yaml, resolver: .basic, encoding: .utf8).singleRoot())
  }

  private func isGood(_ yaml: String) -> Bool {
    (try? Policy(yaml: yaml, file: "own.yaml")) != nil
  }

  @Test("takes the embedded policy")
  func embedded() throws {
    #expect(try Schema(Policy.schema).accepts(Self.node(Policy.embeddedSource)))
  }

  @Test("takes what rules may ask of circumstances")
  func circumstances() throws {
    let when = """
      { platform: "110", channel: internet, county: ["513301"], hours: "22:00-06:00",
            dates: 2026-06-01/2026-09-30, unit: overloaded }
      """
    let yaml = Policy.embeddedSource.replacing(
      "    all: [massIncident]\n", with: "    all: [massIncident]\n    when: \(when)\n")
    #expect(try Schema(Policy.schema).accepts(Self.node(yaml)))
    #expect(isGood(yaml))
  }

  @Test("agrees with the reader on every key: it is needed, or not; another one is not known")
  func keys() throws {
    let schema = try Schema(Policy.schema)
    let lines = Policy.embeddedSource.split(separator: "\n", omittingEmptySubsequences: false)
    // One of each kind of mapping: its first key in the file's order.
    var seen: Set<String> = []
    for (index, line) in lines.enumerated() {
      guard let key = line.firstMatch(of: #/^(\s*)(- )?([A-Za-z]+):( [^\[{#].*)?$/#) else {
        continue
      }
      guard seen.insert("\(key.1.count) \(key.3)").inserted else { continue }
      var other = lines
      other[index] = Substring(line.replacing("\(key.3):", with: "\(key.3)x:"))
      let yaml = other.joined(separator: "\n")
      let accepted = try schema.accepts(Self.node(yaml))
      // A clause or target of another name is what only the reader can miss.
      if isGood(yaml) { #expect(accepted, "line \(index + 1): \(other[index])") }
      if !accepted { #expect(!isGood(yaml), "line \(index + 1): \(other[index])") }
    }
    #expect(seen.count > 40)
  }

  @Test(
    "refuses what the reader refuses for its form",
    arguments: [
      ("priority: 710", "priority: high"), ("priority: 710", "priority: 0"),
      ("emergency: true", "emergency: maybe"), ("all: [otherUnlawful]", "all: otherUnlawful"),
      ("all: [crime]", "all: [crimes]"), ("digits: \"119\"", "digits: \"11x\""),
      ("\"513301\":", "\"51330\":"), ("startsAt: received", "startsAt: answered"),
      ("action: dispatchFirst, say: dispatchPolice", "action: dispatch, say: dispatchPolice"),
      ("[30000, 45000]", "[30000]"), ("version: garze-2022-38/1", "version: 甘孜"),
      ("talkMs: 180000", "talkMs: 1"), ("owner: \"12345\"", "owner: \"119\""),
    ])
  func forms(_ old: String, _ new: String) throws {
    let yaml = Policy.embeddedSource.replacing(old, with: new)
    #expect(yaml != Policy.embeddedSource)
    #expect(try !Schema(Policy.schema).accepts(Self.node(yaml)))
    #expect(!isGood(yaml))
  }
}
