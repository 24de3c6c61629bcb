import ArgumentParser
import Foundation
import WeirCore
import WeirModel

/// Which records are wanted.
struct JournalFilterOptions: ParsableArguments {
  @Option(help: ArgumentHelp("From this time or day on, at +08:00.", valueName: "time"))
  var from: String?

  @Option(help: ArgumentHelp("Before this time, or to the end of this day.", valueName: "time"))
  var to: String?

  @Option(
    help: ArgumentHelp("Only changes of this handover; a spoken number is today's.", valueName: "n")
  )
  var handover: String?

  @Option(help: ArgumentHelp("Only changes that ended in this phase.", valueName: "phase"))
  var phase: String?

  func validate() throws {
    for time in [from, to].compactMap({ $0 }) where Self.time(time, end: false) == nil {
      throw ValidationError(
        "\(time) is neither a day (2026-11-23) nor a time (2026-11-23T18:31:00+08:00).")
    }
    if let phase, !Phase.allCases.contains(where: { $0.name == phase }) {
      let names = Phase.allCases.map(\.name).joined(separator: ", ")
      throw ValidationError("\(phase) is no phase; there are \(names).")
    }
  }

  /// A time, or the beginning or the end of a day, as ms since 1970.
  private static func time(_ text: String, end: Bool) -> Int64? {
    guard let day = ReportDay(text) else { return CoreText.wallMs(text) }
    let dayMs: Int64 = 86_400_000
    return CoreText.wallMs(day.text + "T00:00:00+08:00").map { end ? $0 + dayMs : $0 }
  }

  func filter(unit: String) throws -> JournalFilter {
    var filter = JournalFilter()
    filter.from = from.flatMap { Self.time($0, end: false) }
    filter.to = to.flatMap { Self.time($0, end: true) }
    filter.phase = Phase.allCases.first { $0.name == phase }
    filter.number = try handover.map { try HandoverNumber(typed: $0, of: unit) }
    return filter
  }
}

extension HandoverNumber {
  /// A unit's number as a person types it, whole or today's spoken one.
  init(typed text: String, of unit: String) throws(CoreError) {
    let today = CoreText.time(Int64(Date().timeIntervalSince1970 * 1000)).prefix(10)
    try self.init(text, unit: unit, today: ReportDay(String(today))?.number ?? 0)
  }
}

/// `weir journal show`
struct JournalShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Print records as lines of JSON.",
    discussion: """
      Names, numbers and texts stand in the journal as they came in: treat the output like it.

      Example: weir journal show --handover kd1-20261123-000417 --config /etc/weir/outer.yaml
      Example: weir journal show --from 2026-11-23 --phase late --config /etc/weir/outer.yaml
      """)

  @OptionGroup var options: JournalOptions
  @OptionGroup var wanted: JournalFilterOptions

  func run() throws {
    let (data, unit) = try options.place()
    try JournalLines.write(data, unit: unit, filter: try wanted.filter(unit: unit), verb: "read")
  }
}

/// `weir journal export`
struct JournalExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write records as lines of JSON, and say on standard error how many there were.",
    discussion: """
      The lines are those of show. They are written while the journal is read, so that an export \
      of any size takes the same memory. Leaves with 1 on damage; what was written until then is \
      nothing to rely on.

      Example: weir journal export --from 2026-11-01 --to 2026-11-30 --config outer.yaml > nov.jsonl
      """)

  @OptionGroup var options: JournalOptions
  @OptionGroup var wanted: JournalFilterOptions

  func run() throws {
    let (data, unit) = try options.place()
    let filter = try wanted.filter(unit: unit)
    let (read, written) = try JournalLines.write(data, unit: unit, filter: filter, verb: "exported")
    Terminal.complain("\(written) records of \(read) exported")
  }
}

/// `weir journal seal`
struct JournalSealCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "seal",
    abstract: "Print a day's seal: a code that changes when a record of that day does.",
    discussion: """
      Print it once the day is over and file it. Years later the same command shows whether the \
      journal still says what it said.

      Example: weir journal seal --day 2026-11-23 --config /etc/weir/outer.yaml
      """)

  @OptionGroup var options: JournalOptions
  @Option(help: ArgumentHelp("The day, at +08:00.", valueName: "yyyy-mm-dd")) var day: String
  @Flag(help: "Print one JSON object.") var json = false

  func validate() throws {
    guard ReportDay(day) != nil else {
      throw ValidationError("--day is a day such as 2026-11-23.")
    }
  }

  func run() throws {
    let (data, unit) = try options.place()
    guard let day = ReportDay(day) else { throw Failure("no day \(day)", code: 70) }
    let seal = try JournalReader.seal(data, unit: unit, day: day.number)
    guard let serials = seal.serials else {
      throw Failure("the journal in \(data) holds no record of \(day.text)")
    }
    if json {
      var line = JsonLine()
      line.add("unit", unit)
      line.add("day", day.text)
      line.add("first", raw: String(serials.lowerBound))
      line.add("last", raw: String(serials.upperBound))
      line.add("final", raw: String(seal.isClosed))
      line.add("seal", seal.code)
      Terminal.output.line(line.text)
      return
    }
    Terminal.output.pairs([
      ("unit", unit), ("day", day.text),
      ("records", "\(serials.lowerBound) to \(serials.upperBound)"),
      ("seal", seal.code),
    ])
    if !seal.isClosed {
      Terminal.complain("no later day follows yet: the seal still changes with every record")
    }
  }
}

/// Lines of a journal on their way to standard output, many at a time.
private struct JournalLines {
  private static let bytesMax = 64 * 1024
  private var text = ""
  private var written = 0

  @discardableResult
  static func write(
    _ data: String, unit: String, filter: JournalFilter, verb: String
  ) throws -> (read: Int, written: Int) {
    var lines = JournalLines()
    var progress = JournalProgress(verb)
    _ = try JournalReader.read(data, unit: unit, filter: filter) { line in
      progress.count()
      if let line { lines.add(line) }
      return true
    }
    lines.flush()
    return (progress.records, lines.written)
  }

  private mutating func add(_ line: String) {
    text += line
    text += "\n"
    written += 1
    if text.utf8.count > Self.bytesMax { flush() }
  }

  private mutating func flush() {
    Terminal.output.write(text)
    text = ""
  }
}

/// What a long reading says on standard error, every few seconds.
struct JournalProgress {
  private static let every: TimeInterval = 3
  private let verb: String
  private var next = Date(timeIntervalSinceNow: Self.every)
  /// Records so far.
  private(set) var records = 0

  /// Counts what is `verb`: "checked", "read".
  init(_ verb: String) { self.verb = verb }

  /// One more record.
  mutating func count() {
    records += 1
    guard records % 16_384 == 0, Date() > next else { return }
    next = Date(timeIntervalSinceNow: Self.every)
    Terminal.complain("\(records) records \(verb)…")
  }
}
