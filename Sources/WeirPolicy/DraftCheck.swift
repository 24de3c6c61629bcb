internal import WeirModel

extension Draft {
  /// Most rules a policy may have.
  static let rulesMax = 2_000
  /// Most entries of `beside`: the sentences of every combination are made beforehand.
  static let besidesMax = 6
  /// Most telephone numbers.
  static let numbersMax = 200

  /// Whether an emergency overrules the rule: it would end with 12345, with neither platform, in
  /// talks or in verification.
  func yields(_ rule: Rule) -> Bool {
    guard rule.row != .police, rule.row != .danger else { return false }
    return !keeps.contains { $0.value == rule.id.value }
  }

  /// Facts that make a matter an emergency.
  var emergencies: FactSet { danger.union(urgent) }
}

extension Draft.Rule {
  var condition: Condition {
    Condition(
      all: TermSet(all).union(asked.all), any: TermSet(any),
      none: TermSet(none).union(asked.none))
  }
}

/// Checks what no single part of a policy file can show by itself.
struct DraftCheck {
  let draft: Draft
  let findings: Findings

  /// Runs every check; what is wrong goes to the findings.
  func run() {
    checkNames()
    checkOrder()
    checkReach()
    checkDanger()
    checkReferences()
    checkGuides()
    checkCells()
    checkEnds()
    checkDecided()
  }

  private var everyRule: [Draft.Rule] {
    draft.rules + [draft.dangerRule, draft.fallback].compactMap { $0 }
  }

  private func checkNames() {
    var seen: [String: Place] = [:]
    for rule in everyRule {
      if let first = seen[rule.id.value] {
        findings.add(.repeated(.rule, rule.id.value, line: first.line), at: rule.id.place)
      } else {
        seen[rule.id.value] = rule.id.place
      }
    }
    if draft.rules.count > Draft.rulesMax {
      findings.add(.tooMany(.rule, most: Draft.rulesMax), at: draft.rules[Draft.rulesMax].id.place)
    }
    if draft.numbers.count > Draft.numbersMax {
      let place = draft.numbers[Draft.numbersMax].name.place
      findings.add(.tooMany(.number, most: Draft.numbersMax), at: place)
    }
    var digits: [String: Place] = [:]
    for number in draft.numbers {
      if let first = digits[number.digits.value] {
        findings.add(
          .repeated(.number, number.digits.value, line: first.line), at: number.digits.place)
      } else {
        digits[number.digits.value] = number.digits.place
      }
    }
  }

  private func checkOrder() {
    var seen: [Int: String] = [:]
    for rule in draft.rules {
      guard let priority = rule.priority else { continue }
      if let other = seen[priority.value] {
        findings.add(
          .tie(rule.id.value, with: other, priority: priority.value), at: priority.place)
      } else {
        seen[priority.value] = rule.id.value
      }
    }
  }

  /// Rules that no set of facts ever leads to.
  private func checkReach() {
    // The search takes its time, and too many rules are wrong anyway.
    guard draft.rules.count <= Draft.rulesMax else { return }
    var earlier: [Draft.Rule] = []
    for rule in draft.ordered where rule.isWhole {
      if let fact = rule.all.intersection(rule.none).facts.first {
        findings.add(.neverMatches(rule.id.value, fact: fact.name), at: rule.id.place)
      } else if !rule.any.isEmpty, rule.none.isSuperset(of: rule.any) {
        let fact = rule.any.facts.first?.name ?? ""
        findings.add(.neverMatches(rule.id.value, fact: fact), at: rule.id.place)
      } else if rule.all.isEmpty, rule.any.isEmpty, rule.none.isEmpty, rule.when.isEmpty {
        findings.add(.noCondition(rule.id.value), at: rule.id.place)
      } else {
        checkReach(rule, after: earlier)
        earlier.append(rule)
      }
    }
  }

  private func checkReach(_ rule: Draft.Rule, after earlier: [Draft.Rule]) {
    let conditions = earlier.map(\.condition)
    // A misspelt name in `keeps` is told by itself.
    let isKept = draft.keeps.contains { name in !draft.rules.contains { $0.id.value == name.value }
    }
    let overruled = draft.yields(rule) && !isKept ? draft.emergencies : []
    if Reachability.canDecide(rule.condition, after: conditions, forbidden: TermSet(overruled)) {
      return
    }
    let cover = earlier.first { $0.condition.covers(rule.condition) }
    let isFree = Reachability.canDecide(rule.condition, after: conditions)
    let behind = cover?.id.value ?? (isFree ? draft.dangerRule?.id.value : nil)
    findings.add(.unreachable(rule.id.value, behind: behind), at: rule.id.place)
  }

