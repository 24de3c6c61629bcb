import ArgumentParser
import Foundation
import WeirCore

/// `weir export`
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write crossings to a disc for the inner unit, on an outer unit; two persons.",
    discussion: """
      The file holds the same sealed frames as the link. What is confirmed goes too; the inner \
      unit takes what it has not got. The unit writes the file, so its user needs the directory.

      Example: weir export --range 41-43,57 --out /mnt/disc/a.weir --by 甲 --second 乙 --config \
      /etc/weir/outer.yaml
      """)

  @OptionGroup var control: ControlOptions
  @Option(help: ArgumentHelp("Crossing numbers: 41-43,57.", valueName: "numbers")) var range: String
  @Option(help: ArgumentHelp("The file, by its whole path.", valueName: "file")) var out: String
  @Option(help: ArgumentHelp("Who does it.", valueName: "name")) var by: String
  @Option(help: ArgumentHelp("Who stands beside.", valueName: "name")) var second: String

  func validate() throws {
    if by == second { throw ValidationError("Two persons: --by and --second are the same.") }
    if !out.hasPrefix("/") { throw ValidationError("Give --out by its whole path.") }
  }

  func run() throws {
    var request = JsonLine()
    request.add("op", "export")
    request.add("range", range)
    request.add("path", out)
    request.add("by", by)
    request.add("second", second)
    let end = try finish(
      control, request, "export",
      hint: "\(out) could not be written. Check that its folder is there and has room, and that "
        + "the unit's user may write to it; the unit's log says more")
    let left = end["leftOut"].number ?? 0
    Terminal.output.line("\(end["records"].number ?? 0) crossings in \(out)")
    if left > 0 { Terminal.output.line("\(left) numbers have nothing under them") }
  }
}

/// `weir import`
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Take in a disc's file, on an inner unit.",
    discussion: """
      The file stays where it is; what came before by any carrier is a repeat and harmless.

      Example: weir import /mnt/disc/a.weir --by 丙 --config /etc/weir/inner.yaml
      """)

  @OptionGroup var control: ControlOptions
  @Argument(help: "The file, by its whole path.") var file: String
  @Option(help: ArgumentHelp("Who does it.", valueName: "name")) var by: String

  func validate() throws {
    if !file.hasPrefix("/") { throw ValidationError("Give the file by its whole path.") }
  }

  func run() throws {
    var request = JsonLine()
    request.add("op", "import")
    request.add("path", file)
    request.add("by", by)
    let end = try finish(
      control, request, "import",
      hint: "\(file) could not be taken in. Check that it is a file that `weir export` wrote, "
        + "copied whole, and that the unit's user can read it; the unit's log says more")
    let repeats = end["repeats"].number ?? 0
    Terminal.output.line("\(end["records"].number ?? 0) records, \(repeats) of them here before")
  }
}

/// Begins a job of the unit's and looks until it has ended; the hint is for whoever sees it fail.
private func finish(
  _ control: ControlOptions, _ request: JsonLine, _ job: String, hint: String
) throws -> Json {
  _ = try control.demand(request)
  var status = JsonLine()
  status.add("op", "status")
  while true {
    let now = try control.demand(status).answer
    let state = now[job]["state"].text
    if state == "failed" { throw Failure(hint) }
    if state != "running" { return now[job] }
    Thread.sleep(forTimeInterval: 0.1)
  }
}
