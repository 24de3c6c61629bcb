// The machine of one handover (甘办〔2022〕38号, section 五).
//
// Happy path: an intake with its decision becomes a state; a 110 matter has a voice leg due within
// its minute; 110 picks up; the record is confirmed across; a day later the matter closes.
//
// What can go wrong, and what is done then: the transfer fails or the minute passes → the fallback
// is said and the report is raised in the same step; nobody does it → it is repeated until somebody
// does; nobody can say whose it is → talks with a limit, then the first receiver; there is danger →
// 110 dispatches first, at once, from any phase; somebody wants to take a danger back → only a
// supervisor with a reason. What does not fit is refused and changes nothing.
//
// One deadline is armed at a time, for the earliest thing due. When it fires the machine does what
// it stands for and arms the next one; a matter without a deadline has ended.

public import WeirModel

/// The state machine of one handover: values in, values out. It has no clock, keeps nothing and
/// allocates nothing.
///
/// The moments inside a state (`deadline` and `minute`) stand on the clocks of this boot: whoever
/// brings a state over from an earlier boot sets both anew by the wall clock first.
public enum Machine {
  /// One step.
  ///
  /// - Parameters:
  ///   - before: the state, nil for an intake.
  ///   - happening: what happened, with this unit's clocks at its arrival.
  ///   - decision: what the policy says of ``factsAfter(_:_:)``; it is weighed only where the
  ///     facts changed or the event asks for a decision.
  ///   - timing: the policy's spans.
  ///   - role: an inner unit has no voice leg to watch and no link.
  /// - Returns: the state after with a revision one higher, or the refusal: `notNow` when the event
  ///   does not fit, `supervisorNeeded` when it would take danger away, `missingField` for an
  ///   `agreed` without an owner, `unknownEvent` for an event that only a deadline may cause,
  ///   `unknownHandover` for anything but an intake without a state.
  ///
  /// `decisionText` and `dialText` are the policy's indices, before as after: they are set where a
  /// decision applies and left alone otherwise. What stands for neither is left alone too, and
  /// counts as another text. `sayText` and `reportNumber` are always left to the caller.
  public static func step(
    _ before: Handover?, _ happening: Happening, decision: Decision, timing: Timing, role: UnitRole
  ) -> Outcome {
    guard let before else {
      guard happening.kind == .intake else { return .refused(.unknownHandover) }
      var turn = Turn(Handover(), happening, decision, timing, role)
      turn.intake()
      return turn.finish()
    }
    var turn = Turn(before, happening, decision, timing, role)
    let refusal =
      switch happening.kind {
      case .intake: Refusal.notNow as Refusal?
      case .update: turn.update()
      case .event: turn.event()
      case .deadline: turn.deadline()
      }
    if let refusal { return .refused(refusal) }
    return turn.finish()
  }

  /// The facts that hold after a happening: what the caller has the policy decide on.
  ///
  /// `dangerRaised` without a danger fact stands for `dangerToPublic`: somebody saw danger and did
  /// not say to whom, and nothing may be concluded from that (`dangerToLife` would also make the
  /// matter section 二's). `escalated` adds its own fact. `dangerCleared` takes the danger facts
  /// away and no others. An emergency's guidance that did not reach its target adds
  /// `responsibilityUnclear`, which beside danger means that 110 dispatches first.
  public static func factsAfter(_ before: Handover?, _ happening: Happening) -> FactSet {
    var facts = (before?.facts ?? []).union(happening.facts)
    guard happening.kind == .event else { return facts }
    switch happening.event {
    case .dangerRaised where !happening.facts.isDanger:
      facts.insert(FactSet(.dangerToPublic))
    case .escalated:
      facts.insert(FactSet(.escalated))
    case .dangerCleared:
      facts.subtract(.danger)
    case .guided where !happening.flags.contains(.reached):
      if let before, before.guidesUrgently {
        facts.insert(FactSet(.responsibilityUnclear))
      }
    default:
      break
    }
    return facts
  }

