import CCore
import CWeirBase
import CWeirLog
import CWeirOs
import CWeirWorks
import Foundation
import Glibc
import Synchronization
import Testing

/// A disk that is as slow as the test wants, over the real one, and that watches who uses it.
private final class SlowDisk: Sendable {
  struct Seen {
    var isHeld = false
    var failure: weir_status?
    var inside = 0
    var most = 0
    var syncs = 0
    var threads: Set<UInt> = []
    /// What lies below this folder does not answer.
    var lost: String?
  }
  let seen = Mutex(Seen())

  /// The table; the disk must outlive it.
  var table: weir_os {
    var table = weir_os_linux().pointee
    table.context = Unmanaged.passUnretained(self).toOpaque()
    // The real table has no context of its own.
    table.sync = { context, file in
      guard let context else { return .invalid }
      return Unmanaged<SlowDisk>.fromOpaque(context).takeUnretainedValue().sync(file)
    }
    table.open = { context, path, mode, file in
      guard let context, let path else { return .invalid }
      let disk = Unmanaged<SlowDisk>.fromOpaque(context).takeUnretainedValue()
      while disk.isLost(String(cString: path)) { usleep(1000) }
      let real = weir_os_linux().pointee
      return real.open(real.context, path, mode, file)
    }
    return table
  }

  private func sync(_ file: OpaquePointer?) -> weir_status {
    seen.withLock {
      $0.inside += 1
      $0.most = max($0.most, $0.inside)
      $0.syncs += 1
      $0.threads.insert(UInt(pthread_self()))
    }
    while seen.withLock({ $0.isHeld }) { usleep(1000) }
    let failure = seen.withLock { seen in
      defer { seen.failure = nil }
      return seen.failure
    }
    let real = weir_os_linux().pointee
    let status = failure ?? real.sync(real.context, file)
    seen.withLock { $0.inside -= 1 }
    return status
  }

  private func isLost(_ path: String) -> Bool {
    seen.withLock { $0.lost.map { path.hasPrefix($0) } ?? false }
  }

  func lose(_ folder: String?) { seen.withLock { $0.lost = folder } }
  func hold(_ isHeld: Bool) { seen.withLock { $0.isHeld = isHeld } }
  /// The next sync fails.
  func fail(_ status: weir_status) { seen.withLock { $0.failure = status } }
}

/// A real loop around a unit that nobody judges for: what it takes is handed to a person.
private final class Loop {
  let folder: String
  let disk = SlowDisk()
  private let table: UnsafeMutablePointer<weir_os>
  private var unit: OpaquePointer?
  private var log: OpaquePointer?
  private var hall: OpaquePointer?
  private let ended = DispatchSemaphore(value: 0)
  private let outcome = Mutex<weir_status?>(nil)
  private let user = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
  private var strings: [UnsafeMutablePointer<CChar>] = []

  private func keep(_ text: String) -> UnsafePointer<CChar>? {
    guard let copy = strdup(text) else { return nil }
    strings.append(copy)
    return UnsafePointer(copy)
  }

  init() throws {
    var name = Array((NSTemporaryDirectory() + "/weir-disk-XXXXXX").utf8CString)
    let made = mkdtemp(&name).map { String(cString: $0) }
    folder = try #require(made)
    table = .allocate(capacity: 1)
    table.initialize(to: disk.table)
    try #require(weir_log_open("kd1", WEIR_LOG_INFO, 1 << 20, 1 << 18, &log) == .ok)
    var o = weir_unit_options()
    o.name = keep("kd1")
    o.data = keep(folder + "/data")
    for place in ["/first", "/second"] { mkdir(folder + place, 0o700) }
    o.report_directory = keep(folder + "/first")
    o.report_second = keep(folder + "/second")
    o.version = keep("test")
    o.open_max = 512
    o.refs_max = 1024
    o.desk.judge = { _, _, _ in }
    o.os = UnsafePointer(table)
    o.log = log
    var said = [CChar](repeating: 0, count: 512)
    try #require(weir_unit_open(&o, &unit, &said) == .ok)
    weir_unit_begin(unit)
    var h = weir_hall_options()
    h.unit = unit
    h.log = log
    h.os = o.os
    h.intake_socket = keep(folder + "/intake.sock")
    h.log_file = keep(folder + "/log")
    h.idle_ms = 60_000
    user.initialize(to: getuid())
    h.allow = UnsafePointer(user)
    h.allow_count = 1
    try #require(weir_hall_open(&h, &hall, &said) == .ok)
  }

  /// The loop runs on a thread of its own until it is stopped or fails.
  func run() {
    nonisolated(unsafe) let loop = self
    Thread.detachNewThread {
      let status = weir_hall_run(loop.hall)
      loop.outcome.withLock { $0 = status }
      loop.ended.signal()
    }
  }

  /// How the loop ended; nil: it has not, in ten seconds.
  func end(stopping: Bool) -> weir_status? {
    if stopping { weir_hall_stop(hall) }
    guard ended.wait(timeout: .now() + 10) == .success else { return nil }
    return outcome.withLock { $0 }
  }

  /// What signals ask for.
  func ask() {
    weir_hall_stop(hall)
    weir_hall_reopen_log(hall)
  }

  /// Names of the reports in a place.
  func reports(_ place: String) -> [String] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder + "/" + place)
    return names?.filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") } ?? []
  }

  /// Loops that a thread may still use; a process that abandons one leaves by _exit.
  nonisolated(unsafe) private static var abandoned: [Loop] = []

  /// Whether a job hung at the end; then nothing of this loop may be closed.
  func isAbandoned() -> Bool {
    guard weir_hall_abandoned(hall) else { return false }
    Self.abandoned.append(self)
    return true
  }

  deinit {
    weir_hall_close(hall)
    weir_unit_close(unit)
    weir_log_close(log)
    table.deallocate()
    user.deallocate()
    strings.forEach { free($0) }
    try? FileManager.default.removeItem(atPath: folder)
  }
}

