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
/// that the others go on; what failed is tried again with the next change, or at the reminder's
/// pace until it is written.
actor ReportWriter {
  private let unit: String
  private let directory: String
  private let folders: [ReportFolder]
  private let program: ReportProgram?
  private let repeatMs: UInt64
  private var book: ReportBook
  private var changed: Set<UInt32> = []
  private var isWriting = false
  /// Places that have not yet told what an earlier run left in them.
  private var unread: Set<Int> = []

  /// Drills are written here, below each directory.
  static let drillFolder = "drill"

  /// - Parameter recovered: the reports as the journal has them.
  init(unit: String, paths: UnitConfiguration.Report, recovered: ReportBook) {
    self.unit = unit
    directory = paths.directory
    folders = [paths.directory, paths.second].compactMap { $0 }
      .map { ReportFolder($0, retryMs: Int(paths.repeatMs)) }
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
    for _ in 0..<100 where !unread.isEmpty { try? await Task.sleep(for: .milliseconds(20)) }
    for folder in folders { folder.finish(within: 2000) }
  }

  /// What an earlier run left: open reports are written again, and an end that is not written in a
  /// place (a crash kept it from being, or the place was away) is written there now. Each place is
  /// read by its own thread, and written to from then on.
  private func takeUp() {
    let reports = book.reports.values.sorted { $0.number < $1.number }
    guard !reports.isEmpty else { return }
    for report in reports where report.isOpen { hand(report) }
    unread = Set(folders.indices)
    let names = reports.flatMap { report in fileNames(of: report).map { $0 + ".json" } }
    for (place, folder) in folders.enumerated() {
      folder.read(names) { kept in
        Task { await self.takeUp(kept, place: place) }
      }
    }
  }

  private func takeUp(_ kept: ReportFolder.Kept, place: Int) {
    unread.remove(place)
    for found in book.reports.values.sorted(by: { $0.number < $1.number }) {
      let names = fileNames(of: found)
      if let file = names.first.flatMap({ kept[$0 + ".json"] }) {
        book.restoreReminders(found.number, count: file.reminders, at: file.remindedAt)
      }
      let state = ReportText(unit: unit, report: found).state
      let isKept = names.allSatisfy { kept[$0 + ".json"]?.state == state }
      guard found.isOpen || !isKept, let report = book.reports[found.number] else { continue }
      write(report, to: folders[place])
      if place == 0 && !report.isOpen { hand(report) }
    }
    forgetEnded()
  }

  /// What has ended needs no memory any more, once every place has it or will have it.
  private func forgetEnded() {
    guard unread.isEmpty else { return }
    for report in book.reports.values where report.hasEnded && !changed.contains(report.number) {
      book.forget(report.number)
    }
  }

  /// Paths of its files below a directory, without what they end in: of the report, and of its end.
  private func fileNames(of report: Report) -> [String] {
    let id = ReportText(unit: unit, report: report).id
    let path = report.isDrill ? "\(Self.drillFolder)/\(id)" : id
    return report.isOpen ? [path] : [path, path + "-end"]
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
    }
    changed.removeAll()
    forgetEnded()
  }

  private func write(_ report: Report) {
    for (place, folder) in folders.enumerated() where !unread.contains(place) {
      write(report, to: folder)
    }
    hand(report)
  }

  private func write(_ report: Report, to folder: ReportFolder) {
    let text = ReportText(unit: unit, report: report)
    for (index, name) in fileNames(of: report).enumerated() {
      folder.write(name + ".json", text.json)
      folder.write(name + ".txt", text.page(isEnd: index > 0))
    }
  }

  /// Hands the command a report, or its end.
  private func hand(_ report: Report) {
    guard let last = fileNames(of: report).last else { return }
    program?.hand("\(directory)/\(last).json")
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
