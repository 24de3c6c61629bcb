import WeirModel

/// A part of a day's report: rows under one heading.
public struct DaySection: Sendable {
  /// One number with its name.
  public struct Row: Sendable {
    /// The name, in English or as the notice has it.
    public let name: String
    /// The number.
    public let value: Value
  }

  /// What a row counts.
  public enum Value: Sendable, Equatable {
    case count(Int)
    /// 0 to 1; nil when there is nothing to share.
    case share(Double?)
    /// Milliseconds; nil when nothing was measured.
    case milliseconds(Int64?)
  }

  /// The heading, one word.
  public let name: String
  /// Its rows, in order.
  public let rows: [Row]
}

/// The sections of a day, from its matters.
struct DaySections {
  let matters: [DayMatter]
  let causes: [TransferCause: Int]

  var all: [DaySection] {
    [
      totals,
      named("clauses") { $0.words.clause },
      fixed("actions", Action.allCases.map(\.name)) { $0.action.name },
      fixed("channels", ["12345 phone", "12345 internet", "110 phone", "110 internet"]) {
        "\($0.platform == .police ? "110" : "12345") "
          + ($0.channel == .internet ? "internet" : "phone")
      },
      named("counties") { $0.last.county == 0 ? "unknown" : String($0.last.county) },
      named("policies") { $0.words.policy },
      handovers("phone", .phone), handovers("internet", .internet),
      fallbacks,
      spans("tellCaller", from: \.faultAt, to: \.toldAt),
      spans("report", from: \.faultAt, to: \.reportedAt),
      spans("acknowledgement", from: \.reportedAt, to: \.acknowledgedAt),
      talks, link,
    ]
  }

  private func count(_ isOne: (DayMatter) -> Bool) -> DaySection.Value {
    .count(matters.count(where: isOne))
  }

  private func section(_ name: String, _ rows: [(String, DaySection.Value)]) -> DaySection {
    DaySection(name: name, rows: rows.map { DaySection.Row(name: $0.0, value: $0.1) })
  }

  private var totals: DaySection {
    section(
      "matters",
      [
        ("all", .count(matters.count)),
        ("emergencies", count { $0.last.flags.contains(.emergency) }),
        ("late", count { $0.last.flags.contains(.late) }),
        ("unattended", count { $0.last.flags.contains(.unattended) }),
        ("undecided", count { $0.last.flags.contains(.undecided) }),
        ("supervision", count { $0.last.flags.contains(.supervision) }),
        ("dangerCleared", count { $0.last.flags.contains(.dangerCleared) }),
        ("redialledFrom110", count { $0.last.flags.contains(.redialled) }),
        ("redialAdvised", count(\.wasAdvised)),
        ("calledOnBehalf", count { $0.last.flags.contains(.onBehalf) }),
      ])
  }

  /// Counts by a name that a policy or a request chose; sorted.
  private func named(_ name: String, _ key: (DayMatter) -> String) -> DaySection {
    var counts: [String: Int] = [:]
    for matter in matters { counts[key(matter), default: 0] += 1 }
    return section(name, counts.sorted { $0.key < $1.key }.map { ($0.key, .count($0.value)) })
  }

  /// Counts by a closed list; every name stands there.
  private func fixed(
    _ name: String, _ names: [String], _ key: (DayMatter) -> String
  ) -> DaySection {
    var counts: [String: Int] = [:]
    for matter in matters { counts[key(matter), default: 0] += 1 }
    return section(name, names.map { ($0, .count(counts[$0] ?? 0)) })
  }

  /// Hand-overs to 110 by voice of one channel, and how soon somebody picked up.
  private func handovers(_ name: String, _ channel: Channel) -> DaySection {
    let due = matters.filter { $0.owesVoice && $0.channel == channel }
    let spans = due.compactMap(\.answeredAfter)
    func within(_ range: ClosedRange<Int64>) -> DaySection.Value {
      .count(spans.count(where: range.contains))
    }
    let inTime = spans.count { $0 <= 60_000 }
    let share = due.isEmpty ? nil : Double(inTime) / Double(due.count)
    return section(
      name,
      [
        ("due", .count(due.count)), ("answered", .count(spans.count)),
        ("within60s", .count(inTime)), ("shareWithin60s", .share(share)),
        ("0-30s", within(0...30_000)), ("30-60s", within(30_001...60_000)),
        ("60-120s", within(60_001...120_000)), ("120-180s", within(120_001...180_000)),
        ("over180s", within(180_001...Int64.max)),
        ("unanswered", .count(due.count - spans.count)),
      ])
  }

  /// Failed transfers by cause, and minutes that passed.
  private var fallbacks: DaySection {
    let failed = TransferCause.allCases.dropFirst().map { cause in
      (String(describing: cause), DaySection.Value.count(causes[cause] ?? 0))
    }
    return section(
      "fallbacks",
      failed + [
        ("minutePassed", count { $0.last.lateAt != 0 }),
        ("callerTold", count { $0.last.toldAt != 0 }),
      ])
  }

  /// How long something took, where both ends are known and in this order: a caller who was told
  /// before anything failed was not told late.
  private func spans(
    _ name: String, from begin: (DayMatter) -> Int64, to end: (DayMatter) -> Int64
  ) -> DaySection {
    let spans = matters.filter { begin($0) != 0 && end($0) >= begin($0) }
      .map { end($0) - begin($0) }.sorted()
    func at(_ share: Int) -> DaySection.Value {
      .milliseconds(spans.isEmpty ? nil : spans[(spans.count - 1) * share / 100])
    }
    let mean = spans.isEmpty ? nil : spans.reduce(0, +) / Int64(spans.count)
    return section(
      name,
      [
        ("count", .count(spans.count)), ("mean", .milliseconds(mean)), ("p50", at(50)),
        ("p95", at(95)), ("max", at(100)),
      ])
  }

  private var talks: DaySection {
    section(
      "talks",
      [
        ("all", count { $0.talk != .none }), ("threeWayCalls", count(\.hadThreeWayCall)),
        ("agreed110", count { $0.talk == .agreed110 }),
        ("agreed12345", count { $0.talk == .agreed12345 }),
        ("firstReceiver", count { $0.talk == .firstReceiver }),
        ("dispatchFirst", count { $0.talk == .dispatchFirst }),
        ("open", count { $0.talk == .open }),
      ])
  }

  private var link: DaySection {
    section(
      "link",
      [
        ("crossed", count(\.crossed)),
        ("revisions", .count(matters.reduce(0) { $0 + $1.revisionsCrossed })),
        ("confirmedByCode", count { $0.last.data == .confirmed && $0.proof == .code }),
        ("confirmedByDigest", count { $0.last.data == .confirmed && $0.proof == .digest }),
        ("unconfirmed", count { $0.last.data == .queued }),
        ("expired", count { $0.last.data == .expired }),
      ])
  }
}
