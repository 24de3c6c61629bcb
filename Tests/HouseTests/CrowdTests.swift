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
      var clients = [try house.client()]
      try letTurns(pass: clients[0])
      for _ in 1..<1100 { clients.append(try house.client()) }
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

    /// The unit has several turns of its loop: connections that were on their way out, as those of
    /// the start's own questions, give their places free.
    private func letTurns(pass client: LineClient) throws {
      for _ in 0..<4 {
        #expect(try ask(client, #"{"op":"get","handover":"9-1"}"#)["error"] is Fields)
      }
    }

    /// Takes every place, and some more.
    private func fill(_ count: Int, at path: String, beside client: LineClient) throws
      -> [LineClient]
    {
      try letTurns(pass: client)
      return try (0..<count).map { _ in try LineClient(path: path) }
    }

    /// Connections beyond what fits: how many were told so, with the number to dial, and closed.
    private func crowd(_ count: Int, at path: String) throws -> Int {
      var turnedAway = 0
      for begin in stride(from: 0, to: count, by: 250) {
        let clients = try (begin..<min(begin + 250, count)).map { _ in try LineClient(path: path) }
        for client in clients {
          let line = try fields(try client.receive(timeoutMs: 20_000) ?? "{}")
          let error = line["error"] as? Fields
          guard error?["code"] as? String == "overloaded", line["dial"] is String,
            line["say"] is [Any], try client.receive(timeoutMs: 20_000) == nil
          else { continue }
          turnedAway += 1
        }
      }
      return turnedAway
    }

    @Test(
      "ten thousand connections over the limit are refused politely, and an older one is served",
      .enabled(if: Posix.allowFiles(4096), "this user may not open 4096 files"))
    func tenThousandConnections() async throws {
      let house = try House()
      defer { house.close() }
      try await house.outer.start()
      let old = try house.client()
      let handover = try ask(old, Matter(ref: "old", facts: ["dangerToLife"]).line)["handover"]
      let number = try #require(handover as? String)
      let crowding = try fill(1030, at: house.intake, beside: old)
      #expect(try crowd(10_000, at: house.intake) == 10_000)
      let answered = try ask(
        old, #"{"op":"event","handover":"\#(number)","event":"transferAnswered","by":"A07"}"#)
      #expect(answered["phase"] as? String == "transferred")
      let served = try ask(crowding[0], Matter(ref: "crowd", facts: ["crime"]).line)
      #expect(served["durable"] as? Bool == true)
      #expect(try await house.outer.stop() == 0)
    }

    @Test("a crowd of clients leaves the journal and the delivery their descriptors")
    func crowdLeavesDescriptors() async throws {
      let house = try House()
      defer { house.close() }
      for unit in [house.outer, house.inner] {
        unit.prefix = ["/bin/sh", "-c", "ulimit -n 128; exec \"$@\"", "sh"]
        try await unit.start()
      }
      let text = String(repeating: "满", count: 1990)
      let matters = (0..<3000).map {
        Matter(ref: "c\($0)", facts: ["nonUrgentRequest"], text: text)
      }
      let load = try Load(matters, to: house.intake)
      let old = try house.client()
      let inner = try LineClient(path: house.folder + "/inner.sock")
      var crowding: [LineClient] = []
      for (path, client) in [(house.intake, old), (house.folder + "/inner.sock", inner)] {
        crowding += try fill(128, at: path, beside: client)
        #expect(try crowd(200, at: path) == 200)
      }
      func segments() throws -> Int {
        try house.names(in: "o/journal").count { !$0.hasPrefix("reserve") }
      }
      let before = try segments()
      try await load.run()
      #expect(load.complaint.isEmpty && load.refusals.isEmpty)
      #expect(try segments() > before, "the journal went on in another segment")
      let danger = try ask(old, Matter(ref: "danger", facts: ["dangerToLife"]).line)
      #expect(danger["durable"] as? Bool == true)
      #expect(try await eventually(within: 20) { try house.names(in: "in").count == 1 })
      for unit in [house.outer, house.inner] { #expect(try await unit.stop() == 0) }
      #expect(try house.text(of: "outer.log").contains("connectionsLimited"))
    }

    @Test("a limit of open files that leaves no room for clients is refused at the start")
    func tooFewDescriptors() async throws {
      let house = try House()
      defer { house.close() }
      house.outer.prefix = ["/bin/sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"]
      try house.outer.launch()
      #expect(try await house.outer.exitCode() == 78)
      #expect(house.outer.errors.contains("the limit of open files (ulimit -n): 64 are too few"))
    }
  }
}