  /// Whether a decision would send a caller away a third time within a day. Then the policy's
  /// decision on `responsibilityUnclear` stands in its place, marked `guarded`: a three-way call,
  /// or talks. What is clearly 110's and what is an emergency is never touched, and a supervisor
  /// who sends the caller away with a reason says what the policy says to that.
  public static func mustGuard(_ decision: Decision, _ happening: Happening) -> Bool {
    guard happening.flags.contains(.sentAwayTwice) && decision.sendsAway else { return false }
    let away = happening.event == .guided || happening.event == .redialAdvised
    let supervised = happening.flags.isSuperset(of: [.bySupervisor, .reason])
    return !(happening.kind == .event && away && supervised)
  }

  /// The event that a happening is, for the journal and the watch stream: its own, or what the
  /// state's deadline stands for; nil for intakes, updates and a deadline that is not armed.
  ///
  /// The end of talks reads `notAgreed`, the end of a matter `closed`. A pre-alarm that fires when
  /// the minute is over, or cannot be measured, is the minute's end itself.
  public static func eventKind(_ before: Handover, _ happening: Happening) -> EventKind? {
    switch happening.kind {
    case .intake, .update: return nil
    case .event: return happening.event
    case .deadline: break
    }
    switch before.deadlineKind {
    case .none: return nil
    case .firstPreAlarm, .secondPreAlarm:
      let over =
        happening.now.boot >= before.minute.boot || happening.flags.contains(.clockUncertain)
      return over ? .deadlinePassed : .preAlarm
    case .minute: return .deadlinePassed
    case .talk: return .notAgreed
    case .reminder: return .reminder
    case .closing: return .closed
    }
  }
}

extension Handover {
  /// Whether a person at the target still has to pick up. A failed leg stays open: a retry is
  /// allowed and nobody has answered.
  var voiceOpen: Bool {
    switch voice {
    case .none, .answered: return false
    case .due, .ringing, .failed: break
    }
    switch phase {
    case .accepted, .transferring, .late, .callerTold, .online, .dispatchedFirst: return true
    case .transferred, .talking, .verifying, .guided, .redialAdvised, .referred, .closed:
      return false
    }
  }

  /// The voice leg is open, and the caller has not been told to dial 110 either; for a reporter who
  /// is not on a line, or had left it before they were told, 12345 phones until somebody picks up.
  var voiceDuty: Bool {
    voiceOpen && (toldAt == 0 || channel == .internet || flags.contains(.toldAfterGone))
  }

  /// 110 is in the three-way call of talks that go on: it is on the line, and has answered.
  var policeInTalks: Bool {
    phase == .talking && voice == .answered && parties.isSuperset(of: [.open, .police])
  }

  /// An emergency's guidance that has not been heard of yet: it ends when the caller has reached
  /// its target (120), or at a supervisor's word.
  var guidesUrgently: Bool { action == .explainAndGuide && (voiceOpen || phase == .transferred) }

  /// The target has picked up and nobody has said yet that the caller was helped.
  var guidanceDuty: Bool { guidesUrgently && phase == .transferred }

  /// The report waits for a person.
  var reportDuty: Bool { report == .due || report == .raised }

  /// 110 dispatches first and it is still open who keeps the matter.
  var ownerOpen: Bool { owner == .unclear && action == .dispatchFirst }

  /// When the talks about it could begin, wall ms: with the decision, or with 110's answer where
  /// its dispatch came first. Their limit counts from there.
  var talksSince: Int64 {
    phase != .talking && voice == .answered ? max(decidedAt, answeredAt) : decidedAt
  }

  /// The minute is running: its end has not been noted yet.
  var minuteRuns: Bool { voiceOpen && minute.isSet && lateAt == 0 }

  /// 110 must act on the matter: it owns it or dispatches first.
  var isPolices: Bool { owner == .police || action == .dispatchFirst }
}

extension Decision {
  /// 110 must act on the matter: it owns it or dispatches first.
  var isPolices: Bool { owner == .police || action == .dispatchFirst }

  /// Whether it would send the caller away, to another body or to redial.
  var sendsAway: Bool {
    !emergency && !isPolices && (action == .explainAndGuide || action == .adviseRedial12345)
  }
}

extension Lane {
  /// The one of two lanes that goes first.
  func or(_ other: Lane) -> Lane { other.rawValue < rawValue ? other : self }
}
