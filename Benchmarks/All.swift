import ArgumentParser
import Foundation

/// `Benchmarks all`: every number of the design, each by its command.
struct AllCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "all",
    abstract: "Every number that is asked for, each by its own command, in one table.",
    discussion: """
      Runs the other subcommands one after the other as processes of their own and takes their \
      figures. --quick takes less than ten minutes on two cores; without it each has five runs. \
      A command that fails is named, and the exit code is 1; a number that is missed is no failure.
      """)

  @Flag(help: "Fewer and shorter runs, for a look.")
  var quick = false

  @Flag(help: "One JSON object a line instead of a table.")
  var json = false

  @Option(help: "Only commands whose words contain this.")
  var only: String?

  func run() throws {
    let table = Table(json: json)
    let begin = Date()
    var failures: [String] = []
    for item in Self.plan where only.map({ item.words.contains($0) }) ?? true {
      let words = item.words + " " + (quick ? item.quick : item.full)
      let start = Date()
      do {
        let figures = try Self.figures(words)
        for wanted in item.wanted { Self.show(wanted, figures, table) }
        let seconds = Figure.text(Date().timeIntervalSince(start).rounded())
        table.note("by: Benchmarks \(words)   (\(seconds) s)")
      } catch {
        failures.append("Benchmarks \(words): \(error)")
        table.note("FAILED: Benchmarks \(words): \(error)")
      }
    }
    table.note("\(Computer.text); \(Int(Date().timeIntervalSince(begin))) s in all")
    if !failures.isEmpty { throw ExitCode(1) }
  }

  /// A figure that is wanted of a command, and what the design asks for.
  struct Wanted {
    /// The figure's name, or a part of it.
    let figure: String
    let title: String
    var goal: Double?
    var moreIsBetter = false
  }

  struct Item {
    let words: String
    let quick: String
    let full: String
    let wanted: [Wanted]
  }

  private static func show(_ wanted: Wanted, _ figures: [[String: Any]], _ table: Table) {
    let names = figures.map { ($0["name"] ?? $0["what"]) as? String ?? "" }
    let place =
      names.firstIndex(of: wanted.figure) ?? names.firstIndex { $0.contains(wanted.figure) }
    let found = place.map { figures[$0] }
    guard let found, let low = found["min"] as? Double, let middle = found["median"] as? Double,
      let high = found["max"] as? Double
    else {
      table.note("\(wanted.title): NOT MEASURED (no figure \"\(wanted.figure)\")")
      return
    }
    var figure = Figure(
      name: wanted.title, unit: found["unit"] as? String ?? "ns", values: [low, middle, high])
    figure.goal = wanted.goal.map { ($0, wanted.moreIsBetter) }
    table.add(figure)
  }

  /// Runs one command and takes the figures that it prints.
  private static func figures(_ words: String) throws -> [[String: Any]] {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
    let folder = try Folder("all")
    let arguments = words.split(separator: " ").map(String.init) + ["--json"]
    let text = try Child(own, arguments, in: folder).finish()
    return text.split(separator: "\n").compactMap { line in
      try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
    }
  }

  static func more(_ figure: String, _ title: String, _ goal: Double? = nil) -> Wanted {
    Wanted(figure: figure, title: title, goal: goal, moreIsBetter: true)
  }

  static func less(_ figure: String, _ title: String, _ goal: Double? = nil) -> Wanted {
    Wanted(figure: figure, title: title, goal: goal)
  }

  /// What the design asks for, in its order.
  private static let plan: [Item] = intake + across + rooms + link
}
