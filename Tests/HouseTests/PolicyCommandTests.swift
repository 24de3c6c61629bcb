import Foundation
import Testing
import WeirModel
import WeirPolicy

extension RealProgramTests {
  @Suite("Commands that decide") struct PolicyCommandTests {
    private static let lines = """
      {"id":"a","receivedBy":"12345","channel":"phone","facts":["dangerToLife"],\
      "expected":{"owner":"110","action":"transferByPhone","clause":"二(二)","emergency":true}}

      {"ref":"b","receivedBy":"110","channel":"phone","facts":["nonUrgentRequest"],\
      "expected":{"owner":"12345","action":"adviseRedial12345","emergency":false}}\r
      {"id":"c","receivedBy":"12345","channel":"phone","facts":["nonsense"],\
      "expected":{"owner":"110"}}
      {"id":"d \\"字\\"","receivedBy":"12345","channel":"internet","facts":["crime"]}
      {"receivedBy":"12345","channel":"phone","facts":[]}
      no JSON at all
      """

    @Test("judge answers every line in its place, from standard input or a file")
    func judge() throws {
      let house = try House()
      defer { house.close() }
      try house.write(Self.lines, to: "lines.jsonl")
      let said = try house.run("judge --stats", input: Self.lines)
      #expect(said.code == 0)
      #expect(said.complaint.hasPrefix("6 lines, 2 errors, "))
      #expect(try house.run("judge lines.jsonl").output == said.output)
      #expect(try house.run("judge -", input: Self.lines).output == said.output)
      let answers = try said.objects()
      #expect(answers.count == 6)
      let owners = answers.map { ($0["decision"] as? Fields)?["owner"] as? String }
      #expect(owners == ["110", "12345", nil, "110", "unclear", nil])
      #expect(answers.map { $0["id"] as? String } == ["a", nil, "c", "d \"字\"", nil, nil])
      #expect(answers[1]["ref"] as? String == "b")
      let error = answers[2]["error"] as? Fields
      #expect(error?["code"] as? String == "unknownFact")
      #expect(error?["field"] as? String == "facts[0]")
      #expect((answers[5]["error"] as? Fields)?["code"] as? String == "badJson")
    }

    @Test("judge compares what is expected and leaves with 1 on a difference")
    func expectations() throws {
      let house = try House()
      defer { house.close() }
      let good = Self.lines.split { $0.isNewline }.prefix(2).joined(separator: "\n")
      let fit = try house.run("judge --expect", input: good)
      #expect(fit.code == 0 && fit.complaint == "2 compared, 0 different\n")
      let wrong = Self.lines.replacing("\"emergency\":true", with: "\"emergency\":false")
        .replacing("adviseRedial12345", with: "talk")
      let differs = try house.run("judge --expect", input: wrong)
      #expect(differs.code == 1)
      #expect(
        differs.complaint.split(separator: "\n") == [
          "a: emergency true, expected false",
          "b: action adviseRedial12345, expected talk",
          "c: refused",
          "3 compared, 3 different",
        ])
      let odd = good.replacing("\"emergency\":true", with: "\"urgent\":true")
        .replacing(#/"expected":\{"owner":"12345".*\}\}/#, with: "\"expected\":5}")
      let unknown = try house.run("judge --expect", input: odd)
      #expect(unknown.code == 1)
      #expect(
        unknown.complaint.split(separator: "\n") == [
          "a: expected has urgent, which is not compared", "b: expected is no object",
          "2 compared, 2 different",
        ])
    }

    @Test("judge says why, in both languages, and decides by the policy that is valid then")
    func reasons() throws {
      let house = try House(policy: Policy.embeddedSource.replacing("-38/1", with: "-38/own"))
      defer { house.close() }
      let said = try house.run("judge --explain --policy policy.yaml", input: Self.lines)
      let first = try #require(try said.objects().first)
      #expect((first["decision"] as? Fields)?["policy"] as? String == "garze-2022-38/own")
      let why = try #require(first["explanation"] as? Fields)
      for language in ["zh", "en"] {
        let lines = try #require(why[language] as? [String])
        #expect(!lines.isEmpty && lines.allSatisfy { !$0.isEmpty })
      }
    }

