import Foundation
import Testing

extension RealProgramTests {
  @Suite("The receiver comes and goes") struct ReceiverTests {
    @Test(
      "started late, killed and started again, moved to another address: it catches up by itself")
    func catchesUp() async throws {
      let house = try House()
      defer { house.close() }
      let second = "127.0.0.2:\(house.port)"
      let both = "127.0.0.1:\(house.port), \(second)"
      try house.configure(sendTo: both)
      let desk = PlatformDesk(house)
      defer { desk.stop() }
      try await house.outer.start()
      var owned: Set<String> = []
      for round in ["late", "again", "moved"] {
        // While no inner unit runs.
        let load = try Load(Matter.mix(60, tag: round), to: house.intake)
        try await load.run()
        owned.formUnion(try load.owned110())
        if round == "moved" { try house.configure(sendTo: both, listen: second) }
        try await house.inner.start()
        let equal = try await eventually(within: 30) { desk.handovers == owned }
        #expect(
          equal, "\(round): \(desk.handovers.symmetricDifference(owned).sorted().prefix(5))")
        let inStep = try await eventually(within: 10) {
          "\(try house.inner.status())".contains("inStep")
        }
        #expect(inStep, "\(round)")
        house.inner.kill()
      }
      #expect(desk.doubles.isEmpty)
    }
  }
}
