import CWeirBase
import CWeirFaultyOs
import CWeirLink
import CWeirOs
import CWeirWorks
import Testing
import WeirChance

extension House {
  /// Puts a file there, as somebody else would.
  func put(_ bytes: [UInt8], at path: String) {
    var file: OpaquePointer?
    guard os.pointee.open(os.pointee.context, path, WEIR_OPEN_CREATE, &file) == .ok else { return }
    _ = bytes.withUnsafeBufferPointer {
      os.pointee.write_at(
        os.pointee.context, file, 0, weir_bytes(at: $0.baseAddress, count: $0.count))
    }
    os.pointee.close(os.pointee.context, file)
  }

  func remove(_ path: String) { _ = os.pointee.remove(os.pointee.context, path) }
}

@Suite struct FerryTests {
  private func pair(_ seed: UInt64, only: Bool = false) throws -> Pair {
    var options = House.Options()
    options.ferry = true
    options.ferryOnly = only
    let pair = try Pair(seed: seed, inner: options, outer: options)
    try pair.open()
    return pair
  }

  private func work(_ pair: Pair, _ count: Int, _ prefix: String = "m") throws {
    let client = try pair.outer.connect()
    for i in 0..<count {
      let facts = [["dangerToLife"], ["crime"], ["fire"]][i % 3]
      let answer = try pair.outer.one(client, Ask.intake("\(prefix)\(i)", facts))
      if i % 2 == 0, let number = answer.string("handover") {
        #expect(try pair.outer.one(client, Ask.event(number, "transferStarted")).isDurable)
      }
      pair.pass(100)
    }
    pair.outer.disconnect(client)
  }

  private func pass(_ pair: Pair, _ gate: inout Gate, _ milliseconds: UInt64, step: UInt64 = 200) {
    var left = milliseconds
    while left > 0 {
      pair.pass(min(step, left))
      gate.pull()
      left -= min(step, left)
    }
  }

  private func expectConverged(_ pair: Pair, sourceLocation: SourceLocation = #_sourceLocation) {
    let wanted = JournalOracle(pair.outer).crossing("kd1")
    #expect(!wanted.isEmpty, sourceLocation: sourceLocation)
    #expect(pair.latestDelivered == wanted, sourceLocation: sourceLocation)
    let marks = JournalOracle(pair.inner).marks
    #expect(Set(marks).count == marks.count, "delivered twice", sourceLocation: sourceLocation)
    #expect(pair.flawsOfDelivery().isEmpty, sourceLocation: sourceLocation)
  }

  @Test("by ferry alone: all is across, files are taken away, nothing goes over the link")
  func alone() throws {
    let pair = try pair(41, only: true)
    var gate = Gate(pair, seed: 41)
    try work(pair, 6)
    pass(pair, &gate, 3000)
    expectConverged(pair)
    #expect(pair.sent == 0 && gate.reused == 0)
    #expect(pair.inner.names(in: "/ferry").isEmpty)
    #expect(pair.alarms("silence", "begin").isEmpty)
    let client = try pair.inner.connect(control: true)
    #expect(try pair.inner.one(client, Ask.status).has("\"state\":\"inStep\""))
  }

  @Test("a gate that stands still does not fill the directory; the ferry's silence is alarmed")
  func standstill() throws {
    let pair = try pair(42, only: true)
    var gate = Gate(pair, seed: 42)
    try work(pair, 1)
    pass(pair, &gate, 6000)
    pair.pass(120_000, step: 500)
    #expect(pair.outer.names(in: "/ferry").count <= 2)
    #expect(pair.alarms("ferrySilence", "begin").count == 1)
    pass(pair, &gate, 6000)
    #expect(pair.alarms("ferrySilence", "end").count == 1)
  }

  @Test("both carriers at once, each losing and repeating: merged, once each", arguments: 1...3)
  func both(seed: UInt64) throws {
    let pair = try pair(seed + 50)
    var gate = Gate(pair, seed: seed)
    gate.lost = 50
    gate.repeated = 30
    pair.weather = Weather(lost: 50, repeated: 20, late: 20)
    try work(pair, 6)
    pass(pair, &gate, 4000)
    pair.weather.isDark = true
    gate.lost = 0
    try work(pair, 4, "f")
    pass(pair, &gate, 4000)
    #expect(pair.alarms("silence", "begin").count >= 1, "the link is dark all the same")
    pair.weather = Weather()
    gate.lost = 100
    try work(pair, 4, "u")
    pass(pair, &gate, 6000)
    expectConverged(pair)
    #expect(pair.reused == 0 && gate.reused == 0)
  }

