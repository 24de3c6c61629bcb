import ArgumentParser
import CWeirBenchmarks
import CWeirLinkBenchmarks
import Foundation

/// The link by itself: the sender's room, sockets, the receiver's room, a counting sink.
struct LinkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "link",
    abstract: "Records a second over the link, loss, darkness, latency; no disk.",
    discussion: """
      Two processes over loopback, or over a cable between two network namespaces that are made \
      for the run (root). Everything is sealed; the sink checks every record and counts each \
      number once. A run that does not end with all records is refused.
      """)

  @OptionGroup var output: OutputOptions

  @Option(help: "loopback or veth.")
  var over = "loopback"

  @Option(help: "aes-256-gcm or sm4-gcm.")
  var suite = "aes-256-gcm"

  @Option(help: "Records of a run.")
  var records: UInt64 = 1_000_000

  @Option(help: "Records offered a second; 0: all at once.")
  var perSecond: UInt64 = 0

  @Option(help: "Bytes of a record.")
  var bytes: UInt32 = 600

  @Option(help: "Each so-many-th record is danger; 0: none.")
  var dangerEvery: UInt32 = 0

  @Option(help: "Bytes of an IP packet.")
  var mtu: UInt32 = 1500

  @Option(help: "Bits a second on the wire, Ethernet's counted; 0: unlimited.")
  var rate: UInt64 = 0

  @Option(help: "Datagrams lost at the receiver's hook, percent.")
  var loss = 0.0

  @Option(help: "Milliseconds of darkness, which begins when half of the records were offered.")
  var dark: UInt64 = 0

  @Flag(help: "No segmentation offload.")
  var plain = false

  @Flag(help: "No parity behind bursts.")
  var noParity = false

  @Option(help: "Seconds after which a run is given up.")
  var patience: UInt64 = 300

  func validate() throws {
    guard ["loopback", "veth"].contains(over) else { throw ValidationError("no line \(over)") }
    guard (1...UInt64(WEIR_LINK_LOAD_RECORDS_MAX)).contains(records) else {
      throw ValidationError("1 to \(WEIR_LINK_LOAD_RECORDS_MAX) records")
    }
    guard (16...65_536).contains(bytes) else { throw ValidationError("16 to 65536 bytes") }
    guard (0...99).contains(loss) else { throw ValidationError("0 to 99 percent") }
  }

  func run() throws {
    let table = Table(json: output.json)
    let cable = over == "veth" ? try Cable() : nil
    var measured = LinkFigures(label: label, wire: perSecond == 0 && rate == 0)
    for _ in 0..<output.runs {
      let before = cable?.packetsFromInside ?? 0
      let result = try once(cable)
      guard result.fresh == records, result.wrong == 0 else {
        throw Trouble("\(records - result.fresh) records are missing, \(result.wrong) are wrong")
      }
      let returned = (cable?.packetsFromInside ?? 0) - before
      guard returned == 0 else { throw Trouble("\(returned) packets left the inner side") }
      measured.add(result, records: records, returned: returned)
    }
    measured.print(to: table)
  }

  private var label: String {
    var words = ["link", over]
    if suite != "aes-256-gcm" { words.append(suite) }
    if rate > 0 { words.append("\(Double(rate) / 1e6) Mbit/s") }
    if perSecond > 0 { words.append("\(perSecond)/s") }
    if loss > 0 { words.append("loss \(loss) %") }
    if dark > 0 { words.append("dark \(dark) ms") }
    if plain { words.append("plain") }
    if noParity { words.append("without parity") }
    return words.joined(separator: " ")
  }

  /// One run.
  private func once(_ cable: Cable?) throws -> weir_link_load_result {
    var result = weir_link_load_result()
    let key = benchmarkKey(suite: suite)
    let offering = perSecond > 0 ? records * 1000 / perSecond : 0
    let texts = [key, cable?.address ?? "127.0.0.1", cable?.outer, cable?.inner].map {
      $0.map { strdup($0) }
    }
    defer { texts.forEach { free($0 ?? nil) } }
    var options = weir_link_load_options()
    options.key_line = UnsafePointer(texts[0] ?? nil)
    options.address = UnsafePointer(texts[1] ?? nil)
    options.outer = UnsafePointer(texts[2] ?? nil)
    options.inner = UnsafePointer(texts[3] ?? nil)
    options.mtu = mtu
    options.rate_bits = rate
    options.records = records
    options.per_second = perSecond
    options.record_bytes = bytes
    options.danger_every = dangerEvery
    options.plain = plain
    options.parity = !noParity
    options.lost = loss / 100
    options.dark_from_ms = offering / 2
    options.dark_ms = dark
    options.end_ms = patience * 1000
    weir_link_load_run(&options, &result)
    if let problem = result.problem {
      throw Trouble("\(String(cString: problem)): \(result.fresh) of \(records) records")
    }
    return result
  }
}

