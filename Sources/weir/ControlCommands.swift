import ArgumentParser
import Foundation
import WeirConfiguration
import WeirCore
import WeirModel

/// Which running unit is meant.
struct ControlOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The unit's control or intake socket; without --config \(ControlOptions.usualPath).",
      valueName: "path"))
  var control: String?

  @Option(help: ArgumentHelp("The unit's configuration file.", valueName: "file"))
  var config: String?

  /// Where a packaged unit has its control socket.
  private static let usualPath = "/run/weir/control.sock"

  func validate() throws {
    if control != nil && config != nil { throw ValidationError("Give --control or --config.") }
  }

  /// Connects to the unit.
  func connect() throws -> LineClient {
    if let control { return try LineClient(path: control) }
    guard let config else {
      guard FileManager.default.fileExists(atPath: Self.usualPath) else {
        throw Failure(
          "no unit has its control socket at \(Self.usualPath). "
            + "Give --control PATH or --config FILE"
        )
      }
      return try LineClient(path: Self.usualPath)
    }
    let unit = try readConfiguration(config)
    if let path = unit.control ?? unit.intake.socket { return try LineClient(path: path) }
    if let tcp = unit.intake.tcp { return try LineClient(host: tcp.host, port: tcp.port) }
    throw Failure("\(config) names no socket. Add control: /run/weir/control.sock and start again")
  }

  private static let patienceMs = 3000

  /// Asks one question.
  ///
  /// - Parameter meanwhile: for what takes the unit its time: what is said every few seconds until
  ///   it answers, however long that is.
  /// - Returns: the answer's line, and what it says.
  func ask(
    _ request: JsonLine, meanwhile: String? = nil
  ) throws -> (line: String, answer: Json) {
    let client = try connect()
    try client.send(request.text)
    if let meanwhile {
      while try !client.hasLine(withinMs: Self.patienceMs) { Terminal.complain(meanwhile) }
    }
    guard let line = try client.receive() else {
      throw Failure("the unit closed the connection. Look at its log")
    }
    guard let answer = Json(line: line) else { throw Failure("not an answer: \(line)", code: 70) }
    return (line, answer)
  }

  /// Asks, and ends the command where the unit refused.
  func demand(
    _ request: JsonLine, meanwhile: String? = nil
  ) throws -> (line: String, answer: Json) {
    let (line, answer) = try ask(request, meanwhile: meanwhile)
    if let refused = refusal(in: answer) { throw refused }
    return (line, answer)
  }

  /// Asks, and prints the answer as it came where that is wanted: then nothing is left to say.
  func demand(_ request: JsonLine, json: Bool, meanwhile: String? = nil) throws -> Json? {
    guard json else { return try demand(request, meanwhile: meanwhile).answer }
    let (line, answer) = try ask(request, meanwhile: meanwhile)
    Terminal.output.line(line)
    if refusal(in: answer) != nil { throw ExitCode(1) }
    return nil
  }
}

/// A unit's refusal in words; nil for an answer.
func refusal(in answer: Json) -> Failure? {
  let error = answer["error"]
  guard error.exists else { return nil }
  var lines = ["refused: \(error["code"].text ?? "?"): \(error["message"].text ?? "")"]
  if let field = error["field"].text { lines[0] += " (\(field))" }
  switch error["code"].text {
  case "unknownHandover": lines.append("give the whole number, or today's spoken one such as 417-6")
  case "supervisorNeeded": lines.append("give --by with a name of intake.supervisors, and --reason")
  case "wrongUnit": lines.append("give the other unit's --config or --control")
  case "unknownReport": lines.append("`weir status` names the reports that are open")
  case "notInQuarantine": lines.append("`weir quarantine list` shows the numbers")
  case "notNow": lines.append("`weir trace` shows where the matter stands")
  case "drillClosed": lines.append("a supervisor opens the window: `weir drill open`")
  case "badValue":
    switch error["field"].text {
    case "range": lines.append("give crossing numbers that there are, such as 1-500: `weir status`")
    case "until": lines.append("a window ends within the next 24 hours")
    case "id": lines.append("give UNIT/EPOCH as the alarm in `weir status` names it")
    default: break
    }
  case "notAllowed": lines.append("use the control socket, or run this as an allowed user")
  default: break
  }
  lines += answer["say"].texts
  if let dial = answer["dial"].text { lines.append("拨打 \(dial)") }
  return Failure(lines.joined(separator: "\n"))
}

