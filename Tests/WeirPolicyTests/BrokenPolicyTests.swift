import Testing
import WeirModel
import WeirPolicy

/// A mistake put into the embedded policy. The mark « stands where the problem is to be told.
struct Mistake: Sendable, CustomTestStringConvertible {
  let words: String
  let old: String
  let new: String
  /// What the problem stands before, when it is not told where the text was changed.
  let at: String?
  /// Problems that follow from it.
  let also: Int

  var testDescription: String { words }

  /// - Parameters:
  ///   - words: what the message is to contain.
  ///   - old: a text that stands in the file exactly once.
  ///   - new: what takes its place.
  ///   - at: what the problem stands before, when `new` holds no mark.
  ///   - also: how many problems follow from it.
  init(_ words: String, _ old: String, _ new: String, at: String? = nil, also: Int = 0) {
    self.at = at
    self.also = also
    self.words = words
    self.old = old
    self.new = new
  }
}

@Suite("A broken policy file")
struct BrokenPolicyTests {
  static let mistakes = [
    // Order and reach.
    Mistake("rules `unclear.urgent` and `unclear.duty` tie", "priority: 120", "priority: «110"),
    Mistake(
      "rule `police.order` is unreachable: `police.crime` always decides before it",
      "- id: police.order\n    priority: 220\n    all: [publicOrder]",
      "- id: «police.order\n    priority: 220\n    all: [publicOrder, crime]"),
    Mistake(
      "rule `accept.request` is unreachable: `danger.first` always decides before it",
      "- id: accept.request\n    priority: 630\n    all: [nonUrgentRequest]",
      "- id: «accept.request\n    priority: 630\n    all: [nonUrgentRequest, escalated]"),
    Mistake(
      "rule `help.life` is unreachable: the rules before it leave nothing to it",
      """
      - id: help.life
          priority: 360
          all: [dangerToLife]
      """,
      """
      - id: help.well
          priority: 355
          all: [dangerToLife]
          none: [medicalOnly]
          owner: "110"
          clause: 二(二)
          zh: 危及人身安全
          en: danger to life
        - id: «help.life
          priority: 360
          all: [dangerToLife]
      """),
    Mistake(
      "rule `police.crime` can never match: it wants `crime` and forbids it",
      "- id: police.crime\n    priority: 210\n    all: [crime]",
      "- id: «police.crime\n    priority: 210\n    all: [crime]\n    none: [crime]"),
    Mistake(
      "rule `police.mass` has no condition",
      "- id: police.mass\n    priority: 230\n    all: [massIncident]\n",
      "- id: «police.mass\n    priority: 230\n"),
    Mistake(
      "rule `police.fire` is given twice; the first is on line", "- id: police.traffic",
      "- id: «police.fire"),
    // Unknown names.
    Mistake("unknown fact `crimes`; is it `crime`?", "all: [crime]", "all: [«crimes]"),
    Mistake("unknown fact `storm`", "  escalated: { zh", "  «storm: { zh", also: 1),
    Mistake(
      "unknown action `acceptHer`; is it `acceptHere`?",
      "110 phone: { action: acceptHere, say: acceptPolice }",
      "110 phone: { action: «acceptHer, say: acceptPolice }"),
    Mistake(
      "unknown owner `119`",
      "all: [traffic]\n    owner: \"110\"", "all: [traffic]\n    owner: «\"119\""),
    Mistake("unknown handling `verfy`; is it `verify`?", "handling: verify", "handling: «verfy"),
    Mistake("unknown clause `一(七)`", "    clause: 一(六)\n", "    clause: «一(七)\n"),
    Mistake(
      "unknown guidance target `ambulanc`; is it `ambulance`?",
      "all: [medicalOnly]\n    owner: neither\n    clause: 四(二)3\n    guide: [ambulance]",
      "all: [medicalOnly]\n    owner: neither\n    clause: 四(二)3\n    guide: [«ambulanc]"),
    Mistake("unknown rule `help.ill`", "keeps: [help.patient,", "keeps: [«help.ill,"),
    Mistake("unknown words of `speech` `transfers`", "say: transfer }", "say: «transfers }"),
    Mistake(
      "unknown number `drills`; is it `drill`?", "drill: drill }", "drill: «drills }"),
    Mistake(
      "unknown row of `actions` `danger!`", "\n  danger:\n    12345 phone",
      "\n  «danger!:\n    12345 phone", also: 1),
    Mistake("unknown sentence `lat`", "\n  late:\n", "\n  «lat:\n", also: 1),
    Mistake("unknown start of the minute `answered`", "startsAt: received", "startsAt: «answered"),
    Mistake("unknown placeholder `{phone}`", "zh: \"时限将到:请立即接通{name}", "zh: «\"时限将到:请立即接通{phone}"),
    Mistake("unknown placeholder `{name已有人接听", "zh: \"{name}已有人接听", "zh: «\"{name已有人接听"),
    // Missing parts.
    Mistake(
      "`default` is missing", "\ndefault:\n", "\ndefaults:\n", at: "version: garze", also: 2),
    Mistake(
      "no rule decides a matter without facts, and there is no default", "\ndefault:\n",
      "\ndefaults:\n", at: "unclear.urgent", also: 2),
    Mistake(
      "the fact `fire` is missing", "  fire: { zh: 火灾类警情, en: fire, clause: 一(四) }\n", "",
      at: "crime: { zh"),
    Mistake(
      "`priority` is missing", "- id: police.other\n    priority: 260\n", "- «id: police.other\n"),
    Mistake(
      "`zh` is missing", "preAlarm:\n    zh: \"", "preAlarm:\n    zo: \"", at: "zo: \"", also: 1),
    Mistake(
      "the way in `110 internet` is missing",
      """
      "12345":
          12345 phone: { action: acceptHere, say: none }
          12345 internet: { action: acceptHere, say: none }
          110 phone: { action: adviseRedial12345, say: redial }
          110 internet: { action: transferOnline, say: onlineHotline }
      """,
      """
      «"12345":
          12345 phone: { action: acceptHere, say: none }
          12345 internet: { action: acceptHere, say: none }
          110 phone: { action: adviseRedial12345, say: redial }
      """),
    Mistake(
      "rule `refuse.military` sends people away and needs `guide`",
      """
      - id: refuse.military
          priority: 540
          all: [military]
          owner: neither
          clause: 四(二)4
          guide: [army]
      """,
      """
      - id: «refuse.military
          priority: 540
          all: [military]
          owner: neither
          clause: 四(二)4
      """
    ),
    Mistake(
      "`guide` does not belong", "all: [massIncident]\n    owner: \"110\"\n",
      "all: [massIncident]\n    guide: [«court]\n    owner: \"110\"\n"),
    // Unknown keys and wrong types.
    Mistake("unknown key `priorty`", "priority: 710", "«priorty: 710", also: 1),
    Mistake("unknown key `colour`", "\ntiming:\n", "\n«colour: red\ntiming:\n"),
    Mistake("`priority` must be a whole number", "priority: 610", "priority: «high"),
    Mistake("`priority` must be a whole number from 1", "priority: 620", "priority: «0"),
    Mistake("`all` must be a list", "all: [otherUnlawful]", "all: «otherUnlawful"),
    Mistake("`emergency` must be `true` or `false`", "emergency: true", "emergency: «yes"),
    Mistake("`rule` must be a mapping of keys to values", "\nrules:\n", "\nrules:\n  - «nothing\n"),
    Mistake("`spoken` must be text", "spoken: 0836-281-2110", "spoken: «[1]"),
    Mistake(
      "`zh` must be text or a list of texts",
      "preAlarm:\n    zh: \"时限将到:请立即接通{name}:{number}\"", "preAlarm:\n    zh: «{}"),
    Mistake(
      "`legalAid` must be a mapping",
      "legalAid: { digits: \"12348\", spoken: \"12348\", call: \"12348\", zh: 12348公共法律服务热线 }",
      "legalAid: «12348"),
    Mistake(
      "`ambulance` must be a mapping",
      "ambulance: { zh: 120医疗急救, en: ambulance, number: ambulance }", "ambulance: «120", also: 2),
    Mistake("`513323` must be a mapping", "{ zh: 丹巴县, en: Danba, number: police }", "«police"),
    Mistake(
      "`online` must be a mapping", "  online:\n    zh: \"属110受理范围",
      "  online: «none\n  other:\n    zh: \"属110受理范围"),
    Mistake(
      "unknown way in `111 phone`", "110 phone: { action: acceptHere, say: acceptPolice }",
      "«111 phone: { action: acceptHere, say: acceptPolice }", also: 1),
    Mistake(
      "`rule` must be text", "- id: police.traffic\n", "- «[id]: x\n    id: police.traffic\n"),
    // Values.
    Mistake(
      "`spoken` is longer than 40 characters", "spoken: 0836-281-2110",
      "spoken: «\(String(repeating: "1", count: 41))"),
    Mistake("is not one line", "spoken: 0836-281-2110", "spoken: «\"1\\n2\""),
    Mistake(
      "one entry of `beside` too many: at most 6", "\nbeside:\n",
      "\nbeside:\n"
        + String(
          repeating: "  - { fact: fire, number: fire, zh: \"{name}\", bo: \"\" }\n", count: 3),
      at: "- { fact: fire"),
    Mistake(
      "one number too many: at most 200", "  drill: { digits: \"00000000\"",
      (0..<191).map { "  own\($0): { digits: \"9\(1000 + $0)\", spoken: x, call: x, zh: x }\n" }
        .joined() + "  drill: { digits: \"00000000\"", at: "drill: { digits"),
    Mistake(
      "rule `police.crime` can never match",
      "- id: police.crime\n    priority: 210\n    all: [crime]",
      "- id: «police.crime\n    priority: 210\n    any: [crime]\n    none: [crime]"),
    Mistake("`51333` is not a county code of six digits", "\"513330\":", "«\"51333\":"),
    Mistake("`110x` is not 3 to 20 digits", "digits: \"08362812110\"", "digits: «\"110x\""),
    Mistake("number `119` is given twice", "digits: \"122\"", "digits: «\"119\""),
    Mistake("`2022-13-07` is not a date", "validFrom: 2022-06-07", "validFrom: «2022-13-07"),
    Mistake("is not printable ASCII", "version: garze-2022-38/1", "version: «甘孜 1"),
    Mistake("`help/life` is not letters", "- id: help.life", "- id: «help/life"),
    Mistake(
      "is not two spans, the first before the second", "[30000, 45000]", "[«45000, 30000]"),
    Mistake("is not a list of 2 numbers", "[30000, 45000]", "«[30000]"),
    // Danger.
    Mistake(
      "`socialStability` is an emergency and must be listed",
      "facts: [dangerToLife, dangerToProperty, dangerToPublic, socialStability, escalated]",
      "facts: «[dangerToLife, dangerToProperty, dangerToPublic, escalated]"),
    Mistake(
      "`missingPerson` is an emergency and must be listed",
      "urgent: [missingPerson, otherUrgentPolice]",
      "urgent: «[otherUrgentPolice]"),
    Mistake(
      "rule `refuse.military` may be kept beside danger only if", "refuse.medical]",
      "refuse.medical, «refuse.military]"),
    Mistake(
      "where there is danger, `110 phone` must be `dispatchFirst`",
      "110 phone: { action: dispatchFirst, say: dispatchPolice }",
      "110 phone: { action: talk, say: «dispatchPolice }"),
    Mistake(
      "`danger, 12345 phone` can be an emergency and must say something", "say: dispatch }",
      "say: «none }"),
    Mistake(
      "handling `danger` does not go with owner `12345`",
      "id: danger.first\n    owner: unclear\n    handling: danger",
      "id: danger.first\n    owner: \"12345\"\n    handling: «danger", also: 1),
    Mistake(
      "the danger rule must have owner `unclear`",
      "id: danger.first\n    owner: unclear\n    handling: danger\n",
      "id: «danger.first\n    owner: unclear\n"),
    // The text itself.
    Mistake("not valid YAML", "timing:\n  minuteMs: 60000", "timing:\n«\tminuteMs: 60000"),
    Mistake(
      "`keepMs` is given twice", "  startsAt: received", "  «keepMs: 1\n  startsAt: received"),
    Mistake("`zh` is given twice", "{ zh: 理塘县, en", "{ zh: 理塘县, «zh: 理塘县, en"),
  ]

