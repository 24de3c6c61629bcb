import CWeirBase
import CWeirWorks
import WeirChance
import WeirModel

/// The people of one unit: what they ask for, and what they were answered.
final class Seats {
  /// Phones of callers: never in a log.
  static let phones = (0..<6).map { "1380013800\($0)" }
  private static let facts = [
    ["dangerToLife"], ["crime"], [], ["fire", "dangerToLife"], ["responsibilityUnclear"],
    ["scopeUnclear"], ["missingPerson"], ["medicalOnly", "dangerToLife"], ["policeMisconduct"],
    ["responsibilityUnclear", "dangerToPublic"], ["utilityHazard"], ["nonUrgentRequest"],
    ["medicalOnly"], ["legalOrPetitionProcess"],
  ]
  /// Facts that nothing may hold back.
  private static let pressing = ["dangerToLife", "dangerToPublic", "dangerToProperty"]
  private static let mistypes = [
    "{", "", "{\"op\":\"intake\",\"facts\":[\"fire\"]}", "{\"op\":\"get\",\"handover\":\"1-1\"}",
    "nonsense dangerToLife", "{\"op\":\"event\",\"handover\":\"x\",\"event\":\"dangerRaised\"}",
    "{\"op\":\"take\"}", "{\"op\":\"metrics\"}", "{\"op\":\"status\"}",
    "{\"op\":\"update\",\"handover\":\"417-6\",\"text\":\"\\u202e\"}",
  ]

  let house: House
  private let prefix: String
  private var chance: Chance
  private var clients: [UInt32] = []
  private var control: UInt32?
  private var asked = 0
  private(set) var lines: [String: String] = [:]
  private var answers: [String: Line] = [:]
  /// Refs with a durable answer, in the order in which those came.
  private(set) var durable: [(ref: String, answer: Line)] = []
  private(set) var known: [String] = []
  /// Requests that must never be answered durable, and why.
  private var forbidden: [String: String] = [:]
  /// What was found wrong, and about which handover or ref.
  var faults: [(what: String, about: String)] = []
  /// Over every answer, in order.
  private(set) var hash: UInt64 = 0
  /// The codes that the other side shows for a handover: what a desk could read out.
  var codes: (String) -> [String] = { _ in [] }
  /// What makes a refused line long, so that segments close; empty: none is.
  var bulk = ""
  /// Most matters that are begun; afterwards they only grow.
  var mattersMost = 12

  init(_ house: House, seed: UInt64) {
    self.house = house
    prefix = house.options.role == .inner ? "p" : "q"
    chance = Chance(seed: seed)
  }

  // MARK: Connections

  /// The unit went, and every connection with it.
  func forgetConnections() {
    clients = []
    control = nil
  }

  private func client() -> UInt32? {
    if clients.count < 3 {
      guard let new = house.connectIfOpen() else { return clients.first }
      clients.append(new)
      if chance.percent(20), let watcher = house.connectIfOpen() {
        house.send(watcher, Ask.watch())
        clients.append(watcher)
      }
    }
    return clients[chance.below(min(2, clients.count))]
  }

  func disconnect() {
    guard let client = clients.popLast() else { return }
    if chance.percent(40) { house.give(client, Array("{\"op\":\"intake\",\"fac".utf8)) }
    house.disconnect(client)
  }

  /// A few lines of one seat, at once.
  func speak() {
    guard let client = client() else { return }
    for _ in 0...chance.below(4) { house.send(client, request()) }
    if chance.percent(60) { house.pump() }
  }

  /// One line, which waits.
  func whisper() {
    if let client = client() { house.send(client, request()) }
  }

  /// One line over the control socket.
  func command(_ line: String) {
    if control == nil { control = house.connectIfOpen(control: true) }
    guard let control else { return }
    house.send(control, line)
    house.pump()
    for answer in house.receive(control) { note(answer) }
  }

  /// One line over a control socket of its own, and its answer.
  func answer(to line: String) -> Line? {
    guard let client = house.connectIfOpen(control: true) else { return nil }
    defer { house.disconnect(client) }
    return house.ask(client, line).first
  }

  // MARK: Requests

