import CWeirBase
import CWeirWorks
import Testing

/// The watch stream: every durable change, resumable from any cursor without missing one.
@Suite struct WatchTests {
  /// A house in which things of every kind have happened.
  private func busy() throws -> House {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let control = try house.connect(control: true)
    let until = Ask.time(house.wall + 3_600_000)
    _ = try house.one(control, "{\"op\":\"drill\",\"until\":\"\(until)\",\"by\":\"S01\"}")
    for index in 0..<10 {
      let more = index % 3 == 2 ? ",\"drill\":true" : ""
      let answer = try house.one(client, Ask.intake("m\(index)", more: more))
      let number = try #require(answer.string("handover"))
      _ = try house.one(client, Ask.event(number, "transferFailed", more: ",\"cause\":\"busy\""))
      house.pass(7000, step: 1000)
      if index % 2 == 0 { _ = try house.one(client, Ask.event(number, "transferAnswered")) }
    }
    _ = try house.one(
      client, "{\"op\":\"event\",\"report\":\"kd1-R000001\",\"event\":\"reportAcknowledged\"}")
    _ = try house.one(control, "{\"op\":\"drill\",\"by\":\"S01\"}")
    return house
  }

  private func watch(_ house: House, after cursor: Int) throws -> [Line] {
    let watcher = try house.connect()
    defer { house.disconnect(watcher) }
    return house.ask(watcher, Ask.watch(after: cursor))
  }

  @Test("every line has its fields; reports and drill windows are changes too")
  func fields() throws {
    let lines = try watch(try busy(), after: 0)
    let changes = lines.filter { $0.string("handover") != nil }
    #expect(changes.count > 30)
    for line in changes {
      for field in ["cursor", "at", "handover", "revision", "event", "phase", "legs", "say"] {
        #expect(line.has("\"\(field)\":"), "\(field) in \(line)")
      }
      let isDrill = line.string("handover")?.contains("-Y") == true
      #expect(line.has("\"drill\":true") == isDrill)
    }
    let events = Set(lines.compactMap { $0.string("event") })
    #expect(events.isSuperset(of: ["intake", "transferFailed", "transferAnswered", "preAlarm"]))
    #expect(events.isSuperset(of: ["reportAcknowledged", "drillOpened", "drillClosed"]))
    #expect(lines.contains { $0.string("report") == "kd1-R000001" })
  }

  @Test("from any cursor the rest comes, each change once, after a restart too")
  func resumes() throws {
    let house = try busy()
    let all = try watch(house, after: 0)
    let cursors = all.compactMap { $0.number("cursor") }
    #expect(cursors == cursors.sorted() && Set(cursors).count == all.count)
    for restart in [false, true] {
      if restart {
        house.crash()
        try #require(house.open() == .ok)
      }
      for (index, cursor) in cursors.enumerated() where index % 5 == 0 {
        let rest = try watch(house, after: cursor).prefix(all.count - index - 1)
        #expect(Array(rest) == Array(all[(index + 1)...]), "after \(cursor)")
      }
    }
  }

  @Test("a watcher that reads slowly misses nothing, and holds up nobody")
  func slow() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let watcher = try house.connect()
    house.send(watcher, Ask.watch())
    for index in 0..<40 {
      for step in 0..<100 {
        house.send(client, Ask.intake("m\(index)-\(step)", ["nonUrgentRequest"]))
      }
      house.pump()
      #expect(house.receive(client).count == 100)
    }
    var seen: [Int] = []
    for _ in 0..<40 where seen.count < 4000 {
      seen += house.receive(watcher).compactMap { $0.number("cursor") }
      house.pump()
    }
    #expect(seen.count == 4000 && seen == seen.sorted() && Set(seen).count == 4000)
  }

  @Test("a cursor that the journal has not reached is gone")
  func ahead() throws {
    let house = try busy()
    #expect(try watch(house, after: 10_000_000).first?.code == "cursorGone")
  }
}
