import Foundation
import Testing

@Suite struct StormTests {
  /// How many seeds, and from which on: a whole list in CI, a short one in every test run.
  private static let count =
    Int(ProcessInfo.processInfo.environment["WEIR_STORM_SEEDS"] ?? "") ?? 20
  private static let first =
    UInt64(ProcessInfo.processInfo.environment["WEIR_STORM_FIRST"] ?? "") ?? 0
  private static let seedsPerRow = 10

  private static func storm(_ seed: UInt64, steps: Int = 120) throws -> Storm {
    let storm = try Storm(seed: seed)
    try storm.run(steps: steps)
    try storm.judge()
    return storm
  }

  @Test(
    "after any storm the promises hold: see the oracles in StormJudge and StormHistory",
    arguments: 0..<(count + seedsPerRow - 1) / seedsPerRow)
  func storm(row: Int) throws {
    let began = ContinuousClock.now
    let seeds = Self.first + UInt64(row * Self.seedsPerRow)
    let last = min(seeds + UInt64(Self.seedsPerRow), Self.first + UInt64(Self.count))
    var simulated: UInt64 = 0
    for seed in seeds..<last {
      do {
        let storm = try Self.storm(seed)
        simulated += storm.simulatedMs
        if !storm.wrong.isEmpty { Issue.record("\(try storm.story())") }
      } catch {
        Issue.record("seed \(seed): \(error)")
      }
    }
    let took = (ContinuousClock.now - began) / .seconds(1)
    let hours = Double(simulated) / 3_600_000
    print(
      "storm: seeds \(seeds)..<\(last) held:",
      String(format: "%.1f hours in %.1f s, %.1f hours a second", hours, took, hours / took))
  }

  @Test("one seed run twice gives the same bytes", arguments: [3, 25, 77] as [UInt64])
  func sameSeed(seed: UInt64) throws {
    let runs = try (0..<2).map { _ in try Self.storm(seed).digest }
    #expect(runs[0] == runs[1])
  }
}
