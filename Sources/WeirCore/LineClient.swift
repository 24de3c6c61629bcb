// A client of a unit's intake or control socket: one line out, one line in.
//
// Happy path: connect, send a line, receive its answer.
//
// What can go wrong: nobody listens, or this user may not → the error says which and what to check;
// the unit ends meanwhile → what it still said is received first, then nil; it says nothing in time
// → an error, and the connection is of no more use: a late answer would be taken for the next.

internal import Glibc

/// A blocking client of a Unix stream socket or of a loopback TCP port that speaks lines.
///
/// For one thread at a time. Closed when the last reference goes.
public final class LineClient {
  /// The socket, for whoever waits on several.
  public let fileDescriptor: Int32
  private let name: String
  private var waiting: [UInt8] = []
  private var scanned = 0
  private var ended = false

  /// Bytes taken from the socket at once.
  private static let blockBytes = 64 * 1024
  /// The longest line that is taken: a whole record with its history.
  private static let lineBytesMax = 4 * 1024 * 1024

  /// Connects to a Unix stream socket.
  ///
  /// - Parameter path: of the socket, at most 107 bytes.
  /// - Throws: `configuration` when nobody listens there or this user may not connect.
  public init(path: String) throws(CoreError) {
    name = path
    var address = sockaddr_un()
    let bytes = Array(path.utf8)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard !bytes.isEmpty, bytes.count < room else {
      throw CoreError(
        kind: .configuration,
        message: "\(path): a socket's path has 1 to \(room - 1) bytes. Check the path")
    }
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    fileDescriptor = try Self.open(AF_UNIX, name: path)
    let descriptor = fileDescriptor
    let failed = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) != 0
      }
    }
    if failed { throw Self.cannotConnect(path, errno) }
  }

  /// Connects to a TCP port.
  ///
  /// - Parameters:
  ///   - host: an IPv4 or IPv6 address in numbers.
  ///   - port: where the unit listens.
  /// - Throws: `configuration` when nobody listens there.
  public init(host: String, port: UInt16) throws(CoreError) {
    name = "\(host):\(port)"
    var four = sockaddr_in()
    var six = sockaddr_in6()
    let isSix = host.contains(":")
    let good =
      isSix
      ? unsafe inet_pton(AF_INET6, host, &six.sin6_addr)
      : unsafe inet_pton(AF_INET, host, &four.sin_addr)
    guard good == 1 else {
      throw CoreError(kind: .configuration, message: "\(host) is no address in numbers")
    }
    four.sin_family = sa_family_t(AF_INET)
    four.sin_port = port.bigEndian
    six.sin6_family = sa_family_t(AF_INET6)
    six.sin6_port = port.bigEndian
    fileDescriptor = try Self.open(isSix ? AF_INET6 : AF_INET, name: name)
    let descriptor = fileDescriptor
    let failed =
      isSix
      ? Self.connectTo(&six, descriptor) : Self.connectTo(&four, descriptor)
    if failed { throw Self.cannotConnect(name, errno) }
  }

  deinit { close(fileDescriptor) }

  private static func open(_ family: Int32, name: String) throws(CoreError) -> Int32 {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else {
      throw CoreError(kind: .internal, message: "no socket for \(name): \(reason(errno))")
    }
    return descriptor
  }

  private static func connectTo<Address>(
    _ address: inout Address, _ descriptor: Int32
  ) -> Bool {
    unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size)) != 0
      }
    }
  }

  private static func reason(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }

  private static func cannotConnect(_ name: String, _ code: Int32) -> CoreError {
    let next =
      switch code {
      case ENOENT, ECONNREFUSED: "Is the unit running? `weir outer --config F` starts one"
      case EACCES, EPERM: "Run this as root or as the unit's own user"
      default: "Check the address"
      }
    return CoreError(
      kind: .configuration, message: "\(name) cannot be reached: \(reason(code)). \(next)")
  }

  /// Sends one line; its line feed is added.
  ///
  /// - Throws: `configuration` when the other side is gone.
  public func send(_ line: String) throws(CoreError) {
    let bytes = Array(line.utf8) + [UInt8(ascii: "\n")]
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.send(
          fileDescriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent,
          Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw CoreError(
          kind: .configuration, message: "\(name) took no more: \(Self.reason(errno))")
      }
      sent += count
    }
  }

  /// The next line without its line feed.
  ///
  /// - Parameter timeoutMs: how long to wait, in milliseconds.
  /// - Returns: nil when the other side has ended.
  /// - Throws: `internal` when no line came in time or reading failed.
  public func receive(timeoutMs: Int = 5000) throws(CoreError) -> String? {
    guard try hasLine(withinMs: timeoutMs) else {
      throw CoreError(
        kind: .internal,
        message: "\(name) gave no answer within \(timeoutMs) ms. Look at the unit's log")
    }
    return takeLine()
  }

  /// Waits until a line, or the end, is there for ``receive(timeoutMs:)``.
  ///
  /// - Parameter milliseconds: how long to wait; 0 only looks.
  /// - Returns: false when the time passed.
  public func hasLine(withinMs milliseconds: Int) throws(CoreError) -> Bool {
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: .milliseconds(milliseconds))
    while !ended && !holdsLine() {
      let left = max(0, Int((end - clock.now) / .milliseconds(1)))
      var waiter = pollfd(fd: fileDescriptor, events: Int16(POLLIN), revents: 0)
      let ready = unsafe poll(&waiter, 1, Int32(clamping: left))
      if ready < 0 && errno == EINTR { continue }
      guard ready > 0 else { return false }
      try fill()
    }
    return true
  }

  private func holdsLine() -> Bool {
    while scanned < waiting.count {
      if waiting[scanned] == UInt8(ascii: "\n") { return true }
      scanned += 1
    }
    return false
  }

  private func takeLine() -> String? {
    guard scanned < waiting.count else { return nil }
    let line = String(decoding: waiting[..<scanned], as: UTF8.self)
    waiting.removeFirst(scanned + 1)
    scanned = 0
    return line
  }

  private func fill() throws(CoreError) {
    guard waiting.count < Self.lineBytesMax else {
      throw CoreError(kind: .internal, message: "\(name) sent a line that does not end")
    }
    var block = [UInt8](repeating: 0, count: Self.blockBytes)
    let count = unsafe block.withUnsafeMutableBytes {
      unsafe recv(fileDescriptor, $0.baseAddress, $0.count, 0)
    }
    if count < 0 && errno == EINTR { return }
    guard count >= 0 else {
      throw CoreError(
        kind: .internal, message: "\(name) cannot be read: \(Self.reason(errno))")
    }
    if count == 0 { ended = true }
    waiting += block.prefix(count)
  }
}
