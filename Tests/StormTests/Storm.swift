import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Testing
import WeirChance
import WeirModel
import WeirPolicy

/// A stretch of days of a pair of units in which everything happens, by a seed: the same seed gives
/// the same run, byte for byte.
final class Storm {
  /// Something that must not be, and when it was found.
  struct Wrong {
    let step: Int
    let what: String
    /// A handover or a ref, empty: neither.
    let about: String
  }

  /// What a seed's storm has, beside what all have.
  struct Nature {
    let hasFerry: Bool
    /// A line that takes little, so that what waits is seen to leave in order.
    let isNarrow: Bool
    /// The outer unit's disk is put back or replaced once.
    let isRestored: Bool
    let hasOutbox: Bool
    /// Segments close, snapshots are made, and each start from one is compared with a start from
    /// the whole journal.
    let isBulky: Bool

    init(_ seed: UInt64) {
      hasFerry = seed % 5 == 3
      isNarrow = seed % 4 == 1
      isRestored = seed % 7 == 5
      hasOutbox = seed % 3 == 0
      isBulky = seed % 6 == 2 || seed % 6 == 3
    }
  }

  /// The notice, and the same under another version.
  static let policies: [Policy] = {
    let other = Policy.embeddedSource.replacing(
      "version: \(Policy.embedded.version)", with: "version: \(Policy.embedded.version)-b")
    return [Policy.embedded] + [try? Policy(yaml: other, file: "policy.yaml")].compactMap { $0 }
  }()
  private static let narrowBytes = 12_000

  let seed: UInt64
  let nature: Nature
  let pair: Pair
  let outside: Seats
  let inside: Seats
  private var chance: Chance
  private var gate: Gate?
  private(set) var step = 0
  private(set) var simulatedMs: UInt64 = 0
  private(set) var wrong: [Wrong] = []
  /// The unit's disk was made to fail or to be full, so that it may end.
  private var isSpoilt = [false, false] {
    didSet { pair.tap?.isReadable = !isSpoilt[0] }
  }
  /// When the unit's disk was last made good, on the boot clock in milliseconds.
  private var healedAt: [UInt64] = [0, 0]
  private var copied: (files: [(path: String, bytes: [UInt8])], mark: (durable: Int, known: Int))?
  private(set) var wasRestored = false
  /// Starts from a snapshot that were compared with one from the whole journal.
  private(set) var comparedStarts = 0

  init(seed: UInt64) throws {
    self.seed = seed
    nature = Nature(seed)
    chance = Chance(seed: seed)
    var outer = House.Options()
    outer.policies = Self.policies
    outer.ferry = nature.hasFerry
    outer.outbox = nature.hasOutbox
    outer.rate = nature.isNarrow ? UInt64(Self.narrowBytes) * 8 : 0
    var inner = House.Options()
    inner.ferry = nature.hasFerry
    inner.policies = Self.policies
    if nature.isBulky {
      outer.snapshotRecords = 1
      inner.snapshotRecords = 1
    }
    pair = try Pair(seed: seed, inner: inner, outer: outer)
    outside = Seats(pair.outer, seed: seed ^ 0x0175)
    inside = Seats(pair.inner, seed: seed ^ 0x1115)
    inside.mattersMost = 4
    if nature.isBulky {
      outside.bulk = String(repeating: "x", count: 40_000)
      inside.bulk = outside.bulk
    }
    if nature.isNarrow {
      pair.bytesPerSecond = Self.narrowBytes
      pair.tap = try Tap()
    }
    if nature.hasFerry {
      gate = Gate(pair, seed: seed)
      gate?.lost = 20
      gate?.repeated = 20
    }
    pair.drift = Int64(chance.below(400)) - 200
    try pair.open()
    outside.codes = { [unowned self] in codes(of: $0) }
  }

  func check(_ holds: Bool, _ what: @autoclosure () -> String, about: String = "") {
    if !holds && wrong.count < 20 { wrong.append(Wrong(step: step, what: what(), about: about)) }
  }

  /// The receipt codes that the 110 desk has before it for a handover.
  private func codes(of number: String) -> [String] {
    pair.deliveredAll.filter { $0.hasPrefix(number + "-r") && !$0.contains("conflict") }.sorted()
      .suffix(3).compactMap { pair.deliveredItem($0).string("receipt") }
  }

  private func seats(of house: House) -> Seats { house === pair.outer ? outside : inside }

  // MARK: Time

  func pass(_ milliseconds: UInt64, step: UInt64) {
    var left = milliseconds
    while left > 0 {
      let span = min(step, left)
      pair.pass(span, step: span)
      gate?.pull()
      left -= span
    }
    simulatedMs += milliseconds
  }

  // MARK: Ends and beginnings

