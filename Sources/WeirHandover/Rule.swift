public import WeirModel

/// What an event does to a handover: one verb for each way of changing it. A verb may still find
/// its own condition unmet (no voice leg is due, no danger to clear); then it too is `notNow`.
public enum Rule: UInt8, Sendable, CaseIterable {
  /// The event does not fit this phase.
  case notNow = 0
  /// Somebody dials 110: the voice leg rings.
  case ring
  /// A person has picked up: the voice leg is answered.
  case answer
  /// The transfer failed: the fallback is ordered and reported, a retry is allowed.
  case fail
  /// The caller was told to dial 110.
  case tell
  /// The caller has left the line.
  case depart
  /// 12345 dials 110 on the caller's behalf.
  case standIn
  /// A three-way call or a talk between the platforms begins.
  case confer
  /// 110 has joined the three-way call.
  case join
  /// Both platforms agreed who takes the matter.
  case agree
  /// They did not: the first receiver keeps it.
  case firstReceiver
  /// Danger: what the policy says of it is done at once.
  case raise
  /// A supervisor takes a danger back.
  case clear
  /// The department asked has answered.
  case verify
  /// The caller was guided to the body that is competent.
  case guide
  /// The caller was advised to redial 12345.
  case advise
  /// The matter was referred to a department.
  case refer
  /// The receipt code proved that the record is across.
  case confirm
  /// A person took note of the report.
  case acknowledge
  /// The matter is withdrawn.
  case cancel
  /// The matter is closed.
  case close
  /// A closed matter's crossing was carried long enough; only the unit's own deadline does this.
  case expire
  /// A pre-alarm of the minute.
  case warn
  /// The minute passed.
  case lapse
  /// An open duty is repeated.
  case remind

  /// The phases in which this verb can leave a handover that stood in `phase`, itself first where
  /// it may stay. For the diagram and the tests; it allocates.
  public func targets(from phase: Phase) -> [Phase] {
    switch self {
    case .notNow: []
    case .ring, .fail, .depart, .standIn, .confirm, .acknowledge, .warn, .remind: [phase]
    case .advise: [.redialAdvised]
    case .answer: Rule.answered(from: phase)
    case .join: [phase] + Rule.answered(from: phase).filter { $0 != phase }
    case .tell: [.callerTold]
    case .confer: phase == .verifying ? [.talking] : [phase]
    case .agree: Rule.agreed(from: phase)
    case .firstReceiver:
      phase == .talking
        ? [.accepted, .transferring, .transferred, .online, .redialAdvised] : [phase]
    case .raise: Rule.raised(from: phase)
    case .clear: Rule.cleared(from: phase)
    case .verify:
      [.verifying, .accepted, .transferring, .online, .talking, .dispatchedFirst, .guided]
    case .guide:
      phase == .verifying || phase == .guided || phase == .talking
        ? [.guided] : [.guided, .dispatchedFirst]
    case .refer: [.referred]
    case .cancel, .close, .expire: [.closed]
    case .lapse: phase == .callerTold ? [.callerTold] : [.late]
    }
  }

  /// Where an answered voice leg leads: 110 has it, or dispatches while the talk goes on; what is
  /// 120's ends only when the caller was helped.
  private static func answered(from phase: Phase) -> [Phase] {
    switch phase {
    case .talking, .dispatchedFirst: [phase]
    case .late, .callerTold: [.transferred, .dispatchedFirst]
    default: [.transferred]
    }
  }

  /// Danger leads from anywhere to where 110 acts, or to the guidance of what is 120's.
  private static func raised(from phase: Phase) -> [Phase] {
    let acting: [Phase] = [.transferring, .online, .accepted, .dispatchedFirst, .guided]
    let answered = phase == .dispatchedFirst || phase == .talking
    return [phase] + acting + (answered ? [.transferred] : [])
  }

  /// Without its danger a matter goes where its other facts lead, unless 110 has it for good or
  /// nothing is under way.
  private static func cleared(from phase: Phase) -> [Phase] {
    switch phase {
    case .accepted: [phase, .online, .guided]
    case .transferring, .online: [phase, .accepted, .guided]
    case .late, .callerTold: [phase, .accepted, .online, .talking, .verifying, .guided]
    case .dispatchedFirst:
      [
        phase, .accepted, .transferred, .online, .talking, .verifying, .guided, .redialAdvised,
      ]
    case .transferred, .talking, .verifying, .guided, .redialAdvised, .referred, .closed: [phase]
    }
  }

