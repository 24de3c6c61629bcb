internal import CCore

/// Key files: lines of `EPOCH SUITE HEX`, mode 0600.
public enum KeyFile {
  /// The suites a key line may name.
  public static let suites = ["aes-256-gcm", "sm4-gcm"]

  /// What `weir key show` prints of one epoch.
  public struct Entry: Sendable {
    /// The key epoch, from 1.
    public let epoch: UInt32
    /// `aes-256-gcm` or `sm4-gcm`.
    public let suite: String
    /// The day of expiry, yyyymmdd; 0: none.
    public let expires: UInt32
    /// Eight digits over the key, to compare by voice.
    public let fingerprint: String
  }

  /// Reads and checks a key file; the keyring belongs to the caller.
  static func read(_ path: String) throws(CoreError) -> OpaquePointer? {
    var memory = [UInt8](repeating: 0, count: 64 * 1024)
    var ring: OpaquePointer?
    var line: UInt32 = 0
    var reason = [CChar](repeating: 0, count: 96)
    var status = weir_status.ok
    var read = weir_status.ok
    unsafe memory.withUnsafeMutableBytes { bytes in
      var buffer = unsafe weir_buffer(
        at: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), count: 0,
        capacity: bytes.count, overflow: false)
      read = unsafe path.withCString {
        unsafe weir_os_read_all(weir_os_linux(), $0, &buffer)
      }
      guard read == .ok else { return }
      status = unsafe weir_keyring_read(
        weir_bytes(at: buffer.at, count: buffer.count), &ring, &line, &reason)
      unsafe weir_wipe(bytes.baseAddress, bytes.count)
    }
    guard read == .ok else {
      let next = read == .permission ? "Run this as the unit's user" : "`weir keygen` makes a line"
      throw CoreError(
        kind: .configuration,
        message: "the key file \(path) cannot be read: \(text(of: read)). \(next)")
    }
    guard status == .ok else {
      throw CoreError(
        kind: .configuration,
        message: "\(path):\(line): error: \(string(of: reason)) `weir keygen` makes a line")
    }
    return unsafe ring
  }

  /// Would a unit take this line?
  private static func isReadable(_ line: String) -> Bool {
    var ring: OpaquePointer?
    var number: UInt32 = 0
    var reason = [CChar](repeating: 0, count: 96)
    let bytes = Array(line.utf8)
    let status = unsafe bytes.withUnsafeBufferPointer {
      unsafe weir_keyring_read(
        weir_bytes(at: $0.baseAddress, count: $0.count), &ring, &number, &reason)
    }
    unsafe weir_keyring_close(ring)
    return status == .ok && !line.contains("\n")
  }

  /// One line for a key file, without its line feed, over a fresh random key.
  ///
  /// - Parameters:
  ///   - epoch: 1 or more.
  ///   - suite: one of ``suites``.
  ///   - expires: the key's last day as `yyyy-mm-dd`; nil for none.
  /// - Throws: ``CoreError`` when `expires` is no day, or chance or the library fails.
  public static func line(epoch: UInt32, suite: String, expires: String? = nil)
    throws(CoreError) -> String
  {
    var master = [UInt8](repeating: 0, count: 32)
    var memory = [UInt8](repeating: 0, count: 256)
    let kind: weir_suite = suite == "sm4-gcm" ? WEIR_SUITE_SM4_GCM : WEIR_SUITE_AES_256_GCM
    var status = weir_seal_self_test()
    var count = 0
    if status == .ok {
      status = unsafe master.withUnsafeMutableBytes {
        let os = unsafe weir_os_linux().pointee
        return unsafe os.random(os.context, $0.baseAddress, $0.count)
      }
    }
    if status == .ok {
      unsafe memory.withUnsafeMutableBufferPointer { bytes in
        var buffer = unsafe weir_buffer(
          at: bytes.baseAddress, count: 0, capacity: bytes.count, overflow: false)
        status = unsafe weir_keyring_line(epoch, kind, master, &buffer)
        count = unsafe buffer.count
      }
    }
    unsafe master.withUnsafeMutableBytes { unsafe weir_wipe($0.baseAddress, $0.count) }
    guard status == .ok else {
      throw CoreError(status, "no key could be made: \(text(of: status))")
    }
    let day = expires.map { " " + $0 } ?? ""
    let line = String(decoding: memory.prefix(count), as: UTF8.self) + day
    unsafe memory.withUnsafeMutableBytes { unsafe weir_wipe($0.baseAddress, $0.count) }
    guard isReadable(line) else {
      throw CoreError(kind: .configuration, message: "\(expires ?? "") is no day; write yyyy-mm-dd")
    }
    return line
  }

  /// The epochs of a key file with their fingerprints; no key byte leaves the core.
  public static func entries(_ path: String) throws(CoreError) -> [Entry] {
    let tested = weir_seal_self_test()
    guard tested == .ok else { throw CoreError(tested, "the cryptographic self-test failed") }
    let ring = unsafe try read(path)
    defer { unsafe weir_keyring_close(ring) }
    var entries: [Entry] = []
    for index in 0..<(unsafe weir_keyring_count(ring)) {
      var epoch: UInt32 = 0
      var expires: UInt32 = 0
      var suite = WEIR_SUITE_AES_256_GCM
      var digits = [CChar](repeating: 0, count: 9)
      unsafe weir_keyring_entry(ring, index, &epoch, &suite, &expires)
      _ = unsafe weir_keyring_fingerprint(ring, epoch, &digits)
      entries.append(
        Entry(
          epoch: epoch, suite: unsafe String(cString: weir_suite_name(suite)), expires: expires,
          fingerprint: string(of: digits)))
    }
    return entries
  }
}
