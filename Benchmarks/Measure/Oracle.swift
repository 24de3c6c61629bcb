/// What the oracle holds against a run.
public struct Finding: Sendable, CustomStringConvertible {
  /// The kinds of fault; a run with one of them counts for nothing.
  public enum Fault: String, Sendable, CaseIterable {
    /// It was answered, journalled or owed to 110, and is not where it has to be.
    case loss
    /// It is there twice.
    case duplicate
    /// It came before what it follows.
    case disorder
    /// A deadline is not where its matter's minute puts it, or was spoken early, late or never.
    case deadline
    /// An item does not say how old it is, or says it wrongly.
    case age
  }

  /// Which kind.
  public let fault: Fault
  /// What happened, in English.
  public let what: String
  /// Numbers of the matters or requests concerned, all of them.
  public internal(set) var numbers: [String]

  /// The numbers that are named; the others are counted.
  private static let namedMost = 10

  /// One line for people.
  public var description: String {
    let named = numbers.prefix(Self.namedMost).joined(separator: " ")
    let rest = numbers.count - Self.namedMost
    return "\(fault.rawValue): \(what): \(numbers.count): \(named)"
      + (rest > 0 ? " and \(rest) more" : "")
  }
}

/// Joins what was answered with what was journalled, sent and delivered.
///
/// ```swift
/// let findings = Oracle(bounds: .init()).judge(evidence)
/// ```
public struct Oracle: Sendable {
  /// What still counts as right.
  public struct Bounds: Sendable {
    /// From the earlier of receipt and arrival to the deadline, milliseconds.
    public var minuteMs: Int64 = 60_000
    /// How much later than it is due a deadline may be spoken, milliseconds.
    public var lateMs: Int64 = 100
    /// An item older than this is stale, milliseconds.
    public var staleMs: Int64 = 30 * 60_000
    /// How far an item's age may lie beside the difference of the two units' clocks, milliseconds.
    public var ageSlackMs: Int64 = 500

    /// The bounds of the design.
    public init() {}
  }

  /// What still counts as right.
  public let bounds: Bounds

  /// An oracle with its bounds.
  public init(bounds: Bounds = Bounds()) { self.bounds = bounds }

  /// Everything that is wrong with a run, in the order of its kinds; empty: nothing is.
  public func judge(_ evidence: Evidence) -> [Finding] {
    var findings = Findings()
    let journal = Journal(evidence.changes, into: &findings)
    checkAnswers(evidence, journal, &findings)
    checkDeliveries(evidence, journal, &findings)
    checkCrossing(evidence, journal, &findings)
    checkDeadlines(evidence, &findings)
    return findings.sorted
  }

  private func checkAnswers(_ seen: Evidence, _ journal: Journal, _ findings: inout Findings) {
    var numberOf: [HandoverKey: UInt64] = [:]
    var newest: [HandoverKey: UInt32] = [:]
    numberOf.reserveCapacity(seen.answers.count)
    for answer in seen.answers {
      let name = "ref \(answer.number)"
      if answer.isMisplaced { findings.add(.disorder, "answered in another's place", name) }
      if answer.isRefused { continue }
      if !answer.isDurable { findings.add(.loss, "answered, but not as durable", name) }
      guard let matter = journal.matters[answer.handover], answer.revision <= matter.revision else {
        findings.add(.loss, "answered durable, not in the journal", "\(name) \(answer.handover)")
        continue
      }
      if let last = newest[answer.handover], answer.revision <= last {
        findings.add(
          .disorder, "answered an older revision later",
          "\(answer.handover)-r\(answer.revision)")
      }
      newest[answer.handover] = answer.revision
      if answer.isEvent { continue }
      if let other = numberOf.updateValue(answer.number, forKey: answer.handover) {
        findings.add(
          .duplicate, "one number for two requests", "\(answer.handover) ref \(other) \(name)")
      }
      if let number = matter.number, number != answer.number {
        findings.add(.loss, "journalled under another ref", "\(name) \(answer.handover)")
      }
      checkMinute(answer, matter, &findings)
    }
  }

