import WeirCore
import WeirModel

/// One report (报备): a fault, and the matters that it hit.
struct Report: Sendable {
  /// What happened to one matter, and what was said.
  struct Entry: Sendable {
    let at: Int64
    let notice: Notice.Matter
  }

  let number: UInt32
  var kind: ReportKind
  let openedAt: Int64
  /// Latest entries by handover, in the order in which the matters came.
  var order: [String] = []
  var entries: [String: [Entry]] = [:]
  var reminders = 0
  var acknowledgedBy = ""
  var acknowledgedAt: Int64 = 0

  var isOpen: Bool { acknowledgedAt == 0 }
}

/// The reports of a unit, rebuilt from the journal at start: a value, without files or clocks.
struct ReportBook: Sendable {
  /// Entries of one matter that a report keeps: the first and the latest ones.
  static let entriesMax = 32

  private(set) var reports: [UInt32: Report] = [:]

  /// Takes a notice; returns the report that changed.
  mutating func take(_ notice: Notice) -> Report? {
    let number = notice.reportNumber
    guard let matter = notice.matter else {
      reports[number]?.acknowledgedBy = notice.acknowledgedBy
      reports[number]?.acknowledgedAt = max(1, notice.at)
      return reports[number]
    }
    var report =
      reports[number]
      ?? Report(number: number, kind: notice.kind, openedAt: notice.at)
    if report.entries[matter.handover] == nil { report.order.append(matter.handover) }
    var entries = report.entries[matter.handover] ?? []
    if entries.count == Self.entriesMax { entries.remove(at: 1) }
    entries.append(Report.Entry(at: notice.at, notice: matter))
    report.entries[matter.handover] = entries
    reports[number] = report
    return report
  }

  /// Reports that nobody has acknowledged, oldest first.
  var open: [Report] {
    reports.values.filter(\.isOpen).sorted { $0.number < $1.number }
  }

  /// Counts one more reminder; the report after it.
  mutating func remind(_ number: UInt32) -> Report? {
    reports[number]?.reminders += 1
    return reports[number]
  }

  /// A settled report needs no memory any more.
  mutating func forget(_ number: UInt32) { reports[number] = nil }
}
