import WeirHandover
import WeirModel

/// A handover under test: it keeps the state, the clock and the last outcome, and asks a small
/// policy that follows the notice's order.
struct Desk {
  var role: UnitRole = .outer
  var timing = Timing()
  var now = Moment(boot: 5_000_000, wall: 1_795_400_000_000)
  var state: Handover?
  var say: Sentence = .none
  var effects: Effects = []
  var refusal: Refusal?
  var platform: Platform = .hotline
  var channel: Channel = .phone

  init(
    _ facts: [Fact], _ platform: Platform = .hotline, _ channel: Channel = .phone,
    role: UnitRole = .outer, ageMs: Int64 = 0, timing: Timing = Timing(),
    flags: Happening.Flags = [.seat]
  ) {
    self.role = role
    self.platform = platform
    self.channel = channel
    self.timing = timing
    var intake = Happening(kind: .intake, now: now)
    intake.facts = FactSet(facts)
    intake.platform = platform
    intake.channel = channel
    intake.flags = flags
    intake.receivedAt = ageMs == 0 ? 0 : now.wall - ageMs
    take(intake)
  }

  /// The state; an empty one when the intake was refused.
  var it: Handover { state ?? Handover() }

  mutating func take(_ happening: Happening) {
    let facts = Machine.factsAfter(state, happening)
    let county = happening.county != 0 ? happening.county : it.county
    var decision = judge(facts, platform, channel, role, county: county)
    if Machine.mustGuard(decision, happening) {
      decision = judge(FactSet(.responsibilityUnclear), platform, channel, role)
      decision.guarded = true
    }
    let outcome = Machine.step(state, happening, decision: decision, timing: timing, role: role)
    switch outcome {
    case .changed(let after, let say, let effects):
      self.state = after
      self.say = say
      self.effects = effects
      refusal = nil
    case .refused(let refusal):
      self.refusal = refusal
    }
  }

  mutating func wait(_ milliseconds: Int64) { now = now.advanced(by: milliseconds) }

  mutating func on(
    _ event: EventKind, facts: [Fact] = [], flags: Happening.Flags = [],
    cause: TransferCause = .none, owner: Platform? = nil, party: Parties = []
  ) {
    var happening = Happening(kind: .event, now: now)
    happening.event = event
    happening.facts = FactSet(facts)
    happening.flags = flags
    happening.cause = cause
    happening.agreedOwner = owner
    happening.party = party
    take(happening)
  }

  mutating func update(_ facts: [Fact], flags: Happening.Flags = [], county: UInt32 = 0) {
    var happening = Happening(kind: .update, now: now)
    happening.facts = FactSet(facts)
    happening.flags = flags
    happening.county = county
    take(happening)
  }

  /// Moves the clock to the armed deadline and fires it.
  mutating func fire(lateBy milliseconds: Int64 = 0, flags: Happening.Flags = []) {
    now = it.deadline.advanced(by: milliseconds)
    var happening = Happening(kind: .deadline, now: now)
    happening.flags = flags
    take(happening)
  }
}

let boss: Happening.Flags = [.bySupervisor, .reason]

/// A county with a 110 number of its own, and one whose requests are 110's by a rule of the county.
let ownDesk: UInt32 = 513_322
let ownRule: UInt32 = 513_323

/// The notice's order in a few lines, enough to drive the machine.
func judge(
  _ ticked: FactSet, _ platform: Platform, _ channel: Channel, _ role: UnitRole, county: UInt32 = 0
) -> Decision {
  let isOwn = county == ownRule && ticked.has(.nonUrgentRequest)
  let facts = isOwn ? ticked.union(FactSet(.otherUnlawful)) : ticked
  let danger = facts.isDanger
  let urgentHelp = FactSet([.missingPerson, .otherUrgentPolice])
  let emergency = danger || !facts.isDisjoint(with: urgentHelp)
  var (owner, action) = place(facts, platform, channel, role)
  if danger && owner != .police && !facts.has(.medicalOnly) {
    (owner, action) = (.unclear, .dispatchFirst)
  }
  let phoned = action == .transferByPhone
  let polices = owner == .police || action == .dispatchFirst
  let guidance = action == .explainAndGuide && emergency
  let police: UInt16 = county == ownDesk ? 1_322 : 110
  var decision = Decision(
    owner: owner, action: action, emergency: emergency || action == .dispatchFirst,
    supervision: facts.has(.policeMisconduct),
    voiceDue: guidance
      || role == .outer && (phoned || polices && emergency || action == .dispatchFirst),
    crosses: role == .outer && polices,
    lane: polices && emergency ? .danger : channel == .phone ? .phone : .internet, rule: 0,
    decisionText: 100 + UInt16(action.rawValue), sayText: 0,
    dialText: guidance ? 120 : polices ? police : 0)
  decision.policeDialText = police
  return decision
}

private func place(_ facts: FactSet, _ platform: Platform, _ channel: Channel, _ role: UnitRole)
  -> (Owner, Action)
{
  let talk: Action = channel == .phone ? .threeWayCall : .talk
  let police: (Owner, Action) =
    platform == .police
    ? (.police, .acceptHere)
    : (.police, channel == .phone ? .transferByPhone : .transferOnline)
  if facts.has(.responsibilityUnclear) {
    let acts = facts.isDanger || !facts.isDisjoint(with: [.init(.missingPerson), .init(.fire)])
    return (.unclear, acts ? .dispatchFirst : talk)
  }
  if !facts.isDisjoint(with: .policeMatters) { return police }
  if !facts.isDisjoint(with: FactSet([.missingPerson, .otherUrgentPolice])) { return police }
  let hazard = !facts.isDisjoint(with: FactSet([.utilityHazard, .naturalDisaster]))
  if hazard && facts.isDanger { return police }
  if facts.has(.dangerToLife) && !facts.has(.medicalOnly) { return police }
  if facts.has(.policeMisconduct) { return police }
  let refused = FactSet([
    .legalOrPetitionProcess, .secretOrPrivacy, .medicalOnly, .military, .harassmentOrNoSubstance,
    .illegalDemand, .otherExcluded,
  ])
  if !facts.isDisjoint(with: refused) { return (.neither, .explainAndGuide) }
  let ordinary = FactSet([
    .nonUrgentRequest, .nationalPlatformReferral, .sichuanChongqingReferral,
    .pastPoliceMisconduct,
  ])
  if hazard || !facts.isDisjoint(with: ordinary) {
    if platform == .hotline { return (.hotline, .acceptHere) }
    return (.hotline, channel == .internet && role == .outer ? .transferOnline : .adviseRedial12345)
  }
  if facts.has(.scopeUnclear) && platform == .hotline { return (.unclear, .verifyWithDepartment) }
  return (.unclear, talk)
}
