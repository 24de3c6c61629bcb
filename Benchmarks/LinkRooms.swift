import ArgumentParser
import CWeirLinkBenchmarks
import Foundation

/// A key for measurements only.
func benchmarkKey(suite: String) -> String {
  "1 \(suite) " + (0..<32).map { String(format: "%02x", ($0 &* 37 &+ 11) & 255) }.joined()
}

/// Wrong datagrams of every kind, and a good stream beside them.
struct LinkStormCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "link-storm",
    abstract: "Forged, replayed, cut, flipped and invented datagrams against a receiver.")

  @Flag(help: "One JSON object a line instead of a table.") var json = false
  @Option(help: "Wrong datagrams.") var count: UInt64 = 1_000_000

  func run() throws {
    var result = weir_link_storm_result()
    weir_link_storm(benchmarkKey(suite: "aes-256-gcm"), count, &result)
    let table = Table(json: json)
    let grown = Double(result.resident_after) - Double(result.resident_before)
    for (name, unit, value) in [
      ("wrong datagrams", "", Double(result.wrong)), ("accepted", "", Double(result.accepted)),
      ("good ones beside them", "", Double(result.good)),
      ("of these taken", "", Double(result.good_taken)), ("memory grown", "bytes", grown),
      ("a wrong one takes", "ns", Double(result.wrong_ns)),
    ] {
      table.add(Figure(name: "link storm, \(name)", unit: unit, values: [value]))
    }
    guard result.wrong == count, result.accepted == 0, result.good == result.good_taken else {
      throw Trouble("a wrong datagram was taken, or a good one was not")
    }
  }
}

/// A long outage, in simulated time.
struct LinkOutageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "link-outage",
    abstract: "A line that goes dark and comes back, in simulated time: when is all across?")

  @Flag(help: "One JSON object a line instead of a table.") var json = false
  @Option(help: "Seconds of darkness.") var seconds: UInt64 = 3600
  @Option(help: "Records a second, meanwhile.") var perSecond: UInt64 = 100
  @Option(help: "Each so-many-th record is danger; 0: none.") var dangerEvery: UInt32 = 100
  @Option(help: "Bits a second on the wire.") var rate: UInt64 = 100_000_000
  @Option(help: "Bytes of a record.") var bytes: UInt32 = 600

  func run() throws {
    var result = weir_link_outage_result()
    var options = weir_link_load_options()
    let key = strdup(benchmarkKey(suite: "aes-256-gcm"))
    defer { free(key) }
    options.key_line = UnsafePointer(key)
    options.mtu = 1500
    options.rate_bits = rate
    options.per_second = perSecond
    options.records = (seconds + 10) * perSecond
    options.record_bytes = bytes
    options.danger_every = dangerEvery
    options.dark_ms = seconds * 1000
    options.parity = true
    weir_link_outage(&options, &result)
    let table = Table(json: json)
    let name = "link outage of \(seconds) s"
    var danger = Figure(
      name: "\(name), danger across", unit: "s", values: [Double(result.danger_ms) / 1000])
    danger.goal = (2, false)
    var all = Figure(name: "\(name), all across", unit: "s", values: [Double(result.all_ms) / 1000])
    all.goal = (seconds > 60 ? 25 : 2, false)
    table.add(danger)
    table.add(all)
    table.note("\(result.records) records, \(result.danger) of danger, \(result.missing) missing")
    guard result.missing == 0 else { throw Trouble("\(result.missing) records are missing") }
  }
}

/// Parity against a second copy.
struct LinkParityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "link-parity",
    abstract:
      "Bursts over a line that loses: whole by parity, or by second copies, in simulated time.")

  @Flag(help: "One JSON object a line instead of a table.") var json = false
  @Option(help: "Bursts of each set-up.") var bursts: UInt64 = 20_000
  @Option(help: "Datagrams of a burst, 1 to 1024.") var datagrams: UInt32 = 32
  @Option(help: "Datagrams lost, percent.") var loss = 5.0
  @Option(help: "Milliseconds of darkness in which each burst begins.") var dark: UInt64 = 0

  func validate() throws {
    guard (1...1024).contains(datagrams) else { throw ValidationError("1 to 1024 datagrams") }
    guard (0...99).contains(loss) else { throw ValidationError("0 to 99 percent") }
  }

  func run() throws {
    let table = Table(json: json)
    let key = strdup(benchmarkKey(suite: "aes-256-gcm"))
    defer { free(key) }
    for parity in [false, true] {
      var options = weir_link_parity_options(
        key_line: UnsafePointer(key), bursts: bursts, datagrams: datagrams, lost: loss / 100,
        dark_ms: dark, parity: parity)
      var result = weir_link_parity_result()
      weir_link_parity(&options, &result)
      guard result.bursts == bursts, result.missing == 0 else {
        throw Trouble("\(result.missing) records are missing")
      }
      let label = parity ? "with parity" : "copies alone"
      let once = Double(result.bytes_once)
      var figures: [(String, String, Double)] = [
        ("whole at once", "%", share(result.whole_once)),
        ("whole by 23 ms", "%", share(result.whole_parity)),
        ("whole by 60 ms", "%", share(result.whole_copy)),
        ("bytes by 23 ms", "bursts", Double(result.bytes_parity) / once),
        ("bytes by 60 ms", "bursts", Double(result.bytes_copy) / once),
      ]
      for (quantile, word) in [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")] {
        figures.append(
          ("until whole, \(word)", "ms", Double(weir_times_at(&result.times, quantile)) * 1e-6))
      }
      for (name, unit, value) in figures {
        table.add(Figure(name: "\(label), \(name)", unit: unit, values: [value]))
      }
      table.note("\(label): \(result.restored) datagrams were given back")
    }
  }

  private func share(_ count: UInt64) -> Double { Double(count) * 100 / Double(bursts) }
}
