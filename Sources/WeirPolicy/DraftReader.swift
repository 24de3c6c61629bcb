internal import WeirModel
internal import Yams

/// Reads a policy file into a draft. What is wrong with a part goes to the findings and the part is
/// left out; the rest is read all the same, so that one reading tells everything.
struct DraftReader {
  let findings: Findings
  private(set) var draft = Draft()

  static let sections = [
    "version", "document", "clauses", "facts", "danger", "supervision", "rules", "default",
    "actions", "numbers", "dial", "targets", "counties", "speech", "beside", "sentences", "timing",
  ]

  init(_ root: Node, findings: Findings) {
    self.findings = findings
    guard let fields = Fields(root, name: "policy", findings: findings) else { return }
    fields.allow(Self.sections)
    readVersion(fields)
    readHeading(fields)
    readClauses(fields)
    readFacts(fields)
    readDanger(fields)
    readRules(fields)
    readActions(fields)
    readNumbers(fields)
    readTargets(fields)
    readCounties(fields)
    readSpeech(fields)
    readBesides(fields)
    readSentences(fields)
    readTiming(fields)
  }

  private mutating func readVersion(_ fields: Fields) {
    guard let version = fields.text("version", most: 64) else { return }
    let isPlain = version.value.utf8.allSatisfy { byte in
      UInt8(ascii: "!")...UInt8(ascii: "~") ~= byte
    }
    if !isPlain {
      findings.add(
        .malformed(version.value, wanted: .plainAscii), at: version.place)
    }
    draft.version = version
  }

  private mutating func readHeading(_ fields: Fields) {
    guard let fields = fields.fields("document") else { return }
    fields.allow(["number", "title", "issuer", "validFrom", "validTo"])
    draft.heading.number = fields.text("number")?.value ?? ""
    draft.heading.title = fields.text("title")?.value ?? ""
    draft.heading.issuer = fields.text("issuer")?.value ?? ""
    draft.heading.validFrom = fields.text("validFrom").flatMap(day)
    draft.heading.validTo = fields.optionalText("validTo").flatMap(day)
    if let from = draft.heading.validFrom, let to = draft.heading.validTo, to.value < from.value {
      findings.add(.validityEndsFirst, at: to.place)
    }
  }

  private mutating func readClauses(_ fields: Fields) {
    guard let fields = fields.fields("clauses") else { return }
    draft.names.clauses = fields.entries.map(\.key.value)
    for entry in fields.entries {
      let name = entry.key.value
      guard let clause = Fields(entry.node, name: name, findings: findings) else { continue }
      clause.allow(["zh", "en", "source"])
      guard let chinese = clause.text("zh"), let english = clause.text("en"),
        let source = clause.text("source")
      else { continue }
      draft.clauses.append(
        Draft.Clause(
          name: entry.key, chinese: chinese.value, english: english.value, source: source.value))
    }
  }

  private mutating func readFacts(_ fields: Fields) {
    guard let fields = fields.fields("facts") else { return }
    for entry in fields.entries {
      guard let fact = fact(entry.key),
        let note = Fields(entry.node, name: fact.name, findings: findings)
      else { continue }
      note.allow(["zh", "en", "clause"])
      guard let chinese = note.text("zh"), let english = note.text("en"),
        let clause = note.text("clause")
      else { continue }
      draft.facts.append(
        Draft.FactNote(
          fact: fact, chinese: chinese.value, english: english.value, clause: clause))
    }
    for fact in Fact.allCases
    where !fields.entries.contains(where: { $0.key.value == fact.name }) {
      findings.add(.missing(.fact, fact.name), at: fields.place)
    }
  }

  private mutating func readDanger(_ fields: Fields) {
    draft.supervision = facts(fields.names("supervision"))
    guard let danger = fields.fields("danger") else { return }
    danger.allow(["facts", "urgent", "keeps", "rule"])
    // An emergency that the file left out would be decided away.
    draft.danger = emergencies(danger, "facts", atLeast: .danger)
    draft.urgent = emergencies(
      danger, "urgent", atLeast: FactSet([.missingPerson, .otherUrgentPolice]))
    draft.keeps = danger.names("keeps")
    if let rule = danger.fields("rule") { draft.dangerRule = self.rule(rule, isLast: true) }
  }

  private func emergencies(_ fields: Fields, _ key: String, atLeast least: FactSet) -> FactSet {
    guard let node = fields.required(key) else { return least }
    let given = facts(fields.names(key))
    for fact in least.subtracting(given).facts {
      findings.add(.dangerLeftOut(fact.name), at: Place(node.mark))
    }
    return given.union(least)
  }

