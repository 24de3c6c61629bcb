import ArgumentParser
import Foundation
import WeirConfiguration
import WeirCore
import WeirModel
import WeirPolicy
import WeirRuntime

/// `weir policy rehearse`
struct PolicyRehearseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rehearse",
    abstract: "Decide a journal again by another policy, and print every difference.",
    discussion: """
      Only reads, also beside a running unit. Each matter is decided by the policy that is valid \
      when it was received, as if the unit had been in normal state; drills are left out, and so \
      is what people agreed on. Leaves with 1 when anything would come out otherwise.

      Example: weir policy rehearse --since 30d my.yaml --config /etc/weir/outer.yaml
      """)

  @OptionGroup var options: JournalOptions
  @Option(
    help: ArgumentHelp(
      "Only what happened in the last so many days or hours: 30d, 12h.", valueName: "span"))
  var since: String?
  @Flag(help: "The journal is an inner unit's; known from --config.") var inner = false
  @Flag(help: "Print one JSON object a difference.") var json = false
  @Argument(help: "The policy files, or folders of them.") var files: [String]

  func validate() throws {
    if let since, span(since) == nil { throw ValidationError("--since is a span as 30d or 12h.") }
  }

  private func span(_ text: String) -> Int64? {
    guard let count = Int64(text.dropLast()), 1...100_000 ~= count else { return nil }
    switch text.last {
    case "d": return count * 86_400_000
    case "h": return count * 3_600_000
    default: return nil
    }
  }

  func run() throws {
    let book = try readPolicies(files)
    let place = try options.place()
    let configured = try options.config.map { try readConfiguration($0).role }
    let role = configured ?? (inner ? .inner : .outer)
    let now = Int64(Date().timeIntervalSince1970 * 1000)
    let begin = since.flatMap(span).map { now - $0 } ?? 0
    var rehearsal = Rehearsal(book, role: role, since: begin)
    try rehearsal.run(data: place.data, unit: place.unit) { json ? printJson($0) : print($0) }
    Terminal.complain(
      "\(rehearsal.decisions) decisions, \(rehearsal.different) otherwise, "
        + "\(rehearsal.lost) emergencies no longer to 110")
    if rehearsal.different > 0 { throw ExitCode(1) }
  }

  private func print(_ difference: Rehearsal.Difference) {
    let terminal = Terminal.output
    let before = difference.before
    let after = difference.after
    let warning = difference.losesPolice ? "  不再到达110" : ""
    terminal.line(
      terminal.paint(
        "\(difference.handover)  \(CoreText.time(difference.receivedAt))\(warning)",
        difference.losesPolice ? .danger : .strong))
    let facts = difference.facts.facts.map { Policy.embedded.name(of: $0) }
    let way = Words.source(difference.platform.name, difference.channel.name)
    terminal.line("  \(way):\(facts.isEmpty ? "未勾选事实" : facts.joined(separator: "、"))")
    let was =
      "\(Words.owner(before.owner)) \(Words.action(before.action)) \(before.clause)"
      + (before.emergency ? " 紧急" : "")
    let now =
      "\(Words.owner(after.owner.name)) \(Words.action(after.action.name)) \(after.clause)"
      + (after.emergency ? " 紧急" : "")
    terminal.line("  \(was)(\(before.rule),\(before.policy))→ \(now)(\(difference.rule))")
  }

  private func printJson(_ difference: Rehearsal.Difference) {
    var line = JsonLine()
    line.add("handover", difference.handover)
    line.add("receivedAt", CoreText.time(difference.receivedAt))
    line.add("receivedBy", difference.platform.name)
    line.add("channel", difference.channel.name)
    line.add("facts", raw: JsonLine.list(difference.facts.facts.map(\.name)))
    let before = difference.before
    var was = JsonLine()
    was.add("owner", before.owner)
    was.add("action", before.action)
    was.add("clause", before.clause)
    was.add("rule", before.rule)
    was.add("emergency", raw: String(before.emergency))
    was.add("policy", before.policy)
    line.add("before", raw: was.text)
    let after = difference.after
    var now = JsonLine()
    now.add("owner", after.owner.name)
    now.add("action", after.action.name)
    now.add("clause", after.clause)
    now.add("rule", difference.rule)
    now.add("emergency", raw: String(after.emergency))
    line.add("after", raw: now.text)
    line.add("losesPolice", raw: String(difference.losesPolice))
    Terminal.output.line(line.text)
  }
}
