import Foundation
public import WeirCore
public import WeirModel
public import WeirPolicy

/// Decides the matters of a journal again, by other policies. Reads; changes nothing.
public struct Rehearsal {
  /// A decision that would come out otherwise.
  public struct Difference: Sendable {
    /// The matter's number.
    public let handover: String
    /// When it was received, milliseconds since 1970.
    public let receivedAt: Int64
    /// The facts that held.
    public let facts: FactSet
    /// Where and how it came in.
    public let platform: Platform
    /// How it came in.
    public let channel: Channel
    /// What was decided, as the journal has it: owner, action, clause, rule, policy.
    public let before: Recorded
    /// Where the other policy leads, and by which rule.
    public let after: Ending
    /// The rule of the other policy.
    public let rule: String
    /// An emergency that went to 110 would not.
    public let losesPolice: Bool
  }

  /// A decision as the journal has it.
  public struct Recorded: Sendable, Decodable {
    /// Who took the matter.
    public let owner: String
    /// What was done next.
    public let action: String
    /// The clause.
    public let clause: String
    /// The rule.
    public let rule: String
    /// Whether it was an emergency.
    public let emergency: Bool
    /// The policy's version.
    public let policy: String

    fileprivate func isSame(as ending: Ending) -> Bool {
      owner == ending.owner.name && action == ending.action.name && clause == ending.clause
        && emergency == ending.emergency
    }
  }

  /// Decisions that were made again.
  public private(set) var decisions = 0
  /// Of those, how many came out otherwise.
  public private(set) var different = 0
  /// Emergencies that would no longer go to 110.
  public private(set) var lost = 0

  private let book: PolicyBook
  private let role: UnitRole
  private let since: Int64
  /// The last decision and facts of the matters that are open at this point of the journal.
  private var last: [HandoverNumber: (text: UInt32, facts: FactSet)] = [:]
  private var recorded: [UInt32: Recorded] = [:]

  /// A rehearsal of what was received from a moment on, milliseconds since 1970.
  public init(_ book: PolicyBook, role: UnitRole, since: Int64) {
    self.book = book
    self.role = role
    self.since = since
  }

  /// Goes through a journal.
  ///
  /// - Parameters:
  ///   - data: the unit's data folder.
  ///   - unit: its name.
  ///   - visit: called with every difference, in the order of the journal.
  public mutating func run(
    data: String, unit: String, visit: (Difference) -> Void
  ) throws(CoreError) {
    var rehearsal = self
    _ = try JournalReader.look(data, unit: unit) { record in
      if record.kind == .change { rehearsal.take(record, visit) }
      return true
    }
    self = rehearsal
  }

  private mutating func take(_ record: borrowing JournalRecord, _ visit: (Difference) -> Void) {
    let state = record.state
    let number = record.number
    let before = last[number]
    last[number] = record.effects.contains(.end) ? nil : (state.decisionText, state.facts)
    let isNew =
      record.step == .intake || before?.text != state.decisionText || before?.facts != state.facts
    guard isNew, record.now.wall >= since, !state.flags.contains(.drill) else { return }
    // Where a person took a danger back, what stands was decided on facts that hold no more.
    let stands = before?.text == state.decisionText
    if stands && state.flags.contains(.dangerCleared) { return }
    guard let was = decision(state.decisionText, record) else { return }
    // What people agreed on since is not the policy's to decide again.
    guard was.owner == state.owner.name, was.action == state.action.name else { return }
    decisions += 1
    let policy = book.policy(at: state.receivedAt)
    let decision = policy.decide(state.facts, in: Circumstances(of: state, role: role))
    let ending = policy.ending(of: decision)
    guard !was.isSame(as: ending) else { return }
    different += 1
    let isUrgent = state.flags.contains(.emergency)
    let losesPolice = state.goesToPolice && isUrgent && !ending.goesToPolice
    if losesPolice { lost += 1 }
    visit(
      Difference(
        handover: record.handover, receivedAt: state.receivedAt, facts: state.facts,
        platform: state.platform, channel: state.channel, before: was, after: ending,
        rule: policy.rules[Int(decision.rule)].id, losesPolice: losesPolice))
  }

  private mutating func decision(
    _ id: UInt32, _ record: borrowing JournalRecord
  ) -> Recorded? {
    if let known = recorded[id] { return known }
    let text = Data(record.text(id).utf8)
    guard let decoded = try? JSONDecoder().decode(Recorded.self, from: text) else { return nil }
    recorded[id] = decoded
    return decoded
  }
}

/// The emergencies of a journal, held against other policies: does each still go to 110?
struct PastEmergencies {
  /// Everything that a decision hangs on.
  private struct Kind: Hashable {
    let facts: FactSet
    let platform: Platform
    let channel: Channel
    let county: UInt32
    let receivedAt: Int64
  }

  private let book: PolicyBook
  private let role: UnitRole
  private var seen: Set<Kind> = []
  /// Matters that would no longer go to 110, one of each kind.
  private(set) var lost: [String] = []

  init(_ book: PolicyBook, role: UnitRole) {
    self.book = book
    self.role = role
  }

  /// Readings of a journal that is being written, before it counts as damaged: what is read at its
  /// growing end may not fit together.
  private static let readingsMax = 20

  /// The matters of a journal, which may be a running unit's, that would no longer go to 110, one
  /// of each kind.
  static func lost(
    by book: PolicyBook, role: UnitRole, data: String, unit: String
  ) throws(CoreError) -> [String] {
    for _ in 1..<readingsMax {
      do throws(CoreError) {
        return try read(book, role, data, unit)
      } catch {
        guard error.kind == .damaged else { throw error }
        Thread.sleep(forTimeInterval: 0.02)
      }
    }
    return try read(book, role, data, unit)
  }

  private static func read(
    _ book: PolicyBook, _ role: UnitRole, _ data: String, _ unit: String
  ) throws(CoreError) -> [String] {
    var past = PastEmergencies(book, role: role)
    _ = try JournalReader.look(data, unit: unit) { record in
      if record.kind == .change { past.take(record) }
      return true
    }
    return past.lost
  }

  private mutating func take(_ record: borrowing JournalRecord) {
    let state = record.state
    // What no policy decided says nothing about policies.
    guard state.flags.contains(.emergency), state.goesToPolice, !state.flags.contains(.drill),
      state.decisionText != 0
    else { return }
    // What a supervisor took back after 110 had it stays with 110, whatever its facts say now.
    if state.flags.contains(.dangerCleared) && state.phase == .transferred { return }
    let isTimed = book.asksForTime
    let kind = Kind(
      facts: state.facts, platform: state.platform, channel: state.channel, county: state.county,
      receivedAt: isTimed ? state.receivedAt : 0)
    guard seen.insert(kind).inserted else { return }
    let policy = book.policy(at: state.receivedAt)
    let decision = policy.decide(state.facts, in: Circumstances(of: state, role: role))
    if !policy.ending(of: decision).goesToPolice { lost.append(record.handover) }
  }
}

extension Handover {
  /// 110 must act on it: it owns it or dispatches first.
  fileprivate var goesToPolice: Bool { owner == .police || action == .dispatchFirst }
}

extension Circumstances {
  /// Those of a matter, on a unit in normal state: the journal keeps no other.
  init(of state: Handover, role: UnitRole) {
    self.init(
      platform: state.platform, channel: state.channel, role: role, county: state.county,
      receivedAt: state.receivedAt)
  }
}
