import CWeirBase
import CWeirWorks
import Testing
import WeirCore

/// Numbers that people type: known as they are written and read out, and never guessed at.
@Suite("Numbers that people type") struct NumberTests {
  /// A unit with one open matter of today, whose transfer failed: kd1-20261123-000001, 1-8.
  private func house() throws -> (house: House, client: UInt32) {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    try #require(try house.one(client, Ask.intake("a")).string("spoken") == "1-8")
    let failed = Ask.event("1-8", "transferFailed", more: ",\"cause\":\"busy\"")
    try #require(try house.one(client, failed).isDurable)
    return (house, client)
  }

  /// A serial and its check digit, which is right.
  private static func spoken(_ serial: UInt64) -> String {
    "\(serial)-\(weir_check_digit(serial))"
  }

  @Test("a matter is known by its number and by today's spoken one, full-width digits too")
  func known() throws {
    let (house, client) = try house()
    for number in ["kd1-20261123-000001", "1-8", "1 - 8", "１-８", "０１-８"] {
      let answer = try house.one(client, Ask.get(number))
      #expect(answer.string("handover") == "kd1-20261123-000001", "\(number): \(answer)")
    }
  }

  private static let strange = [
    "1", "1-", "-8", "1-9", "1-88", "1-x", "x-8", "Y1-8", "Y", "-", "0-0", "2-6", "1-8-8",
    spoken(1 << 32 | 1), "99999999999999999999-1", "kd1", "kd1-", "kd1-1-8", "kd2-20261123-000001",
    "kd1x20261123-000001", "kd1-20261123-1", "kd1-20261123-00001x", "kd1-20261123-Y000001",
    "kd1-20261123-000000", "kd1-20261123-4294967297", "kd1-99991232-000001", "kd1-x-000001",
    "kd1-20261122-000001", "KD1-20261123-000001", "kd1-20261123-000001-8",
  ]

  @Test("anything else is unknown", arguments: strange)
  func isUnknown(number: String) throws {
    let (house, client) = try house()
    let answer = try house.one(client, Ask.get(number))
    #expect(answer.code == "unknownHandover", "\(number): \(answer)")
    #expect(answer.has("check digit") == (number == "1-9"), "\(number): \(answer)")
  }

  @Test(
    "a check digit that does not fit is said to be so, to whoever names a matter by it",
    arguments: ["1-9", "Y1-9", "999-8", "１-９", " 1 - 9 "])
  func isMisread(number: String) throws {
    let (house, client) = try house()
    let asked = [
      Ask.get(number), Ask.event(number, "transferAnswered"),
      Ask.intake("b", more: ",\"follows\":\"\(number)\""),
    ]
    for line in asked {
      let answer = try house.one(client, line)
      #expect(answer.code == "unknownHandover", "\(line): \(answer)")
      #expect(answer.has("the check digit does not fit; have it read out again"), "\(answer)")
    }
    #expect(throws: CoreError.self) {
      try HandoverNumber(number, unit: "kd1", today: 20_261_123)
    }
  }

  @Test("a number is typed in whatever length: what is too long is none")
  func tooLong() {
    for count in [8, 80, 800] {
      #expect(throws: CoreError.self) {
        try HandoverNumber(String(repeating: "1", count: count), unit: "kd1", today: 20_261_123)
      }
    }
  }

  private static let reports = [
    "kd1-R", "kd1-R000000", "kd1-R000002", "kd1-R00000x", "kd1-R4294967297", "kd2-R000001",
    "kd1xR000001", "kd1-X000001", "R000001", "kd1-R99999999999999999999",
  ]

  @Test("a report is known by its own number alone", arguments: reports)
  func report(number: String) throws {
    let (house, client) = try house()
    func settle(_ number: String) throws -> Line {
      try house.one(
        client,
        "{\"op\":\"event\",\"report\":\"\(number)\",\"event\":\"reportAcknowledged\",\"by\":\"甲\"}")
    }
    #expect(try settle(number).code == "unknownReport", "\(number)")
    #expect(try settle("kd1-R000001").isDurable)
  }
}
