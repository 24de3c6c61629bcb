import Foundation
import WeirCore

/// A real outer unit in a temporary folder, its link's datagrams thrown away by the kernel.
final class OuterUnit {
  let folder: Folder
  let child: Child
  let allocations: Allocations
  private let discard: Discard

  var socket: String { folder.path + "/intake.sock" }
  var control: String { folder.path + "/control.sock" }
  var log: String { folder.path + "/weir.log" }

  /// - Parameters:
  ///   - parent: where the folder is made; nil: the system's temporary one.
  ///   - policy: the text of its policy file; nil: the embedded one.
  ///   - limits: the value of `limits`; nil: the defaults.
  init(in parent: String? = nil, policy: String? = nil, limits: String? = nil) throws {
    folder = try Folder("outer", in: parent)
    discard = try Discard()
    let hex = (0..<32).map { _ in String(format: "%02x", UInt8.random(in: 0...255)) }.joined()
    try folder.write("1 aes-256-gcm \(hex)\n", to: "link.key")
    let path = folder.path
    if let policy { try folder.write(policy, to: "policy.yaml") }
    try folder.write(
      """
      unit: outer
      name: kd1
      data: \(path)/data
      \(policy == nil ? "" : "policy: \(path)/policy.yaml")
      \(limits.map { "limits: \($0)" } ?? "")
      intake: { socket: \(path)/intake.sock, supervisors: [S01] }
      link: { send: [127.0.0.1:\(discard.port)], key: \(path)/link.key, rate: unlimited }
      report: { directory: \(path) }
      log: { file: \(path)/weir.log }
      control: \(path)/control.sock
      """, to: "outer.yaml")
    allocations = try Allocations(in: folder)
    child = try Child(
      Programs.weir(), ["outer", "--config", path + "/outer.yaml"], in: folder,
      environment: allocations.environment)
    let socket = socket
    try child.wait { (try? LineClient(path: socket)) != nil }
  }

  /// A number of the unit's `status`, by its path.
  func status(_ keys: String...) throws -> Int {
    var value = try Control(control).status()
    for key in keys.dropLast() { value = value[key] as? [String: Any] ?? [:] }
    guard let number = keys.last.flatMap({ value[$0] as? Int }) else {
      throw Trouble("no \(keys.joined(separator: ".")) in the status")
    }
    return number
  }
}
