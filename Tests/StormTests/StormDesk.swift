import CWeirBase
import CWeirWorks
import WeirHandover
import WeirModel
import WeirPolicy

@testable import WeirCore

/// The real policy and the real machine behind the core's steps, as the program joins them.
final class StormDesk {
  private static let untouched = UInt32.max

  /// The policies that may be in force, one at a time; all have the same texts in the same order,
  /// but for those that name their version.
  let policies: [Policy]
  private(set) var current = 0
  var policy: Policy { policies[current] }
  let role: UnitRole
  private var allIds: [[UInt32]] = []
  private var ids: [UInt32] { allIds[current] }
  private var indices: [UInt32: UInt16] = [:]
  /// Judges nothing: every step stays as it arrived.
  var isAsleep = false
  /// Steps of every batch, and what was noticed.
  var batches: [Int] = []
  var raised: [(report: UInt32, handover: String, event: EventKind?, recovering: Bool)] = []
  /// `HANDOVER rREVISION` of every change that a notice told.
  private(set) var noticed: Set<String> = []
  var acknowledged: [(report: UInt32, by: String)] = []

  /// Policies that were asked for.
  var reloads: [String] = []

  init(role: UnitRole, policies: [Policy] = [.embedded]) {
    self.role = role
    self.policies = policies
  }

  /// The ids of the texts of every policy.
  func use(ids: [[UInt32]]) {
    allIds = ids
    indices = [:]
    for list in ids {
      for (index, id) in list.enumerated() where id != 0 { indices[id] = UInt16(index) }
    }
  }

  /// Another policy comes into force; its versions, as a JSON array.
  func change() -> String {
    current = (current + 1) % policies.count
    return "[\"\(policy.version)\"]"
  }

  /// The callbacks; the desk must outlive the unit.
  var callbacks: weir_desk {
    weir_desk(
      context: Unmanaged.passUnretained(self).toOpaque(),
      judge: { context, steps, count in
        guard let context, let steps else { return }
        Unmanaged<StormDesk>.fromOpaque(context).takeUnretainedValue().judge(
          StepBatch(steps, count: count))
      },
      notice: { context, notice in
        guard let context, let notice else { return }
        Unmanaged<StormDesk>.fromOpaque(context).takeUnretainedValue().take(notice.pointee)
      },
      reload: { context, asked in
        guard let context, let asked else { return }
        Unmanaged<StormDesk>.fromOpaque(context).takeUnretainedValue().asked(asked.pointee)
      })
  }

  private func asked(_ reload: weir_reload) {
    let path = UnsafeBufferPointer(start: reload.policy.at, count: reload.policy.count)
    reloads.append(String(decoding: path, as: UTF8.self))
  }

  private func take(_ notice: weir_notice) {
    func text(_ view: weir_bytes) -> String {
      String(decoding: UnsafeBufferPointer(start: view.at, count: view.count), as: UTF8.self)
    }
    if notice.acknowledged {
      acknowledged.append((notice.report_number, text(notice.by)))
    } else {
      noticed.insert("\(text(notice.handover)) r\(notice.state.pointee.revision)")
      let event = Notice(notice).matter?.event
      raised.append((notice.report_number, text(notice.handover), event, notice.recovering))
    }
  }

  private func judge(_ batch: borrowing StepBatch) {
    batches.append(batch.count)
    if isAsleep { return }
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

  private func step(_ before: Handover?, _ happening: Happening) -> Outcome {
    var decision = policy.decide(
      Machine.factsAfter(before, happening), platform: before?.platform ?? happening.platform,
      channel: before?.channel ?? happening.channel, role: role,
      county: happening.county != 0 ? happening.county : before?.county ?? 0)
    let drill = before?.flags.contains(.drill) ?? happening.flags.contains(.drill)
    if Machine.mustGuard(decision, happening) {
      decision = policy.decide(
        FactSet(.responsibilityUnclear), platform: before?.platform ?? happening.platform,
        channel: before?.channel ?? happening.channel, role: role)
      decision.guarded = true
    }
    if drill { decision = policy.drilled(decision) }
    let decided = before.flatMap { indices[$0.decisionText] }.map { UInt32($0) } ?? Self.untouched
    let dialled = before.flatMap { indices[$0.dialText] }.map { UInt32($0) } ?? Self.untouched
    var known = before
    known?.decisionText = decided
    known?.dialText = dialled
    let outcome = Machine.step(
      known, happening, decision: decision, timing: policy.timing, role: role)
    guard case .changed(var after, let say, let effects) = outcome else { return outcome }
    let dial = after.dialText == Self.untouched ? policy.dialDefault : UInt16(after.dialText)
    after.dialText = after.dialText == dialled ? before?.dialText ?? 0 : ids[Int(dial)]
    after.decisionText =
      after.decisionText == decided ? before?.decisionText ?? 0 : ids[Int(after.decisionText)]
    switch say {
    case .none: after.sayText = 0
    case .decision: after.sayText = ids[Int(decision.sayText)]
    default: after.sayText = ids[Int(policy.sayText(say, dial: dial, drill: drill))]
    }
    return .changed(after, say: say, effects: effects)
  }
}
