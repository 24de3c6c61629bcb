import CWeirBenchmarks
import Foundation
import WeirConfiguration
import WeirCore
import WeirMeasure
import WeirModel

/// One run of a scenario: the load, what came of it, and the oracle's word on it.
///
/// It begins, loads one or several times, settles (waits until all that 110 is owed is delivered)
/// and is finished, which joins everything and measures.
final class Trial {
  let stage: Stage
  let taker: Taker
  /// What each ref of this run begins with.
  let tag: String
  /// What the terminal calls it while it runs.
  var name = ""
  private let comparison: Comparison?
  private let memory: UnsafeMutableBufferPointer<weir_load_answer>
  private var answerCount = 0
  private var sent: UInt64 = 0
  private(set) var seconds = 0.0
  private var generatorNs: UInt64 = 0
  private var lateSends: UInt64 = 0
  private(set) var refused: UInt64 = 0
  private(set) var refusal = ""
  private var lanes: [UInt64: Lane] = [:]
  private let cpuBefore: (outer: Double, inner: Double)?

  /// - Parameters:
  ///   - most: requests and events that are answered.
  ///   - compare: seconds between two comparisons by 对账码; 0: nobody compares.
  init(_ stage: Stage, most: Int, compare: Double) throws {
    self.stage = stage
    tag = String(UInt32.random(in: 36_000...1_600_000), radix: 36) + "-"
    // Each matter that crosses is delivered as three revisions at most: came in, answered, closed.
    taker = try Taker(stage, most: 2 * most + 1000)
    let bytes = (most + 1) * MemoryLayout<weir_load_answer>.stride
    guard
      let pages = mmap(
        nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      pages != MAP_FAILED
    else { throw Trouble("no memory for \(most) answers") }
    memory = UnsafeMutableBufferPointer(
      start: pages.bindMemory(to: weir_load_answer.self, capacity: most + 1), count: most)
    let first = compare > 0 && stage.isOurs ? UInt64(1) : 0
    comparison =
      first == 0 ? nil : try Comparison(stage, taker, first: first, pause: compare)
    cpuBefore = stage.pair?.cpuSeconds
  }

  deinit {
    munmap(memory.baseAddress, (memory.count + 1) * MemoryLayout<weir_load_answer>.stride)
  }

  /// A mix of this trial's own: drills against units that run already.
  func mix(_ kind: Mix.Kind, bytes: Int, follows: Bool = true) throws -> Mix {
    try Mix(kind.weights, bytes: bytes, tag: tag, follows: follows, drill: !stage.isOurs)
  }

  /// Answers so far.
  var answers: UnsafeMutableBufferPointer<weir_load_answer>.SubSequence { memory[..<answerCount] }

  /// Loads to the end, on this thread.
  ///
  /// - Returns: requests a second that were sent.
  @discardableResult
  func load(_ mix: Mix, rate: Double, seconds: Double, connections: UInt32) throws -> Double {
    var load = Load(socket: stage.intake)
    load.connections = connections
    load.rate = rate
    load.seconds = seconds
    load.first = sent
    load.most = UInt64((rate * seconds).rounded())
    load.answers = UnsafeMutableBufferPointer(rebasing: memory[answerCount...])
    let ticker = Ticker(name, taker)
    defer { ticker.end() }
    let result = try load.run(mix)
    answerCount += Int(result.answers)
    sent += result.sent
    generatorNs += result.cpu_ns
    lateSends += result.late_sends
    refused += result.refused
    if refusal.isEmpty { refusal = result.refusal }
    self.seconds += Double(result.time_ns) / 1e9
    return Double(result.sent) / max(1e-9, Double(result.time_ns) / 1e9)
  }

  /// Puts answers beside those of the generator, as other clients had them.
  func add(_ answers: [weir_load_answer]) throws {
    guard answerCount + answers.count <= memory.count else { throw Trouble("too many answers") }
    for answer in answers {
      memory[answerCount] = answer
      answerCount += 1
    }
  }

  /// Counts what other clients did.
  func count(requests: UInt64, seconds: Double) {
    sent += requests
    self.seconds += seconds
  }

  /// Counts a refusal of another client's, and keeps the first.
  func refuse(_ line: String) {
    refused += 1
    if refusal.isEmpty { refusal = line }
  }

  /// Waits until the newest revision that has to cross was delivered of every matter.
  ///
  /// - Parameter most: seconds after which it waits no more; the oracle then says what is missing.
  func settle(most: Double = 60) throws {
    var owed = try owedRevisions()
    var looked = 0
    let end = Date().addingTimeInterval(most)
    while !owed.isEmpty, Date() < end, taker.trouble == nil {
      let count = taker.count
      while looked < count {
        let item = taker[looked]
        if let revision = owed[item.handover], item.revision >= revision {
          owed.removeValue(forKey: item.handover)
        }
        looked += 1
      }
      if !owed.isEmpty { usleep(5_000) }
    }
  }

  private func owedRevisions() throws -> [UInt64: UInt32] {
    var owed: [UInt64: UInt32] = [:]
    let mine = Set(answers.lazy.map(\.handover))
    let tag = tag
    _ = try JournalReader.look(stage.data, unit: stage.outer) { record in
      guard record.kind == .change, record.crossing != 0 else { return true }
      let change = Change(record, tag: tag)
      if mine.contains(change.handover.word) {
        owed[change.handover.word] = change.isOwed ? change.revision : nil
      }
      return true
    }
    return owed
  }

  /// Stops what was started and joins everything.
  func finish() throws -> Outcome {
    try comparison?.end()
    if !stage.isOurs { try typeReceipts() }
    // A revision that comes twice comes as a repeat: a while after all are here.
    usleep(300_000)
    let cpu = stage.pair?.cpuSeconds
    let turns = try (longestTurn(stage.outerControl), longestTurn(stage.innerControl))
    stage.pair?.outer.stop()
    usleep(100_000)
    try taker.end()
    if let trouble = taker.trouble { throw Trouble(trouble) }
    stage.pair?.relay?.end()
    stage.pair?.inner.stop()
    var evidence = Evidence()
    evidence.answers = answers.map(Answer.init)
    try readJournal(into: &evidence)
    let mine = Set(evidence.changes.lazy.map(\.handover.word))
    evidence.deliveries = (0..<taker.count).lazy.map { self.taker[$0] }
      .filter { mine.contains($0.handover) || self.stage.isOurs }.map(Delivery.init)
    var outcome = Outcome(evidence: evidence, alarms: taker.alarms, seconds: seconds)
    outcome.generatorMicroseconds = Double(generatorNs) / 1000 / Double(max(1, sent))
    outcome.lateSends = lateSends
    outcome.refused = refused
    outcome.refusal = refusal
    outcome.sent = sent
    (outcome.outerTurn, outcome.innerTurn) = turns
    if let before = cpuBefore, let cpu, sent > 0 {
      outcome.outerMicroseconds = (cpu.outer - before.outer) * 1e6 / Double(sent)
      outcome.innerMicroseconds = (cpu.inner - before.inner) * 1e6 / Double(sent)
    }
    measure(&outcome)
    return outcome
  }

  private func longestTurn(_ control: String) throws -> Double? {
    let loop = try Control(control).status()["loop"] as? [String: Any]
    return (loop?["longestTurnUs"] as? Int).map { Double($0) / 1000 }
  }

  /// Changes of the matters of this run, and the copies of what crossed.
  private func readJournal(into evidence: inout Evidence) throws {
    var lanes: [UInt64: Lane] = [:]
    var copies: [UInt64: UInt64] = [:]
    var changes: [Change] = []
    let (tag, isOurs) = (tag, stage.isOurs)
    var mine: Set<UInt64> = []
    var endMs: Int64 = 0
    _ = try JournalReader.look(stage.data, unit: stage.outer) { record in
      switch record.kind {
      case .tally:
        record.tally { crossing, count, _ in copies[crossing, default: 0] += UInt64(count) }
      case .start:
        changes.append(Change(handover: HandoverKey(0), kind: .start, atMs: record.now.wall))
      case .stop:
        endMs = record.now.wall
      case .change:
        var change = Change(record, tag: tag)
        let key = change.handover.word
        if change.number != nil || isOurs { mine.insert(key) }
        guard mine.contains(key) else { break }
        if change.kind != .intake { change.number = nil }
        if record.crossing != 0, lanes[key] == nil { lanes[key] = record.state.lane }
        changes.append(change)
      default:
        break
      }
      return true
    }
    evidence.changes = changes
    self.lanes = lanes
    if isOurs { (evidence.copies, evidence.endMs) = (copies, endMs) }
  }

  /// The matters of a lane, once it is finished.
  func matters(in lane: Lane) -> Set<UInt64> { Set(lanes.filter { $0.value == lane }.keys) }

  private func measure(_ outcome: inout Outcome) {
    var first: [UInt64: weir_taken] = [:]
    for index in 0..<taker.count where first[taker[index].handover] == nil {
      first[taker[index].handover] = taker[index]
    }
    // Of many clients the first one to be answered need not be the first one planned.
    let begin = answers.lazy.map(\.planned_ns).min() ?? 0
    for answer in answers where answer.flags & UInt8(WEIR_ANSWER_REFUSED) == 0 {
      if answer.flags & UInt8(WEIR_ANSWER_EVENT) != 0 { continue }
      let second = Int((answer.planned_ns &- begin) / 1_000_000_000)
      outcome.note(.answered, second, answer.answered_ns &- answer.planned_ns)
      guard let item = first[answer.handover] else { continue }
      let lane = lanes[answer.handover] ?? .later
      outcome.note(.delivered, second, item.taken_ns &- answer.planned_ns, lane: "\(lane)")
    }
  }
}

/// Says each second how long a load has run and how much was delivered.
private final class Ticker: @unchecked Sendable {
  private let lock = NSLock()
  private var isEnding = false

