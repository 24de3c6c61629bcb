import ArgumentParser
import CWeirBenchmarks
import Foundation
import WeirConfiguration
import WeirCore

/// Where a scenario plays: two units, and the places by which they are reached.
struct Stage {
  /// The outer unit's name, its data folder and its sockets.
  let outer: String
  let data: String
  let intake: String
  let outerControl: String
  let innerControl: String
  /// Where the inner unit delivers; one of the two is set.
  let deliverySocket: String?
  let deliveryDirectory: String?
  /// The units that were started for it; nil: they run already, and take drills only.
  let pair: Pair?

  var isOurs: Bool { pair != nil }

  /// Two units that run already.
  ///
  /// - Parameters:
  ///   - outer: the outer unit's configuration file.
  ///   - inner: the inner unit's, on the same machine.
  init(outer: String, inner: String) throws {
    let out = try Self.read(outer)
    let into = try Self.read(inner)
    guard let socket = out.intake.socket, let control = out.control,
      let innerControl = into.control, out.role == .outer, into.role == .inner
    else { throw Trouble("it takes an outer unit with intake.socket, and control on both") }
    guard let directory = into.delivery?.directory else {
      throw Trouble("\(inner): only delivery.directory can be watched beside the desk that uses it")
    }
    self.outer = out.name
    data = out.data
    intake = socket
    outerControl = control
    self.innerControl = innerControl
    deliverySocket = nil
    deliveryDirectory = directory
    pair = nil
    let status = try Control(outerControl).status()
    guard (status["drill"] as? [String: Any])?["open"] as? Bool == true else {
      throw Trouble(
        "a running unit takes a load only as drills: open a window first, "
          + "`weir drill open --for 1h --by NAME --config \(outer)`")
    }
  }

  /// Two units that were started for it.
  init(_ pair: Pair) {
    outer = Pair.outerName
    data = pair.folder.path + "/outer"
    intake = pair.intake
    outerControl = pair.outerControl
    innerControl = pair.innerControl
    deliverySocket = pair.delivery == .socket ? pair.deliverySocket : nil
    deliveryDirectory = pair.delivery == .directory ? pair.deliveryDirectory : nil
    self.pair = pair
  }

  private static func read(_ file: String) throws -> UnitConfiguration {
    let (configuration, problems) = Configuration.read(file: file)
    guard let configuration else {
      throw Trouble(problems.map { "\($0)" }.joined(separator: "\n"))
    }
    return configuration
  }
}

/// One question at a time to a unit's control socket.
final class Control {
  private let client: LineClient

  init(_ path: String) throws { client = try LineClient(path: path) }

  func ask(_ line: String) throws -> [String: Any] {
    try client.send(line)
    guard let answer = try client.receive(timeoutMs: 20_000),
      let fields = try JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [String: Any]
    else { throw Trouble("no answer on the control socket") }
    return fields
  }

  func status() throws -> [String: Any] { try ask(#"{"op":"status"}"#) }
}

/// A real outer and a real inner unit over loopback, in a temporary folder.
final class Pair {
  enum Delivery: String, CaseIterable, ExpressibleByArgument { case socket, directory }

  static let outerName = "kd1"

  let folder: Folder
  let delivery: Delivery
  private(set) var outer: Child
  private(set) var inner: Child
  /// What the link's datagrams pass through; nil: they go straight to the inner unit.
  let relay: Relay?

  var intake: String { folder.path + "/intake.sock" }
  var outerControl: String { folder.path + "/outer.control" }
  var innerControl: String { folder.path + "/inner.control" }
  var deliverySocket: String { folder.path + "/delivery.sock" }
  var deliveryDirectory: String { folder.path + "/delivered" }

  /// - Parameters:
  ///   - parent: where the folder is made; nil: the system's temporary one.
  ///   - rate: of the link, as the configuration file has it.
  ///   - snapshot: records after which the outer unit's next one is due.
  ///   - relayed: whether the link can be cut.
  ///   - keep: whether journals and logs stay.
  init(
    in parent: String?, delivery: Delivery, rate: String, snapshot: UInt64, relayed: Bool = false,
    keep: Bool = false
  ) throws {
    folder = try Folder("pair", in: parent, keep: keep)
    self.delivery = delivery
    let port = try Discard().port
    relay = relayed ? try Relay(to: port) : nil
    let path = folder.path
    for sub in ["outer", "inner", "reports", "delivered"] {
      try FileManager.default.createDirectory(
        atPath: "\(path)/\(sub)", withIntermediateDirectories: false,
        attributes: [.posixPermissions: 0o700])
    }
    let hex = (0..<32).map { _ in String(format: "%02x", UInt8.random(in: 0...255)) }.joined()
    try folder.write("1 aes-256-gcm \(hex)\n", to: "link.key")
    try folder.write(
      """
      unit: outer
      name: \(Self.outerName)
      data: \(path)/outer
      intake: { socket: \(path)/intake.sock, supervisors: [S01] }
      link: { send: [127.0.0.1:\(relay?.port ?? port)], key: \(path)/link.key, rate: \(rate) }
      report: { directory: \(path)/reports }
      limits: { snapshot: \(snapshot) }
      log: { file: \(path)/outer.log }
      control: \(path)/outer.control
      """, to: "outer.yaml")
    let place =
      delivery == .socket ? "socket: \(path)/delivery.sock" : "directory: \(path)/delivered"
    try folder.write(
      """
      unit: inner
      name: in1
      data: \(path)/inner
      intake: { socket: \(path)/inner.sock }
      link: { listen: [127.0.0.1:\(port)], key: \(path)/link.key }
      delivery: { \(place) }
      log: { file: \(path)/inner.log }
      control: \(path)/inner.control
      """, to: "inner.yaml")
    let program = try Programs.weir()
    let files = ["inner", "outer"].map { [$0, "--config", "\(path)/\($0).yaml"] }
    inner = try Child(program, files[0], in: folder, as: "inner")
    outer = try Child(program, files[1], in: folder, as: "outer")
    let (intake, control) = (intake, innerControl)
    try inner.wait { (try? LineClient(path: control)) != nil }
    try outer.wait { (try? LineClient(path: intake)) != nil }
  }

  /// CPU time of both so far, seconds.
  var cpuSeconds: (outer: Double, inner: Double) {
    (outer.cpuSeconds ?? 0, inner.cpuSeconds ?? 0)
  }
}
