internal import CCore
public import WeirModel

/// What a unit is told at start.
public struct CoreOptions: Sendable {
  /// An IP address as text, and a port.
  public struct Address: Sendable {
    /// IPv4 or IPv6, no brackets, no names.
    public var host: String
    /// 0 lets the kernel choose.
    public var port: UInt16
    /// An address from its parts.
    public init(host: String, port: UInt16) {
      self.host = host
      self.port = port
    }
  }

  /// Outer or inner.
  public var role: UnitRole
  /// 1 to 8 letters and digits.
  public var name: String
  /// Absolute directory of the journal.
  public var data: String
  /// Of the program, for the journal and `status`.
  public var version: String
  /// Handovers that may be open at once.
  public var openHandovers: UInt32 = 1_000_000
  /// Client keys that are remembered.
  public var refs: UInt32 = 10_000_000
  /// Who may clear danger.
  public var supervisors: [String] = []
  /// Key file, absolute; nil: no link.
  public var keyFile: String?
  /// What one IP packet may hold.
  public var mtu: UInt32 = 1500
  /// Inner: directory for delivered items.
  public var delivery: String?
  /// Directory of the ferry: an outer unit's gate pulls from it, an inner unit's puts into it.
  public var ferry: String?
  /// Inner: Unix socket at which delivered items are taken.
  public var deliverySocket: String?
  /// Older than this on arrival is stale, milliseconds.
  public var staleMs: Int64 = 30 * 60 * 1000
  /// Directory of reports, for the last words of a failing unit.
  public var reports: String?
  /// A second one, on another device.
  public var reportsSecond: String?
  /// Unix socket of the intake.
  public var intakeSocket: String?
  /// Loopback address of the intake.
  public var intakeTCP: Address?
  /// Unix socket of the control.
  public var controlSocket: String?
  /// User ids that may connect to the Unix sockets.
  public var allowedUsers: [UInt32] = []
  /// Milliseconds after which a silent connection is closed.
  public var idleMs: UInt32 = 300_000
  /// Outer: where to send; inner: where to listen.
  public var link: [Address] = []
  /// Bits a second on the link; 0: unlimited.
  public var rateBits: UInt64 = 0
  /// Log file; nil: standard output.
  public var logFile: String?
  /// 0 debug, 1 info, 2 warn, 3 error.
  public var logLevel: Int = 1
  /// Records of the journal after which the next snapshot is made; 0: the default.
  public var snapshotRecords: UInt64 = 0
  /// Milliseconds for which the journal is kept at least; 0: for ever.
  public var retainMs: Int64 = 0
  /// Bytes of a journal segment; 0: the default.
  public var segmentBytes: UInt64 = 0

  /// Options with their defaults.
  public init(role: UnitRole, name: String, data: String, version: String) {
    self.role = role
    self.name = name
    self.data = data
    self.version = version
  }
}

/// C strings that live as long as a unit, which borrows them.
@safe
final class CStrings {
  private var kept: [UnsafeMutablePointer<CChar>] = unsafe []

  func keep(_ text: String?) -> UnsafePointer<CChar>? {
    guard let text else { return nil }
    let bytes = Array(text.utf8)
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
    for (index, byte) in bytes.enumerated() { unsafe copy[index] = CChar(bitPattern: byte) }
    unsafe copy[bytes.count] = 0
    unsafe kept.append(copy)
    return unsafe UnsafePointer(copy)
  }

  deinit {
    unsafe kept.forEach { unsafe $0.deallocate() }
  }
}

/// One unit with its loop. Made and closed by the thread that controls it; between the two, one
/// thread runs ``run()`` and is the loop thread; ``stop()`` and ``reopenLog()`` are for any thread.
@safe
public final class CoreUnit: @unchecked Sendable {
  private let options: CoreOptions
  private let strings = CStrings()
  private let box: DeskBox
  private var unit: OpaquePointer?
  private var hall: OpaquePointer?
  private var log: OpaquePointer?
  private var keys: OpaquePointer?
  private let supervisors: UnsafeMutablePointer<UnsafePointer<CChar>?>

  /// Opens keys, log and journal, recovers, and writes the start record.
  public init(_ options: CoreOptions, desk: any Desk) throws(CoreError) {
    self.options = options
    box = DeskBox(desk)
    unsafe supervisors = .allocate(capacity: max(1, options.supervisors.count))
    for (index, name) in options.supervisors.enumerated() {
      unsafe (supervisors + index).initialize(to: strings.keep(name))
    }
    let tested = weir_seal_self_test()
    guard tested == .ok else {
      throw CoreError(.unsupported, "the cryptographic self-test failed; do not run this machine")
    }
    try openKeys()
    try openLog()
    try openUnit()
  }

