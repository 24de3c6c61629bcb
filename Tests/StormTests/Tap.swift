import CWeirBase
import CWeirLink
import CWeirSeal
import Testing

/// Reads what leaves a sender with its own key, before any weather: which record went when.
final class Tap {
  struct Seen {
    /// The machine's boot.
    let boot: [UInt8]
    /// The sender's boottime.
    let at: UInt64
    let crossing: UInt64
    let revision: UInt32
    let isDanger: Bool
    let bytes: Int
    /// The sender's disk could be read.
    let isReadable: Bool
  }

  private(set) var seen: [Seen] = []
  /// A record that the disk does not give up cannot leave, and must not hold up the others.
  var isReadable = true
  private var keys: OpaquePointer?
  private var receiver: OpaquePointer?

  init() throws {
    let file = Array("1 aes-256-gcm \(String(repeating: "5a", count: 32))\n".utf8)
    var line: UInt32 = 0
    var reason = [CChar](repeating: 0, count: 96)
    let read = file.withUnsafeBufferPointer {
      weir_keyring_read(weir_bytes(at: $0.baseAddress, count: $0.count), &keys, &line, &reason)
    }
    try #require(read == .ok)
    var o = weir_link_receiver_options(keys: keys, now_ms: 0, files: true)
    try #require(weir_link_receiver_open(&o, &receiver) == .ok)
  }

  deinit {
    weir_link_receiver_close(receiver)
    weir_keyring_close(keys)
  }

  func take(_ datagram: [UInt8], at now: UInt64, of boot: [UInt8]) {
    var bytes = datagram
    _ = weir_link_receiver_take(receiver, &bytes, bytes.count, now)
    var event = weir_link_event()
    while weir_link_receiver_next(receiver, &event) {
      guard event.kind == WEIR_LINK_RECORD else { continue }
      seen.append(
        Seen(
          boot: boot, at: now, crossing: event.crossing,
          revision: event.revision, isDanger: event.lane == UInt8(WEIR_LANE_DANGER),
          bytes: event.record.count, isReadable: isReadable))
    }
  }
}
