import Foundation
import WeirCore

/// One matter as a client submits it.
struct Matter {
  let ref: String
  let line: String

  init(
    ref: String, facts: [String], platform: String = "12345", channel: String = "phone",
    text: String = "来电反映情况"
  ) {
    self.ref = ref
    // Every caller has a number of their own: one who was sent away twice is not sent away again.
    let number = ref.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    let phone = "139\(String(100_000_000 + number % 100_000_000).dropFirst())"
    let list = facts.map { "\"\($0)\"" }.joined(separator: ",")
    line =
      #"{"op":"intake","ref":"\#(ref)","receivedBy":"\#(platform)","channel":"\#(channel)","#
      + #""facts":[\#(list)],"text":"\#(text)","caller":{"phone":"\#(phone)"}}"#
  }

  /// Combinations that reach every section of the notice and every action of an outer unit.
  static let kinds: [[String]] = [
    ["dangerToLife"], ["crime"], ["nonUrgentRequest"], ["legalOrPetitionProcess"],
    ["responsibilityUnclear"], ["responsibilityUnclear", "dangerToPublic"], ["scopeUnclear"],
    ["utilityHazard"], ["utilityHazard", "dangerToPublic"], ["naturalDisaster"],
    ["missingPerson"], ["medicalOnly"], ["medicalOnly", "dangerToLife"], ["policeMisconduct"],
    ["pastPoliceMisconduct"], ["fire"], ["traffic"], [], ["secretOrPrivacy"],
    ["otherUrgentPolice"], ["publicOrder", "escalated"], ["massIncident"], ["otherUnlawful"],
    ["nationalPlatformReferral"], ["harassmentOrNoSubstance"], ["military"], ["illegalDemand"],
    ["nonUrgentRequest", "socialStability"],
  ]

  /// A mix of every kind over the ways that lead to an outer unit.
  static func mix(_ count: Int, tag: String) -> [Matter] {
    let ways = [("12345", "phone"), ("12345", "internet"), ("110", "internet")]
    return (0..<count).map { index in
      let way = ways[(index / kinds.count) % ways.count]
      return Matter(
        ref: "\(tag)-\(index)", facts: kinds[index % kinds.count], platform: way.0,
        channel: way.1)
    }
  }
}

/// Matters on their way over several connections: pipelined, each answered once, in order.
final class Load {
  private struct Lane {
    var client: LineClient?
    var ahead: [Int]
    var next = 0
    var waiting: [Int] = []
  }

  let matters: [Matter]
  /// The first durable answer's bytes of each matter.
  private(set) var answers: [String?]
  /// Answers that were refusals, by code.
  private(set) var refusals: [String: Int] = [:]
  /// Matters that were refused, and how.
  private(set) var refused: [Int: Fields] = [:]
  /// Lines that belong to no request, as the failing unit's last one.
  private(set) var strayLines: [String] = []
  /// Answers that broke a promise: out of order, not durable, or other than the first time.
  private(set) var faults: [String] = []
  private(set) var answered = 0
  private var lanes: [Lane]
  private let socket: String
  private let window: Int
  private var isResending = false

  init(_ matters: [Matter], to socket: String, connections: Int = 4, window: Int = 32) throws {
    self.matters = matters
    self.socket = socket
    self.window = window
    answers = Array(repeating: nil, count: matters.count)
    lanes = (0..<connections).map { lane in
      Lane(ahead: Array(stride(from: lane, to: matters.count, by: connections)))
    }
    try connect()
  }

  /// Connects every lane that is not connected.
  func connect() throws {
    for index in lanes.indices where lanes[index].client == nil {
      lanes[index].client = try LineClient(path: socket)
    }
  }

  var isDone: Bool { answered == matters.count }
  /// Whether some connection has broken.
  var isBroken: Bool { lanes.contains { $0.client == nil } }

  /// Whether every connection has broken.
  var isGone: Bool { lanes.allSatisfy { $0.client == nil } }

  /// Sends as many lines as each lane's window lets.
  func send() {
    for index in lanes.indices {
      while let client = lanes[index].client, lanes[index].waiting.count < window,
        lanes[index].next < lanes[index].ahead.count
      {
        let number = lanes[index].ahead[lanes[index].next]
        lanes[index].next += 1
        lanes[index].waiting.append(number)
        do { try client.send(matters[number].line) } catch { lose(index) }
      }
    }
  }

