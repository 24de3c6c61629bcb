import Foundation
import Testing
import WeirConfiguration
import WeirModel

struct GoodConfigurationTests {
  @Test("an outer unit that gives what it must gets every default")
  func outerDefaults() throws {
    let unit = try read(Good.outer)
    #expect(unit.role == .outer)
    #expect(unit.name == "kd1")
    #expect(unit.data == "/var/lib/weir")
    #expect(unit.policies.isEmpty)
    #expect(unit.intake.socket == "/run/weir/intake.sock")
    #expect(unit.intake.tcp == nil)
    #expect(unit.intake.allow == (NSUserName() == "root" ? ["root"] : ["root", NSUserName()]))
    #expect(unit.intake.supervisors == [])
    #expect(unit.intake.idleSeconds == 300)
    let link = try #require(unit.link)
    #expect(link.carrier == .udp)
    #expect(link.send.map(\.description) == ["198.18.0.2:7112"])
    #expect(link.listen == [])
    #expect(link.key == "/etc/weir/link.key")
    #expect(link.rateBits == 100_000_000)
    #expect(link.mtu == 1500)
    #expect(link.keepMs == 7 * 24 * 3_600_000)
    #expect(link.ferry == nil)
    #expect(unit.delivery == nil)
    let report = try #require(unit.report)
    #expect(report.directory == "/srv/weir/reports")
    #expect(report.second == nil)
    #expect(report.command == nil)
    #expect(report.repeatMs == 60_000)
    #expect(unit.log.file == "stdout")
    #expect(unit.log.level == .info)
    #expect(unit.control == nil)
    #expect(unit.limits.refs == 10_000_000)
    #expect(unit.limits.openHandovers == 1_000_000)
    #expect(unit.limits.retainMs == 400 * 86_400_000)
    #expect(unit.limits.snapshot == 10_000_000)
  }

  @Test("an inner unit needs no intake, and without one no report")
  func innerDefaults() throws {
    let unit = try read(Good.inner)
    #expect(unit.role == .inner)
    #expect(unit.intake.socket == nil)
    #expect(unit.link?.send == [])
    #expect(unit.link?.listen.map(\.description) == ["0.0.0.0:7112"])
    #expect(unit.delivery?.directory == "/srv/weir/in")
    #expect(unit.delivery?.socket == nil)
    #expect(unit.report == nil)
  }

  @Test("every key that is given is taken as it stands")
  func everything() throws {
    let unit = try read([
      "unit: outer",
      "name: KD1",
      "data: /var/lib/weir/",
      "policy: /etc/weir/policy.yaml",
      "intake:",
      "  socket: /run/weir/intake.sock",
      "  tcp: 127.0.0.1:7110",
      "  allow: [weir, root]",
      "  supervisors: [S01, S02]",
      "  idle: 90s",
      "link:",
      "  carrier: udp",
      "  send: [198.18.0.2:7112, \"[fd00::2]:7112\"]",
      "  key: /etc/weir/link.key",
      "  rate: 2Mbit",
      "  mtu: 9000",
      "  keep: 24h",
      "delivery: { directory: /srv/weir/out, socket: /run/weir/out.sock }",
      "report: { directory: /a, second: /b, command: /usr/local/bin/notify, repeat: 5m }",
      "log: { file: /var/log/weir.log, level: debug }",
      "control: /run/weir/control.sock",
      "limits: { refs: 2_000_000, openHandovers: 5000, retain: 30d, snapshot: 50_000 }",
    ])
    #expect(unit.name == "KD1")
    #expect(unit.data == "/var/lib/weir")
    #expect(unit.policies == ["/etc/weir/policy.yaml"])
    #expect(unit.intake.tcp?.isLoopback == true)
    #expect(unit.intake.tcp?.port == 7110)
    #expect(unit.intake.allow == ["weir", "root"])
    #expect(unit.intake.supervisors == ["S01", "S02"])
    #expect(unit.intake.idleSeconds == 90)
    #expect(unit.link?.send.map(\.description) == ["198.18.0.2:7112", "[fd00::2]:7112"])
    #expect(unit.link?.rateBits == 2_000_000)
    #expect(unit.link?.mtu == 9000)
    #expect(unit.link?.keepMs == 86_400_000)
    #expect(unit.delivery?.directory == "/srv/weir/out")
    #expect(unit.delivery?.socket == "/run/weir/out.sock")
    #expect(unit.report?.second == "/b")
    #expect(unit.report?.command == "/usr/local/bin/notify")
    #expect(unit.report?.repeatMs == 300_000)
    #expect(unit.log.file == "/var/log/weir.log")
    #expect(unit.log.level == .debug)
    #expect(unit.control == "/run/weir/control.sock")
    #expect(unit.limits.refs == 2_000_000)
    #expect(unit.limits.openHandovers == 5000)
    #expect(unit.limits.retainMs == 30 * 86_400_000)
    #expect(unit.limits.snapshot == 50_000)
  }

