import Testing
import WeirModel
import WeirPolicy

/// A worked case: how it came in, what was ticked, and what the notice makes of it.
struct Case: Sendable, CustomTestStringConvertible {
  let id: String
  let platform: Platform
  let channel: Channel
  let facts: [Fact]
  let owner: Owner
  let clause: String
  let action: Action
  let emergency: Bool

  var testDescription: String { id }

  init(
    _ id: String, _ platform: Platform, _ channel: Channel, _ facts: [Fact], _ owner: Owner,
    _ clause: String, _ action: Action, _ emergency: Bool
  ) {
    self.id = id
    self.platform = platform
    self.channel = channel
    self.facts = facts
    self.owner = owner
    self.clause = clause
    self.action = action
    self.emergency = emergency
  }
}

@Suite("Worked cases")
struct SampleTests {
  static let cases = [
    Case("c004", .police, .phone, [.crime, .dangerToProperty], .police, "一(一)", .acceptHere, true),
    Case("c008", .police, .phone, [.crime], .police, "一(一)", .acceptHere, false),
    Case(
      "c020", .police, .phone, [.publicOrder, .dangerToLife], .police, "一(二)", .acceptHere, true),
    Case(
      "c023", .hotline, .phone, [.publicOrder, .dangerToLife], .police, "一(二)", .transferByPhone,
      true),
    Case(
      "c032", .police, .phone, [.massIncident, .dangerToPublic, .dangerToLife], .police, "一(三)",
      .acceptHere, true),
    Case(
      "c035", .hotline, .phone, [.massIncident, .dangerToPublic], .police, "一(三)", .transferByPhone,
      true),
    Case(
      "c044", .police, .phone, [.fire, .dangerToLife, .dangerToProperty], .police, "一(四)",
      .acceptHere, true),
    Case(
      "c048", .hotline, .internet, [.fire, .dangerToLife, .dangerToProperty], .police, "一(四)",
      .transferOnline, true),
    Case("c056", .police, .phone, [.traffic, .dangerToLife], .police, "一(五)", .acceptHere, true),
    Case("c066", .hotline, .internet, [.traffic], .police, "一(五)", .transferOnline, false),
    Case(
      "c069", .hotline, .phone, [.otherUnlawful, .dangerToPublic], .police, "一(六)",
      .transferByPhone, true),
    Case("c075", .hotline, .internet, [.otherUnlawful], .police, "一(六)", .transferOnline, false),
    Case(
      "c081", .hotline, .phone, [.missingPerson, .dangerToLife], .police, "二(一)", .transferByPhone,
      true),
    Case("c086", .police, .internet, [.missingPerson], .police, "二(一)", .acceptHere, true),
    Case("c100", .police, .phone, [.dangerToLife], .police, "二(二)", .acceptHere, true),
    Case(
      "c109", .hotline, .internet, [.utilityHazard, .dangerToPublic], .police, "二(三)",
      .transferOnline, true),
    Case(
      "c118", .hotline, .internet, [.utilityHazard, .dangerToPublic], .police, "二(三)",
      .transferOnline, true),
    Case(
      "c124", .police, .phone, [.naturalDisaster, .dangerToLife], .police, "二(四)", .acceptHere, true
    ),
    Case(
      "c134", .hotline, .phone, [.naturalDisaster, .dangerToLife], .police, "二(四)",
      .transferByPhone, true),
    Case("c135", .hotline, .phone, [.dangerToLife], .police, "二(二)", .transferByPhone, true),
    Case(
      "c138", .police, .phone, [.otherUrgentPolice, .dangerToPublic], .police, "二(五)", .acceptHere,
      true),
    Case("c139", .hotline, .internet, [.otherUrgentPolice], .police, "二(五)", .transferOnline, true),
    Case("c146", .hotline, .phone, [.policeMisconduct], .police, "三", .transferByPhone, false),
    Case("c153", .police, .phone, [.policeMisconduct], .police, "三", .acceptHere, false),
    Case("c169", .hotline, .phone, [.nonUrgentRequest], .hotline, "四(一)1", .acceptHere, false),
    Case("c190", .hotline, .internet, [.nonUrgentRequest], .hotline, "四(一)1", .acceptHere, false),
    Case("c196", .hotline, .internet, [.nonUrgentRequest], .hotline, "四(一)1", .acceptHere, false),
    Case(
      "c235", .police, .phone, [.nonUrgentRequest], .hotline, "四(一)1", .adviseRedial12345, false),
    Case("c237", .hotline, .internet, [.nonUrgentRequest], .hotline, "四(一)1", .acceptHere, false),
    Case(
      "c238", .police, .internet, [.nonUrgentRequest], .hotline, "四(一)1", .transferOnline, false),
    Case(
      "c248", .police, .internet, [.nonUrgentRequest], .hotline, "四(一)1", .transferOnline, false),
    Case(
      "c249", .police, .phone, [.nonUrgentRequest], .hotline, "四(一)1", .adviseRedial12345, false),
    Case(
      "c268", .hotline, .internet, [.nationalPlatformReferral], .hotline, "四(一)2", .acceptHere,
      false),
    Case(
      "c269", .hotline, .internet, [.nationalPlatformReferral], .hotline, "四(一)2", .acceptHere,
      false),
    Case(
      "c275", .hotline, .internet, [.sichuanChongqingReferral], .hotline, "四(一)3", .acceptHere,
      false),
    Case(
      "c278", .hotline, .phone, [.sichuanChongqingReferral], .hotline, "四(一)3", .acceptHere, false),
    Case(
      "c286", .hotline, .internet, [.legalOrPetitionProcess], .neither, "四(二)1", .explainAndGuide,
      false),
    Case(
      "c296", .police, .internet, [.legalOrPetitionProcess], .neither, "四(二)1", .explainAndGuide,
      false),
    Case("c303", .hotline, .phone, [.secretOrPrivacy], .neither, "四(二)2", .explainAndGuide, false),
    Case(
      "c306", .hotline, .internet, [.secretOrPrivacy], .neither, "四(二)2", .explainAndGuide, false),
    Case(
      "c315", .police, .phone, [.medicalOnly, .dangerToLife], .neither, "四(二)3", .explainAndGuide,
      true),
    Case(
      "c320", .hotline, .phone, [.medicalOnly, .dangerToLife], .neither, "四(二)3", .explainAndGuide,
      true),
    Case("c325", .hotline, .internet, [.military], .neither, "四(二)4", .explainAndGuide, false),
    Case("c329", .police, .phone, [.military], .neither, "四(二)4", .explainAndGuide, false),
    Case(
      "c336", .police, .phone, [.harassmentOrNoSubstance], .neither, "四(二)5", .explainAndGuide,
      false),
    Case(
      "c340", .hotline, .phone, [.harassmentOrNoSubstance], .neither, "四(二)5", .explainAndGuide,
      false),
    Case("c344", .hotline, .phone, [.illegalDemand], .neither, "四(二)6", .explainAndGuide, false),
    Case("c350", .hotline, .phone, [.illegalDemand], .neither, "四(二)6", .explainAndGuide, false),
    Case("c357", .hotline, .phone, [.otherExcluded], .neither, "四(二)7", .explainAndGuide, false),
    Case("c358", .hotline, .internet, [.otherExcluded], .neither, "四(二)7", .explainAndGuide, false),
    Case("c363", .hotline, .phone, [.responsibilityUnclear], .unclear, "五", .threeWayCall, false),
    Case("c367", .police, .phone, [.responsibilityUnclear], .unclear, "五", .threeWayCall, false),
    Case("c370", .hotline, .phone, [.responsibilityUnclear], .unclear, "五", .threeWayCall, false),
    Case("c376", .police, .phone, [.responsibilityUnclear], .unclear, "五", .threeWayCall, false),
    Case(
      "c382", .hotline, .internet, [.responsibilityUnclear, .dangerToPublic], .unclear, "五",
      .dispatchFirst, true),
    Case(
      "c386", .police, .internet, [.responsibilityUnclear, .dangerToLife], .unclear, "五",
      .dispatchFirst, true),
  ]

  @Test("come out as they were worked", arguments: cases)
  func sample(_ sample: Case) {
    let policy = Policy.embedded
    let decision = policy.decide(
      FactSet(sample.facts), platform: sample.platform, channel: sample.channel, role: .outer)
    #expect(decision.owner == sample.owner)
    #expect(policy.rules[Int(decision.rule)].clause == sample.clause)
    #expect(decision.action == sample.action)
    #expect(decision.emergency == sample.emergency)
  }
}
