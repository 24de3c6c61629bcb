import CWeirBase
import CWeirWorks
import Foundation
import WeirModel

@testable import WeirCore

/// What must be so after any storm, once the line was good for a while.
extension Storm {
  func judge() throws {
    guard wrong.isEmpty else { return }
    try end(pair.outer)
    settle(3000)
    try judgeRebuilt()
    try end(pair.inner)
    settleToTheEnd()
    judgeTaken()
    try judgeDurable(outside)
    try judgeDurable(inside)
    judgeDelivered(try judgeHistory(pair.outer))
    _ = try judgeHistory(pair.inner)
    judgeLogs()
  }

  /// What a deadline makes cross while all settles has its time too.
  private func settleToTheEnd() {
    for _ in 0..<20 {
      let before = JournalOracle(pair.outer).crossing("kd1")
      settle(3000)
      if JournalOracle(pair.outer).crossing("kd1") == before { return }
    }
    check(false, "more and more crosses")
  }

  // MARK: No durable answer is lost

  /// The whole record of every matter, but for the copies on the link: those are counted in memory.
  private func records() throws -> [String] {
    let client = try pair.outer.connect()
    return try outside.known.map { number in
      let text = try pair.outer.one(client, Ask.get(number)).description
      guard let data = text.range(of: "\"data\":{"),
        let end = text[data.upperBound...].firstIndex(of: "}")
      else { return text }
      let isSettled = text[data.upperBound..<end].contains("\"state\":\"confirmed\"")
      return isSettled ? text : text.replacingCharacters(in: data.upperBound..<end, with: "")
    }
  }

  /// A journal read again says of each matter what the unit said that wrote it.
  private func judgeRebuilt() throws {
    let before = try records()
    pair.outer.crash()
    try reopen(pair.outer)
    let after = try records()
    for (index, pair) in zip(before, after).enumerated() where pair.0 != pair.1 {
      check(false, "rebuilt otherwise:\n\(pair.0)\n\(pair.1)", about: outside.known[index])
    }
  }

  private func judgeDurable(_ seats: Seats) throws {
    let client = try seats.house.connect()
    for (ref, answer) in seats.durable {
      let again = try seats.house.one(client, seats.lines[ref] ?? "")
      check(again == answer, "it was durable: \(answer), now \(again)", about: ref)
    }
    seats.house.disconnect(client)
  }

  // MARK: What the journals say

  private func judgeHistory(_ house: House) throws -> StormHistory {
    let history = try StormHistory(house)
    for fault in history.wrong { check(false, fault.what, about: fault.about) }
    let oracle = JournalOracle(house)
    check(oracle.status == .ok, "a journal does not read")
    check(oracle.broken == 0, "\(oracle.broken) changes of a journal do not read")
    check(oracle.forgotten().isEmpty, "forgotten: \(oracle.forgotten())")
    if house === pair.outer { judgeWaiting(history) }
    judgeLog(house, history)
    return history
  }

  /// What leaves while danger waits: on a narrow line not more than what was on its way, and the
  /// share of the oldest.
  private func judgeWaiting(_ history: StormHistory) {
    guard let tap = pair.tap, !wasRestored else { return }
    for danger in history.dangers {
      var others = 0
      var ahead = 0
      for seen in tap.seen where seen.boot == danger.boot && seen.at > danger.at {
        if seen.at >= danger.until { break }
        if seen.crossing == danger.crossing && seen.revision >= danger.revision { break }
        if !seen.isReadable { continue }
        if seen.isDanger { ahead += seen.bytes } else { others += seen.bytes }
      }
      // A twentieth is the oldest's, in whole records.
      check(
        others <= 6000 + ahead / 10,
        "danger \(danger.crossing) r\(danger.revision) waited for \(others) bytes",
        about: danger.handover)
    }
  }

  /// The inner unit takes a datagram once, and none that was spoilt.
  func judgeTaken() {
    guard pair.inner.failed == .ok else { return }
    let status = inside.answer(to: Ask.status)
    let taken = status?.number("datagramsGood") ?? 0
    check(taken <= pair.given.count, "\(taken) datagrams were taken of \(pair.given.count)")
  }

  // MARK: What was delivered

