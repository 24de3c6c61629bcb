import CWeirBase
import CWeirFaultyOs
import Foundation
import Testing
import WeirModel

@testable import WeirCore

/// What `weir journal` shows of a journal, on a real disk.
@Suite("Reading a journal")
struct JournalReaderTests {
  /// Five matters on one day and two on the next, one of them gone through three phases.
  private func story() throws -> House {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    for ref in ["a", "b", "c", "d", "e"] { _ = try house.one(client, Ask.intake(ref)) }
    _ = try house.one(client, Ask.event("kd1-20261123-000002", "transferStarted", ref: "f"))
    _ = try house.one(client, Ask.event("kd1-20261123-000002", "transferAnswered", ref: "g"))
    house.pass(6 * 3_600_000, step: 600_000)
    for ref in ["h", "i"] { _ = try house.one(client, Ask.intake(ref)) }
    return house
  }

  /// The journal in a folder of its own, taken away afterwards.
  private func onDisk<Result>(_ house: House, _ body: (String) throws -> Result) throws -> Result {
    let folder = NSTemporaryDirectory() + "weir-reader-\(UUID().uuidString)"
    let journal = folder + "/journal"
    try FileManager.default.createDirectory(atPath: journal, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for name in house.names(in: "/data/journal") where name.hasSuffix(".wal") {
      let bytes = house.content("/data/journal/" + name).bytes
      try Data(bytes).write(to: URL(fileURLWithPath: journal + "/" + name))
    }
    return try body(folder)
  }

  private func lines(
    _ folder: String, _ change: (inout JournalFilter) -> Void
  ) throws -> (wanted: [String], read: Int) {
    var filter = JournalFilter()
    change(&filter)
    var wanted: [String] = []
    var read = 0
    _ = try JournalReader.read(folder, unit: "kd1", filter: filter) { line in
      read += 1
      if let line { wanted.append(line) }
      return true
    }
    return (wanted, read)
  }

  @Test("records are chosen by time, number and phase; every one is checked all the same")
  func filters() throws {
    let house = try story()
    try onDisk(house) { folder in
      let all = try lines(folder) { _ in }
      #expect(all.wanted.count == all.read)
      let midnight = try #require(CoreText.wallMs("2026-11-24T00:00:00+08:00"))
      let before = try lines(folder) { $0.to = midnight }
      let after = try lines(folder) { $0.from = midnight }
      #expect(before.read == all.read && after.read == all.read)
      #expect(before.wanted + after.wanted == all.wanted, "a time belongs to one side only")
      #expect(after.wanted.contains { $0.contains("kd1-20261124-000001") })
      #expect(!before.wanted.contains { $0.contains("kd1-20261124-000001") })
      let number = try HandoverNumber("kd1-20261123-000002", unit: "kd1", today: 20_261_123)
      let one = try lines(folder) { $0.number = number }
      #expect(one.wanted.count >= 3)
      #expect(one.wanted.allSatisfy { $0.contains("\"handover\":\"kd1-20261123-000002\"") })
      let answered = try lines(folder) { $0.phase = .transferred }
      #expect(answered.wanted.count >= 1)
      #expect(answered.wanted.allSatisfy { $0.contains("\"phase\":\"transferred\"") })
      let other = try HandoverNumber("kd1-20261123-000001", unit: "kd1", today: 20_261_123)
      let both = try lines(folder) {
        $0.number = other
        $0.phase = .transferred
      }
      #expect(both.wanted.isEmpty)
    }
  }

  @Test("a day's seal stands once the day is over, and falls with any record of that day")
  func seals() throws {
    let house = try story()
    let (first, second) = try onDisk(house) { folder in
      (
        try JournalReader.seal(folder, unit: "kd1", day: 20_261_123),
        try JournalReader.seal(folder, unit: "kd1", day: 20_261_124)
      )
    }
    #expect(first.isClosed && !second.isClosed)
    #expect(first.code.count == 24)
    let serials = try #require(first.serials)
    #expect(serials.lowerBound == 1)
    #expect(second.serials?.lowerBound == serials.upperBound + 1, "each record has one day")
    let client = try house.connect()
    _ = try house.one(client, Ask.intake("j"))
    try onDisk(house) { folder in
      let days: [UInt32] = [20_261_122, 20_261_123, 20_261_124]
      let later = try days.map { try JournalReader.seal(folder, unit: "kd1", day: $0) }
      #expect(later[0].serials == nil)
      #expect(later[1].code == first.code)
      #expect(later[2].code != second.code)
    }
    // The same day again, but for one word of one matter.
    let other = try House()
    try #require(other.open() == .ok)
    let caller = try other.connect()
    for ref in ["a", "b", "c", "d", "E"] { _ = try other.one(caller, Ask.intake(ref)) }
    let changed = try onDisk(other) { folder in
      try JournalReader.seal(folder, unit: "kd1", day: 20_261_123)
    }
    #expect(changed.code != first.code)
  }

  @Test("an intake costs the disk at most a tenth more than its 600 bytes")
  func cost() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    _ = try house.one(client, Ask.intake("first"))  // The policy's texts are on the disk behind it.
    let before = bytes(house)
    let facts = ["crime", "dangerToLife", "missingPerson", "nonUrgentRequest"]
    let count = 40
    for index in 0..<count {
      let ref = "A07-20261123-\(1000 + index)"
      let head =
        #"{"op":"intake","ref":"\#(ref)","receivedBy":"12345","channel":"phone","receivedAt":"#
        + #""\#(Ask.time(House.startWall - 900))","facts":["\#(facts[index % 4])"],"place":"#
        + #"{"county":"513301"},"text":""#
      let text = String(repeating: "x", count: 600 - head.utf8.count - 2)
      let answer = try house.one(client, head + text + "\"}")
      #expect(answer.has("\"durable\":true"))
    }
    let each = Double(bytes(house) - before) / Double(count)
    #expect(each <= 660, "\(each) bytes of journal for each message of 600")
    print("\(each) bytes of journal for each message of 600 bytes")
  }

  /// Bytes of frames in the journal's only segment, up to the last one.
  private func bytes(_ house: House) -> Int {
    let content = house.content("/data/journal/0000000001.wal").bytes
    return (content.lastIndex { $0 != 0 } ?? 0) + 1
  }

  @Test("what follows a sync is read from memory, not from the disk")
  func hotReads() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    _ = try house.one(client, Ask.intake("a"))
    let before = weir_faulty_os_calls(house.faulty, WEIR_FAULTY_READ_AT)
    for index in 0..<100 {
      _ = try house.one(client, Ask.intake("n\(index)", ["nonUrgentRequest"]))
    }
    #expect(weir_faulty_os_calls(house.faulty, WEIR_FAULTY_READ_AT) == before)
  }
}
