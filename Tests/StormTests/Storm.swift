import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Foundation
import Testing
import WeirModel

/// A day of a pair of units in which everything happens, by a seed.
final class Storm {
  private static let events = [
    "transferStarted", "transferAnswered", "transferFailed", "callerTold", "callerGone",
    "calledOnBehalf", "threeWayStarted", "threeWayJoined", "talkStarted", "notAgreed",
    "dangerRaised", "redialAdvised", "escalated", "closed", "cancelled",
  ]
  private static let facts = [
    ["dangerToLife"], ["crime"], [], ["fire", "dangerToLife"], ["responsibilityUnclear"],
    ["scopeUnclear"], ["missingPerson"], ["medicalOnly", "dangerToLife"], ["policeMisconduct"],
    ["responsibilityUnclear", "dangerToPublic"], ["utilityHazard"],
  ]
  private static let mistypes = [
    "{", "", "{\"op\":\"intake\",\"facts\":[\"fire\"]}", "{\"op\":\"get\",\"handover\":\"1-1\"}",
    "nonsense dangerToLife", "{\"op\":\"event\",\"handover\":\"x\",\"event\":\"dangerRaised\"}",
  ]

  let seed: UInt64
  let pair: Pair
  private var chance: Chance
  private var clients: [UInt32] = []
  private var asked = 0
  private var lines: [String: String] = [:]
  /// Ref → its durable answer, in the order in which they came.
  private var durable: [(ref: String, answer: Line)] = []
  private var answers: [String: Line] = [:]
  private var known: [String] = []
  private(set) var wrong: [String] = []

  init(seed: UInt64) throws {
    self.seed = seed
    chance = Chance(seed)
    pair = try Pair(seed: seed)
    try pair.open()
  }

  private func check(_ holds: Bool, _ what: @autoclosure () -> String) {
    if !holds { wrong.append(what()) }
  }

  // MARK: Clients

  private func client() throws -> UInt32 {
    if clients.count < 3 {
      clients.append(try pair.outer.connect())
      if chance.percent(20), let watcher = try? pair.outer.connect() {
        pair.outer.send(watcher, Ask.watch())
        clients.append(watcher)
      }
    }
    return clients[chance.below(min(2, clients.count))]
  }

  private func remember(_ ref: String, _ line: String) -> String {
    lines[ref] = line
    return line
  }

  private func request() -> String {
    asked += 1
    let ref = "q\(asked)"
    let number = known.isEmpty ? "1-8" : chance.pick(known)
    // Matters grow rather than their number, so that each has a history.
    switch known.count < 12 ? chance.below(10) : 3 + chance.below(7) {
    case 0..<4:
      let channel = chance.percent(30) ? "internet" : "phone"
      return remember(ref, Ask.intake(ref, chance.pick(Self.facts), channel: channel))
    case 4..<8:
      let event = chance.pick(Self.events)
      let cause = event == "transferFailed" ? ",\"cause\":\"trunk\"" : ""
      return remember(ref, Ask.event(number, event, ref: ref, more: cause))
    case 8: return remember(ref, Ask.update(ref, number, text: "补充\(asked)"))
    default:
      guard let old = durable.last, chance.percent(50) else { return chance.pick(Self.mistypes) }
      return lines[chance.percent(50) ? old.ref : chance.pick(durable).ref] ?? ""
    }
  }

  private func hear(_ client: UInt32) {
    for answer in pair.outer.receive(client) {
      guard answer.isDurable, let ref = answer.ref else { continue }
      if let first = answers[ref] {
        check(first == answer, "another answer for \(ref): \(first) → \(answer)")
        continue
      }
      answers[ref] = answer
      durable.append((ref, answer))
      if let number = answer.string("handover"), !known.contains(number) { known.append(number) }
    }
  }

  private func hearAll() {
    for client in clients { hear(client) }
  }

  // MARK: What happens

  private func reopen(_ house: House) throws {
    if house.options.role == .outer { clients = [] }
    let status = house.open()
    try #require(status == .ok, "seed \(seed): \(house.problem)")
    if house === pair.inner { check(pair.flawsOfDelivery().isEmpty, "unmarked or torn items") }
  }

