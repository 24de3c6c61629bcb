import CWeirBase
import CWeirSeal
import CWeirWorks
import Testing
import WeirModel

@testable import WeirCore

/// 对账码: count and eight digits over what crossed, on both units.
@Suite struct ReconcileTests {
  /// Hands over so many matters, every fifth of them a drill, and lets the line carry them.
  private func handOver(_ pair: Pair, _ count: Int, _ prefix: String = "m") throws -> [String] {
    let client = try pair.outer.connect(control: true)
    let until = Ask.time(pair.outer.wall + 3_600_000)
    _ = try pair.outer.one(client, "{\"op\":\"drill\",\"until\":\"\(until)\",\"by\":\"S01\"}")
    var numbers: [String] = []
    for index in 0..<count {
      let drill = index % 5 == 4 ? ",\"drill\":true" : ""
      let answer = try pair.outer.one(
        client, Ask.intake("\(prefix)\(index)", ["crime"], more: drill))
      numbers.append(try #require(answer.string("handover")))
    }
    pair.outer.disconnect(client)
    return numbers
  }

  private func ask(_ house: House, _ more: String = "") throws -> Line {
    let client = try house.connect(control: true)
    defer { house.disconnect(client) }
    return try house.one(client, "{\"op\":\"digest\"\(more)}")
  }

  private func range(_ from: Int, _ to: Int, code: String? = nil) -> String {
    let typed = code.map { ",\"code\":\"\($0)\",\"by\":\"王队\"" } ?? ""
    return ",\"range\":\"\(from)-\(to)\"\(typed)"
  }

  /// The instants at which the matters arrived, by crossing number, as the code shortens them.
  private func arrivals(_ house: House) throws -> [UInt64: UInt64] {
    final class Seen { var byCrossing: [UInt64: UInt64] = [:] }
    let seen = Seen()
    try house.look { record in
      guard record.kind == .change else { return }
      seen.byCrossing[record.crossing] = UInt64(record.state.arrivedAt) % 0xFFFF_FFFF + 1
    }
    return seen.byCrossing
  }

  /// The code by the definition in the comment, computed here.
  private func code(
    of numbers: [String], from first: Int = 1, _ arrivals: [UInt64: UInt64]
  ) -> String {
    let text = numbers.enumerated().map { offset, number in
      "\(first + offset) \(number) \(arrivals[UInt64(first + offset)] ?? 0)\n"
    }.joined()
    var digest = [UInt8](repeating: 0, count: 32)
    Array(text.utf8).withUnsafeBufferPointer {
      weir_sha256(weir_bytes(at: $0.baseAddress, count: $0.count), &digest)
    }
    let value = digest.withUnsafeBufferPointer {
      weir_truncate(weir_bytes(at: $0.baseAddress, count: $0.count), 8)
    }
    return String(String(100_000_000 + value).dropFirst())
  }

  /// The data legs as the journal has them, by crossing number.
  private func dataLegs(_ house: House) throws -> [DataLeg] {
    final class Legs { var byCrossing: [UInt64: DataLeg] = [:] }
    let legs = Legs()
    try house.look { record in
      if record.kind == .change { legs.byCrossing[record.crossing] = record.state.data }
    }
    return legs.byCrossing.filter { $0.key != 0 }.sorted { $0.key < $1.key }.map(\.value)
  }

  @Test("both units print the same count and the same eight digits, as defined")
  func agrees() throws {
    let pair = try Pair(seed: 1)
    try pair.open()
    let numbers = try handOver(pair, 12)
    pair.pass(3000)
    let arrived = try arrivals(pair.outer)
    for (from, to) in [(1, 12), (1, 1), (4, 9), (12, 12)] {
      let wanted = code(of: Array(numbers[(from - 1)...(to - 1)]), from: from, arrived)
      for house in [pair.outer, pair.inner] {
        let answer = try ask(house, range(from, to))
        #expect(answer.string("code") == wanted && answer.number("count") == to - from + 1)
        #expect(answer.string("unit") == "kd1" && answer.string("range") == "\(from)-\(to)")
      }
    }
    let all = try ask(pair.outer)
    #expect(all.string("range") == "1-12" && all.number("drills") == 2)
    // After a restart too, from the journals alone.
    for house in [pair.outer, pair.inner] {
      house.crash()
      try #require(house.open() == .ok)
      #expect(try ask(house, range(1, 12)).string("code") == code(of: numbers, arrived))
    }
  }

  @Test("the right code confirms every open data leg of the range, each in the journal")
  func confirms() throws {
    let pair = try Pair(seed: 2)
    try pair.open()
    _ = try handOver(pair, 100)
    pair.pass(4000)
    let code = try #require(try ask(pair.inner, range(1, 90)).string("code"))
    let spaced = code.prefix(4) + " " + code.suffix(4)
    let answer = try ask(pair.outer, range(1, 90, code: String(spaced)))
    #expect(answer.isDurable && answer.number("confirmed") == 90, "\(answer)")
    #expect(try dataLegs(pair.outer).map { $0 == .confirmed } == (1...100).map { $0 <= 90 })
    #expect(try ask(pair.outer, range(1, 90, code: code)).number("confirmed") == 0)
    let control = try pair.outer.connect(control: true)
    let status = try pair.outer.one(control, Ask.status)
    #expect(status.string("lastHumanProof") == Ask.time(pair.outer.wall))
    let record = try pair.outer.one(control, Ask.get("kd1-20261123-000001"))
    #expect(record.has("\"data\":{\"state\":\"confirmed\""))
    #expect(record.has("\"event\":\"receipt\"") && record.has("\"by\":\"王队\""))
    let trace = try pair.outer.one(
      control, "{\"op\":\"trace\",\"handover\":\"kd1-20261123-000001\"}")
    #expect(trace.has("\"byDigest\":true") && trace.number("copies") ?? 0 >= 4, "\(trace)")
  }

  @Test("copies of a matter stay on record though the next is due in the moment in which it ends")
  func endsBetweenCopies() throws {
    let pair = try Pair(seed: 5)
    try pair.open()
    let number = try handOver(pair, 1)[0]
    let client = try pair.outer.connect()
    for event in ["transferAnswered", "closed"] {
      #expect(try pair.outer.one(client, Ask.event(number, event)).isDurable)
    }
    pair.pass(200)
    let code = try #require(try ask(pair.inner).string("stateCode"))
    let control = try pair.outer.connect(control: true)
    pair.outer.send(control, "{\"op\":\"digest\"\(range(1, 1, code: code))}")
    // Copies are due between each decision and the write that makes it durable.
    for _ in 0..<8 {
      _ = pair.outer.turn()
      pair.advance(400)
      pair.collect(from: pair.outer)
      _ = pair.outer.work()
    }
    pair.outer.pump()
    #expect(pair.outer.receive(control).first?.number("confirmed") == 1)
    final class Copies { var count: UInt32 = 0 }
    let copies = Copies()
    try pair.outer.look { record in
      if record.kind == .tally { record.tally { _, count, _ in copies.count += count } }
    }
    #expect(copies.count >= 1)
  }

  @Test("an event in the same batch as a comparison gets a revision of its own")
  func eventBesideComparison() throws {
    let pair = try Pair(seed: 6)
    try pair.open()
    let number = try handOver(pair, 1)[0]
    pair.pass(2000)
    let code = try #require(try ask(pair.inner).string("code"))
    let control = try pair.outer.connect(control: true)
    let client = try pair.outer.connect()
    pair.outer.send(control, "{\"op\":\"digest\"\(range(1, 1, code: code))}")
    pair.outer.send(client, Ask.event(number, "transferAnswered"))
    pair.outer.pump()
    #expect(pair.outer.receive(control).first?.number("confirmed") == 1)
    #expect(pair.outer.receive(client).first?.isDurable == true)
    final class Seen { var revisions: [UInt32] = [] }
    let seen = Seen()
    try pair.outer.look { record in
      if record.kind == .change { seen.revisions.append(record.state.revision) }
    }
    #expect(seen.revisions == [1, 2, 3])
  }

  @Test("a newer revision goes on crossing after a comparison")
  func newerRevisionsCross() throws {
    let pair = try Pair(seed: 3)
    try pair.open()
    let numbers = try handOver(pair, 1)
    pair.pass(2000)
    let code = try #require(try ask(pair.inner).string("code"))
    #expect(try ask(pair.outer, range(1, 1, code: code)).number("confirmed") == 1)
    let client = try pair.outer.connect()
    _ = try pair.outer.one(client, Ask.event(numbers[0], "dangerRaised"))
    pair.pass(2000)
    #expect(pair.latestDelivered[numbers[0]] == 3)
    #expect(try dataLegs(pair.outer) != [.confirmed])
  }

  @Test("the code over handovers confirms no matter of which an older revision may lie inside")
  func olderRevisionInside() throws {
    let pair = try Pair(seed: 7)
    try pair.open()
    let numbers = try handOver(pair, 3)
    pair.pass(2000)
    pair.weather.isDark = true
    let client = try pair.outer.connect()
    _ = try pair.outer.one(client, Ask.event(numbers[1], "transferAnswered"))
    pair.pass(1000)
    let theirs = try ask(pair.inner, range(1, 3))
    let mine = try ask(pair.outer, range(1, 3))
    let code = try #require(theirs.string("code"))
    #expect(mine.string("code") == code && mine.string("stateCode") != theirs.string("stateCode"))
    let stale = try #require(theirs.string("stateCode"))
    #expect(try ask(pair.outer, range(1, 3, code: stale)).code == "wrongCode")
    let answer = try ask(pair.outer, range(1, 3, code: code))
    #expect(answer.number("confirmed") == 2 && answer.number("goOnCrossing") == 1, "\(answer)")
    #expect(try dataLegs(pair.outer) == [.confirmed, .queued, .confirmed])
    pair.weather.isDark = false
    pair.pass(3000)
    #expect(pair.latestDelivered[numbers[1]] == 2)
    let states = try #require(try ask(pair.inner, range(1, 3)).string("stateCode"))
    let all = try ask(pair.outer, range(1, 3, code: states))
    #expect(all.number("confirmed") == 1 && all.number("goOnCrossing") == 0, "\(all)")
    #expect(try dataLegs(pair.outer) == [.confirmed, .confirmed, .confirmed])
  }

  @Test("what is on its way to the desk, and not yet safe, is not counted as lying inside")
  func notYetSafe() throws {
    let pair = try Pair(seed: 9)
    try pair.open()
    let first = try handOver(pair, 2)
    pair.pass(2000)
    let before = try ask(pair.inner)
    let client = try pair.outer.connect()
    #expect(try pair.outer.one(client, Ask.event(first[0], "transferAnswered")).isDurable)
    #expect(try pair.outer.one(client, Ask.intake("b")).isDurable)
    pair.advance(10)
    pair.carry()
    let desk = try pair.inner.connect(control: true)
    for _ in 0..<2 {
      pair.inner.send(desk, "{\"op\":\"digest\"\(range(1, 3))}")
      _ = pair.inner.turn()
      let now = pair.inner.receive(desk).first
      #expect(now?.number("count") == 2 && now?.string("code") == before.string("code"))
      #expect(now?.string("stateCode") == before.string("stateCode"))
    }
    pair.pass(2000)
    let after = try ask(pair.inner, range(1, 3))
    #expect(after.number("count") == 3)
    #expect(after.string("stateCode") == (try ask(pair.outer, range(1, 3)).string("stateCode")))
  }

  @Test("a revision that was not on the link when people compared is not confirmed after a crash")
  func notOfferedYet() throws {
    let pair = try Pair(seed: 8)
    try pair.open()
    let number = try handOver(pair, 1)[0]
    pair.pass(2000)
    let states = try #require(try ask(pair.inner).string("stateCode"))
    let client = try pair.outer.connect(control: true)
    let control = try pair.outer.connect(control: true)
    pair.weather.isDark = true
    pair.outer.send(client, Ask.event(number, "transferAnswered"))
    _ = pair.outer.turn()
    pair.outer.send(control, "{\"op\":\"digest\"\(range(1, 1, code: states))}")
    for _ in 0..<3 {
      _ = pair.outer.turn()
      _ = pair.outer.work()
    }
    pair.outer.crash()
    try #require(pair.outer.open() == .ok)
    pair.outer.pump()
    #expect(try dataLegs(pair.outer) == [.queued])
    pair.weather.isDark = false
    pair.pass(3000)
    #expect(pair.latestDelivered[number] == 2)
  }

  @Test("a wrong code changes nothing and offers the halves, which lead to the missing number")
  func offersHalves() throws {
    let pair = try Pair(seed: 4)
    try pair.open()
    let first = try handOver(pair, 10)
    pair.pass(3000)
    pair.weather.isDark = true
    let dark = try handOver(pair, 1, "dark")
    let numbers = first + dark
    let before = JournalOracle(pair.outer).kinds.count
    var (from, to) = (1, 11)
    while from < to {
      let theirs = try #require(try ask(pair.inner, range(from, to)).string("code"))
      let answer = try ask(pair.outer, range(from, to, code: theirs))
      #expect(answer.code == "wrongCode", "\(answer)")
      let middle = (from + to) / 2
      let half = numbers[(from - 1)...(middle - 1)]
      #expect(answer.has("\"halves\":[{\"unit\":\"kd1\",\"range\":\"\(from)-\(middle)\""))
      #expect(answer.has("\"range\":\"\(middle + 1)-\(to)\""))
      #expect(
        answer.has("\"code\":\"\(code(of: Array(half), from: from, try arrivals(pair.outer)))\""))
      let lower = try #require(try ask(pair.inner, range(from, middle)).string("code"))
      if answer.has("\"code\":\"\(lower)\"") { from = middle + 1 } else { to = middle }
    }
    #expect(from == 11)
    #expect(JournalOracle(pair.outer).kinds.count == before)
    #expect(try !dataLegs(pair.outer).contains(.confirmed))
  }

