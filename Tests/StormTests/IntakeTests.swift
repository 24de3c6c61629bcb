import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Testing
import WeirModel

/// A line, and what its answer must hold.
struct IntakeRow: CustomTestStringConvertible, Sendable {
  let name: String
  let line: String
  /// The refusal's code; nil: it is taken.
  var code: String?
  var field: String?
  /// Whether it must carry a number to dial, and what to say.
  var speaks = false
  var testDescription: String { name }
}

@Suite struct IntakeTests {
  static let now = House.startWall

  static let rows: [IntakeRow] = [
    IntakeRow(name: "a good intake", line: Ask.intake("a1")),
    IntakeRow(name: "no facts at all", line: Ask.intake("a2", [])),
    IntakeRow(
      name: "two seconds ahead",
      line: Ask.intake("a3", more: ",\"receivedAt\":\"\(Ask.time(now + 2000))\"")),
    IntakeRow(
      name: "a millisecond more",
      line: Ask.intake(
        "a4", [], more: ",\"receivedAt\":\"\(Ask.time(now + 2001))\""),
      code: "timeAhead", field: "receivedAt"),
    IntakeRow(
      name: "ahead, with danger",
      line: Ask.intake(
        "a5", more: ",\"receivedAt\":\"\(Ask.time(now + 2001))\""),
      code: "timeAhead", field: "receivedAt", speaks: true),
    IntakeRow(
      name: "110's telephone", line: Ask.intake("a6", [], by: "110"), code: "wrongUnit",
      field: "receivedBy"),
    IntakeRow(
      name: "110's internet channel", line: Ask.intake("a7", by: "110", channel: "internet")),
    IntakeRow(
      name: "a drill outside its window", line: Ask.intake("a8", [], more: ",\"drill\":true"),
      code: "drillClosed", field: "drill"),
    IntakeRow(
      name: "a fact that is none", line: Ask.intake("a9", ["crime", "x", "fire"]),
      code: "unknownFact", field: "facts[1]", speaks: true),
    IntakeRow(name: "no JSON", line: "{\"op\":\"intake\"", code: "badJson"),
    IntakeRow(
      name: "no JSON, with danger", line: "{\"facts\":[\"dangerToLife\"", code: "badJson",
      speaks: true),
    IntakeRow(
      name: "an unknown handover", line: Ask.event("kd1-20261123-000009", "transferStarted"),
      code: "unknownHandover", field: "handover"),
    IntakeRow(
      name: "a mistyped spoken number", line: Ask.event("1-7", "transferStarted"),
      code: "unknownHandover", field: "handover"),
    IntakeRow(
      name: "danger in a matter that nobody knows",
      line: Ask.event("kd1-20261123-000009", "dangerRaised"),
      code: "unknownHandover", field: "handover", speaks: true),
    IntakeRow(
      name: "metrics on an intake connection", line: "{\"op\":\"metrics\"}", code: "notAllowed"),
  ]

