/// An address and a port, both as numbers: names are never looked up.
public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
  /// The address's bytes in network order: 4 of IPv4 or 16 of IPv6.
  public let address: [UInt8]
  /// The address as it was written, without brackets.
  public let host: String
  /// The port, 1 to 65535.
  public let port: UInt16

  /// Whether the address is an IPv6 one.
  public var isIPv6: Bool { address.count == 16 }

  /// Whether the address is in 127.0.0.0/8 or is ::1.
  public var isLoopback: Bool {
    isIPv6 ? address == Array(repeating: 0, count: 15) + [1] : address[0] == 127
  }

  /// Whether the address stands for "any address" (0.0.0.0 or ::).
  public var isUnspecified: Bool { address.allSatisfy { $0 == 0 } }

  /// `198.18.0.2:7112` or `[::1]:7112`.
  public var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Why a text is not an endpoint.
  enum Fault: Error, Equatable {
    case noPort, badPort, notNumbers
  }

  /// Reads `ADDRESS:PORT`, an IPv6 address in brackets.
  init(_ text: String) throws(Fault) {
    guard let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") else { throw .noPort }
    guard let port = wholeNumber(text[text.index(after: colon)...]), (1...65535).contains(port)
    else { throw .badPort }
    let before = text[..<colon]
    if before.hasPrefix("["), before.hasSuffix("]") {
      host = String(before.dropFirst().dropLast())
      guard let bytes = Self.ipv6(host) else { throw .notNumbers }
      address = bytes
    } else {
      host = String(before)
      guard let bytes = Self.ipv4(before) else { throw .notNumbers }
      address = bytes
    }
    self.port = UInt16(port)
  }

  /// Two endpoints are the same when their bytes are, however they were written.
  public static func == (one: Endpoint, other: Endpoint) -> Bool {
    one.address == other.address && one.port == other.port
  }

  /// Hashes what `==` compares.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(address)
    hasher.combine(port)
  }

  /// The bytes of four decimal numbers without leading zeros, which some readers take for octal.
  private static func ipv4(_ text: some StringProtocol) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let bytes = parts.compactMap { part -> UInt8? in
      guard part.count <= 3, part.count == 1 || part.first != "0" else { return nil }
      return wholeNumber(part).flatMap { UInt8(exactly: $0) }
    }
    return parts.count == 4 && bytes.count == 4 ? bytes : nil
  }

  /// The bytes of an IPv6 address (RFC 4291, section 2.2) without a zone.
  private static func ipv6(_ text: String) -> [UInt8]? {
    let halves = splitAtDoubleColon(text)
    guard halves.count <= 2 else { return nil }
    guard let front = groups(halves[0], endsAddress: halves.count == 1),
      let back = halves.count == 2 ? groups(halves[1], endsAddress: true) : []
    else { return nil }
    let zeros = 16 - front.count - back.count
    // "::" stands for at least one group; without it all sixteen bytes must be there.
    guard halves.count == 2 ? zeros >= 2 : zeros == 0 else { return nil }
    return front + Array(repeating: 0, count: zeros) + back
  }

  /// The parts before and after each "::"; one part when there is none.
  private static func splitAtDoubleColon(_ text: String) -> [Substring] {
    var parts: [Substring] = []
    var rest = text[...]
    while let gap = rest.firstRange(of: "::") {
      parts.append(rest[..<gap.lowerBound])
      rest = rest[gap.upperBound...]
    }
    return parts + [rest]
  }

  /// The bytes of groups between colons; the last may be an IPv4 address where the address ends.
  private static func groups(_ text: Substring, endsAddress: Bool) -> [UInt8]? {
    if text.isEmpty { return [] }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    var bytes: [UInt8] = []
    for (index, part) in parts.enumerated() {
      if endsAddress, index == parts.count - 1, part.contains(".") {
        guard let tail = ipv4(part) else { return nil }
        bytes += tail
      } else {
        guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexDigit),
          let group = UInt16(part, radix: 16)
        else { return nil }
        bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
      }
    }
    return bytes
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }
}