  private func end(_ house: House) throws {
    if chance.percent(50) { _ = house.turn() }
    if chance.percent(30) { _ = house.beginJob() }
    if chance.percent(50) {
      house.crash()
    } else {
      house.powerCut(chance.next(), darkMs: UInt64(100 + chance.below(3000)))
    }
    if chance.percent(30) { pair.pass(UInt64(200 + chance.below(60_000)), step: 10_000) }
    try reopen(house)
  }

  func step() throws {
    switch chance.below(100) {
    case 0..<55:
      let client = try client()
      for _ in 0...chance.below(4) { pair.outer.send(client, request()) }
      if chance.percent(60) { pair.outer.pump() }
    case 55..<80: pair.pass(UInt64(10 + chance.below(400)))
    case 80..<85: pair.pass(UInt64(1000 + chance.below(30_000)), step: 4000)
    case 85..<90:
      pair.weather = Weather(
        lost: chance.pick([0, 5, 20, 50]), repeated: chance.below(20), late: chance.below(30),
        isDark: chance.percent(20))
    case 90..<92:
      guard let client = clients.popLast() else { return }
      pair.outer.disconnect(client)
    case 92..<94:
      let jump = Int64(chance.below(20_000)) - 10_000
      weir_faulty_os_set_wall_ms(pair.outer.faulty, pair.outer.wall + jump)
    case 94..<97: try end(pair.outer)
    case 97..<99: try end(pair.inner)
    default:
      _ = pair.outer.stop()
      try reopen(pair.outer)
    }
    hearAll()
  }

  // MARK: Afterwards

  func run(steps: Int) throws {
    for _ in 0..<steps { try step() }
    pair.weather = Weather()
    pair.pass(6000, step: 200)
    hearAll()
  }

  /// The whole record of every matter, but for the copies on the link: those are counted in memory.
  private func records() throws -> [String] {
    let client = try pair.outer.connect()
    return try known.map { number in
      let text = try pair.outer.one(client, Ask.get(number)).description
      guard let data = text.range(of: "\"data\":{"),
        let end = text[data.upperBound...].firstIndex(of: "}")
      else { return text }
      let isSettled = text[data.upperBound..<end].contains("confirmed")
      return isSettled ? text : text.replacingCharacters(in: data.upperBound..<end, with: "")
    }
  }

  /// A journal read again says of each matter what the unit said that wrote it.
  private func judgeRebuilt() throws {
    let before = try records()
    pair.outer.crash()
    try reopen(pair.outer)
    let after = try records()
    check(!before.isEmpty, "a storm without matters proves nothing")
    for (old, new) in zip(before, after) where old != new {
      wrong.append("rebuilt otherwise:\n\(old)\n\(new)")
    }
  }

  /// What must be so after any storm, once the line was good for a while.
  func judge() throws {
    try end(pair.outer)
    pair.pass(3000, step: 200)
    try judgeRebuilt()
    pair.pass(3000, step: 200)
    let client = try pair.outer.connect()
    for (ref, answer) in durable {
      let again = try pair.outer.one(client, lines[ref] ?? "")
      check(again == answer, "\(ref) was durable: \(answer), now \(again)")
    }
    let mine = JournalOracle(pair.outer)
    let theirs = JournalOracle(pair.inner)
    check(mine.status == .ok && theirs.status == .ok, "a journal does not read")
    check(mine.forgotten().isEmpty, "forgotten: \(mine.forgotten())")
    let wanted = mine.crossing("kd1")
    let here = pair.latestDelivered
    for (number, revision) in wanted {
      check(here[number] == revision, "\(number) r\(revision), delivered \(here[number] ?? 0)")
    }
    check(here.count == wanted.count, "more was delivered than crossed")
    check(!pair.delivered.contains { $0.contains("conflict") }, "a conflict: \(pair.delivered)")
    check(pair.inner.names(in: "/out/.quarantine").isEmpty, "quarantined")
    check(pair.reused == 0, "a nonce twice")
    check(pair.flawsOfDelivery().isEmpty, "unmarked or torn items")
    check(Set(theirs.marks).count == theirs.marks.count, "marked twice")
    check(Set(theirs.marks) == Set(pair.inner.names(in: "/out")), "marked and published differ")
  }

  var size: (asked: Int, durable: Int, delivered: Int) {
    (asked, durable.count, pair.delivered.count)
  }
}
