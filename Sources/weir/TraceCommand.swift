import ArgumentParser
import Foundation
import WeirConfiguration
import WeirCore
import WeirPolicy

/// `weir trace`
struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "One matter on one screen: every event at both clocks, who did it, where it stood.",
    discussion: """
      Asks the running unit; with --journal, or when the unit of --config does not run, it reads \
      the journal, which also tells every minute's copies on the link.

      Example: weir trace 417-6 --config /etc/weir/outer.yaml
      Example: weir trace kd1-20261123-000417 --journal --config /etc/weir/outer.yaml
      """)

  @OptionGroup var control: ControlOptions
  @Argument(help: "The matter's number, or today's spoken one: 417-6.") var handover: String
  @Flag(help: "Read the journal of --config in place of asking the unit.") var journal = false
  @Flag(help: "Print one JSON object.") var json = false

  func validate() throws {
    if journal && control.config == nil { throw ValidationError("--journal needs --config FILE.") }
  }

  func run() throws {
    let story = journal ? try readJournal() : try ask() ?? readJournal()
    if json {
      Terminal.output.line(story.json)
    } else {
      let data = try control.config.map { try readConfiguration($0).data }
      StoryText(story, reasons: TraceReasons(story, data: data)).show()
    }
  }

  /// The running unit's answer; nil when only the journal can tell.
  private func ask() throws -> Story? {
    var request = JsonLine()
    request.add("op", "trace")
    request.add("handover", handover)
    let client: LineClient
    do {
      client = try control.connect()
    } catch let error as CoreError where control.config != nil && error.kind == .configuration {
      return nil
    }
    try client.send(request.text)
    guard let line = try client.receive(), let said = Json(line: line) else {
      throw Failure("the unit closed the connection. Look at its log")
    }
    if let refused = refusal(in: said) {
      if json { Terminal.output.line(line) }
      throw json ? ExitCode(1) as any Error : refused
    }
    return Story(
      number: said["handover"].text ?? handover, spoken: said["spoken"].text ?? "",
      entries: said["story"].list, copies: said["copies"].number ?? 0,
      lastCopy: said["lastCopy"].text, tallies: [],
      leftOut: said["leftOut"].number ?? 0, json: line)
  }

  /// The whole story from the journal, which may be that of a running unit.
  private func readJournal() throws -> Story {
    let unit = try readConfiguration(control.config ?? "")
    let number = try HandoverNumber(typed: handover, of: unit.name)
    var entries: [String] = []
    var written = ""
    var crossing: UInt64 = 0
    var tallies: [(copies: Int, last: String)] = []
    _ = try JournalReader.look(unit.data, unit: unit.name) { record in
      if record.kind == .change && record.number == number {
        entries.append(record.story)
        written = record.handover
        crossing = record.crossing
      } else if record.kind == .tally && crossing != 0 {
        record.tally { which, copies, last in
          guard which == crossing, Int(copies) != tallies.last?.copies else { return }
          tallies.append((Int(copies), CoreText.time(last)))
        }
      }
      return true
    }
    guard !entries.isEmpty else {
      throw Failure("the journal of \(unit.name) knows no handover \(handover)")
    }
    var line = JsonLine()
    line.add("handover", written)
    line.add("crossing", raw: String(crossing))
    line.add("story", raw: "[" + entries.joined(separator: ",") + "]")
    line.add(
      "copies",
      raw: "["
        + tallies.map { "{\"copies\":\($0.copies),\"last\":\"\($0.last)\"}" }.joined(separator: ",")
        + "]")
    return Story(
      number: written, spoken: "", entries: entries.compactMap { Json(line: $0) },
      copies: tallies.last?.copies ?? 0, lastCopy: tallies.last?.last, tallies: tallies,
      leftOut: 0, json: line.text)
  }
}

/// What is known of one matter, oldest first.
struct Story {
  let number: String
  let spoken: String
  let entries: [Json]
  /// Copies sent over the link, and when the last was.
  let copies: Int
  let lastCopy: String?
  /// What each minute's tally added, where the journal was read.
  let tallies: [(copies: Int, last: String)]
  /// Entries that one answer could not hold.
  let leftOut: Int
  let json: String
}

/// A story for people, in Chinese.
struct StoryText {
  private let story: Story
  private let terminal = Terminal.output

  private let reasons: TraceReasons

  init(_ story: Story, reasons: TraceReasons) {
    self.story = story
    self.reasons = reasons
  }

  func show() {
    let decision = story.entries.last { $0["decision"].exists }?["decision"]
    let emergency = decision?["emergency"].isTrue == true ? terminal.paint(" 紧急", .danger) : ""
    let drill = story.number.contains("-Y") ? "【演练】" : ""
    let spoken = story.spoken.isEmpty ? "" : "(\(story.spoken))"
    terminal.line("\(drill)\(terminal.paint(story.number, .strong))\(spoken)\(emergency)")
    terminal.pairs(head(decision))
    for (index, line) in reasons.lines.enumerated() {
      terminal.line("  " + (index == 0 ? line : terminal.paint(line, .faint)))
    }
    terminal.line()
    let first = story.entries.first?["atBootMs"].number ?? 0
    terminal.table(
      [["时间", "启动钟(秒)", "历时(秒)", "版", "事件", "经手", "阶段", "话音", "数据", "报备"]]
        + story.entries.map { row($0, since: first) })
    if story.leftOut > 0 {
      terminal.line("…另有\(story.leftOut)条未列出:weir trace --journal")
    }
    terminal.line()
    for entry in story.entries { said(entry) }
    for tally in story.tallies {
      terminal.line("\(clock(tally.last))  过链副本累计\(tally.copies)份")
    }
  }

