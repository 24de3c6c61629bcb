import ArgumentParser
import Foundation
import WeirCore

/// `Benchmarks recover`: how long a start takes after so many events.
struct RecoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recover",
    abstract: "Seconds from the program's start to its first open connection, after N events.",
    discussion: """
      Fills the journal of a real outer unit with a hotline's matters, stops it, and starts it \
      again and again: from its newest snapshot, and with the snapshots taken away from the whole \
      journal. Files are mostly in the page cache, as after a crash of the program; after a power \
      cut the disk's own speed comes on top. A run counts only when the unit knows afterwards as \
      many records and open matters as before.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var unitOptions: UnitOptions

  @Option(help: "Events to fill the journal with, in millions.")
  var millions = 1.0

  /// What the design asks of ten million events.
  private static let goalSeconds = 10.0

  /// A snapshot covers closed segments, so that two of them must fill, in millions of events.
  private var leastMillions: Double {
    let segments = 2.0 * 16 * 1024 * 1024
    return (segments / Double(max(1, unitOptions.bytes)) / 1e4).rounded(.up) / 100
  }

  func validate() throws {
    guard (leastMillions...max(100, leastMillions)).contains(millions) else {
      throw ValidationError(
        "--millions is \(leastMillions) to 100 for requests of \(unitOptions.bytes) bytes: with "
          + "fewer the journal closes no segment, and there is no snapshot to start from.")
    }
  }

  func run() throws {
    let table = Table(json: output.json)
    let events = UInt64(millions * 1_000_000)
    // The last one is then rather near the end: a tail as it is on average.
    let grown = try GrownUnit(
      in: unitOptions.directory, bytes: unitOptions.bytes, snapshot: max(1000, events / 4))
    try grown.fill(by: max(1000, events / 20)) { $0.records >= Int(events) }
    let known = try grown.waitForSnapshot()
    grown.stop()
    let megabytes = grown.snapshotBytes / 1_000_000
    let title = "start after \(Figure.text(Double(known.records) / 1e6)) million records"
    var fast = Figure(name: title + ", snapshot", unit: "s", values: [])
    var slow = Figure(name: title + ", no snapshot", unit: "s", values: [])
    var fastCPU = Figure(name: "its CPU, snapshot", unit: "s", values: [])
    var slowCPU = Figure(name: "its CPU, no snapshot", unit: "s", values: [])
    fast.goal = (Self.goalSeconds, false)
    slow.goal = (Self.goalSeconds, false)
    for _ in 0..<output.runs {
      let took = try grown.start(known)
      grown.stop()
      fast.values.append(took.seconds)
      fastCPU.values.append(took.cpu)
    }
    for _ in 0..<output.runs {
      grown.removeSnapshots()
      let took = try grown.start(known)
      grown.stop()
      slow.values.append(took.seconds)
      slowCPU.values.append(took.cpu)
    }
    for figure in [fast, fastCPU, slow, slowCPU] { table.add(figure) }
    table.note(
      "\(known.open) matters open; the snapshot: \(megabytes) MB, made of the first "
        + "\(Figure.text(Double(known.covered) / 1e6)) million records")
  }
}
