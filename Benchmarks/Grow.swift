import ArgumentParser
import Foundation
import WeirCore

/// `Benchmarks grow`: what a journal of so many gigabytes costs.
struct GrowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grow",
    abstract: "A journal that grows: intake, memory, disk, start, verification, an old matter.",
    discussion: """
      One outer unit takes a hotline's matters until its journal has each of the sizes. At each \
      one it is looked at: the answers a second of the last 100,000 requests, its memory, the \
      bytes that a record takes on disk, a start from the newest snapshot, `weir journal verify`, \
      and how long it takes to tell the story of the day's first matter. Snapshots are made after \
      --snapshot records; nothing is retired.
      """)

  @Flag(help: "One JSON object a line instead of a table.")
  var json = false

  @OptionGroup var unitOptions: UnitOptions

  @Option(parsing: .upToNextOption, help: "Sizes of the journal, in ascending order.")
  var gigabytes: [Double] = [0.25, 0.5, 1]

  @Option(help: "Records after which a snapshot is made.")
  var snapshot: UInt64 = 1_000_000

  private static let portion: UInt64 = 100_000

  func validate() throws {
    guard gigabytes.allSatisfy({ (0.1...1000).contains($0) }), gigabytes == gigabytes.sorted()
    else { throw ValidationError("0.1 to 1000 gigabytes, in ascending order") }
  }

  func run() throws {
    let table = Table(json: json)
    let grown = try GrownUnit(
      in: unitOptions.directory, bytes: unitOptions.bytes, snapshot: snapshot)
    let first = "kd1-\(DayCommand.today.filter { $0 != "-" })-000001"
    for size in gigabytes {
      let rate = try grown.fill(by: Self.portion) { _ in
        Double(grown.bytes(in: "journal")) >= size * 1e9
      }
      try look(grown, first, rate, table)
    }
  }

  private func look(
    _ grown: GrownUnit, _ first: String, _ rate: Double, _ table: Table
  ) throws {
    let known = try grown.waitForSnapshot()
    let bytes = Double(grown.bytes(in: "journal"))
    let size = Figure.text(bytes / 1e9) + " GB"
    func add(_ what: String, _ unit: String, _ value: Double) {
      table.add(Figure(name: "\(size): \(what)", unit: unit, values: [value]))
    }
    add("records", "millions", Double(known.records) / 1e6)
    add("a record on disk", "bytes", bytes / Double(known.records))
    add("intake, 256 in flight", "answers/s", rate)
    add("resident memory", "MiB", Double(grown.memory) / 1_048_576)
    add("the story of the first matter", "ms", try tell(first, grown))
    grown.stop()
    let begin = monotonicNs()
    try verify(grown)
    add("weir journal verify", "MB/s", bytes / 1e6 / (Double(monotonicNs() - begin) / 1e9))
    let took = try grown.start(known)
    add("start from a snapshot", "s", took.seconds)
    add("its CPU", "s", took.cpu)
  }

  /// The unit's own words about a matter: milliseconds until they are here.
  private func tell(_ number: String, _ grown: GrownUnit) throws -> Double {
    let client = try LineClient(path: grown.unit.control)
    let begin = monotonicNs()
    try client.send(#"{"op":"trace","handover":"\#(number)"}"#)
    guard let line = try client.receive(), line.contains("\"\(number)\"") else {
      throw Trouble("no story of \(number)")
    }
    return Double(monotonicNs() - begin) / 1e6
  }

  private func verify(_ grown: GrownUnit) throws {
    let folder = try Folder("verify", in: unitOptions.directory)
    let configuration = grown.unit.folder.path + "/outer.yaml"
    let child = try Child(
      Programs.weir(), ["journal", "verify", "--json", "--config", configuration], in: folder)
    _ = try child.finish()
  }
}