  /// A new ref, and its line for later.
  private func remember(_ make: (String) -> String) -> String {
    asked += 1
    let ref = "\(prefix)\(asked)"
    let line = make(ref)
    lines[ref] = line
    return line
  }

  private func request() -> String {
    // Matters grow rather than their number, so that each has a history.
    switch known.count < mattersMost ? chance.below(10) : 3 + chance.below(7) {
    case 0..<4: return remember { intake($0) }
    case 4..<8:
      guard !known.isEmpty else { return remember { intake($0) } }
      return remember { event($0, of: chance.pick(known)) }
    case 8:
      guard !known.isEmpty else { return mistype() }
      return chance.percent(80) ? remember { update($0, chance.pick(known)) } : look()
    default:
      guard let old = durable.last, chance.percent(50) else { return mistype() }
      return lines[chance.percent(50) ? old.ref : chance.pick(durable).ref] ?? ""
    }
  }

  /// A line that is refused; a long one shows danger, so that it goes to quarantine.
  private func mistype() -> String {
    if bulk.isEmpty || chance.percent(40) { return chance.pick(Self.mistypes) }
    return "{\"facts\":[\"fire\"],\"" + bulk
  }

  private func look() -> String {
    let number = chance.pick(known)
    return chance.percent(50)
      ? Ask.get(number) : "{\"op\":\"trace\",\"handover\":\"\(number)\"}"
  }

  private func intake(_ ref: String) -> String {
    var more = ",\"text\":\"件\(ref)\""
    if chance.percent(50) {
      more += ",\"caller\":{\"name\":\"某人\(ref)\",\"phone\":\"\(chance.pick(Self.phones))\"}"
    }
    if chance.percent(30) { more += ",\"place\":{\"county\":\"513301\"}" }
    if chance.percent(40) { more += ",\"seat\":\"A07\"" }
    if chance.percent(8) { more += ",\"drill\":true" }
    if chance.percent(8) { more += ",\"redialledFrom110\":true" }
    if chance.percent(8) { more += ",\"confidential\":true" }
    if chance.percent(10), !known.isEmpty { more += ",\"follows\":\"\(chance.pick(known))\"" }
    if chance.percent(10) {
      let at = house.wall - Int64(chance.below(90_000))
      more += ",\"receivedAt\":\"\(Ask.time(at))\""
    }
    let isInner = house.options.role == .inner
    let by = isInner || chance.percent(8) ? "110" : "12345"
    let online = (by == "110" && !isInner) || chance.percent(30)
    return Ask.intake(
      ref, chance.pick(Self.facts), by: by, channel: online ? "internet" : "phone", more: more)
  }

  private func update(_ ref: String, _ number: String) -> String {
    let facts = chance.percent(30) ? ",\"facts\":[\"\(chance.pick(Self.pressing))\"]" : ""
    return "{\"op\":\"update\",\"ref\":\"\(ref)\",\"handover\":\"\(number)\","
      + "\"text\":\"补充\(ref)\"\(facts)}"
  }

  private static let plain = [
    "transferStarted", "transferAnswered", "callerTold", "callerGone", "calledOnBehalf",
    "threeWayStarted", "talkStarted", "notAgreed", "redialAdvised", "escalated", "closed",
  ]
  private static let causes = [
    "network", "trunk", "noAnswer", "busy", "platform", "callerHungUp", "other",
  ]
  private static let reason = ",\"reason\":\"误报\""

  private func event(_ ref: String, of number: String) -> String {
    func say(_ event: String, _ more: String = "") -> String {
      Ask.event(number, event, ref: ref, more: more)
    }
    switch chance.below(26) {
    case 0..<11: return say(chance.pick(Self.plain))
    case 11..<14: return say("transferFailed", ",\"cause\":\"\(chance.pick(Self.causes))\"")
    case 14:
      return say("threeWayJoined", ",\"party\":\"\(chance.pick(["caller", "12345", "110"]))\"")
    case 15: return say("threeWayJoined", ",\"party\":\"110\",\"left\":true")
    case 16: return say("agreed", ",\"owner\":\"\(chance.pick(["110", "12345"]))\"")
    case 17: return say("dangerRaised", ",\"facts\":[\"\(chance.pick(Self.pressing))\"]")
    case 18: return clearing(ref, number)
    case 19: return say("verified", ",\"department\":\"城管局\",\"answer\":\"属12345\"")
    case 20: return say("guided", ",\"reached\":\(chance.percent(50))")
    case 21: return say("referred", ",\"department\":\"住建局\"")
    case 22: return supervised(ref, number, "cancelled")
    case 23: return say("reportAcknowledged")
    default: return receipt(ref, number)
    }
  }

