import CCore
import CWeirBase
import CWeirJournal
import CWeirLink
import CWeirLog
import CWeirOs
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
    var sender: OpaquePointer?
    let senders = countdown {
      var options = weir_link_sender_options()
      options.keys = keys
      options.mtu = 1500
      options.capacity = 10
      options.parity = true
      withUnsafeMutableBytes(of: &options.id.unit) { $0.copyBytes(from: Array("kd1".utf8)) }
      return weir_link_sender_open(&options, &sender)
    }
    #expect(senders.count > 3 && senders.allSatisfy { $0 == .outOfMemory }, "\(senders)")
    weir_link_sender_close(sender)
    var inlet: OpaquePointer?
    #expect(countdown { weir_inlet_open(&inlet) } == [.outOfMemory, .outOfMemory])
    weir_inlet_close(inlet)
    weir_inlet_close(nil)
    try halls()
    var log: OpaquePointer?
    let logs = countdown { weir_log_open("kd1", WEIR_LOG_INFO, 1 << 20, 1 << 18, &log) }
    #expect(logs.allSatisfy { $0 == .outOfMemory } && !logs.isEmpty)
    weir_log_close(log)
  }

  private func halls() throws {
    var log: OpaquePointer?
    try #require(weir_log_open("kd1", WEIR_LOG_INFO, 1 << 20, 1 << 18, &log) == .ok)
    defer { weir_log_close(log) }
    var options = weir_hall_options()
    options.os = weir_os_linux()
    options.log = log
    var hall: OpaquePointer?
    var said = [CChar](repeating: 0, count: 512)
    let statuses = countdown { weir_hall_open(&options, &hall, &said) }
    #expect(statuses.count > 3 && statuses.allSatisfy { $0 == .outOfMemory }, "\(statuses)")
    weir_hall_close(hall)
  }

  @Test("a stream that there is no memory for has no room, and is taken up by its next datagram")
  func streams() throws {
    var keys: OpaquePointer?
    var line: UInt32 = 0
    var reason = [CChar](repeating: 0, count: 96)
    let file = Array("1 aes-256-gcm \(String(repeating: "5a", count: 32))\n".utf8)
    let read = file.withUnsafeBufferPointer {
      weir_keyring_read(weir_bytes(at: $0.baseAddress, count: $0.count), &keys, &line, &reason)
    }
    try #require(read == .ok)
    defer { weir_keyring_close(keys) }
    var receiver: OpaquePointer?
    var options = weir_link_receiver_options(keys: keys, now_ms: 0, files: false)
    try #require(weir_link_receiver_open(&options, &receiver) == .ok)
    defer { weir_link_receiver_close(receiver) }
    var sending = weir_link_sender_options()
    sending.keys = keys
    sending.mtu = 1500
    sending.capacity = 10
    withUnsafeMutableBytes(of: &sending.id.unit) { $0.copyBytes(from: Array("kd1".utf8)) }
    var sender: OpaquePointer?
    try #require(weir_link_sender_open(&sending, &sender) == .ok)
    defer { weir_link_sender_close(sender) }
    var statuses: [weir_status] = []
    for turn in UInt64(0)..<2 {
      weir_link_sender_heartbeat(sender, turn * 1000, 0, 0)
      let datagram = weir_link_sender_take(sender, true)
      var bytes = Array(UnsafeBufferPointer(start: datagram.at, count: datagram.count))
      if turn == 0 { weir_scarce_memory_after(0) }
      statuses.append(weir_link_receiver_take(receiver, &bytes, bytes.count, turn * 1000))
      if turn == 0 { #expect(weir_scarce_memory_end() == 1) }
      var event = weir_link_event()
      while weir_link_receiver_next(receiver, &event) {}
    }
    #expect(statuses == [.full, .ok])
    #expect(weir_link_receiver_counted(receiver).no_room == 1)
  }

  @Test("a journal is not read without it, and is whole when there is some again")
  func journals() throws {
    let house = try House()
    try #require(house.open() == .ok)
    for index in 0..<20 { try live(house, "a\(index)") }
    house.close()
    var journal: OpaquePointer?
    var finding = weir_journal_finding()
    for readOnly in [true, false] {
      let statuses = countdown {
        "/data/journal".withCString { directory in
          house.options.name.withCString { unit in
            var options = weir_journal_options(
              directory: directory, unit: unit, segment_bytes: house.options.segmentBytes,
              read_only: readOnly, from_segment: 0, from_serial: 0)
            return weir_journal_open(&options, house.os, nil, nil, &finding, &journal)
          }
        }
      }
      #expect(statuses == Array(repeating: .outOfMemory, count: readOnly ? 4 : 6))
      #expect(finding.frames > 20)
      weir_journal_close(journal)
    }
  }

  @Test("a closed segment is not read without it, and the border stays")
  func closedSegments() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    var number = ""
    for index in 0..<500 where !house.names(in: "/data/journal").contains("0000000002.wal") {
      if index % 30 == 0 {
        number = try #require(try house.one(client, Ask.intake("a\(index)")).string("handover"))
      }
      let update = Ask.update("u\(index)", number, text: String(repeating: "x", count: 900))
      #expect(try house.one(client, update).isDurable)
    }
    house.close()
    var border = weir_border(segment: 1, chain: 0, serial: 1)
    var finding = weir_journal_finding()
    var reader = weir_closed_reader()
    let statuses = countdown {
      weir_journal_read_closed(
        house.os, "/data/journal", house.options.name, &border, &reader, &finding)
    }
    #expect(statuses == [.outOfMemory])
    #expect(border.segment == 2)
  }
}
