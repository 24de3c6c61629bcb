/// What happened to a handover, with the small arguments that a decision needs. Names and texts
/// are not here: the journal keeps the line itself.
public struct Happening: Equatable, Sendable {
  /// The kinds of step.
  public enum Kind: UInt8, Sendable, CaseIterable {
    case intake = 0
    case update, event, deadline
  }

  /// Marks of the request.
  public struct Flags: OptionSet, Hashable, Sendable {
    /// The bits, as the core sets them.
    public var rawValue: UInt16
    /// Flags from their word.
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    /// `by` names one of `intake.supervisors`.
    public static let bySupervisor = Flags(rawValue: 1 << 0)
    /// A reason was given.
    public static let reason = Flags(rawValue: 1 << 1)
    /// `guided.reached` was true.
    public static let reached = Flags(rawValue: 1 << 2)
    /// `redialledFrom110`.
    public static let redialled = Flags(rawValue: 1 << 3)
    /// `confidential`.
    public static let confidential = Flags(rawValue: 1 << 4)
    /// `drill`.
    public static let drill = Flags(rawValue: 1 << 5)
    /// The request names a seat: somebody holds the caller.
    public static let seat = Flags(rawValue: 1 << 6)
    /// The deadline fired late because the unit was down.
    public static let unattended = Flags(rawValue: 1 << 7)
    /// The deadline could not be measured across a reboot.
    public static let clockUncertain = Flags(rawValue: 1 << 8)
    /// The unit stands above the high mark of its intake.
    public static let overloaded = Flags(rawValue: 1 << 13)
    /// The link's carrier refuses what is sent.
    public static let carrierLost = Flags(rawValue: 1 << 14)
    /// A `receipt` that is no spoken code: two people compared the 对账码 of a range.
    public static let digest = Flags(rawValue: 1 << 15)
    /// The caller was sent away twice within a day already.
    public static let sentAwayTwice = Flags(rawValue: 1 << 9)
    /// `threeWayJoined.left`: the party has left the call.
    public static let left = Flags(rawValue: 1 << 10)
    /// The receipt's code is that of an older revision than the one that crosses now.
    public static let olderRevision = Flags(rawValue: 1 << 11)
  }

  /// Intake, update, event, or a deadline of the unit's own.
  public var kind: Kind
  /// The event, when `kind` is `.event`; for `.deadline` the machine derives it.
  public var event: EventKind
  /// `transferFailed.cause`.
  public var cause: TransferCause
  /// `agreed.owner`.
  public var agreedOwner: Platform?
  /// Facts of the request: all of an intake's, those an update or event adds.
  public var facts: FactSet
  /// Marks.
  public var flags: Flags
  /// Where an intake came in.
  public var platform: Platform
  /// How an intake came in.
  public var channel: Channel
  /// County of the event, six digits, 0 when unknown.
  public var county: UInt32
  /// `receivedAt`, wall ms, 0 when none was claimed.
  public var receivedAt: Int64
  /// `threeWayJoined.party`; empty when none was named.
  public var party: Parties
  /// An intake's earlier matter: the platform that it reached first.
  public var firstPlatform: Platform
  /// When that was, wall ms, 0: the intake follows none.
  public var firstContactAt: Int64
  /// This unit's clocks at arrival.
  public var now: Moment

  /// A happening of a kind at a moment; the rest starts empty.
  public init(kind: Kind, now: Moment) {
    self.kind = kind
    event = .transferStarted
    cause = .none
    agreedOwner = nil
    facts = []
    flags = []
    platform = .hotline
    channel = .phone
    county = 0
    receivedAt = 0
    party = []
    firstPlatform = .hotline
    firstContactAt = 0
    self.now = now
  }
}

/// What must be done when a change is durable, beside answering.
public struct Effects: OptionSet, Hashable, Sendable {
  /// The bits, as the core reads them.
  public var rawValue: UInt16
  /// Effects from their word.
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// The latest revision crosses the link.
  public static let cross = Effects(rawValue: 1 << 0)
  /// The report is raised or rewritten.
  public static let report = Effects(rawValue: 1 << 1)
  /// The supervisor is alarmed (watch stream and log).
  public static let alarm = Effects(rawValue: 1 << 2)
  /// The matter left memory: no duty is open.
  public static let end = Effects(rawValue: 1 << 3)
  /// The caller was guided or advised away: counted for the guard.
  public static let sentAway = Effects(rawValue: 1 << 4)
}

/// What one step came to.
public enum Outcome: Equatable, Sendable {
  /// The state after, what to say (with the handover's own `dialText`), and the effects.
  case changed(Handover, say: Sentence, effects: Effects)
  /// Nothing changed, and why.
  case refused(Refusal)
}
