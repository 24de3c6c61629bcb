import Foundation
import Testing

/// Reports (报备) as the works number them.
@Suite struct ReportNumberTests {
  private func fail(_ house: House, _ client: UInt32, _ number: String) throws -> Line {
    try house.one(client, Ask.event(number, "transferFailed", more: ",\"cause\":\"busy\""))
  }

  @Test("a report is open until it is acknowledged; the next fault of the same matter is a new one")
  func numbersAnew() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let first = try #require(try house.one(client, Ask.intake("a")).string("handover"))
    let other = try #require(try house.one(client, Ask.intake("b")).string("handover"))
    #expect(try fail(house, client, first).has("\"id\":\"kd1-R000001\""))
    #expect(try fail(house, client, other).has("\"id\":\"kd1-R000001\""))
    let report = "{\"op\":\"event\",\"report\":\"kd1-R000001\",\"event\":\"reportAcknowledged\"}"
    let settled = try house.one(client, report)
    #expect(settled.isDurable && settled.number("matters") == 2)
    for restart in [false, true] {
      if restart {
        house.crash()
        try #require(house.open() == .ok)
      }
      let now = try house.connect()
      #expect(try fail(house, now, first).has("\"id\":\"kd1-R000002\""))
    }
    let status = try house.one(try house.connect(control: true), Ask.status)
    #expect(status.has("\"unacknowledgedReports\":[{\"report\":\"kd1-R000002\""))
  }

  @Test("a late matter whose transfer then fails goes to the report of that kind; none is renamed")
  func keepsItsKind() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let number = try #require(try house.one(client, Ask.intake("a")).string("handover"))
    let other = try #require(try house.one(client, Ask.intake("b")).string("handover"))
    house.pass(61_000, step: 500)
    #expect(try fail(house, client, number).has("\"id\":\"kd1-R000002\""))
    #expect(try fail(house, client, number).has("\"id\":\"kd1-R000002\""))
    for restart in [false, true] {
      if restart {
        house.crash()
        try #require(house.open() == .ok)
      }
      let control = try house.connect(control: true)
      let status = try house.one(control, Ask.status).description
      #expect(status.contains("{\"report\":\"kd1-R000001\",\"kind\":\"late\"}"), "\(status)")
      #expect(status.contains("{\"report\":\"kd1-R000002\",\"kind\":\"cannotTransfer\"}"))
      #expect(status.components(separatedBy: "kd1-R").count == 3)
    }
    #expect(try fail(house, try house.connect(), other).has("\"id\":\"kd1-R000002\""))
  }

  @Test("an intake and an update are no events of a report")
  func noEvents() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let claimed = ",\"receivedAt\":\"\(Ask.time(house.wall - 61_000))\""
    let answer = try house.one(client, Ask.intake("a", more: claimed))
    let number = try #require(answer.string("handover"))
    _ = try house.one(client, Ask.update("t", number, text: "又"))
    _ = try house.one(client, Ask.event(number, "transferStarted"))
    let last = house.desk.raised.suffix(3)
    #expect(last.map(\.handover) == [number, number, number])
    #expect(last.map(\.event) == [nil, nil, .transferStarted])
  }
}
