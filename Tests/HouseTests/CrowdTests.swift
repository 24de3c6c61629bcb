import Foundation
import Testing
import WeirCore

extension RealProgramTests {
  @Suite("Slow clients and many of them") struct CrowdTests {
    @Test("a client that never reads and one that never speaks hold up nobody else")
    func slowClientHarmsNobody() async throws {
      let house = try House()
      defer { house.close() }
      try await house.outer.start()
      let silent = try house.client()
      let half = try house.client()
      _ = Posix.send(Array(#"{"op":"#.utf8), on: half.fileDescriptor)
      let slow = try house.client()
      var sent = 0
      for index in 0..<100_000 {
        let line = Array(Matter(ref: "slow\(index)", facts: ["crime"]).line.utf8) + [10]
        let count = Posix.send(line, on: slow.fileDescriptor, waits: false)
        if count < line.count { break }
        sent += 1
      }
      #expect(sent < 100_000, "a client that does not read its answers is not read")
      let good = try house.client()
      var slowest = Duration.zero
      for index in 0..<50 {
        let began = ContinuousClock.now
        let answer = try ask(good, Matter(ref: "good\(index)", facts: ["crime"]).line)
        slowest = max(slowest, ContinuousClock.now - began)
        #expect(answer["durable"] as? Bool == true)
      }
      print("beside a slow client that sent \(sent), the slowest answer took \(slowest)")
      #expect(slowest < .seconds(3))
      let answer = try ask(silent, Matter(ref: "silent", facts: ["crime"]).line)
      #expect(answer["durable"] as? Bool == true, "who was silent may still speak")
      // Everything that the slow client sent whole is answered when it reads at last.
      for index in 0..<sent {
        let line = try fields(try #require(try slow.receive(timeoutMs: 20_000)))
        guard line["ref"] as? String == "slow\(index)" else {
          Issue.record("out of order at \(index): \(line)")
          break
        }
      }
      #expect(try await house.outer.stop() == 0)
    }

    @Test(
      "a connection over the thousand and twenty-four is told so and closed; the others work",
      .enabled(if: Posix.allowFiles(4096), "this user may not open 4096 files"))
    func tooManyConnections() async throws {
      let house = try House()
      defer { house.close() }
      try await house.outer.start()
      // The connections of the start's own questions may still be on their way out.
      #expect(try await eventually(within: 10) { try house.outer.counter("connections") == 1 })
      var clients: [LineClient] = []
      for _ in 0..<1100 { clients.append(try house.client()) }
      var turnedAway = 0
      for client in clients.suffix(76) {
        let line = try client.receive(timeoutMs: 20_000)
        let error = try fields(line ?? "{}")["error"] as? Fields
        if error?["code"] as? String == "overloaded", try client.receive() == nil {
          turnedAway += 1
        }
      }
      #expect(turnedAway == 76)
      for (index, client) in clients.prefix(1024).enumerated() {
        try client.send(Matter(ref: "c\(index)", facts: ["crime"]).line)
      }
      var served = 0
      for client in clients.prefix(1024) {
        let line = try client.receive(timeoutMs: 20_000)
        if try fields(line ?? "{}")["durable"] as? Bool == true { served += 1 }
      }
      #expect(served == 1024)
      clients.removeAll()
      #expect(try await eventually(within: 20) { (try? house.outer.status()) != nil })
      #expect(try await house.outer.stop() == 0)
    }
  }
}
