import Foundation
import WeirConfiguration
import WeirCore
import WeirModel

/// Writes reports (报备) where people see them: a file for machines and one for people in the first
/// and the second directory, and the command; again and again until a person acknowledges.
///
/// Happy path: a fault raises a report, it is written within a moment; matters join it and it is
/// rewritten; a person acknowledges it, the end-of-fault report is written, and written anew until
/// its last matter is helped.
///
/// What can go wrong: a directory or the command fails or hangs. Each has a thread of its own, so
/// that the others go on; what failed is tried again with the next change or reminder.
actor ReportWriter {
  private let unit: String
  private let directory: String
  private let folders: [ReportFolder]
  private let program: ReportProgram?
  private let repeatMs: UInt64
  private var book: ReportBook
  private var changed: Set<UInt32> = []
  private var isWriting = false

  /// Drills are written here, below each directory.
  static let drillFolder = "drill"

  /// - Parameter recovered: the reports as the journal has them.
  init(unit: String, paths: UnitConfiguration.Report, recovered: ReportBook) {
    self.unit = unit
    directory = paths.directory
    folders = [paths.directory, paths.second].compactMap { $0 }.map(ReportFolder.init)
    program = paths.command.map { ReportProgram($0) }
    repeatMs = paths.repeatMs
    book = recovered
  }

  /// Takes notices until the unit ends; reminders run beside it.
  func run(_ notices: AsyncStream<Notice>) async {
    takeUp()
    let reminders = Task { await remind() }
    for await notice in notices {
      let numbers = book.take(notice)
      guard !numbers.isEmpty else { continue }
      changed.formUnion(numbers)
      writeSoon()
    }
    reminders.cancel()
    writeChanged()
    for folder in folders { folder.finish(within: 2000) }
  }

  /// What an earlier run left: open reports are written again, and an end that a crash kept from
  /// being written is written now. The others were said already.
  private func takeUp() {
    for report in book.reports.values.sorted(by: { $0.number < $1.number }) {
      let text = ReportText(unit: unit, report: report)
      let kept = read(text.id)
      book.restoreReminders(report.number, count: kept.count, at: kept.times)
      if report.isOpen || !isEndWritten(text) {
        changed.insert(report.number)
      } else if report.hasEnded {
        book.forget(report.number)
      }
    }
    writeChanged()
  }

  private func path(_ name: String, isDrill: Bool) -> String {
    "\(directory)/\(isDrill ? Self.drillFolder + "/" : "")\(name).json"
  }

  /// The reminders that the file of a report tells of.
  private func read(_ id: String) -> (count: Int, times: [Int64]) {
    for isDrill in [false, true] {
      guard let data = FileManager.default.contents(atPath: path(id, isDrill: isDrill)),
        let file = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
      else { continue }
      let times = (file["remindedAt"] as? [String] ?? []).compactMap(CoreText.wallMs)
      return (file["reminders"] as? Int ?? times.count, times)
    }
    return (0, [])
  }

  private func isEndWritten(_ text: ReportText) -> Bool {
    let path = path(text.id + "-end", isDrill: text.report.isDrill)
    guard let data = FileManager.default.contents(atPath: path),
      let file = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
    else { return false }
    return file["state"] as? String == text.state
  }

  /// Many matters may join one report in a second: what is written is written once for all of them.
  private func writeSoon() {
    guard !isWriting else { return }
    isWriting = true
    Task {
      try? await Task.sleep(for: .milliseconds(20))
      isWriting = false
      writeChanged()
    }
  }

  private func writeChanged() {
    for number in changed.sorted() {
      guard let report = book.reports[number] else { continue }
      write(report)
      if report.hasEnded { book.forget(number) }
    }
    changed.removeAll()
  }

  private func write(_ report: Report) {
    let text = ReportText(unit: unit, report: report)
    let names = report.isOpen ? [text.id] : [text.id, text.id + "-end"]
    let sub = report.isDrill ? Self.drillFolder : ""
    for (index, name) in names.enumerated() {
      for folder in folders {
        folder.write(name + ".json", in: sub, text.json)
        folder.write(name + ".txt", in: sub, text.page(isEnd: index > 0))
      }
    }
    if let last = names.last { program?.hand(path(last, isDrill: report.isDrill)) }
  }

  private func remind() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(Int64(repeatMs)))
      guard !Task.isCancelled else { return }
      let now = Int64(Date().timeIntervalSince1970 * 1000)
      for report in book.open {
        book.remind(report.number, at: now)
        changed.insert(report.number)
      }
      writeChanged()
    }
  }
}
