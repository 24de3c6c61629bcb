import Testing
import WeirModel

@testable import WeirPolicy

/// The embedded policy with one rule before all others.
private func policy(_ when: String, rule: String = "all: [nonUrgentRequest]") throws -> Policy {
  let rule = """

    rules:
      - { id: own, priority: 1, owner: "110", clause: 二, zh: 例, en: one, \(rule),
          when: { \(when) } }

    """
  let source = Policy.embeddedSource.replacing("\nrules:\n", with: rule)
  return try Policy(yaml: source, file: "own.yaml")
}

/// Milliseconds since 1970 of a time of 23 November 2026 at +08:00.
private func at(_ hour: Int, _ minute: Int, day: Int = 23) -> Int64 {
  1_795_363_200_000 + (Int64(day - 23) * 1_440 + Int64(hour * 60 + minute)) * 60_000
}

@Suite("What a rule asks of circumstances")
struct CircumstanceTests {
  private let usual = Circumstances(platform: .hotline, channel: .phone, receivedAt: at(12, 0))

  private func isOwn(_ policy: Policy, _ change: (inout Circumstances) -> Void = { _ in }) -> Bool {
    var circumstances = usual
    change(&circumstances)
    let rule = policy.decide(FactSet(.nonUrgentRequest), in: circumstances).rule
    return policy.rules[Int(rule)].id == "own"
  }

