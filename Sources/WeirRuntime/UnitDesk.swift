import WeirCore
import WeirHandover
import WeirModel
import WeirPolicy

/// A policy with the durable ids of its texts.
final class HeldPolicy: Sendable {
  let policy: Policy
  let timing: Timing
  /// Durable id of each of the policy's texts.
  let ids: [UInt32]
  /// The way back.
  let indices: [UInt32: UInt16]
  /// Durable ids of its decisions: they tell whose policy a handover was decided by, since every
  /// decision names the version.
  let decisions: [UInt32]

  init(_ policy: Policy, timing: Timing, ids: [UInt32]) {
    precondition(ids.count == policy.texts.count)
    self.policy = policy
    self.timing = timing
    self.ids = ids
    var indices: [UInt32: UInt16] = [:]
    var decisions: [UInt32] = []
    for (index, id) in ids.enumerated() where id != 0 {
      indices[id] = UInt16(index)
      if policy.texts[index].hasPrefix("{") { decisions.append(id) }
    }
    self.indices = indices
    self.decisions = decisions
  }

  /// The index of the text with a durable id, as a state holds it while it is stepped.
  func index(of id: UInt32?) -> UInt32? { id.flatMap { indices[$0] }.map { UInt32($0) } }
}

/// Policy and handover behind the core's steps. Confined to the loop thread once the unit runs.
///
/// A handover is stepped by the policy that decided it, as long as that is held: its rules, its
/// spans and its words stay what they were, whatever has come into force meanwhile.
final class UnitDesk: Desk, @unchecked Sendable {
  private let role: UnitRole
  private let notices: AsyncStream<Notice>.Continuation
  private let reloads: AsyncStream<ReloadRequest>.Continuation
  /// What is in force, and the same with durable ids.
  private var book = PolicyBook.embedded
  private var inForce: [HeldPolicy] = []
  /// Every policy that was ever in force here, by the ids of its decisions.
  private var deciders: [UInt32: HeldPolicy] = [:]
  /// The reports as the journal has them.
  private(set) var recovered = ReportBook()
  /// Stands in a state for a text that is none of the policy's: no index is that high.
  private static let untouched = UInt32.max

  init(
    role: UnitRole, notices: AsyncStream<Notice>.Continuation,
    reloads: AsyncStream<ReloadRequest>.Continuation
  ) {
    self.role = role
    self.notices = notices
    self.reloads = reloads
  }

  /// Holds a policy that decided earlier.
  func hold(_ policy: HeldPolicy) {
    for id in policy.decisions { deciders[id] = policy }
  }

  /// Puts documents into force: the next batch is decided by them.
  func use(_ book: PolicyBook, _ held: [HeldPolicy]) {
    precondition(held.map(\.policy.version) == book.policies.map(\.version))
    self.book = book
    inForce = held
    for policy in held { hold(policy) }
  }

  func reload(_ request: ReloadRequest) { reloads.yield(request) }

  /// While the journal is read, before the loop runs, reports are only taken note of.
  func notice(_ notice: Notice) {
    if notice.recovering {
      _ = recovered.take(notice)
    } else {
      notices.yield(notice)
    }
  }

  func judge(_ batch: borrowing StepBatch) {
    for index in 0..<batch.count {
      let happening = batch.happening(index)
      let before = batch.before(index)
      let event = before.flatMap { Machine.eventKind($0, happening) }
      switch step(before, happening) {
      case .changed(let after, _, let effects):
        batch.change(index, to: after, event: event, effects: effects)
      case .refused(let refusal):
        batch.refuse(index, refusal)
      }
    }
  }

  /// One step, with the policy's texts turned into durable ones.
  private func step(_ before: Handover?, _ happening: Happening) -> Outcome {
    let facts = Machine.factsAfter(before, happening)
    let arrived = happening.receivedAt != 0 ? happening.receivedAt : happening.now.wall
    let receivedAt = before?.receivedAt ?? arrived
    let held =
      before.flatMap { deciders[$0.decisionText] } ?? inForce[book.index(at: receivedAt)]
    let policy = held.policy
    var decision = policy.decide(
      facts,
      in: Circumstances(
        platform: before?.platform ?? happening.platform,
        channel: before?.channel ?? happening.channel, role: role,
        county: happening.county != 0 ? happening.county : before?.county ?? 0,
        receivedAt: receivedAt, state: happening.unitState))
    let drill =
      before?.flags.contains(.drill) ?? happening.flags.contains(.drill)
    if Machine.mustGuard(decision, happening) {
      decision = policy.decide(
        FactSet(.responsibilityUnclear), platform: before?.platform ?? happening.platform,
        channel: before?.channel ?? happening.channel, role: role)
      decision.guarded = true
    }
    if drill { decision = policy.drilled(decision) }
    var known = before
    known?.decisionText = held.index(of: before?.decisionText) ?? Self.untouched
    known?.dialText = held.index(of: before?.dialText) ?? Self.untouched
    let outcome = Machine.step(
      known, happening, decision: decision, timing: held.timing, role: role)
    guard case .changed(var after, let say, let effects) = outcome else { return outcome }
    var dial: UInt16 = 0
    if after.dialText == Self.untouched {
      after.dialText = before?.dialText ?? 0
      dial = policy.dialDefault
    } else {
      dial = UInt16(truncatingIfNeeded: after.dialText)
      after.dialText = held.ids[Int(dial)]
    }
    if after.decisionText == Self.untouched {
      after.decisionText = before?.decisionText ?? 0
    } else {
      after.decisionText = held.ids[Int(UInt16(truncatingIfNeeded: after.decisionText))]
    }
    switch say {
    case .none: after.sayText = 0
    case .decision: after.sayText = held.ids[Int(decision.sayText)]
    default: after.sayText = held.ids[Int(policy.sayText(say, dial: dial, drill: drill))]
    }
    return .changed(after, say: say, effects: effects)
  }
}

extension Happening {
  /// How the unit stood.
  fileprivate var unitState: UnitState {
    if flags.contains(.carrierLost) { return .carrierLost }
    return flags.contains(.overloaded) ? .overloaded : .normal
  }
}
