import Foundation
import WeirCore

/// What the demo proved, and where it lies.
struct DemoSummary {
  /// What reached 110 is exactly what is 110's.
  let isRight: Bool
  private let stage: DemoStage
  private let units: DemoUnits
  private let terminal = Terminal.output

  init(stage: DemoStage, units: DemoUnits) {
    self.stage = stage
    self.units = units
    _ = stage.inbox.fetch()
    isRight = stage.inbox.handovers == stage.awaited && !stage.awaited.isEmpty
  }

  func show() throws {
    terminal.line()
    terminal.line(terminal.paint("结果", .strong))
    let rows = stage.courses.map { course in
      let decision = course.decision
      let files = stage.inbox.items.filter { $0.handover == course.number }.count
      return [
        course.spoken, course.matter.text,
        Words.owner(decision["owner"].text ?? "?") + " "
          + Words.action(decision["action"].text ?? "?"),
        Words.phase(course.phase) + (course.isLate ? "(曾超时)" : ""),
        files > 0 ? "\(files) 个版本" : "—",
      ]
    }
    terminal.table([["编号", "事项", "首次判定", "结局", "送达110"]] + rows)
    terminal.line()
    terminal.pairs(try numbers())
    terminal.line()
    places()
  }

  private func numbers() throws -> [(name: String, value: String)] {
    let awaited = stage.awaited.count
    let arrived = stage.inbox.handovers
    var equal = "应达 \(awaited) 件,送达 \(arrived.count) 件:"
    equal += isRight ? terminal.paint("一致", .good) : terminal.paint("不一致", .danger)
    let missing = stage.awaited.subtracting(arrived).sorted()
    let surplus = arrived.subtracting(stage.awaited).sorted()
    if !missing.isEmpty { equal += ";缺 \(missing.joined(separator: " "))" }
    if !surplus.isEmpty { equal += ";多 \(surplus.joined(separator: " "))" }
    let late = stage.courses.filter(\.isLate).count
    let acknowledged = stage.reports.values.filter { $0 }.count
    var rows = [
      ("受理", "\(stage.courses.count) 件,另拒收 \(stage.refused) 件(危险件已隔离并要求电话办理)"),
      ("送达110", equal), ("单程时延", latency()), ("超时", "\(late) 件"),
      ("报备", "\(stage.reports.count) 起,已签收 \(acknowledged) 起"),
    ]
    for (role, unit) in [("outer", "kd1"), ("inner", "in1")] {
      let finding = try JournalReader.read(units.dataPath(role), unit: unit) { _ in true }
      rows.append(("\(role) 日志账", "\(finding.records) 条记录,逐条校验完好"))
    }
    return rows
  }

  private func latency() -> String {
    let all = stage.inbox.items.compactMap(\.latencyMs).sorted()
    guard let least = all.first, let most = all.last else { return "—" }
    return "最小 \(DemoView.span(least)),中位 \(DemoView.span(all[all.count / 2])),"
      + "最大 \(DemoView.span(most))(\(all.count) 个版本,自外端首次发送至到达内端)"
  }

  private func places() {
    terminal.line(terminal.paint("在哪里", .strong))
    terminal.pairs([
      ("送达的文件", units.delivered), ("报备", units.reports),
      ("运行日志(log)", "\(units.logPath("outer"))、inner.log"),
      ("日志账(journal)", "\(units.dataPath("outer"))、inner-data"),
    ])
    terminal.line()
    terminal.line(terminal.paint("接着试试", .strong))
    let program = CommandLine.arguments.first ?? "weir"
    for command in [
      "\(program) journal show --config \(units.configPath("outer"))",
      "\(program) outer --config \(units.configPath("outer")) & sleep 1; "
        + "\(program) status --control \(units.controlPath("outer")); kill %1",
      "jq -c '[.\"@timestamp\",.\"event.action\",.\"labels.handover\",.message]' "
        + units.logPath("outer"),
    ] {
      terminal.line("  " + command)
    }
    terminal.line(terminal.paint("两台演示机都已停止;不再需要时:rm -r \(units.folder)", .faint))
  }
}
