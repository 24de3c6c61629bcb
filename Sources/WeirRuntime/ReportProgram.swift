import Dispatch
import Synchronization
import WeirCore

/// The program that is handed each report (`report.command`), with the path of its JSON file. One
/// runs at a time; a path that waits already is not queued twice; one that does not end is ended.
final class ReportProgram: Sendable {
  private struct Waiting {
    var paths: [String] = []
    var isBusy = false
  }

  private let program: String
  private let limitMs: Int
  private let queue = DispatchQueue(label: "weir-report-program")
  private let waiting = Mutex(Waiting())

  /// - Parameters:
  ///   - program: its absolute path.
  ///   - limitMs: how long it may run, in milliseconds.
  init(_ program: String, limitMs: Int = 30_000) {
    self.program = program
    self.limitMs = limitMs
  }

  /// Hands it a path soon.
  func hand(_ path: String) {
    let begins = waiting.withLock { waiting in
      if !waiting.paths.contains(path) { waiting.paths.append(path) }
      defer { waiting.isBusy = true }
      return !waiting.isBusy
    }
    if begins { queue.async { self.runWaiting() } }
  }

  private func runWaiting() {
    while let path = takeNext() { run(path) }
  }

  private func takeNext() -> String? {
    waiting.withLock { waiting in
      if waiting.paths.isEmpty {
        waiting.isBusy = false
        return nil
      }
      return waiting.paths.removeFirst()
    }
  }

  private func run(_ path: String) {
    switch ChildProgram.run(program, [path], limitMs: limitMs) {
    case .exited(0): break
    case .exited(let code): ReportFolder.say("report.command \(program) ended with \(code)")
    case .killed(let signal):
      ReportFolder.say("report.command \(program) was ended by signal \(signal)")
    case .tooLong:
      ReportFolder.say("report.command \(program) ran for over \(limitMs) ms and was ended")
    case .notStarted(let reason): ReportFolder.say("report.command \(program): \(reason)")
    }
  }
}