  @Test("what the gate lost comes again with the next turn of the ferry")
  func nextTurn() throws {
    let pair = try pair(43, only: true)
    var gate = Gate(pair, seed: 43)
    gate.lost = 100
    try work(pair, 3)
    pass(pair, &gate, 3000)
    #expect(pair.delivered.isEmpty)
    gate.lost = 0
    pass(pair, &gate, 601_000, step: 10_000)
    expectConverged(pair)
  }

  @Test("a directory that cannot be written is alarmed and stops nothing; then all goes across")
  func unwritable() throws {
    let pair = try pair(44, only: true)
    var gate = Gate(pair, seed: 44)
    weir_faulty_os_fail(pair.outer.faulty, WEIR_FAULTY_RENAME, 0, 3, .permission)
    try work(pair, 3)
    let client = try pair.outer.connect(control: true)
    let status = try pair.outer.one(client, Ask.status)
    #expect(status.has("\"code\":\"ferry\"") && (status.number("ferryFailed") ?? 0) > 0)
    weir_faulty_os_heal(pair.outer.faulty)
    pass(pair, &gate, 4000)
    expectConverged(pair)
    #expect(try !pair.outer.one(client, Ask.status).has("\"code\":\"ferry\""))
  }

  @Test("partial, damaged, foreign and empty files are put aside by name; what is good is taken")
  func badFiles() throws {
    let pair = try pair(45, only: true)
    try work(pair, 2)
    pair.pass(500)
    let names = pair.outer.names(in: "/ferry").filter { !$0.contains("beat") }
    let files = names.map { pair.outer.content("/ferry/" + $0).bytes }
    let whole = try #require(files.first)
    var flipped = whole
    flipped[flipped.count / 2] ^= 1
    pair.inner.put(Array(whole.dropLast(4)), at: "/ferry/a-short")
    pair.inner.put(flipped, at: "/ferry/b-flipped")
    pair.inner.put(Array("%PDF-1.7".utf8), at: "/ferry/c-foreign")
    pair.inner.put([], at: "/ferry/d-empty")
    for (name, bytes) in zip(names, files) { pair.inner.put(bytes, at: "/ferry/z" + name) }
    pair.pass(1000)
    #expect(pair.inner.names(in: "/ferry").contains("a-short"), "it may still be growing")
    pair.pass(8000)
    #expect(pair.inner.names(in: "/ferry").isEmpty)
    #expect(
      pair.inner.names(in: "/ferry/.quarantine")
        == ["a-short", "b-flipped", "c-foreign", "d-empty"])
    let alarms = pair.alarms("badFile", "once").map { pair.inner.content("/out/" + $0) }
    #expect(alarms.count == 4 && alarms.contains { $0.has("c-foreign") })
    expectConverged(pair)
  }

  @Test("a file that grows while it is looked at is taken when it is whole")
  func growing() throws {
    let pair = try pair(46, only: true)
    try work(pair, 1)
    pair.pass(500)
    let name = try #require(pair.outer.names(in: "/ferry").first { !$0.contains("beat") })
    let bytes = pair.outer.content("/ferry/" + name).bytes
    for part in 1...8 {
      pair.inner.put(Array(bytes.prefix(bytes.count * part / 8)), at: "/ferry/" + name)
      pair.pass(1000)
    }
    pair.pass(2000)
    #expect(pair.inner.names(in: "/ferry/.quarantine").isEmpty)
    #expect(pair.delivered.count == 1)
  }

  @Test("crashes anywhere on the ferry's way lose nothing and deliver nothing twice")
  func crashes() throws {
    for seed in 1...5 as ClosedRange<UInt64> {
      let pair = try pair(60 + seed, only: true)
      var gate = Gate(pair, seed: seed)
      var chance = Chance(seed: seed)
      for round in 0..<4 {
        try work(pair, 2, "c\(round)-")
        gate.pull()
        let house = chance.percent(60) ? pair.inner : pair.outer
        pair.advance(UInt64(chance.below(150)))
        for _ in 0..<chance.below(8) {
          _ = house.turn()
          if chance.percent(60) { _ = house.workOnFiles() }
          if chance.percent(60) { _ = house.work() }
        }
        if chance.percent(50) { house.crash() } else { house.powerCut(chance.next()) }
        try #require(house.open() == .ok, "seed \(seed): \(house.problem)")
      }
      // What a power cut took out of a directory comes again with the ferry's turn.
      pass(pair, &gate, 603_000, step: 10_000)
      expectConverged(pair)
      #expect(gate.reused == 0)
    }
  }

  // MARK: Discs

  private func export(_ pair: Pair, _ range: String, second: String = "乙") throws -> Line {
    let control = try pair.outer.connect(control: true)
    let line = try pair.outer.one(
      control,
      "{\"op\":\"export\",\"range\":\"\(range)\",\"path\":\"/disc/a.weir\",\"by\":\"甲\","
        + "\"second\":\"\(second)\"}")
    pair.outer.pass(500)
    return line.code == nil ? try pair.outer.one(control, Ask.status) : line
  }

  private func importDisc(_ inner: House, _ path: String = "/disc/a.weir") throws -> Line {
    let control = try inner.connect(control: true)
    let line = try inner.one(control, "{\"op\":\"import\",\"path\":\"\(path)\",\"by\":\"丙\"}")
    inner.pass(1000)
    return line.code == nil ? try inner.one(control, Ask.status) : line
  }

  @Test("what is not durable yet does not go by disc: the revision before it does")
  func durableDisc() throws {
    let pair = try Pair(seed: 48)
    try pair.open()
    pair.weather.isDark = true
    let client = try pair.outer.connect()
    let control = try pair.outer.connect(control: true)
    let number = try #require(try pair.outer.one(client, Ask.intake("a")).string("handover"))
    pair.outer.send(client, Ask.update("b", number, text: "未落盘"))
    pair.outer.send(
      control,
      "{\"op\":\"export\",\"range\":\"1\",\"path\":\"/disc/a.weir\",\"by\":\"甲\","
        + "\"second\":\"乙\"}")
    for _ in 0..<3 {
      _ = pair.outer.turn()
      _ = pair.outer.workOnFiles()
    }
    let disc = pair.outer.content("/disc/a.weir").bytes
    pair.outer.powerCut(5)
    try #require(pair.outer.open() == .ok)
    pair.inner.put(disc, at: "/disc/a.weir")
    let taken = try importDisc(pair.inner)
    #expect(taken.has("\"state\":\"done\",\"records\":1"), "\(taken)")
    #expect(pair.latestDelivered == [number: 1])
    #expect(pair.latestDelivered == JournalOracle(pair.outer).crossing("kd1"))
  }

  @Test("a range goes by disc: all of it, once, whatever came already, from an earlier run too")
  func disc() throws {
    let pair = try Pair(seed: 47)
    try pair.open()
    pair.weather.isDark = true
    try work(pair, 5)
    #expect(try export(pair, "1-5", second: "甲").code == "badValue", "two persons")
    #expect(try export(pair, "5-1").code == "badValue")
    let done = try export(pair, "1-3,9")
    #expect(
      done.has("\"export\":{\"id\":1,\"state\":\"done\",\"records\":3,\"leftOut\":1"), "\(done)")
    let disc = pair.outer.content("/disc/a.weir").bytes
    // A later run is heard on the link first: the disc is of an earlier boot.
    pair.outer.crash()
    try #require(pair.outer.open() == .ok)
    pair.weather.isDark = false
    pair.onlyShort = true
    pair.pass(3000)
    pair.inner.put(disc, at: "/disc/a.weir")
    let taken = try importDisc(pair.inner)
    #expect(
      taken.has("\"import\":{\"id\":1,\"state\":\"done\",\"records\":3,\"repeats\":0"), "\(taken)")
    #expect(pair.delivered.count == 3)
    #expect(pair.alarms("bootLower", "begin").isEmpty && pair.alarms("bootLower", "once").isEmpty)
    let again = try importDisc(pair.inner)
    #expect(again.has("\"state\":\"done\",\"records\":3,\"repeats\":3"), "\(again)")
    pair.inner.put(Array(disc.dropLast(20)), at: "/disc/a.weir")
    #expect(try importDisc(pair.inner).has("\"state\":\"failed\""))
    #expect(try importDisc(pair.inner, "/disc/none").has("\"state\":\"failed\""))
    pair.onlyShort = false
    pair.pass(4000)
    expectConverged(pair)
  }
}
