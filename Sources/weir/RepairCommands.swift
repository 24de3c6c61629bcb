import ArgumentParser
import WeirCore

/// `weir resend`
struct ResendCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resend",
    abstract: "Send crossings anew that the inner unit misses, on an outer unit.",
    discussion: """
      Give the numbers as the inner unit's `weir status` shows them and the desk reads them out, \
      with the check digit behind the slash; a wrong digit sends nothing. It is Luhn's over the \
      digits, `-` counting as 5 and `,` as 0.

      Example: weir resend 41-43,57/6 --by A07 --config /etc/weir/outer.yaml
      """)

  @OptionGroup var control: ControlOptions
  @Argument(help: "The numbers with their check digit.") var numbers: String
  @Option(help: ArgumentHelp("Who asks for it.", valueName: "name")) var by: String
  @Flag(help: "Print the answer as it came.") var json = false

  func run() throws {
    var request = JsonLine()
    request.add("op", "resend")
    request.add("range", numbers)
    request.add("by", by)
    guard let said = try control.demand(request, json: json) else { return }
    let left = said["notOwed"].number ?? 0
    Terminal.output.line("\(said["resent"].number ?? 0) sent anew")
    if left > 0 {
      Terminal.output.line(
        "\(left) are not owed: confirmed, or no such number. `weir export` takes them to a disc")
    }
  }
}

/// `weir quarantine`
struct QuarantineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quarantine", abstract: "What failed a rule and must not be lost (隔离区).",
    subcommands: [
      QuarantineListCommand.self, QuarantineShowCommand.self, QuarantineReleaseCommand.self,
    ])
}

/// `weir quarantine list`
struct QuarantineListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "What lies there and was not released.",
    discussion: "Example: weir quarantine list --config /etc/weir/inner.yaml")

  @OptionGroup var control: ControlOptions
  @Flag(help: "Print the answer as it came.") var json = false

  func run() throws {
    var request = JsonLine()
    request.add("op", "quarantine")
    guard let said = try control.demand(request, json: json) else { return }
    let rows = said["quarantine"].list
    if rows.isEmpty { Terminal.output.line("nothing lies in quarantine") }
    for row in rows {
      let from = row["sender"].text.map { "\($0) crossing \(row["crossing"].number ?? 0)" }
      let what = from ?? row["at"].text ?? ""
      Terminal.output.line("\(row["id"].text ?? "?")  \(row["reason"].text ?? "?")  \(what)")
    }
    let left = said["leftOut"].number ?? 0
    if left > 0 { Terminal.output.line("… and \(left) more") }
  }
}

/// `weir quarantine show`
struct QuarantineShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "One of them, with its bytes.",
    discussion: """
      What is printed came from outside and failed a check: treat it like that.

      Example: weir quarantine show 4711 --config /etc/weir/inner.yaml
      """)

  @OptionGroup var control: ControlOptions
  @Argument(help: "Its number.") var number: String

  func run() throws {
    var request = JsonLine()
    request.add("op", "quarantine")
    request.add("id", number)
    let (line, _) = try control.demand(request)
    Terminal.output.line(line)
  }
}

/// `weir quarantine release`
struct QuarantineReleaseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "release",
    abstract: "Let one go: an inner unit delivers it as it crossed, an outer one strikes it off.",
    discussion: """
      Example: weir quarantine release 4711 --by 王队 --reason 电话核实 --config \
      /etc/weir/inner.yaml
      """)

  @OptionGroup var control: ControlOptions
  @Argument(help: "Its number.") var number: String
  @Option(help: ArgumentHelp("Who decided it.", valueName: "name")) var by: String
  @Option(help: ArgumentHelp("Why.", valueName: "text")) var reason: String

  func run() throws {
    var request = JsonLine()
    request.add("op", "release")
    request.add("id", number)
    request.add("by", by)
    request.add("reason", reason)
    _ = try control.demand(request)
    Terminal.output.line("\(number): released")
  }
}
