import Foundation
import Glibc
import Synchronization

/// The 110 platform: takes each delivered file away as soon as it sees it, on a thread of its own.
/// A name that appears again after it was taken is a double delivery.
final class PlatformDesk: Sendable {
  private struct Seen {
    var names: Set<String> = []
    var doubles: [String] = []
    var victim: Int32?
    var isStopped = false
    var hasEnded = false
  }

  private let seen = Mutex(Seen())
  private let source: String
  private let target: String

  init(_ house: House) {
    source = house.folder + "/in"
    target = house.folder + "/taken"
    Thread { [self] in run() }.start()
  }

  private func run() {
    while !seen.withLock({ $0.isStopped }) {
      takeAll()
      let isHunting = seen.withLock { $0.victim != nil }
      if !isHunting { Thread.sleep(forTimeInterval: 0.002) }
    }
    takeAll()
    seen.withLock { $0.hasEnded = true }
  }

  private func takeAll() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: source)) ?? []
    for name in names where !name.hasPrefix(".") {
      let isNew = seen.withLock { state in
        if let victim = state.victim { kill(victim, SIGKILL) }
        state.victim = nil
        if !state.names.insert(name).inserted {
          state.doubles.append(name)
          return false
        }
        return true
      }
      let away = target + "/" + (isNew ? name : name + ".again-\(UInt32.random(in: 0 ... .max))")
      rename(source + "/" + name, away)
    }
  }

  /// Kills a process in the moment in which the next delivered file is seen.
  func killAtNextDelivery(_ pid: Int32) { seen.withLock { $0.victim = pid } }

  /// Kills nobody any more.
  func forgetVictim() { seen.withLock { $0.victim = nil } }

  /// Names that were delivered so far.
  var names: Set<String> { seen.withLock { $0.names } }
  /// Names that were delivered more than once.
  var doubles: [String] { seen.withLock { $0.doubles } }
  /// Handovers of the delivered matters.
  var handovers: Set<String> { Set(names.compactMap(handover(ofFile:))) }

  /// Takes what is still there, and ends.
  func stop() {
    seen.withLock { $0.isStopped = true }
    for _ in 0..<5000 where !seen.withLock({ $0.hasEnded }) {
      Thread.sleep(forTimeInterval: 0.002)
    }
  }
}
