import Foundation
import WeirCore

/// An outer unit whose journal was filled with a hotline's matters, to be started over and over.
final class GrownUnit {
  let unit: OuterUnit
  private let mix: Mix
  private var load: Load
  private var child: Child

  /// - Parameters:
  ///   - parent: where its folder is made; nil: the system's temporary one.
  ///   - bytes: of a request.
  ///   - snapshot: records after which a snapshot is made.
  init(in parent: String?, bytes: Int, snapshot: UInt64) throws {
    unit = try OuterUnit(in: parent, limits: "{ snapshot: \(snapshot) }")
    child = unit.child
    mix = try Mix(Mix.field, bytes: bytes, tag: "R")
    load = Load(socket: unit.socket)
    load.window = 256
  }

  /// Data on disk below a folder of the unit's, bytes.
  func bytes(in folder: String) -> Int {
    sizes(in: folder).reduce(0, +)
  }

  /// The newest snapshot's bytes.
  var snapshotBytes: Int { sizes(in: "snapshots").last ?? 0 }

  private func sizes(in folder: String) -> [Int] {
    let path = unit.folder.path + "/data/" + folder
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.sorted().compactMap {
      try? FileManager.default.attributesOfItem(atPath: path + "/" + $0)[.size] as? Int
    }
  }

  /// Resident memory of the running unit, bytes.
  var memory: Int { child.memory.resident }

  /// Brings matters until `isEnough`, so many at a time.
  ///
  /// - Returns: answers a second of the last portion.
  @discardableResult
  func fill(by portion: UInt64, until isEnough: (Known) -> Bool) throws -> Double {
    var last = 0.0
    while try !isEnough(Known(unit.control)) {
      load.most = portion
      let result = try load.run(mix)
      guard result.refused == 0 else { throw Trouble("refused: \(result.refusal)") }
      load.first += result.sent
      last = result.perSecond
    }
    return last
  }

  /// Waits until the snapshots that the load has made due are made.
  func waitForSnapshot() throws -> Known {
    var quietSince = Date()
    var covered = -1
    try child.wait(seconds: 600) {
      let now = (try? Known(unit.control).covered) ?? 0
      if now != covered { quietSince = Date() }
      covered = now
      return covered > 0 && Date().timeIntervalSince(quietSince) > 3
    }
    return try Known(unit.control)
  }

  func stop() { child.stop() }

  /// Not there when the last start was ended before it had made one.
  func removeSnapshots() {
    try? FileManager.default.removeItem(atPath: unit.folder.path + "/data/snapshots")
  }

  /// Starts the stopped unit; it then knows what it knew.
  ///
  /// - Returns: seconds until a client was connected, and the CPU's share of them.
  func start(_ known: Known) throws -> (seconds: Double, cpu: Double) {
    let begin = monotonicNs()
    child = try Child(
      Programs.weir(), ["outer", "--config", unit.folder.path + "/outer.yaml"], in: unit.folder)
    try child.wait(seconds: 600) { (try? LineClient(path: unit.socket)) != nil }
    let seconds = Double(monotonicNs() - begin) / 1e9
    let cpu = child.cpuSeconds ?? 0
    let now = try Known(unit.control)
    guard now.open == known.open, now.records >= known.records else {
      throw Trouble("after the start \(now), and before it \(known)")
    }
    return (seconds, cpu)
  }
}

/// What a unit says of itself.
struct Known {
  let records: Int
  let open: Int
  /// Records that its newest snapshot covers.
  let covered: Int

  init(_ control: String) throws {
    let status = try Control(control).status()
    guard let disk = status["disk"] as? [String: Any], let records = disk["records"] as? Int,
      let open = status["openHandovers"] as? Int
    else { throw Trouble("no status") }
    self.records = records
    self.open = open
    covered = disk["snapshot"] as? Int ?? 0
  }
}
