import Foundation
import Glibc
import WeirCore

/// Why a test cannot go on.
struct HouseProblem: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

typealias Fields = [String: Any]

/// Reads one JSON object.
func fields(_ line: String) throws -> Fields {
  guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? Fields else {
    throw HouseProblem("not a JSON object: \(line.prefix(200))")
  }
  return object
}

/// Waits until something holds, looking again and again; false when the time has passed.
func eventually(within seconds: Double, _ holds: () throws -> Bool) async throws -> Bool {
  let clock = ContinuousClock()
  let end = clock.now.advanced(by: .milliseconds(Int64(seconds * 1000)))
  while try !holds() {
    if clock.now >= end { return try holds() }
    try await Task.sleep(for: .milliseconds(20))
  }
  return true
}

/// Milliseconds since 1970 now.
func nowMs() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

/// A temp folder with the configuration of an outer and an inner unit, and the processes that run
/// by them. `close` ends what still runs, by its id, and removes the folder.
final class House {
  let folder: String
  let port: UInt16
  /// How the inner unit delivers, and what carries: the words of their configuration.
  var delivery: String?
  var carrier = ""
  let outer: UnitProcess
  let inner: UnitProcess

  /// - Parameters:
  ///   - policy: the text of a policy file, nil for the embedded one.
  ///   - sendTo: where the outer unit sends instead of the inner unit's port.
  ///   - data: folder of the outer unit's journal, nil for one in the temp folder.
  init(policy: String? = nil, sendTo: UInt16? = nil, data: String? = nil) throws {
    let name = String(UInt32.random(in: 0...UInt32.max), radix: 36)
    folder = NSTemporaryDirectory() + "weir-" + name
    port = try UdpSocket.freePort()
    outer = UnitProcess(role: "outer", folder: folder)
    inner = UnitProcess(role: "inner", folder: folder)
    let manager = FileManager.default
    for sub in ["", "/in", "/reports", "/inner-reports", "/taken"] {
      try manager.createDirectory(
        atPath: folder + sub, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    }
    let key = (0..<32).map { _ in Self.hex(UInt8.random(in: 0...255)) }.joined()
    try write("1 aes-256-gcm \(key)\n", to: "link.key")
    try manager.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder + "/link.key")
    if let policy { try write(policy, to: "policy.yaml") }
    try configure(hasPolicy: policy != nil, sendTo: "127.0.0.1:\(sendTo ?? port)", data: data)
  }

  private static func hex(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }

  /// Writes both configurations.
  func configure(
    hasPolicy: Bool = false, sendTo: String, listen: String? = nil, data: String? = nil
  ) throws {
    let limits = "limits: { refs: 200000, openHandovers: 100000 }"
    try write(
      """
      unit: outer
      name: kd1
      data: \(data ?? folder + "/o")
      \(hasPolicy ? "policy: \(folder)/policy.yaml\n" : "")intake: { socket: \(folder)/intake.sock }
      link: { \(carrier)send: [\(sendTo)], key: \(folder)/link.key }
      report: { directory: \(folder)/reports }
      log: { file: \(folder)/outer.log }
      control: \(outer.control)
      \(limits)

      """, to: "outer.yaml")
    try write(
      """
      unit: inner
      name: in1
      data: \(folder)/i
      intake: { socket: \(folder)/inner.sock }
      link: { \(carrier)listen: [\(listen ?? "127.0.0.1:\(port)")], key: \(folder)/link.key }
      delivery: { \(delivery ?? "directory: \(folder)/in") }
      report: { directory: \(folder)/inner-reports }
      log: { file: \(folder)/inner.log }
      control: \(inner.control)
      \(limits)

      """, to: "inner.yaml")
  }

  var intake: String { folder + "/intake.sock" }

  /// Writes a file of the folder.
  func write(_ text: String, to name: String) throws {
    try text.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
  }

  /// The text of a file of the folder.
  func text(of name: String) throws -> String {
    try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
  }

  /// Names in a sub-folder that do not begin with a dot.
  func names(in sub: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(sub)")
      .filter { !$0.hasPrefix(".") }.sorted()
  }

  /// A client of the outer unit's intake.
  func client() throws -> LineClient {
    guard outer.isRunning else { throw HouseProblem("the outer unit is gone: \(outer.ending)") }
    return try LineClient(path: intake)
  }

  /// Hands a matter over whose transfer then fails; its number.
  func fail(
    _ ref: String, facts: [String], platform: String = "12345", at socket: String
  ) throws -> String {
    let client = try LineClient(path: socket)
    let answer = try ask(client, Matter(ref: ref, facts: facts, platform: platform).line)
    guard let handover = answer["handover"] as? String else { throw HouseProblem("\(answer)") }
    let event = #""event":"transferFailed","cause":"busy""#
    let failed = try ask(client, #"{"op":"event","handover":"\#(handover)",\#(event)}"#)
    guard failed["durable"] as? Bool == true else { throw HouseProblem("\(failed)") }
    return handover
  }

  func close() {
    for unit in [outer, inner] { unit.end() }
    try? FileManager.default.removeItem(atPath: folder)
  }
}

/// Sends one line and takes its answer.
func ask(_ client: LineClient, _ line: String, withinMs: Int = 20000) throws -> Fields {
  try client.send(line)
  guard let answer = try client.receive(timeoutMs: withinMs) else {
    throw HouseProblem("the unit closed the connection instead of answering \(line.prefix(120))")
  }
  return try fields(answer)
}

/// One unit as a process of its own.
final class UnitProcess {
  let role: String
  let control: String
  /// Words before the program's own, as `ip netns exec NAME`.
  var prefix: [String] = []
  private let folder: String
  private var process: Process?

