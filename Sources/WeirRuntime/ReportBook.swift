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
  /// Handovers in the order in which they came.
  var order: [String] = []
  var entries: [String: [Entry]] = [:]
  /// When somebody was reminded, wall ms; the latest of them.
  var remindedAt: [Int64] = []
  /// How often in all.
  var reminders = 0
  var acknowledgedBy = ""
  var acknowledgedAt: Int64 = 0

  /// Nobody has acknowledged it.
  var isOpen: Bool { acknowledgedAt == 0 }

  /// A report holds real matters or drills, never both.
  var isDrill: Bool {
    order.first.flatMap { entries[$0]?.last }?.notice.state.flags.contains(.drill) ?? false
  }

  /// Matters that the fault still holds up: nobody has picked up, and the caller was not told.
  var heldUp: Int {
    entries.values.count { entries in
      guard let state = entries.last?.notice.state, state.phase != .closed else { return false }
      switch state.voice {
      case .none, .answered: return false
      case .due, .ringing, .failed: return state.toldAt == 0
      }
    }
  }

  /// Acknowledged, and every matter of it is helped or over: the end-of-fault report is final.
  var hasEnded: Bool { !isOpen && heldUp == 0 }

  /// When the last thing happened to it, wall ms.
  var changedAt: Int64 {
    max(acknowledgedAt, entries.values.compactMap { $0.last?.at }.max() ?? openedAt)
  }
}

/// The reports of a unit, rebuilt from the journal at start: a value, without files or clocks.
struct ReportBook: Sendable {
  /// Entries of one matter that a report keeps: the first and the latest ones.
  static let entriesMax = 32
  /// Reminders whose times are kept.
  static let remindersMax = 32
  /// Acknowledged reports that are kept while the journal is read, so that what a crash kept from
  /// being written is written at the start.
  static let keptMax = 64

  private(set) var reports: [UInt32: Report] = [:]

  /// Takes a notice; returns the report that changed.
  mutating func take(_ notice: Notice) -> Report? {
    let number = notice.reportNumber
    guard let matter = notice.matter else {
      guard reports[number]?.isOpen == true else { return nil }
      reports[number]?.acknowledgedBy = notice.acknowledgedBy
      reports[number]?.acknowledgedAt = max(1, notice.at)
      if notice.recovering { forgetOldest() }
      return reports[number]
    }
    // A matter of a report that has ended and been forgotten has nothing to add to it.
    if reports[number] == nil && matter.state.report != .raised { return nil }
    var report =
      reports[number] ?? Report(number: number, kind: notice.kind, openedAt: notice.at)
    // What a failed transfer says goes beyond what a lost minute says.
    if notice.kind == .cannotTransfer { report.kind = .cannotTransfer }
    if report.entries[matter.handover] == nil { report.order.append(matter.handover) }
    var entries = report.entries[matter.handover] ?? []
    if entries.count == Self.entriesMax { entries.remove(at: 1) }
    entries.append(Report.Entry(at: notice.at, notice: matter))
    report.entries[matter.handover] = entries
    reports[number] = report
    return report
  }

  private mutating func forgetOldest() {
    let settled = reports.values.filter { !$0.isOpen }
    guard settled.count > Self.keptMax else { return }
    if let oldest = settled.min(by: { $0.acknowledgedAt < $1.acknowledgedAt }) {
      reports[oldest.number] = nil
    }
  }

  /// Reports that nobody has acknowledged, oldest first.
  var open: [Report] {
    reports.values.filter(\.isOpen).sorted { $0.number < $1.number }
  }

  /// Notes a reminder at a time, wall ms.
  mutating func remind(_ number: UInt32, at time: Int64) {
    reports[number]?.reminders += 1
    reports[number]?.remindedAt.append(time)
    if reports[number]?.remindedAt.count ?? 0 > Self.remindersMax {
      reports[number]?.remindedAt.removeFirst()
    }
  }

  /// Takes over the reminders of an earlier run.
  mutating func restoreReminders(_ number: UInt32, count: Int, at times: [Int64]) {
    reports[number]?.reminders = count
    reports[number]?.remindedAt = Array(times.suffix(Self.remindersMax))
  }

  /// A report that has ended needs no memory any more.
  mutating func forget(_ number: UInt32) { reports[number] = nil }
}
