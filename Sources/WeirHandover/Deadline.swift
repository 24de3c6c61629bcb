// The one deadline: the earliest thing due, or the end.

internal import WeirModel

extension Turn {
  /// Arms what is due next. In order: the running minute and its pre-alarms; the earlier of a
  /// reminder of an open duty and the limit of open talks; the end of carrying an unconfirmed
  /// crossing, or the closing. Where nothing is due the matter has ended.
  ///
  /// A deadline that is armed for the same thing stays where it is, so that a busy desk cannot
  /// put a reminder off for ever.
  mutating func arm() {
    after.deadlineKind = .none
    after.deadline = .none
    if after.minuteRuns {
      armMinute()
      return
    }
    if after.voiceDuty || after.reportDuty || after.guidanceDuty {
      offer(.reminder, in: timing.reminderMs)
    } else if after.phase == .verifying {
      offer(.reminder, in: timing.talkMs)
    }
    if talksOpen { offer(.talk, in: talkLeft) }
    guard after.deadlineKind == .none else { return }
    if after.data == .queued {
      offer(.closing, in: max(timing.keepMs, timing.closingMs))
    } else if endsAtOnce {
      effects.insert(.end)
    } else {
      offer(.closing, in: timing.closingMs)
    }
  }

  /// The next stage of the minute that is still ahead.
  private mutating func armMinute() {
    let first = after.minute.advanced(by: timing.preAlarmsMs.first - timing.minuteMs)
    let second = after.minute.advanced(by: timing.preAlarmsMs.second - timing.minuteMs)
    let current = happening.now.boot
    let passed = happening.kind == .deadline ? before.deadlineKind : .none
    if passed == .none && first.boot > current && first.boot < second.boot {
      after.deadlineKind = .firstPreAlarm
      after.deadline = first
    } else if passed != .secondPreAlarm && second.boot > current
      && second.boot < after.minute.boot
    {
      after.deadlineKind = .secondPreAlarm
      after.deadline = second
    } else {
      after.deadlineKind = .minute
      after.deadline = after.minute
    }
  }

  /// Takes a deadline if it is earlier than the one taken so far.
  private mutating func offer(_ kind: DeadlineKind, in milliseconds: Int64) {
    var moment = happening.now.advanced(by: milliseconds)
    if happening.kind != .deadline && before.deadlineKind == kind && stays(kind) {
      moment = before.deadline
    }
    if after.deadlineKind == .none || moment.boot < after.deadline.boot {
      after.deadlineKind = kind
      after.deadline = moment
    }
  }

  /// Whether the deadline armed before is for the same thing: the carrying of a record starts again
  /// with each revision that crosses, the closing with each duty that ends, the limit with each
  /// beginning of talks.
  private func stays(_ kind: DeadlineKind) -> Bool {
    switch kind {
    case .closing: !effects.contains(.cross) && before.data == after.data
    case .talk: before.talksSince == after.talksSince
    case .none, .firstPreAlarm, .secondPreAlarm, .minute, .reminder: true
    }
  }

  /// Whether it is open who takes the matter. Where 110 dispatches first the limit passes beside
  /// the open voice leg and takes nothing from it.
  private var talksOpen: Bool {
    switch after.phase {
    case .talking: true
    case .dispatchedFirst, .late, .callerTold: after.ownerOpen
    default: false
    }
  }

  /// What is left of the talks, in milliseconds.
  private var talkLeft: Int64 {
    min(max(0, after.talksSince + timing.talkMs - now), timing.talkMs)
  }

  /// Phases in which nobody here has anything left to do.
  private var endsAtOnce: Bool {
    switch after.phase {
    case .accepted, .guided, .redialAdvised, .referred, .closed: true
    case .transferring, .late, .transferred, .callerTold, .online, .talking, .dispatchedFirst,
      .verifying:
      false
    }
  }
}