  @Test("platform and channel")
  func ways() throws {
    let platform = try policy("platform: \"110\"")
    #expect(!isOwn(platform))
    #expect(isOwn(platform) { $0.platform = .police })
    let hotline = try policy("platform: \"12345\", channel: internet")
    #expect(!isOwn(hotline))
    #expect(isOwn(hotline) { $0.channel = .internet })
    #expect(
      !isOwn(hotline) {
        $0.channel = .internet
        $0.platform = .police
      })
  }

  @Test("a rule may ask of circumstances alone, or beside facts that must not be there")
  func noFacts() throws {
    for rule in ["none: [crime]", "none: [crime, fire]"] {
      let policy = try policy("platform: \"110\"", rule: rule)
      #expect(!isOwn(policy))
      #expect(isOwn(policy) { $0.platform = .police })
      var circumstances = usual
      circumstances.platform = .police
      let other = policy.decide(FactSet(.crime), in: circumstances).rule
      #expect(policy.rules[Int(other)].id != "own")
    }
  }

  @Test("a policy asks at most 28 different things; the rule that asks one more is named")
  func tooMany() throws {
    func source(_ count: Int) -> String {
      let rules = (1...count).map { number in
        "  - { id: own.\(number), priority: \(number), owner: \"110\", clause: 二, zh: 例, en: one,\n"
          + "      all: [nonUrgentRequest], when: { dates: 20\(70 - number)-01-01/2099-01-01 } }\n"
      }
      return Policy.embeddedSource.replacing("\nrules:\n", with: "\nrules:\n" + rules.joined())
    }
    #expect(try Policy(yaml: source(28), file: "own.yaml").rules.contains { $0.id == "own.28" })
    let error = #expect(throws: PolicyError.self) {
      try Policy(yaml: source(29), file: "own.yaml")
    }
    let problem = try #require(error?.problems.first)
    let lines = source(29).split(separator: "\n", omittingEmptySubsequences: false)
    let line = lines.firstIndex { $0.contains("id: own.29,") }
    #expect(problem.line == line.map { $0 + 1 } && problem.message.contains("at most 28"))
  }

  @Test("county: the place of the event, an unknown place being none of them")
  func counties() throws {
    let policy = try policy("county: [\"513322\", \"513301\"]")
    #expect(!isOwn(policy))
    #expect(isOwn(policy) { $0.county = 513_301 })
    #expect(isOwn(policy) { $0.county = 513_322 })
    #expect(!isOwn(policy) { $0.county = 513_323 })
  }

  @Test(
    "hours at +08:00, the end not included, over midnight too",
    arguments: [
      ("08:30-12:00", 12, 0, false), ("08:30-12:00", 11, 59, true), ("08:30-12:00", 8, 30, true),
      ("08:30-12:00", 8, 29, false), ("22:00-06:00", 22, 0, true), ("22:00-06:00", 5, 59, true),
      ("22:00-06:00", 6, 0, false), ("22:00-06:00", 21, 59, false), ("12:00-24:00", 23, 59, true),
      ("12:00-24:00", 0, 0, false),
    ])
  func hours(_ hours: String, _ hour: Int, _ minute: Int, _ holds: Bool) throws {
    let policy = try policy("hours: \"\(hours)\"")
    #expect(isOwn(policy) { $0.receivedAt = at(hour, minute) } == holds)
  }

  @Test("dates at +08:00, first and last included")
  func dates() throws {
    let policy = try policy("dates: 2026-11-23/2026-11-24")
    #expect(isOwn(policy) { $0.receivedAt = at(0, 0) })
    #expect(!isOwn(policy) { $0.receivedAt = at(0, 0) - 1 })
    #expect(isOwn(policy) { $0.receivedAt = at(23, 59, day: 24) })
    #expect(!isOwn(policy) { $0.receivedAt = at(0, 0, day: 25) })
    #expect(When.Dates(from: 20_780, to: 20_781).text == "2026-11-23/2026-11-24")
  }

  @Test("the unit's state", arguments: UnitState.allCases)
  func states(_ asked: UnitState) throws {
    let policy = try policy("unit: \(asked.name)")
    for state in UnitState.allCases {
      #expect(isOwn(policy) { $0.state = state } == (state == asked))
    }
  }

  @Test("never decide a danger away")
  func danger() throws {
    let source = Policy.embeddedSource.replacing(
      "\nrules:\n",
      with: """

        rules:
          - id: own
            priority: 1
            all: [crime]
            when: { unit: overloaded }
            owner: "12345"
            clause: 四(一)1
            zh: 例
            en: one

        """)
    let policy = try Policy(yaml: source, file: "own.yaml")
    let facts = FactSet([.crime, .dangerToProperty])
    var circumstances = usual
    circumstances.state = .overloaded
    #expect(policy.decide(FactSet(.crime), in: circumstances).owner == .hotline)
    #expect(policy.decide(facts, in: circumstances).action == .dispatchFirst)
  }

  @Test("what is lacking is said in both languages")
  func explanation() throws {
    let policy = try policy("platform: \"110\", hours: \"22:00-06:00\", unit: overloaded")
    let tried = policy.explain(FactSet(.nonUrgentRequest), in: usual).tried.first
    #expect(
      tried?.lacked
        == "only received by 110; only received at 22:00-06:00; only while the unit is overloaded")
    #expect(tried?.lackedChinese == "仅限110接到;仅限接到时刻22:00-06:00;仅限系统过载时")
  }

  @Test(
    "what cannot be read is told",
    arguments: [
      ("platform: \"119\"", "unknown platform `119`"), ("channel: fax", "unknown channel `fax`"),
      ("hours: night", "`night` is not a time of day like 22:00-06:00"),
      ("hours: \"24:00-25:00\"", "`24:00-25:00` is not a time of day like 22:00-06:00"),
      ("dates: 2026-02-30/2026-03-01", "`2026-02-30/2026-03-01` is not days like"),
      ("county: [\"1\"]", "`1` is not a county code of six digits"),
      ("unit: tired", "unknown state of the unit `tired`"),
      ("weather: bad", "unknown key `weather`"),
    ])
  func mistakes(_ when: String, _ words: String) {
    let error = #expect(throws: PolicyError.self) { try policy(when) }
    #expect(error?.problems.contains { $0.message.hasPrefix(words) } == true, "\(error as Any)")
  }

  @Test("a rule that only other circumstances reach is reachable, one that none reach is not")
  func reach() throws {
    let rules = """

      rules:
        - { id: a, priority: 1, all: [military], owner: "110", clause: 二, zh: 例, en: one,
            when: { channel: phone } }
        - { id: b, priority: 2, all: [military], owner: "110", clause: 二, zh: 例, en: one,
            when: { channel: internet } }

      """
    let source = Policy.embeddedSource.replacing("\nrules:\n", with: rules)
    let error = #expect(throws: PolicyError.self) { try Policy(yaml: source, file: "own.yaml") }
    #expect(
      error?.problems.map(\.message) == [
        "rule `refuse.military` is unreachable: the rules before it leave nothing to it"
      ])
  }
}

