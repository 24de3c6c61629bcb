import Testing
import WeirMeasure

/// Evidence of a faultless run, in the shape that each scenario gives.
enum Runs: String, CaseIterable, CustomTestStringConvertible {
  /// Matters that cross, each answered and closed at once.
  case steady
  /// Many at once, danger overtaking the others.
  case burst
  /// The link was dark: all comes late, newest danger first, and says how old it is.
  case drain
  /// Seats that take their time: pre-alarms are spoken before the transfer is answered.
  case seats
  /// Hours of it, the unit started anew in between.
  case soak

  static let day: UInt32 = 20_261_124
  static let beginMs: Int64 = 1_795_500_000_000
  static let count: UInt32 = 12

  var testDescription: String { rawValue }

  static func key(_ serial: UInt32) -> HandoverKey { HandoverKey(day: day, serial: serial) }

  var evidence: Evidence {
    var run = Evidence()
    run.changes.append(Change(handover: HandoverKey(0), kind: .start, atMs: Self.beginMs))
    run.copies = [:]
    run.endMs = Self.beginMs + 1_000_000
    for serial in 1...Self.count {
      if self == .soak, serial == Self.count / 2 {
        let startMs = Self.beginMs + Int64(serial) * 1000 - 10
        run.changes.append(Change(handover: HandoverKey(0), kind: .start, atMs: startMs))
      }
      addMatter(serial, to: &run)
    }
    var deliveries = run.changes.filter(\.isOwed).map { change in
      deliver(change, at: change.atMs + (self == .drain ? 2_400_000 : 1))
    }
    if self == .drain { deliveries = Self.newestFirst(deliveries) }
    if self == .burst { deliveries = Self.evenFirst(deliveries) }
    run.deliveries = deliveries
    return run
  }

  private func addMatter(_ serial: UInt32, to run: inout Evidence) {
    let key = Self.key(serial)
    let number = UInt64(serial) + 100
    let at = Self.beginMs + Int64(serial) * 1000
    let minute = at + 60_000
    var change = Change(
      handover: key, number: number, crossing: UInt64(serial), isOwed: true, atMs: at + 1,
      minuteMs: minute, needsMinute: true, deadlineMs: at + 30_000)
    run.changes.append(change)
    run.answers.append(
      Answer(number: number, handover: key, receivedMs: at, deadlineMs: minute))
    run.copies?[UInt64(serial)] = 4
    change.number = nil
    if self == .seats {
      change.kind = .deadline
      change.revision += 1
      change.atMs = at + 30_040
      change.deadlineMs = at + 45_000
      run.changes.append(change)
    }
    change.kind = .event
    for step in 1...2 {
      change.revision += 1
      change.atMs += Int64(step)
      change.deadlineMs = step == 2 ? 0 : change.deadlineMs
      run.changes.append(change)
      run.answers.append(
        Answer(number: number, handover: key, revision: change.revision, isEvent: true))
    }
  }

  private func deliver(_ change: Change, at arrivedMs: Int64) -> Delivery {
    let receivedMs = change.minuteMs - 60_000
    let age = arrivedMs - receivedMs
    return Delivery(
      handover: change.handover, revision: change.revision, crossing: change.crossing,
      ageMs: age + 20, isStale: age > 30 * 60_000, receivedMs: receivedMs, arrivedMs: arrivedMs)
  }

  /// After the link's return only the newest revisions come, the newest matters first.
  private static func newestFirst(_ all: [Delivery]) -> [Delivery] {
    var newest: [HandoverKey: Delivery] = [:]
    for item in all { newest[item.handover] = item }
    return newest.values.sorted { $0.handover > $1.handover }
  }

  /// Danger overtakes between matters, never within one.
  private static func evenFirst(_ all: [Delivery]) -> [Delivery] {
    all.filter { $0.crossing % 2 == 0 } + all.filter { $0.crossing % 2 == 1 }
  }
}

/// A fault that is planted into a faultless run, and what the oracle has to say of it.
struct Planted: CustomTestStringConvertible, Sendable {
  let name: String
  let fault: Finding.Fault
  /// What the finding has to name.
  let named: String
  let plant: @Sendable (inout Evidence) -> Void

  var testDescription: String { name }

  private static let seven = Runs.key(7)

