import CWeirBase
import CWeirFaultyOs
import Testing

/// Records read back from the journal: what was kept of a reading is never another record's.
@Suite struct ReadingTests {
  /// More matters than readings are kept, every seventh too long to be kept.
  private func fill(_ house: House, _ count: Int) throws -> [(number: String, text: String)] {
    let client = try house.connect()
    defer { house.disconnect(client) }
    return try (0..<count).map { index in
      let length = index % 7 == 3 ? 700 : 20
      let text = "第\(index)件" + String(repeating: "汉", count: length)
      let answer = try house.one(client, Ask.intake("r\(index)", more: ",\"text\":\"\(text)\""))
      return (try #require(answer.string("handover")), text)
    }
  }

  private func matters(_ count: Int) throws -> (House, [(number: String, text: String)]) {
    var options = House.Options()
    options.openMax = 2048
    let house = try House(options)
    try #require(house.open() == .ok)
    return (house, try fill(house, count))
  }

  @Test("every matter is told with its own words, however often and in whatever order")
  func tellsItsOwn() throws {
    let (house, matters) = try matters(1200)
    let client = try house.connect()
    for step in [1, 7, 511, 1] {
      for index in matters.indices {
        let (number, text) = matters[index * step % matters.count]
        let record = try house.one(client, Ask.get(number))
        #expect(record.string("text") == text)
        #expect(record.has("\"handover\":\"\(number)\""))
      }
    }
    let (number, text) = matters[3]
    #expect(try house.one(client, Ask.update("u", number, text: "补充")).isDurable)
    #expect(try house.one(client, Ask.get(number)).string("text") == text + "\\n补充")
  }

  @Test("a reading that failed is told as such, and nothing is kept of it", arguments: [0, 3])
  func badReads(index: Int) throws {
    let (house, matters) = try matters(600)
    // What was written last may still lie in memory: it is read from the disk now.
    #expect(house.stop())
    try #require(house.open() == .ok)
    let client = try house.connect()
    let (number, text) = matters[index]
    var failures = 0
    for after in 0..<12 as Range<UInt64> {
      weir_faulty_os_fail(house.faulty, WEIR_FAULTY_READ_AT, after, 1, .ioFailed)
      let answer = try house.one(client, Ask.get(number))
      weir_faulty_os_heal(house.faulty)
      if answer.code != nil {
        #expect(answer.code == "outcomeUnknown", "\(answer)")
        failures += 1
      } else {
        #expect(answer.string("text") == text)
      }
      #expect(try house.one(client, Ask.get(number)).string("text") == text)
      _ = try house.one(client, Ask.get(matters[Int(after) + 20].number))
    }
    #expect(failures > 0)
    #expect(house.failed == .ok)
  }
}
