internal import CCore
public import WeirModel

/// Up to 64 steps that wait for a verdict; lent to the desk for one call.
///
/// Every step arrives marked "escalate to a person": what the desk does not reach is never lost.
@safe
public struct StepBatch: ~Copyable {
  private let steps: UnsafeMutablePointer<weir_step>
  /// Steps in the batch, 1 to 64.
  public let count: Int

  init(_ steps: UnsafeMutablePointer<weir_step>, count: Int) {
    unsafe self.steps = unsafe steps
    self.count = count
  }

  /// The state before step `index`, nil for an intake.
  public func before(_ index: Int) -> Handover? {
    precondition(index < count)
    guard unsafe steps[index].has_before else { return nil }
    return unsafe Handover(steps[index].state)
  }

  /// What happened in step `index`.
  public func happening(_ index: Int) -> Happening {
    precondition(index < count)
    return unsafe Happening(steps[index])
  }

  /// The verdict: the state after, the event as it stands in the journal, and the effects.
  public func change(_ index: Int, to after: Handover, event: EventKind?, effects: Effects) {
    precondition(index < count)
    unsafe after.write(to: &steps[index].state)
    if let event { unsafe steps[index].event = event.rawValue }
    unsafe steps[index].effects = effects.rawValue
    unsafe steps[index].verdict = UInt8(WEIR_VERDICT_CHANGED)
  }

  /// The verdict: nothing changes, and why.
  public func refuse(_ index: Int, _ refusal: Refusal) {
    precondition(index < count)
    unsafe steps[index].refusal = refusal.rawValue
    unsafe steps[index].verdict = UInt8(WEIR_VERDICT_REFUSED)
  }
}

extension Happening {
  init(_ step: weir_step) {
    self.init(
      kind: Kind(rawValue: step.kind) ?? .event,
      now: Moment(boot: step.now.boot_ms, wall: step.now.wall_ms))
    event = EventKind(rawValue: step.event) ?? .reminder
    cause = TransferCause(rawValue: step.cause) ?? .none
    agreedOwner = Platform(rawValue: step.agreed_owner)
    facts = FactSet(rawValue: step.facts)
    flags = Flags(rawValue: step.flags)
    platform = Platform(rawValue: step.platform) ?? .hotline
    channel = Channel(rawValue: step.channel) ?? .phone
    county = step.county
    receivedAt = step.received_ms
    party = Parties(rawValue: step.party)
    firstPlatform = Platform(rawValue: step.first_platform) ?? .hotline
    firstContactAt = step.first_contact_ms
  }
}

extension Moment {
  init(_ moment: weir_moment) {
    self.init(boot: moment.boot_ms, wall: moment.wall_ms)
  }

  fileprivate var core: weir_moment { weir_moment(boot_ms: boot, wall_ms: wall) }
}

extension Handover {
  /// The state as the core keeps it; numbers that no list knows become the safest member.
  init(_ state: weir_state) {
    self.init()
    revision = state.revision
    facts = FactSet(rawValue: state.facts)
    everFacts = FactSet(rawValue: state.ever_facts)
    flags = HandoverFlags(rawValue: state.flags)
    county = state.county
    platform = Platform(rawValue: state.platform) ?? .hotline
    channel = Channel(rawValue: state.channel) ?? .phone
    owner = Owner(rawValue: state.owner) ?? .unclear
    action = Action(rawValue: state.action) ?? .dispatchFirst
    phase = Phase(rawValue: state.phase) ?? .late
    voice = VoiceLeg(rawValue: state.voice) ?? .due
    cause = TransferCause(rawValue: state.cause) ?? .other
    data = DataLeg(rawValue: state.data) ?? .queued
    report = ReportLeg(rawValue: state.report) ?? .raised
    reportKind = ReportKind(rawValue: state.report_kind) ?? .late
    lane = Lane(rawValue: state.lane) ?? .danger
    deadlineKind = DeadlineKind(rawValue: state.deadline_kind) ?? .reminder
    deadline = Moment(state.deadline)
    minute = Moment(state.minute)
    receivedAt = state.received_ms
    arrivedAt = state.arrived_ms
    decidedAt = state.decided_ms
    startedAt = state.started_ms
    answeredAt = state.answered_ms
    toldAt = state.told_ms
    lateAt = state.late_ms
    reportedAt = state.reported_ms
    decisionText = state.decision_text
    dialText = state.dial_text
    sayText = state.say_text
    reportNumber = state.report_number
    ground = Ground(rawValue: state.ground) ?? .none
    parties = Parties(rawValue: state.parties)
    firstPlatform = Platform(rawValue: state.first_platform) ?? platform
    firstContactAt = state.first_contact_ms
    settledAt = state.settled_ms
  }

  /// Writes everything but what the core itself gives out or keeps: number and crossing number,
  /// what a matter follows, the caller's hash, and receipts.
  func write(to state: inout weir_state) {
    state.revision = revision
    state.facts = facts.rawValue
    state.ever_facts = everFacts.rawValue
    state.flags = flags.rawValue
    state.county = county
    state.platform = platform.rawValue
    state.channel = channel.rawValue
    state.owner = owner.rawValue
    state.action = action.rawValue
    state.phase = phase.rawValue
    state.voice = voice.rawValue
    state.cause = cause.rawValue
    state.data = data.rawValue
    state.report = report.rawValue
    state.report_kind = reportKind.rawValue
    state.lane = lane.rawValue
    state.deadline_kind = deadlineKind.rawValue
    state.deadline = deadline.core
    state.minute = minute.core
    state.received_ms = receivedAt
    state.arrived_ms = arrivedAt
    state.decided_ms = decidedAt
    state.started_ms = startedAt
    state.answered_ms = answeredAt
    state.told_ms = toldAt
    state.late_ms = lateAt
    state.reported_ms = reportedAt
    state.decision_text = decisionText
    state.dial_text = dialText
    state.say_text = sayText
    state.report_number = reportNumber
    state.ground = ground.rawValue
    state.parties = parties.rawValue
    state.first_platform = firstPlatform.rawValue
    state.first_contact_ms = firstContactAt
    state.settled_ms = settledAt
  }
}
