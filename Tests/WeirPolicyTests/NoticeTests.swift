import Testing
import WeirModel
import WeirPolicy

/// One item of the notice: what is ticked, and what it comes to on
/// 12345 phone, 12345 internet, 110 phone, 110 internet.
struct Item: Sendable, CustomTestStringConvertible {
  let clause: String
  let rule: String
  let facts: [Fact]
  let actions: [Action]
  let owner: Owner
  let emergency: Bool

  var testDescription: String { "\(clause) \(facts)" }

  init(
    _ clause: String, _ rule: String, _ facts: [Fact], _ owner: Owner, _ actions: [Action],
    emergency: Bool = false
  ) {
    self.clause = clause
    self.rule = rule
    self.facts = facts
    self.owner = owner
    self.actions = actions
    self.emergency = emergency
  }
}

@Suite("Every item of the notice")
struct NoticeTests {
  static let police: [Action] = [.transferByPhone, .transferOnline, .acceptHere, .acceptHere]
  static let hotline: [Action] = [.acceptHere, .acceptHere, .adviseRedial12345, .transferOnline]
  static let neither: [Action] = Array(repeating: .explainAndGuide, count: 4)
  static let unclear: [Action] = [.threeWayCall, .talk, .threeWayCall, .talk]
  static let verify: [Action] = [
    .verifyWithDepartment, .verifyWithDepartment, .threeWayCall, .talk,
  ]
  static let dispatch: [Action] = Array(repeating: .dispatchFirst, count: 4)

  static let items = [
    Item("一(一)", "police.crime", [.crime], .police, police),
    Item("一(二)", "police.order", [.publicOrder], .police, police),
    Item("一(三)", "police.mass", [.massIncident], .police, police),
    Item("一(四)", "police.fire", [.fire], .police, police),
    Item("一(五)", "police.traffic", [.traffic], .police, police),
    Item("一(六)", "police.other", [.otherUnlawful], .police, police),
    Item("二(一)", "help.missing", [.missingPerson], .police, police, emergency: true),
    Item("二(二)", "help.life", [.dangerToLife], .police, police, emergency: true),
    Item(
      "二(三)", "help.utility", [.utilityHazard, .dangerToPublic], .police, police,
      emergency: true),
    Item(
      "二(四)", "help.disaster", [.naturalDisaster, .dangerToProperty], .police, police,
      emergency: true),
    Item("二(五)", "help.other", [.otherUrgentPolice], .police, police, emergency: true),
    Item("三", "complaint.police", [.policeMisconduct], .police, police),
    Item("四(一)1", "accept.request", [.nonUrgentRequest], .hotline, hotline),
    Item("四(一)1", "accept.utility", [.utilityHazard], .hotline, hotline),
    Item("四(一)1", "accept.nature", [.naturalDisaster], .hotline, hotline),
    Item("四(一)1", "accept.pastPolice", [.pastPoliceMisconduct], .hotline, hotline),
    Item("四(一)2", "accept.national", [.nationalPlatformReferral], .hotline, hotline),
    Item("四(一)3", "accept.linked", [.sichuanChongqingReferral], .hotline, hotline),
    Item("四(二)1", "refuse.process", [.legalOrPetitionProcess], .neither, neither),
    Item("四(二)2", "refuse.secret", [.secretOrPrivacy], .neither, neither),
    Item("四(二)3", "refuse.medical", [.medicalOnly], .neither, neither),
    Item(
      "四(二)3", "help.patient", [.medicalOnly, .dangerToLife], .neither, neither,
      emergency: true),
    Item("四(二)4", "refuse.military", [.military], .neither, neither),
    Item("四(二)5", "refuse.harassment", [.harassmentOrNoSubstance], .neither, neither),
    Item("四(二)6", "refuse.illegal", [.illegalDemand], .neither, neither),
    Item("四(二)7", "refuse.other", [.otherExcluded], .neither, neither),
    Item("四", "verify.scope", [.scopeUnclear], .unclear, verify),
    Item("五", "unclear.duty", [.responsibilityUnclear], .unclear, unclear),
    Item(
      "五", "unclear.urgent", [.responsibilityUnclear, .escalated], .unclear, dispatch,
      emergency: true),
    Item(
      "五", "unclear.urgent", [.responsibilityUnclear, .fire], .unclear, dispatch,
      emergency: true),
    Item(
      "五", "unclear.urgent", [.responsibilityUnclear, .missingPerson], .unclear, dispatch,
      emergency: true),
    Item(
      "五", "danger.first", [.nonUrgentRequest, .dangerToProperty], .unclear, dispatch,
      emergency: true),
    Item(
      "五", "danger.first", [.military, .dangerToPublic], .unclear, dispatch, emergency: true),
    Item(
      "五", "danger.first", [.scopeUnclear, .socialStability], .unclear, dispatch,
      emergency: true),
    Item("五", "danger.first", [.dangerToPublic], .unclear, dispatch, emergency: true),
    Item("五", "unclear.nothing", [], .unclear, unclear),
  ]

