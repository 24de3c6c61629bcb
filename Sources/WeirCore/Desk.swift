internal import CCore
public import WeirModel

/// Where the core asks: policy and handover on one side, reports on the other. All functions are
/// called on the loop thread only, and never at the same time.
public protocol Desk: AnyObject {
  /// Gives a verdict on each step of the batch.
  func judge(_ batch: borrowing StepBatch)
  /// A report was raised, changed or settled, and that is durable.
  func notice(_ notice: Notice)
  /// Another policy is asked for; its answer is given later, by ``CoreUnit``.
  func reload(_ request: ReloadRequest)
}

/// Somebody asks over the control socket for another policy.
public struct ReloadRequest: Sendable {
  /// The file or folder; empty for what the configuration names.
  public let policy: String
  /// Why it is forced, by whom and with whom; all empty when it is not.
  public let force: (reason: String, by: String, second: String)

  /// Whether it is forced.
  public var isForced: Bool { !force.second.isEmpty }

  init(_ asked: weir_reload) {
    policy = unsafe asked.policy.string
    force = unsafe (asked.reason.string, asked.by.string, asked.second.string)
  }
}

/// What the core says about a report (报备).
public struct Notice: Sendable {
  /// A matter of the report, as it stands.
  public struct Matter: Sendable {
    /// Its number.
    public let handover: String
    /// Its state.
    public let state: Handover
    /// What happened to it last; nil: it was taken in, or something was added to it.
    public let event: EventKind?
    /// Who reported that; empty for the unit itself.
    public let by: String
    /// The number that was given to dial.
    public let dial: String
    /// What was ordered to be said, as a JSON array; empty when nothing was.
    public let say: String
  }

  /// The report's number; its id is `UNIT-R` and six digits.
  public let reportNumber: UInt32
  /// What it is about.
  public let kind: ReportKind
  /// When this became so, wall ms.
  public let at: Int64
  /// The matter that was added or changed; nil when the report was acknowledged.
  public let matter: Matter?
  /// Who acknowledged it.
  public let acknowledgedBy: String
  /// Told while the journal is read at start: nothing new happened.
  public let recovering: Bool
}

extension Notice {
  init(_ notice: weir_notice) {
    reportNumber = unsafe notice.report_number
    kind = unsafe ReportKind(rawValue: notice.report_kind) ?? .none
    at = unsafe notice.at.wall_ms
    recovering = unsafe notice.recovering
    let by = unsafe notice.by.string
    acknowledgedBy = unsafe notice.acknowledged ? by : ""
    if let state = unsafe notice.state, unsafe !notice.acknowledged {
      let step = unsafe Happening.Kind(rawValue: notice.step_kind) ?? .event
      matter = unsafe Matter(
        handover: notice.handover.string, state: Handover(state.pointee),
        event: step.event(notice.event), by: by, dial: notice.dial.string,
        say: notice.say.string)
    } else {
      matter = nil
    }
  }
}

/// Keeps the desk for the C callbacks: an existential has no address of its own.
final class DeskBox {
  let desk: any Desk

  init(_ desk: any Desk) { self.desk = desk }

  /// The two callbacks, with this box as their context; valid as long as the box lives.
  var callbacks: weir_desk {
    unsafe weir_desk(
      context: Unmanaged.passUnretained(self).toOpaque(),
      judge: { context, steps, count in
        guard let context = unsafe context, let steps = unsafe steps else { return }
        unsafe Unmanaged<DeskBox>.fromOpaque(context)._withUnsafeGuaranteedRef {
          unsafe $0.desk.judge(StepBatch(steps, count: count))
        }
      },
      notice: { context, notice in
        guard let context = unsafe context, let notice = unsafe notice else { return }
        unsafe Unmanaged<DeskBox>.fromOpaque(context)._withUnsafeGuaranteedRef {
          unsafe $0.desk.notice(Notice(notice.pointee))
        }
      },
      reload: { context, asked in
        guard let context = unsafe context, let asked = unsafe asked else { return }
        unsafe Unmanaged<DeskBox>.fromOpaque(context)._withUnsafeGuaranteedRef {
          unsafe $0.desk.reload(ReloadRequest(asked.pointee))
        }
      })
  }
}
