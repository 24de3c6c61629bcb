import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Testing
import WeirPolicy

/// What a unit is at when the world begins to count down.
enum Phase: CaseIterable, CustomTestStringConvertible {
  case start, intake, rotation, recovery, reload, ferry, deadlines, stop

  var testDescription: String { "\(self)" }

  var options: House.Options {
    var options = House.Options(link: self == .ferry)
    options.ferry = self == .ferry
    options.secondReports = self == .deadlines
    if self == .reload { options.policies = [.embedded, Self.renamed] }
    return options
  }

  /// The notice under another version.
  private static let renamed: Policy = {
    let old = "version: \(Policy.embedded.version)"
    let yaml = Policy.embeddedSource.replacing(old, with: "version: other/1")
    guard let policy = try? Policy(yaml: yaml, file: "other.yaml") else { return .embedded }
    return policy
  }()
}

/// Countdown faults, phase by phase: at each the n-th call into the world fails, for n = 0, 1, 2 …
/// until a run survives.
@Suite struct CountdownPhaseTests {
  /// A unit with a client, and what it was durably answered.
  private final class Run {
    let house: House
    var client: UInt32?
    var durable: [(line: String, answer: Line)] = []

    init(_ phase: Phase) throws { house = try House(phase.options) }

    var isRunning: Bool { house.unit != nil && house.failed == .ok }

    func open() { client = house.open() == .ok ? house.connectIfOpen() : nil }

    func ask(_ lines: [String]) {
      guard let client, isRunning else { return }
      for line in lines { house.send(client, line) }
      house.pump()
      for answer in house.receive(client) where answer.isDurable {
        guard let line = lines.first(where: { $0.contains("\"ref\":\"\(answer.ref ?? "-")\"") })
        else { continue }
        durable.append((line, answer))
      }
    }

    func intakes(_ count: Int, tag: String, more: String = "") {
      ask(
        (0..<count).map { index in
          Ask.intake("\(tag)\(index)", index % 2 == 0 ? ["dangerToLife"] : ["crime"], more: more)
        })
    }
  }

  /// Six kilobytes, of which a segment of 256 KiB holds some forty.
  private static let long = ",\"text\":\"\(String(repeating: "满", count: 1990))\""

  /// What went well before the countdown begins.
  private func prepare(_ phase: Phase, _ run: Run) {
    if phase == .start { return }
    run.open()
    run.intakes(4, tag: "before")
    if phase == .rotation { run.intakes(38, tag: "fill", more: Self.long) }
    if phase == .recovery { run.house.crash() }
  }

  private func act(_ phase: Phase, _ run: Run) {
    switch phase {
    case .start, .recovery: run.open()
    case .intake: break
    case .rotation:
      for round in 0..<3 { run.intakes(2, tag: "long\(round)-", more: Self.long) }
    case .reload: if run.isRunning { run.house.changePolicy() }
    case .ferry: run.house.pass(1200, step: 100)
    case .deadlines: run.house.pass(61_000, step: 15_000)
    case .stop: if run.isRunning { _ = run.house.stop() }
    }
    for index in 0..<4 { run.intakes(1, tag: "after\(index)-") }
  }

  @Test(
    "in every phase, at whatever call the world fails, what was answered durable is there",
    arguments: Phase.allCases, Mishap.allCases)
  func phase(_ phase: Phase, _ mishap: Mishap) throws {
    var survived = false
    var n = 0
    while !survived {
      try #require(n < 2000)
      let run = try Run(phase)
      prepare(phase, run)
      mishap.arm(run.house, after: n)
      act(phase, run)
      survived = !Mishap.hasStruck(run.house)
      mishap.strike(run.house, seed: UInt64(n))
      try #require(run.house.open() == .ok, "n = \(n): \(run.house.problem)")
      let client = try run.house.connect()
      for (line, answer) in run.durable where phase != .rotation || !line.contains("fill") {
        #expect(try run.house.one(client, line) == answer, "n = \(n)")
      }
      #expect(JournalOracle(run.house).forgotten().isEmpty, "n = \(n)")
      n += 1
    }
    #expect(n > 2, "the phase is too short to mean anything")
  }
}
