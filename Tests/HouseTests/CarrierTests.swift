import Foundation
import Testing
import WeirCore

extension RealProgramTests {
  @Suite("Carriers and delivery") struct CarrierTests {
    /// What a reader of the delivery socket got over its lives.
    private final class Reader {
      let path: String
      private(set) var items: [Int: String] = [:]
      private(set) var taken = 0
      private(set) var wrong: [String] = []

      init(_ path: String) { self.path = path }

      /// Connects, takes what comes until it is quiet, and acknowledges a part.
      func read(acknowledging share: Double) throws {
        let client = try LineClient(path: path)
        try client.send(#"{"op":"take"}"#)
        var newest = 0
        while try client.hasLine(withinMs: 150), let line = try client.receive() {
          let all = try fields(line)
          guard let cursor = all["cursor"] as? Int else { continue }
          if cursor <= taken { wrong.append("acknowledged, and here again: \(cursor)") }
          if cursor <= newest { wrong.append("out of order: \(cursor)") }
          if let before = items[cursor], before != line { wrong.append("another: \(cursor)") }
          items[cursor] = line
          newest = cursor
        }
        let open = items.keys.filter { $0 > taken }.sorted()
        guard !open.isEmpty, share > 0 else { return }
        let cursor = open[min(open.count - 1, Int(Double(open.count) * share))]
        let answer = try ask(client, #"{"op":"taken","after":\#(cursor)}"#)
        if answer["taken"] as? Int == cursor { taken = cursor }
      }

      var handovers: Set<String> {
        Set(
          items.values.compactMap { line in
            let item = (try? fields(line))?["item"] as? Fields
            return item?["kind"] as? String == "matter" ? item?["handover"] as? String : nil
          })
      }

      /// Handover and revision, more than once under different cursors.
      var doubles: Int {
        let names = items.values.compactMap { line -> String? in
          guard let item = (try? fields(line))?["item"] as? Fields,
            let handover = item["handover"] as? String, let revision = item["revision"] as? Int
          else { return nil }
          return "\(handover)-r\(revision)"
        }
        return names.count - Set(names).count
      }
    }

    @Test("an address that the kernel refuses: the status and the log say so, and no copy is told")
    func refusedByTheKernel() async throws {
      let house = try House()
      defer { house.close() }
      try house.configure(sendTo: "255.255.255.255:7112")  // a broadcast, which nobody asked for
      try await house.outer.start()
      let answer = try ask(house.client(), Matter(ref: "a", facts: ["dangerToLife"]).line)
      let number = try #require(answer["handover"] as? String)
      let isStuck = try await eventually(within: 10) {
        (try house.outer.status()["link"] as? Fields)?["state"] as? String == "stuck"
      }
      #expect(isStuck)
      let said = try house.run("status", config: "outer.yaml").output
      #expect(said.contains("nothing leaves by udp: ") && said.contains("linkStuck"), "\(said)")
      let whole = try ask(house.client(), #"{"op":"get","handover":"\#(number)"}"#)
      let legs = (whole["record"] as? Fields)?["legs"] as? Fields
      let data = legs?["data"] as? Fields
      #expect(data?["state"] as? String == "queued" && data?["copies"] == nil, "\(whole)")
      let begun = try house.text(of: "outer.log").split(separator: "\n")
        .filter { $0.contains("alarmBegan") && $0.contains("linkStuck") }
      #expect(begun.count == 1)
      #expect(try await house.outer.stop() == 0)
    }

    @Test("a reader of the socket has every item once, however often the inner unit is killed")
    func socketIsKilled() async throws {
      let house = try House()
      defer { house.close() }
      house.delivery = "socket: \(house.folder)/items.sock"
      try house.configure(sendTo: "127.0.0.1:\(house.port)")
      try await house.inner.start()
      try await house.outer.start()
      let reader = Reader(house.folder + "/items.sock")
      var owned: Set<String> = []
      for round in 0..<6 {
        let load = try Load(Matter.mix(40, tag: "s\(round)"), to: house.intake)
        try await load.run()
        owned.formUnion(try load.owned110())
        if round % 3 != 2 { try reader.read(acknowledging: round % 2 == 0 ? 0.5 : 0) }
        house.inner.kill()
        try await house.inner.start()
      }
      let equal = try await eventually(within: 30) {
        try reader.read(acknowledging: 1)
        return reader.handovers == owned
      }
      #expect(equal, "\(reader.handovers.symmetricDifference(owned).sorted().prefix(5))")
      #expect(reader.wrong.isEmpty, "\(reader.wrong.prefix(5))")
      #expect(reader.doubles == 0)
    }

    @Test("each unit reports its own matters, and none of the other's")
    func reportsApart() async throws {
      let house = try House()
      defer { house.close() }
      try await house.inner.start()
      try await house.outer.start()
      let outer = try house.fail("o", facts: ["dangerToLife"], at: house.intake)
      let inner = try house.fail(
        "i", facts: ["dangerToLife", "medicalOnly"], platform: "110",
        at: house.folder + "/inner.sock")
      for (sub, id, handover) in [
        ("reports", "kd1-R000001", outer), ("inner-reports", "in1-R000001", inner),
      ] {
        let written = try await eventually(within: 20) {
          try house.names(in: sub).contains(id + ".txt")
        }
        #expect(written, "\(sub)")
        let report = try fields(house.text(of: "\(sub)/\(id).json"))
        let matters = report["matters"] as? [Fields]
        #expect(matters?.map { $0["handover"] as? String } == [handover])
      }
      // The outer unit's matter is inside by now, with what happened to it.
      let arrived = try await eventually(within: 20) {
        try house.names(in: "in").contains { $0.hasPrefix(outer) && !$0.hasSuffix("-r1.json") }
      }
      #expect(arrived)
      #expect(try house.names(in: "inner-reports") == ["in1-R000001.json", "in1-R000001.txt"])
    }

    @Test("by ferry alone, through one directory, and by disc: everything arrives")
    func ferryAndDisc() async throws {
      let house = try House()
      defer { house.close() }
      let ferry = house.folder + "/ferry"
      try FileManager.default.createDirectory(atPath: ferry, withIntermediateDirectories: true)
      house.carrier = "carrier: ferry, ferry: \(ferry), "
      try house.configure(sendTo: "127.0.0.1:\(house.port)")
      let desk = PlatformDesk(house)
      defer { desk.stop() }
      try await house.outer.start()
      let load = try Load(Matter.mix(100, tag: "f"), to: house.intake)
      try await load.run()
      let owned = try load.owned110()
      // A disc first, while no inner unit runs.
      let disc = house.folder + "/disc.weir"
      let answer = try ask(
        LineClient(path: house.outer.control),
        #"{"op":"export","range":"1-1000","path":"\#(disc)","by":"甲","second":"乙"}"#)
      #expect(answer["export"] as? Int == 1)
      let exported = try await eventually(within: 10) {
        (try house.outer.status()["export"] as? Fields)?["state"] as? String == "done"
      }
      #expect(exported && FileManager.default.fileExists(atPath: disc))
      try await house.inner.start()
      let equal = try await eventually(within: 30) { desk.handovers == owned }
      #expect(equal, "\(desk.handovers.symmetricDifference(owned).sorted().prefix(5))")
      let taken = try ask(
        LineClient(path: house.inner.control), #"{"op":"import","path":"\#(disc)","by":"丙"}"#)
      #expect(taken["import"] as? Int == 1)
      let imported = try await eventually(within: 10) {
        (try house.inner.status()["import"] as? Fields)?["state"] as? String == "done"
      }
      #expect(imported)
      #expect(desk.doubles.isEmpty)
      #expect(try house.outer.counter("ferryFailed") == 0)
    }
  }
}
