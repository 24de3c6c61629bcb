import ArgumentParser
import WeirModel
import WeirPolicy

/// `weir policy`
struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Check and show the policy: the notice as rules.",
    subcommands: [PolicyCheckCommand.self, PolicyShowCommand.self])
}

/// `weir policy check`
struct PolicyCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check a policy file: ties, rules that are never reached, unknown facts.",
    discussion: """
      Prints every problem as file:line:column; leaves with 1 when there is any.

      Example: weir policy show --yaml > my.yaml && weir policy check my.yaml
      """)

  @Argument(help: "The policy file.") var file: String

  func run() throws {
    let policy = try readPolicy(file)
    Terminal.output.line("\(file): good, \(policy.rules.count) rules, version \(policy.version)")
  }
}

/// `weir policy show`
struct PolicyShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Print the rules in the order in which they are tried.",
    discussion: """
      Without FILE the embedded policy. --yaml prints its text, to start an own one from.

      Example: weir policy show | less
      """)

  @Flag(help: "Print the text of the embedded policy file.") var yaml = false
  @Flag(help: "Print one JSON object a rule.") var json = false
  @Argument(help: "A policy file; the embedded policy without it.") var file: String?

  func validate() throws {
    if yaml && file != nil {
      throw ValidationError("--yaml prints the embedded policy: leave FILE out.")
    }
  }

  func run() throws {
    if yaml {
      Terminal.output.write(Policy.embeddedSource)
      return
    }
    let policy = try file.map { try readPolicy($0) } ?? .embedded
    json ? printJson(policy) : printTable(policy)
  }

  private func printTable(_ policy: Policy) {
    let terminal = Terminal.output
    let document = policy.document
    terminal.line(terminal.paint("\(document.number) \(document.title)", .strong))
    terminal.line("\(document.issuer),自\(document.validFrom)起;版本 \(policy.version)")
    terminal.line()
    let rows = policy.rules.map { rule in
      [
        rule.priority.map(String.init) ?? "—", rule.id, Words.owner(rule.owner.name), rule.clause,
        condition(rule, policy), rule.chinese,
      ]
    }
    terminal.table([["顺序", "规则", "受理", "条款", "条件", "说明"]] + rows)
    terminal.line()
    let timing = policy.timing
    let alarms = timing.preAlarmsMs
    terminal.pairs([
      ("时限", "\(seconds(timing.minuteMs)),自\(timing.startsAt == .received ? "接到" : "判定")时起算"),
      ("预警", "\(seconds(alarms.first))、\(seconds(alarms.second))"),
      ("协商", seconds(timing.talkMs)), ("催办", seconds(timing.reminderMs)),
    ])
  }

  private func condition(_ rule: Rule, _ policy: Policy) -> String {
    let parts = [
      rule.all.facts.map { policy.name(of: $0) }.joined(separator: "+"),
      rule.any.isEmpty ? "" : "有(\(names(rule.any, policy)))之一",
      rule.none.isEmpty ? "" : "无(\(names(rule.none, policy)))",
    ]
    let text = parts.filter { !$0.isEmpty }.joined(separator: ",")
    return text.isEmpty ? "其余" : text
  }

  private func names(_ facts: FactSet, _ policy: Policy) -> String {
    facts == .danger ? "危险" : facts.facts.map { policy.name(of: $0) }.joined(separator: "、")
  }

  private func seconds(_ milliseconds: Int64) -> String {
    milliseconds % 1000 == 0 ? "\(milliseconds / 1000) 秒" : "\(milliseconds) 毫秒"
  }

  private func printJson(_ policy: Policy) {
    for rule in policy.rules {
      var line = JsonLine()
      line.add("rule", rule.id)
      line.add("priority", raw: rule.priority.map(String.init))
      line.add("owner", rule.owner.name)
      line.add("clause", rule.clause)
      line.add("source", rule.source)
      line.add("all", raw: JsonLine.list(rule.all.facts.map(\.name)))
      line.add("any", raw: JsonLine.list(rule.any.facts.map(\.name)))
      line.add("none", raw: JsonLine.list(rule.none.facts.map(\.name)))
      line.add("zh", rule.chinese)
      line.add("en", rule.english)
      Terminal.output.line(line.text)
    }
  }
}
