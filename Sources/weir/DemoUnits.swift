import Foundation
import WeirCore
import WeirPolicy

/// The two units of a demo: their folder, their files, their processes.
final class DemoUnits {
  /// Holds everything; stays when the demo is over.
  let folder: String
  private let minute: Int
  private var children: [Child] = []

  private struct Child {
    let name: String
    let process: Process
  }

  /// The longest path of a socket here.
  private static let socketBytesMax = 100
  private static let startSeconds = 15.0
  private static let stopSeconds = 8.0

  init(folder: String?, minute: Int) throws {
    self.folder = try Self.prepare(folder)
    self.minute = minute
    guard controlPath("outer").utf8.count < Self.socketBytesMax else {
      throw Failure("\(self.folder): too long for the path of a socket. Give a shorter --folder")
    }
    try writeFiles()
  }

  /// The outer unit's intake.
  var intakePath: String { "\(folder)/outer-intake.sock" }
  /// Where the inner unit delivers.
  var delivered: String { "\(folder)/delivered" }
  /// Where the outer unit writes reports.
  var reports: String { "\(folder)/reports" }
  /// A unit's control socket.
  func controlPath(_ role: String) -> String { "\(folder)/\(role)-control.sock" }
  /// A unit's configuration file.
  func configPath(_ role: String) -> String { "\(folder)/\(role).yaml" }
  /// A unit's data folder.
  func dataPath(_ role: String) -> String { "\(folder)/\(role)-data" }
  /// A unit's log.
  func logPath(_ role: String) -> String { "\(folder)/\(role).log" }

  private func errorPath(_ role: String) -> String { "\(folder)/\(role).err" }

  private static func prepare(_ folder: String?) throws -> String {
    let files = FileManager.default
    let path: String
    if let folder {
      path = URL(fileURLWithPath: folder).path
      let held = try? files.contentsOfDirectory(atPath: path)
      guard held?.isEmpty ?? !files.fileExists(atPath: path) else {
        throw Failure("\(path) is not empty. Give a new or an empty folder")
      }
    } else {
      let root = files.temporaryDirectory.path
      let short = root.utf8.count < 50 ? root : "/tmp"
      let number = String(UInt32.random(in: 0x10_0000...0xFF_FFFF), radix: 16)
      path = (short.hasSuffix("/") ? String(short.dropLast()) : short) + "/weir-demo-\(number)"
    }
    do {
      try files.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw Failure("\(path) cannot be made: \(error.localizedDescription)", code: 74)
    }
    return path
  }

  private func writeFiles() throws {
    let files = FileManager.default
    for path in [dataPath("outer"), dataPath("inner"), delivered, reports] {
      try files.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    try KeygenCommand.append(
      KeyFile.line(epoch: 1, suite: "aes-256-gcm"), to: "\(folder)/link.key")
    try write(shortPolicy(), to: "\(folder)/policy.yaml")
    let port = try Surroundings.freeUDPPort()
    try write(
      """
      unit: outer
      name: kd1
      data: \(dataPath("outer"))
      policy: \(folder)/policy.yaml
      intake: { socket: \(intakePath), supervisors: [S01] }
      link: { send: [127.0.0.1:\(port)], key: \(folder)/link.key, rate: 100Mbit }
      report: { directory: \(reports), repeat: \(minute)s }
      log: { file: \(logPath("outer")), level: info }
      control: \(controlPath("outer"))
      limits: { refs: 10000, openHandovers: 1000 }

      """, to: configPath("outer"))
    try write(
      """
      unit: inner
      name: in1
      data: \(dataPath("inner"))
      policy: \(folder)/policy.yaml
      link: { listen: [127.0.0.1:\(port)], key: \(folder)/link.key }
      delivery: { directory: \(delivered) }
      log: { file: \(logPath("inner")), level: info }
      control: \(controlPath("inner"))
      limits: { refs: 10000, openHandovers: 1000 }

      """, to: configPath("inner"))
  }

  private func write(_ text: String, to path: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    } catch {
      throw Failure("\(path) cannot be written: \(error.localizedDescription)", code: 74)
    }
  }

  /// The embedded policy with its spans in proportion to the short minute.
  private func shortPolicy() throws -> String {
    let milliseconds = minute * 1000
    let changes = [
      ("version: garze-2022-38/1", "version: garze-2022-38/1-demo"),
      ("minuteMs: 60000", "minuteMs: \(milliseconds)"),
      (
        "preAlarmsMs: [30000, 45000]", "preAlarmsMs: [\(milliseconds / 2), \(milliseconds * 3 / 4)]"
      ),
      ("talkMs: 180000", "talkMs: \(milliseconds * 3)"),
      ("reminderMs: 60000", "reminderMs: \(milliseconds * 5 / 6)"),
    ]
    var text = Policy.embeddedSource
    for (old, new) in changes {
      guard text.contains(old) else {
        throw Failure("the embedded policy has no `\(old)`: the demo does not fit it", code: 70)
      }
      text = text.replacingOccurrences(of: old, with: new)
    }
    return text
  }

  /// Starts both units and waits until both answer.
  func start(_ stop: StopFlag) throws {
    for role in ["inner", "outer"] { children.append(Child(name: role, process: try spawn(role))) }
    let end = Date(timeIntervalSinceNow: Self.startSeconds)
    for child in children {
      while !answers(child.name) {
        guard child.process.isRunning, Date() < end else {
          let said = FileManager.default.contents(atPath: errorPath(child.name)) ?? Data()
          throw Failure(
            "the \(child.name) unit did not start. It said:\n"
              + String(decoding: said, as: UTF8.self) + "Its log is \(logPath(child.name))",
            code: 70)
        }
        try stop.sleep(0.03)
      }
    }
  }

  private func spawn(_ role: String) throws -> Process {
    try write("", to: errorPath(role))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Program.path)
    process.arguments = [role, "--config", configPath(role), "--parent", String(getpid())]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: errorPath(role)) ?? .nullDevice
    do {
      try process.run()
    } catch {
      throw Failure("\(Program.path) cannot be started: \(error.localizedDescription)", code: 70)
    }
    return process
  }

  private func answers(_ role: String) -> Bool {
    guard let client = try? LineClient(path: controlPath(role)),
      (try? client.send("{\"op\":\"status\"}")) != nil,
      let line = try? client.receive(timeoutMs: 1000)
    else { return false }
    return Json(line: line)?["state"].text == "running"
  }

  /// Throws when a unit has ended by itself.
  func check() throws {
    for child in children where !child.process.isRunning {
      let said = FileManager.default.contents(atPath: errorPath(child.name)) ?? Data()
      throw Failure(
        "the \(child.name) unit ended by itself. It said:\n\(String(decoding: said, as: UTF8.self))"
          + "Its log is \(logPath(child.name))", code: 70)
    }
  }

  /// Ends both units as an operator would; who does not go is killed. Waits for both.
  func stop() {
    for child in children where child.process.isRunning { child.process.terminate() }
    let end = Date(timeIntervalSinceNow: Self.stopSeconds)
    for child in children {
      while child.process.isRunning && Date() < end { Thread.sleep(forTimeInterval: 0.01) }
      if child.process.isRunning {
        kill(child.process.processIdentifier, SIGKILL)
        Terminal.complain("the \(child.name) unit did not stop in time and was killed")
      }
      child.process.waitUntilExit()
    }
    children = []
  }
}
