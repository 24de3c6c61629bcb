import ArgumentParser
import WeirPolicy

/// `weir trace`
struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "One matter on one screen: what it is, where it stands, what happened.",
    discussion: "Example: weir trace 417-6 --config /etc/weir/outer.yaml")

  @OptionGroup var control: ControlOptions
  @Argument(help: "The matter's number, or today's spoken one: 417-6.") var handover: String
  @Flag(help: "Print the answer as it came.") var json = false

  func run() throws {
    var request = JsonLine()
    request.add("op", "get")
    request.add("handover", handover)
    let (line, said) = try control.ask(request)
    if json { Terminal.output.line(line) }
    if let refused = refusal(in: said) { throw json ? ExitCode(1) as any Error : refused }
    if !json { RecordText(said["record"]).show() }
  }
}

/// A record for people, in Chinese.
struct RecordText {
  private let record: Json
  private let terminal = Terminal.output

  init(_ record: Json) { self.record = record }

  func show() {
    let decision = record["decision"]
    let emergency = decision["emergency"].isTrue ? terminal.paint(" 紧急", .danger) : ""
    let number = record["handover"].text ?? "?"
    terminal.line(
      "\(terminal.paint(number, .strong))(\(record["spoken"].text ?? "?"))\(emergency)")
    var rows: [(name: String, value: String)] = []
    func add(_ name: String, _ value: String?) {
      if let value, !value.isEmpty { rows.append((name, value)) }
    }
    add("来源", Words.source(record["receivedBy"].text ?? "?", record["channel"].text ?? "?"))
    let facts = Words.facts(record["facts"].texts) { Policy.embedded.name(of: $0) }
    add("事实", facts.isEmpty ? "未勾选" : facts)
    add(
      "判定",
      Words.owner(decision["owner"].text ?? "?") + ","
        + Words.action(decision["action"].text ?? "?") + ","
        + "\(decision["clause"].text ?? "?") \(decision["rule"].text ?? "")")
    add("阶段", record["phase"].text.map { Words.phase($0) })
    add("三路", Legs(record["legs"]).text(terminal))
    add("报备号", record["legs"]["report"]["id"].text)
    add("诉求", record["text"].text)
    add("诉求人", person)
    add("地点", place)
    add("席位", record["seat"].text)
    add("接到", record["receivedAt"].text)
    add("时限", record["deadline"].text)
    add("接听", record["answeredAt"].text)
    add("超时", record["lateAt"].text)
    terminal.pairs(rows)
    terminal.line()
    for step in record["history"].list { terminal.line(historyLine(step)) }
  }

  private var person: String {
    let caller = record["caller"]
    return [caller["name"].text, caller["phone"].text].compactMap { $0 }.joined(separator: " ")
  }

  private var place: String {
    let place = record["place"]
    let county = place["county"].text.flatMap(UInt32.init)
      .flatMap { Policy.embedded.name(ofCounty: $0) }
    return [county ?? place["county"].text, place["address"].text].compactMap { $0 }
      .joined(separator: " ")
  }

  private func historyLine(_ step: Json) -> String {
    let time = String((step["at"].text ?? "").dropFirst(11).prefix(12))
    let event = step["event"].text ?? "?"
    let beside = [
      step["by"].text.map { "(\($0))" }, step["department"].text, step["answer"].text,
      step["reason"].text,
    ].compactMap { $0 }.joined(separator: " ")
    let revision = "r\(step["revision"].number ?? 0)".padded(to: 4)
    return "\(terminal.paint(time, .faint))  \(revision)  \(Words.event(event)) \(beside)"
  }
}