/// A client with a socket of its own.
private final class Client {
  private let fd: Int32
  private var rest: [UInt8] = []

  init(_ loop: Loop) throws {
    fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array((loop.folder + "/intake.sock").utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let descriptor = fd
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
    try #require(connected)
  }

  deinit { close(fd) }

  func send(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    #expect(write(fd, bytes, bytes.count) == bytes.count)
  }

  func intake(_ ref: String) {
    send(
      "{\"op\":\"intake\",\"ref\":\"\(ref)\",\"receivedBy\":\"12345\",\"channel\":\"phone\","
        + "\"facts\":[]}")
  }

  /// The next line; nil when none comes within so long.
  func line(within milliseconds: Int32) -> String? {
    while !rest.contains(10) {
      var one = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
      guard poll(&one, 1, milliseconds) == 1 else { return nil }
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = read(fd, &bytes, bytes.count)
      guard count > 0 else { return nil }
      rest += bytes[..<count]
    }
    let end = rest.firstIndex(of: 10) ?? rest.endIndex
    defer { rest.removeFirst(end + 1) }
    return String(decoding: rest[..<end], as: UTF8.self)
  }
}

@Suite("The disk thread: one job in flight, beside the loop", .serialized)
struct DiskThreadTests {
  @Test("while a sync is in flight the loop answers what needs none, and calls nothing durable")
  func loopGoesOn() throws {
    let loop = try Loop()
    loop.run()
    let client = try Client(loop)
    client.intake("a")
    let first = try #require(client.line(within: 10_000))
    #expect(first.contains("\"durable\":true"))
    loop.disk.hold(true)
    client.intake("b")
    #expect(client.line(within: 200) == nil)
    let other = try Client(loop)
    other.send("{\"op\":\"intake\"}")
    #expect(try #require(other.line(within: 10_000)).contains("missingField"))
    #expect(client.line(within: 100) == nil)
    loop.disk.hold(false)
    #expect(try #require(client.line(within: 10_000)).contains("\"durable\":true"))
    #expect(loop.end(stopping: true) == .ok)
  }

  @Test("signals that come when the loop has ended change nothing")
  func lateSignals() throws {
    let loop = try Loop()
    loop.run()
    let client = try Client(loop)
    client.intake("a")
    #expect(try #require(client.line(within: 10_000)).contains("\"durable\":true"))
    #expect(loop.end(stopping: true) == .ok)
    loop.ask()
  }

  @Test("jobs run one after the other on one thread, and what waits shares a sync")
  func oneInFlight() throws {
    let loop = try Loop()
    loop.disk.seen.withLock { $0 = SlowDisk.Seen() }
    loop.run()
    let client = try Client(loop)
    loop.disk.hold(true)
    for index in 0..<200 { client.intake("r\(index)") }
    usleep(100_000)
    loop.disk.hold(false)
    for _ in 0..<200 {
      #expect(try #require(client.line(within: 10_000)).contains("\"durable\":true"))
    }
    #expect(loop.end(stopping: true) == .ok)
    let seen = loop.disk.seen.withLock { $0 }
    #expect(seen.most == 1 && seen.threads.count == 1)
    #expect(seen.syncs < 50, "\(seen.syncs) syncs for 200 answers")
  }

  @Test("a sync that fails ends the loop with its status, and nobody is told durable")
  func failsWithStatus() throws {
    let loop = try Loop()
    loop.run()
    let client = try Client(loop)
    loop.disk.fail(.syncFailed)
    client.intake("a")
    #expect(try #require(client.line(within: 10_000)).contains("outcomeUnknown"))
    #expect(try #require(client.line(within: 10_000)).contains("unitFailing"))
    #expect(loop.end(stopping: false) == .syncFailed)
    #expect(loop.reports("first").count == 1 && loop.reports("second").count == 1)
    #expect(!loop.isAbandoned())
  }

  @Test(
    "a place of reports that hangs keeps the last words from no other, and the end within seconds",
    arguments: ["first", "second"])
  func lostShare(lost: String) throws {
    let loop = try Loop()
    loop.run()
    let client = try Client(loop)
    loop.disk.lose(loop.folder + "/" + lost)
    loop.disk.fail(.syncFailed)
    client.intake("a")
    #expect(try #require(client.line(within: 10_000)).contains("outcomeUnknown"))
    let clock = ContinuousClock()
    let began = clock.now
    #expect(loop.end(stopping: false) == .syncFailed)
    #expect(clock.now - began < .seconds(8))
    #expect(loop.isAbandoned())
    #expect(loop.reports(lost).isEmpty)
    #expect(loop.reports(lost == "first" ? "second" : "first").count == 1)
    loop.disk.lose(nil)
    for _ in 0..<1000 where loop.reports(lost).isEmpty { usleep(10_000) }
    #expect(loop.reports(lost).count == 1, "the thread still had what it needs")
  }

  @Test("a disk that hangs at a stop does not keep the process")
  func hangsAtStop() throws {
    let loop = try Loop()
    loop.run()
    let client = try Client(loop)
    loop.disk.hold(true)
    client.intake("a")
    #expect(client.line(within: 200) == nil)
    #expect(loop.end(stopping: true) == .ok)
    #expect(loop.isAbandoned())
    loop.disk.hold(false)
    for _ in 0..<1000 where loop.disk.seen.withLock({ $0.inside > 0 }) { usleep(10_000) }
  }
}