  /// The problems of a text; the embedded policy has none.
  private func problems(_ yaml: String) -> [Problem] {
    do {
      _ = try Policy(yaml: yaml, file: "own.yaml")
      return []
    } catch {
      return error.problems
    }
  }

  @Test("is told with the exact place of the mistake, in both languages", arguments: mistakes)
  func place(_ mistake: Mistake) throws {
    let source = Policy.embeddedSource
    #expect(source.ranges(of: mistake.old).count == 1, "the mistake is put in once")
    var marked = source.replacing(mistake.old, with: mistake.new)
    if let at = mistake.at { marked.replace(at, with: "«" + at, maxReplacements: 1) }
    let mark = try #require(marked.firstIndex(of: "«"))
    let before = marked[..<mark].split(separator: "\n", omittingEmptySubsequences: false)
    let problems = problems(marked.replacing("«", with: ""))
    let problem = problems.first { $0.message.contains(mistake.words) }
    #expect(problem?.line == before.count, "\(problems)")
    #expect(problem?.column == (before.last?.unicodeScalars.count ?? 0) + 1, "\(problems)")
    #expect(problem?.file == "own.yaml")
    #expect(
      problem?.messageChinese.contains { $0.unicodeScalars.allSatisfy { $0.value > 0x3000 } }
        == true)
    #expect(problems.count == 1 + mistake.also, "\(problems)")
  }

  @Test("is told with all its mistakes at once, in the order of the lines")
  func allAtOnce() {
    let source = Policy.embeddedSource
      .replacing("startsAt: received", with: "startsAt: never")
      .replacing("all: [crime]", with: "all: [crimes]")
      .replacing("version: garze-2022-38/1", with: "version: [1]")
    let problems = problems(source)
    #expect(problems.count == 3)
    #expect(problems.map(\.line) == problems.map(\.line).sorted())
    #expect(problems.first?.message == "`version` must be text")
    #expect(problems.last?.description.hasSuffix("unknown start of the minute `never`") == true)
    #expect(problems.last?.description.hasPrefix("own.yaml:") == true)
  }

  @Test(
    "that holds nothing, or no mapping, is refused",
    arguments: ["", "# nothing\n", "~", "- a", "x"])
  func nothing(_ yaml: String) {
    let problems = problems(yaml)
    #expect(problems.count == 1)
    #expect(problems.first?.line == 1)
  }

  @Test(
    "is told with the line of a key that is given twice, whatever ends its lines",
    arguments: ["\n", "\r\n", "\r", "\u{85}", "\u{2028}"])
  func lineEnds(_ end: String) {
    let lines = ["version: a", "rules:", "  b: 1", "  b: 2", ""]
    let problems = problems(lines.joined(separator: end))
    #expect(problems.map(\.message) == ["`b` is given twice"])
    #expect(problems.first?.line == 4)
    #expect(problems.first?.column == 3)
  }

  @Test("with a character that no text may hold is refused, and the place is told")
  func control() {
    let problems = problems("version: a\nrules:\n  甘: \u{1}b\n")
    #expect(problems.count == 1 && problems[0].message.contains("not valid YAML"), "\(problems)")
    #expect(problems.first?.line == 3 && problems.first?.column == 6, "\(problems)")
  }

  @Test("that is cut off anywhere is refused, never taken for a policy")
  func truncated() {
    let source = Array(Policy.embeddedSource.unicodeScalars)
    for length in stride(from: 0, to: source.count - 400, by: 397) {
      var text = String.UnicodeScalarView()
      text.append(contentsOf: source[..<length])
      #expect(!problems(String(text)).isEmpty, "cut after \(length)")
    }
  }
}
