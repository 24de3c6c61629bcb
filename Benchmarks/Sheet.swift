import ArgumentParser
import Foundation
import WeirMeasure

/// Files that a scenario writes beside its table.
struct FileOptions: ParsableArguments {
  @Option(name: .customLong("json-file"), help: "Results as one JSON object, into this file.")
  var jsonFile: String?

  @Option(help: "Results with charts, one page that needs no network, into this file.")
  var html: String?

  @Option(help: "Latencies as a log of HdrHistogram (V2), into this file.")
  var hdr: String?
}

/// Figures of several runs of one set-up, and the last run in full.
final class ResultSet {
  let name: String
  let delivery: Pair.Delivery
  private(set) var figures: [Figure] = []
  private(set) var last: Outcome?
  private(set) var findings: [Finding] = []
  private(set) var failures: [String] = []
  private(set) var notes: [String] = []

  init(_ name: String, delivery: Pair.Delivery) {
    self.name = name
    self.delivery = delivery
  }

  /// Adds one run.
  ///
  /// - Parameter offered: requests a second that were planned; nil: there was no fixed plan.
  func add(_ outcome: Outcome, offered: Double?) {
    last = outcome
    findings += outcome.findings
    if let offered {
      add("answered of planned", "%", 100 * Double(outcome.sent) / (offered * outcome.seconds))
    }
    add(outcome.answered, "answered")
    add(outcome.delivered, "delivered")
    for lane in outcome.lanes where outcome.lanes.count > 1 { add(lane, lane.name) }
    add("outer unit's CPU", "us/request", outcome.outerMicroseconds)
    add("inner unit's CPU", "us/request", outcome.innerMicroseconds)
    add("outer unit's longest turn", "ms", outcome.outerTurn)
    add("inner unit's longest turn", "ms", outcome.innerTurn)
    if outcome.generatorMicroseconds > 0 {
      add("generator's CPU", "us/request", outcome.generatorMicroseconds)
    }
    let copies = outcome.evidence.copies.map { $0.values.reduce(0, +) }
    notes.append(
      "\(outcome.answered.count) answered, \(outcome.refused) refused, "
        + "\(outcome.delivered.count) matters in \(outcome.evidence.deliveries.count) items "
        + "delivered, \(outcome.alarms) alarms, "
        + (copies.map { "\($0) copies sent, " } ?? "")
        + "\(outcome.lateSends) sent over 1 ms late; "
        + (outcome.findings.isEmpty ? "the oracle finds nothing" : "THE ORACLE:")
        + (outcome.refused > 0 ? "; first refusal: \(outcome.refusal)" : ""))
    notes += outcome.findings.map(\.description)
  }

  private func add(_ latencies: Latencies, _ kind: String) {
    guard latencies.count > 0 else { return }
    for percentile in [50, 99, 99.9] {
      add("\(kind) p\(Figure.text(percentile))", "ms", latencies.milliseconds(at: percentile))
    }
    add("\(kind) max", "ms", latencies.maxMilliseconds)
  }

  /// Adds one value to a figure.
  func add(_ name: String, _ unit: String, _ value: Double?) {
    guard let value else { return }
    if let place = figures.firstIndex(where: { $0.name == name }) {
      figures[place].values.append(value)
    } else {
      figures.append(Figure(name: name, unit: unit, values: [value]))
    }
  }

  /// Sets what is asked for: at most so much.
  func setGoals(_ goals: [String: Double]) {
    for index in figures.indices {
      if let goal = goals[figures[index].name] { figures[index].goal = (goal, false) }
    }
  }

  /// Fails the run by more than the oracle sees.
  func fail(_ what: String) {
    failures.append(what)
    notes.append("FAILED: \(what)")
  }
}

/// The results of one command: a table at once, files at the end.
final class Sheet {
  let title: String
  private let files: FileOptions
  private let table: Table
  private var sets: [ResultSet] = []
  private let begin = Date()

  init(_ title: String, _ files: FileOptions, json: Bool) {
    self.title = title
    self.files = files
    table = Table(json: json)
  }

  /// A line on the terminal that the next one replaces; nothing elsewhere.
  static func progress(_ text: String) {
    guard isatty(STDERR_FILENO) == 1 else { return }
    FileHandle.standardError.write(Data("\r\u{1b}[K\(text)".utf8))
  }

  /// Prints the figures of a set-up.
  func add(_ set: ResultSet) {
    Self.progress("")
    sets.append(set)
    table.note(set.name + ", delivered by \(set.delivery)")
    set.figures.forEach(table.add)
    set.notes.forEach(table.note)
  }

  /// Writes the files.
  ///
  /// - Throws: `ExitCode(1)` when an oracle found something.
  func finish() throws {
    if let path = files.jsonFile {
      let object: [String: Any] = [
        "title": title, "begin": begin.timeIntervalSince1970, "machine": Computer.text,
        "sets": sets.map(Self.object),
      ]
      let data = try JSONSerialization.data(
        withJSONObject: object, options: [.sortedKeys, .prettyPrinted])
      try data.write(to: URL(fileURLWithPath: path))
    }
    if let path = files.html { try write(page.text, to: path) }
    if let path = files.hdr { try write(log, to: path) }
    let isGood = sets.allSatisfy { $0.findings.isEmpty && $0.failures.isEmpty }
    if !isGood { throw ExitCode(1) }
  }

  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  private var log: String {
    let kinds = sets.flatMap { set in
      Self.latencies(set).map { (tag: "\(set.name) \($0.name)", latencies: $0) }
    }
    return HdrLog.text(kinds, begin: begin, seconds: Date().timeIntervalSince(begin))
  }

  private static func latencies(_ set: ResultSet) -> [Latencies] {
    set.last.map { [$0.answered, $0.delivered] + ($0.lanes.count > 1 ? $0.lanes : []) } ?? []
  }

  private var page: Page {
    let command = CommandLine.arguments.dropFirst().joined(separator: " ")
    let sections = sets.map { set in
      Page.Section(
        name: "\(set.name), delivered by \(set.delivery)", rows: set.figures.map(\.row),
        latencies: Self.latencies(set), timeline: set.last?.timeline ?? [], notes: set.notes)
    }
    return Page(
      title: title,
      facts: [
        "Benchmarks \(command)", Computer.text,
        "\(begin.formatted(.iso8601)), charts of the last run of each set-up",
      ], sections: sections)
  }

  private static func object(_ set: ResultSet) -> [String: Any] {
    [
      "name": set.name, "delivery": set.delivery.rawValue, "notes": set.notes,
      "figures": set.figures.map(\.fields),
      "failures": set.failures,
      "findings": set.findings.map { finding in
        [
          "fault": finding.fault.rawValue, "what": finding.what, "numbers": finding.numbers,
        ] as [String: Any]
      },
    ]
  }
}

/// What the figures were taken on.
enum Computer {
  static var text: String {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let load = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)) ?? ""
    let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model =
      info.split(separator: "\n").first { $0.hasPrefix("model name") }
      .flatMap { $0.split(separator: ":").last } ?? "?"
    return "\(cores) cores,\(model), load \(load.split(separator: " ").first ?? "?")"
  }
}