  func reopen(_ house: House) throws {
    seats(of: house).forgetConnections()
    let twin = nature.isBulky && !isSpoilt[index(house)] ? Twin(of: house) : nil
    var status = house.open()
    if status != .ok && isSpoilt[index(house)] {
      repair(house)
      status = house.open()
    }
    try #require(status == .ok, "seed \(seed) step \(step): \(house.problem)")
    if let twin, twin.hasSnapshots {
      comparedStarts += 1
      for difference in try twin.differences(from: house) {
        check(false, "a start from a snapshot knows otherwise: \(difference)")
      }
    }
    if house === pair.inner && !isSpoilt[1] {
      check(pair.flawsOfDelivery().isEmpty, "unmarked or torn items")
    }
  }

  private func index(_ house: House) -> Int { house === pair.outer ? 0 : 1 }

  func repair(_ house: House) {
    house.repair()
    healedAt[index(house)] = house.boot
    // One that is failing already ends all the same.
    isSpoilt[index(house)] = house.unit != nil && weir_unit_last_words(house.unit).count > 0
  }

  /// May the unit end for want of a good disk? A journal whose reserve is spent asks the disk for
  /// room once a second: until it has asked again, a disk that was full still is.
  private func mayFail(_ house: House) -> Bool {
    isSpoilt[index(house)]
      || house.failed == .noSpace && house.boot <= healedAt[index(house)] + 1000
  }

  private func die(_ house: House) {
    if chance.percent(50) {
      house.crash()
    } else {
      house.powerCut(chance.next(), darkMs: UInt64(100 + chance.below(3000)))
    }
  }

  func end(_ house: House) throws {
    if house === pair.inner { judgeTaken() }
    if chance.percent(50) { _ = house.turn() }
    if chance.percent(40), house.beginJob(), chance.percent(60) {
      // More comes while the disk works.
      seats(of: house).whisper()
      _ = house.turn()
      house.endJob()
    }
    // What could leave by now has left.
    take(seats(of: house))
    pair.collect(from: house)
    die(house)
    if chance.percent(30) { pass(UInt64(200 + chance.below(60_000)), step: 10_000) }
    try reopen(house)
  }

  /// A unit whose disk failed says so, ends, and is started again on a good one.
  private func tend(_ house: House) throws {
    guard house.failed != .ok else { return }
    check(mayFail(house), "a unit failed on a good disk")
    check(weir_unit_last_words(house.unit).count > 0, "a unit failed without a word")
    seats(of: house).hear()
    die(house)
    repair(house)
    try reopen(house)
  }

  private func restore() throws {
    let replaced = chance.percent(30)
    pair.outer.crash()
    repair(pair.outer)  // files are put back on a disk that takes them
    pair.outer.replaceData(with: replaced ? [] : copied?.files ?? [])
    outside.forget(after: replaced ? (0, 0) : copied?.mark ?? (0, 0))
    wasRestored = true
    try reopen(pair.outer)
  }

  // MARK: What happens

  private func happen() throws {
    switch chance.below(100) {
    case 0..<42: outside.speak()
    case 42..<47: inside.speak()
    case 47..<70: pass(UInt64(10 + chance.below(400)), step: 100)
    case 70..<76: pass(UInt64(1000 + chance.below(30_000)), step: 4000)
    case 76..<78:
      let minutes = chance.percent(80) ? 5 + chance.below(60) : 60 + chance.below(240)
      if chance.percent(40) { pair.weather.isDark = true }
      pass(UInt64(minutes) * 60_000, step: 60_000)
    case 78..<83: changeWeather()
    case 83..<85: (chance.percent(80) ? outside : inside).disconnect()
    case 85..<87: jump(chance.percent(70) ? pair.outer : pair.inner)
    case 87..<90: try end(pair.outer)
    case 90..<92: try end(pair.inner)
    case 92: try stop(chance.percent(70) ? pair.outer : pair.inner)
    case 93..<96: spoil(chance.percent(60) ? pair.outer : pair.inner)
    case 96: reload()
    case 97: openDrills()
    case 98: compareDigests()
    default: gate?.lost = chance.pick([0, 30, 100])
    }
  }

  private func changeWeather() {
    pair.weather = Weather(
      lost: chance.pick([0, 5, 20, 50]), repeated: chance.below(20), late: chance.below(30),
      corrupted: chance.pick([0, 0, 5, 20]), replayed: chance.pick([0, 5, 30]),
      isDark: chance.percent(15))
  }

  private func jump(_ house: House) {
    let most = chance.pick([500, 20_000, 7_200_000])
    let jump = Int64(chance.below(most)) - Int64(most / 2)
    weir_faulty_os_set_wall_ms(house.faulty, house.wall + jump)
  }

  private func stop(_ house: House) throws {
    let stopped = house.stop()
    check(stopped || mayFail(house), "a unit did not come to its end")
    try reopen(house)
  }

