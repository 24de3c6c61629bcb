import ArgumentParser
import Foundation
import WeirHandover
import WeirModel
import WeirPolicy

/// `Benchmarks handovers`: what an open handover holds in memory, and what an event costs.
struct HandoversCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "handovers",
    abstract: "Resident memory of so many handovers open at once, and the cost of an event.",
    discussion: """
      Brings matters of 110's into the real program over its socket and leaves them open: each is \
      in transfer, its minute runs, its record waits to be confirmed across the link, whose \
      datagrams nobody reads. Every run starts a new unit. A run counts only when no request was \
      refused and all of them are open at its end.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var unitOptions: UnitOptions

  @Option(help: "Handovers open at once.")
  var count = 1_000_000

  /// Bytes an open handover, and nanoseconds an event, that are asked for.
  private static let goals = (bytes: 512.0, nanoseconds: 1000.0)

  func validate() throws {
    guard (2...1_000_000).contains(count) else { throw ValidationError("2 to 1000000 handovers") }
  }

  func run() throws {
    let table = Table(json: output.json)
    var event = Figure(name: "an event, Machine.step", unit: "ns", values: [])
    event.goal = (Self.goals.nanoseconds, false)
    let happenings = Happenings(2048)
    for _ in 0..<output.runs { event.values.append(happenings.nanoseconds(rounds: 2000)) }
    table.add(event)
    table.note("\(happenings.turns.count) steps, all of which change a state: \(happenings.kinds)")
    try measureMemory(table)
  }

  private func measureMemory(_ table: Table) throws {
    var each = Figure(name: "an open handover, of all", unit: "bytes", values: [])
    each.goal = (Self.goals.bytes, false)
    var later = Figure(name: "an open handover, of the second half", unit: "bytes", values: [])
    var anonymous = Figure(name: "of all, not of files", unit: "bytes", values: [])
    var seconds = Figure(name: "until all were open", unit: "s", values: [])
    var idle = Figure(name: "the unit before the first", unit: "MiB", values: [])
    for _ in 0..<output.runs {
      let unit = try OuterUnit(in: unitOptions.directory)
      let requests = try Mix(Mix.police, bytes: unitOptions.bytes, tag: "H", follows: false)
      let begin = Date()
      let before = unit.child.memory
      let half = count / 2
      try bring(half, from: 0, requests, to: unit)
      let between = unit.child.memory
      try bring(count - half, from: half, requests, to: unit)
      let after = unit.child.memory
      let open = try unit.status("openHandovers")
      guard open == count else { throw Trouble("\(open) of \(count) handovers are open") }
      seconds.values.append(Date().timeIntervalSince(begin))
      idle.values.append(Double(before.resident) / 1_048_576)
      each.values.append(Double(after.resident - before.resident) / Double(count))
      later.values.append(Double(after.resident - between.resident) / Double(count - half))
      anonymous.values.append(Double(after.anonymous - before.anonymous) / Double(count))
    }
    [each, later, anonymous, seconds, idle].forEach(table.add)
    table.note("\(count) open at the end of every run")
  }

  private func bring(_ count: Int, from first: Int, _ requests: Mix, to unit: OuterUnit) throws {
    var load = Load(socket: unit.socket)
    load.window = 256
    load.first = UInt64(first)
    load.most = UInt64(count)
    let result = try load.run(requests)
    guard result.refused == 0 else { throw Trouble("refused: \(result.refusal)") }
  }
}

/// A mixed list of steps, the same on every run: intakes, updates, events and deadlines of matters
/// as they go, each with the state before it and the policy's decision.
struct Happenings {
  struct Turn {
    let before: Handover?
    let happening: Happening
    let decision: Decision
  }

  private(set) var turns: [Turn] = []
  private let timing = Timing()
  private var state: UInt64 = 38

  /// So many steps, of which each changes its state.
  init(_ count: Int) {
    while turns.count < count { walk(most: count) }
  }

  /// How many there are of each kind, for people.
  var kinds: String {
    Happening.Kind.allCases.map { kind in
      "\(turns.count { $0.happening.kind == kind }) \(kind)"
    }.joined(separator: ", ")
  }

  /// Time of one step; the loop allocates nothing.
  func nanoseconds(rounds: Int) -> Double {
    var changed = 0
    let time = ContinuousClock().measure {
      turns.withUnsafeBufferPointer { turns in
        for _ in 0..<rounds {
          for turn in turns {
            let outcome = Machine.step(
              turn.before, turn.happening, decision: turn.decision, timing: timing, role: .outer)
            if case .changed(let after, _, _) = outcome { changed &+= Int(after.revision) }
          }
        }
      }
    }
    precondition(changed >= rounds * turns.count)
    return time / .nanoseconds(1) / Double(rounds * turns.count)
  }

  /// One matter from its intake on, for twelve happenings at most.
  private mutating func walk(most: Int) {
    var now = Moment(boot: 5_000_000, wall: 1_795_400_000_000)
    var intake = Happening(kind: .intake, now: now)
    intake.facts = someFacts()
    intake.platform = chance(4) == 0 ? .police : .hotline
    intake.channel = chance(4) == 0 ? .internet : .phone
    intake.flags = [.seat]
    var matter = take(intake, nil)
    for _ in 0..<12 where turns.count < most {
      guard let before = matter else { return }
      let due = before.deadlineKind != .none && chance(4) == 0
      let moment = due ? before.deadline : now.advanced(by: Int64(chance(9000)))
      if moment.boot > now.boot { now = moment }
      let kind: Happening.Kind = due ? .deadline : chance(8) == 0 ? .update : .event
      var happening = Happening(kind: kind, now: now)
      if kind == .event { happening.event = EventKind.allCases[chance(EventKind.allCases.count)] }
      if kind == .update { happening.facts = someFacts() }
      happening.cause = .noAnswer
      happening.agreedOwner = .police
      happening.flags = [.bySupervisor, .reason, .reached]
      happening.party = .police
      matter = take(happening, before) ?? before
    }
  }

  /// The state after it; nil where it was refused, and then it is not kept.
  private mutating func take(_ happening: Happening, _ before: Handover?) -> Handover? {
    let facts = Machine.factsAfter(before, happening)
    let decision = Policy.embedded.decide(
      facts,
      in: Circumstances(
        platform: before?.platform ?? happening.platform,
        channel: before?.channel ?? happening.channel, county: 513_301))
    let outcome = Machine.step(
      before, happening, decision: decision, timing: timing, role: .outer)
    guard case .changed(let after, _, _) = outcome else { return nil }
    turns.append(Turn(before: before, happening: happening, decision: decision))
    return after
  }

  private mutating func someFacts() -> FactSet {
    var facts: FactSet = []
    for _ in 0...chance(2) { facts.insert(FactSet(Fact.allCases[chance(Fact.allCases.count)])) }
    return facts
  }

  private mutating func chance(_ of: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % of
  }
}