  static let all: [Planted] = [
    Planted(name: "dropped delivery", fault: .loss, named: "20261124-000007") { run in
      run.deliveries.removeAll { $0.handover == seven }
    },
    Planted(name: "dropped newest revision", fault: .loss, named: "20261124-000007-r") { run in
      guard let place = run.deliveries.lastIndex(where: { $0.handover == seven }) else { return }
      run.deliveries[place].revision = 1
    },
    Planted(name: "doubled delivery", fault: .duplicate, named: "20261124-000007-r") { run in
      run.deliveries += run.deliveries.filter { $0.handover == seven }.suffix(1)
    },
    Planted(name: "wrong order", fault: .disorder, named: "20261124-000007-r1") { run in
      guard var item = run.deliveries.last(where: { $0.handover == seven }) else { return }
      run.deliveries.removeAll { $0.handover == seven && $0.revision == 1 }
      item.revision = 1
      run.deliveries.append(item)
    },
    Planted(name: "invented delivery", fault: .loss, named: "20261124-000099-r1") { run in
      run.deliveries.append(Delivery(handover: Runs.key(99), crossing: 99))
    },
    Planted(name: "early deadline", fault: .deadline, named: "20261124-000007") { run in
      for place in run.answers.indices where run.answers[place].handover == seven {
        guard run.answers[place].deadlineMs != 0 else { continue }
        run.answers[place].deadlineMs -= 1
      }
      for place in run.changes.indices where run.changes[place].handover == seven {
        run.changes[place].minuteMs -= 1
      }
    },
    Planted(name: "late deadline", fault: .deadline, named: "20261124-000007") { run in
      for place in run.answers.indices where run.answers[place].handover == seven {
        guard run.answers[place].deadlineMs != 0 else { continue }
        run.answers[place].deadlineMs += 1
      }
      for place in run.changes.indices where run.changes[place].handover == seven {
        run.changes[place].minuteMs += 1
      }
    },
    Planted(name: "answered otherwise", fault: .deadline, named: "ref 107") { run in
      guard let place = run.answers.firstIndex(where: { $0.number == 107 }) else { return }
      run.answers[place].deadlineMs += 1
    },
    Planted(name: "no minute", fault: .deadline, named: "20261124-000007-r1") { run in
      for place in run.changes.indices where run.changes[place].handover == seven {
        run.changes[place].minuteMs = 0
      }
    },
    Planted(name: "deadline spoken early", fault: .deadline, named: "20261124-000007-r2") { run in
      speak(in: &run, after: -1)
    },
    Planted(name: "deadline spoken late", fault: .deadline, named: "20261124-000007-r2") { run in
      speak(in: &run, after: 101)
    },
    Planted(name: "deadline never spoken", fault: .deadline, named: "20261124-000007") { run in
      for place in run.changes.indices where run.changes[place].handover == seven {
        run.changes[place].deadlineMs = Runs.beginMs + 67_000
      }
    },
    Planted(name: "deadline not spoken before", fault: .deadline, named: "20261124-000007-r2") {
      run in
      speak(in: &run, after: 101, as: .event)
    },
    Planted(name: "missing age", fault: .age, named: "20261124-000007-r") { run in
      for place in run.deliveries.indices where run.deliveries[place].handover == seven {
        run.deliveries[place].ageMs = nil
      }
    },
    Planted(name: "wrong age", fault: .age, named: "20261124-000007-r") { run in
      for place in run.deliveries.indices where run.deliveries[place].handover == seven {
        run.deliveries[place].ageMs = run.deliveries[place].ageMs.map { $0 + 900 }
      }
    },
    Planted(name: "stale not said", fault: .age, named: "20261124-000007-r") { run in
      for place in run.deliveries.indices where run.deliveries[place].handover == seven {
        run.deliveries[place].isStale?.toggle()
      }
    },
    Planted(name: "answered, not journalled", fault: .loss, named: "ref 199") { run in
      run.answers.append(Answer(number: 199, handover: Runs.key(99)))
    },
    Planted(name: "answered a later revision", fault: .loss, named: "ref 107") { run in
      run.answers.append(
        Answer(number: 107, handover: seven, revision: 99, isEvent: true))
    },
    Planted(name: "answered, not durable", fault: .loss, named: "ref 107") { run in
      guard let place = run.answers.firstIndex(where: { $0.number == 107 }) else { return }
      run.answers[place].isDurable = false
    },
    Planted(name: "answered under another ref", fault: .loss, named: "ref 150") { run in
      guard let place = run.answers.firstIndex(where: { $0.number == 107 }) else { return }
      run.answers[place].number = 150
    },
    Planted(name: "answers changed places", fault: .disorder, named: "ref 107") { run in
      guard let place = run.answers.firstIndex(where: { $0.number == 107 }) else { return }
      run.answers[place].isMisplaced = true
    },
    Planted(name: "journalled out of turn", fault: .disorder, named: "20261124-000007-r") { run in
      guard let place = run.changes.lastIndex(where: { $0.handover == seven }) else { return }
      run.changes[place].revision += 1
    },
    Planted(name: "one ref, two matters", fault: .duplicate, named: "ref 107") { run in
      guard let place = run.changes.firstIndex(where: { $0.number == 108 }) else { return }
      run.changes[place].number = 107
    },
    Planted(name: "one crossing, two matters", fault: .duplicate, named: "20261124-000008") { run in
      for place in run.changes.indices where run.changes[place].handover == Runs.key(8) {
        run.changes[place].crossing = 7
      }
    },
    Planted(name: "never sent", fault: .loss, named: "20261124-000007") { run in
      run.copies?[7] = nil
    },
    Planted(name: "conflict", fault: .duplicate, named: "20261124-000007-r") { run in
      for place in run.deliveries.indices where run.deliveries[place].handover == seven {
        run.deliveries[place].isConflict = true
      }
    },
  ]

  /// Puts the second revision so much after the deadline was due, and makes it that one's, or an
  /// event in its place.
  private static func speak(
    in run: inout Evidence, after: Int64, as kind: Change.Kind = .deadline
  ) {
    let places = run.changes.indices.filter { run.changes[$0].handover == seven }
    run.changes[places[1]].kind = kind
    run.changes[places[1]].atMs = run.changes[places[0]].deadlineMs + after
  }
}