  private static let calls = [
    WEIR_FAULTY_ANY, WEIR_FAULTY_WRITE_AT, WEIR_FAULTY_WRITE_AT, WEIR_FAULTY_SYNC,
    WEIR_FAULTY_SYNC, WEIR_FAULTY_RENAME, WEIR_FAULTY_SYNC_DIRECTORY, WEIR_FAULTY_OPEN,
    WEIR_FAULTY_READ_AT, WEIR_FAULTY_RESERVE, WEIR_FAULTY_REMOVE, WEIR_FAULTY_LIST,
  ]

  private func spoil(_ house: House) {
    if isSpoilt[index(house)] && chance.percent(60) {
      repair(house)
      return
    }
    isSpoilt[index(house)] = true
    if chance.percent(30) {
      house.leave(UInt64(chance.below(400_000)))
      return
    }
    weir_faulty_os_fail(
      house.faulty, chance.pick(Self.calls), UInt64(chance.below(40)),
      chance.pick([1, 1, 3, UInt64.max]), chance.percent(70) ? .ioFailed : .noSpace)
  }

  private func reload() {
    outside.command("{\"op\":\"reload\"}")
    if pair.outer.desk.reloads.isEmpty { return }
    pair.outer.desk.reloads = []
    pair.outer.changePolicy()
    pair.outer.pump()
  }

  private func openDrills() {
    let until = Ask.time(pair.outer.wall + 3_600_000)
    let end = chance.percent(80) ? "\"until\":\"\(until)\"," : ""
    outside.command("{\"op\":\"drill\",\(end)\"by\":\"S01\"}")
  }

  /// Two people read their codes to each other, and one of them types a wrong one first.
  private func compareDigests() {
    guard let mine = outside.answer(to: "{\"op\":\"digest\"}"), let range = mine.string("range"),
      let code = mine.string("code"),
      let theirs = inside.answer(
        to: "{\"op\":\"digest\",\"id\":\"kd1\",\"range\":\"\(range)\"}")
    else { return }
    func typed(_ code: String) -> Line? {
      outside.answer(
        to: "{\"op\":\"digest\",\"range\":\"\(range)\",\"code\":\"\(code)\",\"by\":\"王队\"}")
    }
    let wrongCode = String(code.reversed())
    if wrongCode != code {
      check(typed(wrongCode)?.isDurable != true, "a wrong digest confirmed \(range)")
    }
    if let states = theirs.string("stateCode"), step % 2 == 0 {
      let isRight = states == mine.string("stateCode")
      check(typed(states)?.isDurable != true || isRight, "wrong states confirmed \(range)")
    }
    if theirs.string("code") == code { _ = typed(code) }
  }

  /// A lower boot epoch waits for a person, who asks 12345 by telephone and lets it in.
  private func admit() {
    guard let begun = pair.alarms("bootLower", "begin").last else { return }
    let item = inside.house.content("/out/" + begun).description
    guard let at = item.range(of: "weir admit ") else { return }
    let id = item[at.upperBound...].prefix { $0 != " " }
    inside.command("{\"op\":\"admit\",\"id\":\"\(id)\",\"by\":\"S01\",\"reason\":\"已核实\"}")
  }

  // MARK: A run

  private func take(_ seats: Seats) {
    seats.hear()
    for fault in seats.faults { check(false, fault.what, about: fault.about) }
    seats.faults = []
  }

  /// One step and what must hold after each.
  func advance() throws {
    step += 1
    try happen()
    if nature.isRestored && step >= 40 && copied == nil && !isSpoilt[0] {
      copied = (pair.outer.files(), outside.mark)  // of a disk that gives them up
    }
    if nature.isRestored && step == 80 { try restore() }
    if wasRestored && step % 10 == 0 { admit() }
    take(outside)
    take(inside)
    try tend(pair.outer)
    try tend(pair.inner)
    check(pair.reused == 0 && gate?.reused ?? 0 == 0, "a key and a nonce twice")
    check(pair.returned == 0, "the inner unit would send")
  }

  func run(steps: Int) throws {
    for _ in 0..<steps where wrong.isEmpty { try advance() }
    try calm()
  }

  /// Time for everything to come across; a person lets in what waits for one.
  func settle(_ milliseconds: UInt64) {
    // On a narrow line a turn takes as long as all that is unconfirmed.
    let span = nature.isNarrow ? milliseconds * 12 : milliseconds
    let step: UInt64 = nature.isNarrow ? 1000 : 200
    pass(span, step: step)
    if !wasRestored { return }
    admit()
    pass(span, step: step)
  }

  /// The disks are good, the line is up, and everybody has had the time that it takes.
  func calm() throws {
    for house in [pair.outer, pair.inner] {
      repair(house)
      if house.failed != .ok || isSpoilt[index(house)] {
        house.crash()
        repair(house)
        try reopen(house)
      }
    }
    pair.weather = Weather()
    gate?.lost = 0
    settle(6000)
    take(outside)
    take(inside)
  }
}
