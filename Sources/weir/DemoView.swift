import Foundation
import WeirCore

/// The live view: one line a happening, and below it what the seat must say or do.
struct DemoView {
  private let terminal = Terminal.output
  private let width: Int
  private let showsLegs: Bool

  private static let timeWidth = 12
  private static let numberWidth = 5
  private static let phaseWidth = 10
  private static let legsWidth = 26
  private static let whatWidth = 46

  init() {
    let fixed = Self.timeWidth + Self.numberWidth + Self.phaseWidth + 6
    showsLegs = terminal.columns >= fixed + Self.legsWidth + 32
    let rest = terminal.columns == .max ? .max : terminal.columns - fixed - (showsLegs ? 28 : 0)
    width = min(Self.whatWidth, max(20, rest))
  }

  /// The first line.
  func heading() {
    let head = row("时间", "编号", "发生了什么", "阶段", showsLegs ? "三路:话音、数据、报备" : "")
    terminal.line(terminal.paint(head, .strong))
  }

  private func row(
    _ time: String, _ number: String, _ what: String, _ phase: String, _ legs: String
  ) -> String {
    let cells = [
      time.padded(to: Self.timeWidth), number.padded(to: Self.numberWidth), what.cut(to: width),
    ]
    guard !phase.isEmpty else { return cells.joined(separator: "  ") }
    let padded = cells.joined(separator: "  ") + pad(after: what)
    return legs.isEmpty
      ? "\(padded)  \(phase)" : "\(padded)  \(phase.padded(to: Self.phaseWidth))  \(legs)"
  }

  /// What brings a text to the width of its column.
  private func pad(after what: String) -> String {
    String(repeating: " ", count: max(0, width - what.columns))
  }

  private func below(_ text: String, _ ink: Terminal.Ink) {
    let indent = Self.timeWidth + Self.numberWidth + 4
    let room = terminal.columns == .max ? Int.max : max(20, terminal.columns - indent - 3)
    terminal.line(
      String(repeating: " ", count: indent) + terminal.paint("└ " + text.cut(to: room), ink))
  }

  /// A span for people; both units stamp whole milliseconds.
  static func span(_ milliseconds: Int64) -> String {
    milliseconds < 1 ? "<1 ms" : "\(milliseconds) ms"
  }

  private static func clock(_ time: String?) -> String {
    String((time ?? "").dropFirst(11).prefix(12))
  }

  /// A durable change from the watch stream.
  func changed(_ change: Json, _ course: DemoStage.Course?) {
    let event = change["event"].text ?? "?"
    var what = Words.event(event) + (course?.notes[event] ?? "")
    if event == "intake", let matter = course?.matter {
      what = "\(Words.source(matter.platform, matter.channel)):\(matter.text)"
    }
    let time = Self.clock(change["at"].text)
    let phase = change["phase"].text.map { Words.phase($0) } ?? ""
    let legs = change["legs"].exists && showsLegs ? Legs(change["legs"]).text(terminal) : ""
    let ink = ink(of: event)
    let shown = what.cut(to: width)
    var cells = [
      terminal.paint(time.padded(to: Self.timeWidth), .faint),
      terminal.paint((course?.spoken ?? "—").padded(to: Self.numberWidth), .strong),
      ink.map { terminal.paint(shown, $0) } ?? shown,
    ]
    if !phase.isEmpty {
      cells[2] += pad(after: shown)
      let column = legs.isEmpty ? phase : phase.padded(to: Self.phaseWidth)
      cells.append(terminal.paint(column, change["late"].isTrue ? .danger : .strong))
    }
    if !legs.isEmpty { cells.append(legs) }
    terminal.line(cells.joined(separator: "  "))
    if event == "intake", let course { below(decision(course.decision), .faint) }
    if isSpoken(event), let sentence = change["say"].texts.first {
      below("提示:\(sentence)", .warning)
    }
  }

  private func decision(_ decision: Json) -> String {
    let owner = decision["owner"].text ?? "?"
    let name = ["110": "属110", "12345": "属12345", "neither": "都不受理", "unclear": "归属待定"][owner]
    let parts = [
      name ?? owner, Words.action(decision["action"].text ?? "?"),
      "依据\(decision["clause"].text ?? "?")", decision["emergency"].isTrue ? "紧急" : nil,
    ]
    return parts.compactMap { $0 }.joined(separator: ",")
  }

  private func ink(of event: String) -> Terminal.Ink? {
    switch event {
    case "transferFailed", "deadlinePassed", "phoneItIn": .danger
    case "preAlarm", "reminder", "callerTold": .warning
    case "transferAnswered", "agreed", "reportAcknowledged", "guided": .good
    default: nil
    }
  }

  private func isSpoken(_ event: String) -> Bool {
    ["preAlarm", "transferFailed", "deadlinePassed", "phoneItIn", "notAgreed"].contains(event)
  }

  /// A file that the inner unit delivered.
  func delivered(_ item: DemoInbox.Item, spoken: String) {
    let arrived = Self.clock((item.json["arrivedAt"].text ?? item.json["at"].text))
    if item.isAlarm {
      let text = "内端告警:\(item.json["text"].text ?? "?")"
      terminal.line(terminal.paint(row(arrived, "!", text, "", ""), .danger))
      return
    }
    let revision = item.json["revision"].number ?? 0
    let latency = item.latencyMs.map { ",单程 \(Self.span($0))" } ?? ""
    let text = "→ 110:\(item.handover) r\(revision) 到达\(latency)"
    terminal.line(terminal.paint(row(arrived, spoken, text, "", ""), .link))
  }

  /// A request that the outer unit refused.
  func refused(_ matter: DemoMatter, _ answer: Json) {
    let error = answer["error"]
    let reason = "\(error["code"].text ?? "?") \(error["field"].text ?? "")"
    let now = Self.clock(CoreText.time(Int64(Date().timeIntervalSince1970 * 1000)))
    let text = "拒收:\(matter.text)(\(reason))"
    terminal.line(terminal.paint(row(now, "—", text, "", ""), .danger))
  }
}
