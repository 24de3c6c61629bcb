import ArgumentParser
import Foundation
import WeirCore

/// `weir drill`
struct DrillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drill",
    abstract: "Open and close the window in which a unit takes drills (演练).",
    discussion: """
      A drill is an intake with "drill": true. Its number carries a Y, its sentences begin with \
      【演练】, it dials the drill number, and it is delivered and counted apart. Load tests against a \
      running unit are drills.

      Example: weir drill open --for 2h --by S01 --reason 月度演练 --config /etc/weir/outer.yaml
      """,
    subcommands: [DrillOpenCommand.self, DrillCloseCommand.self, DrillStatusCommand.self])
}

/// `weir drill open`
struct DrillOpenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open", abstract: "Take drills until an end that you name.",
    discussion: "Example: weir drill open --until 2026-11-23T17:00:00+08:00 --by S01")

  @OptionGroup var control: ControlOptions
  @Option(help: ArgumentHelp("A supervisor of intake.supervisors.", valueName: "name"))
  var by: String
  @Option(help: ArgumentHelp("When it ends, at most 24 h from now.", valueName: "time"))
  var until: String?
  @Option(
    name: .customLong("for"),
    help: ArgumentHelp("How long, in place of --until, at most 24h: 30m, 2h.", valueName: "span"))
  var span: String?
  @Option(help: ArgumentHelp("What it is for.", valueName: "text")) var reason: String?
  @Flag(help: "Print the answer as it came.") var json = false

  func validate() throws {
    guard (until == nil) != (span == nil) else {
      throw ValidationError("Give --until TIME or --for SPAN.")
    }
    if let until, CoreText.wallMs(until) == nil {
      throw ValidationError("--until is a time such as 2026-11-23T17:00:00+08:00.")
    }
    if let span, Self.minutes(span) == nil {
      throw ValidationError("--for is a number of minutes or hours, at most 24h: 30m, 2h.")
    }
  }

  /// Minutes of a span, 1 to 1440; nil when it is none.
  static func minutes(_ span: String) -> Int? {
    let unit = ["m": 1, "h": 60][span.suffix(1)]
    guard let unit, let count = Int(span.dropLast()), count > 0, count <= 1440 / unit else {
      return nil
    }
    return count * unit
  }

  func run() throws {
    let now = Int64(Date().timeIntervalSince1970 * 1000)
    let end = span.flatMap(Self.minutes).map { CoreText.time(now + Int64($0) * 60_000) }
    var request = JsonLine()
    request.add("op", "drill")
    request.add("until", until ?? end)
    request.add("by", by)
    request.add("reason", reason)
    try DrillText.ask(control, request, json: json)
  }
}

/// `weir drill close`
struct DrillCloseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "close", abstract: "Take no more drills.",
    discussion: "Example: weir drill close --by S01")

  @OptionGroup var control: ControlOptions
  @Option(help: ArgumentHelp("A supervisor of intake.supervisors.", valueName: "name"))
  var by: String
  @Option(help: ArgumentHelp("Why.", valueName: "text")) var reason: String?
  @Flag(help: "Print the answer as it came.") var json = false

  func run() throws {
    var request = JsonLine()
    request.add("op", "drill")
    request.add("by", by)
    request.add("reason", reason)
    try DrillText.ask(control, request, json: json)
  }
}

/// `weir drill status`
struct DrillStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Whether drills are taken, until when, and how many were.")

  @OptionGroup var control: ControlOptions
  @Flag(help: "Print the answer as it came.") var json = false

  func run() throws {
    var request = JsonLine()
    request.add("op", "drill")
    try DrillText.ask(control, request, json: json)
  }
}

/// The drill window for people.
enum DrillText {
  static func ask(_ control: ControlOptions, _ request: JsonLine, json: Bool) throws {
    guard let said = try control.demand(request, json: json) else { return }
    Terminal.output.pairs(rows(said["drill"], Terminal.output))
  }

  /// One line: open until when and by whom, and the counts.
  static func line(_ drill: Json, _ terminal: Terminal) -> String {
    rows(drill, terminal).map { "\($0.name) \($0.value)" }.joined(separator: ", ")
  }

  private static func rows(
    _ drill: Json, _ terminal: Terminal
  ) -> [(name: String, value: String)] {
    let window =
      drill["open"].isTrue
      ? terminal.paint("open", .warning)
        + " until \(drill["until"].text ?? "?") by \(drill["by"].text ?? "?")"
      : "closed"
    return [
      ("window", window), ("drills taken", "\(drill["intakes"].number ?? 0)"),
      ("open drills", "\(drill["openHandovers"].number ?? 0)"),
      ("open emergencies", "\(drill["openEmergencies"].number ?? 0)"),
      ("late", "\(drill["late"].number ?? 0)"), ("reports", "\(drill["reports"].number ?? 0)"),
    ]
  }
}