  init(role: String, folder: String) {
    self.role = role
    self.folder = folder
    control = folder + "/\(role).control"
  }

  /// The program, beside the test bundle.
  static let program: String? = {
    var folder = URL(fileURLWithPath: Posix.ownProgram).deletingLastPathComponent()
    if Posix.ownProgram.isEmpty || !Posix.ownProgram.contains(".xctest") {
      folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    }
    for _ in 0..<5 {
      let candidate = folder.appendingPathComponent("weir").path
      var isFolder: ObjCBool = false
      let exists = FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder)
      if exists, !isFolder.boolValue { return candidate }
      folder.deleteLastPathComponent()
    }
    return nil
  }()

  var pid: Int32? { process.map(\.processIdentifier) }
  var isRunning: Bool { process?.isRunning ?? false }
  /// What it said on standard error since its last start.
  var errors: String {
    (try? String(contentsOfFile: folder + "/\(role).err", encoding: .utf8)) ?? ""
  }

  /// Starts it by a configuration file of the folder, and does not wait.
  func launch(configuration: String? = nil) throws {
    guard let program = Self.program else { throw HouseProblem("`weir` is not beside the tests") }
    let words = prefix + [program, role, "--config", configuration ?? "\(folder)/\(role).yaml"]
    let child = Process()
    let path = folder + "/\(role).err"
    try "".write(toFile: path, atomically: false, encoding: .utf8)
    child.executableURL = URL(fileURLWithPath: words[0])
    child.arguments = Array(words.dropFirst())
    child.standardInput = FileHandle.nullDevice
    child.standardOutput = FileHandle.nullDevice
    child.standardError = FileHandle(forWritingAtPath: path)
    try child.run()
    process = child
  }

  /// Starts it and waits until its control socket answers.
  func start() async throws {
    try launch()
    let answered = try await eventually(within: 30) { (try? status()) != nil || !isRunning }
    guard answered, isRunning else {
      throw HouseProblem("the \(role) unit did not start: \(errors)")
    }
  }

  /// What `{"op":"status"}` answers on the control socket.
  func status() throws -> Fields {
    try ask(LineClient(path: control), #"{"op":"status"}"#, withinMs: 5000)
  }

  /// A counter of the status.
  func counter(_ name: String) throws -> Int {
    let counters = try status()["counters"] as? Fields
    guard let value = counters?[name] as? Int else { throw HouseProblem("no counter \(name)") }
    return value
  }

  /// How it ended, for a problem's text.
  var ending: String {
    guard let child = process, !child.isRunning else { return "not started, or still running" }
    let word = child.terminationReason == .exit ? "code" : "signal"
    return "\(word) \(child.terminationStatus), \(errors)"
  }

  func signal(_ number: Int32) {
    if let pid, isRunning { _ = Glibc.kill(pid, number) }
  }

  /// As a power cut does it: nothing is written, nobody is told.
  func kill() {
    signal(SIGKILL)
    for _ in 0..<10_000 where isAlive { Thread.sleep(forTimeInterval: 0.001) }
    process = nil
  }

  /// Asks it to end, so that its profile is written where coverage is measured, and kills it if it
  /// does not.
  func end() {
    signal(SIGTERM)
    for _ in 0..<3000 where isAlive { Thread.sleep(forTimeInterval: 0.001) }
    kill()
  }

  /// Whether the process still runs, as the kernel says: an ended one that nobody has asked about
  /// yet is a zombie.
  private var isAlive: Bool {
    guard let child = process, child.isRunning else { return false }
    let path = "/proc/\(child.processIdentifier)/stat"
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return false }
    let state = text.split(separator: ")").last?.first { $0 != " " }
    return state != "Z" && state != "X"
  }

  /// Waits for its end: the exit code, or a problem when a signal ended it or time passed.
  func exitCode(within seconds: Double = 30) async throws -> Int32 {
    guard let child = process else { throw HouseProblem("the \(role) unit was not started") }
    guard try await eventually(within: seconds, { !child.isRunning }) else {
      throw HouseProblem("the \(role) unit still runs after \(seconds) s")
    }
    process = nil
    guard child.terminationReason == .exit else {
      throw HouseProblem("the \(role) unit died of signal \(child.terminationStatus): \(errors)")
    }
    return child.terminationStatus
  }

  /// Asks it to end, and waits.
  func stop() async throws -> Int32 {
    signal(SIGTERM)
    return try await exitCode()
  }
}
