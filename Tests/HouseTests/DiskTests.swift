import Foundation
import Testing
import WeirCore

extension RealProgramTests {
  @Suite("A full disk") struct DiskTests {
    /// Three segments of 16 MiB and what recovery copies fit; a fifth does not.
    private static let smallDisk = "80m"

    private func long(_ ref: String, _ facts: [String]) -> Matter {
      Matter(ref: ref, facts: facts, text: String(repeating: "满", count: 1990))
    }

    /// Submits matters in rounds until a round holds something other than durable answers.
    private func fill(
      _ house: House, _ tag: String, _ facts: [String], rounds: Int
    ) async throws -> [Load] {
      var loads: [Load] = []
      for round in 0..<rounds {
        let matters = (0..<400).map { long("\(tag)\(round)-\($0)", facts) }
        let load = try Load(matters, to: house.intake, window: 4)
        loads.append(load)
        for _ in 0..<100_000 where !load.isDone && !load.isGone {
          if !load.isBroken { load.send() }
          try load.receive()
        }
        if load.isBroken || !load.refusals.isEmpty { return loads }
      }
      throw HouseProblem("the disk did not become full in \(rounds * 400) matters")
    }

    @Test(
      "a full disk refuses what can wait, keeps room for danger, and then ends with 74",
      .enabled(if: Machine.canMount, "needs root and the right to mount"))
    func diskFillsUp() async throws {
      let disk = NSTemporaryDirectory() + "weir-disk-\(UInt32.random(in: 0 ... .max))"
      try FileManager.default.createDirectory(
        atPath: disk, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: disk) }
      let mounted = Machine.run(
        "mount", "-t", "tmpfs", "-o", "size=\(Self.smallDisk)", "tmpfs", disk)
      try #require(mounted.code == 0, "\(mounted.said)")
      defer { Machine.run("umount", "-l", disk) }
      let link = try UdpSocket()
      let house = try House(sendTo: link.port, data: disk + "/o")
      defer { house.close() }
      try await house.outer.start()

      let calm = try await fill(house, "n", ["nonUrgentRequest"], rounds: 100)
      let last = try #require(calm.last)
      #expect(!last.isBroken)
      #expect(Array(last.refusals.keys) == ["diskFull"])
      #expect(last.refused.values.allSatisfy { $0["dial"] is String && $0["say"] is [Any] })
      let danger = try ask(house.client(), long("danger", ["dangerToLife"]).line)
      #expect(danger["durable"] as? Bool == true, "danger still has its room")
      let disk0 = try house.outer.status()["disk"] as? Fields
      #expect(disk0?["state"] as? String == "reserveOnly")

      let grave = try await fill(house, "d", ["dangerToLife"], rounds: 100)
      try checkEnd(grave)
      #expect(try await house.outer.exitCode() == 74)
      #expect(house.outer.errors.contains("diskFailed"))
      #expect(house.outer.errors.contains(#""journalled":false"#))

      let grown = Machine.run("mount", "-o", "remount,size=400m", disk)
      try #require(grown.code == 0, "\(grown.said)")
      try await house.outer.start()
      #expect((calm + grave).allSatisfy { $0.complaint.isEmpty })
      let durable = (calm + grave).map { $0.answers.compactMap { $0 }.count }.reduce(0, +)
      let unreadable = try (calm + grave).flatMap { try house.unreadable($0) }
      print("\(durable) durable answers on a disk of \(Self.smallDisk), all there again")
      #expect(unreadable.isEmpty, "\(unreadable.count): \(unreadable.prefix(3))")
      #expect(try await house.outer.stop() == 0)
    }

    /// Requests in flight get `outcomeUnknown`, and every connection is told that the unit fails.
    private func checkEnd(_ loads: [Load]) throws {
      let last = try #require(loads.last)
      #expect(last.isBroken)
      #expect(Set(last.refusals.keys).isSubset(of: ["outcomeUnknown", "unitFailing"]))
      let failing = try last.strayLines.map(fields).filter { $0["op"] as? String == "failing" }
      #expect(failing.count == 4, "each of the four connections is told")
      #expect(failing.allSatisfy { $0["dial"] is String && $0["say"] is [Any] })
    }
  }
}
