import Foundation
import Testing
import WeirChance

extension RealProgramTests {
  @Suite("Killed at any moment") struct CrashTests {
    /// Kills a run; WEIR_HOUSE_KILLS asks for more of them, a hundred matters each.
    private static let kills =
      ProcessInfo.processInfo.environment["WEIR_HOUSE_KILLS"].flatMap { Int($0) } ?? 20

    private func seed() -> UInt64 {
      let given = ProcessInfo.processInfo.environment["WEIR_HOUSE_SEED"].flatMap { UInt64($0) }
      let seed = given ?? UInt64.random(in: 0 ... .max)
      print("WEIR_HOUSE_SEED=\(seed)")
      return seed
    }

    /// Starts a killed unit again: seconds until it answers.
    private func restart(_ unit: UnitProcess) async throws -> Double {
      let begin = ContinuousClock.now
      try await unit.start()
      return (ContinuousClock.now - begin) / .seconds(1)
    }

    /// For whoever keeps figures; no test hangs on them.
    private func printTimes(of unit: String, _ times: [Double]) {
      guard !times.isEmpty else { return }
      let sorted = times.sorted().map { String(format: "%.2f", $0) }
      print(
        "\(unit) unit, \(times.count) starts after a kill, s: min \(sorted[0]), median "
          + "\(sorted[times.count / 2]), max \(sorted[times.count - 1])")
    }

    /// Pauses up to so many milliseconds, so that the kill falls anywhere in what was asked.
    private func pause(upToMs most: UInt64, _ chance: inout Chance) {
      Thread.sleep(forTimeInterval: Double(chance.next(upperBound: most * 1000)) / 1_000_000)
    }

    @Test("no durable answer is lost however often the outer unit is killed")
    func outerUnitIsKilled() async throws {
      var chance = Chance(seed: seed())
      let house = try House()
      defer { house.close() }
      let desk = PlatformDesk(house)
      defer { desk.stop() }
      try await house.inner.start()
      try await house.outer.start()
      let load = try Load(Matter.mix(Self.kills * 100, tag: "k"), to: house.intake, window: 8)
      let last = UInt64(Self.kills * 95)
      var points = (0..<Self.kills).map { _ in Int(chance.next(upperBound: last)) }.sorted()
      var times: [Double] = []
      while !load.isDone {
        load.send()
        if let point = points.first, load.answered >= point {
          points.removeFirst()
          // Every other kill comes in the moment in which the first answer is here.
          if points.count % 2 == 0 { load.waitForAnswer() } else { pause(upToMs: 8, &chance) }
          house.outer.kill()
          // What it had answered before its end still counts.
          while !load.isGone { try load.receive() }
          times.append(try await restart(house.outer))
          try load.connect()
        }
        try load.receive()
      }
      printTimes(of: "outer", times)
      #expect(points.isEmpty)
      #expect(load.refusals.isEmpty)
      #expect(load.complaint.isEmpty)
      try await checkAnswers(load, house)

      let owned = try load.owned110()
      let equal = try await eventually(within: 60) { desk.handovers == owned }
      #expect(equal, "\(desk.handovers.symmetricDifference(owned).sorted().prefix(5))")
      #expect(desk.doubles.isEmpty)
      #expect(desk.names.allSatisfy { !$0.contains("conflict") })
    }

    /// Every answer is still true: its ref gets the same bytes, its handover bears its ref.
    private func checkAnswers(_ load: Load, _ house: House) async throws {
      let again = try load.resendAll()
      try await again.run()
      #expect(again.complaint.isEmpty)
      let handovers = try load.handovers().compactMap { $0 }
      #expect(Set(handovers).count == load.matters.count)
      let unreadable = try house.unreadable(load)
      #expect(unreadable.isEmpty, "\(unreadable.count): \(unreadable.prefix(3))")
    }

    @Test("nothing is delivered twice or left out when the inner unit is killed twenty times")
    func innerUnitIsKilled() async throws {
      var chance = Chance(seed: seed())
      let house = try House()
      defer { house.close() }
      let desk = PlatformDesk(house)
      defer { desk.stop() }
      try await house.inner.start()
      try await house.outer.start()
      var owned: Set<String> = []
      var times: [Double] = []
      for round in 0..<Self.kills {
        let load = try Load(Matter.mix(140, tag: "i\(round)"), to: house.intake)
        // Every other kill comes between a file's appearance and whatever follows it.
        if round % 2 == 0, let pid = house.inner.pid { desk.killAtNextDelivery(pid) }
        try await load.run()
        #expect(load.complaint.isEmpty)
        owned.formUnion(try load.owned110())
        pause(upToMs: 50, &chance)
        desk.forgetVictim()
        house.inner.kill()
        times.append(try await restart(house.inner))
      }
      printTimes(of: "inner", times)
      let equal = try await eventually(within: 60) { desk.handovers == owned }
      #expect(equal, "\(desk.handovers.symmetricDifference(owned).sorted().prefix(5))")
      // A revision that comes again comes as a repeat over the link: a while after all are here.
      try await Task.sleep(for: .seconds(2))
      #expect(desk.doubles.isEmpty)
      #expect(desk.names.allSatisfy { !$0.contains("conflict") })
    }
  }
}
