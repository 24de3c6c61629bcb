import WeirModel
import Yams

/// Walks the parsed text by the schema of the configuration file.
///
/// Every step goes on after a problem with a value that stands for nothing, so that one reading
/// tells everything; the result is used only when no error was found.
final class ConfigurationReader {
  let text: YamlText
  let findings: Findings
  var places = KeyPlaces()
  private var role: UnitRole?

  /// The keys of each section, in the order of the example file.
  private static let schema: [(section: String, keys: [String])] = [
    (
      "",
      [
        "unit", "name", "data", "policy", "intake", "link", "delivery", "report", "log", "control",
        "limits",
      ]
    ),
    ("intake", ["socket", "tcp", "allow", "supervisors", "idle"]),
    ("link", ["carrier", "send", "listen", "key", "rate", "mtu", "keep", "ferry"]),
    ("delivery", ["directory", "socket"]),
    ("report", ["directory", "second", "command", "repeat"]),
    ("log", ["file", "level"]),
    ("limits", ["refs", "openHandovers", "retain", "snapshot"]),
  ]

  /// The keys that a section knows.
  static func keys(of section: String) -> [String] {
    schema.first { $0.section == section }?.keys ?? []
  }

  /// The first section that knows a key.
  static func home(of key: String) -> String? {
    schema.first { $0.keys.contains(key) }?.section
  }

  init(text: YamlText, findings: Findings) {
    self.text = text
    self.findings = findings
    places.file = findings.file
  }

  /// The configuration, nil when the text is no mapping. Look at the findings before using it.
  func unit(ownUser: String) -> UnitConfiguration? {
    guard let root = root() else { return nil }
    role = root.choice("unit", UnitRole.self)
    root.require("unit", hint: "write unit: outer or unit: inner")
    root.require("name", hint: "write name: and 1 to 8 letters and digits, such as kd1")
    root.require("data", hint: "write data: and the directory of the journal")
    for key in ["intake", "link"] where role == .outer { root.require(key, hint: example(key)) }
    for key in ["link", "delivery"] where role == .inner { root.require(key, hint: example(key)) }
    // An inner unit without an intake has no matters of its own, and so nothing to report.
    if role == .outer || root.has("intake"), !root.has("report") {
      findings.warning(
        at: root.place, "`report.directory` is missing: reports go to the log alone",
        hint: example("report"))
    }
    let paths = Paths(findings: findings)
    let name = root.value(
      "name", expected: "1 to 8 letters and digits", hint: "write a short name such as kd1",
      unitName)
    var unit = UnitConfiguration(
      role: role ?? .outer, name: name ?? "",
      data: paths.path(root, "data", as: .directory) ?? "",
      policies: paths.paths(root, "policy", as: .file),
      intake: intake(root.section("intake"), paths: paths, ownUser: ownUser),
      link: root.section("link").map { link($0, paths: paths) },
      delivery: root.section("delivery").map { delivery($0, paths: paths) },
      report: root.section("report").map { report($0, paths: paths) },
      log: log(root.section("log"), paths: paths),
      control: paths.path(root, "control", as: .socket),
      limits: limits(root.section("limits")))
    unit.places = places
    return unit
  }

  private static let beginning = "begin with unit: outer or unit: inner"

  private func root() -> Section? {
    let start = Place(line: 1, column: 1)
    guard let node = text.root else {
      if !findings.hasErrors {
        findings.error(at: start, "the file is empty", hint: Self.beginning)
      }
      return nil
    }
    guard case .mapping(let mapping) = node else {
      let kind = YamlText.kind(of: node)
      findings.error(
        at: Place(node.mark),
        kind == "nothing" ? "the file is empty" : "the file must be a mapping, not \(kind)",
        hint: Self.beginning)
      return nil
    }
    return Section("", at: Place(node.mark), mapping: mapping, reader: self)
  }

  /// What to write for a section that is missing.
  private func example(_ section: String) -> String {
    switch section {
    case "intake": "write intake: { socket: /run/weir/intake.sock }"
    case "delivery": "write delivery: { directory: /srv/weir/in }"
    case "report": "write report: { directory: /srv/weir/reports }"
    default:
      role == .inner
        ? "write link: { listen: [0.0.0.0:7112], key: /etc/weir/link.key }"
        : "write link: { send: [198.18.0.2:7112], key: /etc/weir/link.key }"
    }
  }

  private func unitName(_ text: String) -> String? {
    let letters = text.unicodeScalars.allSatisfy {
      switch $0 {
      case "a"..."z", "A"..."Z", "0"..."9": true
      default: false
      }
    }
    return letters && (1...8).contains(text.utf8.count) ? text : nil
  }