@Suite("Documents that follow one another")
struct PolicyBookTests {
  private func document(_ version: Int, _ from: String, _ to: String?) throws -> Policy {
    let until = to.map { "\n  validTo: \($0)" } ?? ""
    let source = Policy.embeddedSource
      .replacing("garze-2022-38/1", with: "garze/\(version)")
      .replacing("validFrom: 2022-06-07", with: "validFrom: \(from)\(until)")
    return try Policy(yaml: source, file: "\(version).yaml")
  }

  @Test("the one valid when a matter is received decides it; days begin at midnight, +08:00")
  func receivedAt() throws {
    let book = try PolicyBook([
      document(2, "2026-11-23", nil), document(1, "2022-06-07", "2026-11-22"),
    ])
    #expect(book.policies.map(\.version) == ["garze/1", "garze/2"])
    #expect(book.policy(at: at(0, 0) - 1).version == "garze/1")
    #expect(book.policy(at: at(0, 0)).version == "garze/2")
    #expect(book.policy(at: 0).version == "garze/1", "before all of them the first")
    #expect(book.notes.isEmpty)
  }

  @Test("overlapping validity is an error with its place")
  func overlap() throws {
    let two = try [document(1, "2022-06-07", "2026-11-23"), document(2, "2026-11-23", nil)]
    let error = #expect(throws: PolicyError.self) { try PolicyBook(two) }
    let lines = Policy.embeddedSource.split(separator: "\n", omittingEmptySubsequences: false)
    let line = (lines.firstIndex { $0.hasPrefix("  validFrom:") } ?? 0) + 1
    #expect(
      error?.description == "2.yaml:\(line):14: error: valid at the same time as `garze/1` "
        + "(1.yaml:\(line)); end one of them by `validTo`")
    #expect(error?.problems.first?.messageChinese.contains("有效期与“garze/1”") == true)
    let open = try [document(1, "2022-06-07", nil), document(2, "2026-11-23", nil)]
    #expect(throws: PolicyError.self) { try PolicyBook(open) }
  }

  @Test("a version stands once")
  func versions() throws {
    let two = try [document(1, "2022-06-07", "2026-11-22"), document(1, "2026-11-23", nil)]
    let error = #expect(throws: PolicyError.self) { try PolicyBook(two) }
    #expect(error?.problems.first?.message.hasPrefix("version `garze/1` is that of") == true)
  }

  @Test("a gap is noted, and the earlier document goes on")
  func gap() throws {
    let book = try PolicyBook([
      document(1, "2022-06-07", "2026-11-20"), document(2, "2026-11-24", nil),
    ])
    #expect(book.notes.map(\.severity) == [.note])
    #expect(book.policy(at: at(12, 0)).version == "garze/1")
  }

  @Test("a document does not end before it begins")
  func backwards() {
    let error = #expect(throws: PolicyError.self) {
      try document(1, "2026-11-23", "2026-11-22")
    }
    #expect(error?.problems.map(\.message) == ["`validTo` is before `validFrom`"])
  }

  @Test("every day has its number and the number its day")
  func days() {
    #expect(Day.number("1970-01-01") == 0)
    #expect(Day.number("2000-02-29") == 11_016)
    #expect(Day.number("1900-02-29") == nil)
    #expect(Day.number("2026-11-31") == nil)
    for day in stride(from: -200_000, through: 200_000, by: 37) {
      #expect(Day.number(Day.text(day)) == day)
    }
  }
}

@Suite("Tibetan text")
struct TibetanTests {
  @Test("what is missing falls back to Chinese, and each place is noted")
  func notes() throws {
    let notes = Policy.embedded.notes
    #expect(notes.allSatisfy { $0.severity == .note && $0.file == "policy.yaml" })
    #expect(notes.contains { $0.message == "`late` has no Tibetan text; the Chinese is said" })
    let written = Policy.embeddedSource.replacing(
      "{name}:{number}\"\n    bo: []\n  answered:",
      with: "{name}:{number}\"\n    bo: [\"འཕྲལ་དུ {number}\"]\n  answered:")
    let policy = try Policy(yaml: written, file: "own.yaml")
    #expect(policy.notes.count == notes.count - 1)
    let say = policy.texts[Int(policy.sayText(.preAlarm, dial: policy.dialDefault, drill: false))]
    #expect(say.contains("འཕྲལ་དུ 0836-281-2110"))
    #expect(notes.first?.description.contains(": note: ") == true)
  }
}