  private func judgeDelivered(_ outer: StormHistory) {
    let mine = JournalOracle(pair.outer)
    let theirs = JournalOracle(pair.inner)
    let wanted = mine.crossing("kd1")
    let here = pair.latestDelivered
    let twice = Dictionary(grouping: theirs.marks) { $0 }.filter { $0.value.count > 1 }.keys
    check(twice.isEmpty, "marked twice: \(twice.sorted())")
    check(pair.flawsOfDelivery().isEmpty, "unmarked or torn items: \(pair.flawsOfDelivery())")
    if wasRestored {
      judgeRestored(wanted.filter { !outer.compared.contains($0.key) })
      return
    }
    for number in wanted.keys.sorted() {
      let revision = wanted[number] ?? 0
      check(
        here[number] == revision, "r\(revision) has to cross, delivered is \(here[number] ?? 0)",
        about: number)
    }
    check(here.count == wanted.count, "more was delivered than crossed")
    check(
      !pair.deliveredAll.contains { $0.contains("conflict") }, "a conflict: \(pair.deliveredAll)")
    check(pair.inner.names(in: "/out/.quarantine").isEmpty, "quarantined")
    check(Set(theirs.marks) == Set(pair.alarms + pair.deliveredAll), "marked and published differ")
    judgeRising(theirs.marks)
  }

  /// Of each matter only higher revisions come.
  private func judgeRising(_ marks: [String]) {
    var highest: [Substring: Int] = [:]
    for name in marks where !name.hasPrefix("ALARM") {
      guard let cut = name.range(of: "-r", options: .backwards) else { continue }
      let revision = Int(name[cut.upperBound...].prefix { $0.isNumber }) ?? 0
      let number = name[..<cut.lowerBound]
      check(revision > highest[number] ?? 0, "\(name) behind r\(highest[number] ?? 0)")
      highest[number] = revision
    }
  }

  /// Numbers were given twice: what crosses now lies before the desk, as such or as a conflict.
  private func judgeRestored(_ wanted: [String: Int]) {
    for number in wanted.keys.sorted() {
      let name = "\(number)-r\(wanted[number] ?? 0)"
      guard let record = outside.answer(to: Ask.get(number)), let text = record.string("text")
      else {
        continue
      }
      let items = pair.deliveredAll.filter { $0 == name + ".json" || $0.hasPrefix(name + "-") }
      let isHere = items.contains { pair.deliveredItem($0).has("\"text\":\"\(text)\"") }
      check(isHere, "\(name) of a restored disk is not before the desk: \(items)", about: number)
    }
  }

  // MARK: The log

  /// Nothing is logged as done that no journal holds. Void where lines were dropped.
  private func judgeLog(_ house: House, _ history: StormHistory) {
    if wasRestored { return }
    let log = house.logged.split(separator: 10).map { Line($0) }
    if log.contains(where: { $0.has("\"event.action\":\"logDropped\"") }) { return }
    for line in log {
      guard line.has("\"event.outcome\":\"success\""), line.has("\"labels.phase\""),
        let number = line.string("labels.handover"), let revision = line.number("labels.revision")
      else { continue }
      check(
        history.revisions.contains("\(number) r\(revision)"), "logged and not journalled: \(line)",
        about: number)
    }
  }

  private func judgeLogs() {
    for house in [pair.outer, pair.inner] {
      let log = Line(house.logged)
      for word in Seats.phones + ["某人", "件q", "件p", "补充"] {
        check(!log.has(word), "the log holds \(word)")
      }
    }
  }

  // MARK: Same seed, same run

  /// Over everything that left: answers, datagrams, log lines, journals, deliveries.
  var digest: UInt64 {
    var hash = outside.hash ^ inside.hash &* 31 ^ pair.wireHash
    for house in [pair.outer, pair.inner] {
      for bytes in [house.logged] + house.files().map(\.bytes)
        + house.files(under: "/out").map(\.bytes)
      {
        hash = bytes.withUnsafeBufferPointer {
          weir_hash(hash, weir_bytes(at: $0.baseAddress, count: $0.count))
        }
      }
    }
    return hash
  }

  // MARK: Telling it

  /// What was wrong, with the seed, the step, and what the journal says of the matter.
  func story() throws -> String {
    var text = ""
    for wrong in wrong.prefix(4) {
      text += "seed \(seed), step \(wrong.step): \(wrong.what) \(wrong.about)\n"
      let seats = wrong.about.hasPrefix("p") ? inside : outside
      guard let number = seats.handover(of: wrong.about) else { continue }
      if let line = seats.lines[wrong.about] { text += "  asked: \(line)\n" }
      for house in [pair.outer, pair.inner] {
        try house.look { record in
          if record.kind == .start {
            let at = Ask.time(record.now.wall)
            text += "  \(house.options.name) started at \(at), \(record.now.boot) ms\n"
          }
          if record.kind == .change && record.handover == number {
            text += "  \(house.options.name) \(record.story)\n"
          }
        }
      }
      text += "  delivered: \(pair.deliveredAll.filter { $0.hasPrefix(number) }.sorted())\n"
    }
    return text
  }
}
