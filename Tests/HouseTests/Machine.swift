import Foundation
import Glibc

/// What only an administrator may do to the machine: file systems and networks of a test's own.
enum Machine {
  /// Runs a program of the system: its exit code and what it said.
  @discardableResult
  static func run(_ words: String...) -> (code: Int32, said: String) { run(words) }

  @discardableResult
  static func run(_ words: [String]) -> (code: Int32, said: String) {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    process.standardError = pipe
    guard (try? process.run()) != nil else { return (127, "") }
    let said = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: said, as: UTF8.self))
  }

  /// Whether this user may mount: tried once, on a folder of its own.
  static let canMount: Bool = {
    guard geteuid() == 0 else { return false }
    let folder = NSTemporaryDirectory() + "weir-mount-\(getpid())"
    mkdir(folder, 0o700)
    defer { rmdir(folder) }
    guard run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder).code == 0 else {
      return false
    }
    return run("umount", folder).code == 0
  }()

  /// Whether this user may make network namespaces: tried once.
  static let canMakeNetworks: Bool = {
    guard geteuid() == 0 else { return false }
    let name = "weir-probe-\(getpid())"
    guard run("ip", "netns", "add", name).code == 0 else { return false }
    return run("ip", "netns", "del", name).code == 0
  }()

  /// Words before a command that nobody in particular runs, who may start the program: tried once.
  static let asNobody: [String]? = {
    guard geteuid() == 0, let program = UnitProcess.program else { return nil }
    let words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    return run(words + [program, "--version"]).code == 0 ? words : nil
  }()

  /// The path of a program of the system, nil when it is not installed.
  static func path(of program: String) -> String? {
    ["/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"].map { $0 + program }
      .first { access($0, X_OK) == 0 }
  }
}
