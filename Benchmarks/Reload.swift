import ArgumentParser
import Foundation
import WeirCore
import WeirModel
import WeirPolicy

/// `Benchmarks reload`: other policies under full load.
struct ReloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload",
    abstract: "Answers a second while the policy is replaced again and again.",
    discussion: """
      A hotline's matters that nobody hands over, as fast as they are answered; meanwhile two \
      policies take turns that decide and word some of them otherwise. A run counts only when no \
      request was refused or lost and the journal shows each matter decided and worded wholly by \
      the policy that it names.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var unitOptions: UnitOptions

  @Option(help: "Requests in flight.")
  var inFlight: UInt32 = 256

  @Option(help: "Seconds a run.")
  var seconds = 3.0

  private static let goal = 50_000.0

  func run() throws {
    let table = Table(json: output.json)
    var answers = Figure(name: "intake while policies change", unit: "answers/s", values: [])
    answers.goal = (Self.goal, true)
    var reloads = 0
    var decided: [String: Int] = [:]
    for _ in 0..<output.runs {
      let unit = try OuterUnit(in: unitOptions.directory, policy: Self.source(1))
      var load = Load(socket: unit.socket)
      load.window = inFlight
      load.seconds = seconds
      let changes = try Changes(unit)
      let result = try load.run(Mix(Mix.kept, bytes: unitOptions.bytes, tag: "P"))
      reloads += try changes.finish()
      guard result.refused == 0 else { throw Trouble("refused: \(result.refusal)") }
      guard result.answered == result.sent else {
        throw Trouble("\(result.sent) were sent and \(result.answered) answered")
      }
      let counts = try Self.check(unit)
      guard counts.values.reduce(0, +) == Int(result.sent) else {
        throw Trouble("\(result.sent) were answered, the journal holds \(counts)")
      }
      decided.merge(counts, uniquingKeysWith: +)
      answers.values.append(result.perSecond)
    }
    table.add(answers)
    table.note("\(reloads) policies took effect; matters by policy: \(decided)")
    guard reloads >= output.runs, decided.count == 2 else {
      throw Trouble("no policy was replaced under the load")
    }
  }

  /// The notice with a version of its own; every second one sends some matters elsewhere.
  static func source(_ number: Int) -> String {
    let owner = number % 2 == 0 ? "neither\n    guide: [competent]" : "\"12345\""
    return Policy.embeddedSource
      .replacing("version: garze-2022-38/1", with: "version: reload/\(number % 2)")
      .replacing(
        "all: [pastPoliceMisconduct]\n    owner: \"12345\"",
        with: "all: [pastPoliceMisconduct]\n    owner: \(owner)")
  }

  /// How many matters each policy decided, by the journal.
  private static func check(_ unit: OuterUnit) throws -> [String: Int] {
    let policies = try (0...1).map { try Policy(yaml: source($0), file: "\($0).yaml") }
    let circumstances = Circumstances(platform: .hotline, channel: .phone, county: 513_301)
    var expected: [(facts: String, words: [[String]])] = []
    for (names, _) in Mix.kept {
      let list = names.map { "\"\($0)\"" }.joined(separator: ",")
      let facts = FactSet(names.compactMap { Fact(name: $0) })
      let words = policies.map { policy in
        let decision = policy.decide(facts, in: circumstances)
        return [decision.decisionText, decision.sayText].map { policy.texts[Int($0)] }
      }
      expected.append(("\"facts\":[\(list)]", words))
    }
    var counts: [String: Int] = [:]
    var trouble: String?
    _ = try JournalReader.look(unit.folder.path + "/data", unit: "kd1") { record in
      guard record.kind == .change else { return true }
      let story = record.story
      guard let matter = expected.first(where: { story.contains($0.facts) }),
        let number = policies.indices.first(where: {
          story.contains("\"policy\":\"\(policies[$0].version)\"")
        })
      else {
        trouble = "of no policy: \(story)"
        return false
      }
      for words in matter.words[number] where !words.isEmpty && !story.contains(words) {
        trouble = "not wholly of \(policies[number].version): \(story)"
      }
      counts[policies[number].version, default: 0] += 1
      return trouble == nil
    }
    if let trouble { throw Trouble(trouble) }
    return counts
  }
}

/// A thread that puts one policy in the other's place and asks for a reload, until it is ended.
private final class Changes: @unchecked Sendable {
  private let lock = NSLock()
  private let client: LineClient
  private let folder: Folder
  private let ended = DispatchSemaphore(value: 0)
  private var isEnding = false
  private var taken = 0
  private var failure: (any Error)?

  init(_ unit: OuterUnit) throws {
    client = try LineClient(path: unit.control)
    folder = unit.folder
    Thread.detachNewThread { self.change() }
  }

  private func change() {
    defer { ended.signal() }
    var number = 2
    do {
      while !lock.withLock({ isEnding }) {
        try folder.write(ReloadCommand.source(number), to: "policy.yaml")
        try client.send(#"{"op":"reload"}"#)
        guard let answer = try client.receive(), answer.contains("\"changed\":true") else {
          throw Trouble("a reload was not taken")
        }
        lock.withLock { taken += 1 }
        number += 1
        Thread.sleep(forTimeInterval: 0.1)
      }
    } catch {
      lock.withLock { failure = error }
    }
  }

  /// Ends it; how many policies took effect.
  func finish() throws -> Int {
    lock.withLock { isEnding = true }
    ended.wait()
    if let failure { throw failure }
    return taken
  }
}