  private func checkDanger() {
    if let rule = draft.dangerRule, rule.owner != .unclear || rule.row != .danger {
      findings.add(.dangerRuleWrong, at: rule.id.place)
    }
    for name in draft.keeps {
      guard let rule = draft.rules.first(where: { $0.id.value == name.value }) else {
        unknown(.rule, name, among: draft.rules.map(\.id.value))
        continue
      }
      let guide = rule.guide.first?.value ?? ""
      let isKnown =
        rule.row != .neither || rule.guide.isEmpty || draft.names.targets.contains(guide)
      let target = draft.targets.first { $0.name.value == guide }
      let digits = draft.numbers.first { $0.name.value == target?.number?.value }?.digits.value
      if isKnown, rule.row != .neither || !Self.emergencyNumbers.contains(digits ?? "") {
        findings.add(.keepsNeedsNumber(name.value), at: name.place)
      }
    }
  }

  /// Where an emergency may be sent by guidance.
  private static let emergencyNumbers = ["110", "119", "120", "122"]

  /// Cells and rules by which an emergency would end with 12345, or with nobody.
  private func checkEnds() {
    for cell in draft.cells where !endsWell(cell) {
      findings.add(.emergencyEnds(cell.way.rawValue, action: cell.action.name), at: cell.place)
    }
    for rule in draft.rules + [draft.fallback].compactMap({ $0 })
    where rule.isEmergency && draft.yields(rule) {
      let actions = draft.cells.filter { $0.row == rule.row }.map(\.action.name)
      findings.add(.emergencyEnds(rule.id.value, action: actions.first ?? ""), at: rule.id.place)
    }
  }

  /// Whether an emergency that comes to this cell reaches 110 or the number of its guide.
  private func endsWell(_ cell: Draft.Cell) -> Bool {
    switch (cell.row, cell.action) {
    case (.police, .transferByPhone), (.police, .transferOnline): cell.way.platform == .hotline
    case (.police, .acceptHere): cell.way.platform == .police
    case (.police, let action): action == .dispatchFirst
    // Rows without emergencies but for what `keeps` names; the danger row has a check of its own.
    case (.neither, let action): draft.keeps.isEmpty || action == .explainAndGuide
    case (.hotline, _), (.unclear, _), (.verify, _), (.danger, _): true
    }
  }

  /// Without a default: what nobody decides, by the fewest facts.
  private func checkDecided() {
    guard draft.fallback == nil, let place = draft.rules.first?.id.place,
      draft.rules.allSatisfy(\.isWhole)
    else { return }
    let conditions = draft.ordered.map(\.condition)
    var undecided: [FactSet] = []
    for kind in TermBook.kinds(of: [draft.terms]) {
      let terms = draft.terms.terms(in: kind)
      _ = Partition.walk([(conditions, terms)], partsMax: 50_000) { part in
        if part.firsts == [nil], !undecided.contains(part.present) {
          undecided.append(part.present)
        }
      }
    }
    for facts in undecided.sorted(by: { $0.facts.count < $1.facts.count }).prefix(3) {
      let names = facts.facts.map(\.name).joined(separator: " + ")
      findings.add(.undecided(names), at: place)
    }
  }

  private func checkReferences() {
    for clause in everyRule.map(\.clause) + draft.facts.map(\.clause) {
      check(.clause, clause, among: draft.names.clauses)
    }
    for guide in everyRule.flatMap(\.guide) { check(.target, guide, among: draft.names.targets) }
    let named =
      [draft.policeNumber, draft.hotlineNumber, draft.drillNumber] + draft.targets.map(\.number)
      + draft.counties.map(\.number) + draft.besides.map(\.number)
    for number in named.compactMap({ $0 }) { check(.number, number, among: draft.names.numbers) }
  }

  private func checkGuides() {
    for rule in everyRule {
      if rule.row == .neither, rule.guide.isEmpty {
        findings.add(.guideMissing(rule.id.value), at: rule.id.place)
      }
      if rule.row != .neither, let guide = rule.guide.first {
        findings.add(.guideNeedless(rule.id.value), at: guide.place)
      }
    }
  }

  private func checkCells() {
    for cell in draft.cells {
      if let say = cell.say {
        check(.words, say, among: draft.names.speech)
      } else if cell.row == .police || cell.row == .danger || cell.row == .neither {
        let name = "\(cell.row.rawValue), \(cell.way.rawValue)"
        findings.add(.mustBeSaid(name), at: cell.place)
      }
      if cell.row == .danger, cell.action != .dispatchFirst {
        findings.add(.dangerMustDispatch(cell.way.rawValue), at: cell.place)
      }
    }
  }

  private func check(_ noun: Fault.Noun, _ name: Marked<String>, among names: [String]) {
    if !names.contains(name.value) { unknown(noun, name, among: names) }
  }

  private func unknown(_ noun: Fault.Noun, _ name: Marked<String>, among names: [String]) {
    findings.add(
      .unknown(noun, name.value, near: Nearest.word(to: name.value, among: names)), at: name.place)
  }
}

extension Draft {
  /// The rules by priority.
  var ordered: [Rule] {
    rules.sorted { ($0.priority?.value ?? 0) < ($1.priority?.value ?? 0) }
  }
}