  private func openKeys() throws(CoreError) {
    guard let path = options.keyFile else { return }
    unsafe keys = try KeyFile.read(path)
  }

  private func openLog() throws(CoreError) {
    let level = weir_log_level(rawValue: UInt32(options.logLevel))
    let status = unsafe options.name.withCString {
      unsafe weir_log_open($0, level, 4 << 20, 1 << 20, &log)
    }
    guard status == .ok else { throw CoreError(status, "the log: \(text(of: status))") }
  }

  private func openUnit() throws(CoreError) {
    var o = unsafe weir_unit_options()
    unsafe o.inner = options.role == .inner
    unsafe o.name = strings.keep(options.name)
    unsafe o.data = strings.keep(options.data)
    unsafe o.version = strings.keep(options.version)
    unsafe o.segment_bytes = options.segmentBytes
    unsafe o.open_max = options.openHandovers
    unsafe o.refs_max = options.refs
    unsafe o.supervisors = unsafe UnsafePointer(supervisors)
    unsafe o.supervisor_count = options.supervisors.count
    unsafe o.keys = keys
    unsafe o.mtu = options.mtu
    unsafe o.rate_bits = options.rateBits
    unsafe o.delivery = strings.keep(options.delivery)
    unsafe o.ferry = strings.keep(options.ferry)
    unsafe o.ferry_only = options.ferry != nil && options.link.isEmpty
    unsafe o.delivery_stream = options.deliverySocket != nil
    unsafe o.stale_ms = options.staleMs
    unsafe o.snapshot_records = options.snapshotRecords
    unsafe o.retain_ms = options.retainMs
    unsafe o.report_directory = strings.keep(options.reports)
    unsafe o.report_second = strings.keep(options.reportsSecond)
    unsafe o.desk = box.callbacks
    unsafe o.os = weir_os_linux()
    unsafe o.log = log
    var problem = [CChar](repeating: 0, count: 512)
    let status = unsafe weir_unit_open(&o, &unit, &problem)
    guard status == .ok else { throw CoreError(status, string(of: problem)) }
  }

  /// The durable ids of texts, in their order; new ones are journalled.
  ///
  /// - Returns: nil when the journal or the table of texts has no room just now.
  public func intern(_ texts: [String]) throws(CoreError) -> [UInt32]? {
    var ids: [UInt32] = []
    ids.reserveCapacity(texts.count)
    for text in texts {
      var id: UInt32 = 0
      let status = unsafe withBytes(text) { unsafe weir_unit_intern(unit, $0, &id) }
      if status == .full { return nil }
      guard status == .ok else {
        throw CoreError(status, "a text of the policy could not be journalled: \(status)")
      }
      ids.append(id)
    }
    return ids
  }

  /// Which durable texts refusals and alarms speak.
  public func setRefusalTexts(dial: UInt32, say: UInt32) {
    unsafe weir_unit_set_refusal_texts(unit, dial, say)
  }

  /// Which durable texts stand for them in a drill.
  public func setDrillTexts(dial: UInt32, say: UInt32) {
    unsafe weir_unit_set_drill_texts(unit, dial, say)
  }

  private func core(_ address: CoreOptions.Address) -> weir_address {
    unsafe weir_address(host: strings.keep(address.host), port: address.port)
  }

  /// Opens the sockets; an inner unit denies itself every way out.
  public func openHall() throws(CoreError) {
    var o = unsafe weir_hall_options()
    unsafe o.unit = unit
    unsafe o.log = log
    unsafe o.os = weir_os_linux()
    unsafe o.inner = options.role == .inner
    unsafe o.intake_socket = strings.keep(options.intakeSocket)
    unsafe o.control_socket = strings.keep(options.controlSocket)
    unsafe o.delivery_socket = strings.keep(options.deliverySocket)
    if let tcp = options.intakeTCP { unsafe o.intake_tcp = core(tcp) }
    unsafe o.idle_ms = options.idleMs
    unsafe o.rate_bits = options.rateBits
    unsafe o.log_file = strings.keep(options.logFile)
    let addresses = unsafe options.link.map { unsafe core($0) }
    var problem = [CChar](repeating: 0, count: 512)
    // The hall keeps pointers to both lists; they live in this unit from here on.
    unsafe allowed.initialize(from: options.allowedUsers, count: options.allowedUsers.count)
    unsafe linked.initialize(from: addresses, count: addresses.count)
    unsafe o.allow = unsafe UnsafePointer(allowed)
    unsafe o.allow_count = options.allowedUsers.count
    unsafe o.link = unsafe UnsafePointer(linked)
    unsafe o.link_count = addresses.count
    let status = unsafe weir_hall_open(&o, &hall, &problem)
    guard status == .ok else {
      throw CoreError(kind: .configuration, message: string(of: problem))
    }
  }

