import ArgumentParser
import Foundation
import WeirCore
import WeirRuntime

/// `weir report`
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "A day in numbers, from the journal; drills apart.",
    discussion: """
      Reads the journal and changes nothing; the unit may run. A matter's day is the date in its \
      number. Clause, action, channel and policy are those of its first decision.

      Example: weir report --day 2026-11-23 --config /etc/weir/outer.yaml
      Example: weir report --day 2026-11-23 --csv --config /etc/weir/outer.yaml > day.csv
      """)

  @OptionGroup var options: JournalOptions
  @Option(help: ArgumentHelp("The day, at +08:00; today when left out.", valueName: "yyyy-mm-dd"))
  var day: String?
  @Flag(help: "Print one JSON object.") var json = false
  @Flag(help: "Print rows for a spreadsheet.") var csv = false

  func validate() throws {
    if json && csv { throw ValidationError("Give --json or --csv.") }
    if let day, ReportDay(day) == nil {
      throw ValidationError("--day is a day such as 2026-11-23.")
    }
  }

  func run() throws {
    let (data, unit) = try options.place()
    let today = String(CoreText.time(Int64(Date().timeIntervalSince1970 * 1000)).prefix(10))
    guard let day = ReportDay(day ?? today) else { throw Failure("no day \(today)", code: 70) }
    var count = DayCount(day: day.number)
    _ = try JournalReader.look(data, unit: unit) { record in
      count.take(record)
      return true
    }
    let text = DayText(unit: unit, day: day, count: count)
    if json {
      Terminal.output.line(text.json)
    } else if csv {
      Terminal.output.write(text.csv)
    } else {
      text.show(Terminal.output)
    }
  }
}

/// A day as people write it, and as it stands in numbers.
struct ReportDay {
  /// yyyy-mm-dd.
  let text: String
  /// yyyymmdd.
  let number: UInt32

  /// Reads `2026-11-23` or `20261123`; nil for what is no day.
  init?(_ text: String) {
    let digits = text.filter { $0 != "-" }
    guard digits.utf8.count == 8, let number = UInt32(digits) else { return nil }
    let dashed = "\(digits.prefix(4))-\(digits.dropFirst(4).prefix(2))-\(digits.suffix(2))"
    guard text == digits || text == dashed else { return nil }
    guard CoreText.wallMs(dashed + "T00:00:00+08:00") != nil else { return nil }
    self.text = dashed
    self.number = number
  }
}