/// `weir event`
struct EventCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "event",
    abstract: "Report what a person or a line did about a matter.",
    discussion: """
      Events: \(EventCommand.names.joined(separator: " ")).

      Example: weir event 417-6 transferAnswered --by A07
      Example: weir event --report kd1-R000001 --by 李主任
      """)

  /// Events that a request may name: all but the deadlines' own.
  private static let names = EventKind.allCases.filter { $0.rawValue < EventKind.preAlarm.rawValue }
    .map(\.name)

  @OptionGroup var control: ControlOptions
  @Argument(help: "The matter's number, or today's spoken one: 417-6.") var handover: String?
  @Argument(help: "The event.") var event: String?
  @Option(help: ArgumentHelp("Who did it: a seat or a name.", valueName: "name")) var by: String?
  @Option(help: ArgumentHelp("Why.", valueName: "text")) var reason: String?
  @Option(
    help: ArgumentHelp(
      "transferFailed: \(TransferCause.names.joined(separator: " ")).", valueName: "cause"))
  var cause: String?
  @Option(help: ArgumentHelp("agreed: 110 or 12345.", valueName: "owner")) var owner: String?
  @Option(help: ArgumentHelp("guided: true when the target was reached.", valueName: "true|false"))
  var reached: Bool?
  @Option(help: ArgumentHelp("verified, referred: which one.", valueName: "name"))
  var department: String?
  @Option(help: ArgumentHelp("verified: what it said.", valueName: "text")) var answer: String?
  @Option(help: ArgumentHelp("receipt: the six digits read out by 110.", valueName: "digits"))
  var code: String?
  @Option(help: ArgumentHelp("Acknowledge this report in place of a matter's.", valueName: "id"))
  var report: String?
  @Flag(help: "Print the answer as it came.") var json = false

  func validate() throws {
    if report != nil {
      guard handover == nil || event == nil else {
        throw ValidationError("Give --report, or HANDOVER and EVENT.")
      }
      return
    }
    guard handover != nil, let event else { throw ValidationError("Give HANDOVER and EVENT.") }
    guard Self.names.contains(event) else {
      throw ValidationError("No event \(event). Events: \(Self.names.joined(separator: " ")).")
    }
  }

  func run() throws {
    var request = JsonLine()
    request.add("op", "event")
    request.add("handover", report == nil ? handover : nil)
    request.add("report", report)
    request.add("event", event ?? EventKind.reportAcknowledged.name)
    request.add("by", by)
    request.add("reason", reason)
    request.add("cause", cause)
    request.add("owner", owner)
    request.add("reached", raw: reached.map { String($0) })
    request.add("department", department)
    request.add("answer", answer)
    request.add("code", code)
    guard let said = try control.demand(request, json: json) else { return }
    let number = said["handover"].text ?? said["report"].text ?? report ?? ""
    let phase = said["phase"].text.map { Words.phase($0) + " (\($0))" } ?? "已签收"
    Terminal.output.line("\(Terminal.output.paint(number, .strong))  \(phase)")
    if said["legs"].exists { Terminal.output.line(Legs(said["legs"]).text(Terminal.output)) }
    if let deadline = said["deadline"].text { Terminal.output.line("时限 \(deadline)") }
    for sentence in said["say"].texts { Terminal.output.line(sentence) }
  }
}

/// `weir admit`
struct AdmitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "admit",
    abstract: "Let a sender with a lower boot epoch in again, on an inner unit.",
    discussion: """
      Do this only after the other desk has said by voice that their machine was set back. The \
      alarm names UNIT/EPOCH. Needs the control socket.

      Example: weir admit kd1/1795112461000 --by 王队 --reason 电话核实,主机已更换
      """)

  @OptionGroup var control: ControlOptions
  @Argument(help: "The sender and its boot epoch, as the alarm gave them.") var sender: String
  @Option(help: ArgumentHelp("Who decided it.", valueName: "name")) var by: String
  @Option(help: ArgumentHelp("Why.", valueName: "text")) var reason: String

  func validate() throws {
    let parts = sender.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, UInt64(parts[1]) != nil else {
      throw ValidationError("Give UNIT/EPOCH, as in kd1/1795112461000.")
    }
  }

  func run() throws {
    var request = JsonLine()
    request.add("op", "admit")
    request.add("id", sender)
    request.add("by", by)
    request.add("reason", reason)
    _ = try control.demand(request)
    Terminal.output.line("\(sender): admitted")
  }
}

extension TransferCause {
  /// What a request may name.
  fileprivate static var names: [String] { allCases.dropFirst().map { String(describing: $0) } }
}

/// The three legs of a matter for people.
struct Legs {
  let voice: String
  let data: String
  let report: String

  init(_ legs: Json) {
    voice = legs["voice"]["state"].text ?? "none"
    data = legs["data"]["state"].text ?? "none"
    report = legs["report"]["state"].text ?? "none"
  }

  /// Six columns each, coloured.
  func text(_ terminal: Terminal) -> String {
    let voiceInk: Terminal.Ink =
      switch voice {
      case "answered": .good
      case "failed": .danger
      case "due", "ringing": .warning
      default: .faint
      }
    let reportInk: Terminal.Ink =
      report == "raised" ? .danger : report == "acknowledged" ? .good : .faint
    let parts = [
      terminal.paint("话音" + Words.voice(voice).padded(to: 4), voiceInk),
      terminal.paint(
        "数据" + Words.data(data).padded(to: 4), data == "none" ? .faint : .link),
      terminal.paint("报备" + Words.report(report).padded(to: 4), reportInk),
    ]
    return parts.joined(separator: " ")
  }
}
