import Foundation
import Testing
import WeirCore
import WeirPolicy

// Mostly waiting: they run beside the others.
@Suite("The minute") struct MinuteTests {
  /// A time of the unit as milliseconds since 1970.
  private func milliseconds(_ text: Any?) throws -> Int64 {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    guard let text = text as? String, let date = formatter.date(from: text) else {
      throw HouseProblem("not a time: \(String(describing: text))")
    }
    return Int64((date.timeIntervalSince1970 * 1000).rounded())
  }

  /// The first line of the watch stream, from its beginning, that tells the event.
  private func watch(
    _ house: House, for event: String, within seconds: Double
  ) async throws -> Fields {
    let client = try house.client()
    try client.send(#"{"op":"watch","after":0}"#)
    var found: Fields?
    _ = try await eventually(within: seconds) {
      while try client.hasLine(withinMs: 0) {
        guard let line = try client.receive() else { throw HouseProblem("the stream ended") }
        let change = try fields(line)
        if change["event"] as? String == event { found = change }
        if found != nil { return true }
      }
      return false
    }
    guard let found else { throw HouseProblem("no \(event) within \(seconds) s") }
    return found
  }

  /// Exactly one report, and it names the handover.
  private func checkReport(_ house: House, _ handover: String) async throws {
    let written = try await eventually(within: 20) {
      try house.names(in: "reports").contains { $0.hasSuffix(".json") }
    }
    #expect(written)
    let reports = try house.names(in: "reports").filter { $0.hasSuffix(".json") }
    #expect(reports.count == 1)
    let report = try fields(house.text(of: "reports/" + (reports.first ?? "")))
    let matters = report["matters"] as? [Fields]
    #expect(matters?.map { $0["handover"] as? String } == [handover])
    #expect(report["kind"] as? String == "late")
  }

  private func checkLate(_ change: Fields, _ handover: String) {
    #expect(change["handover"] as? String == handover)
    #expect(change["phase"] as? String == "late")
    #expect((change["say"] as? [String])?.isEmpty == false)
    #expect((change["dial"] as? String)?.isEmpty == false)
  }

  /// The embedded policy with a minute of three seconds.
  private var shortMinute: String {
    Policy.embeddedSource
      .replacingOccurrences(of: "minuteMs: 60000", with: "minuteMs: 3000")
      .replacingOccurrences(of: "[30000, 45000]", with: "[1000, 2000]")
  }

  private func submit(_ house: House) throws -> (handover: String, deadline: Int64) {
    let answer = try ask(house.client(), Matter(ref: "m1", facts: ["crime"]).line)
    #expect(answer["phase"] as? String == "transferring")
    guard let handover = answer["handover"] as? String else { throw HouseProblem("\(answer)") }
    return (handover, try milliseconds(answer["deadline"]))
  }

  /// What the noise of a busy machine may add to the hundred milliseconds.
  private let toleranceMs: Int64 = 250

  @Test("a phone matter without any event is late after its minute: not before, and at once")
  func aMinutePasses() async throws {
    let house = try House()
    defer { house.close() }
    try await house.outer.start()
    let (handover, deadline) = try submit(house)
    #expect(deadline - nowMs() > 50_000)
    let change = try await watch(house, for: "deadlinePassed", within: 90)
    let lateness = try milliseconds(change["at"]) - deadline
    print("the minute was spoken \(lateness) ms after its deadline")
    #expect(lateness >= 0)
    #expect(lateness <= toleranceMs)
    checkLate(change, handover)
    try await checkReport(house, handover)
  }

  @Test("a minute that runs while the unit is killed and started again still ends in time")
  func killedDuringTheMinute() async throws {
    let house = try House(policy: shortMinute)
    defer { house.close() }
    try await house.outer.start()
    let (handover, deadline) = try submit(house)
    house.outer.kill()
    try await house.outer.start()
    let back = nowMs()
    let change = try await watch(house, for: "deadlinePassed", within: 30)
    let at = try milliseconds(change["at"])
    print("after a kill: \(at - deadline) ms after the deadline, \(at - back) ms after recovery")
    #expect(at >= deadline)
    #expect(at <= max(deadline, back) + toleranceMs)
    checkLate(change, handover)
    try await checkReport(house, handover)
  }

  @Test("a minute that passed while the unit was down is late and unattended at its start")
  func passedWhileDown() async throws {
    let house = try House(policy: shortMinute)
    defer { house.close() }
    try await house.outer.start()
    let (handover, deadline) = try submit(house)
    house.outer.kill()
    try await Task.sleep(for: .milliseconds(max(0, deadline - nowMs()) + 500))
    try await house.outer.start()
    let change = try await watch(house, for: "deadlinePassed", within: 30)
    #expect(try milliseconds(change["at"]) > deadline)
    #expect(change["unattended"] as? Bool == true)
    checkLate(change, handover)
    try await checkReport(house, handover)
  }
}
