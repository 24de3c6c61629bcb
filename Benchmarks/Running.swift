import Foundation
import Glibc

/// A temporary folder, removed at the end.
final class Folder {
  let path: String
  private let isKept: Bool

  /// - Parameter keep: whether it stays, for whoever wants to look at what a run left.
  init(_ purpose: String, in parent: String? = nil, keep: Bool = false) throws {
    isKept = keep
    let name = String(UInt32.random(in: 0...UInt32.max), radix: 36)
    path = (parent.map { $0 + "/" } ?? NSTemporaryDirectory()) + "weir-\(purpose)-\(name)"
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  func write(_ text: String, to name: String, mode: Int = 0o600) throws {
    let file = path + "/" + name
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
  }

  deinit { if !isKept { try? FileManager.default.removeItem(atPath: path) } }
}

/// A child process; `stop` ends it by its id, and so does its last reference.
final class Child {
  private let process = Process()
  let name: String
  private let said: String

  /// - Parameters:
  ///   - program: its absolute path.
  ///   - folder: where its standard output and error are kept.
  ///   - environment: what it has beside the own one.
  ///   - name: what it is called in messages; nil: as the program.
  init(
    _ program: String, _ arguments: [String], in folder: Folder,
    environment: [String: String] = [:], as name: String? = nil
  ) throws {
    self.name = name ?? URL(fileURLWithPath: program).lastPathComponent
    said = folder.path + "/" + self.name + ".said"
    _ = FileManager.default.createFile(atPath: said, contents: nil)
    let output = FileHandle(forWritingAtPath: said)
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
  }

  var identifier: Int32 { process.processIdentifier }

  /// User and system time so far, seconds; nil when the process is gone.
  var cpuSeconds: Double? {
    guard let text = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8),
      let end = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[end...].split(separator: " ")
    guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else {
      return nil
    }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// Resident memory, bytes: all, and what is not of files.
  var memory: (resident: Int, anonymous: Int) {
    let text = (try? String(contentsOfFile: "/proc/\(identifier)/statm", encoding: .utf8)) ?? ""
    let pages = text.split(separator: " ").compactMap { Int($0) }
    guard pages.count > 2 else { return (0, 0) }
    let size = Int(sysconf(Int32(_SC_PAGESIZE)))
    return (pages[1] * size, (pages[1] - pages[2]) * size)
  }

  /// Open descriptors.
  var descriptors: Int {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(identifier)/fd")) ?? []).count
  }

  /// Waits until it ends by itself.
  ///
  /// - Returns: what it said.
  func finish() throws -> String {
    process.waitUntilExit()
    let text = try String(contentsOfFile: said, encoding: .utf8)
    guard process.terminationStatus == 0 else { throw Trouble("\(name): \(text.suffix(500))") }
    return text
  }

  /// Waits until `isReady`, or until the process has ended.
  func wait(seconds: Double = 30, until isReady: () -> Bool) throws {
    let end = Date().addingTimeInterval(seconds)
    while !isReady() {
      guard process.isRunning, Date() < end else {
        let text = (try? String(contentsOfFile: said, encoding: .utf8)) ?? ""
        throw Trouble("\(name) did not start: \(text.suffix(500))")
      }
      usleep(10_000)
    }
  }

  /// Ends it: politely, then not.
  func stop() {
    guard process.isRunning else { return }
    process.terminate()
    let end = Date().addingTimeInterval(20)
    while process.isRunning && Date() < end { usleep(5_000) }
    if process.isRunning { kill(identifier, SIGKILL) }
    process.waitUntilExit()
  }

  deinit { stop() }
}

/// Which programs are to be measured.
enum Programs {
  /// The program beside this one.
  static func weir() throws -> String {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let path = own.deletingLastPathComponent().path + "/weir"
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw Trouble("\(path) is missing: run `swift build -c release` first")
    }
    return path
  }

  /// A peer in the search path, nil when it is not installed.
  static func peer(_ name: String) -> String? {
    let paths = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin").split(separator: ":")
    return paths.map { "\($0)/\(name)" }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }
}

/// Nanoseconds of the clock that loads plan by and answers are measured by.
func monotonicNs() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// 127.0.0.1.
enum Loopback {
  static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  /// Binds a socket.
  ///
  /// - Returns: the port that the kernel chose.
  static func bind(_ descriptor: Int32) throws -> UInt16 {
    var address = address(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard bound else { throw Trouble("no port on loopback") }
    return UInt16(bigEndian: address.sin_port)
  }

  /// A TCP port that was free a moment ago.
  static func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    return try bind(descriptor)
  }
}

/// A UDP socket on loopback that nobody reads: the kernel drops what does not fit.
final class Discard {
  private let descriptor: Int32
  let port: UInt16

  init() throws {
    let opened = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    descriptor = opened
    port = try Loopback.bind(opened)
  }

  deinit { close(descriptor) }
}
