// The voice leg: the one minute of notice 五(二) and what is done when it is missed.

internal import WeirModel

extension Turn {
  /// Whether somebody may dial 110: a voice leg is open, or an internet matter of 110's that needs
  /// none is phoned through all the same.
  var canDial: Bool {
    after.voiceOpen
      || (after.phase == .online && after.voice == .none && after.owner == .police)
  }

  /// Opens a voice leg whose minute started `elapsed` milliseconds ago; one whose minute is over is
  /// late at once. What an older leg came to stays in the flags and in the journal.
  mutating func openVoice(elapsed: Int64) {
    after.voice = .due
    after.answeredAt = 0
    after.toldAt = 0
    after.lateAt = 0
    if after.report == .acknowledged {
      after.report = .none
      after.reportKind = .none
    }
    after.minute = happening.now.advanced(by: timing.minuteMs - elapsed)
    let held = happening.flags.contains(.seat)
    if after.flags.contains(.emergency) && !held { effects.insert(.alarm) }
    if elapsed >= timing.minuteMs { _ = lapse() }
  }

  /// Ends a voice leg without an answer, because none is due any more.
  mutating func dropVoice() {
    if after.voice != .answered { after.voice = .none }
    after.minute = .none
  }

  mutating func ring() -> Refusal? {
    guard canDial else { return .notNow }
    after.voice = .ringing
    if after.startedAt == 0 { after.startedAt = now }
    return nil
  }

  /// A person has picked up. Lateness stays on record.
  mutating func answer() -> Refusal? {
    after.voice = .answered
    after.answeredAt = now
    after.minute = .none
    after.phase = standing(for: after.action)
    say = .answered
    return nil
  }

  /// The transfer failed: the fallback is ordered, the report is raised. Who hung up can be told
  /// nothing: then 12345 dials on their behalf.
  mutating func fail() -> Refusal? {
    guard after.voiceOpen else { return .notNow }
    after.voice = .failed
    after.cause = happening.cause == .none ? .other : happening.cause
    if after.cause == .callerHungUp { after.flags.insert(.callerGone) }
    report(.cannotTransfer)
    effects.insert(.alarm)
    say = fallback(.transferFailed, online: .failedOnline)
    return nil
  }

  /// The caller was told to dial 110. The notice asks for the report together with the telling, so
  /// one that nothing raised before is raised now.
  mutating func tell() -> Refusal? {
    guard after.voiceOpen else { return .notNow }
    after.phase = .callerTold
    after.toldAt = now
    if after.flags.contains(.callerGone) { after.flags.insert(.toldAfterGone) }
    say = .callerTold
    if after.report == .none { report(.cannotTransfer) }
    return nil
  }

  mutating func depart() -> Refusal? {
    guard !after.flags.contains(.callerGone) else { return .notNow }
    guard after.voiceOpen || after.phase != .accepted else { return .notNow }
    after.flags.insert(.callerGone)
    if after.voiceDuty { say = .onBehalf }
    return nil
  }

  mutating func standIn() -> Refusal? {
    after.flags.insert(.onBehalf)
    return ring()
  }

  mutating func warn() -> Refusal? {
    guard after.minuteRuns else { return .notNow }
    say = .preAlarm
    tells110 = false
    return nil
  }

  /// The minute passed. The transfer may go on; who was told to dial 110 stays told, and only the
  /// lateness is noted, since both duties of the fallback were done in time.
  mutating func lapse() -> Refusal? {
    after.flags.insert(.late)
    if happening.flags.contains(.unattended) { after.flags.insert(.unattended) }
    if happening.flags.contains(.clockUncertain) { after.flags.insert(.clockUncertain) }
    after.lateAt = min(now, after.minute.wall)
    effects.insert(.alarm)
    if after.phase == .callerTold {
      if after.reportDuty { effects.insert(.report) }
      return nil
    }
    after.phase = .late
    report(.late)
    say = fallback(.late, online: .lateOnline)
    return nil
  }

  /// What is said when 110 was not reached: to the caller on the line; else the reporter is told by
  /// call, message or reply, and who cannot be told is dialled for.
  private func fallback(_ sentence: Sentence, online: Sentence) -> Sentence {
    if after.flags.contains(.callerGone) { return .onBehalf }
    return after.channel == .internet ? online : sentence
  }

  /// An open duty is repeated; 110 learns nothing new from it.
  mutating func remind() -> Refusal? {
    say = .reminder
    tells110 = false
    if after.voiceDuty || after.guidanceDuty { effects.insert(.alarm) }
    if after.reportDuty { effects.insert(.report) }
    return nil
  }

  mutating func acknowledge() -> Refusal? {
    guard after.reportDuty else { return .notNow }
    after.report = .acknowledged
    tells110 = false
    return nil
  }

  /// The core has checked the code: its revision and the older ones are across, and the change
  /// itself tells 110 nothing. A newer revision goes on crossing.
  mutating func confirm() -> Refusal? {
    guard after.data == .queued else { return .notNow }
    if !happening.flags.contains(.olderRevision) { after.data = .confirmed }
    tells110 = false
    return nil
  }

  /// Where a matter whose voice leg goes on stands under an action.
  func standing(for action: Action) -> Phase {
    if after.voice == .answered {
      switch action {
      case .dispatchFirst: return .dispatchedFirst
      default: return .transferred
      }
    }
    if after.toldAt != 0 { return .callerTold }
    if after.lateAt != 0 { return .late }
    return phase(for: action, voiceDue: true)
  }

  /// Raises the report, or has the open one rewritten. A failed transfer says more than a lost
  /// minute and keeps its name while it is open.
  private mutating func report(_ kind: ReportKind) {
    effects.insert(.report)
    if !after.reportDuty {
      after.report = .raised
      after.reportedAt = now
      after.reportKind = kind
    } else if kind == .cannotTransfer {
      after.reportKind = kind
    }
  }
}
