import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Foundation
import Testing
import WeirChance
import WeirModel

/// What a link does to datagrams on their way, in percent, by a seed.
struct Weather {
  var lost = 0
  var repeated = 0
  var late = 0
  /// A bit of it is turned round.
  var corrupted = 0
  /// A recording of an earlier one comes beside it, from whichever run of the sender.
  var replayed = 0
  var isDark = false
}

/// An outer unit, an inner unit, and the line between them.
final class Pair {
  let outer: House
  let inner: House
  var weather = Weather()
  /// The line carries heartbeats of a short index and nothing that is longer.
  var onlyShort = false
  private var chance: Chance
  private var onTheWay: [(due: UInt64, bytes: [UInt8], isSpoilt: Bool)] = []
  /// The datagrams that this run of the inner unit was given whole, or could restore by parity,
  /// each once: it takes no more.
  private(set) var given: Set<[UInt8]> = []
  private var innerOpenings = 0
  private var clock: UInt64 = 0
  /// How much faster the inner unit's clocks go, in millionths.
  var drift: Int64 = 0
  /// What the line takes in a second, in bytes; 0: no limit. What it did not take is made up for by
  /// no more than a datagram.
  var bytesPerSecond = 0
  private var allowance = 0
  private var recordings: [[UInt8]] = []
  /// Looks at every datagram that leaves, where the order on the wire is looked at.
  var tap: Tap?
  /// Over the bytes of all datagrams, in order.
  private(set) var wireHash: UInt64 = 0
  /// Datagrams that the inner unit would have sent, had it a way: there must be none.
  private(set) var returned = 0
  /// Key epoch, unit, boot epoch, boot id, stream and sequence of every datagram ever sent: what
  /// key and nonce are made of.
  private(set) var nonces: Set<[UInt8]> = []
  private(set) var sent = 0
  private(set) var reused = 0

  init(
    seed: UInt64, outerSeed: UInt64? = nil, inner: House.Options? = nil, outer: House.Options? = nil
  ) throws {
    chance = Chance(seed: seed)
    var sending = outer ?? House.Options()
    sending.seed = outerSeed ?? seed
    self.outer = try House(sending)
    var options = inner ?? House.Options()
    options.role = .inner
    options.name = "gz1"
    options.seed = seed &+ 1000
    self.inner = try House(options)
  }

  func open() throws {
    try #require(outer.open() == .ok, "\(outer.problem)")
    try #require(inner.open() == .ok, "\(inner.problem)")
  }

  func advance(_ milliseconds: UInt64) {
    outer.advance(milliseconds)
    let faster = Int64(milliseconds) * drift
    weir_faulty_os_advance(inner.faulty, UInt64(Int64(milliseconds) * 1_000_000 + faster))
    clock += milliseconds
    allowance = min(1500, max(0, allowance)) + Int(milliseconds) * bytesPerSecond / 1000
  }

  /// Takes what a unit sends now onto the line.
  func collect(from house: House) {
    guard house.unit != nil, house.options.role == .outer else { return }
    for _ in 0..<10_000 where bytesPerSecond == 0 || allowance > 0 {
      var datagram = weir_bytes()
      if weir_unit_datagrams(house.unit, &datagram, 1, 1) == 0 { return }
      wireHash = weir_hash(wireHash, datagram)
      let bytes = Array(UnsafeBufferPointer(start: datagram.at, count: datagram.count))
      sent += 1
      allowance -= bytes.count
      if !nonces.insert(Array(bytes[4..<52])).inserted { reused += 1 }
      tap?.take(bytes, at: house.boot, of: house.bootId ?? [])
      if onlyShort && bytes.count > 300 { continue }
      send(bytes)
    }
    if bytesPerSecond == 0 { Issue.record("the sender does not come to rest") }
  }

  private func forgetGiven() {
    if inner.openings != innerOpenings { given = [] }
    innerOpenings = inner.openings
  }

