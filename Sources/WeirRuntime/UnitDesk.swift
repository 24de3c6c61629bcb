import WeirCore
import WeirHandover
import WeirModel
import WeirPolicy

/// Policy and handover behind the core's steps. Confined to the loop thread once the unit runs.
final class UnitDesk: Desk {
  private let policy: Policy
  private let timing: Timing
  private let role: UnitRole
  private let notices: AsyncStream<Notice>.Continuation
  /// Durable id of each of the policy's texts, and the way back.
  private var ids: [UInt32] = []
  private var indices: [UInt32: UInt16] = [:]
  /// The reports as the journal has them.
  private(set) var recovered = ReportBook()
  /// Stands in a state for "no decision has set this text": no durable id is that high.
  private static let untouched = UInt32.max

  init(
    policy: Policy, timing: Timing, role: UnitRole, notices: AsyncStream<Notice>.Continuation
  ) {
    self.policy = policy
    self.timing = timing
    self.role = role
    self.notices = notices
  }

  /// Takes the durable ids of the policy's texts; before the first batch.
  func use(ids: [UInt32]) {
    precondition(ids.count == policy.texts.count)
    self.ids = ids
    for (index, id) in ids.enumerated() where id != 0 { indices[id] = UInt16(index) }
  }

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
    var decision = policy.decide(
      facts, platform: before?.platform ?? happening.platform,
      channel: before?.channel ?? happening.channel, role: role,
      county: happening.county != 0 ? happening.county : before?.county ?? 0)
    let drill =
      before?.flags.contains(.drill) ?? happening.flags.contains(.drill)
    if drill { decision = policy.drilled(decision) }
    var known = before
    known?.decisionText = Self.untouched
    known?.dialText = Self.untouched
    let outcome = Machine.step(
      known, happening, decision: decision, timing: timing, role: role)
    guard case .changed(var after, let say, let effects) = outcome else { return outcome }
    var dial: UInt16 = 0
    if after.dialText == Self.untouched {
      after.dialText = before?.dialText ?? 0
      dial = indices[after.dialText] ?? policy.dialDefault
    } else {
      dial = UInt16(truncatingIfNeeded: after.dialText)
      after.dialText = ids[Int(dial)]
    }
    if after.decisionText == Self.untouched {
      after.decisionText = before?.decisionText ?? 0
    } else {
      after.decisionText = ids[Int(UInt16(truncatingIfNeeded: after.decisionText))]
    }
    switch say {
    case .none: after.sayText = 0
    case .decision: after.sayText = ids[Int(decision.sayText)]
    default: after.sayText = ids[Int(policy.sayText(say, dial: dial, drill: drill))]
    }
    return .changed(after, say: say, effects: effects)
  }
}
