import WeirModel
import WeirPolicy

/// What the notice wants for one set of facts, worked out step by step from its text and sharing
/// nothing with the policy file or its tables.
struct Verdict: Equatable {
  var owner: Owner
  var clause: String
  var action: Action
  var emergency: Bool
  var supervision: Bool
  var voiceDue: Bool
  var crosses: Bool
  var lane: Lane
  var dial: String

  /// What a policy decides, in the same form.
  init(_ decision: Decision, _ policy: Policy) {
    owner = decision.owner
    clause = policy.rules[Int(decision.rule)].clause
    action = decision.action
    emergency = decision.emergency
    supervision = decision.supervision
    voiceDue = decision.voiceDue
    crosses = decision.crosses
    lane = decision.lane
    dial = policy.texts[Int(decision.dialText)]
  }

  /// What the notice wants.
  init(_ facts: FactSet, _ platform: Platform, _ channel: Channel, _ role: UnitRole) {
    let danger =
      facts.has(.dangerToLife) || facts.has(.dangerToProperty) || facts.has(.dangerToPublic)
      || facts.has(.socialStability) || facts.has(.escalated)
    let urgent = danger || facts.has(.missingPerson) || facts.has(.otherUrgentPolice)
    var isVerification = false
    emergency = urgent
    (owner, clause) = Verdict.ownerAndClause(facts, danger: danger)
    if owner == .unclear, clause == "四" { isVerification = true }
    var dispatches = false
    if facts.has(.responsibilityUnclear) {
      dispatches = urgent || facts.has(.fire)
      emergency = dispatches
    } else if danger, owner != .police, !(owner == .neither && clause == "四(二)3") {
      (owner, clause) = (.unclear, "五")
      dispatches = true
    }
    supervision = facts.has(.policeMisconduct)
    action = .dispatchFirst
    if !dispatches {
      action = Verdict.action(owner, platform, channel, role, verification: isVerification)
    }
    let policeActs = owner == .police || dispatches
    let isOuterIntake = role == .outer && !(platform == .police && channel == .phone)
    voiceDue =
      (policeActs && emergency && isOuterIntake) || action == .transferByPhone
      || (action == .explainAndGuide && emergency)
    crosses = policeActs && role == .outer
    lane = emergency ? .danger : channel == .phone ? .phone : .internet
    dial = ""
    if policeActs { dial = "08362812110" }
    if action == .adviseRedial12345 { dial = "12345" }
    if owner == .neither { dial = Verdict.guide[clause] ?? "" }
  }

  /// Whose number people are guided to, by item of 四(二).
  private static let guide = [
    "四(二)1": "12348", "四(二)3": "120", "四(二)5": "12345", "四(二)6": "12348",
  ]

  /// The order of the notice, before danger takes anything over.
  private static func ownerAndClause(_ facts: FactSet, danger: Bool) -> (Owner, String) {
    if facts.has(.responsibilityUnclear) { return (.unclear, "五") }
    if facts.has(.crime) { return (.police, "一(一)") }
    if facts.has(.publicOrder) { return (.police, "一(二)") }
    if facts.has(.massIncident) { return (.police, "一(三)") }
    if facts.has(.fire) { return (.police, "一(四)") }
    if facts.has(.traffic) { return (.police, "一(五)") }
    if facts.has(.otherUnlawful) { return (.police, "一(六)") }
    if facts.has(.missingPerson) { return (.police, "二(一)") }
    if facts.has(.utilityHazard), danger { return (.police, "二(三)") }
    if facts.has(.naturalDisaster), danger { return (.police, "二(四)") }
    if facts.has(.otherUrgentPolice) { return (.police, "二(五)") }
    if facts.has(.dangerToLife) {
      return facts.has(.medicalOnly) ? (.neither, "四(二)3") : (.police, "二(二)")
    }
    if facts.has(.policeMisconduct) { return (.police, "三") }
    if facts.has(.legalOrPetitionProcess) { return (.neither, "四(二)1") }
    if facts.has(.secretOrPrivacy) { return (.neither, "四(二)2") }
    if facts.has(.medicalOnly) { return (.neither, "四(二)3") }
    if facts.has(.military) { return (.neither, "四(二)4") }
    if facts.has(.harassmentOrNoSubstance) { return (.neither, "四(二)5") }
    if facts.has(.illegalDemand) { return (.neither, "四(二)6") }
    if facts.has(.otherExcluded) { return (.neither, "四(二)7") }
    if facts.has(.nationalPlatformReferral) { return (.hotline, "四(一)2") }
    if facts.has(.sichuanChongqingReferral) { return (.hotline, "四(一)3") }
    if facts.has(.nonUrgentRequest) || facts.has(.utilityHazard) || facts.has(.naturalDisaster)
      || facts.has(.pastPoliceMisconduct)
    {
      return (.hotline, "四(一)1")
    }
    if facts.has(.scopeUnclear) { return (.unclear, "四") }
    return (.unclear, "五")
  }

  /// The action where nothing has to be dispatched first.
  private static func action(
    _ owner: Owner, _ platform: Platform, _ channel: Channel, _ role: UnitRole, verification: Bool
  ) -> Action {
    switch (owner, platform, channel) {
    case (.police, .hotline, .phone): .transferByPhone
    case (.police, .hotline, .internet): .transferOnline
    case (.police, .police, _): .acceptHere
    case (.hotline, .hotline, _): .acceptHere
    case (.hotline, .police, .phone): .adviseRedial12345
    case (.hotline, .police, .internet): role == .inner ? .adviseRedial12345 : .transferOnline
    case (.neither, _, _): .explainAndGuide
    case (.unclear, .hotline, _) where verification: .verifyWithDepartment
    case (.unclear, _, .phone): .threeWayCall
    case (.unclear, _, .internet): .talk
    }
  }
}

/// Every way in on a kind of unit.
struct Way: Sendable {
  let platform: Platform
  let channel: Channel
  let role: UnitRole

  static let all = Platform.allCases.flatMap { platform in
    Channel.allCases.flatMap { channel in
      [UnitRole.outer, .inner].map { Way(platform: platform, channel: channel, role: $0) }
    }
  }
}

extension Policy {
  /// The decision for a way in.
  func decide(_ facts: FactSet, _ way: Way, county: UInt32 = 0) -> Decision {
    decide(
      facts, platform: way.platform, channel: way.channel, role: way.role, county: county)
  }

  /// The text of an index.
  func text(_ index: UInt16) -> String { texts[Int(index)] }
}
