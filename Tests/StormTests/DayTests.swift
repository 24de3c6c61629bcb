import CWeirBase
import CWeirJournal
import CWeirOs
import CWeirWorks
import Foundation
import Testing
import WeirChance
import WeirModel

@testable import WeirCore
@testable import WeirRuntime

extension DayCount {
  /// Counts the journal of a house.
  init(_ house: House, day: UInt32) throws {
    self.init(day: day)
    var kept = self
    try house.look { kept.take($0) }
    self = kept
  }
}

extension House {
  /// Every record of the journal, as the program's own reader lends them.
  func look(_ body: @escaping (borrowing JournalRecord) -> Void) throws {
    final class Looker: FrameReader {
      let body: (borrowing JournalRecord) -> Void
      init(_ unit: String, _ body: @escaping (borrowing JournalRecord) -> Void) throws {
        self.body = body
        try super.init(unit: unit)
      }
      override func take(_ frame: UnsafePointer<weir_frame_view>) -> weir_status {
        var seen = weir_record()
        let status = weir_works_look(texts, frame, &seen)
        if status == .ok { body(JournalRecord(seen, reader: self)) }
        return status
      }
    }
    let looker = try Looker(options.name, body)
    let status = readJournal("/data/journal", of: options.name, os, looker.take)
    try #require(status == .ok)
  }
}

/// The same numbers counted a second time, from nothing but the log's lines.
private struct LogCount {
  private struct Matter {
    var clause = "undecided"
    var action = ""
    var channel = ""
    var county = "unknown"
    var policy = "undecided"
    var began: Int64 = 0
    var answered: Int64 = 0
    var told: Int64 = 0
    var fault: Int64 = 0
    var reported: Int64 = 0
    var acknowledged: Int64 = 0
    var isLate = false
    var isRedialled = false
    var talk = ""
    var isOwed = false
  }

  private var matters: [String: Matter] = [:]
  private var causes: [String: Int] = [:]

  init(_ log: [UInt8], drills: Bool) throws {
    for line in log.split(separator: 10) {
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
      guard let number = object["labels.handover"] as? String else { continue }
      guard number.contains("-Y") == drills else { continue }
      let time = try #require(CoreText.wallMs(object["@timestamp"] as? String ?? ""))
      try take(number, object["event.action"] as? String ?? "", at: time, object)
    }
  }

  private mutating func take(
    _ number: String, _ event: String, at time: Int64, _ line: [String: Any]
  ) throws {
    var matter = matters[number] ?? Matter()
    let phase = line["labels.phase"] as? String ?? ""
    if let county = line["labels.county"] as? Int { matter.county = String(county) }
    matter.isLate = line["labels.late"] as? Bool ?? false
    switch event {
    case "intake":
      matter.clause = line["labels.clause"] as? String ?? "undecided"
      matter.action = line["labels.action"] as? String ?? ""
      matter.policy = line["labels.policy"] as? String ?? "undecided"
      let by = line["labels.receivedBy"] as? String ?? ""
      matter.channel = "\(by) \(line["labels.channel"] as? String ?? "")"
      matter.isRedialled = line["labels.redialledFrom110"] as? Bool ?? false
      matter.began = time
      // What this storm takes in: 110's by telephone, and danger; nothing is claimed earlier.
      matter.isOwed = ["transferring", "dispatchedFirst"].contains(phase)
    case "transferAnswered": matter.answered = matter.answered == 0 ? time : matter.answered
    case "callerTold": matter.told = matter.told == 0 ? time : matter.told
    case "transferFailed":
      causes[line["labels.cause"] as? String ?? "", default: 0] += 1
      matter.fault = matter.fault == 0 ? time : matter.fault
    case "deadlinePassed": matter.fault = matter.fault == 0 ? time : matter.fault
    case "reportAcknowledged" where matter.acknowledged == 0: matter.acknowledged = time
    case "agreed", "notAgreed":
      matter.talk = event
      // What talks give to 110 has its minute from there.
      if phase == "transferring" { (matter.isOwed, matter.began) = (true, time) }
    default: break
    }
    if line["labels.report"] != nil && matter.reported == 0 { matter.reported = time }
    if phase == "talking" { matter.talk = "open" }
    matters[number] = matter
  }

  func count(_ isOne: (Int64) -> Bool) -> Int {
    matters.values.count { $0.isOwed && $0.answered != 0 && isOne($0.answered - $0.began) }
  }

  private func by(_ key: KeyPath<Matter, String>) -> [String: Int] {
    Dictionary(grouping: matters.values) { $0[keyPath: key] }.mapValues(\.count)
  }