  private func intake(
    _ section: Section?, paths: Paths, ownUser: String
  ) -> UnitConfiguration.Intake {
    var intake = UnitConfiguration.Intake(
      socket: nil, tcp: nil, allow: ["", "root"].contains(ownUser) ? ["root"] : ["root", ownUser],
      supervisors: [], idleSeconds: 300)
    guard let section else { return intake }
    intake.socket = paths.path(section, "socket", as: .socket)
    intake.tcp = loopback(section)
    if role == .outer, !section.has("socket"), !section.has("tcp") {
      findings.error(
        at: section.place, "`intake` needs `socket` or `tcp`", hint: example("intake"))
    }
    if let allow = section.list("allow") {
      intake.allow = allow.map(\.text)
      if allow.isEmpty {
        section.bad(
          "allow", "lets nobody in",
          hint: "name a user, or remove the key: root and the unit's own user")
      }
    }
    let supervisors = section.list("supervisors") ?? []
    for (text, place) in supervisors where !(1...16).contains(text.unicodeScalars.count) {
      findings.error(
        at: place, "`intake.supervisors` takes names of 1 to 16 characters, not \(shown(text))",
        hint: "write the seat's number as requests give it in `by`")
    }
    intake.supervisors = supervisors.map(\.text)
    let idle = duration(section, "idle", 300_000, 1000...86_400_000)
    if idle % 1000 != 0 {
      section.bad("idle", "must be whole seconds", hint: "write \(idle / 1000 + 1)s")
    }
    intake.idleSeconds = UInt32(idle / 1000)
    return intake
  }

  private func loopback(_ section: Section) -> Endpoint? {
    guard let text = section.text("tcp"),
      let endpoint = endpoint(text, "intake.tcp", at: section.place(of: "tcp"))
    else { return nil }
    if role == .inner {
      section.bad(
        "tcp", "is not for an inner unit, which has Unix sockets only", hint: "use `intake.socket`")
    } else if !endpoint.isLoopback {
      section.bad(
        "tcp", "must be a loopback address, not \(shown(text))",
        hint: "write 127.0.0.1:\(endpoint.port), and let a tunnel or proxy on this machine listen")
    }
    return endpoint
  }

  private func link(_ section: Section, paths: Paths) -> UnitConfiguration.Link {
    section.require("key", hint: "write key: /etc/weir/link.key; `weir keygen` prints a key")
    let carrier = section.choice("carrier", UnitConfiguration.Carrier.self) ?? .udp
    if carrier != .ferry, role == .outer {
      section.require("send", hint: "write send: [198.18.0.2:7112]")
    }
    if carrier != .ferry, role == .inner {
      section.require("listen", hint: "write listen: [0.0.0.0:7112]")
    }
    if role == .inner, section.has("send") {
      findings.error(
        at: section.keyPlace("send"), "`link.send` on an inner unit: it never sends",
        hint: "write listen:, or unit: outer")
    }
    if role == .outer, section.has("listen") {
      findings.error(
        at: section.keyPlace("listen"), "`link.listen` on an outer unit: nothing comes back to it",
        hint: "write send:, or unit: inner")
    }
    for key in ["rate", "keep"] where role == .inner && section.has(key) {
      findings.warning(
        at: section.keyPlace(key), "`link.\(key)` has no effect on an inner unit",
        hint: "remove it here; the outer unit decides")
    }
    let send = endpoints(section, "send")
    for (endpoint, place) in send where endpoint.isUnspecified {
      findings.error(
        at: place, "`link.send` cannot send to `\(endpoint)`",
        hint: "write the inner unit's address on the link")
    }
    let rate = section.value(
      "rate", expected: "2Mbit to 10Gbit, or unlimited", hint: "write a rate such as 100Mbit"
    ) { bitRate($0).flatMap { Self.rates.contains($0) || $0 == .max ? $0 : nil } }
    return UnitConfiguration.Link(
      carrier: carrier, send: send.map(\.endpoint),
      listen: endpoints(section, "listen").map(\.endpoint),
      key: paths.path(section, "key", as: .file) ?? "", rateBits: rate ?? 100_000_000,
      mtu: UInt32(number(section, "mtu", 1500, 576...9000)),
      keepMs: duration(section, "keep", 7 * 86_400_000, 3_600_000...(366 * 86_400_000)),
      ferry: ferry(section, carrier, paths: paths))
  }

  private static let rates: ClosedRange<UInt64> = 2_000_000...10_000_000_000

  private func ferry(
    _ section: Section, _ carrier: UnitConfiguration.Carrier, paths: Paths
  ) -> String? {
    if carrier == .udp, section.has("ferry") {
      findings.warning(
        at: section.keyPlace("ferry"), "`link.ferry` has no effect: the carrier is udp",
        hint: "write carrier: ferry or carrier: both, or remove it")
    }
    if carrier != .udp {
      section.require("ferry", hint: "write ferry: /srv/ferry, the directory of the gate")
    }
    return paths.path(section, "ferry", as: .directory)
  }

