import CCore
import CWeirBase
import CWeirRefusedCalls
import Foundation
import Glibc
import Testing

@Suite("Datagrams leave and arrive in their order, whatever the kernel can do")
struct DatagramsTests {
  /// A sending and a receiving socket on loopback.
  private final class Line {
    let inFD: Int32
    let outFD: Int32
    var outlet = weir_outlet()
    private var inlet: OpaquePointer?
    var received: [[UInt8]] = []

    init(_ offload: weir_offload) throws {
      inFD = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
      outFD = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let descriptor = inFD
      let bound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
        }
      }
      try #require(bound)
      var buffer: Int32 = 4 << 20
      setsockopt(inFD, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, 4)
      setsockopt(inFD, SOL_SOCKET, SO_RCVBUF, &buffer, 4)
      if offload == WEIR_OFFLOAD_SEGMENTS {
        try #require(weir_offload_for_receiving(inFD) == offload)
        try #require(weir_offload_for_sending(outFD) == offload)
      }
      outlet.fd = outFD
      outlet.offload = offload
      outlet.to_bytes = size
      withUnsafeMutableBytes(of: &outlet.to) { to in
        withUnsafeBytes(of: address) { to.copyMemory(from: $0) }
      }
      try #require(weir_inlet_open(&inlet) == .ok)
    }

    deinit {
      weir_inlet_close(inlet)
      close(inFD)
      close(outFD)
    }

    /// How often each datagram of the last sending was refused; nobody need ask.
    private(set) var refused: [UInt8] = []
    var asks = true

    func send(_ datagrams: [[UInt8]]) -> Int {
      refused = Array(repeating: 0, count: datagrams.count)
      let all = datagrams.flatMap { $0 }
      return all.withUnsafeBufferPointer { buffer in
        var at = 0
        let views = datagrams.map { datagram in
          defer { at += datagram.count }
          return weir_bytes(at: buffer.baseAddress.map { $0 + at }, count: datagram.count)
        }
        guard asks else { return weir_outlet_send(&outlet, views, views.count, nil) }
        return weir_outlet_send(&outlet, views, views.count, &refused)
      }
    }

    func receive() {
      for _ in 0..<1000 {
        let got = weir_inlet_receive(
          inlet, inFD, Unmanaged.passUnretained(self).toOpaque()
        ) { context, datagram, count in
          guard let context else { return }
          let line = Unmanaged<Line>.fromOpaque(context).takeUnretainedValue()
          line.received.append(Array(UnsafeBufferPointer(start: datagram, count: count)))
          datagram?.update(repeating: 0, count: count)
        }
        if got == 0 { return }
      }
    }
  }

  private func datagrams(_ sizes: [Int]) -> [[UInt8]] {
    sizes.enumerated().map { linkRecord(UInt64($0 + 1), 1, count: $1) }
  }

  /// Runs of equal ones, a shorter end, rising and falling sizes, single bytes, and one of none.
  private static let sizes: [[Int]] = [
    [1345], [1472, 1472], [1345, 1345, 1345, 700], [700, 1345, 1345, 1, 1, 1], [100, 200, 300],
    [300, 200, 100], [1, 0, 1], Array(repeating: 1400, count: 128),
    Array(repeating: 100, count: 127) + [99], (0..<128).map { 1 + $0 * 37 % 1400 },
  ]

  private static let offloads = [
    WEIR_OFFLOAD_PLAIN.rawValue, WEIR_OFFLOAD_BATCHES.rawValue, WEIR_OFFLOAD_SEGMENTS.rawValue,
  ]

  @Test(
    "what is sent is received", arguments: sizes.indices, offloads)
  func crossing(index: Int, offload: UInt32) throws {
    let line = try Line(weir_offload(rawValue: offload))
    let sent = datagrams(Self.sizes[index])
    #expect(line.send(sent) == sent.count)
    line.receive()
    #expect(line.received == sent)
    #expect(line.outlet.given_up == 0 && line.outlet.offload.rawValue == offload)
  }

  @Test(
    "one message holds no more than a burst may, all that stands around its datagrams counted",
    arguments: [(500, 1), (2131, 1), (2132, 2), (3198, 3), (10_660, 10), (1_000_000, 20)])
  func bursts(bytes: Int, most: Int) throws {
    let line = try Line(WEIR_OFFLOAD_SEGMENTS)
    line.outlet.burst_bytes = bytes
    line.outlet.around_bytes = 66
    let sent = datagrams(Array(repeating: 1000, count: 20))
    #expect(line.send(sent) == 20)
    // Without the inlet: a message as the kernel was given it.
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var got: [Int] = []
    while got.reduce(0, +) < 20_000 {
      let count = recv(line.inFD, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if count <= 0 { break }
      got.append(count)
    }
    #expect(got.reduce(0, +) == 20_000 && got.first == most * 1000, "\(got)")
    #expect(got.allSatisfy { $0 <= most * 1000 })
  }

  @Test(
    "a datagram that the kernel refuses is given up and counted; those behind it go",
    arguments: offloads)
  func refused(offload: UInt32) throws {
    let line = try Line(weir_offload(rawValue: offload))
    let sent = datagrams([100, 200, 65_535, 300])  // no IP packet holds the third
    #expect(line.send(sent) == 4)
    line.receive()
    #expect(line.received.map(\.count) == [100, 200, 300])
    #expect(line.outlet.given_up == 1 && line.outlet.error == EMSGSIZE)
    #expect(line.refused == [0, 0, 1, 0])
  }

  @Test("what else the kernel tells of a datagram is passed over")
  func otherWords() throws {
    let line = try Line(WEIR_OFFLOAD_BATCHES)
    var on: Int32 = 1
    try #require(setsockopt(line.inFD, Int32(IPPROTO_IP), IP_RECVTTL, &on, 4) == 0)  // 64
    let sent = datagrams([1345, 0, 700])
    #expect(line.send(sent) == sent.count)
    line.receive()
    #expect(line.received == sent)
  }

  @Test("where nothing can be cut into segments, batches are sent and taken")
  func noSegments() {
    let stream = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(stream) }
    #expect(weir_offload_for_sending(stream) == WEIR_OFFLOAD_BATCHES)
    #expect(weir_offload_for_receiving(stream) == WEIR_OFFLOAD_BATCHES)
  }

  @Test("where the kernel cannot cut so many segments, each goes by itself from then on")
  func fallsBack() throws {
    let line = try Line(WEIR_OFFLOAD_SEGMENTS)
    var off: Int32 = 1
    setsockopt(line.outFD, SOL_SOCKET, SO_NO_CHECK, &off, 4)  // no checksum, no segments: EIO
    let sent = datagrams(Array(repeating: 500, count: 50))
    #expect(line.send(sent) == 50)
    line.receive()
    #expect(line.received == sent)
    #expect(line.outlet.offload == WEIR_OFFLOAD_BATCHES && line.outlet.given_up == 0)
  }

  // MARK: What the kernel refuses

  /// Sends while the calls from `good` on, `count` of them, fail with an error.
  private func send(
    _ line: Line, _ datagrams: [[UInt8]], failing error: Int32, from good: UInt64 = 0,
    count: UInt64 = 1
  ) -> Int {
    weir_refused_calls_after(WEIR_REFUSED_SENDING, good, count, error)
    defer { #expect(weir_refused_calls_end() == count) }
    return line.send(datagrams)
  }

  @Test("a call that a signal interrupts is made again", arguments: offloads)
  func interrupted(offload: UInt32) throws {
    let line = try Line(weir_offload(rawValue: offload))
    let sent = datagrams([1345, 1345, 700])
    #expect(send(line, sent, failing: EINTR, count: 3) == 3)
    line.receive()
    #expect(line.received == sent && line.outlet.given_up == 0)
    #expect(line.outlet.offload.rawValue == offload)
  }

  @Test("where there is no room, what did not go is said, and goes later", arguments: offloads)
  func noRoom(offload: UInt32) throws {
    for error in [EAGAIN, ENOBUFS] {
      let line = try Line(weir_offload(rawValue: offload))
      let sent = datagrams([1345, 1345, 700])
      #expect(send(line, sent, failing: error) == 0)
      #expect(line.send(sent) == 3)
      line.receive()
      #expect(line.received == sent && line.outlet.given_up == 0)
    }
    let line = try Line(WEIR_OFFLOAD_PLAIN)
    let sent = datagrams([1345, 1345, 700])
    #expect(send(line, sent, failing: EAGAIN, from: 2) == 2)
  }

  @Test("a kernel without batches is sent one datagram after the other from then on")
  func noBatches() throws {
    let line = try Line(WEIR_OFFLOAD_BATCHES)
    let sent = datagrams([1345, 1345, 700])
    #expect(send(line, sent, failing: ENOSYS) == 3)
    line.receive()
    #expect(line.received == sent && line.outlet.given_up == 0)
    #expect(line.outlet.offload == WEIR_OFFLOAD_PLAIN)
    // And one that cannot even do that loses the datagram, not the line.
    #expect(send(line, sent, failing: ENOSYS) == 3)
    #expect(line.outlet.given_up == 1)
  }

  @Test(
    "whatever word the kernel has for it, what it cannot cut goes whole, datagram by datagram",
    arguments: [EIO, EINVAL, EMSGSIZE, EOPNOTSUPP])
  func cannotCut(error: Int32) throws {
    let line = try Line(WEIR_OFFLOAD_SEGMENTS)
    let sent = datagrams([1345, 1345, 700])
    #expect(send(line, sent, failing: error) == 3)
    line.receive()
    #expect(line.received == sent && line.outlet.given_up == 0)
    #expect(line.outlet.offload == WEIR_OFFLOAD_BATCHES)
  }

  @Test("a network that is not there costs what was given to it; segments are tried again")
  func noNetwork() throws {
    let line = try Line(WEIR_OFFLOAD_SEGMENTS)
    let sent = datagrams([1345, 1345, 700])
    #expect(send(line, sent, failing: ENETUNREACH) == 3)
    line.receive()
    #expect(line.received.isEmpty && line.outlet.given_up == 3)
    #expect(line.refused == [1, 1, 1] && line.outlet.error == ENETUNREACH)
    #expect(line.outlet.offload == WEIR_OFFLOAD_SEGMENTS)
    line.asks = false
    #expect(send(line, sent, failing: ENETUNREACH) == 3)
    #expect(line.outlet.given_up == 6 && line.refused == [0, 0, 0])
    #expect(line.send(sent) == 3)
    line.receive()
    #expect(line.received == sent)
  }
}
