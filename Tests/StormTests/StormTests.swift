import Foundation
import Synchronization
import Testing

/// Storms, as many as the environment says: `WEIR_STORM_SEEDS` of them from `WEIR_STORM_FIRST` on.
/// `WEIR_CANARY` names a fault that is built in on purpose (see Tests/Canaries.md): then the first
/// storm that fails is the last.
@Suite struct StormTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let count = Int(environment["WEIR_STORM_SEEDS"] ?? "") ?? 20
  private static let first = UInt64(environment["WEIR_STORM_FIRST"] ?? "") ?? 0
  private static let seedsPerRow = 10
  private static let isCaught = Mutex(false)

  private static func storm(_ seed: UInt64, steps: Int = 120) throws -> Storm {
    let storm = try Storm(seed: seed)
    try storm.run(steps: steps)
    try storm.judge()
    return storm
  }

  /// Nil when the seed's storm failed, which is then recorded.
  private static func held(_ seed: UInt64) -> Storm? {
    do {
      let storm = try Self.storm(seed)
      if storm.wrong.isEmpty { return storm }
      Issue.record("\(try storm.story())")
    } catch {
      Issue.record("seed \(seed): \(error)")
    }
    isCaught.withLock { $0 = environment["WEIR_CANARY"] != nil }
    return nil
  }

  @Test(
    "after any storm the promises hold: see the oracles in StormJudge and StormHistory",
    arguments: 0..<(count + seedsPerRow - 1) / seedsPerRow)
  func storm(row: Int) {
    let began = ContinuousClock.now
    let seeds = Self.first + UInt64(row * Self.seedsPerRow)
    let last = min(seeds + UInt64(Self.seedsPerRow), Self.first + UInt64(Self.count))
    var simulated: UInt64 = 0
    var digest: UInt64 = 0
    for seed in seeds..<last where !Self.isCaught.withLock({ $0 }) {
      guard let storm = Self.held(seed) else { continue }
      simulated += storm.simulatedMs
      digest = digest &* 31 &+ storm.digest
    }
    let took = (ContinuousClock.now - began) / .seconds(1)
    let hours = Double(simulated) / 3_600_000
    print(
      "storm: seeds \(seeds)..<\(last) digest \(String(digest, radix: 16)):",
      String(format: "%.1f hours in %.1f s, %.1f hours a second", hours, took, hours / took))
  }

  @Test("storms in which segments close compare what starts know")
  func comparesStarts() throws {
    let compared = try [2, 8, 9].map { try Self.storm($0).comparedStarts }
    #expect(compared.reduce(0, +) > 0, "\(compared)")
  }

  @Test("one seed run twice gives the same bytes", arguments: [3, 25, 77] as [UInt64])
  func sameSeed(seed: UInt64) throws {
    let runs = try (0..<2).map { _ in try Self.storm(seed).digest }
    #expect(runs[0] == runs[1])
  }
}
