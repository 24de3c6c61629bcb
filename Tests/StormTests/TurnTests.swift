import CWeirWorks
import Testing

@testable import WeirCore

/// What status says of the loop's turns: the longest of the last one to two minutes, and how many
/// were slow.
@Suite struct TurnTests {
  struct Row: CustomTestStringConvertible {
    let after: UInt64  // ms since the row before
    let took: UInt64  // microseconds
    let longest: UInt64
    let slow: UInt64
    var testDescription: String { "after \(after) ms a turn of \(took) us" }
  }

  private static let rows: [Row] = [
    .init(after: 0, took: 0, longest: 0, slow: 0),
    .init(after: 0, took: 900, longest: 900, slow: 0),
    .init(after: 1_000, took: 5_000, longest: 5_000, slow: 0),
    .init(after: 1_000, took: 5_001, longest: 5_001, slow: 1),
    .init(after: 57_999, took: 100, longest: 5_001, slow: 1),
    .init(after: 1, took: 100, longest: 5_001, slow: 1),
    .init(after: 59_999, took: 7_000, longest: 7_000, slow: 2),
    .init(after: 1, took: 200, longest: 7_000, slow: 2),
    .init(after: 60_000, took: 300, longest: 300, slow: 2),
    .init(after: 119_999, took: 40, longest: 300, slow: 2),
    .init(after: 120_000, took: 30, longest: 30, slow: 2),
  ]

  @Test("the longest turn is known for one to two minutes, the slow ones are counted")
  func longest() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let control = try house.connect(control: true)
    for row in Self.rows {
      house.advance(row.after)
      _ = house.turn()
      weir_unit_turned(house.unit, row.took)
      let status = try house.one(control, #"{"op":"status"}"#).description
      let wanted = #""loop":{"longestTurnUs":\#(row.longest),"slowTurns":\#(row.slow)}"#
      #expect(status.contains(wanted), "\(row.testDescription): \(status)")
    }
    let metrics = try house.one(control, #"{"op":"metrics"}"#).description
    #expect(metrics.contains("weir_longest_turn_microseconds 30"))
    #expect(metrics.contains("weir_slow_turns_total 2"))
  }
}
