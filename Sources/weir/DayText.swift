import Foundation
import WeirCore
import WeirModel
import WeirPolicy
import WeirRuntime

/// A day's report as a page, a JSON object, or rows for a spreadsheet.
struct DayText {
  let unit: String
  let day: ReportDay
  let count: DayCount

  /// Real matters first, then drills; never together.
  private var sides: [(name: String, sections: [DaySection])] {
    [("real", count.sections(drills: false)), ("drills", count.sections(drills: true))]
  }

  /// One JSON object: side → section → row.
  var json: String {
    var line = JsonLine()
    line.add("unit", unit)
    line.add("day", day.text)
    for side in sides {
      var sections = JsonLine()
      for section in side.sections {
        var rows = JsonLine()
        for row in section.rows { rows.add(row.name, raw: Self.plain(row.value) ?? "null") }
        sections.add(section.name, raw: rows.text)
      }
      line.add(side.name, raw: sections.text)
    }
    return line.text
  }

  /// Rows of five cells under a heading, lines ended as RFC 4180 has them.
  var csv: String {
    var lines = [["unit", "day", "side", "section", "name", "value"]]
    for side in sides {
      for section in side.sections {
        for row in section.rows {
          lines.append([
            unit, day.text, side.name, section.name, row.name, Self.plain(row.value) ?? "",
          ])
        }
      }
    }
    return lines.map { $0.map(Csv.cell).joined(separator: ",") + "\r\n" }.joined()
  }

  /// A page in Chinese; sections without a number are left out for drills.
  func show(_ terminal: Terminal) {
    terminal.line(terminal.paint("\(unit)  \(day.text)  日报", .strong))
    for side in sides {
      let total = side.sections.first?.rows.first?.value
      let isDrill = side.name == "drills"
      terminal.line()
      terminal.line(terminal.paint(isDrill ? "【演练】(不计入以上各数)" : "实际事项", .strong))
      if isDrill && total == .count(0) {
        terminal.line("无")
        continue
      }
      for section in side.sections where !section.rows.isEmpty {
        terminal.line(terminal.paint(DayWords.section(section.name), .link))
        let rows = section.rows.map { row in
          (name: "  " + DayWords.row(row.name, in: section.name), value: Self.forPeople(row.value))
        }
        terminal.pairs(rows)
      }
    }
  }

  /// A value as a number; nil when there is none.
  private static func plain(_ value: DaySection.Value) -> String? {
    switch value {
    case .count(let count): String(count)
    case .share(let share): share.map { String(format: "%.4f", $0) }
    case .milliseconds(let span): span.map { String($0) }
    }
  }

  private static func forPeople(_ value: DaySection.Value) -> String {
    switch value {
    case .count(let count): String(count)
    case .share(let share): share.map { String(format: "%.2f%%", $0 * 100) } ?? "—"
    case .milliseconds(let span): span.map { String(format: "%.1f 秒", Double($0) / 1000) } ?? "—"
    }
  }
}

/// Cells of a table that spreadsheets open.
enum Csv {
  /// A cell: quoted where it must be, and never read as a formula.
  static func cell(_ text: String) -> String {
    var text = text
    // A spreadsheet takes what begins like this for a formula; an apostrophe makes it text.
    if let first = text.unicodeScalars.first, "=+-@\t\r".unicodeScalars.contains(first),
      Double(text) == nil
    {
      text = "'" + text
    }
    guard text.contains(where: { "\",\r\n".contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}

/// What a report calls its rows, in Chinese.
enum DayWords {
  static func section(_ name: String) -> String {
    [
      "matters": "总数", "clauses": "按条款", "actions": "按处置", "channels": "按渠道", "counties": "按县(市)",
      "policies": "按政策版本", "phone": "电话转接110(一分钟)", "internet": "网络渠道电话告知110(一分钟)",
      "fallbacks": "转接失败与兜底", "tellCaller": "故障至告知诉求人", "report": "故障至报备",
      "acknowledgement": "报备至签收",
      "talks": "协商", "link": "数据链路",
    ][name] ?? name
  }

  static func row(_ name: String, in section: String) -> String {
    switch section {
    case "actions": return Words.action(name)
    case "channels":
      let parts = name.split(separator: " ").map(String.init)
      return parts.count == 2 ? Words.source(parts[0], parts[1]) : name
    case "counties":
      if name == "unknown" { return "未填" }
      return UInt32(name).flatMap { Policy.embedded.name(ofCounty: $0) } ?? name
    case "fallbacks" where TransferCause.allCases.contains { String(describing: $0) == name }:
      return Words.cause(name)
    default: return rows[name] ?? name
    }
  }

  private static let rows = [
    "all": "全部", "emergencies": "紧急", "late": "超时", "unattended": "停机期间超时", "undecided": "系统未判定",
    "supervision": "涉警投诉(督察)", "dangerCleared": "解除危险标记", "redialledFrom110": "110告知改拨而来",
    "redialAdvised": "已告知改拨12345", "calledOnBehalf": "代诉求人拨打110", "due": "应转接", "answered": "已接听",
    "within60s": "60秒内接听", "shareWithin60s": "60秒内占比", "0-30s": "0–30秒", "30-60s": "30–60秒",
    "60-120s": "60–120秒", "120-180s": "120–180秒", "over180s": "180秒以上", "unanswered": "未接听",
    "minutePassed": "一分钟已过", "callerTold": "已告知自拨110", "count": "件数", "mean": "平均", "p50": "中位数",
    "p95": "95%以内", "max": "最长", "threeWayCalls": "三方通话", "agreed110": "商定110受理",
    "agreed12345": "商定12345受理", "firstReceiver": "首接平台受理", "dispatchFirst": "转为先行派警", "open": "未结",
    "crossed": "过链事项", "revisions": "过链版本", "confirmedByCode": "回执码确认",
    "confirmedByDigest": "对账码确认", "unconfirmed": "未确认", "expired": "逾期未确认",
  ]
}
