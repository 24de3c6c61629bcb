import Foundation
import Glibc
import Testing

extension RealProgramTests {
  @Suite("One way") struct OneWayTests {
    /// Two network namespaces and one cable between them.
    private final class Cable {
      let outer: String
      let inner: String
      private let ip: String

      init() throws {
        guard let ip = Machine.path(of: "ip") else { throw HouseProblem("`ip` is not installed") }
        self.ip = ip
        let tag = String(UInt16.random(in: 0 ... .max), radix: 16)
        outer = "weir-\(tag)-o"
        inner = "weir-\(tag)-i"
      }

      var namespaceWords: (outer: [String], inner: [String]) {
        ([ip, "netns", "exec", outer], [ip, "netns", "exec", inner])
      }

      func lay() throws {
        try must(ip, "netns", "add", outer)
        try must(ip, "netns", "add", inner)
        for name in [outer, inner] {
          let quiet = "/proc/sys/net/ipv6/conf/default/disable_ipv6"
          Machine.run([ip, "netns", "exec", name, "sh", "-c", "echo 1 > \(quiet)"])
        }
        try must(
          ip, "-n", outer, "link", "add", "w0", "type", "veth", "peer", "name", "w1", "netns", inner
        )
        for (name, device, address) in [(outer, "w0", "198.18.0.1"), (inner, "w1", "198.18.0.2")] {
          try must(ip, "-n", name, "link", "set", device, "arp", "off")
          try must(ip, "-n", name, "address", "add", address + "/30", "dev", device)
          try must(ip, "-n", name, "link", "set", device, "up")
        }
        let address = Machine.run(
          ip, "netns", "exec", inner, "cat", "/sys/class/net/w1/address"
        ).said
        let hardware = address.trimmingCharacters(in: .whitespacesAndNewlines)
        try must(
          ip, "-n", outer, "neighbour", "replace", "198.18.0.2", "lladdr", hardware, "dev", "w0",
          "nud", "permanent")
      }

      private func must(_ words: String...) throws {
        let result = Machine.run(words)
        guard result.code == 0 else { throw HouseProblem("\(words): \(result.said)") }
      }

      /// Packets that left the inner side, received ones, of the cable's end.
      func packets(_ direction: String) -> Int? {
        let said = Machine.run(
          ip, "netns", "exec", inner, "cat", "/sys/class/net/w1/statistics/\(direction)_packets"
        ).said
        return Int(said.trimmingCharacters(in: .whitespacesAndNewlines))
      }

      /// Pulls the plug on the inner side, or puts it in.
      func plug(_ isIn: Bool) throws {
        try must(ip, "-n", inner, "link", "set", "w1", isIn ? "up" : "down")
      }

      func cut() {
        Machine.run(ip, "netns", "del", outer)
        Machine.run(ip, "netns", "del", inner)
      }
    }

    /// Two units with the cable between them; neither runs yet.
    private func house(over cable: Cable) throws -> House {
      try cable.lay()
      let house = try House()
      try house.configure(sendTo: "198.18.0.2:7112", listen: "198.18.0.2:7112")
      (house.outer.prefix, house.inner.prefix) = cable.namespaceWords
      return house
    }

    @Test(
      "matters cross to the inner unit, and not one packet leaves its side",
      .enabled(if: Machine.canMakeNetworks, "needs root and network namespaces"))
    func nothingReturns() async throws {
      let cable = try Cable()
      defer { cable.cut() }
      let house = try house(over: cable)
      defer { house.close() }
      #expect(cable.packets("tx") == 0)
      try await house.inner.start()
      try await house.outer.start()
      let load = try Load(Matter.mix(1400, tag: "w"), to: house.intake)
      try await load.run()
      let owned = try load.owned110()
      let equal = try await eventually(within: 60) {
        Set(try house.names(in: "in").compactMap(handover(ofFile:))) == owned
      }
      #expect(equal)
      // The sender ends first: to a port where nobody listens the kernel itself would answer.
      #expect(try await house.outer.stop() == 0)
      #expect(try house.inner.status()["state"] as? String == "running")
      let received = try #require(cable.packets("rx"))
      print("\(received) packets came in, \(cable.packets("tx") ?? -1) went out")
      #expect(received > 0)
      #expect(cable.packets("tx") == 0)
      #expect(try await house.inner.stop() == 0)
      #expect(try house.text(of: "inner.log").contains("oneWayProved"))
    }

    @Test(
      "a plug that is pulled: the outer unit says so, counts no copies, and goes on when it is in",
      .enabled(if: Machine.canMakeNetworks, "needs root and network namespaces"))
    func pulled() async throws {
      let cable = try Cable()
      defer { cable.cut() }
      let house = try house(over: cable)
      defer { house.close() }
      try await house.outer.start()
      func link() throws -> Fields { try house.outer.status()["link"] as? Fields ?? [:] }
      #expect(try link()["state"] as? String == "sending")
      try cable.plug(false)
      #expect(try await eventually(within: 10) { try link()["state"] as? String == "stuck" })
      #expect(try link()["why"] as? String == "no carrier on w0")
      let answer = try ask(house.client(), Matter(ref: "a", facts: ["dangerToLife"]).line)
      let number = try #require(answer["handover"] as? String)
      try await Task.sleep(for: .seconds(1))
      func copies() throws -> Int {
        let whole = try ask(house.client(), #"{"op":"get","handover":"\#(number)"}"#)
        let legs = (whole["record"] as? Fields)?["legs"] as? Fields
        return (legs?["data"] as? Fields)?["copies"] as? Int ?? 0
      }
      #expect(try copies() == 0)
      try cable.plug(true)
      #expect(try await eventually(within: 10) { try link()["state"] as? String == "sending" })
      #expect(try await eventually(within: 10) { try copies() > 0 })
      #expect(try await house.outer.stop() == 0)
      let alarms = try house.text(of: "outer.log").split(separator: "\n")
        .filter { $0.contains("linkStuck") }
      #expect(alarms.count == 2, "one beginning, one end: \(alarms)")
    }
  }
}
