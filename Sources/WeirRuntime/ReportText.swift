import Foundation
import WeirCore
import WeirModel

/// A report as a file for machines and as a page for people, in Chinese.
struct ReportText {
  let unit: String
  let report: Report

  /// `UNIT-R` and six digits.
  var id: String {
    let digits = String(report.number)
    return "\(unit)-R" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }

  private var kindName: String {
    switch report.kind {
    case .cannotTransfer: "cannotTransfer"
    case .late: "late"
    case .none: "other"
    }
  }

  private var kindChinese: String {
    switch report.kind {
    case .cannotTransfer: "无法转接" + targets.joined(separator: "、")
    case .late: "一分钟内未转接成功"
    case .none: "其他异常"
    }
  }

  /// Who could not be reached.
  private var targets: [String] {
    Set(report.entries.values.compactMap { $0.last.map { Self.target(of: $0.notice) } }).sorted()
  }

  private static func eventName(_ matter: Notice.Matter) -> String {
    matter.state.revision == 1 ? "intake" : matter.event?.name ?? "update"
  }

  /// Where it stands: `open`, `acknowledged` while it still holds matters up, or `ended`.
  var state: String { report.isOpen ? "open" : report.hasEnded ? "ended" : "acknowledged" }

  /// One JSON object.
  var json: String {
    var text = "{\"report\":\(CoreText.quoted(id)),\"kind\":\"\(kindName)\""
    text += ",\"state\":\"\(state)\",\"drill\":\(report.isDrill)"
    text += ",\"openedAt\":\"\(CoreText.time(report.openedAt))\""
    text += ",\"changedAt\":\"\(CoreText.time(report.changedAt))\""
    text += ",\"heldUp\":\(report.heldUp)"
    text += ",\"reminders\":\(report.reminders),\"remindedAt\":["
    text += report.remindedAt.map { "\"\(CoreText.time($0))\"" }.joined(separator: ",") + "]"
    if !report.isOpen {
      text += ",\"acknowledgedAt\":\"\(CoreText.time(report.acknowledgedAt))\""
      text += ",\"acknowledgedBy\":\(CoreText.quoted(report.acknowledgedBy))"
    }
    text += ",\"matters\":["
    text += report.order.compactMap { report.entries[$0] }.map(matterJSON).joined(separator: ",")
    return text + "]}\n"
  }

  private func matterJSON(_ entries: [Report.Entry]) -> String {
    guard let last = entries.last else { return "{}" }
    let state = last.notice.state
    var text = "{\"handover\":\(CoreText.quoted(last.notice.handover))"
    text += ",\"phase\":\"\(state.phase.name)\",\"revision\":\(state.revision)"
    text += ",\"emergency\":\(state.flags.contains(.emergency))"
    if state.flags.contains(.unattended) { text += ",\"unattended\":true" }
    if state.flags.contains(.clockUncertain) { text += ",\"clockUncertain\":true" }
    text += ",\"events\":["
    text += entries.map { entry in
      var line = "{\"at\":\"\(CoreText.time(entry.at))\""
      line += ",\"event\":\"\(Self.eventName(entry.notice))\""
      if entry.notice.state.cause != .none { line += ",\"cause\":\"\(entry.notice.state.cause)\"" }
      if !entry.notice.by.isEmpty { line += ",\"by\":\(CoreText.quoted(entry.notice.by))" }
      if !entry.notice.dial.isEmpty { line += ",\"dial\":\(CoreText.quoted(entry.notice.dial))" }
      if !entry.notice.say.isEmpty { line += ",\"said\":\(entry.notice.say)" }
      return line + "}"
    }.joined(separator: ",")
    return text + "]}"
  }

  /// A page in Chinese: the report, or the end-of-fault report.
  func page(isEnd: Bool) -> String {
    var text = "\(report.isDrill ? "【演练】" : "")异常情况报备\(isEnd ? "(结束报告)" : "")\n"
    text += "编号: \(id)\n类别: \(kindChinese)\n开始: \(CoreText.time(report.openedAt))\n"
    text += "依据: 甘办〔2022〕38号 五(二)\n"
    if report.isOpen {
      let last = report.remindedAt.last.map { ",最近\(CoreText.time($0))" } ?? ""
      text += "状态: 未确认,已提醒\(report.reminders)次\(last)\n"
    } else {
      let by = report.acknowledgedBy.isEmpty ? "未具名" : report.acknowledgedBy
      text += "状态: 已确认,确认人\(by),\(CoreText.time(report.acknowledgedAt))\n"
    }
    if isEnd {
      text +=
        report.hasEnded
        ? "结束: \(CoreText.time(report.changedAt)),所涉事项均已接通、已告知或已办结\n"
        : "结束: 尚有\(report.heldUp)件未接通,本报告将随之更新\n"
    }
    text += "涉及事项\(report.order.count)件:\n"
    for handover in report.order {
      guard let entries = report.entries[handover] else { continue }
      text += "  \(handover)\n"
      for entry in entries { text += "    " + Self.line(entry) + "\n" }
    }
    return text
  }

  private static func line(_ entry: Report.Entry) -> String {
    let matter = entry.notice
    let event = eventName(matter)
    let name = StepWords.chinese(event, target: target(of: matter)) ?? event
    let by = matter.by.isEmpty ? "" : " 经手:\(matter.by)"
    let said = (try? JSONDecoder().decode([String].self, from: Data(matter.say.utf8))) ?? []
    let say = said.isEmpty ? "" : " 话术:\(said.joined(separator: " "))"
    return "\(CoreText.time(entry.at)) \(name)\(by)\(say)"
  }

  /// Who is dialled for a matter: what 110 does not take and is an emergency goes to 120.
  private static func target(of matter: Notice.Matter) -> String {
    matter.state.action == .explainAndGuide ? "120" : "110"
  }
}