  private mutating func readRules(_ fields: Fields) {
    if let node = fields.required("rules"), let nodes = fields.list(of: node, key: "rules") {
      for node in nodes {
        guard let fields = Fields(node, name: "rule", findings: findings),
          let rule = rule(fields, isLast: false)
        else { continue }
        draft.rules.append(rule)
      }
    }
    if let fields = fields.fields("default") { draft.fallback = rule(fields, isLast: true) }
    askCircumstances()
  }

  /// Gives every rule the terms of what it asks.
  private mutating func askCircumstances() {
    for index in draft.rules.indices {
      if let asked = draft.terms.terms(of: draft.rules[index].when) {
        draft.rules[index].asked = asked
      } else {
        findings.add(
          .tooMany(.question, most: TermBook.questionsMax), at: draft.rules[index].id.place)
      }
    }
  }

  /// One rule; the default and the danger rule have neither priority nor condition.
  private func rule(_ fields: Fields, isLast: Bool) -> Draft.Rule? {
    let common = ["id", "owner", "handling", "emergency", "clause", "guide", "zh", "en"]
    fields.allow(isLast ? common : common + ["priority", "all", "any", "none", "when"])
    let id = fields.text("id", most: 48)
    let priority = isLast ? nil : fields.number("priority", 1...1_000_000)
    let owner = fields.text("owner").flatMap(owner)
    let handling = fields.optionalText("handling")
    let row = handling.map(row) ?? owner.map { Row($0) }
    let clause = fields.text("clause")
    let chinese = fields.text("zh")
    let english = fields.text("en")
    let lists = ["all", "any", "none"].map { facts(of: $0, in: fields) }
    let when = fields.optional("when") == nil ? When() : when(fields)
    let isEmergency = fields.flag("emergency")
    let guide = fields.names("guide")
    guard let id, let owner, let row, let clause, let chinese, let english else { return nil }
    if !isLast, priority == nil { return nil }
    if !id.value.utf8.allSatisfy(Self.isIdentifierByte) {
      findings.add(.malformed(id.value, wanted: .identifier), at: id.place)
    }
    if let handling, !row.goes(with: owner) {
      findings.add(.wrongHandling(owner: owner.name, handling: handling.value), at: handling.place)
    }
    return Draft.Rule(
      id: id, priority: priority, all: lists[0] ?? [], any: lists[1] ?? [], none: lists[2] ?? [],
      when: when ?? When(), owner: owner, row: row, isEmergency: isEmergency,
      isWhole: lists.allSatisfy { $0 != nil } && when != nil, clause: clause, guide: guide,
      chinese: chinese.value, english: english.value)
  }

  private mutating func readActions(_ fields: Fields) {
    guard let fields = fields.fields("actions") else { return }
    for entry in fields.entries {
      guard let row = Row(rawValue: entry.key.value) else {
        unknown(.row, entry.key, among: Row.allCases.map(\.rawValue))
        continue
      }
      guard let ways = Fields(entry.node, name: row.rawValue, findings: findings) else { continue }
      for entry in ways.entries {
        guard let way = Way(rawValue: entry.key.value) else {
          unknown(.way, entry.key, among: Way.allCases.map(\.rawValue))
          continue
        }
        readCell(entry, row, way)
      }
      for way in Way.allCases
      where !ways.entries.contains(where: { $0.key.value == way.rawValue }) {
        findings.add(.missing(.way, way.rawValue), at: entry.key.place)
      }
    }
    for row in Row.allCases
    where !fields.entries.contains(where: { $0.key.value == row.rawValue }) {
      findings.add(.missing(.row, row.rawValue), at: fields.place)
    }
  }

  private mutating func readCell(_ entry: Fields.Entry, _ row: Row, _ way: Way) {
    guard let cell = Fields(entry.node, name: entry.key.value, findings: findings) else { return }
    cell.allow(["action", "say"])
    let name = cell.text("action")
    let say = cell.text("say")
    guard let name, let say else { return }
    guard let action = Action(name: name.value) else {
      unknown(.action, name, among: Action.allCases.map(\.name))
      return
    }
    draft.cells.append(
      Draft.Cell(
        row: row, way: way, action: action, say: say.value == "none" ? nil : say,
        place: say.place))
  }

