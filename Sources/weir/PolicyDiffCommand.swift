import ArgumentParser
import WeirModel
import WeirPolicy

/// `weir policy diff`
struct PolicyDiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Which combinations of facts two policies decide otherwise.",
    discussion: """
      Looks at every combination of facts, on every way in and in every time, county and state \
      that a rule asks about; prints them in groups, each with its smallest combinations. First \
      comes what would no longer reach 110. Leaves with 1 when anything differs.

      Example: weir policy diff embedded my.yaml
      """)

  @Argument(help: "A policy file, or `embedded`.") var before: String
  @Argument(help: "Another one.") var after: String
  @Flag(help: "Print one JSON object a group.") var json = false

  func run() throws {
    let one = try policy(before)
    let other = try policy(after)
    let difference = PolicyDifference(one, other)
    for group in difference.groups { json ? printJson(group) : print(group, one) }
    if !json { printRest(one, other, difference) }
    if !difference.isComplete {
      Terminal.complain("the policies tell too much apart: not every combination was looked at")
    }
    if !difference.groups.isEmpty || !difference.isComplete { throw ExitCode(1) }
  }

  private func policy(_ name: String) throws -> Policy {
    if name == "embedded" { return .embedded }
    let policies = try readPolicies([name]).policies
    guard policies.count == 1, let policy = policies.first else {
      throw Failure("\(name) holds \(policies.count) policies. Name one file")
    }
    return policy
  }

  private func print(_ group: PolicyDifference.Group, _ policy: Policy) {
    let terminal = Terminal.output
    let head = "\(group.before.id) → \(group.after.id)  \(group.count)种事实组合"
    let warning = group.losesPolice ? "  不再到达110" : ""
    terminal.line(terminal.paint(head + warning, group.losesPolice ? .danger : .strong))
    for (change, ways) in merged(group.ways) { terminal.line("  \(ways):\(change)") }
    let examples = group.examples.map { facts in
      facts.isEmpty ? "未勾选事实" : facts.facts.map { policy.name(of: $0) }.joined(separator: "+")
    }
    terminal.line(terminal.paint("  如 \(examples.joined(separator: ";"))", .faint))
  }

  /// Ways with the same change share a line.
  private func merged(
    _ ways: [PolicyDifference.Group.Way]
  ) -> [(change: String, ways: String)] {
    var lines: [(change: String, ways: [String])] = []
    for way in ways {
      let change = "\(text(way.before)) → \(text(way.after))"
      let name = PolicyText.name(of: way.circumstances)
      if let index = lines.firstIndex(where: { $0.change == change }) {
        if !lines[index].ways.contains(name) { lines[index].ways.append(name) }
      } else {
        lines.append((change, [name]))
      }
    }
    return lines.map { ($0.change, $0.ways.joined(separator: "、")) }
  }

  private func text(_ ending: Ending) -> String {
    var text =
      "\(Words.owner(ending.owner.name)) \(Words.action(ending.action.name)) \(ending.clause)"
    if ending.emergency { text += " 紧急" }
    if ending.supervision { text += " 督察" }
    if !ending.dial.isEmpty { text += " ☎\(ending.dial)" }
    return text
  }

  /// What is no decision: spans and validity.
  private func printRest(_ one: Policy, _ other: Policy, _ difference: PolicyDifference) {
    let terminal = Terminal.output
    for (name, before, after) in PolicyText.spans(one, other) where before != after {
      terminal.line("\(name):\(before) → \(after)")
    }
    if difference.groups.isEmpty { terminal.line("每一种事实组合的判定都相同") }
  }

  private func printJson(_ group: PolicyDifference.Group) {
    var line = JsonLine()
    line.add("before", group.before.id)
    line.add("after", group.after.id)
    line.add("combinations", raw: String(group.count))
    line.add("losesPolice", raw: String(group.losesPolice))
    let examples = group.examples.map { JsonLine.list($0.facts.map(\.name)) }
    line.add("examples", raw: "[\(examples.joined(separator: ","))]")
    let ways = group.ways.map { way in
      var line = JsonLine()
      line.add("receivedBy", way.circumstances.platform.name)
      line.add("channel", way.circumstances.channel.name)
      line.add("unit", way.circumstances.role.rawValue)
      line.add("before", raw: json(way.before))
      line.add("after", raw: json(way.after))
      line.add("combinations", raw: String(way.count))
      return line.text
    }
    line.add("ways", raw: "[\(ways.joined(separator: ","))]")
    Terminal.output.line(line.text)
  }

  private func json(_ ending: Ending) -> String {
    var line = JsonLine()
    line.add("owner", ending.owner.name)
    line.add("action", ending.action.name)
    line.add("clause", ending.clause)
    line.add("emergency", raw: String(ending.emergency))
    line.add("dial", ending.dial)
    return line.text
  }
}

/// Parts of policies in Chinese.
enum PolicyText {
  /// Where and when something comes in.
  static func name(of circumstances: Circumstances) -> String {
    var name = Words.source(circumstances.platform.name, circumstances.channel.name)
    if circumstances.role == .inner { name += "(内端)" }
    if circumstances.county != 0 { name += " \(circumstances.county)" }
    if circumstances.state != .normal { name += " \(circumstances.state.name)" }
    return name
  }

  /// Milliseconds as seconds where they are whole ones.
  static func span(_ milliseconds: Int64) -> String {
    milliseconds % 1000 == 0 ? "\(milliseconds / 1000) 秒" : "\(milliseconds) 毫秒"
  }

  /// The spans of two policies, and their validity, with their names.
  static func spans(
    _ one: Policy, _ other: Policy
  ) -> [(name: String, before: String, after: String)] {
    func pair(_ name: String, _ text: (Policy) -> String) -> (String, String, String) {
      (name, text(one), text(other))
    }
    return [
      pair("有效期") { "\($0.document.validFrom)至\($0.document.validTo ?? "另行通知")" },
      pair("时限") { span($0.timing.minuteMs) },
      pair("时限起点") { $0.timing.startsAt == .received ? "接到" : "判定" },
      pair("预警") { "\(span($0.timing.preAlarmsMs.first))、\(span($0.timing.preAlarmsMs.second))" },
      pair("协商") { span($0.timing.talkMs) },
      pair("催办") { span($0.timing.reminderMs) },
      pair("办结") { span($0.timing.closingMs) },
    ]
  }
}
