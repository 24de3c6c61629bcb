import Foundation
import WeirConfiguration
import WeirCore
import WeirModel

/// Writes reports (报备) where people see them: a file for machines and one for people in the first
/// and the second directory, and the command; again and again until a person acknowledges.
///
/// A directory that cannot be written is said on standard error and tried again at the next change
/// or reminder; the other path goes on.
actor ReportWriter {
  private let unit: String
  private let paths: UnitConfiguration.Report
  private var book = ReportBook()
  private var changed: Set<UInt32> = []
  private var isWriting = false

  init(unit: String, paths: UnitConfiguration.Report) {
    self.unit = unit
    self.paths = paths
  }

  /// Takes notices until the unit ends; reminders run beside it.
  func run(_ notices: AsyncStream<Notice>) async {
    let reminders = Task { await remind() }
    for await notice in notices {
      guard book.take(notice) != nil else { continue }
      changed.insert(notice.reportNumber)
      await writeSoon()
    }
    reminders.cancel()
    writeChanged()
  }

  /// Many matters may join one report in a second: what is written is written once for all of them.
  private func writeSoon() async {
    guard !isWriting else { return }
    isWriting = true
    Task {
      try? await Task.sleep(for: .milliseconds(20))
      finishWriting()
    }
  }

  private func finishWriting() {
    isWriting = false
    writeChanged()
  }

  private func writeChanged() {
    for number in changed.sorted() {
      guard let report = book.reports[number] else { continue }
      write(report)
      if !report.isOpen { book.forget(number) }
    }
    changed.removeAll()
  }

  private func write(_ report: Report) {
    let text = ReportText(unit: unit, report: report)
    write(text, name: text.id, ended: false)
    if !report.isOpen { write(text, name: text.id + "-end", ended: true) }
    hand(text.id + (report.isOpen ? "" : "-end"))
  }

  private func write(_ text: ReportText, name: String, ended: Bool) {
    for directory in [paths.directory, paths.second].compactMap({ $0 }) {
      do throws(CoreError) {
        try DurableFile.replace(name + ".json", in: directory, with: text.json(ended: ended))
        try DurableFile.replace(name + ".txt", in: directory, with: text.page(ended: ended))
      } catch {
        say("report \(name): \(error)")
      }
    }
  }

  /// Hands the JSON file's path to the command; what it does is its own affair.
  private func hand(_ name: String) {
    guard let command = paths.command else { return }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: command)
    process.arguments = ["\(paths.directory)/\(name).json"]
    process.standardInput = FileHandle.nullDevice
    do {
      try process.run()
    } catch {
      say("report.command \(command): \(error.localizedDescription)")
    }
  }

  private func remind() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(Int64(paths.repeatMs)))
      guard !Task.isCancelled else { return }
      for report in book.open {
        if book.remind(report.number) != nil { changed.insert(report.number) }
      }
      writeChanged()
    }
  }

  private func say(_ message: String) {
    FileHandle.standardError.write(Data("weir: \(message)\n".utf8))
  }
}
