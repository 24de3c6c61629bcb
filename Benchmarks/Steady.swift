import ArgumentParser
import Foundation
import WeirMeasure

/// What every scenario of two units takes.
struct ScenarioOptions: ParsableArguments {
  @Option(help: "Bytes of a request, its line feed included.")
  var bytes = 600

  @Option(help: "Directory for journals and logs, by default the system's temporary one.")
  var directory: String?

  @Option(help: "Configuration of an outer unit that runs already; with --inner. Drills only.")
  var outer: String?

  @Option(help: "Configuration of the inner unit that runs already; with --outer.")
  var inner: String?

  @Option(help: "How the inner unit delivers: socket or directory.")
  var delivery = Pair.Delivery.socket

  @Option(help: "The link's rate, as in a configuration file.")
  var linkRate = "1Gbit"

  @Option(help: "Connections that share the load.")
  var connections: UInt32 = 4

  @Option(help: "Seconds between two comparisons by 对账码 that confirm what came; 0: none.")
  var compare = 1.0

  @Option(help: "Records after which the outer unit's next snapshot is due.")
  var snapshot: UInt64 = 10_000_000

  @Flag(help: "Leave journals and logs where they are, and say where.")
  var keep = false

  func validate() throws {
    guard (outer == nil) == (inner == nil) else {
      throw ValidationError("--outer and --inner go together")
    }
    guard (1000...1_000_000_000).contains(snapshot) else {
      throw ValidationError("a snapshot every 1000 to 1000000000 records")
    }
    guard (1...1000).contains(connections) else { throw ValidationError("1 to 1000 connections") }
  }

  /// How items come: from units that run already always by their directory.
  var way: Pair.Delivery { outer == nil ? delivery : .directory }

  /// The units of one run.
  func stage(relayed: Bool = false) throws -> Stage {
    if let outer, let inner {
      guard !relayed else { throw Trouble("this scenario cuts the link: it starts its own units") }
      return try Stage(outer: outer, inner: inner)
    }
    let pair = try Pair(
      in: directory, delivery: delivery, rate: linkRate, snapshot: snapshot, relayed: relayed,
      keep: keep)
    if keep { FileHandle.standardError.write(Data("kept: \(pair.folder.path)\n".utf8)) }
    return Stage(pair)
  }
}

/// `Benchmarks steady`: an open loop at a fixed rate, to the delivered item.
struct SteadyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "steady",
    abstract: "A fixed rate over both units: latency of answers and of deliveries, and the oracle.",
    discussion: """
      Requests are planned at a fixed rate and a latency counts from the planned moment. What \
      crosses is answered and closed by two events; two people compare 对账码 and so confirm it. \
      Every run ends with the oracle: it joins what was answered with what was journalled, sent \
      and delivered, names by its number what is lost, doubled, out of order, out of its deadline \
      or without its age, and then the exit code is 1.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var files: FileOptions
  @OptionGroup var scenario: ScenarioOptions

  @Option(help: "Requests a second, one set-up each.")
  var rate: [Double] = [1000]

  @Option(help: "Seconds a run.")
  var seconds = 10.0

  @Option(help: "field: a tenth of it 110's; police: all of it; kept: nothing; quake: most.")
  var mix = Mix.Kind.police

  func validate() throws {
    guard rate.allSatisfy({ (0.1...2_000_000).contains($0) }), (0.1...86_400).contains(seconds)
    else { throw ValidationError("0.1 to 2000000 requests a second, 0.1 to 86400 seconds") }
  }

  func run() throws {
    let sheet = Sheet("steady", files, json: output.json)
    for rate in rate {
      let set = ResultSet("steady \(Figure.text(rate))/s \(mix)", delivery: scenario.way)
      for number in 1...output.runs {
        let trial = try Trial(
          scenario.stage(), most: Int(rate * seconds * 3) + 1000, compare: scenario.compare)
        trial.name = "\(set.name), run \(number) of \(output.runs)"
        let requests = try trial.mix(mix, bytes: scenario.bytes)
        try trial.load(
          requests, rate: rate, seconds: seconds, connections: scenario.connections)
        try trial.settle()
        set.add(try trial.finish(), offered: rate)
      }
      if rate == 1000, mix == .police { set.setGoals(Self.goals[scenario.way] ?? [:]) }
      sheet.add(set)
    }
    try sheet.finish()
  }

  /// Milliseconds that the design asks for at 1,000/s, by figure.
  static let goals: [Pair.Delivery: [String: Double]] = [
    .socket: ["delivered p50": 0.6, "delivered p99": 5],
    .directory: ["delivered p50": 1],
  ]
}
