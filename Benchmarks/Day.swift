import ArgumentParser
import Foundation
import WeirCore

/// `Benchmarks day`: the report of a day from the journal.
struct DayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "day",
    abstract: "Time of `weir report --day` over a journal of so many matters of one day.",
    discussion: """
      Brings a hotline's day into the real program over its socket, then has the program report \
      it while the unit stands idle. A run counts only when the report counts every matter.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var unitOptions: UnitOptions

  @Option(help: "Matters of the day.")
  var count = 100_000

  /// Seconds that are asked for.
  private static let goal = 2.0

  func validate() throws {
    guard (1...10_000_000).contains(count) else { throw ValidationError("1 to 10000000 matters") }
  }

  func run() throws {
    let table = Table(json: output.json)
    let unit = try OuterUnit(in: unitOptions.directory)
    let day = Self.today
    var load = Load(socket: unit.socket)
    load.window = 256
    load.most = UInt64(count)
    let result = try load.run(Mix(Mix.field, bytes: unitOptions.bytes, tag: "D"))
    guard result.refused == 0 else { throw Trouble("refused: \(result.refusal)") }
    guard Self.today == day else { throw Trouble("midnight passed: the matters are of two days") }
    var time = Figure(name: "report of \(count) matters", unit: "s", values: [])
    time.goal = (Self.goal, false)
    var counted = 0
    for _ in 0..<output.runs {
      let begin = ContinuousClock.now
      let text = try report(day, unit)
      time.values.append((ContinuousClock.now - begin) / .seconds(1))
      counted = try Self.matters(in: text)
      guard counted == count else { throw Trouble("the report counts \(counted) of \(count)") }
    }
    table.add(time)
    table.note("\(counted) matters reported of \(day), \(result.followed) events on top of them")
  }

  private func report(_ day: String, _ unit: OuterUnit) throws -> String {
    let folder = try Folder("report", in: unitOptions.directory)
    let child = try Child(
      Programs.weir(),
      ["report", "--day", day, "--json", "--config", unit.folder.path + "/outer.yaml"], in: folder)
    return try child.finish()
  }

  /// The day now, as numbers of matters have it.
  static var today: String {
    String(CoreText.time(Int64(Date().timeIntervalSince1970 * 1000)).prefix(10))
  }

  /// How many matters that are no drills a report counts.
  private static func matters(in text: String) throws -> Int {
    let report = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    let real = report?["real"] as? [String: Any]
    guard let count = (real?["matters"] as? [String: Any])?["all"] as? Int else {
      throw Trouble("no count in the report: \(text.prefix(200))")
    }
    return count
  }
}