  @Test("requests that do not fit are refused")
  func refuses() throws {
    let pair = try Pair(seed: 5)
    try pair.open()
    _ = try handOver(pair, 3)
    pair.pass(2000)
    #expect(try ask(pair.inner, range(1, 3, code: "12345678")).code == "wrongUnit")
    #expect(try ask(pair.outer, ",\"range\":\"1-3\",\"code\":\"12345678\"").string("field") == "by")
    for bad in ["0-3", "3-1", "1-4", "x", "1-", "1-4194305"] {
      let more = ",\"range\":\"\(bad)\",\"code\":\"12345678\",\"by\":\"x\""
      #expect(try ask(pair.outer, more).string("field") == "range", "\(bad)")
    }
    for wrong in ["1234567", "123456789", "1234567x", "/2345678", ""] {
      #expect(try ask(pair.outer, range(1, 3, code: wrong)).code != nil, "\(wrong)")
    }
    for house in [pair.outer, pair.inner] {
      #expect(try ask(house, range(1, 1_000_000)).code == nil)
      #expect(try ask(house, range(1, 1_000_001)).string("field") == "range")
    }
    let client = try pair.outer.connect()
    #expect(try pair.outer.one(client, "{\"op\":\"digest\"}").code == "notAllowed")
  }

  @Test("an inner unit has codes for each unit that hands over to it, or for the one that is named")
  func eachSender() throws {
    let pair = try Pair(seed: 10)
    try pair.open()
    _ = try handOver(pair, 2)
    pair.pass(2000)
    let other = try Forger("kd2", bootEpoch: UInt64(pair.inner.wall) + 1000, wall: pair.inner.wall)
    for var bytes in other.heartbeat() {
      weir_unit_received(pair.inner.unit, &bytes, bytes.count)
    }
    pair.pass(500)
    for (more, units) in [
      ("", ["kd1", "kd2"]), (",\"id\":\"kd1\"", ["kd1"]), (",\"id\":\"kd2\"", ["kd2"]),
      (",\"id\":\"kd3\"", []),
    ] {
      let answer = try ask(pair.inner, more)
      let parts = answer.description.components(separatedBy: "\"unit\":\"").dropFirst()
      #expect(parts.map { String($0.prefix(3)) } == units, "\(answer)")
    }
    #expect(try ask(pair.inner, ",\"id\":\"kd2\"").string("code") == "00000000")
  }

