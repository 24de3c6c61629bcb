internal import Glibc

/// Users of this machine, by name.
public enum Users {
  /// The user id of a name; nil when there is no such user.
  public static func id(of name: String) -> UInt32? {
    guard let entry = unsafe getpwnam(name) else { return nil }
    return unsafe entry.pointee.pw_uid
  }

  /// The user this process runs as.
  public static var own: UInt32 { geteuid() }
}
