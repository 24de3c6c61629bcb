import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Testing
import WeirModel

@Suite struct CrossingTests {
  /// Twelve matters and some life in them.
  private func work(_ pair: Pair, _ prefix: String = "m", rounds: Int = 12) throws -> [String] {
    let client = try pair.outer.connect()
    var numbers: [String] = []
    for i in 0..<rounds {
      let facts = [["dangerToLife"], ["crime"], [], ["fire"]][i % 4]
      let answer = try pair.outer.one(
        client, Ask.intake("\(prefix)\(i)", facts, more: ",\"text\":\"第\(i)件\""))
      let number = try #require(answer.string("handover"))
      numbers.append(number)
      pair.pass(300)
      if i % 3 == 0 && !facts.isEmpty {
        #expect(try pair.outer.one(client, Ask.event(number, "transferStarted")).isDurable)
      }
      if i % 4 == 0 {
        #expect(try pair.outer.one(client, Ask.event(number, "transferAnswered")).isDurable)
      }
    }
    pair.outer.disconnect(client)
    return numbers
  }

  private func expectConverged(_ pair: Pair, sourceLocation: SourceLocation = #_sourceLocation) {
    let wanted = JournalOracle(pair.outer).crossing("kd1")
    #expect(!wanted.isEmpty, sourceLocation: sourceLocation)
    #expect(pair.latestDelivered == wanted, sourceLocation: sourceLocation)
    #expect(pair.inner.names(in: "/out/.quarantine").isEmpty, sourceLocation: sourceLocation)
    #expect(pair.reused == 0, "a nonce was used twice", sourceLocation: sourceLocation)
    let marks = JournalOracle(pair.inner).marks
    #expect(Set(marks).count == marks.count, "delivered twice", sourceLocation: sourceLocation)
    for name in pair.delivered {
      #expect(marks.contains(name), "published and not marked", sourceLocation: sourceLocation)
    }
  }

  @Test(
    "whatever the line loses, repeats or turns around, the inner unit has the latest of all",
    arguments: [0, 5, 20, 50])
  func converges(lost: Int) throws {
    for seed in 1...3 as ClosedRange<UInt64> {
      let pair = try Pair(seed: seed)
      try pair.open()
      pair.weather = Weather(lost: lost, repeated: lost / 2, late: lost / 2)
      _ = try work(pair)
      pair.pass(lost == 50 ? 20_000 : 8000, step: 50)
      expectConverged(pair)
    }
  }

  @Test("what is delivered is the record as it crossed, wrapped with what the inner unit knows")
  func item() throws {
    let pair = try Pair(seed: 4)
    try pair.open()
    let numbers = try work(pair, rounds: 1)
    pair.pass(3000)
    let first = pair.inner.content("/out/\(numbers[0])-r1.json")
    #expect(first.has("{\"kind\":\"matter\",\"handover\":\"\(numbers[0])\""))
    #expect(first.has("\"firstOfMatter\":true") && first.has("\"stale\":false"))
    #expect(first.has("\"text\":\"第0件\"") && !first.has("\"ref\":"))
    let code = try #require(first.string("receipt"))
    let readings = Dictionary(uniqueKeysWithValues: zip("0123456789", "洞幺两三四五六拐八勾"))
    let read = String(code.compactMap { readings[$0] })
    #expect(code.count == 6)
    #expect(first.string("receiptReading") == "\(read.prefix(3)) \(read.suffix(3))")
    let last = pair.inner.content("/out/\(numbers[0])-r3.json")
    #expect(last.has("\"firstOfMatter\":false") && last.has("transferAnswered"))
  }

  @Test("an hour of darkness: silence is alarmed and ends, and all is across soon after")
  func darkness() throws {
    let pair = try Pair(seed: 5)
    try pair.open()
    pair.pass(1000)
    pair.weather.isDark = true
    _ = try work(pair)
    pair.pass(3_600_000, step: 5000)
    #expect(pair.alarms("silence", "begin").count == 1)
    #expect(pair.alarms("silence", "end").isEmpty && pair.delivered.isEmpty)
    let words = pair.inner.content("/out/" + pair.alarms("silence", "begin")[0])
    #expect(words.has("12345链路中断,自18:31起,来件可能缺失"), "\(words)")
    pair.weather.isDark = false
    pair.pass(5000)
    #expect(pair.alarms("silence", "end").count == 1)
    expectConverged(pair)
  }

