import Foundation
import Testing

// The real program as processes of their own. One test after the other: each fills the machine.
@Suite("The real program", .serialized) struct RealProgramTests {}

extension RealProgramTests {
  @Suite("Traffic") struct TrafficTests {
    @Test("ten thousand matters are answered once each, and 110's are all delivered")
    func everyMatterIsAnsweredAndDelivered() async throws {
      let house = try House()
      defer { house.close() }
      try await house.inner.start()
      try await house.outer.start()
      let load = try Load(Matter.mix(10_000, tag: "t"), to: house.intake)
      let began = ContinuousClock.now
      try await load.run()
      print("10,000 matters were answered in \(ContinuousClock.now - began)")
      #expect(load.refusals.isEmpty)
      #expect(load.strayLines.isEmpty)
      #expect(load.complaint.isEmpty)

      let handovers = try load.handovers().compactMap { $0 }
      #expect(Set(handovers).count == 10_000)
      let serials = handovers.compactMap { $0.split(separator: "-").last.flatMap { Int($0) } }
      let days = Set(handovers.compactMap { $0.split(separator: "-").dropFirst().first })
      // Numbers are dense within a day; midnight may fall into the run.
      if days.count == 1 { #expect(Set(serials) == Set(1...10_000)) }
      #expect(try actions(load) == Self.everyAction)

      let owned = try load.owned110()
      let equal = try await eventually(within: 60) {
        Set(try house.names(in: "in").compactMap(handover(ofFile:))) == owned
      }
      print("\(owned.count) were delivered after \(ContinuousClock.now - began)")
      #expect(equal, "110's matters and the delivered files are the same set")
      #expect(try house.names(in: "in").allSatisfy { !$0.contains("conflict") })
    }

    static let everyAction: Set = [
      "transferByPhone", "transferOnline", "acceptHere", "explainAndGuide", "threeWayCall",
      "talk", "verifyWithDepartment", "dispatchFirst",
    ]

    private func actions(_ load: Load) throws -> Set<String> {
      Set(
        try load.answers.compactMap { $0 }.compactMap {
          (try fields($0)["decision"] as? Fields)?["action"] as? String
        })
    }
  }
}