  @Test("a unit that stops takes no comparison any more")
  func stopping() throws {
    let pair = try Pair(seed: 12)
    try pair.open()
    _ = try handOver(pair, 1)
    pair.pass(2000)
    let code = try #require(try ask(pair.inner).string("code"))
    let client = try pair.outer.connect(control: true)
    weir_unit_stop(pair.outer.unit)
    pair.outer.send(client, "{\"op\":\"digest\"\(range(1, 1, code: code))}")
    _ = pair.outer.turn()
    #expect(pair.outer.receive(client).first?.code == "stopping")
  }

  @Test("a crash at any job of a confirmation leaves all of it or nothing of it", arguments: 0..<5)
  func crashes(jobs: Int) throws {
    let pair = try Pair(seed: 6)
    try pair.open()
    _ = try handOver(pair, 200)
    pair.pass(5000)
    let code = try #require(try ask(pair.inner, range(1, 200)).string("code"))
    let client = try pair.outer.connect(control: true)
    pair.outer.send(client, "{\"op\":\"digest\"\(range(1, 200, code: code))}")
    for _ in 0..<jobs {
      _ = pair.outer.turn()
      _ = pair.outer.work()
    }
    _ = pair.outer.turn()
    let answered = !pair.outer.receive(client).isEmpty
    pair.outer.powerCut(UInt64(jobs) + 1)
    try #require(pair.outer.open() == .ok)
    pair.outer.pump()
    let legs = Set(try dataLegs(pair.outer))
    #expect(legs.count == 1)
    if answered { #expect(legs == [.confirmed]) }
  }
}
