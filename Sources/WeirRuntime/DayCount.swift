public import WeirCore
import WeirModel

/// Counts one day's matters from a journal: `weir report --day`.
///
/// A matter's day is the date in its number; what happens to it later still counts there. Real
/// matters and drills are counted by the same rules and never together.
public struct DayCount: Sendable {
  private let day: UInt32
  private var matters: [HandoverNumber: DayMatter] = [:]
  private var policies = DecisionTexts()
  private var causes: [Bool: [TransferCause: Int]] = [:]

  /// A count of a day, yyyymmdd at +08:00.
  public init(day: UInt32) { self.day = day }

  /// Takes the next record of the journal.
  public mutating func take(_ record: borrowing JournalRecord) {
    guard record.kind == .change, record.day == day else { return }
    let state = record.state
    let number = record.number
    if record.event == .transferFailed {
      causes[number.isDrill, default: [:]][state.cause, default: 0] += 1
    }
    if record.step == .intake {
      let words = policies.words(of: state.decisionText) { record.text($0) }
      matters[number] = DayMatter(state, words: words)
    }
    matters[number]?.take(
      state, step: record.step, event: record.event, now: record.now.wall,
      crosses: record.effects.contains(.cross), crossing: record.crossing,
      byDigest: record.marks.contains(.digest))
  }

  /// What was counted, of real matters or of drills.
  public func sections(drills: Bool) -> [DaySection] {
    let chosen = matters.filter { $0.key.isDrill == drills }.values
    return DaySections(matters: Array(chosen), causes: causes[drills] ?? [:]).all
  }
}

/// Clause and policy version of decisions, each read once.
private struct DecisionTexts: Sendable {
  private var known: [UInt32: DayMatter.Words] = [:]

  mutating func words(of id: UInt32, text: (UInt32) -> String) -> DayMatter.Words {
    if let words = known[id] { return words }
    let text = text(id)
    let words = DayMatter.Words(
      clause: Self.member("clause", of: text), policy: Self.member("policy", of: text))
    known[id] = words
    return words
  }

  /// A text member of a `decision` object, which the policy wrote without escapes.
  private static func member(_ name: String, of text: String) -> String {
    guard let begin = text.firstRange(of: "\"\(name)\":\"") else { return "undecided" }
    return String(text[begin.upperBound...].prefix { $0 != "\"" })
  }
}

/// What a day's report needs of one matter.
struct DayMatter: Sendable {
  /// What its first decision said.
  struct Words: Sendable {
    let clause: String
    let policy: String
  }

  /// How talks about it ended.
  enum Talk: Sendable {
    case none, open, agreed110, agreed12345, firstReceiver, dispatchFirst
  }

  /// Who confirmed that it is across.
  enum Proof: Sendable {
    case none, code, digest
  }

  let words: Words
  let action: Action
  let platform: Platform
  let channel: Channel
  private(set) var last: Handover
  private(set) var talk = Talk.none
  private(set) var hadThreeWayCall = false
  private(set) var wasAdvised = false
  private(set) var crossed = false
  private(set) var revisionsCrossed = 0
  private(set) var proof = Proof.none
  /// Start of its minute, 0: no voice leg was ever due. Of a leg that was given up in time nothing
  /// counts: then it is the minute of the next one.
  private(set) var minuteStart: Int64 = 0
  /// First answer of its voice leg, 0: nobody picked up. A later leg has a minute of its own, which
  /// this one's start says nothing about.
  private(set) var answeredAt: Int64 = 0
  /// First failed transfer or end of the minute, 0: neither.
  private(set) var faultAt: Int64 = 0
  /// First telling of the caller, report, and its acknowledgement; 0: never.
  private(set) var toldAt: Int64 = 0
  private(set) var reportedAt: Int64 = 0
  private(set) var acknowledgedAt: Int64 = 0

  init(_ state: Handover, words: Words) {
    self.words = words
    action = state.action
    platform = state.platform
    channel = state.channel
    last = state
  }

  mutating func take(
    _ state: Handover, step: Happening.Kind, event: EventKind?, now: Int64, crosses: Bool,
    crossing: UInt64, byDigest: Bool
  ) {
    if state.minute.isSet && (minuteStart == 0 || isGivenUp) {
      // The minute of an intake runs from the earlier of claim and arrival or from its decision, as
      // the policy has it; a later one from its own event.
      let isFromEvent = step != .intake || state.flags.contains(.fromDecision)
      minuteStart = isFromEvent ? now : min(state.receivedAt, state.arrivedAt)
    }
    let failed = event == .transferFailed || event == .deadlinePassed
    if faultAt == 0 && (failed || state.lateAt != 0) { faultAt = now }
    if answeredAt == 0 { answeredAt = state.answeredAt }
    if toldAt == 0 { toldAt = state.toldAt }
    if reportedAt == 0 { reportedAt = state.reportedAt }
    if acknowledgedAt == 0 && state.report == .acknowledged { acknowledgedAt = now }
    if event == .threeWayStarted { hadThreeWayCall = true }
    if event == .redialAdvised || state.phase == .redialAdvised { wasAdvised = true }
    crossed = crossed || crossing != 0
    if crosses { revisionsCrossed += 1 }
    if event == .receipt { proof = byDigest ? .digest : .code }
    noteTalk(state, event: event)
    last = state
  }

  private mutating func noteTalk(_ state: Handover, event: EventKind?) {
    let wasTalking = talk == .open
    switch event {
    case .agreed: talk = state.owner == .police ? .agreed110 : .agreed12345
    case .notAgreed: talk = .firstReceiver
    default:
      if state.phase == .talking { talk = .open }
      if wasTalking && state.phase == .dispatchedFirst { talk = .dispatchFirst }
    }
  }

  /// Whether its voice leg ended without an answer and before its minute had passed.
  private var isGivenUp: Bool {
    answeredAt == 0 && !last.minute.isSet && !last.flags.contains(.late)
  }

  /// Whether a hand-over to 110 by voice was due: not the guidance of an emergency to 120.
  var owesVoice: Bool { minuteStart != 0 && last.action != .explainAndGuide }

  /// From the start of the minute until somebody picked up, in milliseconds; nil: nobody did.
  var answeredAfter: Int64? {
    answeredAt == 0 ? nil : max(0, answeredAt - minuteStart)
  }
}