  private func delivery(_ section: Section, paths: Paths) -> UnitConfiguration.Delivery {
    if !section.has("directory"), !section.has("socket") {
      findings.error(
        at: section.place, "`delivery` needs `directory` or `socket`", hint: example("delivery"))
    }
    return UnitConfiguration.Delivery(
      directory: paths.path(section, "directory", as: .directory),
      socket: paths.path(section, "socket", as: .socket))
  }

  private func report(_ section: Section, paths: Paths) -> UnitConfiguration.Report {
    section.require("directory", hint: example("report"))
    return UnitConfiguration.Report(
      directory: paths.path(section, "directory", as: .directory) ?? "",
      second: paths.path(section, "second", as: .directory),
      command: paths.path(section, "command", as: .file),
      repeatMs: duration(section, "repeat", 60_000, 1000...86_400_000))
  }

  private func log(_ section: Section?, paths: Paths) -> UnitConfiguration.Log {
    var log = UnitConfiguration.Log(file: "stdout", level: .info)
    guard let section else { return log }
    if let file = section.text("file"), file != "stdout" {
      log.file = paths.path(section, "file", as: .file) ?? ""
    }
    log.level = section.choice("level", UnitConfiguration.LogLevel.self) ?? .info
    return log
  }

  private func limits(_ section: Section?) -> UnitConfiguration.Limits {
    let dayMs: UInt64 = 86_400_000
    guard let section else {
      return UnitConfiguration.Limits(
        refs: 10_000_000, openHandovers: 1_000_000, retainMs: 400 * dayMs, snapshot: 10_000_000)
    }
    return UnitConfiguration.Limits(
      refs: UInt32(number(section, "refs", 10_000_000, 1000...100_000_000)),
      openHandovers: UInt32(number(section, "openHandovers", 1_000_000, 100...16_000_000)),
      retainMs: duration(section, "retain", 400 * dayMs, (8 * dayMs)...(36_500 * dayMs)),
      snapshot: number(section, "snapshot", 10_000_000, 1000...1_000_000_000))
  }

  private func number(
    _ section: Section, _ key: String, _ normal: UInt64, _ range: ClosedRange<UInt64>
  ) -> UInt64 {
    section.value(
      key, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
      hint: "\(normal) is the default"
    ) { count($0).flatMap { range.contains($0) ? $0 : nil } } ?? normal
  }

  private func duration(
    _ section: Section, _ key: String, _ normal: UInt64, _ range: ClosedRange<UInt64>
  ) -> UInt64 {
    section.value(
      key,
      expected: "a duration from \(durationText(range.lowerBound)) to "
        + durationText(range.upperBound),
      hint: "write a number and ms, s, m, h or d; \(durationText(normal)) is the default"
    ) { milliseconds($0).flatMap { range.contains($0) ? $0 : nil } } ?? normal
  }

  private func endpoints(
    _ section: Section, _ key: String
  ) -> [(endpoint: Endpoint, place: Place)] {
    guard let list = section.list(key) else { return [] }
    var endpoints: [(endpoint: Endpoint, place: Place)] = []
    for (text, place) in list {
      guard let endpoint = endpoint(text, "link.\(key)", at: place) else { continue }
      if endpoints.contains(where: { $0.endpoint == endpoint }) {
        findings.error(
          at: place, "`link.\(key)` names \(shown(text)) twice", hint: "keep one of them")
      }
      endpoints.append((endpoint, place))
    }
    if list.isEmpty || endpoints.count > Self.endpointsMax {
      section.bad(
        key, "takes 1 to \(Self.endpointsMax) addresses", hint: "write \(key): [ADDRESS:PORT]")
    }
    return endpoints
  }

  private static let endpointsMax = 8

  private func endpoint(_ text: String, _ key: String, at place: Place) -> Endpoint? {
    let example = key == "intake.tcp" ? "127.0.0.1:7110" : "198.18.0.2:7112"
    do throws(Endpoint.Fault) {
      return try Endpoint(text)
    } catch {
      let fault =
        switch error {
        case .noPort: "`\(key)` must be ADDRESS:PORT, not \(shown(text))"
        case .badPort: "`\(key)` takes a port from 1 to 65535, not as in \(shown(text))"
        case .notNumbers: "`\(key)` takes an address in numbers, no name: \(shown(text))"
        }
      findings.error(
        at: place, fault, hint: "write \(example), or an IPv6 one in quotes: \"[::1]:7110\"")
      return nil
    }
  }
}
