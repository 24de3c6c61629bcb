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

  func validate() throws {
    guard (0.01...100).contains(millions) else { throw ValidationError("0.01 to 100 millions") }
  }

  func run() throws {
    let table = Table(json: output.json)
    let events = UInt64(millions * 1_000_000)
    // The last one is then rather near the end: a tail as it is on average.
    let unit = try OuterUnit(
      in: unitOptions.directory, limits: "{ snapshot: \(max(1000, events / 4)) }")
    try fill(unit, events: events)
    try waitForSnapshot(unit)
    let known = try Known(unit.control)
    unit.child.stop()
    let megabytes = Self.megabytes(unit)
    let title = "start after \(Figure.text(Double(known.records) / 1e6)) million records"
    var fast = Figure(name: title + ", snapshot", unit: "s", values: [])
    var slow = Figure(name: title + ", no snapshot", unit: "s", values: [])
    var fastCPU = Figure(name: "its CPU, snapshot", unit: "s", values: [])
    var slowCPU = Figure(name: "its CPU, no snapshot", unit: "s", values: [])
    fast.goal = (Self.goalSeconds, false)
    slow.goal = (Self.goalSeconds, false)
    for _ in 0..<output.runs {
      let took = try start(unit, known, from: "snapshot")
      fast.values.append(took.seconds)
      fastCPU.values.append(took.cpu)
    }
    for _ in 0..<output.runs {
      // Not there when the last start was killed before it had made one.
      try? FileManager.default.removeItem(atPath: unit.folder.path + "/data/snapshots")
      let took = try start(unit, known, from: "journal")
      slow.values.append(took.seconds)
      slowCPU.values.append(took.cpu)
    }
    for figure in [fast, fastCPU, slow, slowCPU] { table.add(figure) }
    table.note(
      "\(known.open) matters open; the snapshot: \(megabytes) MB, made of the first "
        + "\(Figure.text(Double(known.covered) / 1e6)) million records")
  }

  private func fill(_ unit: OuterUnit, events: UInt64) throws {
    var load = Load(socket: unit.socket)
    load.window = 256
    let mix = try Mix(Mix.field, bytes: unitOptions.bytes, tag: "R")
    while try Known(unit.control).records < Int(events) {
      load.most = max(1000, events / 20)
      let result = try load.run(mix)
      guard result.refused == 0 else { throw Trouble("refused: \(result.refusal)") }
      load.first += result.sent
    }
  }

  /// Until what the load has made due is made.
  private func waitForSnapshot(_ unit: OuterUnit) throws {
    var quietSince = Date()
    var covered = -1
    try unit.child.wait(seconds: 600) {
      let now = (try? Known(unit.control).covered) ?? 0
      if now != covered { quietSince = Date() }
      covered = now
      return covered > 0 && Date().timeIntervalSince(quietSince) > 3
    }
  }

  /// Starts the unit, and kills it once it is there.
  ///
  /// - Returns: seconds until a client was connected, and the CPU's share of them.
  private func start(
    _ unit: OuterUnit, _ known: Known, from source: String
  ) throws -> (seconds: Double, cpu: Double) {
    let begin = monotonicNs()
    let child = try Child(
      Programs.weir(), ["outer", "--config", unit.folder.path + "/outer.yaml"], in: unit.folder)
    defer { child.stop() }
    let socket = unit.socket
    try child.wait(seconds: 600) { (try? LineClient(path: socket)) != nil }
    let seconds = Double(monotonicNs() - begin) / 1e9
    let cpu = child.cpuSeconds ?? 0
    let now = try Known(unit.control)
    guard now.open == known.open, now.records >= known.records else {
      throw Trouble("from the \(source): \(now), and before: \(known)")
    }
    return (seconds, cpu)
  }

  private static func megabytes(_ unit: OuterUnit) -> Int {
    let folder = unit.folder.path + "/data/snapshots"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let sizes = names.sorted().compactMap {
      try? FileManager.default.attributesOfItem(atPath: folder + "/" + $0)[.size] as? Int
    }
    return (sizes.last ?? 0) / 1_000_000
  }
}

/// What a unit says of itself.
private struct Known {
  let records: Int
  let open: Int
  /// Records that its newest snapshot covers.
  let covered: Int

  init(_ control: String) throws {
    let client = try LineClient(path: control)
    try client.send(#"{"op":"status"}"#)
    guard let line = try client.receive(),
      let value = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
      let disk = value["disk"] as? [String: Any], let records = disk["records"] as? Int,
      let open = value["openHandovers"] as? Int
    else { throw Trouble("no status") }
    self.records = records
    self.open = open
    covered = disk["snapshot"] as? Int ?? 0
  }
}