  /// The minute starts at the earlier of receipt and arrival, and is answered as it is journalled.
  private func checkMinute(_ answer: Answer, _ matter: Journal.Matter, _ findings: inout Findings) {
    let name = "ref \(answer.number) \(answer.handover)"
    if answer.deadlineMs != matter.minuteMs {
      findings.add(.deadline, "answered otherwise than journalled", name)
    }
    guard matter.minuteMs != 0, answer.receivedMs != 0 else { return }
    if matter.minuteMs < min(answer.receivedMs, matter.atMs) + bounds.minuteMs {
      findings.add(.deadline, "its minute ends early", name)
    }
    if matter.minuteMs > answer.receivedMs + bounds.minuteMs {
      findings.add(.deadline, "its minute ends late", name)
    }
  }

  private func checkDeliveries(_ seen: Evidence, _ journal: Journal, _ findings: inout Findings) {
    struct Revision: Hashable {
      let handover: HandoverKey
      let revision: UInt32
    }
    var seenRevisions: Set<Revision> = []
    var newest: [HandoverKey: UInt32] = [:]
    for item in seen.deliveries {
      let name = "\(item.handover)-r\(item.revision)"
      if item.isConflict { findings.add(.duplicate, "delivered as a conflict", name) }
      let revision = Revision(handover: item.handover, revision: item.revision)
      if !seenRevisions.insert(revision).inserted {
        findings.add(.duplicate, "delivered twice", name)
      } else if let last = newest[item.handover], item.revision < last {
        findings.add(.disorder, "delivered after a newer revision", name)
      }
      newest[item.handover] = max(newest[item.handover] ?? 0, item.revision)
      let known = journal.matters[item.handover]
      if known == nil || known.map({ item.revision > $0.revision }) == true {
        findings.add(.loss, "delivered, not in the journal", name)
      } else if known?.crossing != item.crossing {
        findings.add(.disorder, "delivered under another crossing number", name)
      }
      checkAge(item, name, &findings)
    }
    for (handover, matter) in journal.matters where matter.crossing != 0 {
      guard let last = newest[handover] else {
        findings.add(.loss, "never delivered", "\(handover) crossing \(matter.crossing)")
        continue
      }
      if last < matter.owed {
        findings.add(.loss, "its newest revision was not delivered", "\(handover)-r\(matter.owed)")
      }
    }
  }

  private func checkAge(_ item: Delivery, _ name: String, _ findings: inout Findings) {
    let age = item.arrivedMs - item.receivedMs
    guard let said = item.ageMs, let isStale = item.isStale else {
      findings.add(.age, "delivered without its age", name)
      return
    }
    if abs(said - age) > bounds.ageSlackMs { findings.add(.age, "says another age", name) }
    if isStale != (said > bounds.staleMs) {
      findings.add(.age, isStale ? "called stale too early" : "not called stale", name)
    }
  }

  private func checkCrossing(_ seen: Evidence, _ journal: Journal, _ findings: inout Findings) {
    guard let copies = seen.copies else { return }
    for (handover, matter) in journal.matters where matter.crossing != 0 {
      if (copies[matter.crossing] ?? 0) == 0 {
        findings.add(.loss, "never sent", "\(handover) crossing \(matter.crossing)")
      }
    }
  }

  /// Each deadline is spoken at its moment: not early, and at most so much late; after a start the
  /// delay counts from there.
  private func checkDeadlines(_ seen: Evidence, _ findings: inout Findings) {
    var due: [HandoverKey: Int64] = [:]
    var startedMs: Int64 = 0
    for change in seen.changes {
      if change.kind == .start {
        startedMs = change.atMs
        continue
      }
      let name = "\(change.handover)-r\(change.revision)"
      if let moment = due[change.handover] {
        let isSpoken = change.kind == .deadline
        if isSpoken, change.atMs < moment { findings.add(.deadline, "spoken early", name) }
        if change.atMs > max(moment, startedMs) + bounds.lateMs {
          // What comes after the moment takes the deadline away; it does not excuse it.
          findings.add(.deadline, isSpoken ? "spoken late" : "not spoken before", name)
        }
      }
      due[change.handover] = change.deadlineMs == 0 ? nil : change.deadlineMs
    }
    guard seen.endMs > 0 else { return }
    for (handover, moment) in due where max(moment, startedMs) + bounds.lateMs < seen.endMs {
      findings.add(.deadline, "never spoken", "\(handover)")
    }
  }
}
