import ArgumentParser
import CWeirBenchmarks
import Foundation
import WeirCore

/// A fixed list of requests that a load sends in turn, and the memory they lie in.
final class Mix {
  /// A mix by its name, as a command takes it.
  enum Kind: String, CaseIterable, ExpressibleByArgument {
    case field, police, kept, quake

    /// Facts, and how often.
    var weights: [([String], Int)] {
      switch self {
      case .field: Mix.field
      case .police: Mix.police
      case .kept: Mix.kept
      case .quake: Mix.quake
      }
    }
  }

  /// Facts, and how many matters of a hundred show them. A tenth of what a hotline takes is
  /// 110's business; those cross the link, are answered by 110 and closed. The others end at once.
  static let field: [([String], Int)] = [
    (["nonUrgentRequest"], 44), (["legalOrPetitionProcess"], 10), (["utilityHazard"], 10),
    (["naturalDisaster"], 4), (["medicalOnly"], 4), (["illegalDemand"], 4),
    (["harassmentOrNoSubstance"], 4), (["secretOrPrivacy"], 2), (["pastPoliceMisconduct"], 2),
    (["nationalPlatformReferral"], 2), (["sichuanChongqingReferral"], 2), (["otherExcluded"], 2),
    (["crime"], 2), (["publicOrder"], 2), (["traffic"], 2), (["missingPerson"], 1),
    (["dangerToLife"], 1), (["fire"], 1), (["utilityHazard", "dangerToPublic"], 1),
  ]
  /// Only matters that cross the link.
  static let police: [([String], Int)] = [
    (["crime"], 3), (["publicOrder"], 2), (["traffic"], 2), (["missingPerson"], 1),
    (["dangerToLife"], 1), (["fire"], 1),
  ]

  /// An earthquake: mostly what 110 must act on, a quarter of it with danger; the rest asks.
  static let quake: [([String], Int)] = [
    (["naturalDisaster", "dangerToLife"], 12), (["naturalDisaster"], 8), (["missingPerson"], 12),
    (["utilityHazard", "dangerToPublic"], 8), (["traffic"], 12), (["publicOrder"], 10),
    (["crime"], 4), (["fire"], 4), (["nonUrgentRequest"], 24), (["medicalOnly"], 6),
  ]

  /// Only matters that end at once.
  static let kept: [([String], Int)] =
    field.filter { crossing.isDisjoint(with: $0.0) && $0.0 != ["pastPoliceMisconduct"] }
    + [(["pastPoliceMisconduct"], 20)]

  private static let crossing: Set = [
    "crime", "publicOrder", "traffic", "missingPerson", "dangerToLife", "fire", "dangerToPublic",
  ]

  private var texts: [UnsafeMutablePointer<CChar>] = []
  private(set) var requests: [weir_load_request] = []

  /// The matters of a hotline, spread evenly over the cycle.
  ///
  /// - Parameters:
  ///   - weights: facts, and how often.
  ///   - bytes: of each request, its line feed included.
  ///   - tag: what the refs of this run begin with.
  ///   - follows: whether what crosses the link is answered and closed; else it stays open.
  ///   - drill: whether each is marked as a drill.
  init(
    _ weights: [([String], Int)], bytes: Int, tag: String, follows: Bool = true, drill: Bool = false
  ) throws {
    let total = weights.reduce(0) { $0 + $1.1 }
    var owed = weights.map { _ in 0 }
    for _ in 0..<total {
      for index in weights.indices { owed[index] += weights[index].1 }
      guard let next = owed.indices.max(by: { owed[$0] < owed[$1] }) else { return }
      owed[next] -= total
      try add(facts: weights[next].0, bytes: bytes, tag: tag, follows: follows, drill: drill)
    }
  }

  private func add(
    facts: [String], bytes: Int, tag: String, follows: Bool, drill: Bool
  ) throws {
    let digits = String(repeating: "0", count: 12)
    let phone = String(repeating: "9", count: digits.count)
    let time = "2026-01-01T00:00:00.000+08:00"
    let list = facts.map { "\"\($0)\"" }.joined(separator: ",")
    let head =
      #"{"op":"intake","ref":"\#(tag)\#(digits)","receivedBy":"12345","channel":"phone","#
      + #""receivedAt":"\#(time)","facts":[\#(list)],"text":""#
    let tail =
      #"","caller":{"name":"张三","phone":"\#(phone)"},"place":{"county":"513301","#
      + #""address":"炉城街道东大街","lon":101.96,"lat":30.05},"seat":"A07""#
      + (drill ? #","drill":true}"# : "}") + "\n"
    var room = bytes - head.utf8.count - tail.utf8.count
    guard room >= 0 else { throw Trouble("a request has at least \(bytes - room) bytes") }
    let words = Array("来电人反映情况请尽快核实处理并回复谢谢")
    var body = ""
    var word = 0
    while room >= 3 {
      body.append(words[word % words.count])
      word += 1
      room -= 3
    }
    body += String(repeating: ".", count: room)
    let follow = follows && !Self.crossing.isDisjoint(with: facts)
    add(head + body + tail, number: digits, phone: phone, time: time, follow: follow)
  }

  private func add(
    _ text: String, number: String, phone: String, time: String, follow: Bool
  ) {
    let bytes = Array(text.utf8)
    let memory = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    for (index, byte) in bytes.enumerated() { memory[index] = CChar(bitPattern: byte) }
    texts.append(memory)
    requests.append(
      weir_load_request(
        bytes: memory, count: bytes.count, number_at: offset(of: number, in: text),
        phone_at: offset(of: phone, in: text), time_at: offset(of: time, in: text), follow: follow))
  }

  /// One request as a line of its own, without its line feed, and when it says it was received.
  ///
  /// - Parameters:
  ///   - kind: its place in the list.
  ///   - number: what makes it its own, at most 12 digits.
  func line(_ kind: Int, number: UInt64) -> (line: String, receivedMs: Int64) {
    let request = requests[kind]
    let now = Int64(Date().timeIntervalSince1970 * 1000)
    let digits = String(number)
    let padded = String(repeating: "0", count: 12 - digits.count) + digits
    var bytes = UnsafeRawBufferPointer(start: request.bytes, count: request.count - 1).map { $0 }
    for (at, text) in [
      (request.number_at, padded), (request.phone_at, padded),
      (request.time_at, String(CoreText.time(now))),
    ] where at >= 0 {
      bytes.replaceSubrange(at..<at + text.utf8.count, with: text.utf8)
    }
    return (String(decoding: bytes, as: UTF8.self), now)
  }

  private func offset(of part: String, in text: String) -> Int {
    guard let range = text.range(of: part) else { return -1 }
    return text[..<range.lowerBound].utf8.count
  }

  deinit { texts.forEach { $0.deallocate() } }
}