/// What runs of the link come to.
struct LinkFigures {
  let label: String
  private var figures: [String: Figure] = [:]
  private var order: [String] = []
  private var notes: [String] = []

  init(label: String, wire: Bool) {
    self.label = label
    if wire { put("records", "records/s", goal: (1_500_000, true)) }
  }

  private mutating func put(_ name: String, _ unit: String, goal: (Double, Bool)? = nil) {
    guard figures[name] == nil else { return }
    figures[name] = Figure(
      name: "\(label), \(name)", unit: unit, values: [],
      goal: goal.map { (value: $0.0, moreIsBetter: $0.1) })
    order.append(name)
  }

  private mutating func add(_ name: String, _ unit: String, _ value: Double) {
    put(name, unit)
    figures[name]?.values.append(value)
  }

  /// Takes up a run's result.
  mutating func add(_ result: weir_link_load_result, records: UInt64, returned: Int) {
    let seconds = Double(result.last_ns) * 1e-9
    if figures["records"] != nil {
      add("records", "records/s", Double(records) / seconds)
    }
    add("to the last record", "s", seconds)
    add("sender's CPU a copy", "ns", Double(result.sending_ns) / Double(max(1, result.copies)))
    let taken = result.fresh + result.repeats
    add("receiver's CPU a record", "ns", Double(result.receiving_ns) / Double(max(1, taken)))
    for (name, times) in [("danger", result.danger), ("others", result.others)]
    where times.count > 0 {
      var times = times
      for (share, word) in [(0.5, "p50"), (0.99, "p99"), (1.0, "max")] {
        let value = share == 1 ? times.max_ns : weir_times_at(&times, share)
        add("\(name) \(word)", "ms", Double(value) * 1e-6)
      }
    }
    add("rate on the wire", "Mbit/s", Double(result.wire_bytes) * 8e-6 / seconds)
    let offload = "segments out \(result.segments_out), in \(result.segments_in)"
    notes.append(
      "\(records) records once each; \(result.copies) copies, \(result.datagrams) datagrams, "
        + "\(result.lost) lost at the hook, \(result.repeats) repeats, "
        + "\(result.rejected) rejected; \(returned) packets from the inner side; \(offload)")
  }

  /// Prints everything.
  func print(to table: Table) {
    for name in order {
      if let figure = figures[name] { table.add(figure) }
    }
    notes.forEach { table.note($0) }
  }
}

/// Two network namespaces and a cable between them that carries nothing back: the inner end has no
/// route to the outer one, so that not even its kernel's refusals leave.
final class Cable {
  private let tag = String(UInt32.random(in: 0 ... .max), radix: 36)
  private let program: String
  let address = "198.18.7.2"

  var outer: String { "/run/netns/wb-\(tag)-o" }
  var inner: String { "/run/netns/wb-\(tag)-i" }

  init() throws {
    guard let ip = Programs.peer("ip") else { throw Trouble("`ip` (iproute2) is not installed") }
    program = ip
    do { try lay() } catch {
      cut()
      throw error
    }
  }

  deinit { cut() }

  private func lay() throws {
    let (out, into) = ("wb-\(tag)-o", "wb-\(tag)-i")
    try must("netns", "add", out)
    try must("netns", "add", into)
    for name in [out, into] {
      let quiet = "/proc/sys/net/ipv6/conf/default/disable_ipv6"
      try must("netns", "exec", name, "sh", "-c", "echo 1 > \(quiet)")
    }
    try must("-n", out, "link", "add", "w0", "type", "veth", "peer", "name", "w1", "netns", into)
    for (name, device, own) in [(out, "w0", "198.18.7.1/30"), (into, "w1", address + "/32")] {
      try must("-n", name, "link", "set", device, "arp", "off")
      try must("-n", name, "address", "add", own, "dev", device)
      try must("-n", name, "link", "set", device, "up")
    }
    let hardware = try must("netns", "exec", into, "cat", "/sys/class/net/w1/address")
      .trimmingCharacters(in: .whitespacesAndNewlines)
    try must(
      "-n", out, "neighbour", "replace", address, "lladdr", hardware, "dev", "w0", "nud",
      "permanent")
  }

  private func cut() {
    for end in ["o", "i"] { _ = try? must("netns", "del", "wb-\(tag)-\(end)") }
  }

  /// Packets that ever left the inner end.
  var packetsFromInside: Int {
    let file = "/sys/class/net/w1/statistics/tx_packets"
    let said = (try? must("netns", "exec", "wb-\(tag)-i", "cat", file)) ?? ""
    return Int(said.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
  }

  @discardableResult
  private func must(_ words: String...) throws -> String {
    let process = Process()
    let said = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = words
    process.standardOutput = said
    process.standardError = said
    try process.run()
    let text = String(decoding: said.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Trouble("ip \(words.joined(separator: " ")): \(text)")
    }
    return text
  }
}
