/// Where a matter stands. The raw value is the number on disk.
public enum Phase: UInt8, Sendable, CaseIterable {
  case accepted = 1
  case transferring, late, transferred, callerTold, online, talking, dispatchedFirst, verifying
  case guided, redialAdvised, referred, closed

  /// The name in answers, records and log lines.
  public var name: String { String(describing: self) }
}

/// The voice leg: a person at the target has picked up, or not.
public enum VoiceLeg: UInt8, Sendable, CaseIterable {
  case none = 0
  case due, ringing, answered, failed
}

/// The data leg. `onLink` is `queued` with at least one copy sent; copies are no change of state.
public enum DataLeg: UInt8, Sendable, CaseIterable {
  case none = 0
  case queued, confirmed, expired
}

/// The report leg (报备).
public enum ReportLeg: UInt8, Sendable, CaseIterable {
  case none = 0
  case due, raised, acknowledged
}

/// Why a transfer failed.
public enum TransferCause: UInt8, Sendable, CaseIterable {
  case none = 0
  case network, trunk, noAnswer, busy, platform, callerHungUp, other
}

/// Why an unclear matter has the owner that it has.
public enum Ground: UInt8, Sendable, CaseIterable {
  case none = 0
  /// Both platforms agreed.
  case agreed
  /// They did not; the platform that received the matter has the earliest recorded contact.
  case firstReceiver
  /// They did not; the caller said that 110 was called first and sent them here.
  case callerStatement
  /// They did not; an earlier matter that this one follows had reached the other platform.
  case earlierContact
}

/// Who is in a three-way call.
public struct Parties: OptionSet, Hashable, Sendable {
  /// The bits, as on disk.
  public var rawValue: UInt8
  /// Parties from their bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The caller.
  public static let caller = Parties(rawValue: 1 << 0)
  /// 12345.
  public static let hotline = Parties(rawValue: 1 << 1)
  /// 110.
  public static let police = Parties(rawValue: 1 << 2)
  /// A three-way call was started and its talks have not ended.
  public static let open = Parties(rawValue: 1 << 3)
}

/// Which fault a report is about.
public enum ReportKind: UInt8, Sendable, CaseIterable {
  case none = 0
  /// A transfer failed (notice 五(二): 无法转接).
  case cannotTransfer
  /// The minute passed without an answered voice leg.
  case late
}

/// What people, lines and deadlines report about a handover. The raw value is the number on disk.
public enum EventKind: UInt8, Sendable, CaseIterable {
  case transferStarted = 0
  case transferAnswered, transferFailed, callerTold, callerGone, calledOnBehalf
  case threeWayStarted, threeWayJoined, talkStarted, agreed, notAgreed
  case dangerRaised, dangerCleared, verified, guided, redialAdvised, referred
  case receipt, reportAcknowledged, escalated, cancelled, closed
  // The deadlines' own; no line may name them.
  case preAlarm, deadlinePassed, reminder

  /// The name in requests, records and log lines.
  public var name: String { String(describing: self) }
}

/// What a matter's one armed deadline is for.
public enum DeadlineKind: UInt8, Sendable, CaseIterable {
  case none = 0
  /// 30 s into the minute.
  case firstPreAlarm
  /// 45 s into the minute.
  case secondPreAlarm
  /// The minute of notice 五(二).
  case minute
  /// Talks of an unclear matter reach their limit.
  case talk
  /// An open duty is repeated until somebody does it.
  case reminder
  /// 24 h after the last open duty: the matter closes.
  case closing
}

/// Marks that a matter carries.
public struct HandoverFlags: OptionSet, Hashable, Sendable {
  /// The bits, as on disk.
  public var rawValue: UInt32
  /// Flags from their word.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// An emergency: any danger fact or any matter of section 二.
  public static let emergency = HandoverFlags(rawValue: 1 << 0)
  /// A drill (演练).
  public static let drill = HandoverFlags(rawValue: 1 << 1)
  /// The caller wants name and number kept back.
  public static let confidential = HandoverFlags(rawValue: 1 << 2)
  /// For the police supervision unit (警务督察).
  public static let supervision = HandoverFlags(rawValue: 1 << 3)
  /// The caller said that 110 sent them here.
  public static let redialled = HandoverFlags(rawValue: 1 << 4)
  /// The minute passed before the voice leg was answered; stays on record.
  public static let late = HandoverFlags(rawValue: 1 << 5)
  /// The minute passed while the unit was down.
  public static let unattended = HandoverFlags(rawValue: 1 << 6)
  /// The minute could not be measured across a reboot; it was fired at once.
  public static let clockUncertain = HandoverFlags(rawValue: 1 << 7)
  /// The caller has left the line.
  public static let callerGone = HandoverFlags(rawValue: 1 << 8)
  /// 12345 phoned 110 on the caller's behalf.
  public static let onBehalf = HandoverFlags(rawValue: 1 << 9)
  /// The record crosses the link.
  public static let crosses = HandoverFlags(rawValue: 1 << 10)
  /// Danger was cleared by a supervisor at some time.
  public static let dangerCleared = HandoverFlags(rawValue: 1 << 11)
  /// The unit could not decide; a person was called.
  public static let undecided = HandoverFlags(rawValue: 1 << 12)
  /// Its minute starts at the decision, by policy, not at the earlier of claim and arrival.
  public static let fromDecision = HandoverFlags(rawValue: 1 << 14)
  /// The caller had left the line before they were told to dial 110: 12345 phones on.
  public static let toldAfterGone = HandoverFlags(rawValue: 1 << 15)
  /// 12345's without having been submitted by it; the core's own.
  public static let became12345 = HandoverFlags(rawValue: 1 << 20)
  /// The caller had been sent away twice within a day; a third time was prevented.
  public static let guarded = HandoverFlags(rawValue: 1 << 13)
}

