/// Findings as they come, of one kind and wording together.
struct Findings {
  private var places: [String: Int] = [:]
  private var list: [Finding] = []

  mutating func add(_ fault: Finding.Fault, _ what: String, _ number: String) {
    if let place = places[what] {
      list[place].numbers.append(number)
    } else {
      places[what] = list.count
      list.append(Finding(fault: fault, what: what, numbers: [number]))
    }
  }

  /// In the order of their kinds, numbers rising, so that two judgements of one run are equal.
  var sorted: [Finding] {
    let kinds = Finding.Fault.allCases
    return list.map { finding in
      var finding = finding
      finding.numbers.sort()
      return finding
    }.sorted { one, other in
      let places = [one, other].map { kinds.firstIndex(of: $0.fault) ?? 0 }
      return places[0] == places[1] ? one.what < other.what : places[0] < places[1]
    }
  }
}

/// The outer unit's journal, by matter.
struct Journal {
  struct Matter {
    var revision: UInt32
    var number: UInt64?
    var crossing: UInt64
    /// The newest revision that has to be delivered, 0: none.
    var owed: UInt32
    /// When it came in, and where its minute ended then.
    var atMs: Int64
    var minuteMs: Int64
  }

  private(set) var matters: [HandoverKey: Matter] = [:]

  /// Reads the changes in order, and checks them by themselves.
  init(_ changes: [Change], into findings: inout Findings) {
    var handovers: [UInt64: HandoverKey] = [:]
    var crossings: [UInt64: HandoverKey] = [:]
    matters.reserveCapacity(changes.count)
    for change in changes where change.kind != .start {
      let name = "\(change.handover)-r\(change.revision)"
      guard var matter = matters[change.handover] else {
        begin(change, name, &handovers, &findings)
        note(change, &crossings, &findings)
        continue
      }
      if change.kind == .intake {
        findings.add(.duplicate, "came in twice", name)
      } else if change.revision != matter.revision + 1 {
        findings.add(.disorder, "journalled out of turn", name)
      }
      if matter.crossing != 0, change.crossing != matter.crossing {
        findings.add(.disorder, "changed its crossing number", name)
      }
      matter.revision = max(matter.revision, change.revision)
      if change.isOwed { matter.owed = change.revision } else { matter.owed = 0 }
      matter.crossing = change.crossing
      matters[change.handover] = matter
      note(change, &crossings, &findings)
    }
  }

  private mutating func begin(
    _ change: Change, _ name: String, _ handovers: inout [UInt64: HandoverKey],
    _ findings: inout Findings
  ) {
    if change.kind != .intake || change.revision != 1 {
      findings.add(.disorder, "journalled without its intake", name)
    }
    if change.needsMinute, change.minuteMs == 0 {
      findings.add(.deadline, "no minute runs", name)
    }
    if let number = change.number,
      let other = handovers.updateValue(change.handover, forKey: number)
    {
      findings.add(.duplicate, "one ref came in twice", "ref \(number) \(other) \(name)")
    }
    matters[change.handover] = Matter(
      revision: change.revision, number: change.number, crossing: change.crossing,
      owed: change.isOwed ? change.revision : 0, atMs: change.atMs, minuteMs: change.minuteMs)
  }

  /// A crossing number belongs to one matter.
  private func note(
    _ change: Change, _ crossings: inout [UInt64: HandoverKey], _ findings: inout Findings
  ) {
    guard change.crossing != 0 else { return }
    if let other = crossings.updateValue(change.handover, forKey: change.crossing),
      other != change.handover
    {
      findings.add(
        .duplicate, "one crossing number for two matters",
        "\(change.crossing) \(other) \(change.handover)")
    }
  }
}
