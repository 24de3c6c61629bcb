import CWeirBase
import CWeirLink
import CWeirLog
import CWeirScarceMemory
import CWeirSeal
import CWeirWorks
import Testing
import WeirModel

/// Memory is taken at start. Where there is none, a start says so and leaves nothing behind that
/// would keep the next one from being right; what runs needs none.
@Suite("Memory that runs out") struct ScarceMemoryTests {
  /// Fails every allocation from the n-th on, for n = 0, 1, 2 … until a run needs no more of them;
  /// the statuses that it came to before.
  private func countdown(_ run: () -> weir_status) -> [weir_status] {
    var statuses: [weir_status] = []
    while statuses.count < 500 {
      weir_scarce_memory_after(UInt64(statuses.count))
      let status = run()
      if weir_scarce_memory_end() == 0 {
        #expect(status == .ok)
        return statuses
      }
      statuses.append(status)
    }
    Issue.record("no end of allocations")
    return statuses
  }

  private func live(_ house: House, _ ref: String) throws {
    let client = try house.connect()
    let answer = try house.one(client, Ask.intake(ref, ["dangerToLife"]))
    #expect(answer.isDurable)
    house.disconnect(client)
  }

  @Test(
    "a unit does not start without it, and starts later as if nothing had been",
    arguments: [UnitRole.outer, .inner], [0, 1] as [UInt64])
  func units(role: UnitRole, snapshots: UInt64) throws {
    var options = House.Options()
    options.role = role
    options.snapshotRecords = snapshots
    options.outbox = role == .outer
    options.stream = role == .inner
    let house = try House(options)
    try #require(house.open() == .ok)
    for index in 0..<20 where role == .outer { try live(house, "a\(index)") }
    house.crash()
    let statuses = countdown {
      let status = house.open()
      #expect((status == .ok) == (house.unit != nil))
      return status
    }
    #expect(statuses.count > 10)
    #expect(Set(statuses.map(\.rawValue)) == [weir_status.outOfMemory.rawValue], "\(statuses)")
    house.close()
    try #require(house.open() == .ok)
    guard role == .outer else { return }
    #expect(try Knowledge(house).openMatters == 20)
    try live(house, "b")
  }

  @Test("a snapshot is not made without it, and the unit goes on")
  func snapshots() throws {
    let house = try House()
    try #require(house.open() == .ok)
    try live(house, "a")
    let table = house.os.pointee
    try #require(table.make_directory(table.context, "/state") == .ok)
    let statuses = countdown { weir_unit_state(house.unit, "/state") }
    #expect(!statuses.isEmpty && statuses.allSatisfy { $0 == .outOfMemory }, "\(statuses)")
    try live(house, "b")
  }

  @Test("a room that cannot be opened leaves what it was given as it was")
  func rooms() throws {
    var keys: OpaquePointer?
    let file = Array("1 aes-256-gcm \(String(repeating: "5a", count: 32))\n".utf8)
    var line: UInt32 = 0
    var reason = [CChar](repeating: 0, count: 96)
    let rings = file.withUnsafeBufferPointer { bytes in
      countdown {
        weir_keyring_read(
          weir_bytes(at: bytes.baseAddress, count: bytes.count), &keys, &line, &reason)
      }
    }
    defer { weir_keyring_close(keys) }
    #expect(rings == [.outOfMemory])
    for files in [false, true] {
      var receiver: OpaquePointer?
      let statuses = countdown {
        var options = weir_link_receiver_options()
        options.keys = keys
        options.files = files
        return weir_link_receiver_open(&options, &receiver)
      }
      #expect(statuses == Array(repeating: .outOfMemory, count: files ? 2 : 3))
      weir_link_receiver_close(receiver)
    }
    var log: OpaquePointer?
    let logs = countdown { weir_log_open("kd1", WEIR_LOG_INFO, 1 << 20, 1 << 18, &log) }
    #expect(logs.allSatisfy { $0 == .outOfMemory } && !logs.isEmpty)
    weir_log_close(log)
  }
}
