import Foundation
import Testing
import WeirModel

@testable import WeirPolicy

@Suite("What a policy says")
struct SpeechTests {
  static let policy = Policy.embedded

  private func lines(_ index: UInt16, of policy: Policy = policy) throws -> [String] {
    let text = policy.text(index)
    guard !text.isEmpty else { return [] }
    return try JSONDecoder().decode([String].self, from: Data(text.utf8))
  }

  private func dial(_ digits: String, of policy: Policy = policy) throws -> UInt16 {
    UInt16(try #require(policy.texts.firstIndex(of: digits)))
  }

  @Test("the decision object has its keys in their order, byte for byte")
  func decisionObject() {
    let life = Self.policy.decide(FactSet(.dangerToLife), Way.all[0])
    let head = #"{"owner":"110","action":"transferByPhone","clause":"二(二)","rule":"help.life","#
    #expect(
      Self.policy.text(life.decisionText)
        == head + #""emergency":true,"policy":"garze-2022-38/1"}"#)
    let patient = Self.policy.decide(
      FactSet([.dangerToLife, .medicalOnly, .policeMisconduct]), Way.all[0])
    #expect(
      Self.policy.text(patient.decisionText)
        == #"{"owner":"neither","action":"explainAndGuide","clause":"四(二)3","#
        + #""rule":"help.patient","emergency":true,"policy":"garze-2022-38/1","#
        + #""supervision":true,"guide":{"body":"120医疗急救","number":"120"}}"#)
    let army = Self.policy.decide(FactSet(.military), Way.all[0])
    #expect(
      Self.policy.text(army.decisionText).hasSuffix(#""guide":{"body":"有关部队或者当地人民武装部"}}"#))
  }

  @Test("every text is a JSON object, a JSON array of sentences, or plain digits")
  func textsAreWellFormed() throws {
    #expect(Self.policy.texts[0].isEmpty)
    for text in Self.policy.texts.dropFirst() {
      if text.first == "{" {
        _ = try JSONSerialization.jsonObject(with: Data(text.utf8))
      } else if text.first == "[" {
        let lines = try JSONDecoder().decode([String].self, from: Data(text.utf8))
        #expect(!lines.isEmpty)
        #expect(!lines.joined().contains { "{}".contains($0) })
      } else {
        #expect(text.allSatisfy { "0123456789".contains($0) })
      }
    }
  }

  @Test("a refusal orders the transfer by hand, with 110's number")
  func refusal() throws {
    let say = Self.policy.sayText(.refused, dial: Self.policy.dialDefault, drill: false)
    #expect(try lines(say) == ["系统未受理,请立即人工转接110:0836-281-2110"])
    #expect(Self.policy.text(Self.policy.dialDefault) == "08362812110")
    #expect(Self.policy.sayText(.refused, dial: 0, drill: false) == say)
  }

  @Test("a failed transfer tells the caller to dial 110, a patient's to dial 120")
  func failedTransfer() throws {
    let police = Self.policy.sayText(
      .transferFailed, dial: Self.policy.dialDefault, drill: false)
    #expect(try lines(police).first == "目前无法转接,请您立即自行拨打110")
    let ambulance = Self.policy.sayText(.transferFailed, dial: try dial("120"), drill: false)
    #expect(try lines(ambulance).first == "目前无法转接,请您立即自行拨打120")
  }

  @Test("every sentence has words, with and without a number, in drills too")
  func sentences() throws {
    for sentence in Sentence.allCases {
      for dial in 0...Self.policy.dialDefault {
        let isSilent = sentence == .none || sentence == .decision
        let say = Self.policy.sayText(sentence, dial: dial, drill: false)
        #expect((say == 0) == isSilent)
        let drill = Self.policy.sayText(sentence, dial: dial, drill: true)
        #expect((drill == 0) == isSilent)
        for line in try lines(drill) {
          #expect(line.hasPrefix("【演练】"))
          #expect(!line.contains("0836"))
        }
      }
    }
  }

  @Test("an index that is no number is taken for none")
  func strangeDial() {
    let none = Self.policy.sayText(.late, dial: 0, drill: false)
    #expect(Self.policy.sayText(.late, dial: .max, drill: false) == none)
    #expect(Self.policy.drillText(.max) == .max)
  }

  @Test("a line that needs a number is left out where there is none")
  func withoutNumber() throws {
    let with = try lines(
      Self.policy.sayText(.reminder, dial: Self.policy.dialDefault, drill: false))
    let without = try lines(Self.policy.sayText(.reminder, dial: 0, drill: false))
    #expect(with == without + ["联系110报警平台:0836-281-2110"])
  }

  @Test("a drill says 【演练】 and dials the drill number, whatever was decided")
  func drills() throws {
    for way in Way.all {
      for first in Fact.allCases {
        for second in Fact.allCases {
          let decision = Self.policy.decide(FactSet([first, second]), way)
          let drill = Self.policy.drilled(decision)
          #expect((drill.sayText == 0) == (decision.sayText == 0))
          for line in try lines(drill.sayText) {
            #expect(line.hasPrefix("【演练】"))
            #expect(!line.contains("0836"))
          }
          let number = Self.policy.text(drill.dialText)
          #expect(number == (decision.dialText == 0 ? "" : "00000000"))
          #expect(Self.policy.drilled(drill) == drill)
          #expect(drill.decisionText == decision.decisionText)
        }
      }
    }
  }

  @Test("119 stands beside fire, 122 beside traffic, 120 beside a patient, wherever 110 acts")
  func besides() throws {
    let rows: [(Fact, String)] = [(.fire, "119"), (.traffic, "122"), (.medicalOnly, "120")]
    for (fact, number) in rows {
      for other in [Fact.crime, .missingPerson, .massIncident] {
        let decision = Self.policy.decide(FactSet([fact, other]), Way.all[0])
        let said = try lines(decision.sayText).filter { $0.hasSuffix(":" + number) }
        #expect(said.count == 1, "\(fact) \(other)")
      }
      let all = Self.policy.decide(FactSet([.crime, .fire, .traffic, .medicalOnly]), Way.all[0])
      #expect(try lines(all.sayText).contains { $0.hasSuffix(":" + number) })
    }
    let fire = try lines(Self.policy.decide(FactSet(.fire), Way.all[0]).sayText)
    #expect(fire.contains("火情:同时通知119消防救援:119"))
    #expect(!fire.contains { $0.hasSuffix("122") })
  }

  @Test("the voice leg of an emergency that came by internet is ordered in words")
  func voice() throws {
    let online = Way(platform: .hotline, channel: .internet, role: .outer)
    let urgent = try lines(Self.policy.decide(FactSet(.missingPerson), online).sayText)
    #expect(urgent.contains { $0.contains("一分钟内") && $0.contains("0836-281-2110") })
    let plain = try lines(Self.policy.decide(FactSet(.crime), online).sayText)
    #expect(!plain.contains { $0.contains("一分钟内") })
    let patient = try lines(
      Self.policy.decide(FactSet([.medicalOnly, .dangerToLife]), online).sayText)
    #expect(patient.contains { $0.contains("一分钟内") && $0.contains("120医疗急救:120") })
  }

  @Test("every item that is not accepted names a body, and all bodies of its guide")
  func guides() throws {
    for rule in Self.policy.rules where rule.owner == .neither {
      #expect(!rule.guide.isEmpty)
      let said = try lines(Self.policy.decide(rule.all, Way.all[0]).sayText).joined()
      for body in rule.guide { #expect(said.contains(body)) }
    }
    let process = try lines(
      Self.policy.decide(FactSet(.legalOrPetitionProcess), Way.all[0]).sayText
    ).joined()
    for number in ["12348", "12368", "12333", "12388", "信访"] {
      #expect(process.contains(number))
    }
  }

  @Test("the eighteen counties are known, and share the default number")
  func counties() {
    #expect(Self.policy.name(ofCounty: 513301) == "康定市")
    #expect(Self.policy.name(ofCounty: 513338) == "得荣县")
    #expect(Self.policy.name(ofCounty: 513339) == nil)
    for code in [UInt32(513301)] + Array(513322...513338) {
      #expect(Self.policy.name(ofCounty: code) != nil)
      let here = Self.policy.decide(FactSet(.crime), Way.all[0], county: code)
      #expect(here == Self.policy.decide(FactSet(.crime), Way.all[0]))
    }
  }

  @Test("a county's own 110 number is dialled and said; unknown places take the default")
  func countyNumber() throws {
    let source = Policy.embeddedSource.replacing(
      "  hotline: { digits: \"12345\",",
      with:
        "  litang: { digits: \"08365322110\", spoken: 0836-532-2110, call: \"110\", zh: 理塘110 }\n"
        + "  hotline: { digits: \"12345\","
    ).replacing(
      "\"513334\": { zh: 理塘县, en: Litang, number: police }",
      with: "\"513334\": { zh: 理塘县, en: Litang, number: litang }")
    let policy = try Policy(yaml: source, file: "own.yaml")
    for (county, digits, spoken) in [
      (UInt32(513334), "08365322110", "0836-532-2110"), (513335, "08362812110", "0836-281-2110"),
      (0, "08362812110", "0836-281-2110"), (999999, "08362812110", "0836-281-2110"),
    ] {
      for facts in [FactSet([.crime, .fire]), FactSet([.nonUrgentRequest, .escalated])] {
        let decision = policy.decide(facts, Way.all[0], county: county)
        #expect(policy.text(decision.dialText) == digits)
        #expect(try lines(decision.sayText, of: policy).joined().contains(spoken))
        let drill = policy.drilled(decision)
        #expect(policy.text(drill.dialText) == "00000000")
        #expect(try !lines(drill.sayText, of: policy).joined().contains("0836"))
      }
      let patient = policy.decide(FactSet(.medicalOnly), Way.all[0], county: county)
      #expect(policy.text(patient.dialText) == "120")
    }
    let say = policy.sayText(.refused, dial: try dial("08365322110", of: policy), drill: false)
    #expect(try lines(say, of: policy) == ["系统未受理,请立即人工转接110:0836-532-2110"])
  }

  @Test("Tibetan words are said after the Chinese ones, in drills with their own mark")
  func tibetan() throws {
    let source = Policy.embeddedSource.replacing(
      "    zh: \"系统未受理,请立即人工转接{call}:{number}\"\n    bo: []",
      with: "    zh: \"系统未受理,请立即人工转接{call}:{number}\"\n    bo: [\"བོད་ {number}\"]"
    ).replacing("    zh: \"【演练】\"\n    bo: \"\"", with: "    zh: \"【演练】\"\n    bo: \"སྦྱོང་ \"")
    let policy = try Policy(yaml: source, file: "own.yaml")
    let real = policy.sayText(.refused, dial: policy.dialDefault, drill: false)
    #expect(
      try lines(real, of: policy) == ["系统未受理,请立即人工转接110:0836-281-2110", "བོད་ 0836-281-2110"])
    let drill = policy.sayText(.refused, dial: policy.dialDefault, drill: true)
    #expect(
      try lines(drill, of: policy) == ["【演练】系统未受理,请立即人工转接演练电话:演练电话", "སྦྱོང་ བོད་ 演练电话"])
  }

  @Test("the minute is said as `timing` has it")
  func time() throws {
    let source = Policy.embeddedSource.replacing("minuteMs: 60000", with: "minuteMs: 50000")
    let policy = try Policy(yaml: source, file: "own.yaml")
    let decision = policy.decide(FactSet(.crime), Way.all[0])
    #expect(try lines(decision.sayText, of: policy).first?.hasPrefix("请在50秒内人工转接110") == true)
    let embedded = Policy.embedded.decide(FactSet(.crime), Way.all[0])
    let said = try lines(embedded.sayText, of: .embedded)
    #expect(said.first?.hasPrefix("请在一分钟内人工转接110") == true)
  }

  @Test("quotes and backslashes of the file arrive unharmed", arguments: ["\"停\\走\"", "\"", "\\"])
  func escaping(_ marks: String) throws {
    let written = marks.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    let source = Policy.embeddedSource.replacing(
      "zh: \"危险标记已由值班负责人解除;", with: "zh: \"他说\(written);")
    let policy = try Policy(yaml: source, file: "own.yaml")
    let say = policy.sayText(.dangerCleared, dial: 0, drill: false)
    #expect(try lines(say, of: policy).first?.hasPrefix("他说\(marks);") == true)
  }
}

@Suite("Why a policy decided")
struct ExplanationTests {
  private func explain(_ facts: [Fact]) -> Explanation {
    Policy.embedded.explain(
      FactSet(facts), in: Circumstances(platform: .hotline, channel: .phone))
  }

