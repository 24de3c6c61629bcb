import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Testing
import WeirChance

/// What an outer unit delivers: matters that have become 12345's without being submitted by it.
@Suite struct OutboxTests {
  private func open() throws -> (house: House, client: UInt32) {
    let house = try House(.init(outbox: true))
    try #require(house.open() == .ok)
    return (house, try house.connect())
  }

  private func take(
    _ house: House, _ client: UInt32, _ ref: String, _ facts: [String], by: String = "12345",
    channel: String = "phone"
  ) throws -> String {
    let answer = try house.one(client, Ask.intake(ref, facts, by: by, channel: channel))
    return try #require(answer.string("handover"))
  }

  private func agree(_ house: House, _ client: UInt32, _ number: String, _ owner: String) throws {
    let event = Ask.event(number, "agreed", more: ",\"owner\":\"\(owner)\"")
    #expect(try house.one(client, event).isDurable)
    house.pump()
  }

  @Test("110's internet channel, agreement and first receiver deliver; what 12345 took does not")
  func deliversWhatBecame() throws {
    let (house, client) = try open()
    let online = try take(
      house, client, "a", ["nonUrgentRequest"], by: "110", channel: "internet")
    _ = try take(house, client, "b", ["nonUrgentRequest"])
    _ = try take(house, client, "c", ["crime"])
    let agreed = try take(house, client, "d", ["responsibilityUnclear"])
    let police = try take(house, client, "e", ["responsibilityUnclear"])
    let open = try take(house, client, "f", ["responsibilityUnclear"])
    house.pump()
    #expect(house.names(in: "/out") == ["\(online)-r1.json"])
    try agree(house, client, agreed, "12345")
    try agree(house, client, police, "110")
    house.pass(181_000, step: 1000)
    let names = Set(house.names(in: "/out"))
    #expect(names.contains("\(agreed)-r2.json") && !names.contains("\(agreed)-r1.json"))
    #expect(names.contains("\(open)-r2.json"))
    #expect(!names.contains { $0.hasPrefix(police) })
    let item = house.content("/out/\(online)-r1.json")
    #expect(item.has("{\"kind\":\"matter\",\"handover\":\"\(online)\""))
    #expect(item.has("\"firstOfMatter\":true,\"changed\":[\"intake\"]") && item.has("\"record\":{"))
    #expect(house.content("/out/\(open)-r2.json").has("\"changed\":[\"notAgreed\"]"))
  }

  @Test("later changes follow, and none is told twice")
  func followsChanges() throws {
    let (house, client) = try open()
    let number = try take(house, client, "a", ["responsibilityUnclear"])
    try agree(house, client, number, "12345")
    #expect(try house.one(client, Ask.update("u", number, text: "补充")).isDurable)
    house.pump()
    let item = house.content("/out/\(number)-r3.json")
    #expect(item.has("\"firstOfMatter\":false,\"changed\":[\"update\"]") && item.has("补充"))
    let marks = JournalOracle(house).marks
    #expect(marks == ["\(number)-r2.json", "\(number)-r3.json"])
  }

  @Test(
    "whenever the power goes, each item is there in the end, and marked once", arguments: 0..<24)
  func survivesPowerCuts(seed: UInt64) throws {
    let (house, client) = try open()
    for index in 0..<6 {
      house.send(
        client,
        Ask.intake("a\(index)", ["nonUrgentRequest"], by: "110", channel: "internet"))
    }
    var chance = Chance(seed: seed &+ 500)
    for _ in 0..<chance.below(12) {
      _ = house.turn()
      _ = house.work()
    }
    if chance.percent(50) { _ = house.beginJob() }
    let answered = house.receive(client).compactMap { $0.string("handover") }
    house.powerCut(seed)
    try #require(house.open() == .ok)
    house.pump()
    let marks = JournalOracle(house).marks
    let names = house.names(in: "/out")
    #expect(Set(marks).count == marks.count)
    #expect(Set(names) == Set(marks))
    for number in answered { #expect(names.contains("\(number)-r1.json")) }
    #expect(house.names(in: "/out/.staging").isEmpty)
  }

  @Test("more than a stage holds is delivered in the journal's order")
  func catchesUp() throws {
    let (house, client) = try open()
    for index in 0..<400 {
      house.send(
        client,
        Ask.intake("a\(index)", ["nonUrgentRequest"], by: "110", channel: "internet"))
    }
    for _ in 0..<50 { house.pump() }
    #expect(house.receive(client).count == 400)
    let marks = JournalOracle(house).marks
    #expect(marks.count == 400 && marks == marks.sorted())
  }

  @Test("a folder that fails holds up no hand-over; it is alarmed and tried again")
  func survivesItsFolder() throws {
    let (house, client) = try open()
    weir_faulty_os_fail(house.faulty, WEIR_FAULTY_RENAME, 0, 2, .ioFailed)
    let number = try take(
      house, client, "a", ["nonUrgentRequest"], by: "110", channel: "internet")
    house.pump()
    #expect(house.names(in: "/out").isEmpty)
    #expect(try house.one(client, Ask.intake("b")).isDurable)
    let control = try house.connect(control: true)
    #expect(try house.one(control, Ask.status).has("deliveryFailed"))
    house.pass(3000)
    #expect(house.names(in: "/out").contains("\(number)-r1.json"))
    #expect(try !house.one(control, Ask.status).has("deliveryFailed"))
    #expect(house.failed == .ok)
  }

  @Test("a drill is delivered apart, on both units")
  func drillsApart() throws {
    let (house, client) = try open()
    let control = try house.connect(control: true)
    let until = Ask.time(house.wall + 3_600_000)
    _ = try house.one(control, "{\"op\":\"drill\",\"until\":\"\(until)\",\"by\":\"S01\"}")
    let line = Ask.intake(
      "a", ["nonUrgentRequest"], by: "110", channel: "internet", more: ",\"drill\":true")
    let number = try #require(try house.one(client, line).string("handover"))
    house.pump()
    #expect(house.names(in: "/out") == ["drill"])
    #expect(house.content("/out/drill/\(number)-r1.json").has("\"drill\":true"))
    let pair = try Pair(seed: 8)
    try pair.open()
    let desk = try pair.outer.connect(control: true)
    _ = try pair.outer.one(desk, "{\"op\":\"drill\",\"until\":\"\(until)\",\"by\":\"S01\"}")
    _ = try pair.outer.one(desk, Ask.intake("x", more: ",\"drill\":true"))
    pair.pass(2000)
    #expect(pair.inner.names(in: "/out/drill") == ["kd1-20261123-Y000001-r1.json"])
    #expect(pair.delivered.filter { $0 != "drill" }.isEmpty)
  }
}
