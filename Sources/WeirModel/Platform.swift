/// The two call platforms of the notice (甘办〔2022〕38号). The raw value is the number on disk.
public enum Platform: UInt8, Sendable, CaseIterable {
  /// 12345, the government service hotline.
  case hotline = 1
  /// 110, the police desk.
  case police = 2

  /// The name in requests and records: `12345` or `110`.
  public var name: String {
    switch self {
    case .hotline: "12345"
    case .police: "110"
    }
  }

  /// The platform of that name, or nil.
  public init?(name: String) {
    switch name {
    case "12345": self = .hotline
    case "110": self = .police
    default: return nil
    }
  }
}

/// How a matter reached its platform.
public enum Channel: UInt8, Sendable, CaseIterable {
  /// A telephone call: the caller is on the line.
  case phone = 1
  /// An internet channel: nobody is on a line.
  case internet = 2

  /// The name in requests and records.
  public var name: String {
    switch self {
    case .phone: "phone"
    case .internet: "internet"
    }
  }
}

/// Which kind of unit this program runs as.
public enum UnitRole: String, Sendable, CaseIterable {
  /// 外端机: on the e-government network; the only one that sends.
  case outer
  /// 内端机: on the police network; it has no way out.
  case inner
}
