import CWeirWorks
import Testing

/// Lines over 64 KiB, which nobody keeps whole: danger in one has a number to dial, and is told.
@Suite("Long lines") struct LongLineTests {
  private static let most = 65_536
  private static let escaped = #""danger\u0054o\u004cife""#

  /// A line of `count` bytes before `tail`, which then ends.
  private func line(_ count: Int, then tail: String) -> String {
    let begin = #"{"op":"intake","text":""#
    return begin + String(repeating: "x", count: count - begin.utf8.count - 1) + "\"" + tail
  }

  /// How many lines lie in quarantine after these, each of which is refused with a number to dial,
  /// and a good one behind them.
  private func kept(_ lines: [String]) throws -> Int? {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    for line in lines { house.send(client, line) }
    house.send(client, Ask.intake("good"))
    house.pump()
    let answers = house.receive(client)
    #expect(answers.map { $0.code } == lines.map { _ in "lineTooLong" } + [nil])
    #expect(answers.allSatisfy { $0.has("\"dial\":\"") && $0.has("\"say\":[") }, "\(answers)")
    let status = try house.one(house.connect(control: true), Ask.status)
    #expect(status.number("quarantine") == status.number("quarantined"))
    return status.number("quarantine")
  }

  @Test("wherever danger shows in a long line it is kept and told, once")
  func shows() throws {
    for fact in [#""dangerToLife""#, Self.escaped, #""dangerToLife","fire""#] {
      // Across the end of the first piece, and across the end of the second, which begins anew.
      for end in [Self.most, 2 * Self.most - 160] {
        for before in stride(from: 0, through: fact.utf8.count + 2, by: 1) {
          let tail = #","facts":["#
          let long = line(end - before - tail.utf8.count, then: tail + fact + "]}")
          let padded = long + String(repeating: " ", count: 200)
          #expect(try kept([padded]) == 1, "\(fact), \(before) bytes before \(end)")
        }
      }
    }
  }

  @Test("a long line without danger is not kept")
  func plain() throws {
    #expect(try kept([line(200_000, then: #","facts":["crime"]}"#)]) == 0)
  }

  @Test("of two long lines each is told, and of one with danger at both ends only the first")
  func each() throws {
    let tail = #","facts":["fire"]}"#
    #expect(try kept([line(70_000, then: tail), line(300_000, then: tail)]) == 2)
    let both = #"{"fire":"# + line(70_000, then: tail)
    #expect(try kept([both]) == 1)
  }

  @Test("danger in a long line that is never ended is told all the same")
  func neverEnded() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let bytes = Array(line(100_000, then: #","facts":["fire"]"#).utf8)
    var given = 0
    while given < bytes.count {
      given += house.give(client, bytes, from: given)
      house.pump()
    }
    #expect(house.receive(client).map { $0.code } == ["lineTooLong"])
    #expect(house.logged.split(separator: 10).contains { Line($0).has("\"phoneItIn\"") })
    house.end(client)
    house.pump()
    #expect(house.receive(client).isEmpty && weir_unit_finished(house.unit, client))
  }
}
