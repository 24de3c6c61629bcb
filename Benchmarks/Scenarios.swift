import ArgumentParser
import Foundation
import WeirMeasure
import WeirModel

/// `Benchmarks burst`: an earthquake.
struct BurstCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "burst",
    abstract: "An earthquake: 1,000/s for ten minutes, then 200/s; danger's wait under full lanes.",
    discussion: """
      The mix is an earthquake's: three quarters are 110's, most of it with danger. --scale 0.05 \
      keeps the rates and takes a twentieth of the time. A slow line (--link-rate 2Mbit) keeps \
      every lower lane full while danger passes.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var files: FileOptions
  @OptionGroup var scenario: ScenarioOptions

  @Option(help: "Requests a second at first, and then.")
  var rates: [Double] = [1000, 200]

  @Option(help: "Part of the ten minutes that the first part takes, and of the ten after it.")
  var scale = 0.05

  @Option(help: "Seconds that the link may take for what is still owed at the end.")
  var settle = 60.0

  private static let partSeconds = 600.0

  func validate() throws {
    guard rates.count == 2, rates.allSatisfy({ (1...100_000).contains($0) }),
      (0.0005...10).contains(scale)
    else { throw ValidationError("two rates of 1 to 100000, a scale of 0.0005 to 10") }
  }

  func run() throws {
    let sheet = Sheet("burst", files, json: output.json)
    let seconds = Self.partSeconds * scale
    let set = ResultSet(
      "burst \(Figure.text(rates[0]))/s for \(Figure.text(seconds)) s, then "
        + "\(Figure.text(rates[1]))/s, link \(scenario.linkRate)", delivery: scenario.way)
    for number in 1...output.runs {
      let most = Int((rates[0] + rates[1]) * seconds * 3) + 1000
      let trial = try Trial(scenario.stage(), most: most, compare: scenario.compare)
      let requests = try trial.mix(.quake, bytes: scenario.bytes)
      for rate in rates {
        trial.name = "\(set.name), run \(number) of \(output.runs): \(Figure.text(rate))/s"
        try trial.load(
          requests, rate: rate, seconds: seconds, connections: scenario.connections)
      }
      try trial.settle(most: settle)
      set.add(try trial.finish(), offered: (rates[0] + rates[1]) / 2)
    }
    set.setGoals(["danger p99": 1000])
    sheet.add(set)
    try sheet.finish()
  }
}

/// `Benchmarks drain`: the link is dark, and comes back.
struct DrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain",
    abstract: "An outage of the link under load, and how long after its return all is across.",
    discussion: """
      Datagrams pass through a relay that is cut for a while. Requests go on meanwhile. What came \
      in before and in the dark must be across within two seconds of the return, danger too, each \
      item with its age. --loss loses datagrams besides.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var files: FileOptions
  @OptionGroup var scenario: ScenarioOptions

  @Option(help: "Requests a second.")
  var rate = 100.0

  @Option(help: "Seconds of darkness.")
  var dark = 60.0

  @Option(help: "Datagrams lost besides, percent.")
  var loss = 0.0

  @Option(help: "Which matters come in.")
  var mix = Mix.Kind.quake

  /// Seconds after the return that the design allows.
  private static let goal = 2.0

  func validate() throws {
    guard (0.1...100_000).contains(rate), (0.1...86_400).contains(dark), (0...90).contains(loss)
    else { throw ValidationError("0.1 to 100000 a second, 0.1 to 86400 s dark, 0 to 90 % loss") }
  }

  func run() throws {
    let sheet = Sheet("drain", files, json: output.json)
    let set = ResultSet(
      "drain: \(Figure.text(dark)) s dark at \(Figure.text(rate))/s \(mix), link "
        + scenario.linkRate, delivery: scenario.way)
    for number in 1...output.runs {
      let most = Int(rate * (dark + 4) * 3) + 1000
      let stage = try scenario.stage(relayed: true)
      // Nobody can compare what has not come: the two people wait until the line is back.
      let trial = try Trial(stage, most: most, compare: 0)
      let requests = try trial.mix(mix, bytes: scenario.bytes)
      guard let relay = stage.pair?.relay else { throw Trouble("no relay") }
      relay.lose(percent: loss)
      try trial.load(requests, rate: rate, seconds: 1, connections: scenario.connections)
      relay.cut()
      trial.name = "\(set.name), run \(number) of \(output.runs): dark"
      try trial.load(requests, rate: rate, seconds: dark, connections: scenario.connections)
      let back = monotonicNs()
      relay.mend()
      try trial.settle()
      let outcome = try trial.finish()
      add(outcome, to: set, returned: back, trial)
      set.add("datagrams lost", "", Double(relay.lost))
    }
    set.setGoals(["all across after the return": Self.goal, "danger after the return": Self.goal])
    sheet.add(set)
    try sheet.finish()
  }

  private func add(_ outcome: Outcome, to set: ResultSet, returned: UInt64, _ trial: Trial) {
    set.add(outcome, offered: nil)
    var last = returned
    var danger = returned
    let dangerous = trial.matters(in: .danger)
    for index in 0..<trial.taker.count {
      let item = trial.taker[index]
      last = max(last, item.taken_ns)
      if dangerous.contains(item.handover) { danger = max(danger, item.taken_ns) }
    }
    set.add("all across after the return", "s", Double(last - returned) / 1e9)
    set.add("danger after the return", "s", Double(danger - returned) / 1e9)
  }
}

