import CWeirWorks
import Testing

/// What a client had sent when no more came from it. A beginning of a JSON object is never one, so
/// a line that was cut off cannot be taken for a whole one.
@Suite("The last line") struct LastLineTests {
  private static let whole = Ask.intake("last")

  private func opened() throws -> House {
    let house = try House()
    try #require(house.open() == .ok)
    return house
  }

  private func answers(_ house: House, to bytes: [UInt8]) throws -> [Line] {
    let client = try house.connect()
    house.end(client, with: bytes)
    house.pump()
    let answers = house.receive(client)
    #expect(weir_unit_finished(house.unit, client))
    house.disconnect(client)
    return answers
  }

  @Test(
    "a whole object is taken when no more comes, with or without a line feed",
    arguments: ["", "\r", "\n", "\r\n", " ", "\n\n\r\n"])
  func whole(end: String) throws {
    let house = try opened()
    let answers = try answers(house, to: Array((Self.whole + end).utf8))
    #expect(answers.count == 1 && answers[0].isDurable, "\(answers)")
    #expect(answers.first?.has("\"dial\":") == true)
  }

  @Test("what was cut off is refused wherever it ends, with a number to dial where it shows danger")
  func cut() throws {
    let house = try opened()
    let bytes = Array(Self.whole.utf8)
    var dangers = 0
    for count in 1..<bytes.count {
      let beginning = Array(bytes[..<count])
      let shows = Line(beginning).has("\"dangerToLife\"")
      let answers = try answers(house, to: beginning)
      #expect(answers.map { $0.code } == ["badJson"], "\(count) bytes: \(answers)")
      #expect(answers.first?.has("\"dial\":") == shows, "\(count) bytes")
      dangers += shows ? 1 : 0
    }
    let status = try house.one(house.connect(control: true), Ask.status)
    #expect(status.number("refused") == bytes.count - 1 && status.number("quarantined") == dangers)
    #expect(status.number("intakes") == 0 && dangers > 0)
  }

  @Test("where nothing is left nothing is answered", arguments: ["", "\r", "\n", "\r\n\r"])
  func nothing(left: String) throws {
    #expect(try answers(opened(), to: Array(left.utf8)).isEmpty)
  }

  @Test("lines before the last are answered first")
  func behindOthers() throws {
    let house = try opened()
    let lines = (0..<200).map { Ask.intake("n\($0)", ["crime"]) } + [Self.whole]
    let answers = try answers(house, to: Array(lines.joined(separator: "\n").utf8))
    #expect(answers.count == 201 && answers.allSatisfy { $0.isDurable })
    #expect(answers.last?.ref == "last")
  }
}
