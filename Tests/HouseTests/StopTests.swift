import Foundation
import Glibc
import Testing

extension RealProgramTests {
  @Suite("Stopping and signals") struct StopTests {
    @Test("a stop under load ends with 0, and every durable answer is there at the next start")
    func stopUnderLoad() async throws {
      let house = try House()
      defer { house.close() }
      try await house.outer.start()
      let load = try Load(Matter.mix(20_000, tag: "s"), to: house.intake)
      while load.answered < 2000 {
        load.send()
        try load.receive()
      }
      load.send()
      house.outer.signal(SIGTERM)
      for _ in 0..<20_000 where !load.isBroken && !load.isDone {
        load.send()
        try load.receive()
      }
      #expect(try await house.outer.exitCode() == 0)
      let durable = load.answers.compactMap { $0 }.count
      print("stopped after \(durable) durable answers, refusals \(load.refusals)")
      #expect(durable < 20_000)
      #expect(load.complaint.isEmpty)
      #expect(load.refusals.keys.allSatisfy { $0 == "stopping" })
      // A refusal for stopping says what to do instead.
      #expect(load.refused.values.allSatisfy { $0["dial"] is String && $0["say"] is [Any] })
      try await house.outer.start()
      let unreadable = try house.unreadable(load)
      #expect(unreadable.isEmpty, "\(unreadable.count): \(unreadable.prefix(3))")
      #expect(try await house.outer.stop() == 0)
    }

    @Test("a renamed log ends with a whole line, and the log goes on under its own name")
    func logIsReopened() async throws {
      let house = try House()
      defer { house.close() }
      try await house.outer.start()
      let load = try Load(Matter.mix(3000, tag: "l"), to: house.intake)
      while load.answered < 1000 {
        load.send()
        try load.receive()
      }
      let log = house.folder + "/outer.log"
      try FileManager.default.moveItem(atPath: log, toPath: log + ".1")
      house.outer.signal(SIGHUP)
      try await load.run()
      let isThere = try await eventually(within: 20) {
        (try? house.text(of: "outer.log").contains("logReopened")) == true
      }
      #expect(isThere)
      #expect(try await house.outer.stop() == 0)
      var intakes = 0
      for name in ["outer.log.1", "outer.log"] {
        let text = try house.text(of: name)
        #expect(text.hasSuffix("\n"), "\(name) ends with a whole line")
        for line in text.split(separator: "\n") {
          let action = try fields(String(line))["event.action"] as? String
          if action == "intake" { intakes += 1 }
        }
      }
      #expect(intakes == 3000, "no line is lost between the two files")
    }
  }
}
