import Foundation
import Testing
import WeirChance
import WeirCore
import WeirPolicy

extension RealProgramTests {
  @Suite("Garbage") struct GarbageTests {
    private static func line(_ text: String) -> [UInt8] { Array(text.utf8) + [10] }

    /// What strangers and broken clients send, and whether an answer must say what is wrong.
    private static func intakeGarbage() -> [(name: String, bytes: [UInt8], isAnswered: Bool)] {
      var chance = Chance(seed: 5)
      let deep = String(repeating: "[", count: 30_000)
      let nested =
        String(repeating: #"{"a":"#, count: 8000) + "1" + String(repeating: "}", count: 8000)
      return [
        ("random bytes", chance.bytes(200_000), false),
        ("a line of random bytes", chance.bytes(300).filter { $0 != 10 } + [10], true),
        ("zeros", Array(repeating: 0, count: 5000) + [10], true),
        (
          "bad UTF-8",
          Array(#"{"op":"intake","text":""#.utf8) + [0xff, 0xc0, 0x80, 0x22, 0x7d, 10], true
        ),
        ("a line of a mebibyte", Array(repeating: 0x61, count: 1 << 20) + [10], true),
        ("deep brackets", line(deep), true),
        ("deep objects", line(nested), true),
        ("an empty object", line("{}"), true),
        ("a number", line("17"), true),
        ("many line feeds", Array(repeating: 10, count: 1000), false),
        ("an unknown operation", line(#"{"op":"reboot","ref":"x"}"#), true),
        (
          "a text that is too long",
          line(Matter(ref: "l", facts: [], text: String(repeating: "长", count: 3000)).line), true
        ),
        ("half a line", Array(#"{"op":"intake","ref":"half","receivedBy":"123"#.utf8), true),
      ]
    }

    @Test("garbage on the intake is refused, and a good client beside it is served")
    func intakeTakesNoHarm() async throws {
      let house = try House()
      defer { house.close() }
      try await house.outer.start()
      let good = try house.client()
      for (index, garbage) in Self.intakeGarbage().enumerated() {
        let stranger = try house.client()
        _ = Posix.send(garbage.bytes, on: stranger.fileDescriptor)
        Posix.hangUp(stranger.fileDescriptor)
        if garbage.isAnswered {
          let code = try? code(stranger.receive(timeoutMs: 10_000))
          #expect(code != nil, "\(garbage.name)")
        }
        let answer = try ask(good, Matter(ref: "g\(index)", facts: ["crime"]).line)
        #expect(answer["durable"] as? Bool == true, "\(garbage.name)")
      }
      #expect(try house.outer.counter("intakes") == Self.intakeGarbage().count)
      #expect(try await house.outer.stop() == 0)
    }

    private func code(_ line: String?) throws -> String? {
      (try fields(line ?? "")["error"] as? Fields)?["code"] as? String
    }

    @Test("clients that are gone before their answers take nobody with them")
    func clientsThatAreGone() async throws {
      let house = try House()
      defer { house.close() }
      try await house.outer.start()
      var chance = Chance(seed: 11)
      for round in 0..<300 {
        let hasty = try house.client()
        let requests = (0..<Int.random(in: 1...40, using: &chance)).map {
          Matter(ref: "gone\(round)-\($0)", facts: []).line + "\n"
        }
        _ = Posix.send(Array(requests.joined().utf8), on: hasty.fileDescriptor)
      }
      let answer = try ask(house.client(), Matter(ref: "after", facts: ["crime"]).line)
      #expect(answer["durable"] as? Bool == true)
      #expect(try await house.outer.stop() == 0)
    }

    @Test("garbage on the link is dropped and counted, and good datagrams beside it are taken")
    func linkTakesNoHarm() async throws {
      let standIn = try UdpSocket()
      let house = try House(sendTo: standIn.port)
      defer { house.close() }
      try await house.outer.start()
      let owned = try ask(house.client(), Matter(ref: "c1", facts: ["dangerToLife"]).line)
      var captured: [[UInt8]] = []
      while captured.count < 12, let datagram = standIn.receive(withinMs: 5000) {
        captured.append(datagram)
      }
      try #require(captured.count == 12)
      try await house.inner.start()
      var chance = Chance(seed: 7)
      for size in [0, 1, 16, 47, 64, 200, 1400, 9000] {
        standIn.send(chance.bytes(size), to: house.port)
      }
      for datagram in captured.prefix(6) {
        standIn.send(Array(datagram.dropLast(1)), to: house.port)
        standIn.send(Array(datagram.prefix(20)), to: house.port)
        var flipped = datagram
        flipped[datagram.count / 2] ^= 1
        standIn.send(flipped, to: house.port)
      }
      let bad = ["datagramsMalformed", "datagramsForged", "datagramsUnknownKey"]
      let rejected = try await eventually(within: 20) {
        try bad.map { try house.inner.counter($0) }.reduce(0, +) >= 8 + 18
      }
      #expect(rejected, "every bad datagram is counted")
      #expect(try house.inner.counter("datagramsGood") == 0)

      for datagram in captured { standIn.send(datagram, to: house.port) }
      let name = "\(owned["handover"] as? String ?? "")-r1.json"
      #expect(try await eventually(within: 20) { try house.names(in: "in").contains(name) })
      for datagram in captured { standIn.send(datagram, to: house.port) }
      let replayed = try await eventually(within: 20) {
        try house.inner.counter("datagramsReplayed") >= captured.count
      }
      #expect(replayed, "every repeated datagram is counted")
      #expect(try house.inner.counter("delivered") == 1)
      #expect(try await house.inner.stop() == 0)
      #expect(try await house.outer.stop() == 0)
    }

    /// A file that is wrong, and what standard error must name.
    struct BadFile: CustomTestStringConvertible, Sendable {
      let name: String
      let file: String
      let text: String
      let code: Int32
      let names: [String]
      var testDescription: String { name }
    }

    static let badFiles = [
      BadFile(
        name: "a configuration that is no YAML", file: "outer.yaml", text: "unit: [outer\n",
        code: 78, names: ["outer.yaml:"]),
      BadFile(
        name: "a configuration of random bytes", file: "outer.yaml",
        text: String(decoding: [0x01, 0x02, 0xff, 0x00, 0x7f] as [UInt8], as: UTF8.self),
        code: 78, names: ["outer.yaml"]),
      BadFile(
        name: "an unknown key", file: "outer.yaml", text: "unit: outer\nname: kd1\ndate: /x\n",
        code: 78, names: ["outer.yaml:3:", "date"]),
      BadFile(
        name: "an empty configuration", file: "outer.yaml", text: "", code: 78,
        names: ["outer.yaml"]),
      BadFile(
        name: "a key file without a key", file: "link.key", text: "what is this\n", code: 78,
        names: ["link.key", "1"]),
      BadFile(
        name: "an empty key file", file: "link.key", text: "", code: 78, names: ["link.key"]),
      BadFile(
        name: "a policy that is no YAML", file: "policy.yaml", text: "version: {\n", code: 78,
        names: ["policy.yaml:"]),
      BadFile(
        name: "a policy with an unknown fact", file: "policy.yaml",
        text: Policy.embeddedSource.replacingOccurrences(of: "[crime]", with: "[krime]"),
        code: 78, names: ["policy.yaml:", "krime"]),
    ]

    @Test("a bad file ends the start with its code and names the place", arguments: badFiles)
    func badFileIsNamed(_ bad: BadFile) async throws {
      let house = try House(policy: Policy.embeddedSource)
      defer { house.close() }
      try house.write(bad.text, to: bad.file)
      try await expectEnd(house.outer, code: bad.code, names: bad.names)
    }

    /// The start fails with a code, not by a signal, and says where.
    private func expectEnd(_ unit: UnitProcess, code: Int32, names: [String]) async throws {
      try unit.launch()
      #expect(try await unit.exitCode() == code)
      let said = unit.errors
      #expect(!said.isEmpty)
      for name in names { #expect(said.contains(name), "\(said)") }
    }

    @Test("a unit whose reports cannot be written takes matters all the same, and says so")
    func missingReports() async throws {
      let house = try House()
      defer { house.close() }
      try FileManager.default.removeItem(atPath: house.folder + "/reports")
      try await house.outer.start()
      // Nothing waits for it: it may come after the first answer.
      _ = try await eventually(within: 20) { house.outer.errors.contains("mkdir -p") }
      let said = house.outer.errors
      #expect(said.contains("outer.yaml:6:22") && said.contains("report.directory"), "\(said)")
      #expect(said.contains("mkdir -p"), "\(said)")
      #expect(try await house.outer.stop() == 0)
    }

    @Test("a key file that others can read is refused")
    func openKeyFile() async throws {
      let house = try House()
      defer { house.close() }
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o644], ofItemAtPath: house.folder + "/link.key")
      try await expectEnd(house.outer, code: 78, names: ["link.key", "0600"])
    }

    @Test("a damaged journal ends the start with 74 and names the segment; nothing is changed")
    func damagedJournal() async throws {
      let house = try House()
      defer { house.close() }
      try await house.outer.start()
      try await Load(Matter.mix(200, tag: "j"), to: house.intake).run()
      #expect(try await house.outer.stop() == 0)
      let path = house.folder + "/o/journal"
      let segments = try FileManager.default.contentsOfDirectory(atPath: path)
        .filter { $0.hasSuffix(".wal") && !$0.hasPrefix("reserve") }.sorted()
      let file = "\(path)/\(try #require(segments.last))"
      let handle = try #require(FileHandle(forUpdatingAtPath: file))
      try handle.seek(toOffset: 9000)
      let old = try #require(try handle.read(upToCount: 16))
      try handle.seek(toOffset: 9000)
      try handle.write(contentsOf: Data(old.map { ~$0 }))
      try handle.close()
      let before = try Data(contentsOf: URL(fileURLWithPath: file))
      try await expectEnd(house.outer, code: 74, names: ["/o/journal", "segment", "offset"])
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
    }

    @Test("a journal of random bytes ends the start with 74")
    func journalOfRandomBytes() async throws {
      let house = try House()
      defer { house.close() }
      let path = house.folder + "/o/journal"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      var chance = Chance(seed: 3)
      for name in ["0000000001.wal", "0000000002.wal"] {
        try Data(chance.bytes(300_000)).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
      }
      try await expectEnd(house.outer, code: 74, names: ["/o/journal"])
    }
  }
}
