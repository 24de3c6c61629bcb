import ArgumentParser
import Foundation

/// Closed loop over the intake socket.
struct SaturateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "saturate",
    abstract: "Durable answers a second of an outer unit, so many requests in flight.",
    discussion: """
      Starts the real program in a temporary folder: log to a file, the link's rate unlimited into \
      a socket that nobody reads. A run counts only when no log line was dropped and no request \
      was refused. How often the unit asks for memory is counted where `swift build` made the \
      library for it.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var unitOptions: UnitOptions

  @Option(help: "Requests in flight, one set-up each.")
  var inFlight: [UInt32] = [1, 16, 256]

  @Option(help: "Connections that share them.")
  var connections: UInt32 = 1

  @Option(help: "Seconds a run.")
  var seconds = 3.0

  @Option(help: "field: a hotline's day, a tenth of it 110's; police: only what crosses the link.")
  var mix = Mix.Kind.field

  /// Answers a second that the design asks for, by requests in flight.
  private static let goals: [UInt32: Double] = [1: 7_500, 16: 90_000, 256: 285_000]

  func validate() throws {
    guard [.field, .police].contains(mix) else { throw ValidationError("no mix \(mix)") }
  }

  func run() throws {
    let table = Table(json: output.json)
    for window in inFlight { try measure(window, table) }
  }

  private func measure(_ window: UInt32, _ table: Table) throws {
    let unit = try OuterUnit(in: unitOptions.directory)
    let requests = try Mix(mix.weights, bytes: unitOptions.bytes, tag: "L")
    var load = Load(socket: unit.socket)
    load.connections = min(connections, window)
    load.window = window
    load.seconds = 0.5
    load.first += try load.run(requests).sent  // the first half second warms up
    load.seconds = seconds
    let name = "intake, \(window) in flight"
    var answers = Figure(name: name, unit: "answers/s", values: [])
    answers.goal = Self.goals[window].map { ($0, true) }
    var median = Figure(name: name + ", p50", unit: "ms", values: [])
    var high = Figure(name: name + ", p99", unit: "ms", values: [])
    var server = Figure(name: name + ", unit's CPU", unit: "us/answer", values: [])
    var generator = Figure(name: name + ", generator's CPU", unit: "us/answer", values: [])
    var memory = Figure(name: name + ", memory asked for", unit: "times/answer", values: [])
    memory.goal = (0.01, false)  // what a segment or a second costs, not a message
    var followed: UInt64 = 0
    for _ in 0..<output.runs {
      let before = unit.child.cpuSeconds ?? 0
      let asked = unit.allocations.count
      let result = try load.run(requests)
      if let asked, let now = unit.allocations.count {
        memory.values.append(Double(now - asked) / Double(max(1, result.answered)))
      }
      let spent = (unit.child.cpuSeconds ?? 0) - before
      load.first += result.sent
      followed += result.followed
      guard result.refused == 0 else { throw Trouble("refused: \(result.refusal)") }
      answers.values.append(result.perSecond)
      median.values.append(result.milliseconds(at: 0.5))
      high.values.append(result.milliseconds(at: 0.99))
      server.values.append(spent * 1e6 / Double(max(1, result.answered)))
      generator.values.append(result.generatorMicroseconds)
    }
    let dropped = try unit.status("counters", "logLinesDropped")
    [answers, median, high, server, generator, memory].forEach(table.add)
    table.note(
      "\(followed) events of \(load.first) matters came on top; log lines dropped: \(dropped); "
        + "open: \(try unit.status("openHandovers"))")
    guard dropped == 0 else { throw Trouble("\(dropped) log lines were dropped") }
  }
}
