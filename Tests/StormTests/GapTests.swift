import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Testing

@Suite struct GapTests {
  private func status(_ pair: Pair) throws -> Line {
    let client = try pair.inner.connect(control: true)
    defer { pair.inner.disconnect(client) }
    return try pair.inner.one(client, Ask.status)
  }

  @Test("in step, behind by which, cut off since: and the way back")
  func states() throws {
    let pair = try Pair(seed: 31)
    try pair.open()
    pair.pass(1000)
    let client = try pair.outer.connect()
    #expect(try status(pair).has("\"state\":\"inStep\""))
    pair.onlyShort = true
    for i in 0..<3 { #expect(try pair.outer.one(client, Ask.intake("g\(i)")).isDurable) }
    pair.pass(1000)
    #expect(try status(pair).has("\"state\":\"inStep\""), "1.5 s of grace")
    pair.pass(1000)
    let behind = try status(pair)
    #expect(behind.has("\"state\":\"behind\"") && behind.number("missing") == 3, "\(behind)")
    #expect(behind.string("which") == "1-3/7", "\(behind)")
    pair.weather.isDark = true
    pair.pass(2000)
    #expect(try status(pair).has("\"state\":\"cutOff\",\"since\":\""))
    pair.weather.isDark = false
    pair.onlyShort = false
    pair.pass(4000)
    #expect(try status(pair).has("\"state\":\"inStep\""))
    #expect(pair.alarms("gap", "begin").count == pair.alarms("gap", "end").count)
  }

  @Test("a later revision of what is here is missed as well, and named within 2 s")
  func laterRevision() throws {
    let pair = try Pair(seed: 32)
    try pair.open()
    let client = try pair.outer.connect()
    let number = try #require(try pair.outer.one(client, Ask.intake("a")).string("handover"))
    pair.pass(1000)
    #expect(pair.latestDelivered[number] == 1)
    pair.onlyShort = true
    #expect(try pair.outer.one(client, Ask.event(number, "transferStarted")).isDurable)
    pair.pass(2000)
    #expect(try status(pair).string("which") == "1/8")
    #expect(pair.alarms("gap", "begin").count == 1)
    pair.onlyShort = false
    pair.pass(2000)
    #expect(pair.latestDelivered[number] == 2 && pair.alarms("gap", "end").count == 1)
  }

  @Test("what is read out with its digit is sent anew; misheard, nothing is")
  func resend() throws {
    let pair = try Pair(seed: 33)
    try pair.open()
    let client = try pair.outer.connect()
    for i in 0..<4 { #expect(try pair.outer.one(client, Ask.intake("r\(i)")).isDurable) }
    pair.pass(3000)
    let control = try pair.outer.connect(control: true)
    func ask(_ range: String) throws -> Line {
      try pair.outer.one(control, "{\"op\":\"resend\",\"range\":\"\(range)\",\"by\":\"A07\"}")
    }
    let done = try ask("1-3/7")
    #expect(done.number("resent") == 3 && done.number("notOwed") == 0)
    #expect(try ask("1-3/5").code == "wrongCode")
    #expect(try ask("1-4/7").code == "wrongCode")
    #expect(try ask("3-1/7").code == "badValue")
    #expect(try ask("9/1").number("notOwed") == 1)
    let inner = try pair.inner.connect(control: true)
    #expect(
      try pair.inner.one(inner, "{\"op\":\"resend\",\"range\":\"1-3/7\",\"by\":\"a\"}").code
        == "wrongUnit")
  }

  @Test("datagrams under a key that is not held are alarmed, and the alarm ends when none come")
  func unknownKey() throws {
    let pair = try Pair(seed: 35)
    try pair.open()
    pair.pass(1000)
    let forger = try Forger(bootEpoch: 1, keyEpoch: 9, wall: pair.inner.wall)
    for i in 1...5 as ClosedRange<UInt64> {
      for var bytes in forger.datagrams(i, 1, "{}") {
        weir_unit_received(pair.inner.unit, &bytes, bytes.count)
      }
    }
    pair.pass(2500)
    #expect(pair.alarms("keyUnknown", "begin").count == 1)
    pair.pass(62_000, step: 500)
    #expect(pair.alarms("keyUnknown", "end").count == 1)
  }

  @Test("a start that takes its time tells of no silence, and then of one that is")
  func slowStart() throws {
    let pair = try Pair(seed: 37, inner: .init(startMs: 5000))
    try pair.open()
    pair.pass(1000)
    pair.inner.crash()
    try #require(pair.inner.open() == .ok)
    pair.inner.pump()
    pair.pass(2000)
    #expect(pair.alarms("silence", "begin").isEmpty)
    pair.weather.isDark = true
    pair.pass(1500)
    #expect(pair.alarms("silence", "begin").count == 1)
  }

  @Test("a lower boot is alarmed; the alarm ends when a person admits it")
  func lowerBoot() throws {
    let pair = try Pair(seed: 36)
    try pair.open()
    pair.pass(1000)
    let forger = try Forger(bootEpoch: 5, wall: pair.inner.wall)
    for var bytes in forger.datagrams(1, 1, "{}") {
      weir_unit_received(pair.inner.unit, &bytes, bytes.count)
    }
    pair.pass(500)
    #expect(pair.alarms("bootLower", "begin").count == 1)
    let control = try pair.inner.connect(control: true)
    let admit = "{\"op\":\"admit\",\"id\":\"kd1/5\",\"by\":\"a\",\"reason\":\"b\"}"
    #expect(try pair.inner.one(control, admit).isDurable)
    pair.pass(500)
    #expect(pair.alarms("bootLower", "end").count == 1)
    #expect(try pair.inner.one(control, admit).code == "badValue", "once")
  }

  @Test("a run that was taken up while the journal had no room is known after a start")
  func bootWithoutRoom() throws {
    let pair = try Pair(seed: 38)
    try pair.open()
    let inner = pair.inner
    let text = ",\"text\":\"" + String(repeating: "满", count: 1990) + "\""
    for i in 0..<120 {
      let desk = try inner.connect()
      inner.give(desk, Array((Ask.intake("d\(i)", by: "110", more: text) + "\n").utf8))
      _ = inner.turn()
    }
    func arrive(_ epoch: UInt64) throws {
      for var bytes in try Forger(bootEpoch: epoch, wall: inner.wall).heartbeat() {
        weir_unit_received(inner.unit, &bytes, bytes.count)
      }
    }
    for epoch in 1...500 as ClosedRange<UInt64> { try arrive(epoch) }
    inner.pump()
    inner.crash()
    try #require(inner.open() == .ok)
    try arrive(499)
    inner.pump()
    #expect(pair.alarms("bootLower", "begin").count == 1)
    #expect(inner.failed == .ok)
  }

  @Test("a boot is admitted durably or not at all: on a full disk it is not")
  func admittedOnFullDisk() throws {
    let text = ",\"text\":\"" + String(repeating: "满", count: 1990) + "\""
    var most = Int.max
    while true {
      let inner = try House(.init(role: .inner, name: "gz1"))
      try #require(inner.open() == .ok)
      for epoch in [7, 5] as [UInt64] {
        for var bytes in try Forger(bootEpoch: epoch, wall: inner.wall).heartbeat() {
          weir_unit_received(inner.unit, &bytes, bytes.count)
        }
      }
      inner.pump()
      let desk = try inner.connect()
      let control = try inner.connect(control: true)
      weir_faulty_os_set_capacity(inner.faulty, 800 * 1024)
      func intake(_ n: Int) -> String { Ask.intake("d\(n)", by: "110", more: text) }
      var taken = 0
      while taken < most, inner.ask(desk, intake(taken)).first?.isDurable == true { taken += 1 }
      if most == Int.max {
        most = taken
        continue
      }
      try #require(taken == most)
      // In one batch with, and behind, the matter that spends the reserve.
      inner.send(desk, intake(taken))
      inner.send(control, "{\"op\":\"admit\",\"id\":\"kd1/5\",\"by\":\"a\",\"reason\":\"b\"}")
      inner.pump()
      let codes = inner.receive(control).map { $0.code }
      #expect(codes == ["outcomeUnknown", "unitFailing"], "\(codes)")
      return
    }
  }

  @Test("a crossing that nobody confirmed in link.keep is listed as expired, after a restart too")
  func expired() throws {
    let house = try House()
    try #require(house.open() == .ok)
    var client = try house.connect(control: true)
    let number = try #require(try house.one(client, Ask.intake("a", ["crime"])).string("handover"))
    #expect(try house.one(client, Ask.event(number, "transferStarted")).isDurable)
    #expect(try house.one(client, Ask.event(number, "transferAnswered")).isDurable)
    house.pass(6 * 86_400_000, step: 3_600_000)
    #expect(try !house.one(client, Ask.status).has("\"expired\":["))
    house.pass(2 * 86_400_000, step: 3_600_000)
    for _ in 0..<2 {
      let status = try house.one(client, Ask.status)
      #expect(status.has("\"expired\":[\"\(number)\"]"), "\(status)")
      house.crash()
      try #require(house.open() == .ok)
      client = try house.connect(control: true)
    }
    #expect(Line(house.logged).has("\"event.code\":\"expired\""))
  }

  @Test("many datagrams out of order are alarmed, a few are not, and it ends after a quiet minute")
  func reorder() throws {
    let pair = try Pair(seed: 37)
    try pair.open()
    let client = try pair.outer.connect()
    for i in 0..<200 { #expect(try pair.outer.one(client, Ask.intake("o\(i)")).isDurable) }
    pair.pass(2000, step: 50)
    pair.weather.late = 2
    pair.pass(2000, step: 50)
    #expect(pair.alarms("reorder", "begin").isEmpty)
    pair.weather.late = 60
    pair.pass(1000, step: 50)
    #expect(pair.alarms("reorder", "begin").count == 1)
    pair.weather.late = 0
    pair.pass(59_000, step: 500)
    #expect(pair.alarms("reorder", "end").isEmpty)
    pair.pass(3000, step: 500)
    #expect(pair.alarms("reorder", "end").count == 1 && pair.alarms("reorder", "begin").count == 1)
  }

  @Test("what parity gives back is not out of order")
  func restoredInOrder() throws {
    let pair = try Pair(seed: 38)
    try pair.open()
    let client = try pair.outer.connect()
    pair.weather.lost = 8
    for round in 0..<8 {
      for i in 0..<60 {
        let line = Ask.intake("p\(round)-\(i)", ["crime"])
        #expect(try pair.outer.one(client, line).isDurable)
      }
      pair.pass(300, step: 10)
    }
    pair.weather.lost = 0
    pair.pass(3000)
    #expect(pair.latestDelivered.count == 480)
    #expect(pair.alarms("reorder", "begin").isEmpty && pair.alarms("forged", "begin").isEmpty)
    #expect(try status(pair).number("datagramsRestored") ?? 0 > 0)
  }

  @Test("a clock that is set is alarmed when three heartbeats say so, and ends when it is steady")
  func clockJump() throws {
    let pair = try Pair(seed: 34)
    try pair.open()
    pair.pass(2000)
    weir_faulty_os_set_wall_ms(pair.outer.faulty, pair.outer.wall + 30_000)
    pair.pass(400)
    #expect(pair.alarms("clockJump", "begin").isEmpty)
    pair.pass(4000)
    #expect(pair.alarms("clockJump", "begin").count == 1)
    #expect(pair.alarms("clockApart", "begin").count == 1)
    weir_faulty_os_set_wall_ms(pair.outer.faulty, pair.outer.wall - 30_000)
    pair.pass(5000)
    #expect(pair.alarms("clockApart", "end").count == 1)
    pair.pass(61_000, step: 500)
    #expect(pair.alarms("clockJump", "end").count == 1)
    #expect(pair.alarms("clockJump", "begin").count == 1, "one is open at a time")
  }

  @Test("crossing numbers near and over the limit are alarmed by name, each with an end")
  func crossingsRunOut() throws {
    let pair = try Pair(seed: 15)
    try pair.open()
    pair.pass(1000)
    pair.outer.close()
    func take(_ datagrams: [[UInt8]]) {
      for var bytes in datagrams { weir_unit_received(pair.inner.unit, &bytes, bytes.count) }
      pair.pass(1000)
    }
    let later = UInt64(pair.inner.wall) + 10_000_000
    func forge(_ crossing: UInt64, bootEpoch: UInt64) throws {
      let forger = try Forger(bootEpoch: bootEpoch, wall: pair.inner.wall)
      take(forger.datagrams(crossing, 1, "{}"))
    }
    try forge(4_194_304, bootEpoch: later)
    #expect(pair.alarms("crossingsSpent", "begin").isEmpty)
    #expect(pair.inner.names(in: "/out/.quarantine").count == 1)
    try forge(4_194_305, bootEpoch: later + 1)
    let spent = pair.alarms("crossingsSpent", "begin")
    try #require(spent.count == 1)
    #expect(pair.inner.content("/out/" + spent[0]).has("移交编号已到4194305,本机上限4194304"))
    #expect(pair.alarms("crossingsNear", "begin").count == 1)
    #expect(pair.inner.names(in: "/out/.quarantine").count == 1)
    // The sender begins anew, from 1.
    take(try Forger(bootEpoch: later + 2, wall: pair.inner.wall).heartbeat())
    #expect(pair.alarms("crossingsSpent", "end").count == 1)
    #expect(pair.alarms("crossingsNear", "end").count == 1)
  }
}