  /// Where an agreement leads: talks end at a platform; a dispatched matter gets its owner.
  private static func agreed(from phase: Phase) -> [Phase] {
    switch phase {
    case .talking: [.accepted, .transferring, .transferred, .online, .redialAdvised]
    case .dispatchedFirst: [.dispatchedFirst, .transferring, .online, .accepted, .transferred]
    default: [phase]
    }
  }
}

extension Machine {
  /// The table: what an event does in a phase. ``Machine/step(_:_:decision:timing:role:)`` goes by
  /// it, the tests walk it, the diagram is drawn from it.
  public static func row(_ phase: Phase, _ event: EventKind) -> Rule {
    switch event {
    case .transferStarted: whileDue(phase, .ring)
    case .transferAnswered: whileDue(phase, .answer)
    case .transferFailed: whileDue(phase, .fail)
    case .calledOnBehalf: whileDue(phase, .standIn)
    case .callerTold: phase == .callerTold ? .notNow : whileDue(phase, .tell)
    case .callerGone: phase == .talking || phase == .verifying ? .depart : whileDue(phase, .depart)
    case .threeWayStarted:
      phase == .talking || phase == .verifying ? .confer : whileDue(phase, .confer)
    case .threeWayJoined: phase == .talking ? .join : whileDue(phase, .join)
    case .talkStarted: phase == .verifying ? .confer : whileOwnerOpen(phase, .confer)
    case .agreed: whileOwnerOpen(phase, .agree)
    case .notAgreed: whileOwnerOpen(phase, .firstReceiver)
    case .dangerRaised, .escalated: .raise
    case .dangerCleared: .clear
    case .verified: phase == .verifying ? .verify : .notNow
    case .guided: whileGuiding(phase)
    case .redialAdvised: phase == .redialAdvised || phase == .talking ? .advise : .notNow
    case .referred: whileReferring(phase)
    case .receipt: .confirm
    case .reportAcknowledged: .acknowledge
    case .cancelled: phase == .closed ? .notNow : .cancel
    case .closed: phase == .closed ? .expire : .close
    case .preAlarm: phase == .late ? .notNow : whileDue(phase, .warn)
    case .deadlinePassed: phase == .late ? .notNow : whileDue(phase, .lapse)
    case .reminder: .remind
    }
  }

  /// The phases in which a voice leg can be open.
  private static func whileDue(_ phase: Phase, _ rule: Rule) -> Rule {
    switch phase {
    case .accepted, .transferring, .late, .callerTold, .online, .dispatchedFirst: rule
    case .transferred, .talking, .verifying, .guided, .redialAdvised, .referred, .closed: .notNow
    }
  }

  /// The phases in which it can be open who takes the matter: talks, and 110's dispatch before
  /// them, wherever its voice leg stands.
  private static func whileOwnerOpen(_ phase: Phase, _ rule: Rule) -> Rule {
    switch phase {
    case .talking, .dispatchedFirst, .late, .callerTold: rule
    case .accepted, .transferring, .transferred, .online, .verifying, .guided, .redialAdvised,
      .referred, .closed:
      .notNow
    }
  }

  /// An emergency's guidance has a voice leg of its own; other guidance ends a verification, or
  /// talks that only the guard began, or is noted on a matter that was guided at once.
  private static func whileGuiding(_ phase: Phase) -> Rule {
    switch phase {
    case .transferring, .late, .transferred, .callerTold, .talking, .verifying, .guided: .guide
    case .accepted, .online, .dispatchedFirst, .redialAdvised, .referred, .closed: .notNow
    }
  }

  /// A desk refers what it would have sent away, or what a department has answered for.
  private static func whileReferring(_ phase: Phase) -> Rule {
    switch phase {
    case .verifying, .redialAdvised, .referred: .refer
    case .accepted, .transferring, .late, .transferred, .callerTold, .online, .talking,
      .dispatchedFirst, .guided, .closed:
      .notNow
    }
  }
}
