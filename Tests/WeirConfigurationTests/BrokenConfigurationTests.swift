import Testing
import WeirConfiguration

/// One case of ``BrokenConfigurations``.
struct BrokenConfiguration: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let yaml: String
  /// `LINE:COLUMN: SEVERITY: MESSAGE` and the hint.
  var expected: [(problem: String, hint: String)] = []

  /// The cases of a table.
  static func read(_ table: String) -> [BrokenConfiguration] {
    var cases: [BrokenConfiguration] = []
    for line in table.split(separator: "\n") {
      if line.hasPrefix("    = ") {
        let last = cases.count - 1
        cases[last].expected[cases[last].expected.count - 1].hint = String(line.dropFirst(6))
      } else if line.hasPrefix("  ") {
        cases[cases.count - 1].expected.append((String(line.dropFirst(2)), ""))
      } else {
        cases.append(BrokenConfiguration(String(line)))
      }
    }
    return cases
  }

  private init(_ line: String) {
    testDescription = line
    let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let text = parts[1].drop { $0 == " " }
      .split(separator: "\\n", omittingEmptySubsequences: false).joined(separator: "\n")
      .split(separator: "\\t", omittingEmptySubsequences: false).joined(separator: "\t")
    let words = parts[0].split(separator: " ")
    guard words.count == 2, let number = Int(words[1]) else {
      yaml = text
      return
    }
    yaml = Good.text(words[0] == "outer" ? Good.outer : Good.inner, line: number, text)
  }
}

/// Good configurations to break.
enum Good {
  static let outer = [
    "unit: outer",
    "name: kd1",
    "data: /var/lib/weir",
    "intake: { socket: /run/weir/intake.sock }",
    "link: { send: [198.18.0.2:7112], key: /etc/weir/link.key }",
    "report: { directory: /srv/weir/reports }",
  ]

  static let inner = [
    "unit: inner",
    "name: kd2",
    "data: /var/lib/weir",
    "link: { listen: [0.0.0.0:7112], key: /etc/weir/link.key }",
    "delivery: { directory: /srv/weir/in }",
  ]

  /// The lines with one replaced, or appended behind the last.
  static func text(_ lines: [String], line number: Int, _ text: String) -> String {
    var lines = lines + [""]
    lines[number - 1] = text
    return lines.joined(separator: "\n")
  }
}

struct BrokenConfigurationTests {
  @Test(
    "keys that are unknown, given twice or missing are told with their place",
    arguments: BrokenConfiguration.read(BrokenConfigurations.keys)
      + BrokenConfiguration.read(BrokenConfigurations.required))
  func keys(_ broken: BrokenConfiguration) {
    expect(broken)
  }

  @Test(
    "values that cannot be are told with their place",
    arguments: BrokenConfiguration.read(BrokenConfigurations.values)
      + BrokenConfiguration.read(BrokenConfigurations.paths)
      + BrokenConfiguration.read(BrokenConfigurations.links))
  func values(_ broken: BrokenConfiguration) {
    expect(broken)
  }

  @Test(
    "what is no YAML, or not one mapping, is told where it stops being one",
    arguments: BrokenConfiguration.read(BrokenConfigurations.syntax))
  func syntax(_ broken: BrokenConfiguration) {
    expect(broken)
  }

  @Test("paths have room for what the system takes and not a byte more")
  func lengths() {
    for (bytes, isGood) in [(107, true), (108, false)] {
      let path = "/" + String(repeating: "s", count: bytes - 1)
      let problems = problems(line: 4, "intake: { socket: \(path) }")
      let told = "4:19: error: `intake.socket` is 108 bytes long; a socket's path has at most 107"
      #expect(problems == (isGood ? [] : [told]))
    }
    for (bytes, isGood) in [(4095, true), (4096, false)] {
      let path = "/" + String(repeating: "d", count: bytes - 1)
      let problems = problems(line: 3, "data: \(path)")
      let told = "3:7: error: `data` is 4096 bytes long; a directory's path has at most 4095"
      #expect(problems == (isGood ? [] : [told]))
    }
  }

  @Test("what cannot be seen is told, and never printed as it stands")
  func controlCharacters() {
    #expect(
      problems(line: 2, "name: k\u{7}")
        == ["2:8: error: not valid YAML: control characters are not allowed"])
    #expect(
      problems(line: 2, "name: \"\\e[31mred\"")
        == ["2:7: error: `name` must be 1 to 8 letters and digits, not `\\u{1B}[31mred`"])
    let long = String(repeating: "a", count: 100)
    #expect(
      problems(line: 2, "name: \(long)")
        == ["2:7: error: `name` must be 1 to 8 letters and digits, not `\(long.prefix(60))…`"])
  }

  @Test("a text nested beyond all sense is refused and not followed")
  func nesting() {
    let yaml = String(repeating: "[", count: 100_000)
    let (_, problems) = Configuration.read(yaml: yaml, file: "f")
    #expect(problems.map(\.description) == ["f:1:1: error: not valid YAML: nested too deep"])
  }

  @Test("lines that end as on Windows, and a byte order mark, change no place")
  func lineEndings() {
    let yaml =
      "\u{FEFF}"
      + Good.text(Good.outer, line: 2, "name: k-").split(separator: "\n")
      .joined(separator: "\r\n") + "\r\nname: kd1\r\nname: kd1\r\n"
    let (_, problems) = Configuration.read(yaml: yaml, file: "f")
    #expect(
      problems.map(\.description) == [
        "f:2:7: error: `name` must be 1 to 8 letters and digits, not `k-`",
        "f:7:1: error: `name` is given twice", "f:8:1: error: `name` is given twice",
      ])
  }

  private func problems(line: Int, _ text: String) -> [String] {
    Configuration.read(yaml: Good.text(Good.outer, line: line, text), file: "f").1
      .map { String($0.description.dropFirst(2)) }
  }

  private func expect(_ broken: BrokenConfiguration) {
    let (unit, problems) = Configuration.read(yaml: broken.yaml, file: "weir.yaml")
    #expect(problems.map(\.description) == broken.expected.map { "weir.yaml:\($0.problem)" })
    #expect(problems.map(\.hint) == broken.expected.map(\.hint))
    #expect((unit == nil) == problems.contains { $0.severity == .error })
  }
}
