import Foundation
import WeirCore

/// Plays the script through the intake as a seat would, and shows what the units make of it.
///
/// One thread does everything in turn: what is due is sent and answered, then the watch stream and
/// the delivered files are looked at. So a matter's answer is always known before its first line
/// on the watch stream is shown.
final class DemoStage {
  /// What became of one matter.
  struct Course {
    let matter: DemoMatter
    let number: String
    let spoken: String
    let decision: Json
    var phase: String
    var report: String?
    var isLate = false
    /// What the script adds to events, by their names.
    var notes: [String: String] = [:]
  }

  /// The matters that were taken, in their order.
  private(set) var courses: [Course] = []
  /// Refused requests.
  private(set) var refused = 0
  /// Reports that were raised, and which were acknowledged.
  private(set) var reports: [String: Bool] = [:]
  let inbox: DemoInbox
  private let units: DemoUnits
  private let minute: Double
  private let intake: LineClient
  private let watch: LineClient
  private let view = DemoView()

  /// What is still to be done.
  private struct Step {
    let at: Double
    let matter: DemoMatter
    let act: DemoMatter.Act?
  }

  private static let settleSeconds = 6.0
  private static let checkEvery = 25

  init(units: DemoUnits, minute: Int) throws {
    self.units = units
    self.minute = Double(minute)
    inbox = DemoInbox(folder: units.delivered)
    watch = try LineClient(path: units.controlPath("outer"))
    try watch.send("{\"op\":\"watch\",\"after\":0}")
    intake = try LineClient(path: units.intakePath)
  }

  /// Plays to the end and waits until what is 110's has arrived.
  func play(_ stop: StopFlag) throws {
    view.heading()
    let began = Date()
    var turns = 0
    for step in steps() {
      while -began.timeIntervalSinceNow < step.at {
        try look()
        try stop.check()
        turns += 1
        if turns % Self.checkEvery == 0 { try units.check() }
      }
      try perform(step)
    }
    let end = Date(timeIntervalSinceNow: Self.settleSeconds)
    var quietSince = Date()
    while Date() < end && (-quietSince.timeIntervalSinceNow < 1 || !hasArrived) {
      try stop.check()
      if try look() { quietSince = Date() }
    }
    try units.check()
  }

  /// Whether everything that is 110's lies inside.
  private var hasArrived: Bool { awaited.isSubset(of: inbox.handovers) }

  /// Numbers of what 110 must have.
  var awaited: Set<String> { Set(courses.filter(\.matter.isPolices).map(\.number)) }

  private func steps() -> [Step] {
    var steps: [Step] = []
    for (index, matter) in DemoMatter.all.enumerated() {
      let start = 0.3 + Double(index) * DemoMatter.gap
      steps.append(Step(at: start, matter: matter, act: nil))
      for act in matter.acts {
        let offset =
          switch act.at {
          case .after(let seconds): seconds
          case .minutes(let minutes): minutes * minute
          }
        steps.append(Step(at: start + offset, matter: matter, act: act))
      }
    }
    return steps.sorted { $0.at < $1.at }
  }

  private func perform(_ step: Step) throws {
    if let act = step.act {
      try report(act, on: step.matter)
    } else {
      try take(step.matter)
    }
  }

  private func ask(_ request: JsonLine) throws -> Json {
    try intake.send(request.text)
    guard let line = try intake.receive(), let answer = Json(line: line) else {
      throw Failure("the outer unit gave no answer. Look at \(units.logPath("outer"))", code: 70)
    }
    return answer
  }

  private func take(_ matter: DemoMatter) throws {
    var request = JsonLine()
    request.add("op", "intake")
    request.add("ref", "demo-\(matter.key)")
    request.add("receivedBy", matter.platform)
    request.add("channel", matter.channel)
    request.add("receivedAt", CoreText.time(Int64(Date().timeIntervalSince1970 * 1000)))
    request.add("facts", raw: JsonLine.list(matter.facts))
    request.add("text", matter.text)
    request.add("seat", matter.seat)
    for (key, json) in matter.members { request.add(key, raw: json) }
    let answer = try ask(request)
    if answer["error"].exists {
      refused += 1
      view.refused(matter, answer)
      return
    }
    courses.append(
      Course(
        matter: matter, number: answer["handover"].text ?? "?",
        spoken: answer["spoken"].text ?? "?", decision: answer["decision"],
        phase: answer["phase"].text ?? "?"))
  }

  private func report(_ act: DemoMatter.Act, on matter: DemoMatter) throws {
    try look()
    guard let index = courses.firstIndex(where: { $0.matter.key == matter.key }) else { return }
    var request = JsonLine()
    request.add("op", "event")
    request.add("ref", "demo-\(matter.key)-\(act.event)")
    if act.event == "reportAcknowledged", let report = courses[index].report {
      request.add("report", report)
    } else {
      request.add("handover", courses[index].number)
    }
    request.add("event", act.event)
    if !act.members.contains(where: { $0.key == "by" }) { request.add("by", matter.seat) }
    for (key, json) in act.members { request.add(key, raw: json) }
    courses[index].notes[act.event] = act.note
    let answer = try ask(request)
    if answer["error"].exists {
      refused += 1
      view.refused(matter, answer)
    }
  }

  /// Shows what is new; whether anything was.
  @discardableResult
  private func look() throws -> Bool {
    var isNew = false
    while try watch.hasLine(withinMs: isNew ? 0 : 15) {
      guard let line = try watch.receive(), let change = Json(line: line) else {
        throw Failure("the outer unit ended the watch stream", code: 70)
      }
      isNew = true
      note(change)
    }
    for item in inbox.fetch() {
      isNew = true
      view.delivered(item, spoken: spoken(of: item.handover))
    }
    return isNew
  }

  private func spoken(of number: String) -> String {
    courses.first { $0.number == number }?.spoken ?? ""
  }

  private func note(_ change: Json) {
    let number = change["handover"].text
    guard let index = courses.firstIndex(where: { $0.number == number }) else {
      view.changed(change, nil)
      return
    }
    courses[index].phase = change["phase"].text ?? courses[index].phase
    if change["late"].isTrue { courses[index].isLate = true }
    let leg = change["legs"]["report"]
    if let id = leg["id"].text {
      courses[index].report = id
      reports[id] = leg["state"].text == "acknowledged" || reports[id] == true
    }
    view.changed(change, courses[index])
  }
}
