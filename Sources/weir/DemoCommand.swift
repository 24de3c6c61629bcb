import ArgumentParser
import Dispatch
import Foundation
import Synchronization
import WeirCore

/// `weir demo`
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Run both units on this machine, play a dozen matters, and show what happens.",
    discussion: """
      Needs no configuration and touches nothing but a temporary folder, which stays. The \
      notice's minute is shortened so that a transfer can be late before your eyes. Done in less \
      than 45 seconds. Leaves with 1 when what reached 110 is not what is 110's.

      Example: weir demo
      Example: weir demo --minute 10 --folder /tmp/seen
      """)

  @Option(help: ArgumentHelp("Seconds that stand for the minute, 3 to 60.", valueName: "seconds"))
  var minute = 6

  @Option(
    help: ArgumentHelp("Where everything is put: a folder that is new or empty.", valueName: "dir"))
  var folder: String?

  func validate() throws {
    guard (3...60).contains(minute) else {
      throw ValidationError("--minute takes 3 to 60 seconds.")
    }
  }

  func run() async throws {
    let stop = StopFlag()
    let traps = [SIGINT, SIGTERM, SIGHUP].map { stop.trap($0) }
    defer { for trap in traps { trap.cancel() } }
    let units = try DemoUnits(folder: folder, minute: minute)
    defer { units.stop() }
    heading(units)
    try units.start(stop)
    let stage = try DemoStage(units: units, minute: minute)
    try stage.play(stop)
    units.stop()
    let summary = DemoSummary(stage: stage, units: units)
    try summary.show()
    guard summary.isRight else { throw ExitCode(1) }
  }

  private func heading(_ units: DemoUnits) {
    let terminal = Terminal.output
    terminal.line(terminal.paint("12345 → 110 单向移交演示(甘办〔2022〕38号)", .strong))
    terminal.line("外端机 kd1(12345 一侧) ──单向链路──▶ 内端机 in1(110 一侧),均在本机运行")
    terminal.line(
      terminal.paint("本演示把通知规定的一分钟缩短为 \(minute) 秒(one minute is \(minute) s here)", .warning))
    terminal.line("每行一件事;“→ 110”是记录经单向链路到达内端,不靠任何回音")
    terminal.line("文件夹 \(units.folder)")
    terminal.line()
  }
}

/// Set once a signal asks the demo to end.
final class StopFlag: Sendable {
  private let asked = Atomic<Bool>(false)

  /// Whether to end.
  var isSet: Bool { asked.load(ordering: .relaxed) }

  /// Listens for a signal in place of dying of it.
  func trap(_ number: Int32) -> any DispatchSourceSignal {
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler { self.asked.store(true, ordering: .relaxed) }
    source.resume()
    return source
  }

  /// Throws when a signal came.
  func check() throws {
    if isSet { throw Failure("stopped; both units are being ended") }
  }

  /// Sleeps, unless a signal comes.
  func sleep(_ seconds: Double) throws {
    let end = Date(timeIntervalSinceNow: seconds)
    while Date() < end {
      try check()
      Thread.sleep(forTimeInterval: min(0.02, max(0, end.timeIntervalSinceNow)))
    }
  }
}