/// A moment on both clocks of this boot, in milliseconds. 0 and 0 stands for "none".
public struct Moment: Equatable, Sendable {
  /// CLOCK_BOOTTIME.
  public var boot: UInt64
  /// CLOCK_REALTIME since 1970.
  public var wall: Int64
  /// No moment.
  public static let none = Moment(boot: 0, wall: 0)
  /// A moment from both clocks' readings.
  public init(boot: UInt64, wall: Int64) {
    self.boot = boot
    self.wall = wall
  }
  /// Whether it stands for a time at all.
  public var isSet: Bool { self != .none }
  /// The moment so many milliseconds later on both clocks; a negative count never passes zero.
  public func advanced(by milliseconds: Int64) -> Moment {
    Moment(
      boot: UInt64(max(0, Int64(clamping: boot) + milliseconds)), wall: wall + milliseconds)
  }
}

/// The durable state of one handover: everything the machine decides by, and nothing else. Names,
/// numbers and texts stay in the journal.
public struct Handover: Equatable, Sendable {
  /// 1 at intake, one more with every change.
  public var revision: UInt32 = 0
  /// Facts that hold now.
  public var facts: FactSet = []
  /// Facts that ever held: a danger once raised stays readable for ever.
  public var everFacts: FactSet = []
  /// Where the matter came in.
  public var platform: Platform = .hotline
  /// How it came in.
  public var channel: Channel = .phone
  /// Who takes it.
  public var owner: Owner = .unclear
  /// What was decided to do.
  public var action: Action = .threeWayCall
  /// Where it stands.
  public var phase: Phase = .accepted
  /// The voice leg.
  public var voice: VoiceLeg = .none
  /// The last failure of the voice leg.
  public var cause: TransferCause = .none
  /// The data leg.
  public var data: DataLeg = .none
  /// The report leg.
  public var report: ReportLeg = .none
  /// What the report is about.
  public var reportKind: ReportKind = .none
  /// The lane of its record on the link.
  public var lane: Lane = .later
  /// Marks.
  public var flags: HandoverFlags = []
  /// County of the event, six digits, 0 when unknown.
  public var county: UInt32 = 0
  /// What the armed deadline is for.
  public var deadlineKind: DeadlineKind = .none
  /// When the armed deadline is due.
  public var deadline: Moment = .none
  /// The end of the minute; none when no voice leg is due.
  public var minute: Moment = .none
  /// Claimed by the client (`receivedAt`), wall ms; the arrival when it claimed none.
  public var receivedAt: Int64 = 0
  /// When the line arrived here, wall ms.
  public var arrivedAt: Int64 = 0
  /// When it was last decided who takes it, wall ms.
  public var decidedAt: Int64 = 0
  /// First `transferStarted`, wall ms, 0: never.
  public var startedAt: Int64 = 0
  /// When the voice leg was answered, wall ms, 0: never.
  public var answeredAt: Int64 = 0
  /// When the caller was told to dial 110, wall ms, 0: never.
  public var toldAt: Int64 = 0
  /// When the minute passed, wall ms, 0: never.
  public var lateAt: Int64 = 0
  /// When the report was raised, wall ms, 0: never.
  public var reportedAt: Int64 = 0
  /// Durable text id of the `decision` object.
  public var decisionText: UInt32 = 0
  /// Durable text id of the number to dial.
  public var dialText: UInt32 = 0
  /// Durable text id of the sentences of the last change.
  public var sayText: UInt32 = 0
  /// Number of the report that holds this matter, 0: none.
  public var reportNumber: UInt32 = 0
  /// Why an unclear matter has its owner.
  public var ground: Ground = .none
  /// Who is in the three-way call.
  public var parties: Parties = []
  /// The platform with the earliest recorded contact.
  public var firstPlatform: Platform = .hotline
  /// When that was, wall ms.
  public var firstContactAt: Int64 = 0
  /// When talks ended with an owner, wall ms, 0: never.
  public var settledAt: Int64 = 0

  /// An empty state; the machine's intake fills it.
  public init() {}
}
