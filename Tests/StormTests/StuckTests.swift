import CWeirBase
import CWeirWorks
import Testing

/// Promise 6 at the outer unit's own network card: what the kernel did not take is not on the link.
@Suite("A link that takes nothing")
struct StuckTests {
  /// Sends what is due every 50 ms, and says whether the kernel took it.
  private func send(_ house: House, _ milliseconds: UInt64, isTaken: Bool) -> Int {
    var sent = 0
    for _ in 0..<milliseconds / 50 {
      house.pass(50)
      var batch = [weir_bytes](repeating: weir_bytes(), count: 64)
      let count = weir_unit_datagrams(house.unit, &batch, 64, .max)
      sent += count
      if count == 0 { continue }
      if !isTaken {
        weir_unit_send_failed(house.unit, UInt64(count))
        weir_unit_refused(house.unit, batch, count)
      }
      weir_unit_tried(house.unit, isTaken, isTaken ? "" : "Network is unreachable")
    }
    return sent
  }

  private func logged(_ house: House, _ action: String) -> Int {
    let lines = Line(house.logged).description.split(separator: "\n")
    return lines.filter { $0.contains("\"\(action)\"") && $0.contains("\"linkStuck\"") }.count
  }

  @Test("it is alarmed once and ended once, and no copy is told that the kernel did not take")
  func stuck() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect(control: true)
    let answer = try house.one(client, Ask.intake("a"))
    let number = try #require(answer.string("handover"))
    #expect(send(house, 900, isTaken: false) > 3)
    #expect(logged(house, "alarmBegan") == 0)
    #expect(try house.one(client, Ask.status).has("\"link\":{\"state\":\"sending\""))
    let whole = try house.one(client, Ask.get(number))
    #expect(whole.has("\"data\":{\"state\":\"queued\"}"), "\(whole)")

    _ = send(house, 5000, isTaken: false)
    #expect(logged(house, "alarmBegan") == 1)
    #expect(Line(house.logged).has("nothing leaves on the link: Network is unreachable"))
    let status = try house.one(client, Ask.status)
    #expect(status.has("\"link\":{\"state\":\"stuck\",\"why\":\"Network is unreachable\""))
    #expect(status.has("\"code\":\"linkStuck\"") && status.has("检查网线"))
    let metrics = try house.one(client, "{\"op\":\"metrics\"}")
    #expect(metrics.has("weir_link_stuck 1"))
    #expect(try house.one(client, Ask.get(number)).has("\"data\":{\"state\":\"queued\"}"))

    _ = send(house, 600, isTaken: true)
    #expect(logged(house, "alarmEnded") == 1 && logged(house, "alarmBegan") == 1)
    let after = try house.one(client, Ask.status)
    #expect(after.has("\"link\":{\"state\":\"sending\"") && after.has("\"alarms\":[]"))
    let copies = try #require(house.one(client, Ask.get(number)).number("copies"))
    #expect((1...4).contains(copies), "\(copies) of danger in 600 ms, of some 25 in all")
  }

  @Test("a refusal that lasts no second is counted, and no alarm")
  func short() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect(control: true)
    _ = try house.one(client, Ask.intake("a"))
    for _ in 0..<20 {
      _ = send(house, 700, isTaken: false)
      _ = send(house, 300, isTaken: true)
    }
    #expect(logged(house, "alarmBegan") == 0)
    #expect(try #require(house.one(client, Ask.status).number("sendErrors")) > 20)
  }

  @Test("copies that were counted for a moment are not summed up for good")
  func restart() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let number = try #require(house.one(client, Ask.intake("a")).string("handover"))
    _ = send(house, 130_000, isTaken: false)
    #expect(house.stop())
    try #require(house.open() == .ok)
    let later = try house.connect()
    #expect(try house.one(later, Ask.get(number)).has("\"data\":{\"state\":\"queued\"}"))
  }
}
