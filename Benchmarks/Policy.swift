import ArgumentParser
import Foundation
import WeirModel
import WeirPolicy

/// `Benchmarks policy`: a policy of Tianjin's size, and the decisions of it.
struct PolicyBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Reading and compiling a policy of 500 rules and 169 listed items; one decision.")

  @OptionGroup var output: OutputOptions
  @Option(help: "Rules beside those of the notice.") var rules = 470
  @Option(help: "Listed items beside those of the notice.") var items = 140

  func run() throws {
    let large = Self.source(rules: rules, items: items)
    let policy = try Policy(yaml: large, file: "large.yaml")
    let facts = Self.facts(1 << 14)
    print("\(policy.rules.count) rules, \(policy.clauses.count) listed items")
    try report("compile the notice, ms") { try Self.compile(Policy.embeddedSource) }
    try report("compile all that, ms") { try Self.compile(large) }
    try report("decide by the notice, ns") { Self.decide(.embedded, facts) }
    try report("decide by all that, ns") { Self.decide(policy, facts) }
  }

  private func report(_ name: String, _ measure: () throws -> Double) throws {
    let figures = try (0..<max(3, output.runs)).map { _ in try measure() }.sorted()
    let words = [figures.first, figures[figures.count / 2], figures.last].map {
      String(format: "%.1f", $0 ?? 0)
    }
    if output.json {
      print(
        "{\"what\":\"\(name)\",\"min\":\(words[0]),\"median\":\(words[1]),\"max\":\(words[2])}")
    } else {
      print("\(name): min \(words[0])  median \(words[1])  max \(words[2])")
    }
  }

  private static func compile(_ yaml: String) throws -> Double {
    let clock = ContinuousClock()
    let time = try clock.measure { _ = try Policy(yaml: yaml, file: "large.yaml") }
    return time / .milliseconds(1)
  }

  private static func decide(_ policy: Policy, _ facts: [FactSet]) -> Double {
    let clock = ContinuousClock()
    let circumstances = Circumstances(platform: .hotline, channel: .phone, county: 513_301)
    var sum = 0
    let rounds = 64
    let time = clock.measure {
      for _ in 0..<rounds {
        for set in facts { sum &+= Int(policy.decide(set, in: circumstances).rule) }
      }
    }
    precondition(sum != 0)
    return time / .nanoseconds(1) / Double(rounds * facts.count)
  }

  /// One to four facts each, as seats tick them; the same on every run.
  static func facts(_ count: Int) -> [FactSet] {
    var state: UInt64 = 38
    return (0..<count).map { index in
      var set: FactSet = []
      for _ in 0...(index % 4) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        set.insert(FactSet(Fact.allCases[Int(state >> 33) % Fact.allCases.count]))
      }
      return set
    }
  }

  /// The embedded policy with rules of three facts before its own, and items that they carry out.
  private static func source(rules: Int, items: Int) -> String {
    let facts = Fact.allCases.map(\.name)
    var combinations: [String] = []
    for first in facts.indices {
      for second in facts.indices where second > first {
        for third in facts.indices where third > second {
          combinations.append("\(facts[first]), \(facts[second]), \(facts[third])")
        }
      }
    }
    var listed = ""
    for item in 0..<items {
      listed += "  附\(item + 1): { zh: 清单第\(item + 1)项, en: listed item, source: 清单 }\n"
    }
    var ruled = ""
    // Steps that share no factor with their number visit the combinations in no order.
    for rule in 0..<rules {
      ruled +=
        "  - { id: l\(rule), priority: \(rule + 1), all: [\(combinations[rule * 7 % 3654])],"
        + " owner: \"110\", clause: 附\(rule % max(1, items) + 1), zh: 清单, en: listed }\n"
    }
    return Policy.embeddedSource
      .replacing("\nclauses:\n", with: "\nclauses:\n" + listed)
      .replacing("\nrules:\n", with: "\nrules:\n" + ruled)
      .replacing(#/priority: (\d\d\d)\n/#) { "priority: 9\($0.1)\n" }
  }
}