  private func spans(
    _ begin: KeyPath<Matter, Int64>, _ end: KeyPath<Matter, Int64>
  ) -> [String: Int] {
    let sorted = matters.values.filter { $0[keyPath: begin] != 0 }
      .map { $0[keyPath: end] - $0[keyPath: begin] }.filter { $0 >= 0 }.sorted()
    guard let longest = sorted.last else { return ["count": 0] }
    return [
      "count": sorted.count, "max": Int(longest),
      "mean": Int(sorted.reduce(0, +) / Int64(sorted.count)),
    ]
  }

  /// Section → row → number, of what can be told from the log.
  var numbers: [String: [String: Int]] {
    let all = matters.values
    let due = all.count(where: \.isOwed)
    return [
      "matters": [
        "all": all.count, "late": all.count(where: \.isLate),
        "redialledFrom110": all.count(where: \.isRedialled),
      ],
      "clauses": by(\.clause), "counties": by(\.county), "policies": by(\.policy),
      "actions": by(\.action), "channels": by(\.channel),
      "phone": [
        "due": due, "answered": count { _ in true }, "within60s": count { $0 <= 60_000 },
        "0-30s": count { $0 <= 30_000 }, "30-60s": count { $0 > 30_000 && $0 <= 60_000 },
        "60-120s": count { $0 > 60_000 && $0 <= 120_000 },
        "120-180s": count { $0 > 120_000 && $0 <= 180_000 }, "over180s": count { $0 > 180_000 },
        "unanswered": due - count { _ in true },
      ],
      "fallbacks": causes.merging(["callerTold": all.count { $0.told != 0 }]) { $1 },
      "tellCaller": spans(\.fault, \.told), "report": spans(\.fault, \.reported),
      "acknowledgement": spans(\.reported, \.acknowledged),
      "talks": [
        "agreed12345": all.count { $0.talk == "agreed" },
        "firstReceiver": all.count { $0.talk == "notAgreed" },
        "open": all.count { $0.talk == "open" },
      ],
    ]
  }
}

/// A day's report against a second count from the log.
@Suite struct DayTests {
  private static let kinds: [(facts: [String], county: String?)] = [
    (["dangerToLife"], "513301"), (["crime"], "513322"), (["fire"], nil),
    (["responsibilityUnclear"], "513301"), (["nonUrgentRequest"], "513337"),
  ]
  private static let causes = ["network", "trunk", "noAnswer", "busy", "platform", "other"]