  /// Waits until the first connection that waits for an answer has one, and takes none.
  func waitForAnswer() {
    guard let lane = lanes.first(where: { !$0.waiting.isEmpty }) else { return }
    _ = try? lane.client?.hasLine(withinMs: 1000)
  }

  /// Takes the answers that are there, waiting at most a moment for the first.
  func receive(waitMs: Int = 5) throws {
    var wait = waitMs
    for index in lanes.indices {
      while let client = lanes[index].client {
        guard let line = next(of: client, lane: index, waitMs: wait) else { break }
        wait = 0
        try take(line, lane: index)
      }
    }
  }

  private func next(of client: LineClient, lane: Int, waitMs: Int) -> String? {
    do {
      guard try client.hasLine(withinMs: lanes[lane].waiting.isEmpty ? 0 : waitMs) else {
        return nil
      }
      if let line = try client.receive() { return line }
    } catch {
      // The unit died: what it had not answered is sent again to the next one.
    }
    lose(lane)
    return nil
  }

  private func lose(_ lane: Int) {
    lanes[lane].client = nil
    lanes[lane].ahead = lanes[lane].waiting + lanes[lane].ahead[lanes[lane].next...]
    lanes[lane].next = 0
    lanes[lane].waiting = []
  }

  private func take(_ line: String, lane: Int) throws {
    let answer = try fields(line)
    guard let ref = answer["ref"] as? String, !lanes[lane].waiting.isEmpty else {
      strayLines.append(line)
      return
    }
    let number = lanes[lane].waiting.removeFirst()
    if ref != matters[number].ref { faults.append("out of order: \(line)") }
    if let error = answer["error"] as? Fields {
      refusals[error["code"] as? String ?? "?", default: 0] += 1
      refused[number] = answer
      answered += 1
      return
    }
    if answer["durable"] as? Bool != true { faults.append("not durable: \(line)") }
    if let first = answers[number], line != first { faults.append("first \(first), then \(line)") }
    if isResending || answers[number] == nil { answered += 1 }
    answers[number] = line
  }

  /// Everything, to the end, as long as the unit lives.
  func run(within seconds: Double = 60) async throws {
    let done = try await eventually(within: seconds) {
      for _ in 0..<200 where !isDone && !isBroken {
        send()
        try receive()
      }
      return isDone || isBroken
    }
    guard done, !isBroken else {
      throw HouseProblem("the unit answered \(answered) of \(matters.count), broken: \(isBroken)")
    }
  }

  /// Sends every matter again: the same values get the same answers.
  func resendAll() throws -> Load {
    let again = try Load(matters, to: socket, connections: lanes.count, window: window)
    again.answers = answers
    again.isResending = true
    return again
  }

  /// The number of broken promises and the first of them; empty when there is none.
  var complaint: String {
    faults.isEmpty ? "" : "\(faults.count) faults, the first: \(faults[0])"
  }

  /// Handover numbers of the answers, in the order of the matters.
  func handovers() throws -> [String?] {
    try answers.map { answer in try answer.map { try fields($0)["handover"] as? String } ?? nil }
  }

  /// Handovers that 110 owns or must act on.
  func owned110() throws -> Set<String> {
    var owned: Set<String> = []
    for answer in answers.compactMap({ $0 }) {
      let object = try fields(answer)
      let decision = object["decision"] as? Fields
      let isOwned =
        decision?["owner"] as? String == "110"
        || decision?["action"] as? String == "dispatchFirst"
      if isOwned, let handover = object["handover"] as? String { owned.insert(handover) }
    }
    return owned
  }
}

/// The number in a delivered file's name, nil for an alarm.
func handover(ofFile name: String) -> String? {
  guard name.hasSuffix(".json"), !name.hasPrefix("ALARM-"), let end = name.range(of: "-r") else {
    return nil
  }
  return String(name[..<end.lowerBound])
}

extension House {
  /// Durable answers whose handover the outer unit does not know any more, or under another ref.
  func unreadable(_ load: Load) throws -> [String] {
    let client = try client()
    var lost: [String] = []
    for (matter, handover) in zip(load.matters, try load.handovers()) {
      guard let handover else { continue }
      let answer = try ask(client, #"{"op":"get","handover":"\#(handover)"}"#)
      let record = answer["record"] as? Fields
      if record?["ref"] as? String != matter.ref { lost.append("\(matter.ref) \(answer)") }
    }
    return lost
  }
}
