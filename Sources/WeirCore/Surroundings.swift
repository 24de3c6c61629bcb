internal import Glibc

/// What the program asks of the machine around it.
public enum Surroundings {
  /// A UDP port of 127.0.0.1 that was free a moment ago.
  public static func freeUDPPort() throws(CoreError) -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let failed = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, size) != 0 || getsockname(descriptor, $0, &size) != 0
      }
    }
    guard !failed else {
      throw CoreError(kind: .internal, message: "no free UDP port on 127.0.0.1 could be had")
    }
    return UInt16(bigEndian: address.sin_port)
  }

  /// Columns of the terminal behind a descriptor; nil when it is no terminal.
  public static func columns(of descriptor: Int32) -> Int? {
    var size = winsize()
    guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return nil
    }
    return Int(size.ws_col)
  }
}
