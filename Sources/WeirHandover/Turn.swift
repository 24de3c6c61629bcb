internal import WeirModel

/// One step in the making: the state before, what happened, and the state after as it forms.
struct Turn {
  let before: Handover
  let happening: Happening
  let timing: Timing
  let role: UnitRole
  /// What the policy says, without voice leg and crossing on a unit that has neither.
  var decision: Decision
  var after: Handover
  var say: Sentence = .none
  var effects: Effects = []
  /// Whether 110 learns of this change once the matter has crossed.
  var tells110 = true
  /// Whether the event asks for a decision even if no fact changed.
  var mustDecide = false

  init(
    _ before: Handover, _ happening: Happening, _ decision: Decision, _ timing: Timing,
    _ role: UnitRole
  ) {
    self.before = before
    self.happening = happening
    self.timing = timing
    self.role = role
    self.decision = decision
    if role == .inner {
      // 110 has the caller itself; what is 120's must be picked up there all the same.
      if decision.action != .explainAndGuide { self.decision.voiceDue = false }
      self.decision.crosses = false
    }
    after = before
  }

  /// This unit's wall clock at the arrival, in milliseconds.
  var now: Int64 { happening.now.wall }

  /// A supervisor acts, with a reason.
  var authorised: Bool { happening.flags.isSuperset(of: [.bySupervisor, .reason]) }

  /// An intake: the decision is the state.
  mutating func intake() {
    after.platform = happening.platform
    after.channel = happening.channel
    after.facts = Machine.factsAfter(nil, happening)
    after.everFacts = after.facts
    after.county = happening.county
    after.arrivedAt = now
    after.receivedAt = happening.receivedAt > 0 ? happening.receivedAt : now
    after.decidedAt = now
    noteContact()
    takeMarks()
    if happening.flags.contains(.drill) { after.flags.insert(.drill) }
    after.lane = decision.lane
    noteMarks()
    noteTexts()
    after.owner = decision.owner
    after.action = decision.action
    after.phase = phase(for: decision.action, voiceDue: decision.voiceDue)
    say = decision.guarded ? .guarded : .decision
    guard decision.voiceDue else { return }
    if timing.startsAt == .decided { after.flags.insert(.fromDecision) }
    openVoice(elapsed: timing.startsAt == .received ? max(0, now - after.receivedAt) : 0)
  }

  /// The earliest recorded contact: here, or where the matter that this one follows came in.
  private mutating func noteContact() {
    after.firstPlatform = after.platform
    after.firstContactAt = min(after.receivedAt, after.arrivedAt)
    if happening.firstContactAt > 0 && happening.firstContactAt < after.firstContactAt {
      after.firstPlatform = happening.firstPlatform
      after.firstContactAt = happening.firstContactAt
    }
  }

  /// An update: more facts, a place, marks; texts stay in the journal.
  mutating func update() -> Refusal? {
    if happening.county != 0 { after.county = happening.county }
    takeMarks()
    return takeFacts()
  }

  /// An event that a person or a line reported.
  mutating func event() -> Refusal? {
    switch happening.event {
    case .preAlarm, .deadlinePassed, .reminder: return .unknownEvent
    default: break
    }
    let rule = Machine.row(before.phase, happening.event)
    guard rule != .expire else { return .notNow }
    if let refusal = apply(rule) { return refusal }
    return takeFacts()
  }

  /// The armed deadline fired.
  mutating func deadline() -> Refusal? {
    guard let event = Machine.eventKind(before, happening) else { return .notNow }
    let rule = Machine.row(before.phase, event)
    return apply(rule == .close ? .expire : rule)
  }

  /// Seals the step: revision, crossing, the one deadline.
  consuming func finish() -> Outcome {
    after.revision = before.revision + 1
    if tells110 && after.flags.contains(.crosses) {
      after.data = .queued
      effects.insert(.cross)
    }
    let isAway = after.phase == .guided || after.phase == .redialAdvised
    let wasAway = before.revision > 0 && before.phase == after.phase
    if isAway && !wasAway && !after.flags.contains(.emergency) { effects.insert(.sentAway) }
    arm()
    return .changed(after, say: say, effects: effects)
  }

  /// Marks that a request may add at any time.
  private mutating func takeMarks() {
    if happening.flags.contains(.redialled) { after.flags.insert(.redialled) }
    if happening.flags.contains(.confidential) { after.flags.insert(.confidential) }
  }

  /// Takes the facts of the happening over and decides anew where they changed, or where the policy
  /// says otherwise of the place that an update named.
  private mutating func takeFacts() -> Refusal? {
    let facts = Machine.factsAfter(before, happening)
    after.everFacts.formUnion(facts.union(happening.facts))
    after.facts = facts
    if facts != before.facts || mustDecide || placeDecides {
      tells110 = true
      if let refusal = decide() { return refusal }
    }
    if after.county != before.county { dialThere() }
    return nil
  }

  /// Whether the policy says otherwise of the place that this step names. What no policy decided
  /// waits for a person, not for a place.
  private var placeDecides: Bool {
    after.county != before.county && !before.flags.contains(.undecided)
      && UInt32(decision.decisionText) != before.decisionText
  }

  /// The event's place has another 110 desk: what is 110's dials that one, and whoever is to dial
  /// is told. The minute runs on.
  private mutating func dialThere() {
    guard role == .outer, after.isPolices else { return }
    after.dialText = UInt32(decision.policeDialText)
    let differs = after.dialText != before.dialText
    if after.voiceOpen && differs && say == .none { say = .reminder }
  }

  /// Does what a verb says.
  private mutating func apply(_ rule: Rule) -> Refusal? {
    switch rule {
    case .notNow: return .notNow
    case .ring: return ring()
    case .answer: return canDial ? answer() : .notNow
    case .fail: return fail()
    case .tell: return tell()
    case .depart: return depart()
    case .standIn: return standIn()
    case .confer: return confer()
    case .join: return join()
    case .agree: return agree()
    case .firstReceiver: return firstReceiver()
    case .raise, .clear: return weighDanger(rule)
    case .verify: return nil
    case .advise: return advise()
    case .guide: return guide()
    case .refer: return refer()
    case .confirm: return confirm()
    case .acknowledge: return acknowledge()
    case .cancel: return cancel()
    case .close: return close()
    case .expire: return expire()
    case .warn: return warn()
    case .lapse: return after.minuteRuns ? lapse() : .notNow
    case .remind: return remind()
    }
  }

  /// The phase that an action begins in.
  func phase(for action: Action, voiceDue: Bool) -> Phase {
    switch action {
    case .acceptHere: .accepted
    case .transferByPhone: .transferring
    case .transferOnline: .online
    case .adviseRedial12345: .redialAdvised
    case .referToDepartment: .referred
    case .explainAndGuide: voiceDue ? .transferring : .guided
    case .threeWayCall, .talk: .talking
    case .verifyWithDepartment: .verifying
    case .dispatchFirst: .dispatchedFirst
    }
  }
}