  @Test("every line gets one answer: taken, or refused with a code and the field", arguments: rows)
  func answersByTheContract(_ row: IntakeRow) throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let answer = try house.one(client, row.line)
    #expect(answer.code == row.code, "\(answer)")
    #expect(answer.string("field") == row.field, "\(answer)")
    #expect(answer.isDurable == (row.code == nil))
    if row.code != nil {
      #expect(answer.has("\"dial\":\"") == row.speaks, "\(answer)")
      #expect(answer.has("\"say\":[") == row.speaks)
      #expect(JournalOracle(house).kinds.contains(4) == row.speaks)
    }
    let watcher = try house.connect()
    let seen = house.ask(watcher, Ask.watch()).filter { $0.string("event") == "phoneItIn" }
    #expect(seen.count == (row.speaks ? 1 : 0))
    if let alarm = seen.first {
      #expect(alarm.string("code") == row.code && alarm.has("\"alarm\":true"))
      #expect(alarm.has("\"dial\":\"") && alarm.has("\"say\":["))
    }
  }

  @Test("an emergency is decided, numbered, and given a deadline and a number to dial")
  func decidesAnEmergency() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let answer = try house.one(client, Ask.intake("a"))
    #expect(answer.ref == "a")
    #expect(answer.string("handover") == "kd1-20261123-000001")
    #expect(answer.string("phase") == "transferring")
    #expect(answer.number("revision") == 1)
    #expect(answer.string("deadline") == Ask.time(House.startWall + 60_000))
    #expect(
      answer.has("\"emergency\":true") && answer.has("\"dial\":\"") && answer.has("\"say\":["))
    let spoken = try #require(answer.string("spoken"))
    let event = try house.one(client, Ask.event(spoken, "transferStarted", ref: "b"))
    #expect(event.number("revision") == 2 && event.has("\"voice\":{\"state\":\"ringing\"}"))
    let update = try house.one(client, Ask.update("c", spoken, text: "三楼"))
    #expect(update.number("revision") == 3)
    let record = try house.one(client, Ask.get(spoken))
    #expect(record.has("\"text\":\"三楼\"") && record.has("\"ref\":\"a\""))
    #expect(record.number("revision") == 3)
  }

  @Test("the same ref with the same values gets the first answer's bytes, with others refConflict")
  func repeatsTheFirstAnswer() throws {
    let house = try House()
    try #require(house.open() == .ok)
    var client = try house.connect()
    let first = try house.one(client, Ask.intake("a", more: ",\"text\":\"x\",\"seat\":\"A07\""))
    let number = try #require(first.string("handover"))
    let told = try house.one(client, Ask.event(number, "transferStarted", ref: "e"))
    let reordered =
      "{\"seat\":\"A07\",\"text\":\"\\u0078\",\"facts\":[\"dangerToLife\"],\"channel\":\"phone\","
      + "\"receivedBy\":\"12345\",\"ref\":\"a\",\"op\":\"intake\"}"
    for restart in [false, true] {
      if restart {
        house.crash()
        try #require(house.open() == .ok)
        client = try house.connect()
      }
      #expect(try house.one(client, reordered) == first)
      #expect(try house.one(client, Ask.event(number, "transferStarted", ref: "e")) == told)
      #expect(try house.one(client, Ask.intake("a")).code == "refConflict")
      #expect(
        try house.one(client, Ask.event(number, "callerGone", ref: "a")).code == "refConflict")
    }
    #expect(JournalOracle(house).matters.count == 1)
  }

  @Test("the status says how many refs are known, and since when, over starts too")
  func refsCovered() throws {
    let house = try House(.init(refsMax: 4))
    try #require(house.open() == .ok)
    #expect(try house.one(house.connect(), Ask.status).has("\"refs\":{\"count\":0}"))
    // After each ref: how many are known, and of which day the oldest is.
    let rows = [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (5, 4), (6, 4)]
    for (day, row) in rows.enumerated() {
      #expect(try house.one(house.connect(), Ask.intake("d\(day)", ["military"])).isDurable)
      if day % 3 == 2 {
        house.crash()
        try #require(house.open() == .ok)
      }
      let since = Ask.time(House.startWall + Int64(row.1) * 86_400_000)
      let wanted = #""refs":{"count":\#(row.0),"since":"\#(since)","days":\#(day - row.1)}"#
      let status = try house.one(house.connect(), Ask.status)
      #expect(status.has(wanted), "day \(day): \(status)")
      house.advance(86_400_000)
    }
  }

  @Test("a repeated ref gets its first answer even where a new request would be refused")
  func repeatsPastRefusals() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let line = Ask.intake("a", [], more: ",\"receivedAt\":\"\(Ask.time(house.wall))\"")
    let first = try house.one(client, line)
    weir_faulty_os_set_wall_ms(house.faulty, house.wall - 60_000)
    #expect(try house.one(client, line) == first)
    weir_unit_stop(house.unit)
    #expect(try house.one(client, line) == first)
    #expect(try house.one(client, Ask.intake("b", [])).code == "stopping")
    let refused = try house.one(client, Ask.intake("c"))
    #expect(refused.code == "stopping" && refused.has("\"dial\":\"") && refused.has("\"say\":["))
  }

  @Test("an event that does not fit is refused notNow, with the phase; danger needs a supervisor")
  func refusesEventsByPhase() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let number = try #require(try house.one(client, Ask.intake("a")).string("handover"))
    let early = try house.one(client, Ask.event(number, "threeWayJoined"))
    #expect(early.code == "notNow")
    #expect(early.string("message")?.contains("transferring") == true, "\(early)")
    let clear = Ask.event(number, "dangerCleared", more: ",\"reason\":\"x\"")
    #expect(try house.one(client, clear).code == "supervisorNeeded")
    let allowed = clear.replacing("A07", with: "S01")
    #expect(try house.one(client, allowed).isDurable)
    #expect(try house.one(client, Ask.get(number)).number("revision") == 2)
  }

  @Test("a line that is too long is refused in its place; its neighbours are taken, in order")
  func keepsOrder() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let long = Ask.intake("long", [], more: ",\"text\":\"" + String(repeating: "x", count: 70_000))
    house.send(
      client, Ask.intake("a"), "{", Ask.intake("b", []), long, Ask.intake("c", ["crime"]),
      Ask.status, Ask.intake("a"), Ask.intake("d", ["fire"]))
    house.pump()
    let answers = house.receive(client)
    #expect(answers.map { $0.ref } == ["a", nil, "b", nil, "c", nil, "a", "d"])
    #expect(
      answers.map { $0.code } == [nil, "badJson", nil, "lineTooLong", nil, nil, nil, nil])
    #expect(answers[0] == answers[6])
  }

  @Test("a hundred pipelined requests are judged in batches and answered in order")
  func pipelines() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let refs = (0..<200).map { "p\($0)" }
    for ref in refs { house.send(client, Ask.intake(ref, ["crime"])) }
    house.pump()
    #expect(house.receive(client).map { $0.ref } == refs)
    #expect(house.desk.batches.allSatisfy { $0 <= Int(WEIR_BATCH_MAX) })
    #expect(house.desk.batches.contains(Int(WEIR_BATCH_MAX)))
  }

  @Test("sixty-four pipelined readings of the largest record fit or wait, and nothing traps")
  func readsLargeRecords() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let number = try #require(try house.one(client, Ask.intake("a")).string("handover"))
    let text = String(repeating: "汉", count: 2000)
    for i in 0..<9 {
      #expect(try house.one(client, Ask.update("u\(i)", number, text: text)).isDurable)
    }
    for _ in 0..<64 { house.send(client, Ask.get(number)) }
    var answers = 0
    for _ in 0..<20 {
      house.pump()
      answers += house.receive(client).count
    }
    #expect(answers == 64)
  }

  @Test("a step that nobody judged goes to a person, and with danger 110 dispatches first")
  func escalatesTheUnjudged() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    house.desk.isAsleep = true
    let plain = try house.one(client, Ask.intake("a", ["crime"]))
    #expect(plain.isDurable && plain.string("phase") == "talking")
    let danger = try house.one(client, Ask.intake("b"))
    #expect(danger.isDurable && danger.string("phase") == "dispatchedFirst")
    for answer in [plain, danger] {
      #expect(answer.has("\"dial\":\"") && answer.has("\"say\":[") && answer.has("\"decision\":{"))
    }
    house.desk.isAsleep = false
    house.pass(61_000, step: 500)
    let number = try #require(danger.string("handover"))
    #expect(try house.one(client, Ask.get(number)).has("\"lateAt\""))
  }

  @Test("the inner unit takes 110's own matters and no other")
  func innerIntake() throws {
    let house = try House(.init(role: .inner, name: "gz1"))
    try #require(house.open() == .ok)
    let client = try house.connect()
    #expect(try house.one(client, Ask.intake("a", ["crime"], by: "110")).isDurable)
    #expect(try house.one(client, Ask.intake("b", ["crime"])).code == "wrongUnit")
    #expect(house.stop())
  }
}
