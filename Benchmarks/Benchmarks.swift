import ArgumentParser
import Foundation

/// Load tests and measurements of Weir; each subcommand starts what it needs and stops it again.
@main
struct Benchmarks: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "Benchmarks",
    abstract: "Measures Weir: the real program over its sockets, and its rooms by themselves.",
    subcommands: [
      SaturateCommand.self, LinkCommand.self, LinkStormCommand.self, LinkOutageCommand.self,
      LinkParityCommand.self, PolicyBenchmark.self, HandoversCommand.self, DayCommand.self,
      ReloadCommand.self, RoomsCommand.self, DeliverCommand.self, SteadyCommand.self,
      BurstCommand.self, DrainCommand.self, SeatsCommand.self, SoakCommand.self,
      RecoverCommand.self, GrowCommand.self, CompareCommand.self, GeneratorCommand.self,
      AllCommand.self,
    ])
}

/// Why a measurement cannot go on.
struct Trouble: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// What every subcommand that loads a real unit takes.
struct UnitOptions: ParsableArguments {
  @Option(help: "Bytes of a request, its line feed included.")
  var bytes = 600

  @Option(help: "Directory for journal and log, by default the system's temporary one.")
  var directory: String?
}

/// What every subcommand takes.
struct OutputOptions: ParsableArguments {
  @Flag(help: "One JSON object a line instead of a table.")
  var json = false

  @Option(help: "Runs of each set-up; min, median and max are given.")
  var runs = 5

  func validate() throws {
    guard (1...100).contains(runs) else { throw ValidationError("1 to 100 runs") }
  }
}