  private mutating func readNumbers(_ fields: Fields) {
    if let fields = fields.fields("numbers") {
      draft.names.numbers = fields.entries.map(\.key.value)
      for entry in fields.entries {
        guard let number = Fields(entry.node, name: entry.key.value, findings: findings) else {
          continue
        }
        number.allow(["digits", "spoken", "call", "zh"])
        guard let digits = number.text("digits"), let spoken = number.text("spoken", most: 40),
          let call = number.text("call", most: 40), let chinese = number.text("zh", most: 40)
        else { continue }
        let isDigits = digits.value.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        if !isDigits || !(3...20 ~= digits.value.utf8.count) {
          findings.add(.malformed(digits.value, wanted: .digits), at: digits.place)
        }
        draft.numbers.append(
          Draft.Number(
            name: entry.key, digits: digits, spoken: spoken.value, call: call.value,
            chinese: chinese.value))
      }
    }
    guard let dial = fields.fields("dial") else { return }
    dial.allow(["police", "hotline", "drill"])
    draft.policeNumber = dial.text("police")
    draft.hotlineNumber = dial.text("hotline")
    draft.drillNumber = dial.text("drill")
  }

  private mutating func readTargets(_ fields: Fields) {
    guard let fields = fields.fields("targets") else { return }
    draft.names.targets = fields.entries.map(\.key.value)
    for entry in fields.entries {
      guard let target = Fields(entry.node, name: entry.key.value, findings: findings) else {
        continue
      }
      target.allow(["zh", "en", "number"])
      guard let chinese = target.text("zh", most: 40), target.text("en") != nil else { continue }
      draft.targets.append(
        Draft.Target(
          name: entry.key, chinese: chinese.value, number: target.optionalText("number")))
    }
  }

  private mutating func readCounties(_ fields: Fields) {
    guard let fields = fields.fields("counties") else { return }
    for entry in fields.entries {
      guard let county = Fields(entry.node, name: entry.key.value, findings: findings) else {
        continue
      }
      county.allow(["zh", "en", "number"])
      guard let code = countyCode(entry.key) else { continue }
      guard let chinese = county.text("zh"), county.text("en") != nil,
        let number = county.text("number")
      else { continue }
      draft.counties.append(Draft.County(code: code, chinese: chinese.value, number: number))
    }
  }

  private mutating func readTiming(_ fields: Fields) {
    guard let fields = fields.fields("timing") else { return }
    let keys = [
      "minuteMs", "preAlarmsMs", "talkMs", "reminderMs", "closingMs", "keepMs", "startsAt",
    ]
    fields.allow(keys)
    let day = 86_400_000
    let minute = fields.number("minuteMs", 1_000...3_600_000)
    let alarms = fields.numbers("preAlarmsMs", count: 2, 1...3_600_000)
    let talk = fields.number("talkMs", 1_000...day)
    let reminder = fields.number("reminderMs", 1_000...day)
    let closing = fields.number("closingMs", 1_000...31 * day)
    let keep = fields.number("keepMs", 1_000...366 * day)
    let name = fields.text("startsAt")
    let start = name.flatMap { Timing.Start(rawValue: $0.value) }
    if let name, start == nil {
      unknown(.start, name, among: Timing.Start.allCases.map(\.name))
    }
    guard let minute, let alarms, let talk, let reminder, let closing, let keep, let start else {
      return
    }
    let (first, second) = (alarms[0].value, alarms[1].value)
    if !(first < second && second < minute.value) {
      findings.add(
        .malformed(
          "preAlarmsMs", wanted: .preAlarms),
        at: alarms[0].place)
    }
    draft.timing = Timing(
      minuteMs: Int64(minute.value), preAlarmsMs: (Int64(first), Int64(second)),
      talkMs: Int64(talk.value), reminderMs: Int64(reminder.value),
      closingMs: Int64(closing.value), keepMs: Int64(keep.value), startsAt: start)
  }
}

// MARK: - What is said

extension DraftReader {
  static let placeholdersOfSpeech = [
    "{police}", "{target}", "{number}", "{name}", "{call}", "{time}",
  ]
  static let placeholdersOfSentences = ["{number}", "{name}", "{call}", "{time}"]

  fileprivate mutating func readSpeech(_ fields: Fields) {
    guard let fields = fields.fields("speech") else { return }
    draft.names.speech = fields.entries.map(\.key.value)
    for entry in fields.entries {
      guard let speech = Fields(entry.node, name: entry.key.value, findings: findings) else {
        continue
      }
      speech.allow(["zh", "voice", "bo"])
      let always = words(speech, Self.placeholdersOfSpeech, of: entry.key.value)
      var voice = Draft.Words()
      if speech.optional("voice") != nil, let fields = speech.fields("voice") {
        fields.allow(["zh", "bo"])
        voice = words(
          fields, Self.placeholdersOfSpeech, of: "\(entry.key.value).voice")
      }
      draft.speech.append(Draft.Speech(name: entry.key, always: always, voice: voice))
    }
  }