/// `Benchmarks soak`: hours of it.
struct SoakCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "soak",
    abstract: "A steady load for hours: memory, descriptors and latency must not grow.",
    discussion: """
      The load is cut into rounds; after each a line says what the round was like. At the end the \
      oracle judges all of it. Resident memory of a unit may grow by the given share and 8 MiB \
      from the end of the second round to the end of the last, and its open descriptors by eight: \
      what is taken once comes into memory as it is first used, be it the log's ring of 4 MiB or \
      what reads a closed segment, and the journal keeps a few of its segments open to read.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var files: FileOptions
  @OptionGroup var scenario: ScenarioOptions

  @Option(help: "Requests a second.")
  var rate = 200.0

  @Option(help: "Minutes in all.")
  var minutes = 60.0

  @Option(help: "Rounds.")
  var rounds = 12

  /// MiB that a unit took at its start and may use for the first time after the second round.
  private static let firstUsed = 8.0

  @Option(help: "Percent by which memory may grow, beside 8 MiB.")
  var growth = 10.0

  @Option(help: "Which matters come in.")
  var mix = Mix.Kind.field

  func validate() throws {
    guard (0.01...20_000).contains(minutes), (3...10_000).contains(rounds),
      rate * minutes * 60 <= 30_000_000
    else { throw ValidationError("3 rounds or more, 30 million requests at most") }
  }

  func run() throws {
    let sheet = Sheet("soak", files, json: output.json)
    let set = ResultSet(
      "soak \(Figure.text(rate))/s \(mix) for \(Figure.text(minutes)) min",
      delivery: scenario.way)
    let stage = try scenario.stage()
    guard let pair = stage.pair else { throw Trouble("soak starts its own units") }
    let seconds = minutes * 60 / Double(rounds)
    let trial = try Trial(
      stage, most: Int(rate * minutes * 180) + 1000, compare: scenario.compare)
    let requests = try trial.mix(mix, bytes: scenario.bytes)
    var memory: [[Double]] = [[], []]
    var descriptors: [[Int]] = [[], []]
    for round in 1...rounds {
      try trial.load(requests, rate: rate, seconds: seconds, connections: scenario.connections)
      for (place, child) in [pair.outer, pair.inner].enumerated() {
        memory[place].append(Double(child.memory.resident) / 1_048_576)
        descriptors[place].append(child.descriptors)
      }
      let sizes = memory.map { Figure.text($0.last ?? 0) }.joined(separator: " and ")
      Sheet.progress("\(set.name): round \(round) of \(rounds), \(sizes) MiB")
    }
    try trial.settle()
    set.add(try trial.finish(), offered: rate)
    for (place, name) in ["outer", "inner"].enumerated() {
      let (early, late) = (memory[place][1], memory[place][rounds - 1])
      set.add("\(name) unit's memory after round 2", "MiB", early)
      set.add("\(name) unit's memory at the end", "MiB", late)
      set.add("\(name) unit's growth", "%", 100 * (late - early) / max(1, early))
      if late > early * (1 + growth / 100) + Self.firstUsed {
        set.fail("\(name) unit's memory grew from \(early) to \(late) MiB")
      }
      if descriptors[place][rounds - 1] > descriptors[place][1] + 8 {
        set.fail("\(name) unit's descriptors grew: \(descriptors[place])")
      }
    }
    sheet.add(set)
    try sheet.finish()
  }
}
