import Foundation
import Testing
import WeirCore

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

    @Test("intake over TCP answers as the socket does", arguments: ["127.0.0.1", "::1"])
    func tcp(host: String) async throws {
      let house = try House()
      defer { house.close() }
      let port = try UdpSocket.freePort()
      let address = host.contains(":") ? "\"[\(host)]:\(port)\"" : "\(host):\(port)"
      let text = try house.text(of: "outer.yaml")
      try house.write(
        text.replacing("intake.sock }", with: "intake.sock, tcp: \(address) }"), to: "outer.yaml")
      try await house.outer.start()
      let seat = try LineClient(host: host, port: port)
      let matter = Matter(ref: "tcp", facts: ["dangerToLife"])
      let answer = try ask(seat, matter.line)
      #expect(answer["durable"] as? Bool == true)
      let again = try ask(house.client(), matter.line)
      #expect(again["handover"] as? String == answer["handover"] as? String)
      // A supervisor's work is done over the control socket alone.
      let refused = try ask(seat, #"{"op":"drill","by":"S01"}"#)["error"] as? Fields
      #expect(refused?["code"] as? String == "notAllowed")
      let second = try Command.run(["outer", "--config", "outer.yaml"], in: house.folder)
      #expect(second.code != 0 && !second.complaint.isEmpty, "the port, or the journal, is taken")
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
