import ArgumentParser
import WeirModel
import WeirPolicy
import WeirRuntime

/// `weir policy`
struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "The policy: the notice as rules. Check, show, compare, try.",
    subcommands: [
      PolicyCheckCommand.self, PolicyShowCommand.self, PolicyDiffCommand.self,
      PolicyRehearseCommand.self,
    ])
}

/// Reads policy files; every problem is told when they cannot be used.
func readPolicies(_ paths: [String]) throws -> PolicyBook {
  do throws(PolicyFilesError) {
    return try PolicyFiles.read(paths)
  } catch {
    throw Failure((error.unread + error.problems.map(ProblemText.lines)).joined(separator: "\n"))
  }
}

/// Problems of a policy as people read them.
enum ProblemText {
  /// `file:line:column` and what is wrong, in English; below it the same in Chinese.
  static func lines(of problem: Problem) -> String {
    "\(problem)\n  \(problem.messageChinese)"
  }
}

/// `weir policy check`
struct PolicyCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check policy files: everything that is wrong, with its place, in one run.",
    discussion: """
      Prints every problem as file:line:column: error: …, in English and Chinese, and leaves with \
      1 when there is any. What is only worth knowing is a note. Several files, or a folder of \
      them, are checked together: their validities must not overlap.

      Example: weir policy show --yaml > my.yaml && weir policy check my.yaml
      """)

  @Argument(help: "The policy files, or folders of them.") var files: [String]

  func validate() throws {
    if files.isEmpty { throw ValidationError("Name at least one policy file.") }
  }

  func run() throws {
    let book = try readPolicies(files)
    let terminal = Terminal.output
    for problem in book.policies.flatMap(\.notes) + book.notes {
      terminal.line(ProblemText.lines(of: problem))
    }
    for policy in book.policies {
      let until = policy.document.validTo.map { " to \($0)" } ?? ""
      terminal.line(
        "\(policy.file): good, \(policy.rules.count) rules, version \(policy.version), "
          + "valid from \(policy.document.validFrom)\(until)")
    }
  }
}

/// `weir policy show`
struct PolicyShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Print the rules in the order in which they are tried.",
    discussion: """
      Without FILE the embedded policy. --yaml prints its text, to start an own one from; --schema \
      its JSON Schema, for editors; --card a page for the wall of a desk whose unit is dead.

      Example: weir policy show | less
      Example: weir policy show --card --desk 12345 | lp
      """)

  @Flag(help: "Print the text of the embedded policy file, with its comments.") var yaml = false
  @Flag(help: "Print the JSON Schema of policy files.") var schema = false
  @Flag(help: "Print the card for a desk whose unit is dead.") var card = false
  @Option(help: ArgumentHelp("The card's desk: 12345 or 110.", valueName: "desk"))
  var desk = "12345"
  @Flag(help: "Print one JSON object a rule.") var json = false
  @Argument(help: "A policy file; the embedded policy without it.") var file: String?

  func validate() throws {
    if (yaml || schema) && file != nil {
      throw ValidationError("--yaml and --schema print what is embedded: leave FILE out.")
    }
    if Platform(name: desk) == nil { throw ValidationError("--desk is 12345 or 110.") }
  }

  func run() throws {
    if yaml {
      Terminal.output.write(Policy.embeddedSource)
      return
    }
    if schema {
      Terminal.output.write(Policy.schema)
      return
    }
    for policy in try readPolicies(file.map { [$0] } ?? []).policies {
      if card {
        PolicyCard(policy, desk: Platform(name: desk) ?? .hotline).print()
      } else if json {
        printJson(policy)
      } else {
        printTable(policy)
      }
    }
  }

  private func printTable(_ policy: Policy) {
    let terminal = Terminal.output
    let document = policy.document
    terminal.line(terminal.paint("\(document.number) \(document.title)", .strong))
    let until = document.validTo.map { "至\($0)" } ?? ""
    terminal.line("\(document.issuer),自\(document.validFrom)起\(until);版本 \(policy.version)")
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
      (
        "时限",
        "\(PolicyText.span(timing.minuteMs)),自\(timing.startsAt == .received ? "接到" : "判定")时起算"
      ),
      ("预警", "\(PolicyText.span(alarms.first))、\(PolicyText.span(alarms.second))"),
      ("协商", PolicyText.span(timing.talkMs)), ("催办", PolicyText.span(timing.reminderMs)),
    ])
  }

  private func condition(_ rule: Rule, _ policy: Policy) -> String {
    let parts =
      [
        rule.all.facts.map { policy.name(of: $0) }.joined(separator: "+"),
        rule.any.isEmpty ? "" : "有(\(names(rule.any, policy)))之一",
        rule.none.isEmpty ? "" : "无(\(names(rule.none, policy)))",
      ] + rule.when.words.map(\.chinese)
    let text = parts.filter { !$0.isEmpty }.joined(separator: ",")
    return text.isEmpty ? "其余" : text
  }

  private func names(_ facts: FactSet, _ policy: Policy) -> String {
    facts == .danger ? "危险" : facts.facts.map { policy.name(of: $0) }.joined(separator: "、")
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
      line.add("when", raw: JsonLine.list(rule.when.words.map(\.english)))
      line.add("zh", rule.chinese)
      line.add("en", rule.english)
      Terminal.output.line(line.text)
    }
  }
}
