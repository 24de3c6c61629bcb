import CWeirBase
import CWeirWorks
import WeirModel

@testable import WeirCore

/// What a unit's journal says happened, change by change, and what of it must not be: read with the
/// program's own reader, judged by the promises and the notice.
struct StormHistory {
  private struct Change {
    let now: Moment
    let handover: String
    let state: Handover
    let step: Happening.Kind
    let event: EventKind?
    let effects: Effects
    let marks: Happening.Flags
    let crossing: UInt64
    /// The machine's boot.
    let boot: [UInt8]
  }

  /// A deadline that stands: on the clock of this boot, and as it was journalled.
  private struct Armed {
    var due: UInt64
    let wall: Int64
    let boot: [UInt8]
    /// The end of a matter: a clock that went back puts it off.
    let isEnd: Bool
    /// The wall clock went back over a reboot since.
    var isUncertain = false
  }

  /// A revision on the danger lane, on the clock of its boot, until it needs to cross no more.
  struct Danger {
    let handover: String
    let boot: [UInt8]
    let at: UInt64
    let crossing: UInt64
    let revision: UInt32
    var until = UInt64.max
  }

  private let house: House
  private(set) var changes = 0
  private(set) var wrong: [(what: String, about: String)] = []
  /// `HANDOVER rREVISION` of every change.
  private(set) var revisions: Set<String> = []
  /// Danger that had to cross: when, and under which number.
  private(set) var dangers: [Danger] = []
  /// Handovers whose last crossing was confirmed by a 对账码.
  private(set) var compared: Set<String> = []
  /// Crossing number → where its latest danger stands in the list.
  private var waiting: [UInt64: Int] = [:]
  private var latest: [String: Handover] = [:]
  private var armed: [String: Armed] = [:]
  private var order: [String] = []
  private var boot: [UInt8] = []

  init(_ house: House) throws {
    self.house = house
    let oracle = JournalOracle(house)
    var found: [Change] = []
    var starts: [(change: Int, now: Moment, boot: [UInt8], isUncertain: Bool)] = []
    var boot: [UInt8] = []
    try house.look { record in
      if record.kind == .start, let start = oracle.starts[record.serial] {
        boot = start.boot
        starts.append((found.count, record.now, start.boot, start.isUncertain))
      }
      guard record.kind == .change else { return }
      found.append(
        Change(
          now: record.now, handover: record.handover, state: record.state, step: record.step,
          event: record.event, effects: record.effects, marks: record.marks,
          crossing: record.crossing, boot: boot))
    }
    changes = found.count
    var next = 0
    for (index, change) in found.enumerated() {
      while next < starts.count && starts[next].change <= index {
        begin(starts[next].now, starts[next].boot, starts[next].isUncertain)
        next += 1
      }
      take(change)
    }
    while next < starts.count {
      begin(starts[next].now, starts[next].boot, starts[next].isUncertain)
      next += 1
    }
    for handover in order { judgeLate(handover, before: .max) }
  }

  private mutating func fault(_ what: String, _ handover: String) { wrong.append((what, handover)) }

  // MARK: Deadlines

  /// A start. What another boot journalled is measured by the wall clock, or fires at once.
  private mutating func begin(_ now: Moment, _ id: [UInt8], _ isUncertain: Bool) {
    for handover in order {
      if id != boot { judgeLate(handover, before: .max) }
      guard var deadline = armed[handover], deadline.boot != id else { continue }
      let due = Int64(now.boot) + deadline.wall - now.wall
      deadline.isUncertain = !deadline.isEnd && (deadline.isUncertain || isUncertain)
      deadline.due = deadline.isUncertain ? now.boot : UInt64(max(due, Int64(now.boot)))
      armed[handover] = deadline
    }
    boot = id
  }

  /// Had the unit come to rest, 100 ms after the deadline or more, and it had not fired?
  private mutating func judgeLate(_ handover: String, before now: UInt64) {
    guard let deadline = armed[handover], let rests = house.rests[boot] else { return }
    let due = deadline.due + 100
    var low = 0
    var high = rests.count
    while low < high {
      let middle = (low + high) / 2
      if rests[middle] < due { low = middle + 1 } else { high = middle }
    }
    // A step's moment is the millisecond above, a rest's the one below.
    if low < rests.count && rests[low] + 1 < now {
      fault("a deadline of \(deadline.due) ms had not fired at \(rests[low]) ms", handover)
    }
  }

