import ArgumentParser
import Foundation
import WeirCore
import WeirModel
import WeirPolicy

/// `weir judge`
struct JudgeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "judge",
    abstract: "Decide intakes without a unit: JSON lines in, decisions out, in order.",
    discussion: """
      Reads FILE or standard input. Each line is an intake as a seat sends it; `op` and `ref` may \
      be left out, and `id` names the line. A bad line gets an `error` in its place. Decides as \
      an outer unit does.

      Example: echo '{"id":"a","receivedBy":"12345","channel":"phone","facts":["fire"]}' | \
      weir judge
      """)

  @Option(
    help: ArgumentHelp(
      "A policy file or a folder of them, more than once if need be; the one valid at `receivedAt` "
        + "decides. The embedded policy without it.", valueName: "file"))
  var policy: [String] = []
  @Flag(help: "Say why: the rule that decided, and what each one before it lacked.")
  var explain = false
  @Flag(help: "Compare with the `expected` of each line; leave with 1 on a difference.")
  var expect = false
  @Flag(help: "Print lines, errors and time to standard error at the end.")
  var stats = false
  @Argument(help: "JSON lines; standard input without it.") var file: String?

  func run() throws {
    let book = try readPolicies(policy)
    let input: FileHandle
    if let file, file != "-" {
      guard let opened = FileHandle(forReadingAtPath: file) else {
        throw Failure("\(file) cannot be read. Check the path and that this user may read it")
      }
      input = opened
    } else {
      input = .standardInput
    }
    let clock = ContinuousClock()
    let began = clock.now
    var judge = Judge(
      book: book, explains: explain, compares: expect,
      forPerson: explain && Terminal.output.isPerson)
    try judge.run(input)
    if stats { tell(judge, clock.now - began) }
    guard expect else { return }
    Terminal.complain("\(judge.compared) compared, \(judge.different) different")
    if judge.different > 0 { throw ExitCode(1) }
  }

  private func tell(_ judge: Judge, _ time: Duration) {
    let seconds = max(time / .seconds(1), 1e-9)
    let rate = Int(Double(judge.lines) / seconds)
    Terminal.complain(
      "\(judge.lines) lines, \(judge.errors) errors, "
        + "\(String(format: "%.3f", seconds)) s, \(rate) lines/s")
  }
}

/// One run over an input, in blocks.
struct Judge {
  /// Lines read.
  private(set) var lines = 0
  /// Lines that were refused.
  private(set) var errors = 0
  /// Lines that had an `expected`.
  private(set) var compared = 0
  /// Of those, how many came out differently.
  private(set) var different = 0

  private let book: PolicyBook
  /// Stands for the time of what has no `receivedAt`.
  private let began = Int64(Date().timeIntervalSince1970 * 1000)
  private let explains: Bool
  private let compares: Bool
  private let forPerson: Bool
  /// The texts of each policy, as bytes.
  private let decisions: [[[UInt8]]]
  private let reader = MessageReader()
  private var output: [UInt8] = []

  /// What of a decision an `expected` may name.
  private static let comparable = ["owner", "clause", "action", "emergency"]
  private static let blockBytes = 1 << 20
  private static let outputBytes = 1 << 18
  private static let lineFeed = UInt8(ascii: "\n")

  init(book: PolicyBook, explains: Bool, compares: Bool, forPerson: Bool) {
    self.book = book
    self.explains = explains
    self.compares = compares
    self.forPerson = forPerson
    decisions = book.policies.map { $0.texts.map { Array($0.utf8) } }
    output.reserveCapacity(2 * Self.outputBytes)
  }

  /// Judges every line up to the end of the input.
  mutating func run(_ input: FileHandle) throws {
    var waiting: [UInt8] = []
    while let block = try next(of: input), !block.isEmpty {
      waiting.append(contentsOf: block)
      var start = 0
      while let end = waiting[start...].firstIndex(of: Self.lineFeed) {
        take(waiting, start, end)
        start = end + 1
      }
      waiting.removeFirst(start)
    }
    take(waiting, 0, waiting.count)
    flush()
  }

  private func next(of input: FileHandle) throws -> Data? {
    do {
      return try input.read(upToCount: Self.blockBytes)
    } catch {
      throw Failure("the input cannot be read. Name a file of JSON lines, not a folder")
    }
  }