  init(_ name: String, _ taker: Taker) {
    let begin = Date()
    Thread.detachNewThread { [self] in
      while !lock.withLock({ isEnding }) {
        let seconds = Int(Date().timeIntervalSince(begin))
        Sheet.progress("\(name): \(seconds) s, \(taker.count) items delivered")
        Thread.sleep(forTimeInterval: 1)
      }
    }
  }

  func end() { lock.withLock { isEnding = true } }
}

extension Answer {
  init(_ answer: weir_load_answer) {
    let flags = Int(answer.flags)
    self.init(
      number: answer.number, handover: HandoverKey(answer.handover), revision: answer.revision,
      receivedMs: answer.received_ms, deadlineMs: answer.deadline_ms,
      isDurable: flags & Int(WEIR_ANSWER_DURABLE) != 0,
      isRefused: flags & Int(WEIR_ANSWER_REFUSED) != 0,
      isEvent: flags & Int(WEIR_ANSWER_EVENT) != 0,
      isMisplaced: flags & Int(WEIR_ANSWER_MISPLACED) != 0)
  }
}

extension Delivery {
  init(_ item: weir_taken) {
    let flags = Int(item.flags)
    self.init(
      handover: HandoverKey(item.handover), revision: item.revision, crossing: item.crossing,
      ageMs: flags & Int(WEIR_TAKEN_NO_AGE) != 0 ? nil : item.age_ms,
      isStale: flags & Int(WEIR_TAKEN_NO_STALE) != 0 ? nil : flags & Int(WEIR_TAKEN_STALE) != 0,
      receivedMs: item.received_ms, arrivedMs: item.arrived_ms,
      isConflict: flags & Int(WEIR_TAKEN_CONFLICT) != 0)
  }
}

extension Change {
  /// - Parameter tag: what the refs of this run begin with.
  init(_ record: borrowing JournalRecord, tag: String) {
    let state = record.state
    let number = record.number
    let kind: Kind =
      switch record.step {
      case .intake: .intake
      case .deadline: .deadline
      case .event, .update: .event
      }
    let isEmergency = state.flags.contains(.emergency)
    self.init(
      handover: HandoverKey(day: number.day, serial: number.serial, isDrill: number.isDrill),
      revision: state.revision, kind: kind,
      number: kind == .intake ? Self.number(in: record.line, tag: tag) : nil,
      crossing: record.crossing,
      isOwed: record.crossing != 0 && state.data != .confirmed && state.data != .expired,
      atMs: record.now.wall, minuteMs: state.minute.isSet ? state.minute.wall : 0,
      needsMinute: record.crossing != 0 && (state.action == .transferByPhone || isEmergency),
      deadlineMs: state.deadline.isSet ? state.deadline.wall : 0)
  }

  private static func number(in line: String, tag: String) -> UInt64? {
    var line = line
    return line.withUTF8 { bytes -> UInt64? in
      guard let start = bytes.baseAddress else { return nil }
      return start.withMemoryRebound(to: CChar.self, capacity: bytes.count) { start -> UInt64? in
        let ref = weir_text_field(weir_text(at: start, count: bytes.count), "ref")
        var number: UInt64 = 0
        guard weir_text_tail(ref, &number), ref.count == tag.utf8.count + 12,
          tag.withCString({ memcmp($0, ref.at, tag.utf8.count) == 0 })
        else { return nil }
        return number
      }
    }
  }
}
