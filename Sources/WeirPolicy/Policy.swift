public import WeirModel

/// The notice as data: who takes a matter, what is done next, and what is said meanwhile.
///
/// A policy is made once from a YAML text and never changes; copies share it. ``decide`` is the
/// only part that stands in the path of a message.
///
/// ```swift
/// let decision = Policy.embedded.decide(
///   FactSet(.dangerToLife), platform: .hotline, channel: .phone, role: .outer)
/// print(Policy.embedded.texts[Int(decision.decisionText)])
/// ```
public struct Policy: Sendable {
  /// The version that stands in every decision: `garze-2022-38/1`.
  public let version: String
  /// What decisions point to by index: JSON fragments, and telephone numbers as plain digits.
  /// Index 0 is the empty text.
  public let texts: [String]
  /// Spans in milliseconds, and where the minute starts.
  public let timing: Timing
  /// The document that the policy carries out.
  public let document: Document
  /// What is worth knowing of the file though nothing is wrong with it, in the order of its lines.
  public let notes: [Problem]
  /// Text index of the default 110 number, for refusals that know no matter.
  public let dialDefault: UInt16
  /// The name of the file that it was read from.
  public let file: String
  /// The YAML text that it was made from.
  public let source: String
  let places: Places
  let tables: Tables

  /// Where in the file stands what only several files together can contradict.
  struct Places: Sendable {
    let version: Place
    let validFrom: Place
  }

  /// The notice 甘办〔2022〕38号, compiled from ``embeddedSource``.
  public static let embedded: Policy = {
    do {
      return try Policy(yaml: embeddedSource, file: "policy.yaml")
    } catch {
      // Our own file: a mistake in it is a mistake of ours, and a test stands before it.
      fatalError("the embedded policy is broken:\n\(error)")
    }
  }()

  /// The YAML text of the embedded policy, to start an own one from.
  public static let embeddedSource = String(decoding: PackageResources.policy_yaml, as: UTF8.self)

  /// Reads, checks and compiles a policy file.
  ///
  /// - Parameters:
  ///   - yaml: the text of the file.
  ///   - file: its name, for problems.
  /// - Throws: every problem of the file at once, each with its place.
  public init(yaml: String, file: String) throws(PolicyError) {
    let findings = Findings(file: file)
    guard let root = YamlFile.root(of: yaml, findings: findings) else { throw findings.error }
    let draft = DraftReader(root, findings: findings).draft
    DraftCheck(draft: draft, findings: findings).run()
    guard findings.isEmpty, let compiler = Compiler(draft), !compiler.isTooBig else {
      if findings.isEmpty {
        findings.add(.tooMany(.text, most: Compiler.textsMax), at: Place(line: 1, column: 1))
      }
      throw findings.error
    }
    source = yaml
    self.file = file
    version = draft.version.value
    texts = compiler.texts
    timing = draft.timing
    document = Document(draft.heading)
    notes = findings.notes
    places = Places(
      version: draft.version.place,
      validFrom: draft.heading.validFrom?.place ?? Place(line: 1, column: 1))
    dialDefault = compiler.dial(of: compiler.police.first)
    tables = Tables(compiler)
  }

  /// The rules in the order in which they are tried; behind them the default, then the rule that
  /// takes over where an emergency would be decided away. A decision's `rule` is an index in here.
  public var rules: [Rule] { tables.rules }

  /// The clauses of the notice, in the order of the file.
  public var clauses: [Clause] { tables.clauses }

  /// The Chinese name of a fact.
  public func name(of fact: Fact) -> String { tables.factNames[Int(fact.rawValue)].chinese }

  /// The English name of a fact.
  func englishName(of fact: Fact) -> String { tables.factNames[Int(fact.rawValue)].english }

  /// The Chinese name of a county in the policy's table, or nil.
  public func name(ofCounty code: UInt32) -> String? {
    tables.countyNames.first { $0.code == code }?.chinese
  }

  /// The counties of the policy's table with the 110 number that desks call for each.
  public var policeNumbers: [(county: String, spoken: String)] { tables.policeNumbers }

  /// The JSON Schema of policy files, for editors.
  public static let schema = String(decoding: PackageResources.policy_schema_json, as: UTF8.self)

  /// Decides who takes a matter and what is done next, in normal state and at no certain time.
  ///
  /// - Parameters:
  ///   - facts: what was ticked.
  ///   - platform: where the matter came in.
  ///   - channel: how it came in.
  ///   - role: the unit that decides; `weir judge` decides as an outer one.
  ///   - county: the place of the event, six digits; 0, or one that is not in the table, stands for
  ///     an unknown place and takes the default 110 number.
  public func decide(
    _ facts: FactSet, platform: Platform, channel: Channel, role: UnitRole, county: UInt32 = 0
  ) -> Decision {
    decide(
      facts, in: Circumstances(platform: platform, channel: channel, role: role, county: county))
  }

