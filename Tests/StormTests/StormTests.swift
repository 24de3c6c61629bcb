import Testing

@Suite struct StormTests {
  private static let seedsPerRow: UInt64 = 25

  @Test(
    "after any storm: no durable answer lost, the latest of all delivered, nothing forgotten",
    arguments: UInt64(0)..<8)
  func storm(row: UInt64) throws {
    var delivered = 0
    for seed in row * Self.seedsPerRow..<(row + 1) * Self.seedsPerRow {
      let storm = try Storm(seed: seed)
      try storm.run(steps: 120)
      try storm.judge()
      #expect(storm.wrong.isEmpty, "seed \(seed)")
      delivered += storm.size.delivered
    }
    #expect(delivered > 1000, "a storm in which nothing happens proves nothing")
  }

  @Test("one seed run twice gives the same bytes of log", arguments: [3, 77] as [UInt64])
  func sameSeed(seed: UInt64) throws {
    let runs = try (0..<2).map { _ in
      let storm = try Storm(seed: seed)
      try storm.run(steps: 150)
      return (storm.pair.outer.logged, storm.pair.inner.logged)
    }
    #expect(runs[0].0.count > 10_000)
    #expect(runs[0].0 == runs[1].0 && runs[0].1 == runs[1].1)
  }
}
