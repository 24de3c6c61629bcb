import ArgumentParser
import CWeirRooms
import Foundation
import WeirHandover
import WeirModel
import WeirPolicy

/// `Benchmarks rooms`: every operation of a message's way by itself.
struct RoomsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rooms",
    abstract: "Each C room and Swift module of the path by itself, nanoseconds an operation.",
    discussion: """
      No disk, no socket, no thread. Instructions of the C rooms are counted by \
      `.ci/run thresholds`.
      """)

  @OptionGroup var output: OutputOptions
  @Option(help: "Only those whose name begins so.") var only = ""
  @Option(help: "Deadlines armed at once, for the bytes of one.") var deadlines: UInt32 = 10_000_000

  func run() throws {
    let folder = try Folder("rooms")
    let rooms = Self.rooms(in: folder).filter { $0.name.hasPrefix(only) }
    let table = Table(json: output.json)
    for room in rooms { table.add(try room.measure(runs: output.runs)) }
    guard "wheel_bytes".hasPrefix(only) else { return }
    var bytes = Figure(name: "wheel_bytes, of \(deadlines)", unit: "bytes", values: [])
    bytes.values = (0..<output.runs).map { _ in weir_rooms_deadline_bytes(deadlines) }
    bytes.goal = (32, false)
    table.add(bytes)
  }

  private static func rooms(in folder: Folder) -> [Room] {
    var rooms: [Room] = []
    var trial = weir_room_trials()
    while let name = trial?.pointee.name, let core = trial {
      rooms.append(Room(name: String(cString: name), core: core, in: folder))
      trial = core + 1
    }
    let facts = PolicyBenchmark.facts(1 << 12)
    let happenings = Happenings(2048)
    rooms.append(
      Room(name: "policy_decide", goal: 30) { runPolicyDecide(.embedded, facts) })
    rooms.append(Room(name: "handover_step", goal: 1000) { runHandoverStep(happenings) })
    return rooms
  }
}

/// Decisions of the notice.
private func runPolicyDecide(_ policy: Policy, _ facts: [FactSet]) -> UInt64 {
  let circumstances = Circumstances(platform: .hotline, channel: .phone, county: 513_301)
  var sum = 0
  for set in facts { sum &+= Int(policy.decide(set, in: circumstances).rule) }
  precondition(sum != 0)
  return UInt64(facts.count)
}

/// Steps of the machine, all of which change a state.
private func runHandoverStep(_ happenings: Happenings) -> UInt64 {
  _ = happenings.nanoseconds(rounds: 1)
  return UInt64(happenings.turns.count)
}

/// One operation that is measured.
private struct Room {
  let name: String
  /// Nanoseconds that are asked for.
  let goal: Double?
  let open: () throws -> Void
  let before: () -> Void
  let run: () -> UInt64
  let close: () -> Void

  init(name: String, goal: Double? = nil, run: @escaping () -> UInt64) {
    self.name = name
    self.goal = goal
    self.run = run
    open = {}
    before = {}
    close = {}
  }

  init(name: String, core: UnsafePointer<weir_room_trial>, in folder: Folder) {
    let trial = core.pointee
    self.name = name
    goal = trial.goal_ns > 0 ? trial.goal_ns : nil
    open = {
      guard trial.open(folder.path) else { throw Trouble("\(name) cannot be prepared") }
    }
    before = { trial.before?() }
    run = { trial.run() }
    close = { trial.close() }
  }

  /// Nanoseconds of one operation: of each run the best of some, since what else runs on the
  /// machine only ever adds.
  func measure(runs: Int) throws -> Figure {
    var figure = Figure(name: name, unit: "ns", values: [])
    figure.goal = goal.map { ($0, false) }
    try open()
    defer { close() }
    for _ in 0..<runs {
      let times = (0..<16).map { _ in
        before()
        var operations: UInt64 = 0
        let time = ContinuousClock().measure { operations = run() }
        return time / .nanoseconds(1) / Double(max(1, operations))
      }
      figure.values.append(times.min() ?? 0)
    }
    return figure
  }
}
