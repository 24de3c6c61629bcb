internal import WeirModel

/// Everything a decision needs, flat: masks to match, decisions made beforehand, texts by index.
final class Tables: Sendable {
  /// A condition as masks that one pass can test: the terms that matter in `all`, `none` and
  /// `when`, which of them must be there, and the facts of which one must be there.
  struct Match: Sendable {
    let watched: UInt64
    let wanted: UInt64
    let any: UInt32
    /// The rule's index: its rank.
    let rule: Int
  }

  /// What one rule comes to on one way in, before county and neighbouring facts are known.
  struct Outcome: Sendable {
    let decision: Decision
    /// What is said, as a row of `says`.
    let speech: UInt16
    /// The number dialled is the county's 110.
    let dialsPolice: Bool
    /// 110 acts: the sentences beside a decision apply.
    let policeActs: Bool
  }

  /// A county whose 110 number is not the default one.
  struct County: Sendable {
    let code: UInt32
    let slot: Int
  }

  /// Bit that is set in every word of facts and in the `any` of rules that demand none.
  static let always: UInt32 = 1 << 31
  /// Outcomes of one rule: two platforms, channels, roles; emergency or not; supervision or not.
  static let outcomesPerRule = 32

  /// The conditions, sorted by the fact they wait for and then by rank. They wait for one fact of
  /// `all`, else for each of `any`, else for ``always``.
  let matches: [Match]
  /// Where the conditions that wait for a fact begin, by its raw value; behind them the end.
  let starts: [Int]
  /// Per rule: an emergency overrules it.
  let yields: [Bool]
  /// Per rule: it is an emergency by itself.
  let urgent: [Bool]
  let fallback: Int
  let dangerRule: Int
  let emergencyMask: UInt32
  let supervisionMask: UInt32
  let outcomes: [Outcome]
  let besideMasks: [UInt32]
  let besideMask: UInt32
  /// Text indices: (speech × police slots + slot) << besides + combination of besides.
  let says: [UInt16]
  let policeDials: [UInt16]
  let counties: [County]
  /// Text indices: (sentence × (numbers + 1) + dial) × 2 + drill.
  let sentences: [UInt16]
  let numberCount: Int
  /// Per text: what stands for it in a drill.
  let drills: [UInt16]
  let rules: [Rule]
  let clauses: [Clause]
  let factNames: [(chinese: String, english: String)]
  let countyNames: [(code: UInt32, chinese: String)]
  let terms: TermBook
  let policeNumbers: [(county: String, spoken: String)]

  init(_ compiler: Compiler) {
    let draft = compiler.draft
    let waiting = Self.waiting(draft.ordered)
    matches = waiting.flatMap { $0 }
    starts = waiting.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) }
    yields = compiler.rules.map { draft.yields($0) }
    urgent = compiler.rules.map(\.isEmergency)
    fallback = draft.rules.count
    dangerRule = draft.rules.count + 1
    emergencyMask = draft.emergencies.rawValue
    supervisionMask = draft.supervision.rawValue
    outcomes = compiler.outcomes
    besideMasks = draft.besides.map { FactSet($0.fact).rawValue }
    besideMask = besideMasks.reduce(0, |)
    says = compiler.says
    policeDials = compiler.police.map { compiler.dial(of: $0) }
    counties = draft.counties.compactMap { county in
      let slot = compiler.police.firstIndex { $0.name.value == county.number.value } ?? 0
      return slot == 0 ? nil : County(code: county.code.value, slot: slot)
    }.sorted { $0.code < $1.code }
    sentences = compiler.sentences
    numberCount = draft.numbers.count
    drills = compiler.drills
    rules = compiler.publicRules
    clauses = draft.clauses.map { clause in
      Clause(
        name: clause.name.value, chinese: clause.chinese, english: clause.english,
        source: clause.source)
    }
    factNames = Fact.allCases.map { fact in
      let note = draft.facts.first { $0.fact == fact }
      return (note?.chinese ?? fact.name, note?.english ?? fact.name)
    }
    countyNames = draft.counties.map { ($0.code.value, $0.chinese) }
    terms = draft.terms
    policeNumbers = draft.counties.map { county in
      let number = draft.numbers.first { $0.name.value == county.number.value }
      return (county.chinese, number?.spoken ?? "")
    }
  }

  /// The conditions of ranked rules by the fact they wait for. Of the facts of `all` it is the one
  /// for which fewest wait so far, so that no list grows long.
  private static func waiting(_ rules: [Draft.Rule]) -> [[Match]] {
    var lists = [[Match]](repeating: [], count: 32)
    for (index, rule) in rules.enumerated() {
      let condition = rule.condition
      let match = Match(
        watched: condition.all.union(condition.none).rawValue, wanted: condition.all.rawValue,
        any: rule.any.isEmpty ? always : rule.any.rawValue, rule: index)
      let all = rule.all.facts.map { Int($0.rawValue) }
      if let fact = all.min(by: { lists[$0].count < lists[$1].count }) {
        lists[fact].append(match)
      } else if rule.any.isEmpty {
        lists[always.trailingZeroBitCount].append(match)
      } else {
        for fact in rule.any.facts { lists[Int(fact.rawValue)].append(match) }
      }
    }
    return lists
  }
}

