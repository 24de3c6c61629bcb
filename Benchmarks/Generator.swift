import ArgumentParser
import CWeirBenchmarks
import Foundation

/// `Benchmarks generator`: how fast the generator is by itself.
struct GeneratorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generator",
    abstract: "The generator against a responder that does nothing, beside the real unit.",
    discussion: """
      The responder answers every line with the same bytes on a thread of its own. What the \
      generator sends to it a second, over what the outer unit answers at the same window, says \
      whether the generator is the bottleneck: it is not while the ratio is two or more.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var unitOptions: UnitOptions

  @Option(help: "Requests in flight.")
  var inFlight: UInt32 = 256

  @Option(help: "Seconds a run, each side.")
  var seconds = 2.0

  @Option(help: "Which matters come in.")
  var mix = Mix.Kind.field

  /// As long as the unit's answers to the mix are on average.
  private static let answer =
    #"{"ref":"G000000000000","handover":"kd1-20260101-000001","spoken":"1-8","revision":1,"#
    + #""durable":true,"phase":"closed","decision":{"owner":"12345","action":"acceptHere","#
    + #""clause":"三(一)","rule":"service","emergency":false,"policy":"garze-2022-38/1"},"#
    + #""say":["请在本平台受理,按诉求办理流程处理。"]}"# + "\n"

  func run() throws {
    let table = Table(json: output.json)
    let folder = try Folder("null", in: unitOptions.directory)
    let responder = try Responder(folder.path + "/null.sock", answer: Self.answer)
    defer { responder.end() }
    let unit = try OuterUnit(in: unitOptions.directory)
    let requests = try Mix(mix.weights, bytes: unitOptions.bytes, tag: "G")
    let plain = try Mix(mix.weights, bytes: unitOptions.bytes, tag: "G", follows: false)
    var real = Load(socket: unit.socket)
    var null = Load(socket: folder.path + "/null.sock")
    var sent = Figure(name: "generator, nobody decides", unit: "requests/s", values: [])
    var cost = Figure(name: "generator's CPU alone", unit: "us/request", values: [])
    var answered = Figure(name: "outer unit, \(inFlight) in flight", unit: "answers/s", values: [])
    var share = Figure(name: "generator's share of all CPU", unit: "%", values: [])
    var ratio = Figure(name: "generator / unit", unit: "times", values: [])
    ratio.goal = (2, true)
    real.window = inFlight
    null.window = inFlight
    real.seconds = min(0.5, seconds)
    real.first += try real.run(requests).sent  // warms up
    real.seconds = seconds
    null.seconds = seconds
    for _ in 0..<output.runs {
      let alone = try null.run(plain)
      let before = unit.child.cpuSeconds ?? 0
      let result = try real.run(requests)
      let spent = (unit.child.cpuSeconds ?? 0) - before
      real.first += result.sent
      guard result.refused == 0 else { throw Trouble("refused: \(result.refusal)") }
      sent.values.append(alone.perSecond)
      cost.values.append(alone.generatorMicroseconds)
      answered.values.append(result.perSecond)
      let own = Double(result.cpu_ns) / 1e9
      share.values.append(100 * own / max(1e-9, own + spent))
      ratio.values.append(alone.perSecond / max(1, result.perSecond))
    }
    [sent, cost, answered, share, ratio].forEach(table.add)
  }
}

/// A responder on a thread of its own.
final class Responder: @unchecked Sendable {
  private let responder: OpaquePointer
  private let answer: UnsafeMutablePointer<CChar>
  private let ended = DispatchSemaphore(value: 0)

  init(_ path: String, answer text: String) throws {
    var opened: OpaquePointer?
    guard let copy = strdup(text) else { throw Trouble("out of memory") }
    answer = copy
    if let problem = weir_responder_open(path, copy, &opened) {
      throw Trouble(String(cString: problem))
    }
    guard let opened else { throw Trouble("no responder") }
    responder = opened
    Thread.detachNewThread {
      weir_responder_run(self.responder)
      self.ended.signal()
    }
  }

  /// Answers no more. Once.
  func end() {
    weir_responder_end(responder)
    ended.wait()
    weir_responder_close(responder)
    free(answer)
  }
}