  fileprivate mutating func readBesides(_ fields: Fields) {
    guard let node = fields.optional("beside"), let nodes = fields.list(of: node, key: "beside")
    else { return }
    for node in nodes {
      guard let beside = Fields(node, name: "beside", findings: findings) else { continue }
      beside.allow(["fact", "number", "zh", "bo"])
      let words = words(beside, Self.placeholdersOfSentences, of: "beside")
      guard let fact = beside.text("fact").flatMap(fact) else { continue }
      draft.besides.append(
        Draft.Beside(fact: fact, number: beside.optionalText("number"), words: words))
    }
    if draft.besides.count > Draft.besidesMax {
      findings.add(.tooMany(.beside, most: Draft.besidesMax), at: Place(node.mark))
    }
  }

  fileprivate mutating func readSentences(_ fields: Fields) {
    guard let fields = fields.fields("sentences") else { return }
    let wanted = Sentence.allCases.filter { $0 != .none && $0 != .decision }
    for entry in fields.entries {
      let name = entry.key.value
      guard name == "drill" || wanted.contains(where: { String(describing: $0) == name }) else {
        unknown(.sentence, entry.key, among: wanted.map { String(describing: $0) } + ["drill"])
        continue
      }
      guard let sentence = Fields(entry.node, name: name, findings: findings) else { continue }
      sentence.allow(["zh", "bo"])
      let words = words(sentence, name == "drill" ? [] : Self.placeholdersOfSentences, of: name)
      if name == "drill" { draft.drillPrefix = words }
      for sentence in wanted where String(describing: sentence) == name {
        draft.sentences.append((sentence, words))
      }
    }
    for name in wanted.map({ String(describing: $0) }) + ["drill"]
    where !fields.entries.contains(where: { $0.key.value == name }) {
      findings.add(.missing(.sentence, name), at: fields.place)
    }
  }

  /// The words of a mapping; the Chinese ones must be there.
  private func words(_ fields: Fields, _ placeholders: [String], of name: String) -> Draft.Words {
    guard fields.required("zh") != nil, let chinese = lines(fields, "zh", placeholders) else {
      return Draft.Words()
    }
    if chinese.isEmpty { findings.add(.missingKey("zh"), at: fields.place) }
    let tibetan = lines(fields, "bo", placeholders) ?? []
    if tibetan.isEmpty { findings.note(.noTibetan(name), at: fields.place) }
    return Draft.Words(chinese: chinese, tibetan: tibetan)
  }

  private func lines(_ fields: Fields, _ key: String, _ known: [String]) -> [Marked<String>]? {
    guard let lines = fields.words(key) else { return nil }
    for line in lines {
      for name in Wording.placeholders(in: line.value) where !known.contains(name) {
        findings.add(.unknownPlaceholder(name, known: known), at: line.place)
      }
    }
    return lines
  }
}

// MARK: - Names

extension DraftReader {
  fileprivate func fact(_ name: Marked<String>) -> Fact? {
    if let fact = Fact(name: name.value) { return fact }
    unknown(.fact, name, among: Fact.allCases.map(\.name))
    return nil
  }

  /// The set of the facts named; `danger` stands for all danger facts.
  fileprivate func facts(_ names: [Marked<String>]) -> FactSet {
    var set: FactSet = []
    for name in names {
      if name.value == "danger" {
        set.formUnion(draft.danger)
      } else if let fact = fact(name) {
        set.formUnion(FactSet(fact))
      }
    }
    return set
  }

  /// The facts of one list of a condition; nil when a part of it could not be read.
  fileprivate func facts(of key: String, in fields: Fields) -> FactSet? {
    guard let node = fields.optional(key) else { return [] }
    let names = fields.names(key)
    guard case .sequence(let sequence) = node, sequence.count == names.count,
      names.allSatisfy({ $0.value == "danger" || Fact(name: $0.value) != nil })
    else {
      _ = facts(names)
      return nil
    }
    return facts(names)
  }

  fileprivate func owner(_ name: Marked<String>) -> Owner? {
    if let owner = Owner(name: name.value) { return owner }
    unknown(.owner, name, among: Owner.allCases.map(\.name))
    return nil
  }

  fileprivate func row(_ name: Marked<String>) -> Row? {
    if let row = Row(rawValue: name.value) { return row }
    unknown(.handling, name, among: Row.allCases.map(\.rawValue))
    return nil
  }

  func unknown(_ noun: Fault.Noun, _ name: Marked<String>, among names: [String]) {
    findings.add(
      .unknown(noun, name.value, near: Nearest.word(to: name.value, among: names)), at: name.place)
  }

  fileprivate static func isIdentifierByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
