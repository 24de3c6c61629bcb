import Foundation
import Glibc

/// What the tests need of the operating system and Foundation does not give.
enum Posix {
  /// Sends bytes to a socket; false when the other side takes no more. Never raises a signal.
  static func send(_ bytes: [UInt8], on descriptor: Int32, waits: Bool = true) -> Int {
    let flags = Int32(MSG_NOSIGNAL) | (waits ? 0 : Int32(MSG_DONTWAIT))
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent, flags)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      sent += count
    }
    return sent
  }

  /// Sends no more on a socket; what the other side says is still received.
  static func hangUp(_ descriptor: Int32) { _ = shutdown(descriptor, Int32(SHUT_WR)) }

  /// Makes room for many sockets in this process and in those that it starts.
  static func allowFiles(_ count: UInt) -> Bool {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      return false
    }
    if limit.rlim_cur >= count { return true }
    limit.rlim_cur = min(rlim_t(count), limit.rlim_max)
    return setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
      && limit.rlim_cur >= count
  }

  /// The file behind the running process: the test bundle.
  static var ownProgram: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
  }
}

/// A UDP socket on a free port of 127.0.0.1: a stand-in for an inner unit, or for a stranger.
final class UdpSocket {
  private let descriptor: Int32
  let port: UInt16

  init() throws {
    descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = Self.loopback(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let fd = descriptor
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(fd, $0, size) == 0 && getsockname(fd, $0, &size) == 0
      }
    }
    guard bound else { throw HouseProblem("no free UDP port on 127.0.0.1") }
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit { close(descriptor) }

  /// A port that was free a moment ago.
  static func freePort() throws -> UInt16 { try UdpSocket().port }

  private static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  /// The next datagram, or nil when none comes in time.
  func receive(withinMs milliseconds: Int32) -> [UInt8]? {
    var waiter = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&waiter, 1, milliseconds) > 0 else { return nil }
    var block = [UInt8](repeating: 0, count: 65536)
    let count = block.withUnsafeMutableBytes {
      recv(descriptor, $0.baseAddress, $0.count, 0)
    }
    return count >= 0 ? Array(block.prefix(count)) : nil
  }

  /// Sends one datagram to a port of 127.0.0.1.
  func send(_ bytes: [UInt8], to port: UInt16) {
    var address = Self.loopback(port)
    let fd = descriptor
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
        bytes.withUnsafeBytes {
          sendto(
            fd, $0.baseAddress, $0.count, 0, target, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
  }
}
