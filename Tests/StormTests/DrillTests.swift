import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Testing

/// Drills (演练) as the design has them: a window, numbers and counts of their own.
@Suite struct DrillTests {
  private static let drill = ",\"drill\":true"

  private func open(
    _ house: House, minutes: Int64 = 60, by name: String = "S01"
  ) throws -> (control: UInt32, answer: Line) {
    try #require(house.open() == .ok)
    let control = try house.connect(control: true)
    return (control, try ask(house, control, minutes: minutes, by: name))
  }

  private func ask(
    _ house: House, _ control: UInt32, minutes: Int64, by name: String = "S01"
  ) throws -> Line {
    let until = Ask.time(house.wall + minutes * 60_000)
    return try house.one(
      control, "{\"op\":\"drill\",\"until\":\"\(until)\",\"by\":\"\(name)\",\"reason\":\"月度\"}")
  }

  private func take(_ house: House, _ ref: String, _ facts: [String] = ["dangerToLife"]) throws
    -> Line
  {
    let client = try house.connect()
    defer { house.disconnect(client) }
    return try house.one(client, Ask.intake(ref, facts, more: Self.drill))
  }

  @Test("a window is opened by a supervisor, on the control socket, with an end within a day")
  func opensOnlyForSupervisors() throws {
    let house = try House()
    let (control, opened) = try open(house)
    #expect(opened.isDurable && opened.has("\"open\":true") && opened.string("by") == "S01")
    #expect(try ask(house, control, minutes: 60, by: "A07").code == "supervisorNeeded")
    for minutes: Int64 in [0, -1, 24 * 60 + 1] {
      let refused = try ask(house, control, minutes: minutes)
      #expect(refused.code == "badValue" && refused.string("field") == "until")
    }
    let client = try house.connect()
    #expect(try ask(house, client, minutes: 60).code == "notAllowed")
    let closed = try house.one(control, "{\"op\":\"drill\",\"by\":\"S01\"}")
    #expect(closed.isDurable && closed.has("\"open\":false"))
    #expect(try take(house, "a", []).code == "drillClosed")
  }

  @Test("a drill has a number with a Y, 【演练】 before its sentences, and dials the drill number")
  func isMarkedEverywhere() throws {
    let house = try House()
    _ = try open(house)
    let client = try house.connect()
    let real = try house.one(client, Ask.intake("r1"))
    let answer = try take(house, "a")
    #expect(answer.string("handover") == "kd1-20261123-Y000001")
    #expect(answer.string("spoken")?.hasPrefix("Y1-") == true)
    #expect(answer.string("dial") != real.string("dial"))
    #expect(answer.has("\"say\":[\"【演练】") && !real.has("演练"))
    // Real numbers go on without a gap.
    let next = try house.one(client, Ask.intake("r2"))
    #expect(next.string("handover") == "kd1-20261123-000002")
    let spoken = try #require(answer.string("spoken"))
    let event = try house.one(
      client, Ask.event(spoken, "transferFailed", more: ",\"cause\":\"busy\""))
    #expect(event.string("handover") == "kd1-20261123-Y000001")
    #expect(event.has("【演练】"))
    #expect(try house.one(client, Ask.get("kd1-20261123-Y000001")).has("\"drill\":true"))
  }