/// Makes the tables of a draft that passed every check.
struct Compiler {
  /// Text indices are 16 bits wide.
  static let textsMax = 65_535

  let draft: Draft
  /// By priority, then the default, then the danger rule.
  let rules: [Draft.Rule]
  /// The 110 numbers in use; the default one first.
  let police: [Draft.Number]
  private(set) var texts: [String] = [""]
  private(set) var drills: [UInt16] = [0]
  private(set) var outcomes: [Tables.Outcome] = []
  private(set) var says: [UInt16] = []
  private(set) var sentences: [UInt16] = []
  private(set) var isTooBig = false

  private let drill: Draft.Number
  private let time: String
  private var indices: [TextKey: UInt16] = [:]
  /// The decision texts of the rule in hand, by action, emergency and mark.
  private var decisionTexts: [[Int]: UInt16] = [:]
  /// What is said for one decision, before county and neighbouring facts.
  private struct Speech: Equatable {
    let name: String
    let isVoiceDue: Bool
    let guide: [String]
    let policeActs: Bool
    let dialsPolice: Bool
    let number: String?
  }
  private var speeches: [Speech] = []

  init?(_ draft: Draft) {
    guard let fallback = draft.fallback, let dangerRule = draft.dangerRule,
      let first = Self.number(draft, draft.policeNumber),
      let drill = Self.number(draft, draft.drillNumber)
    else { return nil }
    self.draft = draft
    self.drill = drill
    time = Wording.span(draft.timing.minuteMs)
    rules = draft.ordered + [fallback, dangerRule]
    police = draft.counties.reduce(into: [first]) { police, county in
      guard let number = Self.number(draft, county.number),
        !police.contains(where: { $0.name.value == number.name.value })
      else { return }
      police.append(number)
    }
    // Numbers come first, so that a dial is a small index.
    for number in draft.numbers { _ = intern(number.digits.value, drill: drill.digits.value) }
    for index in 1..<texts.count { drills[index] = dial(of: drill) }
    for (index, rule) in rules.enumerated() { addOutcomes(of: rule, at: UInt16(index)) }
    for speech in speeches { addSays(of: speech) }
    for sentence in Sentence.allCases { addSentences(sentence) }
  }

  /// The text index of a number's digits.
  func dial(of number: Draft.Number?) -> UInt16 {
    let index = draft.numbers.firstIndex { $0.name.value == number?.name.value }
    return index.map { UInt16($0 + 1) } ?? 0
  }

  /// The rules as people see them, in the order of `rules`.
  var publicRules: [Rule] {
    rules.map { rule in
      Rule(
        id: rule.id.value, priority: rule.priority?.value, all: rule.all, any: rule.any,
        none: rule.none, when: rule.when, owner: rule.owner, handling: rule.row.rawValue,
        clause: rule.clause.value,
        source: draft.clauses.first { $0.name.value == rule.clause.value }?.source ?? "",
        guide: rule.guide.compactMap { target($0.value)?.chinese }, chinese: rule.chinese,
        english: rule.english)
    }
  }

  // MARK: - Decisions

  private mutating func addOutcomes(of rule: Draft.Rule, at index: UInt16) {
    decisionTexts.removeAll(keepingCapacity: true)
    for platform in Platform.allCases {
      for channel in Channel.allCases {
        for role in [UnitRole.outer, .inner] {
          for bits in 0..<4 {
            outcomes.append(
              outcome(
                of: rule, at: index, platform, channel, role,
                isEmergency: bits & 2 != 0 || rule.isEmergency, isSupervised: bits & 1 != 0))
          }
        }
      }
    }
  }

