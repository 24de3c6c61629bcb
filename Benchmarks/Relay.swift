import CWeirBenchmarks
import Foundation

/// The line between two units, on a thread of its own; it can be cut.
final class Relay: @unchecked Sendable {
  private let relay: OpaquePointer
  private let ended = DispatchSemaphore(value: 0)

  /// - Parameter port: where the inner unit listens.
  init(to port: UInt16) throws {
    var opened: OpaquePointer?
    if let problem = weir_relay_open(port, &opened) { throw Trouble(String(cString: problem)) }
    guard let opened else { throw Trouble("no relay") }
    relay = opened
    Thread.detachNewThread {
      weir_relay_run(self.relay)
      self.ended.signal()
    }
  }

  var port: UInt16 { weir_relay_port(relay) }
  var passed: UInt64 { weir_relay_passed(relay) }
  var lost: UInt64 { weir_relay_lost(relay) }
  func cut() { weir_relay_cut(relay, true) }
  func mend() { weir_relay_cut(relay, false) }
  func lose(percent: Double) { weir_relay_lose(relay, UInt32(percent * 10_000)) }

  /// Passes nothing on any more; only then may the last reference go.
  func end() {
    weir_relay_end(relay)
    ended.wait()
  }

  deinit { weir_relay_close(relay) }
}