  @Test("two files that say the same are equal, wherever their lines stand")
  func equality() throws {
    let one = try read(Good.outer)
    let reordered = try read(["# moved"] + Good.outer.reversed())
    #expect(one == reordered)
    var other = one
    other.limits.refs += 1
    #expect(one != other)
  }

  @Test(
    "a rate is a number with its unit, or unlimited",
    arguments: [
      ("2Mbit", 2_000_000), ("100Mbit", 100_000_000), ("10Gbit", 10_000_000_000),
      ("10000Mbit", 10_000_000_000), ("unlimited", UnitConfiguration.Link.unlimitedRate),
      ("11Gbit", nil), ("0Mbit", nil), ("Mbit", nil), ("2 Mbit", nil), ("2000000", nil),
      ("-2Mbit", nil), ("2.5Gbit", nil), ("99999999999Gbit", nil),
    ] as [(String, UInt64?)])
  func rates(text: String, bits: UInt64?) {
    #expect(link("rate: \(text)")?.rateBits == bits)
  }

  @Test(
    "a duration is a number with its unit",
    arguments: [
      ("3600000ms", 3_600_000), ("3600s", 3_600_000), ("60m", 3_600_000), ("24h", 86_400_000),
      ("7d", 604_800_000), ("366d", 31_622_400_000), ("367d", nil), ("59m", nil), ("7", nil),
      ("7D", nil), ("1w", nil), ("d", nil), ("+7d", nil), ("99999999999999999d", nil),
    ] as [(String, UInt64?)])
  func durations(text: String, milliseconds: UInt64?) {
    #expect(link("keep: \(text)")?.keepMs == milliseconds)
  }

  @Test(
    "an endpoint is an address in numbers and a port",
    arguments: [
      ("198.18.0.2:7112", [198, 18, 0, 2]), ("255.255.255.255:1", [255, 255, 255, 255]),
      ("[::1]:65535", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
      ("[1::]:1", [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
      ("[FD00::A:b]:1", [0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 11]),
      ("[1:2:3:4:5:6:7:8]:1", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]),
      ("[1:2:3:4:5:6:7::]:1", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0]),
      ("[::ffff:1.2.3.4]:1", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 1, 2, 3, 4]),
      ("[1:2:3:4:5:6:7::8]:1", nil), ("[1:2:3:4:5:6:7]:1", nil), ("[1::2::3]:1", nil),
      ("[:::]:1", nil), ("[12345::]:1", nil), ("[fe80::1%eth0]:1", nil), ("[::g]:1", nil),
      ("[1.2.3.4::]:1", nil), ("[]:1", nil), ("::1:1", nil), ("[::1]", nil), ("[::1]1", nil),
      ("1.2.3:1", nil), ("1.2.3.4.5:1", nil), ("1.2.3.256:1", nil), ("1.2.3.04:1", nil),
      ("1.2.3.:1", nil), ("1.2.3.4:", nil), ("1.2.3.4:65536", nil), ("1.2.3.4:+1", nil),
      (" 1.2.3.4:1", nil), ("1.2.3.4", nil), (":1", nil),
    ] as [(String, [UInt8]?)])
  func endpoints(text: String, bytes: [UInt8]?) {
    #expect(link("ferry: /f", send: "\"\(text)\"")?.send.first?.address == bytes)
  }

  @Test("all of 127.0.0.0/8 and ::1 are loopback", arguments: ["127.9.9.9:1", "\"[0::1]:1\""])
  func loopback(text: String) throws {
    let unit = try read(Good.outer.map { $0.hasPrefix("intake") ? "intake: { tcp: \(text) }" : $0 })
    #expect(unit.intake.tcp?.isLoopback == true)
  }

  private func read(_ lines: [String]) throws -> UnitConfiguration {
    let yaml = lines.joined(separator: "\n")
    let (unit, problems) = Configuration.read(yaml: yaml, file: "f")
    #expect(problems == [])
    return try #require(unit)
  }

  /// The link of a good outer unit with one more key; nil when the file is not taken.
  private func link(_ key: String, send: String = "198.18.0.2:7112") -> UnitConfiguration.Link? {
    let line = "link: { send: [\(send)], key: /k, \(key) }"
    return Configuration.read(yaml: Good.text(Good.outer, line: 5, line), file: "f").0?.link
  }
}