  /// A stretch of a day with matters of every kind, some of them drills.
  private func storm(seed: UInt64) throws -> House {
    let house = try House()
    var chance = Chance(seed: seed)
    try #require(house.open() == .ok)
    let control = try house.connect(control: true)
    let until = Ask.time(house.wall + 3_600_000)
    _ = try house.one(control, "{\"op\":\"drill\",\"until\":\"\(until)\",\"by\":\"S01\"}")
    var client = try house.connect()
    var numbers: [String] = []
    for index in 0..<60 {
      let kind = chance.pick(Self.kinds)
      let place = kind.county.map { ",\"place\":{\"county\":\"\($0)\"}" } ?? ""
      let drill = chance.percent(25) ? ",\"drill\":true" : ""
      let redial = chance.percent(10) ? ",\"redialledFrom110\":true" : ""
      let answer = try house.one(
        client, Ask.intake("m\(index)", kind.facts, more: place + drill + redial))
      numbers.append(try #require(answer.string("handover")))
      for _ in 0..<chance.below(5) { try happen(house, client, chance.pick(numbers), &chance) }
      house.pass(UInt64(chance.below(12_000)), step: 1000)
      if index == 40 {
        house.crash()
        try #require(house.open() == .ok)
        client = try house.connect()
      }
    }
    house.pass(30_000, step: 1000)
    return house
  }

  private func happen(
    _ house: House, _ client: UInt32, _ number: String, _ chance: inout Chance
  ) throws {
    let cause = chance.pick(Self.causes)
    let event = chance.pick([
      ("transferStarted", ""), ("transferAnswered", ""), ("transferAnswered", ""),
      ("transferFailed", ",\"cause\":\"\(cause)\""), ("callerTold", ""),
      ("agreed", ",\"owner\":\"12345\""), ("notAgreed", ""), ("reportAcknowledged", ""),
    ])
    _ = house.ask(client, Ask.event(number, event.0, more: event.1))
  }

  @Test(
    "the numbers of a day equal an independent count from the log",
    arguments: [UInt64(1), 1000, 77777])
  func equalsTheLog(seed: UInt64) throws {
    let house = try storm(seed: seed)
    let count = try DayCount(house, day: 20_261_123)
    for drills in [false, true] {
      let sections = count.sections(drills: drills)
      for (name, rows) in try LogCount(house.logged, drills: drills).numbers {
        let section = try #require(sections.first { $0.name == name })
        for (row, number) in rows {
          let value = section.rows.first { $0.name == row }?.value
          let same = value == .count(number) || value == .milliseconds(Int64(number))
          let said = String(describing: value)
          #expect(same, "\(seed) \(drills) \(name).\(row): \(said), the log says \(number)")
        }
      }
    }
  }

  @Test("a day counts the minute from where the policy starts it", arguments: [false, true])
  func startOfTheMinute(isFromDecision: Bool) {
    var state = Handover()
    state.receivedAt = 10_000
    state.arrivedAt = 40_000
    state.minute = Moment(boot: 1, wall: 100_000)
    if isFromDecision { state.flags.insert(.fromDecision) }
    var matter = DayMatter(state, words: DayMatter.Words(clause: "", policy: ""))
    matter.take(
      state, step: .intake, event: nil, now: 40_000, crosses: true, crossing: 1, byDigest: false)
    state.answeredAt = 75_000
    matter.take(
      state, step: .event, event: .transferAnswered, now: 75_000, crosses: true, crossing: 1,
      byDigest: false)
    #expect(matter.answeredAfter == (isFromDecision ? 35_000 : 65_000))
  }

  /// One voice leg of a matter: when it began and, in seconds after that, was answered or ended.
  struct Leg: Sendable {
    let from: Int64
    var answered: Int64?
    var dropped: Int64?
    var isLate = false
  }

  @Test(
    "an answer counts against the minute of its own leg, and the first one counts",
    arguments: [
      ([Leg(from: 0, answered: 5)], 5),
      ([Leg(from: 0, answered: 5), Leg(from: 66, answered: 3)], 5),
      ([Leg(from: 0, answered: 5), Leg(from: 66)], 5), ([Leg(from: 0)], nil),
      ([Leg(from: 0, dropped: 20), Leg(from: 90, answered: 4)], 4),
      ([Leg(from: 0, dropped: 70, isLate: true), Leg(from: 90, answered: 4)], 94),
    ] as [([Leg], Int64?)])
  func legs(legs: [Leg], answeredAfter: Int64?) {
    var state = Handover()
    let start: Int64 = 1_000_000
    (state.receivedAt, state.arrivedAt) = (start, start)
    var matter = DayMatter(state, words: DayMatter.Words(clause: "", policy: ""))
    func take(_ event: EventKind?, at second: Int64) {
      matter.take(
        state, step: event == nil ? .intake : .event, event: event, now: start + second * 1000,
        crosses: true, crossing: 1, byDigest: false)
    }
    for leg in legs {
      (state.voice, state.answeredAt, state.lateAt) = (.due, 0, 0)
      state.minute = Moment(boot: 1, wall: start + (leg.from + 60) * 1000)
      take(leg.from == 0 ? nil : .dangerRaised, at: leg.from)
      if leg.isLate {
        state.flags.insert(.late)
        take(.deadlinePassed, at: leg.from + 60)
      }
      guard let end = leg.answered ?? leg.dropped else { continue }
      state.minute = .none
      if leg.answered != nil { state.answeredAt = start + (leg.from + end) * 1000 }
      take(leg.answered == nil ? .agreed : .transferAnswered, at: leg.from + end)
    }
    #expect(matter.answeredAfter == answeredAfter.map { $0 * 1000 })
  }

  @Test("another day's matters are not counted, and every list adds up to all")
  func addsUp() throws {
    let house = try storm(seed: 9)
    let other = try DayCount(house, day: 20_261_124)
    #expect(other.sections(drills: false)[0].rows[0].value == .count(0))
    let count = try DayCount(house, day: 20_261_123)
    var taken = 0
    for drills in [false, true] {
      let sections = count.sections(drills: drills)
      let all = sum(sections, "matters", ["all"])
      taken += all
      for name in ["clauses", "actions", "channels", "counties", "policies"] {
        #expect(sum(sections, name) == all, "\(name)")
      }
      let buckets = ["0-30s", "30-60s", "60-120s", "120-180s", "over180s"]
      #expect(sum(sections, "phone", buckets) == sum(sections, "phone", ["answered"]))
      #expect(sum(sections, "phone", buckets + ["unanswered"]) == sum(sections, "phone", ["due"]))
    }
    #expect(taken == 60)
  }

  private func sum(_ sections: [DaySection], _ name: String, _ rows: [String]? = nil) -> Int {
    guard let section = sections.first(where: { $0.name == name }) else { return -1 }
    return section.rows.reduce(0) { sum, row in
      guard case .count(let count) = row.value, rows?.contains(row.name) ?? true else { return sum }
      return sum + count
    }
  }
}