  /// Decides who takes a matter and what is done next. Allocates nothing.
  ///
  /// - Parameters:
  ///   - facts: what was ticked.
  ///   - circumstances: where, when and in what state of the unit.
  public func decide(_ facts: FactSet, in circumstances: Circumstances) -> Decision {
    let isEmergency = facts.rawValue & tables.emergencyMask != 0
    let terms = TermSet(facts).union(tables.terms.terms(in: circumstances))
    var rule = tables.firstMatch(terms.rawValue)
    // Danger is never decided away.
    if isEmergency, tables.yields[rule] { rule = tables.dangerRule }
    let isSupervised = facts.rawValue & tables.supervisionMask != 0
    let way =
      Int(circumstances.platform.rawValue - 1) * 4 + Int(circumstances.channel.rawValue - 1) * 2
    let bits = (isEmergency ? 2 : 0) + (isSupervised ? 1 : 0)
    let index = (way + (circumstances.role == .inner ? 1 : 0)) * 4 + bits
    let outcome = tables.outcomes[rule * Tables.outcomesPerRule + index]
    var decision = outcome.decision
    // A complaint about police never goes to the county desk complained about.
    let slot = circumstances.county == 0 || isSupervised ? 0 : tables.slot(of: circumstances.county)
    decision.policeDialText = tables.policeDials[slot]
    if outcome.dialsPolice { decision.dialText = tables.policeDials[slot] }
    let beside = outcome.policeActs ? tables.beside(facts.rawValue) : 0
    let row = Int(outcome.speech) * tables.policeDials.count + slot
    decision.sayText = tables.says[(row << tables.besideMasks.count) + beside]
    return decision
  }

  /// The text index of a sentence as a JSON array; 0 when there is nothing to say.
  ///
  /// - Parameters:
  ///   - sentence: what is to be said. The words of `.decision` are the decision's own `sayText`,
  ///     so that it is 0 here.
  ///   - dial: the text index of the number that the matter dials, 0 for none; lines that need a
  ///     number are then left out, unless nothing would remain: then it is 110's.
  ///   - drill: in a drill every line begins with 【演练】 and names the drill number.
  public func sayText(_ sentence: Sentence, dial: UInt16, drill: Bool) -> UInt16 {
    let known = Int(dial) <= tables.numberCount ? Int(dial) : 0
    let row = Int(sentence.rawValue) * (tables.numberCount + 1) + known
    return tables.sentences[row * 2 + (drill ? 1 : 0)]
  }

  /// What stands for a decision's `sayText` or `dialText` in a drill: sentences that begin with
  /// 【演练】 and name the drill number, and the drill number itself. Other texts are their own.
  public func drillText(_ text: UInt16) -> UInt16 {
    Int(text) < tables.drills.count ? tables.drills[Int(text)] : text
  }

  /// A decision as a drill says and dials it.
  public func drilled(_ decision: Decision) -> Decision {
    var drilled = decision
    drilled.sayText = drillText(decision.sayText)
    drilled.dialText = drillText(decision.dialText)
    drilled.policeDialText = drillText(decision.policeDialText)
    return drilled
  }
}

/// The document that a policy carries out.
public struct Document: Equatable, Sendable {
  /// 文号: 甘办〔2022〕38号.
  public let number: String
  /// 标题.
  public let title: String
  /// 发文机关.
  public let issuer: String
  /// The day from which it holds, as `2022-06-07`.
  public let validFrom: String
  /// The last day on which it holds; nil until further notice.
  public let validTo: String?
  /// The same as days since 1970-01-01; the first day of all when the file has none.
  let firstDay: Int
  let lastDay: Int?

  init(_ heading: Draft.Heading) {
    number = heading.number
    title = heading.title
    issuer = heading.issuer
    firstDay = heading.validFrom?.value ?? 0
    lastDay = heading.validTo?.value
    validFrom = Day.text(firstDay)
    validTo = lastDay.map(Day.text)
  }
}

/// A clause of the document, by its own number.
public struct Clause: Equatable, Sendable {
  /// The number: `一(一)`, `四(二)3`, `五`.
  public let name: String
  /// What it says.
  public let chinese: String
  /// The same in English.
  public let english: String
  /// Document and item that it rests on.
  public let source: String
}

/// A rule as people see it.
public struct Rule: Equatable, Sendable {
  /// Its name in decisions: `help.life`. It never gets another meaning.
  public let id: String
  /// The lowest is tried first; nil for the default and for the danger rule.
  public let priority: Int?
  /// Every one of these facts must be there.
  public let all: FactSet
  /// At least one of these must be there; no demand when empty.
  public let any: FactSet
  /// Not one of these may be there.
  public let none: FactSet
  /// What it asks of circumstances.
  public let when: When
  /// Who takes the matter.
  public let owner: Owner
  /// The row of the action table.
  public let handling: String
  /// The clause that it carries out.
  public let clause: String
  /// Document and item that the clause rests on.
  public let source: String
  /// The bodies people are guided to, in Chinese; the first stands in the decision.
  public let guide: [String]
  /// What it says, in Chinese.
  public let chinese: String
  /// What it says, in English.
  public let english: String
}

extension Tables {
  /// The first rule whose condition holds, or the default. Only rules that wait for a fact that is
  /// there are looked at.
  func firstMatch(_ terms: UInt64) -> Int {
    let word = terms | UInt64(Self.always)
    var first = fallback
    var rest = UInt32(truncatingIfNeeded: word)
    while rest != 0 {
      let fact = rest.trailingZeroBitCount
      rest &= rest - 1
      for index in starts[fact]..<starts[fact + 1] {
        let match = matches[index]
        guard match.rule < first else { break }
        if word & match.watched == match.wanted, word & UInt64(match.any) != 0 {
          first = match.rule
          break
        }
      }
    }
    return first
  }

  /// The 110 number of a county; slot 0 is the default one.
  func slot(of county: UInt32) -> Int {
    var low = 0
    var high = counties.count
    while low < high {
      let middle = (low + high) / 2
      if counties[middle].code < county { low = middle + 1 } else { high = middle }
    }
    return low < counties.count && counties[low].code == county ? counties[low].slot : 0
  }

  /// Which of the neighbouring facts are there, one bit each.
  func beside(_ facts: UInt32) -> Int {
    guard facts & besideMask != 0 else { return 0 }
    var combination = 0
    for index in besideMasks.indices where facts & besideMasks[index] != 0 {
      combination |= 1 << index
    }
    return combination
  }
}
