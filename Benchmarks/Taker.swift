import CWeirBenchmarks
import Foundation
import WeirCore
import WeirMeasure

/// The 110 platform: takes what is delivered, on a thread of its own.
final class Taker: @unchecked Sendable {
  private let take: OpaquePointer
  private let lock = NSLock()
  private let ended = DispatchSemaphore(value: 0)
  private var isEnding = false
  private var problem: String?

  /// - Parameter most: items that are kept.
  init(_ stage: Stage, most: Int) throws {
    var options = weir_take_options()
    var opened: OpaquePointer?
    options.remove = stage.isOurs
    options.most = most
    let socket = stage.deliverySocket.map { strdup($0) } ?? nil
    let directory = stage.deliveryDirectory.map { strdup($0) } ?? nil
    defer {
      free(socket)
      free(directory)
    }
    options.socket = UnsafePointer(socket)
    options.directory = UnsafePointer(directory)
    if let problem = weir_take_open(&options, &opened) { throw Trouble(String(cString: problem)) }
    guard let opened else { throw Trouble("nothing is delivered anywhere") }
    take = opened
    Thread.detachNewThread { self.run() }
  }

  private func run() {
    while !lock.withLock({ isEnding }) {
      if let problem = weir_take_turn(take, 20) {
        lock.withLock { self.problem = String(cString: problem) }
        break
      }
    }
    ended.signal()
  }

  /// Items so far.
  var count: Int { weir_take_count(take) }
  /// Alarms and other items that are no matters.
  var alarms: Int { weir_take_alarms(take) }

  /// One of those that are there.
  subscript(index: Int) -> weir_taken { weir_take_items(take)[index] }

  /// Takes no more. Calls after the first do nothing.
  func end() throws {
    let wasEnding = lock.withLock {
      defer { isEnding = true }
      return isEnding
    }
    if !wasEnding { ended.wait() }
    let over = weir_take_over(take)
    if over > 0 { throw Trouble("\(over) items more than there was room for") }
  }

  /// Why it takes nothing; nil: it does.
  var trouble: String? { lock.withLock { problem } }

  deinit {
    try? end()
    weir_take_close(take)
  }
}

/// The two people who compare 对账码: they confirm what has come, so that it is repeated no more.
final class Comparison: @unchecked Sendable {
  private let lock = NSLock()
  private let ended = DispatchSemaphore(value: 0)
  private var isEnding = false
  private var problem: (any Error)?
  private let outer: Control
  private let inner: Control
  private let taker: Taker
  private let sender: String
  private let pause: Double
  /// Crossing numbers that came; what is confirmed lies below `top` without a hole.
  private var came: Set<UInt64> = []
  private var top: UInt64
  private var looked = 0

  /// - Parameters:
  ///   - first: the first crossing number of this run.
  ///   - pause: seconds between two comparisons.
  init(_ stage: Stage, _ taker: Taker, first: UInt64, pause: Double) throws {
    outer = try Control(stage.outerControl)
    inner = try Control(stage.innerControl)
    self.taker = taker
    self.pause = pause
    sender = stage.outer
    top = first - 1
    Thread.detachNewThread { self.run() }
  }

  private func run() {
    var earlier = top
    do {
      while !lock.withLock({ isEnding }) {
        Thread.sleep(forTimeInterval: pause)
        look()
        // What was confirmed a pause ago has changed since: it is compared once more.
        if top > earlier { try compare(earlier + 1, top) }
        earlier = max(earlier, top > 20_000 ? top - 20_000 : 0)
      }
    } catch {
      lock.withLock { problem = error }
    }
    ended.signal()
  }

  private func look() {
    let count = taker.count
    while looked < count {
      came.insert(taker[looked].crossing)
      looked += 1
    }
    while came.remove(top + 1) != nil { top += 1 }
    came = came.filter { $0 > top }
  }

  /// The code over states confirms all; where a revision is still on its way, the halves are
  /// compared, and at last the code over handovers confirms what crossed once.
  private func compare(_ from: UInt64, _ to: UInt64) throws {
    let range = "\(from)-\(to)"
    let said = try inner.ask(#"{"op":"digest","id":"\#(sender)","range":"\#(range)"}"#)
    guard let digests = said["digests"] as? [[String: Any]], let digest = digests.first,
      let code = digest["code"], let states = digest["stateCode"]
    else { throw Trouble("the inner unit gives no code for \(range): \(said)") }
    if try type(states, range) { return }
    if to - from < 512 {
      _ = try type(code, range)
      return
    }
    let middle = from + (to - from) / 2
    try compare(from, middle)
    try compare(middle + 1, to)
  }

  /// False: it is another code here.
  private func type(_ code: Any, _ range: String) throws -> Bool {
    while true {
      let answer = try outer.ask(
        #"{"op":"digest","range":"\#(range)","code":"\#(code)","by":"S01"}"#)
      switch (answer["error"] as? [String: Any])?["code"] as? String {
      case nil: return true
      case "wrongCode": return false
      // A comparison that is still being carried out refuses the next.
      case "overloaded": Thread.sleep(forTimeInterval: 0.01)
      default: throw Trouble("对账码 of \(range): \(answer)")
      }
    }
  }

  /// Compares no more.
  func end() throws {
    lock.withLock { isEnding = true }
    ended.wait()
    if let problem { throw problem }
  }
}
