import Testing
import WeirPolicy

/// One mistake in the embedded policy, and every word that `weir policy check` says of it.
struct BrokenFile: Sendable, CustomTestStringConvertible {
  let name: String
  let old: String
  let new: String
  /// In English, then in Chinese, for each problem in the order of the file.
  let said: [String]

  var testDescription: String { name }
}

@Suite("What is said of a broken policy file, word by word")
struct BrokenFileTests {
  static let files: [BrokenFile] = [
    BrokenFile(
      name: "a tie",
      old: "priority: 120",
      new: "priority: 110",
      said: [
        "rules `unclear.urgent` and `unclear.duty` tie: both have priority 110",
        "规则“unclear.urgent”与“unclear.duty”优先级相同(110)",
      ]),
    BrokenFile(
      name: "an unreachable rule",
      old: """
        - id: police.order
            priority: 220
            all: [publicOrder]
        """,
      new: """
        - id: police.order
            priority: 220
            all: [publicOrder, crime]
        """,
      said: [
        "rule `police.order` is unreachable: `police.crime` always decides before it",
        "规则“police.order”不可达:“police.crime”总是先行决定",
      ]),
    BrokenFile(
      name: "a rule that danger always overrules",
      old: """
        - id: accept.request
            priority: 630
            all: [nonUrgentRequest]
        """,
      new: """
        - id: accept.request
            priority: 630
            all: [nonUrgentRequest, escalated]
        """,
      said: [
        "rule `accept.request` is unreachable: `danger.first` always decides before it",
        "规则“accept.request”不可达:“danger.first”总是先行决定",
      ]),
    BrokenFile(
      name: "an unknown fact",
      old: "all: [crime]",
      new: "all: [crimes]",
      said: [
        "unknown fact `crimes`; is it `crime`?",
        "未知的事实“crimes”;是否为“crime”?",
      ]),
    BrokenFile(
      name: "contradictory facts",
      old: """
        - id: police.crime
            priority: 210
            all: [crime]
        """,
      new: """
        - id: police.crime
            priority: 210
            all: [crime]
            none: [crime]
        """,
      said: [
        "rule `police.crime` can never match: it wants `crime` and forbids it",
        "规则“police.crime”永远不会成立:既要求又排除“crime”",
      ]),
    BrokenFile(
      name: "no default",
      old: """
        default:
          id: unclear.nothing
          owner: unclear
          clause: 五
          zh: 没有勾选可据以认定的事实,按受理平台不明确办理
          en: nothing that was ticked decides; treated as unclear

        """,
      new: "",
      said: [
        "`default` is missing",
        "缺少“default”",
        "no rule decides a matter without facts, and there is no default",
        "没有规则决定未勾选事实的来件,且缺少default",
      ]),
    BrokenFile(
      name: "no sentence",
      old: """
          answered:
            zh: "{name}已有人接听,请说明情况。"
            bo: []

        """,
      new: "",
      said: [
        "the sentence `answered` is missing",
        "缺少语句“answered”",
      ]),
    BrokenFile(
      name: "words that are not there",
      old: "say: transfer }",
      new: "say: transfers }",
      said: [
        "unknown words of `speech` `transfers`; is it `transfer`?",
        "未知的话术“transfers”;是否为“transfer”?",
      ]),
    BrokenFile(
      name: "danger left out",
      old: """
        facts: [dangerToLife, dangerToProperty, dangerToPublic, socialStability, escalated]
        """,
      new: "facts: [dangerToLife, dangerToProperty, dangerToPublic, escalated]",
      said: [
        "`socialStability` is an emergency and must be listed",
        "“socialStability”属紧急情况,必须列出",
      ]),
    BrokenFile(
      name: "danger kept by a rule that guides to no emergency number",
      old: "keeps: [help.patient, refuse.medical]",
      new: "keeps: [help.patient, refuse.medical, refuse.process]",
      said: [
        "rule `refuse.process` may be kept beside danger only if it guides to 110, 119, "
          + "120 or 122",
        "规则“refuse.process”须引导至110、119、120或122,方可在危险情形下保留",
      ]),
    BrokenFile(
      name: "an emergency that ends at 12345",
      old: "12345 phone: { action: transferByPhone, say: transfer }",
      new: "12345 phone: { action: acceptHere, say: transfer }",
      said: [
        "an emergency (12345 phone) would end in `acceptHere`, neither at 110 nor at an "
          + "emergency number",
        "紧急情况(12345 phone)将以“acceptHere”结束,既未到110,也未到紧急电话",
      ]),
    BrokenFile(
      name: "an emergency that ends in advice to dial 12345",
      old: "110 phone: { action: acceptHere, say: acceptPolice }",
      new: "110 phone: { action: adviseRedial12345, say: acceptPolice }",
      said: [
        "an emergency (110 phone) would end in `adviseRedial12345`, neither at 110 nor "
          + "at an emergency number",
        "紧急情况(110 phone)将以“adviseRedial12345”结束,既未到110,也未到紧急电话",
      ]),
    BrokenFile(
      name: "a rule that makes an emergency and leaves it with 12345",
      old: """
        - id: accept.utility
            priority: 640
            all: [utilityHazard]
            owner: "12345"
        """,
      new: """
        - id: accept.utility
            priority: 640
            all: [utilityHazard]
            emergency: true
            owner: "12345"
        """,
      said: [
        "an emergency (accept.utility) would end in `acceptHere`, neither at 110 nor at "
          + "an emergency number",
        "紧急情况(accept.utility)将以“acceptHere”结束,既未到110,也未到紧急电话",
      ]),
    BrokenFile(
      name: "danger without dispatch",
      old: "110 phone: { action: dispatchFirst, say: dispatchPolice }",
      new: "110 phone: { action: talk, say: dispatchPolice }",
      said: [
        "where there is danger, `110 phone` must be `dispatchFirst`",
        "存在危险时“110 phone”必须为dispatchFirst",
      ]),
    BrokenFile(
      name: "silence in danger",
      old: "say: dispatch }",
      new: "say: none }",
      said: [
        "`danger, 12345 phone` can be an emergency and must say something",
        "“danger, 12345 phone”可能为紧急情况,必须有话术",
      ]),
    BrokenFile(
      name: "an end before the beginning",
      old: "validFrom: 2022-06-07",
      new: """
        validFrom: 2022-06-07
          validTo: 2022-06-06
        """,
      said: [
        "`validTo` is before `validFrom`",
        "失效日期validTo早于生效日期validFrom",
      ]),
    BrokenFile(
      name: "no such day",
      old: "validFrom: 2022-06-07",
      new: "validFrom: 2022-02-30",
      said: [
        "`2022-02-30` is not a date like 2022-06-07",
        "“2022-02-30”不是2022-06-07这样的日期",
      ]),
    BrokenFile(
      name: "a condition that cannot be read",
      old: """
            all: [massIncident]

        """,
      new: """
            all: [massIncident]
            when: { hours: evening, unit: tired }

        """,
      said: [
        "`evening` is not a time of day like 22:00-06:00",
        "“evening”不是22:00-06:00这样的时段",
        "unknown state of the unit `tired`",
        "未知的系统状态“tired”",
      ]),
    BrokenFile(
      name: "no guide",
      old: """
            clause: 四(二)4
            guide: [army]

        """,
      new: """
            clause: 四(二)4

        """,
      said: [
        "rule `refuse.military` sends people away and needs `guide`",
        "规则“refuse.military”不予受理,须有引导对象guide",
      ]),
    BrokenFile(
      name: "a clause that the document has not",
      old: """
            clause: 一(六)
            zh
        """,
      new: """
            clause: 一(七)
            zh
        """,
      said: [
        "unknown clause `一(七)`; is it `一(一)`?",
        "未知的条款“一(七)”;是否为“一(一)”?",
      ]),
    BrokenFile(
      name: "a placeholder that means nothing",
      old: "zh: \"时限将到:请立即接通{name}",
      new: "zh: \"时限将到:请立即接通{phone}",
      said: [
        "unknown placeholder `{phone}`; known here: {number}, {name}, {call}, {time}",
        "未知的占位符“{phone}”;此处可用:{number}、{name}、{call}、{time}",
      ]),
    BrokenFile(
      name: "a key that is misspelt",
      old: "priority: 710",
      new: "priorty: 710",
      said: [
        "`priority` is missing",
        "缺少“priority”",
        "unknown key `priorty`; known here: id, owner, handling, emergency, clause, "
          + "guide, zh, en, priority, all, any, none, when",
        "未知的键“priorty”;此处可用:id、owner、handling、emergency、clause、guide、zh、en、priority、all、a"
          + "ny、none、when",
      ]),
    BrokenFile(
      name: "a county's code that is none",
      old: "\"513330\":",
      new: "\"51333\":",
      said: [
        "`51333` is not a county code of six digits",
        "“51333”不是六位县(市)代码",
      ]),
    BrokenFile(
      name: "a number that is none",
      old: "digits: \"119\"",
      new: "digits: \"11九\"",
      said: [
        "`11九` is not 3 to 20 digits",
        "“11九”不是3至20位数字",
      ]),
  ]

  @Test("every problem, in English and Chinese", arguments: files)
  func said(_ file: BrokenFile) {
    #expect(Policy.embeddedSource.ranges(of: file.old).count == 1)
    let yaml = Policy.embeddedSource.replacing(file.old, with: file.new)
    let error = #expect(throws: PolicyError.self) { try Policy(yaml: yaml, file: "own.yaml") }
    let said = error?.problems.flatMap { [$0.message, $0.messageChinese] }
    #expect(said == file.said)
  }
}
