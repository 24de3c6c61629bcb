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
  /// It never becomes another: a matter whose fault does goes to that kind's report.
  let kind: ReportKind
  let openedAt: Int64
  /// Handovers in the order in which they came.
  var order: [String] = []
  var entries: [String: [Entry]] = [:]
  /// When somebody was reminded, wall ms; the latest of them.
  var remindedAt: [Int64] = []
  /// How often in all, and how often of that in earlier runs.
  var reminders = 0
  var restored = 0
  var acknowledgedBy = ""
  var acknowledgedAt: Int64 = 0

  /// Takes in what happened to one of its matters.
  mutating func add(_ matter: Notice.Matter, at time: Int64) {
    if entries[matter.handover] == nil { order.append(matter.handover) }
    var known = entries[matter.handover] ?? []
    if known.count == ReportBook.entriesMax { known.remove(at: 1) }
    known.append(Entry(at: time, notice: matter))
    entries[matter.handover] = known
  }

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

  /// Takes a notice; returns the numbers of the reports that changed. A matter that has gone to
  /// another report is followed in the earlier ones too, until those have ended.
  mutating func take(_ notice: Notice) -> [UInt32] {
    let number = notice.reportNumber
    guard let matter = notice.matter else {
      guard reports[number]?.isOpen == true else { return [] }
      reports[number]?.acknowledgedBy = notice.acknowledgedBy
      reports[number]?.acknowledgedAt = max(1, notice.at)
      if notice.recovering { forgetOldest() }
      return [number]
    }
    let earlier = follow(matter, of: number, at: notice.at)
    // A matter of a report that has ended and been forgotten has nothing to add to it.
    let hasEnded = reports[number]?.hasEnded ?? true
    if hasEnded && matter.state.report != .raised { return earlier }
    var report =
      reports[number] ?? Report(number: number, kind: notice.kind, openedAt: notice.at)
    report.add(matter, at: notice.at)
    reports[number] = report
    return earlier + [number]
  }

  /// Takes what happened to a matter into the other reports that it was in before. That its own
  /// one was acknowledged says nothing of those.
  private mutating func follow(
    _ matter: Notice.Matter, of own: UInt32, at time: Int64
  ) -> [UInt32] {
    guard matter.event != .reportAcknowledged else { return [] }
    let earlier = reports.values.filter { report in
      report.number != own && report.entries[matter.handover] != nil && !report.hasEnded
    }.map(\.number)
    for number in earlier { reports[number]?.add(matter, at: time) }
    return earlier
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

  /// Takes over the reminders that an earlier run wrote in one of the places; those of this run,
  /// which came meanwhile, follow them.
  mutating func restoreReminders(_ number: UInt32, count: Int, at times: [Int64]) {
    guard var report = reports[number], count > report.restored else { return }
    report.reminders += count - report.restored
    let own = report.remindedAt.suffix(max(0, report.reminders - count))
    report.remindedAt = Array((times + own).suffix(Self.remindersMax))
    report.restored = count
    reports[number] = report
  }

  /// A report that has ended needs no memory any more.
  mutating func forget(_ number: UInt32) { reports[number] = nil }
}