  @Test("is decided with its owner, clause and rule on every way in", arguments: items)
  func item(_ item: Item) throws {
    let policy = Policy.embedded
    let ways: [(Platform, Channel)] = [
      (.hotline, .phone), (.hotline, .internet), (.police, .phone), (.police, .internet),
    ]
    for (way, action) in zip(ways, item.actions) {
      let decision = policy.decide(
        FactSet(item.facts), platform: way.0, channel: way.1, role: .outer)
      #expect(decision.owner == item.owner)
      #expect(decision.action == action)
      #expect(decision.emergency == item.emergency)
      #expect(policy.rules[Int(decision.rule)].clause == item.clause)
      #expect(policy.rules[Int(decision.rule)].id == item.rule)
    }
  }

  @Test("of the sections 一 to 五 stands in the policy with its source")
  func clauses() {
    let wanted = [
      "一", "一(一)", "一(二)", "一(三)", "一(四)", "一(五)", "一(六)", "二", "二(一)", "二(二)",
      "二(三)", "二(四)", "二(五)", "三", "四", "四(一)", "四(一)1", "四(一)2", "四(一)3", "四(二)",
      "四(二)1", "四(二)2", "四(二)3", "四(二)4", "四(二)5", "四(二)6", "四(二)7", "五", "五(一)",
      "五(二)",
    ]
    #expect(Policy.embedded.clauses.map(\.name) == wanted)
    for clause in Policy.embedded.clauses {
      #expect(clause.source.hasPrefix("甘办〔2022〕38号 \(clause.name)"))
      #expect(clause.source.contains("川办函〔2022〕16号 第九条") == clause.name.hasPrefix("四(一)"))
      #expect(clause.source.contains("川办函〔2022〕16号 第十条") == clause.name.hasPrefix("四(二)"))
    }
  }

  @Test("belongs to the document and version that every decision names")
  func heading() {
    let policy = Policy.embedded
    #expect(policy.version == "garze-2022-38/1")
    #expect(policy.document.number == "甘办〔2022〕38号")
    #expect(policy.document.validFrom == "2022-06-07")
    #expect(policy.timing == Timing())
    #expect(policy.timing.preAlarmsMs == (30_000, 45_000))
    #expect(policy.timing.startsAt == .received)
  }

  @Test("a complaint about police is marked for supervision whatever clause wins")
  func supervision() {
    for fact in Fact.allCases {
      let facts = FactSet([fact, .policeMisconduct])
      let with = Policy.embedded.decide(facts, Way.all[0])
      #expect(with.supervision)
      #expect(Policy.embedded.text(with.decisionText).contains(#","supervision":true"#))
      guard fact != .policeMisconduct else { continue }
      #expect(!Policy.embedded.decide(FactSet(fact), Way.all[0]).supervision)
    }
  }
}