  private mutating func outcome(
    of rule: Draft.Rule, at index: UInt16, _ platform: Platform, _ channel: Channel,
    _ role: UnitRole, isEmergency: Bool, isSupervised: Bool
  ) -> Tables.Outcome {
    let way = Way(platform, channel, role)
    let cell = draft.cells.first { $0.row == rule.row && $0.way == way }
    let action = cell?.action ?? .dispatchFirst
    let policeActs = rule.owner == .police || action == .dispatchFirst
    // 110's own desk has the matter in hand; everything else must reach a person there.
    let isOutside = role == .outer && way != .policePhone
    let voiceDue =
      action == .transferByPhone || (policeActs && isEmergency && isOutside)
      || (action == .explainAndGuide && isEmergency)
    let number = self.number(of: rule, action)
    var speech: UInt16 = 0
    if let say = cell?.say {
      speech = row(
        of: Speech(
          name: say.value, isVoiceDue: voiceDue, guide: rule.guide.map(\.value),
          policeActs: policeActs, dialsPolice: policeActs, number: number?.name.value))
    }
    let decision = Decision(
      owner: rule.owner, action: action, emergency: isEmergency, supervision: isSupervised,
      voiceDue: voiceDue, crosses: policeActs && role == .outer,
      lane: isEmergency ? .danger : channel == .phone ? .phone : .internet, rule: index,
      decisionText: decisionText(rule, action, isEmergency, isSupervised), sayText: 0,
      dialText: dial(of: number))
    return Tables.Outcome(
      decision: decision, speech: speech, dialsPolice: policeActs, policeActs: policeActs)
  }

  /// The `decision` object's index. A rule has few of them, and its 32 outcomes share them.
  private mutating func decisionText(
    _ rule: Draft.Rule, _ action: Action, _ isEmergency: Bool, _ isSupervised: Bool
  ) -> UInt16 {
    let key = [Int(action.rawValue), isEmergency ? 1 : 0, isSupervised ? 1 : 0]
    if let known = decisionTexts[key] { return known }
    let index = intern(json(rule, action, isEmergency, isSupervised))
    decisionTexts[key] = index
    return index
  }

  /// The number that goes with a decision, if any; the county may change 110's.
  private func number(of rule: Draft.Rule, _ action: Action) -> Draft.Number? {
    if rule.owner == .police || action == .dispatchFirst { return police.first }
    if action == .adviseRedial12345 { return Self.number(draft, draft.hotlineNumber) }
    if rule.owner == .neither, let guide = rule.guide.first {
      return Self.number(draft, target(guide.value)?.number)
    }
    return nil
  }

  /// The `decision` object. Its keys keep this order, so that equal decisions are equal bytes.
  private func json(
    _ rule: Draft.Rule, _ action: Action, _ isEmergency: Bool, _ isSupervised: Bool
  ) -> String {
    var json =
      "{\"owner\":\(Wording.json(rule.owner.name)),\"action\":\(Wording.json(action.name)),"
      + "\"clause\":\(Wording.json(rule.clause.value)),\"rule\":\(Wording.json(rule.id.value)),"
      + "\"emergency\":\(isEmergency),\"policy\":\(Wording.json(draft.version.value))"
    if isSupervised { json += ",\"supervision\":true" }
    if let target = rule.guide.first.flatMap({ target($0.value) }) {
      json += ",\"guide\":{\"body\":\(Wording.json(target.chinese))"
      if let number = Self.number(draft, target.number) {
        json += ",\"number\":\(Wording.json(number.digits.value))"
      }
      json += "}"
    }
    return json + "}"
  }

  // MARK: - What is said

  /// The row of a speech, from 1; row 0 says nothing. Each outcome may have its own: 32 times the
  /// most rules and two more is less than 16 bits count.
  private mutating func row(of speech: Speech) -> UInt16 {
    if let index = speeches.firstIndex(of: speech) { return UInt16(index + 1) }
    speeches.append(speech)
    return UInt16(speeches.count)
  }

  private mutating func addSays(of speech: Speech) {
    let combinations = 1 << draft.besides.count
    if says.isEmpty { says = Array(repeating: 0, count: combinations * police.count) }
    for number in police {
      for combination in 0..<combinations where !isTooBig {
        // Only where 110 acts is anything said beside.
        if combination > 0, !speech.policeActs, let first = says.last {
          says.append(first)
          continue
        }
        let real = lines(of: speech, police: number, besides: combination, isDrill: false)
        let drilled = lines(of: speech, police: number, besides: combination, isDrill: true)
        says.append(intern(Wording.json(real), drill: Wording.json(drilled)))
      }
    }
  }