  /// Puts a datagram on the line, as the weather lets it.
  private func send(_ bytes: [UInt8]) {
    forgetGiven()
    given.insert(Array(bytes[4..<52]))
    if weather.replayed > 0 {
      if chance.percent(weather.replayed), !recordings.isEmpty {
        onTheWay.append((clock, chance.pick(recordings), false))
      }
      if recordings.count < 64 {
        recordings.append(bytes)
      } else if chance.percent(5) {
        recordings[chance.below(64)] = bytes
      }
    }
    if weather.isDark || chance.percent(weather.lost) { return }
    let copies = chance.percent(weather.repeated) ? 2 : 1
    for _ in 0..<copies {
      let delay = chance.percent(weather.late) ? UInt64(chance.below(400)) : 0
      let arriving = spoilt(bytes)
      onTheWay.append((clock + delay, arriving, arriving != bytes))
    }
  }

  private func spoilt(_ bytes: [UInt8]) -> [UInt8] {
    guard weather.corrupted > 0, chance.percent(weather.corrupted) else { return bytes }
    var bytes = bytes
    bytes[chance.below(bytes.count)] ^= 1 << UInt8(chance.below(8))
    return bytes
  }

  private func arrive() {
    let now = onTheWay.filter { $0.due <= clock }
    onTheWay.removeAll { $0.due <= clock }
    guard inner.unit != nil else { return }
    forgetGiven()
    for var item in now {
      if !item.isSpoilt { given.insert(Array(item.bytes[4..<52])) }
      weir_unit_received(inner.unit, &item.bytes, item.bytes.count)
    }
    var datagram = weir_bytes()
    returned += weir_unit_datagrams(inner.unit, &datagram, 1, 1)
  }

  /// The line carries what is due.
  func carry() {
    collect(from: outer)
    arrive()
  }

  /// Both units work at this moment, and the line carries.
  func settle() {
    if outer.unit != nil { outer.pump() }
    carry()
    if inner.unit != nil { inner.pump() }
  }

  func pass(_ milliseconds: UInt64, step: UInt64 = 100) {
    var left = milliseconds
    while left > 0 {
      let span = min(step, left)
      advance(span)
      settle()
      left -= span
    }
  }

  /// What lies before the 110 desk: matters by name of file.
  var delivered: [String] { inner.names(in: "/out").filter { !$0.hasPrefix("ALARM") } }
  /// The same, and drills behind them.
  var deliveredAll: [String] { delivered.filter { $0 != "drill" } + inner.names(in: "/out/drill") }
  var alarms: [String] { inner.names(in: "/out").filter { $0.hasPrefix("ALARM") } }

  func alarms(_ code: String, _ moment: String) -> [String] {
    alarms.filter { $0.hasSuffix("-\(code)-\(moment).json") }
  }

  /// What is wrong with what lies before the desk: a file that no durable mark vouches for, or one
  /// that is not whole.
  func flawsOfDelivery() -> [String] {
    let marks = Set(JournalOracle(inner).marks)
    return (alarms + deliveredAll).filter { name in
      let item = deliveredItem(name)
      let isWhole = item.has("{\"kind\":\"") && item.bytes.suffix(2) == [UInt8(ascii: "}"), 10]
      return !marks.contains(name) || !isWhole
    }
  }

  /// The content of what lies before the desk.
  func deliveredItem(_ name: String) -> Line {
    inner.content((name.contains("-Y") ? "/out/drill/" : "/out/") + name)
  }

  /// Handover → its highest delivered revision; conflicts apart.
  var latestDelivered: [String: Int] {
    var found: [String: Int] = [:]
    for name in deliveredAll where !name.contains("conflict") {
      guard let cut = name.range(of: "-r", options: .backwards) else { continue }
      let revision = Int(name[cut.upperBound...].prefix { $0.isNumber }) ?? 0
      found[String(name[..<cut.lowerBound]), default: 0].max(revision)
    }
    return found
  }
}

extension Int {
  fileprivate mutating func max(_ other: Int) { if other > self { self = other } }
}