  @Test("the winner is named with its source, and each rule before it with what it lacked")
  func winner() {
    let explanation = explain([.utilityHazard])
    #expect(explanation.rule.id == "accept.utility")
    #expect(explanation.overruled == nil)
    let hazard = explanation.tried.first { $0.rule == "help.utility" }
    #expect(
      hazard?.lacked == "lacks one of dangerToLife, dangerToProperty, dangerToPublic,"
        + " socialStability, escalated")
    #expect(hazard?.lackedChinese.hasPrefix("缺下列之一:危及人身安全、危及财产安全") == true)
    #expect(explanation.tried.first?.rule == "unclear.urgent")
    #expect(explanation.english.first?.contains("川办函〔2022〕16号 第九条") == true)
    #expect(explanation.chinese.first?.contains("由12345受理") == true)
    #expect(explanation.used.map(\.chinese) == ["水、电、油、气、热等公共设施问题"])
    #expect(explanation.unused.isEmpty)
    #expect(explanation.english.count == explanation.tried.count + 2)
  }

  @Test("where danger took over, the rule that would have won is named")
  func overruled() {
    let explanation = explain([.nonUrgentRequest, .escalated])
    #expect(explanation.rule.id == "danger.first")
    #expect(explanation.overruled?.id == "accept.request")
    #expect(explanation.tried.last?.rule == "accept.linked")
    #expect(explanation.used.map(\.chinese) == ["矛盾激化"])
    #expect(explanation.unused.map(\.chinese) == ["非紧急诉求"])
    #expect(explanation.chinese[3].hasPrefix("取代accept.request"))
    #expect(explanation.english[2].hasPrefix("not needed: "))
    #expect(explanation.english[3].hasPrefix("overrules accept.request, clause "))
    #expect(explain([.escalated]).overruled?.id == "unclear.nothing")
  }

  @Test("what was decided and what is explained agree for every pair of facts")
  func agreement() {
    for first in Fact.allCases {
      for second in Fact.allCases {
        let explanation = explain([first, second])
        let decision = Policy.embedded.decide(FactSet([first, second]), Way.all[0])
        #expect(explanation.decision == decision)
        #expect(explanation.rule == Policy.embedded.rules[Int(decision.rule)])
        #expect(explanation.tried.allSatisfy { !$0.lacked.isEmpty && !$0.lackedChinese.isEmpty })
        #expect((explanation.overruled != nil) == (explanation.rule.id == "danger.first"))
      }
    }
  }
}
