import CWeirBase
import CWeirLink
import CWeirSeal
import Testing

/// A sender that holds the right key and sends whatever it is told, as an erring outer unit would.
final class Forger {
  private var keys: OpaquePointer?
  private var sender: OpaquePointer?
  private let wall: Int64

  /// A new run of the unit `name`, its boot epoch `bootEpoch`.
  init(
    _ name: String = "kd1", bootEpoch: UInt64, keyEpoch: Int = 1, stream: UInt32 = 1, wall: Int64,
    capacity: UInt32 = 64
  ) throws {
    self.wall = wall
    let file = Array("\(keyEpoch) aes-256-gcm \(String(repeating: "5a", count: 32))\n".utf8)
    var line: UInt32 = 0
    var reason = [CChar](repeating: 0, count: 96)
    let read = file.withUnsafeBufferPointer {
      weir_keyring_read(weir_bytes(at: $0.baseAddress, count: $0.count), &keys, &line, &reason)
    }
    try #require(read == .ok)
    var o = weir_link_sender_options()
    withUnsafeMutableBytes(of: &o.id.unit) { $0.copyBytes(from: name.utf8) }
    o.id.boot_epoch = bootEpoch
    o.id.stream = stream
    o.keys = keys
    o.mtu = 1500
    o.capacity = capacity
    try #require(weir_link_sender_open(&o, &sender) == .ok)
  }

  deinit {
    weir_link_sender_close(sender)
    weir_keyring_close(keys)
  }

  /// The sealed datagrams of one record.
  func datagrams(_ crossing: UInt64, _ revision: UInt32, _ record: String, danger: Bool = false)
    -> [[UInt8]]
  {
    let lane = UInt8(danger ? WEIR_LANE_DANGER : WEIR_LANE_PHONE)
    _ = weir_link_sender_offer(sender, crossing, revision, lane, 0)
    var named: UInt64 = 0
    var which: UInt32 = 0
    guard weir_link_sender_due(sender, 0, &named, &which) else { return [] }
    let bytes = Array(record.utf8)
    _ = bytes.withUnsafeBufferPointer {
      weir_link_sender_pack(sender, weir_bytes(at: $0.baseAddress, count: $0.count), 0, wall)
    }
    return taken()
  }

  /// A record as an outer unit makes it, of the first revision.
  static func record(_ number: String, text: String) -> String {
    let time = Ask.time(House.startWall)
    let serial = number.suffix(6).drop { $0 == "0" }
    return "{\"handover\":\"\(number)\",\"spoken\":\"\(serial)-0\",\"receivedBy\":\"12345\","
      + "\"channel\":\"phone\",\"phase\":\"transferring\",\"receivedAt\":\"\(time)\","
      + "\"arrivedAt\":\"\(time)\",\"decision\":{},\"legs\":{},\"facts\":[],\"revision\":1,"
      + "\"drill\":false,\"text\":\"\(text)\",\"history\":[{\"revision\":1,\"event\":\"intake\"}]}"
  }

  /// The sealed datagrams of a heartbeat.
  func heartbeat() -> [[UInt8]] {
    weir_link_sender_heartbeat(sender, 0, wall, 0)
    return taken()
  }

  private func taken() -> [[UInt8]] {
    var sealed: [[UInt8]] = []
    while true {
      let datagram = weir_link_sender_take(sender, true)
      if datagram.count == 0 { return sealed }
      sealed.append(Array(UnsafeBufferPointer(start: datagram.at, count: datagram.count)))
    }
  }
}