  private func lines(
    of speech: Speech, police: Draft.Number, besides combination: Int, isDrill: Bool
  ) -> [String] {
    guard let words = draft.speech.first(where: { $0.name.value == speech.name }) else { return [] }
    let own = draft.numbers.first { $0.name.value == speech.number }
    let number = speech.dialsPolice ? police : own
    let bodies = speech.guide.compactMap { name in
      target(name).map { body(of: $0, isDrill: isDrill) }
    }
    let values = Wording.Values(
      police: isDrill ? drill : police, number: isDrill ? number.map { _ in drill } : number,
      target: bodies.isEmpty ? nil : bodies.joined(separator: "、"), time: time)
    let said = speech.isVoiceDue ? [words.always, words.voice] : [words.always]
    var lines = said.flatMap(\.chinese).compactMap { Wording.filled($0.value, values) }
    var tibetan = said.flatMap(\.tibetan).compactMap { Wording.filled($0.value, values) }
    for (index, beside) in draft.besides.enumerated()
    where speech.policeActs && combination & (1 << index) != 0 {
      let number = Self.number(draft, beside.number)
      let values = Wording.Values(number: isDrill ? number.map { _ in drill } : number, time: time)
      lines += beside.words.chinese.compactMap { Wording.filled($0.value, values) }
      tibetan += beside.words.tibetan.compactMap { Wording.filled($0.value, values) }
    }
    return finished(lines, tibetan, isDrill: isDrill)
  }

  private func body(of target: Draft.Target, isDrill: Bool) -> String {
    guard let number = Self.number(draft, target.number) else { return target.chinese }
    return target.chinese + "(\(isDrill ? drill.spoken : number.spoken))"
  }

  private mutating func addSentences(_ sentence: Sentence) {
    let words = draft.sentences.first { $0.sentence == sentence }?.words
    for number in [nil] + draft.numbers {
      for isDrill in [false, true] {
        guard let words else {
          sentences.append(0)
          continue
        }
        let dial = isDrill ? number.map { _ in drill } : number
        sentences.append(intern(Wording.json(lines(of: words, dial, isDrill: isDrill))))
      }
    }
  }

  private func lines(of words: Draft.Words, _ number: Draft.Number?, isDrill: Bool) -> [String] {
    var values = Wording.Values(number: number, time: time)
    var chinese = words.chinese.compactMap { Wording.filled($0.value, values) }
    if chinese.isEmpty {
      // Nothing can be said without a number: then 110's, since something must be said.
      values.number = isDrill ? drill : police.first
      chinese = words.chinese.compactMap { Wording.filled($0.value, values) }
    }
    let tibetan = words.tibetan.compactMap { Wording.filled($0.value, values) }
    return finished(chinese, tibetan, isDrill: isDrill)
  }

  private func finished(_ chinese: [String], _ tibetan: [String], isDrill: Bool) -> [String] {
    guard isDrill else { return chinese + tibetan }
    let prefix = draft.drillPrefix.chinese.first?.value ?? ""
    let tibetanPrefix = draft.drillPrefix.tibetan.first?.value ?? prefix
    return chinese.map { prefix + $0 } + tibetan.map { tibetanPrefix + $0 }
  }

  // MARK: - Texts

  /// The index of a text and of what stands for it in a drill. Equal texts share an index only when
  /// their drills are equal too.
  private mutating func intern(_ text: String, drill: String? = nil) -> UInt16 {
    guard !text.isEmpty else { return 0 }
    let key = TextKey(text, drill ?? text)
    if let index = indices[key] { return index }
    guard texts.count < Self.textsMax else {
      isTooBig = true
      return 0
    }
    let index = UInt16(texts.count)
    texts.append(text)
    drills.append(index)
    indices[key] = index
    // A number's twin is set once all numbers are known.
    if let drill, drill.first == "[", drill != text { drills[Int(index)] = intern(drill) }
    return index
  }

  private func target(_ name: String) -> Draft.Target? {
    draft.targets.first { $0.name.value == name }
  }

  private static func number(_ draft: Draft, _ name: Marked<String>?) -> Draft.Number? {
    guard let name else { return nil }
    return draft.numbers.first { $0.name.value == name.value }
  }
}

/// A text and what stands for it in a drill, compared byte by byte: the table of texts is large,
/// and Unicode's canonical order has no say in it.
private struct TextKey: Hashable {
  private let bytes: [UInt8]
  private let mixed: UInt64

  init(_ text: String, _ drill: String) {
    bytes = text == drill ? Array(text.utf8) : Array(text.utf8) + [0x0A] + Array(drill.utf8)
    // FNV-1a, 64 bits.
    mixed = bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  static func == (one: TextKey, other: TextKey) -> Bool {
    one.mixed == other.mixed && one.bytes == other.bytes
  }

  func hash(into hasher: inout Hasher) { hasher.combine(mixed) }
}
