import CWeirBase
import CWeirLink
import CWeirSeal
import Testing

/// One event of a receiver, with its record copied.
struct LinkEvent: Equatable {
  let kind: UInt32
  let crossing: UInt64
  let revision: UInt32
  let lane: UInt8
  let bootEpoch: UInt64
  let bootID: UInt8
  let sinceMS: UInt64
  let sentMS: Int64
  let openDanger: UInt32
  let indexFirst: UInt64
  let index: [UInt32]
  let reordered: UInt64
  let received: UInt64
  let record: [UInt8]

  init(_ event: weir_link_event) {
    kind = event.kind.rawValue
    crossing = event.crossing
    revision = event.revision
    lane = event.lane
    bootEpoch = event.boot_epoch
    bootID = event.boot_id.0
    sinceMS = event.since_ms
    sentMS = event.sent_ms
    openDanger = event.open_danger
    indexFirst = event.index_first
    index = Array(UnsafeBufferPointer(start: event.index, count: Int(event.index_count)))
    reordered = event.reordered
    received = event.received
    record = Array(UnsafeBufferPointer(start: event.record.at, count: event.record.count))
  }

  func isKind(_ other: weir_link_event_kind) -> Bool { kind == other.rawValue }
}

/// A sender that closes itself.
final class LinkSender {
  let pointer: OpaquePointer
  private let ring: SealRing

  init(
    _ ring: SealRing, _ id: weir_stream_id = SealFixture.streamID(), mtu: UInt32 = 1500,
    capacity: UInt32 = 1000, rate: UInt64 = 0, now: UInt64 = 0,
    parity: Bool = false
  ) throws {
    self.ring = ring
    var options = weir_link_sender_options(
      id: id, keys: ring.pointer, mtu: mtu, capacity: capacity, rate: rate, turn_ms: 0, now_ms: now,
      parity: parity)
    var out: OpaquePointer?
    let status = weir_link_sender_open(&options, &out)
    pointer = try #require(out, "\(status)")
  }

  deinit { weir_link_sender_close(pointer) }

  @discardableResult
  func offer(_ crossing: UInt64, _ revision: UInt32 = 1, lane: Int = 1, now: UInt64 = 0)
    -> weir_status
  {
    weir_link_sender_offer(pointer, crossing, revision, UInt8(lane), now)
  }

  func due(_ now: UInt64) -> (crossing: UInt64, revision: UInt32)? {
    var crossing: UInt64 = 0
    var revision: UInt32 = 0
    return weir_link_sender_due(pointer, now, &crossing, &revision) ? (crossing, revision) : nil
  }

  func pack(_ record: [UInt8], _ now: UInt64) -> weir_status {
    SealFixture.lend(record) { weir_link_sender_pack(pointer, $0, now, 1_000_000 + Int64(now)) }
  }

  func take(flush: Bool) -> [UInt8]? {
    let bytes = weir_link_sender_take(pointer, flush)
    return bytes.count == 0 ? nil : Array(UnsafeBufferPointer(start: bytes.at, count: bytes.count))
  }

  func beat(_ now: UInt64, danger: UInt32 = 0) {
    weir_link_sender_heartbeat(pointer, now, 1_000_000 + Int64(now), danger)
  }

  /// Sends all that is due, and gives the datagrams.
  func run(_ now: UInt64, record: (UInt64, UInt32) -> [UInt8]) -> [[UInt8]] {
    var datagrams: [[UInt8]] = []
    while let named = due(now) {
      #expect(pack(record(named.crossing, named.revision), now) == .ok)
      while let datagram = take(flush: false) { datagrams.append(datagram) }
    }
    while let datagram = take(flush: true) { datagrams.append(datagram) }
    return datagrams
  }

  var counts: weir_link_sender_counts { weir_link_sender_counted(pointer) }
}

/// A receiver that closes itself.
final class LinkReceiver {
  let pointer: OpaquePointer
  private let ring: SealRing

  init(_ ring: SealRing, now: UInt64 = 0, files: Bool = false) throws {
    self.ring = ring
    var options = weir_link_receiver_options(keys: ring.pointer, now_ms: now, files: files)
    var out: OpaquePointer?
    _ = weir_link_receiver_open(&options, &out)
    pointer = try #require(out)
  }

  deinit { weir_link_receiver_close(pointer) }

  func take(_ datagram: [UInt8], _ now: UInt64 = 0) -> (status: weir_status, events: [LinkEvent]) {
    var bytes = datagram
    return bytes.withUnsafeMutableBufferPointer { buffer in
      let status = weir_link_receiver_take(pointer, buffer.baseAddress, buffer.count, now)
      return (status, drain())
    }
  }

  func tick(_ now: UInt64) -> [LinkEvent] {
    weir_link_receiver_tick(pointer, now)
    return drain()
  }

  /// The records in these datagrams.
  func records(_ datagrams: [[UInt8]], _ now: UInt64 = 0) -> [LinkEvent] {
    datagrams.flatMap { take($0, now).events }.filter { $0.isKind(WEIR_LINK_RECORD) }
  }

  private func drain() -> [LinkEvent] {
    var events: [LinkEvent] = []
    var event = weir_link_event()
    while weir_link_receiver_next(pointer, &event) { events.append(LinkEvent(event)) }
    return events
  }

  var counts: weir_link_receiver_counts { weir_link_receiver_counted(pointer) }
}

/// What a record of the tests holds: recognisable by crossing and revision, of any size.
func linkRecord(_ crossing: UInt64, _ revision: UInt32, count: Int) -> [UInt8] {
  var state = crossing &* 1_000_003 &+ UInt64(revision)
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
  }
}

/// The eight bytes of a record's end-to-end check, as they stand on the wire.
func linkCheck(_ record: [UInt8]) -> [UInt8] {
  let check = SealFixture.lend(record) { weir_hash(0x7765_6972_6c69_6e6b, $0) }
  return (0..<8).map { UInt8(truncatingIfNeeded: check >> UInt64(56 - 8 * $0)) }
}

/// A datagram sealed by hand: what a sender that errs, or another version, might send.
func linkDatagram(
  _ ring: SealRing, _ identity: weir_stream_id = SealFixture.streamID(), sequence: UInt64,
  plain: [UInt8]
) throws -> [UInt8] {
  func big(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (count - 1 - $0))) }
  }
  var id = identity
  var header: [UInt8] = [1, 1] + big(UInt64(plain.count), 2) + big(7, 4)
  withUnsafeBytes(of: id.unit) { header += Array($0) }
  header += big(id.boot_epoch, 8)
  withUnsafeBytes(of: id.boot_id) { header += Array($0) }
  header += big(UInt64(id.stream), 4) + big(sequence, 8)
  var sealer: OpaquePointer?
  #expect(weir_sealer_open(ring.pointer, 7, &id, &sealer) == .ok)
  defer { weir_sealer_close(sealer) }
  var bytes = plain
  var tag = [UInt8](repeating: 0, count: 16)
  let status = SealFixture.lend(header) {
    weir_sealer_seal(sealer, sequence, $0, &bytes, bytes.count, &tag)
  }
  #expect(status == .ok)
  return header + bytes + tag
}
