import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Testing

/// A closed segment has a hash, and the hashes are a chain.
@Suite("Hashes of closed segments")
struct HashTests {
  private static let path = "/data/journal/hashes"
  private static let lineBytes = 87

  /// A unit whose journal has closed `segments` segments.
  private func house(closing segments: Int) throws -> House {
    let house = try House()
    try #require(house.open() == .ok)
    try fill(house, until: segments)
    return house
  }

  private func fill(_ house: House, until segments: Int) throws {
    let client = try house.connect()
    let more = ",\"text\":\"" + String(repeating: "字", count: 1900) + "\""
    for number in 0..<2000 {
      if house.names(in: "/data/journal").filter(Self.isSegment).count > segments { break }
      let answer = try house.one(client, Ask.intake("h\(house.openings)-\(number)", more: more))
      try #require(answer.has("\"durable\":true"))
    }
    house.pass(5000, step: 1100)  // while answers wait, a second lies between two of them
  }

  private static func isSegment(_ name: String) -> Bool {
    name.hasSuffix(".wal") && !name.hasPrefix("reserve")
  }

  private func verify(_ house: House) -> (status: weir_status, finding: weir_hashes_finding) {
    var finding = weir_hashes_finding()
    let status = weir_hashes_verify(house.os, "/data", "kd1", &finding)
    return (status, finding)
  }

  private func lines(_ house: House) -> [String] {
    String(decoding: house.content(Self.path).bytes, as: UTF8.self).split(separator: "\n")
      .map(String.init)
  }

  @Test("each closed segment gets one, after a restart too, and verify finds them good")
  func chain() throws {
    let house = try house(closing: 2)
    #expect(lines(house).count == 2)
    house.crash()
    try #require(house.open() == .ok)
    try fill(house, until: 4)
    let all = lines(house)
    #expect(all.map { $0.prefix(10) } == (1...4).map { "000000000\($0)" })
    #expect(all.allSatisfy { $0.utf8.count + 1 == Self.lineBytes })
    let (status, finding) = verify(house)
    #expect(status == .ok && finding.fit == 4)
  }

  @Test("verify names the segment whose bytes, or whose line, are not what they were")
  func damage() throws {
    let house = try house(closing: 3)
    let segment = "/data/journal/0000000002.wal"
    func flip(_ path: String, _ offset: Int) {
      let byte = [house.content(path).bytes[offset] ^ 0x01]
      _ = byte.withUnsafeBufferPointer {
        weir_faulty_os_poke(
          house.faulty, path, UInt64(offset), weir_bytes(at: $0.baseAddress, count: 1))
      }
    }
    for offset in [20, 70, 200, 4000, 100_000] {
      flip(segment, offset)
      let (status, finding) = verify(house)
      #expect(status == .corrupt && finding.segment == 2, "byte \(offset)")
      flip(segment, offset)
    }
    for offset in Self.lineBytes..<2 * Self.lineBytes {
      flip(Self.path, offset)
      let (status, finding) = verify(house)
      #expect(status == .corrupt && finding.segment == 2, "byte \(offset) of the hashes")
      flip(Self.path, offset)
    }
    #expect(verify(house).status == .ok)
  }

  @Test("a line that a crash cut off is written again, wherever it was cut")
  func torn() throws {
    let house = try house(closing: 2)
    house.close()
    let whole = house.content(Self.path).bytes
    let line = Self.lineBytes
    for count in [0, 1, 50, line - 1, line, line + 1, 2 * line - 1] {
      house.put(Array(whole[..<count]), at: Self.path)
      weir_faulty_os_settle(house.faulty)
      try #require(house.open() == .ok)
      house.pump()
      #expect(house.content(Self.path).bytes == whole, "cut at \(count)")
      house.close()
    }
  }

  @Test("a failing disk costs a hash, never the unit, and the next try brings it")
  func failing() throws {
    let calls: [weir_faulty_call] = [
      WEIR_FAULTY_OPEN, WEIR_FAULTY_READ_AT, WEIR_FAULTY_WRITE_AT, WEIR_FAULTY_SYNC,
    ]
    for call in calls {
      let house = try house(closing: 1)
      _ = house.os.pointee.remove(house.os.pointee.context, Self.path)
      house.crash()
      try #require(house.open() == .ok)
      let job = try #require(weir_unit_take_closing_job(house.unit))
      weir_faulty_os_fail(house.faulty, call, 0, 1, .ioFailed)
      let status = weir_job_perform(job, house.os)
      weir_faulty_os_heal(house.faulty)
      weir_unit_closing_job_done(house.unit, job, status)
      #expect(status == .ioFailed)
      #expect(house.failed == .ok)
      #expect(weir_unit_take_closing_job(house.unit) == nil, "not at once")
      house.pass(61_000, step: 1000)
      #expect(lines(house).count == 1)
      #expect(verify(house).status == .ok)
    }
  }
}
