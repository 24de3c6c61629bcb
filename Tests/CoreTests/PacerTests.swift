import CCore
import CWeirBase
import Testing

@Suite("The rate of a line is held on the wire")
struct PacerTests {
  /// 2 Mbit/s to 10 Gbit/s.
  private static let rates: [UInt64] = [2_000_000, 100_000_000, 1_000_000_000, 10_000_000_000]
  /// A full datagram on the wire.
  private static let datagram = 1500 + 38

  /// Sends full datagrams for two seconds of a fake clock that is looked at after `waits`, in turn:
  /// when each left.
  private func run(_ rate: UInt64, waits: [UInt64]) -> [(ns: UInt64, bytes: Int)] {
    var now: UInt64 = 7_000_000_000
    var pacer = weir_pacer_begin(rate, now)
    var sent: [(ns: UInt64, bytes: Int)] = []
    var look = 0
    while now < 9_000_000_000 {
      let allowed = weir_pacer_allowance(&pacer, now)
      // As the hall does: whole datagrams, the last of which may overdraw, 128 at the most.
      let count = min(128, (Int(allowed) + Self.datagram - 1) / Self.datagram)
      if count > 0 {
        weir_pacer_spend(&pacer, count * Self.datagram)
        sent.append((now, count * Self.datagram))
      }
      now += waits[look % waits.count]
      look += 1
    }
    return sent
  }

  /// What a line of the rate carries in so long.
  private func bytes(_ rate: UInt64, _ span: UInt64) -> Int {
    Int(Double(rate) / 8 * Double(span) * 1e-9)
  }

  @Test(
    "in no span of time does more leave than the rate, its bucket and a datagram", arguments: rates)
  func never(rate: UInt64) {
    for waits: [UInt64] in [[100_000], [1_000_000], [1_000, 3_900_000], [30_000_000, 10_000]] {
      let sent = run(rate, waits: waits)
      for first in stride(from: 0, to: sent.count, by: max(1, sent.count / 50)) {
        var sum = 0
        for (ns, count) in sent[first...] {
          sum += count
          let most = bytes(rate, ns - sent[first].ns) + bytes(rate, 4_000_000) + Self.datagram
          #expect(sum <= most + 2, "\(rate) \(waits)")
          if sum > most + 2 { return }
        }
      }
    }
  }

  @Test("looked at every millisecond or so, the line is full", arguments: rates)
  func full(rate: UInt64) {
    // 128 datagrams a look are 10 Gbit/s in 157 µs.
    let waits: [[UInt64]] =
      rate > 1_000_000_000
      ? [[50_000], [20_000, 150_000]] : [[100_000], [1_000_000], [500_000, 1_500_000, 10_000]]
    for waits in waits {
      let sum = run(rate, waits: waits).reduce(0) { $0 + $1.bytes }
      #expect(sum >= bytes(rate, 1_990_000_000), "\(rate) \(waits)")
    }
  }

  @Test("a look that comes too early loses no time, and a clock that stands still earns nothing")
  func early() {
    var pacer = weir_pacer_begin(2_000_000, 0)  // a byte in 4 µs
    weir_pacer_spend(&pacer, weir_pacer_allowance(&pacer, 0))
    for now in stride(from: UInt64(100), through: 4_000_000, by: 100) {
      _ = weir_pacer_allowance(&pacer, now)
    }
    #expect(weir_pacer_allowance(&pacer, 4_000_000) == 1000)
    #expect(weir_pacer_allowance(&pacer, 4_000_000) == 1000)
    #expect(weir_pacer_allowance(&pacer, 3_000_000) == 1000)
  }

  @Test("what was overdrawn is paid back first; a long pause earns a bucket and no more")
  func overdrawn() {
    var pacer = weir_pacer_begin(8_000_000, 0)  // 1,000 bytes a millisecond
    weir_pacer_spend(&pacer, 4001 + 2000)
    #expect(weir_pacer_allowance(&pacer, 2_000_000) == 0)
    #expect(weir_pacer_allowance(&pacer, 3_000_000) == 1000)
    #expect(weir_pacer_allowance(&pacer, 3_600_000_000_000) == 4001)
  }

  @Test("without a rate everything may go")
  func unlimited() {
    var pacer = weir_pacer_begin(0, 0)
    weir_pacer_spend(&pacer, 1 << 30)
    #expect(weir_pacer_allowance(&pacer, 0) == Int.max || weir_pacer_burst(&pacer) == 0)
  }

  @Test("one message to the kernel is two milliseconds of the rate", arguments: rates)
  func burst(rate: UInt64) {
    var pacer = weir_pacer_begin(rate, 0)
    #expect(Int(weir_pacer_burst(&pacer)) == bytes(rate, 2_000_000))
  }
}