  @Test("whoever asks about a drill is told the drill number, when the disk fails too")
  func learnsNoRealNumber() throws {
    let house = try House()
    let (control, _) = try open(house)
    let client = try house.connect()
    let real = try house.one(client, Ask.intake("r1"))
    let drill = try take(house, "a")
    let number = try #require(drill.string("handover"))
    let dials = try [real, drill].map { try #require($0.string("dial")) }
    #expect(dials[0] != dials[1])
    house.send(control, Ask.watch())
    house.pump()
    _ = house.receive(control)
    weir_faulty_os_fail(house.faulty, WEIR_FAULTY_SYNC, 0, 1, .syncFailed)
    house.send(client, Ask.event(number, "transferStarted"), Ask.intake("b", more: Self.drill))
    house.send(client, Ask.intake("r2"))
    house.pump()
    let answers = house.receive(client)
    let unknown = Array(repeating: "outcomeUnknown", count: 3)
    #expect(answers.map(\.code) == unknown + ["unitFailing"])
    #expect(answers.map { $0.string("dial") } == [dials[1], dials[1], dials[0], dials[0]])
    #expect(answers.map { $0.has("【演练】") } == [true, true, false, false])
    let spoken = house.receive(control).filter { $0.has("\"journalled\":false") }
    #expect(spoken.count == 4)
    for line in spoken {
      let isDrill = line.string("handover")?.contains("-Y") == true
      #expect(line.has("【演练】") == isDrill && line.string("dial") == dials[isDrill ? 1 : 0])
    }
  }

  @Test("an event about a drill that is refused for load names the drill number")
  func refusedForLoad() throws {
    let house = try House()
    _ = try open(house)
    let client = try house.connect()
    let number = try #require(try take(house, "a").string("handover"))
    weir_unit_stop(house.unit)
    let refused = try house.one(client, Ask.event(number, "transferStarted"))
    #expect(refused.code == "stopping" && refused.has("【演练】"), "\(refused)")
  }

  @Test("what turns real in a drill is a new alarm, linked; nothing real becomes a drill")
  func becomesReal() throws {
    let house = try House()
    _ = try open(house)
    let client = try house.connect()
    let unclear = ["responsibilityUnclear"]
    let drill = try house.one(
      client,
      #"{"op":"intake","ref":"a","receivedBy":"110","channel":"internet","drill":true,"#
        + #""facts":["responsibilityUnclear"]}"#)
    let spoken = try #require(drill.string("spoken"))
    house.pass(5000)
    let real = try house.one(client, Ask.intake("b", unclear, more: ",\"follows\":\"\(spoken)\""))
    #expect(real.string("handover") == "kd1-20261123-000001" && !real.has("演练"))
    let record = try house.one(client, Ask.get("kd1-20261123-000001"))
    #expect(record.has("\"follows\":\"kd1-20261123-Y000001\""), "\(record)")
    #expect(!record.has("\"drill\":true"))
    // The rehearsal's contact was earlier, and says nothing of who was called first in earnest.
    _ = try house.one(client, Ask.event("kd1-20261123-000001", "notAgreed"))
    let settled = try house.one(client, Ask.get("kd1-20261123-000001"))
    #expect(settled.string("ground") == "firstReceiver", "\(settled)")
    // The other way round: a drill that follows a real matter stays one, and leaves that alone.
    let before = try house.one(client, Ask.get("kd1-20261123-000001"))
    let again = try house.one(
      client, Ask.intake("c", more: Self.drill + ",\"follows\":\"kd1-20261123-000001\""))
    #expect(again.string("handover") == "kd1-20261123-Y000002")
    #expect(try house.one(client, Ask.get("kd1-20261123-000001")) == before)
  }

  @Test("a real matter is never found under a drill's number, nor a drill under a real one")
  func numbersAreNotMixedUp() throws {
    let house = try House()
    _ = try open(house)
    let client = try house.connect()
    let real = try house.one(client, Ask.intake("r", ["crime"]))
    let spoken = try #require(real.string("spoken"))
    for name in ["Y" + spoken, "kd1-20261123-Y000001"] {
      #expect(try house.one(client, Ask.get(name)).code == "unknownHandover")
    }
    _ = try take(house, "a")
    _ = try take(house, "b")
    #expect(try house.one(client, Ask.get("kd1-20261123-000002")).code == "unknownHandover")
    #expect(try house.one(client, Ask.get(spoken)).string("handover") == real.string("handover"))
  }

  @Test("drills are counted apart, with reports of their own")
  func countsApart() throws {
    let house = try House()
    let (control, _) = try open(house)
    let client = try house.connect()
    _ = try house.one(client, Ask.intake("r1"))
    for ref in ["a", "b", "c"] { _ = try take(house, ref) }
    house.pass(61_000, step: 500)
    let status = try house.one(control, Ask.status)
    #expect(status.number("openEmergencies") == 1 && status.number("openHandovers") == 1)
    let drills = try house.one(control, "{\"op\":\"drill\"}")
    #expect(drills.number("intakes") == 3 && drills.number("openHandovers") == 3)
    #expect(drills.number("openEmergencies") == 3 && drills.number("late") == 3)
    #expect(status.has("\"counters\":{") && status.has("\"intakes\":1,\"updates\":0"))
    // One open report of the real matter, one of the drills.
    #expect(Set(house.desk.raised.map(\.report)).count == 2)
    let byReport = Dictionary(grouping: house.desk.raised, by: \.report)
    for (_, entries) in byReport {
      #expect(Set(entries.map { $0.handover.contains("-Y") }).count == 1)
    }
    #expect(status.has("\"kind\":\"late\",\"drill\":true"))
  }

  @Test(
    "the window closes at its end, and stands again after a crash, but not over a set-back clock")
  func survivesRestarts() throws {
    let house = try House()
    let (_, opened) = try open(house, minutes: 10)
    #expect(opened.isDurable)
    house.crash()
    try #require(house.open() == .ok)
    #expect(try take(house, "a").isDurable)
    house.powerCut(7, darkMs: 60_000)
    try #require(house.open() == .ok)
    #expect(try take(house, "b").isDurable)
    house.pass(9 * 60_000, step: 5_000)
    #expect(try take(house, "c", []).code == "drillClosed")
    #expect(String(decoding: house.logged, as: UTF8.self).contains("drillClosed"))
    let control = try house.connect(control: true)
    _ = try ask(house, control, minutes: 60)
    house.powerCut(8)
    weir_faulty_os_set_wall_ms(house.faulty, house.wall - 3_600_000)
    try #require(house.open() == .ok)
    #expect(try take(house, "d", []).code == "drillClosed")
  }

  @Test("a refused drill inside the window raises no real alarm; outside it may be a real one")
  func refusedDrills() throws {
    let house = try House()
    _ = try open(house)
    weir_unit_stop(house.unit)
    let inside = try take(house, "a")
    #expect(inside.code == "stopping" && inside.has("【演练】"))
    #expect(!JournalOracle(house).kinds.contains(4))
    let closed = try House()
    try #require(closed.open() == .ok)
    let outside = try take(closed, "a")
    #expect(outside.code == "drillClosed" && outside.has("\"dial\":\"") && !outside.has("【演练】"))
    #expect(JournalOracle(closed).kinds.contains(4))
  }

  @Test("a drill that nobody judged stays a drill")
  func escalatesAsDrill() throws {
    let house = try House()
    _ = try open(house)
    house.desk.isAsleep = true
    let answer = try take(house, "a")
    #expect(answer.isDurable && answer.string("phase") == "dispatchedFirst")
    #expect(answer.string("handover") == "kd1-20261123-Y000001" && answer.has("【演练】"))
  }
}
