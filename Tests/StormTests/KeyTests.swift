import CWeirBase
import CWeirWorks
import Testing
import WeirModel

@Suite("A key's end is announced in time, and stops nothing")
struct KeyTests {
  /// What of the key was alarmed so far: begun and ended.
  private func alarms(_ house: House) -> (begun: Int, ended: Int) {
    let lines = house.logged.split(separator: UInt8(ascii: "\n")).map { Line(Array($0)) }
    let mine = lines.filter { $0.has("keyExpiry") }
    return (mine.count { $0.has("alarmBegan") }, mine.count { $0.has("alarmEnded") })
  }

  @Test(
    "a warning comes 30, 7 and 1 days before the last day ends, and when it has",
    arguments: [UnitRole.outer, .inner])
  func warnings(role: UnitRole) throws {
    var options = House.Options(role: role, seed: 3)
    options.keyExpires = "2026-12-25"  // the house begins on 2026-11-23 at 18:31
    let house = try House(options)
    try #require(house.open() == .ok, "\(house.problem)")
    let day: UInt64 = 24 * 3600 * 1000
    // Days later, and how many warnings began by then.
    let rows: [(days: UInt64, begun: Int)] = [
      (0, 0), (1, 0), (2, 1), (24, 1), (25, 2), (30, 2), (31, 3), (32, 3), (33, 4), (60, 4),
    ]
    var now: UInt64 = 0
    for row in rows {
      house.advance((row.days - now) * day)
      now = row.days
      house.pump()
      #expect(alarms(house) == (row.begun, max(0, row.begun - 1)), "after \(row.days) days")
    }
    if role == .outer {
      let client = try house.connect()
      #expect(try house.one(client, Ask.intake("k1")).isDurable, "an expired key stops nothing")
    }
  }

  @Test("a key without a last day never warns")
  func noDay() throws {
    let house = try House(.init(seed: 4))
    try #require(house.open() == .ok, "\(house.problem)")
    house.advance(10_000 * 24 * 3600 * 1000)
    house.pump()
    #expect(alarms(house) == (0, 0))
  }
}
