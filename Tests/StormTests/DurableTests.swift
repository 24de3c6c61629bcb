import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Testing

@Suite struct DurableTests {
  @Test("no answer leaves before the job that covers it has ended well")
  func heldBack() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    house.pump()
    house.send(client, Ask.intake("a"), Ask.intake("b", []))
    while house.turn() {}
    #expect(house.receive(client).isEmpty)
    #expect(house.beginJob())
    house.send(client, Ask.intake("c"), "no JSON")
    while house.turn() {}
    #expect(house.receive(client).isEmpty)
    house.endJob()
    #expect(house.receive(client).map { $0.ref } == ["a", "b"])
    #expect(house.beginJob())
    #expect(house.receive(client).isEmpty)
    house.endJob()
    #expect(house.receive(client).map { $0.code } == [nil, "badJson"])
  }

  @Test("a change is on the watch stream and in the log only when it is durable")
  func watchWaits() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let watcher = try house.connect()
    house.send(watcher, Ask.watch())
    house.pump()
    _ = house.receive(watcher)
    house.logged = []
    house.send(client, Ask.intake("a"))
    while house.turn() {}
    #expect(house.beginJob())
    house.send(client, Ask.intake("b"))
    while house.turn() {}
    #expect(house.receive(watcher).isEmpty)
    #expect(!Line(house.logged).has("kd1-20261123-000001"))
    house.endJob()
    while house.turn() {}
    #expect(house.receive(watcher).map { $0.string("event") } == ["intake"])
    #expect(Line(house.logged).has("kd1-20261123-000001"))
    #expect(!Line(house.logged).has("kd1-20261123-000002"))
    house.pump()
    let seen = house.receive(watcher)
    #expect(seen.map { $0.string("handover") } == ["kd1-20261123-000002"])
    let later = try house.connect()
    let cursor = try #require(seen[0].number("cursor"))
    #expect(house.ask(later, Ask.watch(after: cursor)).isEmpty)
    let lost = try house.connect()
    #expect(try house.one(lost, Ask.watch(after: 1_000_000)).code == "cursorGone")
  }

  /// A unit with three matters, one of them with its minute running, when its disk fails.
  struct Failing {
    let house: House
    let client: UInt32
    let watcher: UInt32
    let idle: UInt32
    let number: String
    let durable: [Line]
  }

  private func failing(call: weir_faulty_call = WEIR_FAULTY_SYNC) throws -> Failing {
    let house = try House(.init(secondReports: true))
    try #require(house.open() == .ok)
    let client = try house.connect()
    let watcher = try house.connect()
    let idle = try house.connect()
    house.send(watcher, Ask.watch())
    let durable = house.ask(client, Ask.intake("a"), Ask.intake("b", []), Ask.intake("c", ["fire"]))
    try #require(durable.count == 3)
    _ = house.receive(watcher)
    let number = try #require(durable[0].string("handover"))
    weir_faulty_os_fail(house.faulty, call, 0, 1, .syncFailed)
    return Failing(
      house: house, client: client, watcher: watcher, idle: idle, number: number, durable: durable)
  }

  @Test(
    "a disk that fails: nothing more is durable, everybody is told, every minute is spoken",
    arguments: [WEIR_FAULTY_SYNC, WEIR_FAULTY_WRITE_AT].map { $0.rawValue })
  func failsAloud(_ call: UInt32) throws {
    let f = try failing(call: weir_faulty_call(rawValue: call))
    let house = f.house
    house.send(f.client, Ask.intake("x"), "{", Ask.intake("y", []))
    #expect(weir_unit_last_words(house.unit).count == 0)
    house.pump()
    let answers = house.receive(f.client)
    #expect(answers.map { $0.ref } == ["x", nil, "y", nil], "\(answers)")
    #expect(
      answers.map { $0.code } == ["outcomeUnknown", "badJson", "outcomeUnknown", "unitFailing"])
    #expect(answers.last?.has("{\"op\":\"failing\"") == true)
    #expect(house.receive(f.idle).map { $0.string("op") } == ["failing"])
    let seen = house.receive(f.watcher)
    #expect(!seen.contains { $0.isDurable })
    let spoken = seen.filter { $0.has("\"journalled\":false") }
    for answer in [f.durable[0], f.durable[2]] {
      let number = answer.string("handover")
      let line = spoken.first { $0.string("handover") == number }
      #expect(line?.string("deadline") == Ask.time(House.startWall + 60_000))
      #expect(line?.has("\"dial\":\"") == true && line?.has("\"say\":[") == true)
    }
    #expect(house.failed == .syncFailed)
    let view = weir_unit_last_words(house.unit)
    let words = Line(UnsafeBufferPointer(start: view.at, count: view.count))
    #expect(words.has(f.number) && words.has("\"journalled\":false"))
    for folder in ["/reports", "/second"] {
      let names = house.names(in: folder)
      try #require(names.count == 1)
      #expect(house.content(folder + "/" + names[0]) == words)
    }
    #expect(weir_unit_connect(house.unit, false, &house.spare) == .closed)
  }

  @Test(
    "after the failure everything that was answered durable is there", arguments: [false, true])
  func survivesTheFailure(power: Bool) throws {
    let f = try failing()
    f.house.send(f.client, Ask.intake("x"))
    f.house.pump()
    _ = f.house.receive(f.client)
    weir_faulty_os_heal(f.house.faulty)
    if power { f.house.powerCut(7) } else { f.house.crash() }
    try #require(f.house.open() == .ok, "\(f.house.problem)")
    let client = try f.house.connect()
    for (answer, line) in zip(
      f.durable, [Ask.intake("a"), Ask.intake("b", []), Ask.intake("c", ["fire"])])
    {
      #expect(try f.house.one(client, line) == answer)
    }
    #expect(try f.house.one(client, Ask.intake("x")).isDurable)
  }

  @Test("a watcher with answers still on their way gets those, then every armed deadline")
  func watcherWithPending() throws {
    let f = try failing()
    f.house.send(f.idle, Ask.intake("z"), Ask.watch())
    f.house.pump()
    let lines = f.house.receive(f.idle)
    #expect(lines.first?.code == "outcomeUnknown" && lines.first?.ref == "z")
    #expect(lines.contains { $0.string("op") == "failing" })
    #expect(lines.filter { $0.has("\"journalled\":false") }.count >= 2)
  }

  @Test("a full disk refuses what is not dangerous; danger uses the reserve, then the unit fails")
  func fullDisk() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    house.pump()
    weir_faulty_os_set_capacity(house.faulty, 800 * 1024)
    var durable: [String] = []
    var refused = 0
    let padding = ",\"text\":\"" + String(repeating: "汉", count: 1500) + "\""
    for i in 0..<400 where house.failed == .ok {
      let danger = i % 2 == 0
      let line = Ask.intake("r\(i)", danger ? ["dangerToLife"] : [], more: padding)
      house.advance(20)
      guard let answer = house.ask(client, line).first else { break }
      if answer.isDurable {
        durable.append(try #require(answer.string("handover")))
        #expect(danger || refused == 0)
      } else if !danger && answer.code == "diskFull" {
        #expect(answer.has("\"dial\":\"") && answer.has("\"say\":["))
        refused += 1
      } else {
        #expect(refused > 10, "danger was refused while there was a reserve: \(answer)")
        #expect(["outcomeUnknown", "unitFailing"].contains(answer.code))
      }
    }
    #expect(refused > 10)
    #expect(house.failed == .noSpace)
    weir_faulty_os_set_capacity(house.faulty, .max)
    house.crash()
    try #require(house.open() == .ok, "\(house.problem)")
    let again = try house.connect()
    for number in durable { #expect(try house.one(again, Ask.get(number)).code == nil) }
    #expect(try house.one(again, Ask.intake("after", [])).isDurable)
  }

  @Test("a start on a full disk asks for room, not for rights")
  func startOnFullDisk() throws {
    let house = try House()
    weir_faulty_os_set_capacity(house.faulty, 100 * 1024)
    #expect(house.open() == .noSpace)
    #expect(house.problem.hasSuffix("cannot be used: the disk is full. Make room on its disk"))
  }

  @Test("reports: raised once per fault, acknowledged by ref, the same answer for the same ref")
  func reports() throws {
    let house = try House()
    try #require(house.open() == .ok)
    var client = try house.connect()
    var numbers: [String] = []
    for i in 0..<3 {
      let number = try #require(try house.one(client, Ask.intake("r\(i)")).string("handover"))
      let failed = Ask.event(number, "transferFailed", more: ",\"cause\":\"noAnswer\"")
      #expect(try house.one(client, failed).has("\"id\":\"kd1-R000001\""))
      numbers.append(number)
    }
    #expect(house.desk.raised.map { $0.handover } == numbers)
    let settle =
      "{\"op\":\"event\",\"ref\":\"ack\",\"report\":\"kd1-R000001\","
      + "\"event\":\"reportAcknowledged\",\"by\":\"S01\"}"
    // Behind the acknowledgement, in the same batch: it must see what the first one did.
    let answers = house.ask(client, settle, Ask.event(numbers[0], "callerTold"))
    try #require(answers.count == 2)
    #expect(answers[0].number("matters") == 3 && answers[0].isDurable)
    let record = try house.one(client, Ask.get(numbers[0]))
    #expect(record.has("\"report\":{\"state\":\"acknowledged\""), "\(record)")
    #expect(record.number("revision") == 4)
    #expect(house.desk.acknowledged.map { $0.by } == ["S01"])
    #expect(try house.one(client, settle) == answers[0])
    house.crash()
    try #require(house.open() == .ok)
    client = try house.connect()
    #expect(try house.one(client, settle) == answers[0])
    #expect(
      try house.one(client, settle.replacing("S01", with: "S02")).code == "refConflict")
    #expect(
      try house.one(
        client, settle.replacing("R000001", with: "R000009").replacing("ack", with: "k")
      )
      .code == "unknownReport")
  }
}
