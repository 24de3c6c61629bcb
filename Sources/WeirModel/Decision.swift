/// Who takes a matter.
public enum Owner: UInt8, Sendable, CaseIterable {
  case police = 1
  case hotline = 2
  case neither = 3
  case unclear = 4

  /// The name in requests and records: `110`, `12345`, `neither` or `unclear`.
  public var name: String {
    switch self {
    case .police: "110"
    case .hotline: "12345"
    case .neither: "neither"
    case .unclear: "unclear"
    }
  }

  /// The owner of that name, or nil.
  public init?(name: String) {
    guard let owner = Owner.allCases.first(where: { $0.name == name }) else { return nil }
    self = owner
  }
}

/// What the platform that has the matter does next. The raw value is the number on disk.
public enum Action: UInt8, Sendable, CaseIterable {
  case acceptHere = 1
  case transferByPhone, transferOnline, adviseRedial12345, referToDepartment, explainAndGuide
  case threeWayCall, talk, verifyWithDepartment, dispatchFirst

  private static let names = allCases.map { String(describing: $0) }

  /// The name in requests and records.
  public var name: String { Self.names[Int(rawValue) - 1] }

  /// The action of that name, or nil.
  public init?(name: String) {
    guard let action = Action.allCases.first(where: { $0.name == name }) else { return nil }
    self = action
  }
}

/// The lane of a record on the link: lower goes first.
public enum Lane: UInt8, Sendable, CaseIterable {
  case danger = 0
  case phone, internet, later

  /// The name in log lines.
  public var name: String { String(describing: self) }
}

/// Sentences that a unit orders or offers to be spoken; the policy holds their words.
public enum Sentence: UInt8, Sendable, CaseIterable {
  /// Nothing to say.
  case none = 0
  /// The sentences of the rule that decided.
  case decision
  /// A transfer failed: the caller is ordered to dial 110 at once.
  case transferFailed
  /// The minute passed: keep the caller on the line, the fallback is offered.
  case late
  /// 30 s and 45 s into the minute, to the seat and the supervisor.
  case preAlarm
  /// 110 has answered.
  case answered
  /// The caller was told to dial 110.
  case callerTold
  /// The caller is gone: 12345 dials 110 on their behalf.
  case onBehalf
  /// A duty stands open; a reminder.
  case reminder
  /// The unit could not take the matter: transfer by hand at once.
  case refused
  /// Danger was raised in an unclear matter: 110 dispatches first.
  case dispatchFirst
  /// Talks ended; the platform named keeps the matter.
  case firstReceiver
  /// Danger was cleared; no patrol may be stopped because of it.
  case dangerCleared
  /// Talks ended in agreement: 110 takes the matter; nobody has to be dialled.
  case agreedPolice
  /// Talks ended in agreement: 110 takes it, and must be reached within the minute.
  case agreedTransfer
  /// Talks ended in agreement: 12345 takes it.
  case agreedHotline
  /// Talks ended in agreement: 12345 takes it, and the caller is told to redial.
  case agreedRedial
  /// Talks ended without one; 110 was reached first and must be dialled within the minute.
  case firstReceiverTransfer
  /// A transfer failed and the reporter is not on a line: they are told, 12345 phones on.
  case failedOnline
  /// The minute passed and the reporter is not on a line.
  case lateOnline
  /// The caller was sent away twice already and must not be sent away again.
  case guarded
}

/// What the policy says about one set of facts on one platform and channel.
///
/// Texts are indices into the policy's table of texts, so that a decision is a few words and
/// allocates nothing.
public struct Decision: Equatable, Sendable {
  /// Who takes the matter.
  public var owner: Owner
  /// What to do next.
  public var action: Action
  /// Any danger fact, or any matter of section 二.
  public var emergency: Bool
  /// A complaint about police: marked for the police supervision unit (警务督察).
  public var supervision: Bool
  /// A voice leg to 110 (or the guidance target, for `explainAndGuide`) is due within the minute.
  public var voiceDue: Bool
  /// Whether the record goes over the link (from an outer unit).
  public var crosses: Bool
  /// The lane it takes there.
  public var lane: Lane
  /// Index of the rule that won, in the policy's order.
  public var rule: UInt16
  /// Text index: the `decision` object of answers and records, as JSON.
  public var decisionText: UInt16
  /// Text index: the sentences to say now, as a JSON array; 0 when there are none.
  public var sayText: UInt16
  /// Text index: the number to dial, digits only; 0 when there is none.
  public var dialText: UInt16
  /// Text index: 110's number for this matter, for talks that end with 110; 0 when unknown.
  public var policeDialText: UInt16 = 0
  /// The caller would have been sent away a third time within a day; this stands in its place.
  public var guarded = false

  /// A decision from its parts.
  public init(
    owner: Owner, action: Action, emergency: Bool, supervision: Bool, voiceDue: Bool, crosses: Bool,
    lane: Lane, rule: UInt16, decisionText: UInt16, sayText: UInt16, dialText: UInt16
  ) {
    self.owner = owner
    self.action = action
    self.emergency = emergency
    self.supervision = supervision
    self.voiceDue = voiceDue
    self.crosses = crosses
    self.lane = lane
    self.rule = rule
    self.decisionText = decisionText
    self.sayText = sayText
    self.dialText = dialText
  }
}