  private mutating func judgeDeadline(_ change: Change) {
    judgeLate(change.handover, before: change.now.boot)
    if change.step == .deadline, let deadline = armed[change.handover],
      !change.marks.contains(.clockUncertain), change.now.boot < deadline.due
    {
      fault("a deadline of \(deadline.due) ms fired at \(change.now.boot) ms", change.handover)
    }
    let state = change.state
    if change.effects.contains(.end) {
      armed[change.handover] = nil
    } else if state.deadlineKind == .none {
      fault("neither an end nor a deadline", change.handover)
    } else {
      armed[change.handover] = Armed(
        due: state.deadline.boot, wall: state.deadline.wall, boot: change.boot,
        isEnd: state.deadlineKind == .closing)
    }
  }

  // MARK: One change

  private mutating func take(_ change: Change) {
    let before = latest[change.handover]
    if before == nil { order.append(change.handover) }
    judgeDeadline(change)
    let expected = (before?.revision ?? 0) + 1
    if change.state.revision != expected {
      fault("revision \(change.state.revision) behind \(expected - 1)", change.handover)
    }
    judgeReport(change, before)
    judgeDanger(change, before)
    if change.marks.contains(.digest) { compared.insert(change.handover) }
    if change.effects.contains(.cross) { compared.remove(change.handover) }
    revisions.insert("\(change.handover) r\(change.state.revision)")
    latest[change.handover] = change.state
  }

  /// Notice 五(二): a transfer that failed, a minute that passed and a caller who was told to dial
  /// 110 are reported, and the desk learns of it.
  private mutating func judgeReport(_ change: Change, _ before: Handover?) {
    let state = change.state
    let isLate = state.flags.contains(.late) && before?.flags.contains(.late) != true
    let fails = change.event == .transferFailed || change.event == .deadlinePassed || isLate
    let wasTold = before?.phase == .callerTold
    if change.event == .transferFailed || (fails && !wasTold) {
      if state.report != .raised { fault("\(name(change)) without a report", change.handover) }
    }
    if change.event == .callerTold && state.report == .none {
      fault("the caller was told, and nothing reported", change.handover)
    }
    if state.report == .raised && state.reportNumber == 0 {
      fault("a report without a number", change.handover)
    }
    guard change.effects.contains(.report) else { return }
    if !house.desk.noticed.contains("\(change.handover) r\(state.revision)") {
      fault("a report of \(name(change)) reached nobody", change.handover)
    }
  }

  private func name(_ change: Change) -> String { change.event?.name ?? "intake" }

  /// An emergency that 110 must act on crosses and has a voice leg; danger goes away by nobody but
  /// a supervisor.
  private mutating func judgeDanger(_ change: Change, _ before: Handover?) {
    let state = change.state
    let isPolices = state.owner == .police || state.action == .dispatchFirst
    guard house.options.role == .outer else { return }
    if before == nil && isPolices && state.flags.contains(.emergency) {
      if state.voice == .none { fault("an emergency without a voice leg", change.handover) }
      if change.crossing == 0 { fault("an emergency that does not cross", change.handover) }
      if !state.minute.isSet && !state.flags.contains(.late) {
        fault("an emergency without a minute", change.handover)
      }
    }
    noteDanger(change)
    if let before, before.facts.isDanger, !state.facts.isDanger,
      !change.marks.isSuperset(of: [.bySupervisor, .reason])
    {
      fault("danger went away by \(name(change)) without a supervisor", change.handover)
    }
  }

  /// What was confirmed or superseded meanwhile needs to cross no more.
  private mutating func noteDanger(_ change: Change) {
    if let last = waiting[change.crossing], change.state.data != .queued {
      if change.boot == dangers[last].boot { dangers[last].until = change.now.boot }
      waiting[change.crossing] = nil
    }
    guard change.effects.contains(.cross), change.state.lane == .danger else { return }
    if let last = waiting[change.crossing], change.boot == dangers[last].boot {
      dangers[last].until = change.now.boot
    }
    waiting[change.crossing] = dangers.count
    dangers.append(
      Danger(
        handover: change.handover, boot: change.boot, at: change.now.boot,
        crossing: change.crossing,
        revision: change.state.revision))
  }

  /// The latest state of every handover.
  var states: [(handover: String, state: Handover)] {
    order.compactMap { handover in latest[handover].map { (handover, $0) } }
  }
}