    @Test("a policy is checked with file, line and column, in two languages")
    func check() throws {
      let house = try House(policy: Policy.embeddedSource)
      defer { house.close() }
      try house.write(
        Policy.embeddedSource.replacing("all: [crime]", with: "all: [crimes]")
          .replacing("priority: 710", with: "priority: ten"), to: "bad.yaml")
      let good = try house.run("policy check policy.yaml")
      #expect(good.code == 0)
      #expect(good.output.contains("policy.yaml: good, \(Policy.embedded.rules.count) rules"))
      let bad = try house.run("policy check bad.yaml")
      #expect(bad.code == 1 && bad.output.isEmpty)
      let places = bad.complaint.split(separator: "\n").filter { $0.contains("bad.yaml:") }
      #expect(places.count >= 2, "every problem in one run: \(bad.complaint)")
      #expect(bad.complaint.contains("crimes"))
      // Two that are valid on the same day.
      let both = try house.run("policy check policy.yaml policy.yaml")
      #expect(both.code == 1 && both.output.isEmpty)
    }

    @Test("the policy is shown as what it is: its text, its rules, its schema")
    func show() throws {
      let house = try House(policy: Policy.embeddedSource)
      defer { house.close() }
      #expect(try house.run("policy show --yaml").output == Policy.embeddedSource)
      #expect(try house.run("policy show --schema").output == Policy.schema)
      let rules = try house.run("policy show --json").objects()
      #expect(rules.map { $0["rule"] as? String } == Policy.embedded.rules.map(\.id))
      #expect(rules.map { $0["owner"] as? String } == Policy.embedded.rules.map(\.owner.name))
      let table = try house.run("policy show").output
      for rule in Policy.embedded.rules { #expect(table.contains("  \(rule.id)  ")) }
      #expect(table.contains("60 秒,自接到时起算"))
      #expect(try house.run("policy show policy.yaml").output == table)
    }

    /// Columns on paper: what is not ASCII takes two.
    private func columns(_ line: Substring) -> Int {
      line.unicodeScalars.reduce(0) { $0 + ($1.value >= 0x2E80 ? 2 : 1) }
    }

    @Test(
      "the card of a dead unit fits its paper and names every fact once",
      arguments: [
        "12345", "110",
      ])
    func card(desk: String) throws {
      let said = try Command.run(["policy", "show", "--card", "--desk", desk], in: "/")
      #expect(said.code == 0)
      let lines = said.output.split(separator: "\n")
      for line in lines { #expect(columns(line) <= 78, "\(line)") }
      let boxes = said.output.split(separator: "□").count - 1
      // `medicalOnly` stands twice: as what it is, and as the exception beside danger.
      #expect(boxes == rulesFacts + 1, "\(said.output)")
      #expect(said.output.contains("三、") == (desk == "12345"), "who cannot transfer is told")
    }

    /// Facts that a desk can tick.
    private var rulesFacts: Int { Fact.allCases.count }

    @Test("two policies are compared over every combination; what 110 loses stands first")
    func diff() throws {
      let source = Policy.embeddedSource
      let loses = source.replacing("-38/1", with: "-38/2")
        .replacing(
          "all: [dangerToLife, medicalOnly]\n",
          with: "all: [dangerToLife]\n    any: [medicalOnly, military]\n")
      let house = try House(policy: loses)
      defer { house.close() }
      let same = try house.run("policy diff embedded embedded")
      #expect(same.code == 0 && same.output == "每一种事实组合的判定都相同\n")
      #expect(try house.run("policy diff embedded embedded --json").output.isEmpty)
      let differs = try house.run("policy diff embedded policy.yaml --json")
      #expect(differs.code == 1)
      let groups = try differs.objects()
      #expect(groups.first?["losesPolice"] as? Bool == true)
      #expect(groups.allSatisfy { ($0["combinations"] as? Int ?? 0) > 0 })
      let way = try #require((groups[0]["ways"] as? [Fields])?.first)
      #expect((way["before"] as? Fields)?["owner"] as? String == "110")
      #expect((way["after"] as? Fields)?["owner"] as? String == "neither")
      let words = try house.run("policy diff embedded policy.yaml")
      #expect(words.code == 1 && words.output.contains("不再到达110"))
      #expect(words.output.contains("\(groups[0]["combinations"] as? Int ?? 0)种事实组合"))
    }
  }
}