  private lazy var allowed = UnsafeMutablePointer<UInt32>.allocate(
    capacity: max(1, options.allowedUsers.count))
  private lazy var linked = UnsafeMutablePointer<weir_address>.allocate(
    capacity: max(1, options.link.count))

  /// Runs the loop on the calling thread until it is stopped or the disk fails.
  ///
  /// - Returns: nil after a stop; else what failed.
  public func run() -> CoreError? {
    let status = unsafe weir_hall_run(hall)
    guard status != .ok else { return nil }
    return CoreError(
      kind: .disk,
      message:
        "the disk failed (\(text(of: status))): the unit took nothing more and stopped. Everything "
        + "answered durable is in \(options.data). Mend the disk or make room, then start again")
  }

  /// After ``run()``: whether a disk, a share or a gate's folder does not answer, so that a thread
  /// hangs there and nothing of this unit can be closed. The process must leave by `_exit`.
  public var isAbandoned: Bool { unsafe hall != nil && weir_hall_abandoned(hall) }

  /// Any thread: no more is taken, what is in flight is finished, then `run` returns.
  public func stop() { unsafe weir_hall_stop(hall) }

  /// Any thread: has a body called on the loop thread between two turns of the unit. It is called
  /// with false, and must leave the unit alone, when the loop has ended meanwhile.
  public func onLoop(_ body: @escaping @Sendable (_ isLive: Bool) -> Void) {
    let letter = unsafe Unmanaged.passRetained(Letter(body)).toOpaque()
    let status = unsafe weir_hall_post(
      hall,
      { context, isLive in
        guard let context = unsafe context else { return }
        unsafe Unmanaged<Letter>.fromOpaque(context).takeRetainedValue().body(isLive)
      }, letter)
    if status != .ok { unsafe Unmanaged<Letter>.fromOpaque(letter).takeRetainedValue().body(false) }
  }

  /// Loop thread: another policy is in force from here on; journalled, logged, and answered when it
  /// was asked for.
  ///
  /// - Returns: false when the journal has no room just now; nothing has happened then.
  public func policyChanged(_ versions: [String], asked: Bool) throws(CoreError) -> Bool {
    let status = unsafe withBytes(Self.json(versions)) {
      unsafe weir_unit_policy_changed(unit, asked, $0)
    }
    if status == .full { return false }
    guard status == .ok else {
      throw CoreError(status, "the new policy could not be journalled: \(text(of: status))")
    }
    return true
  }

  /// Loop thread: the policy stays as it is. `why` says what is wrong; empty when nothing was new.
  public func policyKept(_ why: String, asked: Bool) {
    unsafe withBytes(why) { unsafe weir_unit_policy_kept(unit, asked, $0) }
  }

  /// At start: the versions in force, for `status`.
  public func setPolicy(_ versions: [String]) {
    unsafe withBytes(Self.json(versions)) { unsafe weir_unit_policy_is(unit, $0) }
  }

  private static func json(_ versions: [String]) -> String {
    "[" + versions.map { CoreText.quoted($0) }.joined(separator: ",") + "]"
  }

  /// Any thread: opens the log file again by its path.
  public func reopenLog() { unsafe weir_hall_reopen_log(hall) }

  deinit {
    precondition(!isAbandoned, "a thread still uses this unit")
    unsafe weir_hall_close(hall)
    unsafe weir_unit_close(unit)
    unsafe weir_log_close(log)
    unsafe weir_keyring_close(keys)
    unsafe supervisors.deallocate()
    unsafe allowed.deallocate()
    unsafe linked.deallocate()
  }
}

/// What is to be done on the loop thread.
private final class Letter: Sendable {
  let body: @Sendable (Bool) -> Void

  init(_ body: @escaping @Sendable (Bool) -> Void) { self.body = body }
}