  private func supervised(_ ref: String, _ number: String, _ event: String) -> String {
    "{\"op\":\"event\",\"ref\":\"\(ref)\",\"handover\":\"\(number)\",\"event\":\"\(event)\","
      + "\"by\":\"S01\"\(Self.reason)}"
  }

  /// By a supervisor, or by somebody who may not.
  private func clearing(_ ref: String, _ number: String) -> String {
    if chance.percent(60) { return supervised(ref, number, "dangerCleared") }
    forbidden[ref] = "danger was cleared by no supervisor"
    return Ask.event(number, "dangerCleared", ref: ref, more: Self.reason)
  }

  private func receipt(_ ref: String, _ number: String) -> String {
    let shown = codes(number)
    var code = shown.isEmpty ? "000000" : chance.pick(shown)
    if chance.percent(35) {
      // One digit too many, and one too few: no revision has such a code.
      code = chance.percent(50) ? code + "7" : String(code.dropLast())
      forbidden[ref] = "a receipt code was taken that nobody could read out"
    } else if !shown.isEmpty && chance.percent(20) {
      let digits = String(1_000_000 + (Int(code) ?? 0) + 1).suffix(6)
      if !shown.contains(String(digits)) {
        code = String(digits)
        guesses.insert(ref)
      }
    }
    return Ask.event(number, "receipt", ref: ref, more: ",\"code\":\"\(code)\"")
  }

  /// Six digits that no item shows. One in a million may fit a revision that was overtaken, two of
  /// one storm do not.
  private var guesses: Set<String> = []
  private var guessed = 0

  // MARK: Answers

  func hear() {
    for client in clients {
      for answer in house.receive(client) { note(answer) }
    }
  }

  private func note(_ answer: Line) {
    hash = answer.bytes.withUnsafeBufferPointer {
      weir_hash(hash, weir_bytes(at: $0.baseAddress, count: $0.count))
    }
    guard let ref = answer.ref else { return }
    if let code = answer.code { noteRefusal(ref, code, answer) }
    guard answer.isDurable else { return }
    if let first = answers[ref] {
      if first != answer { faults.append(("another answer: \(first) → \(answer)", ref)) }
      return
    }
    if let why = forbidden[ref] { faults.append((why, ref)) }
    if guesses.contains(ref) {
      guessed += 1
      if guessed == 2 { faults.append(("receipt codes were guessed", ref)) }
    }
    answers[ref] = answer
    durable.append((ref, answer))
    if let number = answer.string("handover"), !known.contains(number) { known.append(number) }
  }

  /// Danger is never refused for load or for want of space while its own reserve lasts.
  private func noteRefusal(_ ref: String, _ code: String, _ answer: Line) {
    guard ["overloaded", "diskFull", "tooMany"].contains(code), let line = lines[ref] else {
      return
    }
    let isIntake = line.hasPrefix("{\"op\":\"intake\"")
    let isDanger = Self.pressing.contains { line.contains("\"\($0)\"") }
    if isIntake && isDanger { faults.append(("danger was refused: \(answer)", ref)) }
  }

  /// The handover that a ref or a number speaks of.
  func handover(of about: String) -> String? {
    if about.contains("-") { return about }
    if let number = answers[about]?.string("handover") { return number }
    return lines[about].map { Line(Array($0.utf8)) }?.string("handover")
  }

  // MARK: The disk is put back

  /// How much is known now; for ``forget(after:)``.
  var mark: (durable: Int, known: Int) { (durable.count, known.count) }

  func forget(after mark: (durable: Int, known: Int)) {
    for (ref, _) in durable[mark.durable...] { answers[ref] = nil }
    durable.removeSubrange(mark.durable...)
    known.removeSubrange(mark.known...)
  }
}