  @Test("after a restart of the outer unit the record that crosses bears its own revision")
  func restartBehindOwnEvents() throws {
    let pair = try Pair(seed: 6)
    try pair.open()
    pair.weather.isDark = true
    let numbers = try work(pair, rounds: 2)
    pair.pass(40_000, step: 1000)
    pair.outer.crash()
    try #require(pair.outer.open() == .ok)
    pair.weather.isDark = false
    pair.pass(4000)
    let mine = pair.latestDelivered[numbers[1]]
    let all = JournalOracle(pair.outer).matters.values.first { $0.number("kd1") == numbers[1] }
    #expect(try #require(mine) < #require(all?.revision), "a pre-alarm does not cross")
    expectConverged(pair)
  }

  @Test("missing numbers are alarmed by name, and the alarm ends when they are here")
  func gaps() throws {
    let pair = try Pair(seed: 7)
    try pair.open()
    pair.pass(1000)
    let client = try pair.outer.connect()
    pair.weather.isDark = true
    for i in 0..<3 { #expect(try pair.outer.one(client, Ask.intake("g\(i)")).isDurable) }
    // Only heartbeats come through: the line drops whatever is longer.
    pair.weather.isDark = false
    pair.onlyShort = true
    pair.pass(4000)
    let begun = pair.alarms("gap", "begin")
    try #require(begun.count == 1)
    #expect(pair.inner.content("/out/" + begun[0]).has("12345来件缺号:1-3"))
    pair.onlyShort = false
    pair.pass(4000)
    #expect(pair.alarms("gap", "end").count == 1)
    expectConverged(pair)
  }

  @Test(
    "a restored outer unit: numbers come again with other content: conflicts, and no nonce twice"
  )
  func restored() throws {
    let pair = try Pair(seed: 8)
    try pair.open()
    _ = try work(pair, rounds: 2)
    pair.pass(2000)
    let copy = try House(.init(seed: 99))
    pair.outer.copyJournal(to: copy)
    _ = try work(pair, "later", rounds: 3)
    pair.pass(3000)
    let before = pair.delivered
    let client = try begin(copy, insteadOfOuterOf: pair)
    for i in 0..<3 {
      #expect(try copy.one(client, Ask.intake("new\(i)", more: ",\"text\":\"另一件\"")).isDurable)
    }
    pass(4000, copy, pair)
    #expect(pair.reused == 0)
    let conflicts = pair.delivered.filter { $0.contains("-conflict-") }
    #expect(conflicts.count == 2, "\(pair.delivered)")
    #expect(pair.alarms("conflict", "once").count == conflicts.count)
    for name in conflicts { #expect(pair.inner.content("/out/" + name).has("\"conflict\":true")) }
    for name in before { #expect(pair.delivered.contains(name)) }
  }

  /// The restored disk takes the outer unit's place, at the same time of day.
  private func begin(_ copy: House, insteadOfOuterOf pair: Pair) throws -> UInt32 {
    pair.outer.close()
    weir_faulty_os_set_wall_ms(copy.faulty, pair.inner.wall)
    weir_faulty_os_set_boot_ns(copy.faulty, pair.inner.boot * 1_000_000)
    try #require(copy.open() == .ok, "\(copy.problem)")
    return try copy.connect()
  }

  private func pass(_ milliseconds: UInt64, _ copy: House, _ pair: Pair) {
    for _ in 0..<milliseconds / 100 {
      pair.advance(100)
      copy.advance(100)
      copy.pump()
      pair.collect(from: copy)
      pair.settle()
    }
  }

  @Test("a handover that comes again under another crossing number takes no earlier item's name")
  func restoredElsewhere() throws {
    let pair = try Pair(seed: 13)
    try pair.open()
    let client = try pair.outer.connect()
    #expect(try pair.outer.one(client, Ask.intake("a")).isDurable)
    let copy = try House(.init(seed: 99))
    pair.outer.copyJournal(to: copy)
    // The second number does not cross, the third one does under crossing number 2.
    #expect(try pair.outer.one(client, Ask.intake("b", ["nonUrgentRequest"])).isDurable)
    let third = try #require(
      try pair.outer.one(client, Ask.intake("c", more: ",\"text\":\"先来的\"")).string("handover"))
    pair.pass(3000)
    let before = pair.inner.content("/out/\(third)-r1.json").description
    #expect(before.contains("先来的") && before.contains("\"crossing\":2"))
    let desk = try begin(copy, insteadOfOuterOf: pair)
    for ref in ["x", "y"] { #expect(try copy.one(desk, Ask.intake(ref)).isDurable) }
    pass(3000, copy, pair)
    #expect(try copy.one(desk, Ask.event(third, "transferAnswered")).isDurable)
    pass(6000, copy, pair)
    #expect(pair.inner.content("/out/\(third)-r1.json").description == before)
    let conflicts = pair.delivered.filter { $0.contains("-conflict-") }
    let other = conflicts.filter { $0.hasPrefix(third) }
    #expect(other.count == 2 && conflicts.count == 3, "\(pair.delivered)")
    for name in other {
      let item = pair.inner.content("/out/" + name)
      #expect(item.has("\"conflict\":true") && item.number("crossing") == 3)
    }
    let marks = JournalOracle(pair.inner).marks
    #expect(Set(marks).count == marks.count)
    #expect(pair.alarms("gap", "begin").count == pair.alarms("gap", "end").count)
    // The inner unit knows it after a start, too.
    pair.inner.crash()
    try #require(pair.inner.open() == .ok)
    pass(3000, copy, pair)
    #expect(pair.delivered.filter { $0.contains("-conflict-") } == conflicts)
  }

  /// A run that sends so many numbers on a stream, each with this text.
  private func flood(
    _ pair: Pair, _ count: UInt64, text: String, epoch: UInt64, stream: UInt32 = 1
  ) throws {
    let forger = try Forger(
      bootEpoch: epoch, stream: stream, wall: pair.inner.wall, capacity: UInt32(count))
    for crossing in 1...count {
      let number = "kd1-20261123-" + String(String(1_000_000 + crossing).dropFirst())
      let record = Forger.record(number, text: text)
      for var bytes in forger.datagrams(crossing, 1, record) {
        weir_unit_received(pair.inner.unit, &bytes, bytes.count)
      }
      if crossing % 64 == 0 { pair.inner.pump() }
    }
    pair.inner.pump()
  }

  @Test("each of very many conflicts is delivered once and alarmed once, over a start too")
  func manyConflicts() throws {
    let many: UInt64 = 4100
    let pair = try Pair(seed: 17, inner: .init(directory: false, stream: true))
    try pair.open()
    try flood(pair, many, text: "先来的", epoch: 1000)
    for stream in 1...2 as ClosedRange<UInt32> {
      try flood(pair, many, text: "另一件", epoch: 2000, stream: stream)
      let marks = JournalOracle(pair.inner).marks
      let conflicts = marks.filter { $0.contains("-conflict-") && !$0.hasPrefix("ALARM") }
      #expect(conflicts.count == Int(many), "stream \(stream)")
      #expect(Set(marks).count == marks.count)
      pair.inner.crash()
      try #require(pair.inner.open() == .ok)
    }
  }

  @Test(
    "an emptied folder gives a number again: no code confirms the new matter, all of it conflicts")
  func emptied() throws {
    let pair = try Pair(seed: 15)
    try pair.open()
    let client = try pair.outer.connect()
    let old = try pair.outer.one(client, Ask.intake("a", more: ",\"text\":\"先来的\""))
    pair.pass(3000)
    let copy = try House(.init(seed: 99))
    let desk = try begin(copy, insteadOfOuterOf: pair)
    let new = try copy.one(desk, Ask.intake("b", more: ",\"text\":\"后来的\""))
    let number = try #require(new.string("handover"))
    try #require(new.isDurable && old.string("handover") == number)
    // Before the link says anything, people compare: the other one lies inside.
    let inside = try ask(pair.inner, "")
    for code in ["code", "stateCode"] {
      let typed = try #require(inside.string(code))
      let more = ",\"range\":\"1-1\",\"code\":\"\(typed)\",\"by\":\"王队\""
      #expect(try ask(copy, more).code == "wrongCode", "\(code)")
    }
    pass(3000, copy, pair)
    for event in ["transferStarted", "transferAnswered"] {
      #expect(try copy.one(desk, Ask.event(number, event)).isDurable)
      pass(3000, copy, pair)
    }
    // A start of the inner unit changes nothing in this.
    pair.inner.crash()
    try #require(pair.inner.open() == .ok)
    #expect(try copy.one(desk, Ask.update("u", number, text: "后来的,又问")).isDurable)
    pass(3000, copy, pair)
    let items = pair.delivered.filter { $0.hasPrefix(number) }
    let news = items.filter { pair.inner.content("/out/" + $0).has("后来的") }
    #expect(items.count == 5 && news.count == 4, "\(items)")
    for name in news { #expect(pair.inner.content("/out/" + name).has("\"conflict\":true")) }
    // It lies inside now, as a conflict: the code of states says so.
    let states = try #require(try ask(pair.inner, "").string("stateCode"))
    #expect(try ask(copy, "").string("stateCode") == states)
  }

  private func ask(_ house: House, _ more: String) throws -> Line {
    let client = try house.connect(control: true)
    defer { house.disconnect(client) }
    return try house.one(client, "{\"op\":\"digest\"\(more)}")
  }

  @Test("a number that is in conflict with a higher revision is missing no more")
  func conflictOfHigherRevision() throws {
    let pair = try Pair(seed: 14)
    try pair.open()
    let copy = try House(.init(seed: 99))
    pair.outer.copyJournal(to: copy)
    let client = try pair.outer.connect()
    #expect(try pair.outer.one(client, Ask.intake("a")).isDurable)
    pair.pass(3000)
    let desk = try begin(copy, insteadOfOuterOf: pair)
    #expect(try copy.one(desk, Ask.intake("b", ["nonUrgentRequest"])).isDurable)
    let number = try #require(try copy.one(desk, Ask.intake("c")).string("handover"))
    #expect(try copy.one(desk, Ask.event(number, "transferAnswered")).isDurable)
    pass(6000, copy, pair)
    #expect(pair.delivered.contains { $0.hasPrefix("\(number)-r2-conflict-") }, "\(pair.delivered)")
    #expect(pair.alarms("gap", "begin").count == pair.alarms("gap", "end").count)
  }

  @Test(
    "a revision keeps the time of its first sending over a start of the outer unit",
    arguments: ["a clean stop", "a crash", "a power cut"])
  func keepsSentAt(_ end: String) throws {
    let pair = try Pair(seed: 16)
    try pair.open()
    pair.weather.isDark = true
    pair.pass(500)
    let client = try pair.outer.connect()
    let arose = pair.outer.wall
    // Every copy is lost, and only a clean stop sums them up.
    let number = try #require(try pair.outer.one(client, Ask.intake("a")).string("handover"))
    pair.pass(5300)
    switch end {
    case "a clean stop": #expect(pair.outer.stop())
    case "a crash": pair.outer.crash()
    default: pair.outer.powerCut(3)
    }
    try #require(pair.outer.open() == .ok)
    pair.weather.isDark = false
    pair.pass(3000)
    let item = pair.inner.content("/out/\(number)-r1.json")
    let sent = try #require(item.string("sentAt"))
    #expect(sent == Ask.time(arose) || sent == Ask.time(arose + 100), "\(item)")
    #expect(item.number("ageMs") ?? 0 > 5000)
  }

  @Test("a busy desk of the inner unit does not keep what crosses waiting")
  func busyInner() throws {
    let pair = try Pair(seed: 12)
    try pair.open()
    let client = try pair.outer.connect()
    let desk = try pair.inner.connect()
    let number = try #require(try pair.outer.one(client, Ask.intake("a")).string("handover"))
    for i in 0..<40 {
      pair.advance(50)
      pair.outer.pump()
      // One job a turn, and a request before each: the journal always has something to write.
      for j in 0..<3 {
        pair.inner.send(desk, Ask.intake("d\(i)-\(j)", ["crime"], by: "110"))
        _ = pair.inner.turn()
        if j == 0 { pair.carry() }
        _ = pair.inner.work()
      }
      _ = pair.inner.receive(desk)
    }
    #expect(pair.latestDelivered[number] == 1)
  }

  @Test("an unjudged step with danger crosses and is delivered, not quarantined")
  func undecidedCrosses() throws {
    let pair = try Pair(seed: 10)
    try pair.open()
    let client = try pair.outer.connect()
    pair.outer.desk.isAsleep = true
    let number = try #require(try pair.outer.one(client, Ask.intake("a")).string("handover"))
    pair.outer.desk.isAsleep = false
    pair.pass(3000)
    #expect(pair.latestDelivered[number] == 1)
    expectConverged(pair)
  }

  @Test("a matter with more text than a record may hold crosses all the same")
  func longMatter() throws {
    let pair = try Pair(seed: 11)
    try pair.open()
    let client = try pair.outer.connect()
    let number = try #require(
      try pair.outer.one(client, Ask.intake("a", more: ",\"text\":\"首报\"")).string("handover"))
    let text = String(repeating: "汉", count: 1990)
    for i in 0..<31 {
      #expect(
        try pair.outer.one(client, Ask.update("u\(i)", number, text: text + "\(i)")).isDurable)
    }
    for i in 0..<40 {
      let reason = ",\"department\":\"" + String(repeating: "部", count: 60) + "\""
      _ = try pair.outer.one(
        client, Ask.event(number, "transferStarted", ref: "e\(i)", more: reason))
      _ = try pair.outer.one(
        client, Ask.event(number, "transferFailed", more: ",\"cause\":\"busy\""))
    }
    pair.pass(4000)
    expectConverged(pair)
    let last = try #require(pair.latestDelivered[number])
    let item = pair.inner.content("/out/\(number)-r\(last).json")
    #expect(item.has("首报") && item.has(text + "30"), "the first words and the newest stay")
    #expect(try pair.outer.one(client, Ask.get(number)).code == nil)
  }
}