  /// Judges one line. Empty ones are passed over, as a unit does.
  private mutating func take(_ bytes: [UInt8], _ start: Int, _ end: Int) {
    let stop = end > start && bytes[end - 1] == UInt8(ascii: "\r") ? end - 1 : end
    guard stop > start else { return }
    lines += 1
    let reading = reader.read(bytes.span.extracting(start..<stop))
    switch reading {
    case .fault(let fault):
      errors += 1
      refuse(fault)
      if compares { compare(bytes[start..<stop], nil) }
    case .label(let label):
      let circumstances = circumstances(of: label)
      let index = book.index(at: circumstances.receivedAt)
      let policy = book.policies[index]
      let text = Int(policy.decide(label.facts, in: circumstances).decisionText)
      if forPerson {
        describe(label, policy.explain(label.facts, in: circumstances), policy)
      } else {
        let why = explains ? policy.explain(label.facts, in: circumstances) : nil
        answer(label, decisions[index][text], why)
      }
      if compares { compare(bytes[start..<stop], policy.texts[text]) }
    }
    if output.count >= Self.outputBytes { flush() }
  }

  private mutating func flush() {
    Terminal.output.write(Data(output))
    output.removeAll(keepingCapacity: true)
  }

  private mutating func put(_ text: String) { output.append(contentsOf: text.utf8) }

  /// `{"id":"…",` or `{"ref":"…",` or `{`.
  private mutating func putKey(_ key: (name: String, value: String)?) {
    guard let key else {
      output.append(UInt8(ascii: "{"))
      return
    }
    put(key.name == "id" ? "{\"id\":" : "{\"ref\":")
    if key.value.utf8.allSatisfy({ $0 > 0x1F && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }) {
      output.append(UInt8(ascii: "\""))
      put(key.value)
      output.append(UInt8(ascii: "\""))
    } else {
      put(CoreText.quoted(key.value))
    }
    output.append(UInt8(ascii: ","))
  }

  private mutating func answer(
    _ label: MessageReader.Label, _ decision: [UInt8], _ why: Explanation?
  ) {
    putKey(label.key)
    put("\"decision\":")
    output.append(contentsOf: decision)
    if let why {
      put(
        ",\"explanation\":{\"zh\":\(JsonLine.list(why.chinese)),"
          + "\"en\":\(JsonLine.list(why.english))}")
    }
    put("}\n")
  }

  private mutating func refuse(_ fault: MessageReader.Fault) {
    putKey(fault.key)
    put("\"error\":{\"code\":\"\(fault.code)\",\"message\":\(CoreText.quoted(fault.message))")
    if !fault.field.isEmpty { put(",\"field\":\(CoreText.quoted(fault.field))") }
    put("}}\n")
  }

  private func circumstances(of label: MessageReader.Label) -> Circumstances {
    Circumstances(
      platform: label.platform, channel: label.channel, county: label.county,
      receivedAt: label.receivedAt ?? began)
  }

  /// A decision for somebody who reads it.
  private mutating func describe(
    _ label: MessageReader.Label, _ why: Explanation, _ policy: Policy
  ) {
    let terminal = Terminal.output
    let decision = why.decision
    let head =
      "\(Words.owner(decision.owner.name)) \(Words.action(decision.action.name)) \(why.rule.clause)"
    let name = label.key?.value ?? "\(lines)"
    put(terminal.paint("\(name)  \(head)", decision.emergency ? .danger : .strong) + "\n")
    let facts = label.facts.facts.map { policy.name(of: $0) }.joined(separator: "、")
    let way = Words.source(label.platform.name, label.channel.name)
    put("  \(way):\(facts.isEmpty ? "未勾选事实" : facts)\n")
    for (index, line) in why.chinese.enumerated() {
      put("  " + (index == 0 ? line : terminal.paint(line, .faint)) + "\n")
    }
    for line in why.english { put("  " + terminal.paint(line, .faint) + "\n") }
  }

  /// Holds a decision against the line's `expected`; nil stands for a refusal.
  private mutating func compare(_ line: ArraySlice<UInt8>, _ decision: String?) {
    guard let whole = Json(data: Data(line)), whole["expected"].exists else { return }
    compared += 1
    let wanted = whole["expected"]
    let found = decision.flatMap { Json(line: $0) }
    var faults: [String] = []
    if found == nil { faults.append("refused") }
    if !wanted.isObject { faults.append("expected is no object") }
    for key in wanted.keys where !Self.comparable.contains(key) {
      faults.append("expected has \(key), which is not compared")
    }
    for key in ["owner", "clause", "action"] where found != nil && wanted[key].exists {
      let (one, other) = (wanted[key].text, found?[key].text)
      if one != other { faults.append("\(key) \(other ?? "none"), expected \(one ?? "none")") }
    }
    if let found, wanted["emergency"].exists,
      wanted["emergency"].isTrue != found["emergency"].isTrue
    {
      faults.append(
        "emergency \(found["emergency"].isTrue), expected \(!found["emergency"].isTrue)")
    }
    guard !faults.isEmpty else { return }
    different += 1
    let name = whole["id"].text ?? whole["ref"].text ?? "line \(lines)"
    Terminal.complain("\(name): \(faults.joined(separator: "; "))")
  }
}