  private func head(_ decision: Json?) -> [(name: String, value: String)] {
    let requests = story.entries.map { $0["request"] }
    let intake = requests.first
    var rows: [(name: String, value: String)] = []
    func add(_ name: String, _ value: String?) {
      if let value, !value.isEmpty { rows.append((name, value)) }
    }
    let source = intake?["receivedBy"].text.map {
      Words.source($0, intake?["channel"].text ?? "phone")
    }
    add("来源", source)
    let facts = requests.flatMap { $0["facts"].texts }
    add("事实", Words.facts(facts) { Policy.embedded.name(of: $0) })
    if let decision {
      add(
        "判定",
        Words.owner(decision["owner"].text ?? "?") + ","
          + Words.action(decision["action"].text ?? "?") + ","
          + "\(decision["clause"].text ?? "") \(decision["rule"].text ?? "") "
          + (decision["policy"].text ?? ""))
    }
    add("诉求", requests.compactMap { $0["text"].text }.joined(separator: " / "))
    add("诉求人", requests.last { $0["caller"].exists }.map { person($0["caller"]) })
    add("地点", requests.last { $0["place"].exists }.map { place($0["place"]) })
    add("席位", intake?["seat"].text)
    add("接到", intake?["receivedAt"].text)
    add("过链", link)
    add("报备号", story.entries.last?["reportId"].text)
    return rows
  }

  private var link: String? {
    guard let crossing = story.entries.last(where: { $0["crossing"].exists })?["crossing"].number
    else { return nil }
    let copies =
      story.lastCopy.map { ",已发\(story.copies)份,最近\(clock($0))" } ?? ",尚无副本记录"
    let proof = story.entries.last { $0["event"].text == "receipt" }
    let confirmed = proof.map {
      ",\($0["byDigest"].isTrue ? "对账码" : "回执码")确认于\(clock($0["at"].text ?? ""))"
    }
    let isNewest = story.entries.last?["data"].text == "confirmed"
    let rest = proof == nil || isNewest ? "" : ",其后的版本未经确认"
    return "\(crossing)号" + copies + (confirmed ?? ",未经人工确认") + rest
  }

  private func person(_ caller: Json) -> String {
    [caller["name"].text, caller["phone"].text].compactMap { $0 }.joined(separator: " ")
  }

  private func place(_ place: Json) -> String {
    let county = place["county"].text.flatMap(UInt32.init)
      .flatMap { Policy.embedded.name(ofCounty: $0) }
    return [county ?? place["county"].text, place["address"].text].compactMap { $0 }
      .joined(separator: " ")
  }

  /// hh:mm:ss.mmm of a time, with its day where that is not the matter's own.
  private func clock(_ time: String) -> String {
    let day = time.prefix(10)
    let own = story.entries.first?["at"].text?.prefix(10)
    let clock = time.dropFirst(11).prefix(12)
    return day == own ? String(clock) : "\(day) \(clock)"
  }

  private func row(_ entry: Json, since first: Int) -> [String] {
    let boot = entry["atBootMs"].number ?? 0
    let request = entry["request"]
    let passed = boot >= first ? Self.seconds(boot - first) : "—"  // another boot's clock
    let cause = entry["event"].text == "transferFailed" ? entry["cause"].text.map(Words.cause) : nil
    let event = Words.event(of: entry) + (cause.map { ":\($0)" } ?? "")
    let report = entry["report"].text ?? "none"
    let late = entry["late"].isTrue ? terminal.paint("(超时)", .warning) : ""
    return [
      clock(entry["at"].text ?? ""), Self.seconds(boot), passed,
      "\(entry["revision"].number ?? 0)", event,
      request["by"].text ?? request["seat"].text ?? (request.exists ? "" : "系统"),
      Words.phase(entry["phase"].text ?? "?") + late, Words.voice(entry["voice"].text ?? "none"),
      Words.data(entry["data"].text ?? "none") + (entry["crossing"].exists ? "↗" : ""),
      Words.report(report),
    ]
  }

  private static func seconds(_ milliseconds: Int) -> String {
    String(format: "%.1f", Double(milliseconds) / 1000)
  }

  /// What was said, and what people wrote, under the time of its event.
  private func said(_ entry: Json) {
    let request = entry["request"]
    var parts = [
      request["department"].text.map { "部门:\($0)" }, request["answer"].text.map { "答复:\($0)" },
      request["reason"].text.map { "原因:\($0)" }, request["at"].text.map { "自报时间:\(clock($0))" },
      entry["dial"].text.map { "拨打:\($0)" },
      entry["ground"].text.map { "归属依据:\(Words.ground($0))" },
      Words.parties(entry["inCall"].texts).map { "在线:\($0)" },
    ].compactMap { $0 }
    parts += entry["say"].texts.map { "话术:\($0)" }
    guard !parts.isEmpty else { return }
    let time = terminal.paint(clock(entry["at"].text ?? ""), .faint)
    terminal.line(
      "\(time)  \(Words.event(of: entry))  \(parts.joined(separator: " "))")
  }
}
