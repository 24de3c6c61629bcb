import CWeirBase
import CWeirWheel
import Testing
import WeirChance

private let tickMs = UInt64(WEIR_WHEEL_TICK_MS)

/// The wheel beside the plainest thing that could do its work: a table of due times.
private final class Pair {
  let wheel: OpaquePointer
  let start: UInt64
  var now: UInt64
  var due: [UInt32: UInt64] = [:]

  init(capacity: UInt32, start: UInt64) throws {
    var opened: OpaquePointer?
    #expect(weir_wheel_open(capacity, start, &opened) == .ok)
    wheel = try #require(opened)
    self.start = start
    now = start
  }

  deinit { weir_wheel_close(wheel) }

  func arm(_ owner: UInt32, _ dueMs: UInt64) {
    weir_wheel_arm(wheel, owner, dueMs)
    due[owner] = dueMs
  }

  func cancel(_ owner: UInt32) {
    let wasArmed = due.removeValue(forKey: owner) != nil
    #expect(weir_wheel_cancel(wheel, owner) == wasArmed)
  }

  /// Advances and takes all that is due, `max` at a time.
  func advance(to time: UInt64, max: Int) {
    now = time
    let next = weir_wheel_next(wheel)
    var owners = [UInt32](repeating: 0, count: max)
    var fired: [UInt32] = []
    repeat {
      let count = weir_wheel_expired(wheel, time, &owners, max)
      fired += owners[..<count]
      weir_wheel_check(wheel)
    } while weir_wheel_next(wheel) <= time
    #expect(fired.isEmpty || next <= time, "next was later than what fired")
    for owner in fired {
      guard let dueMs = due.removeValue(forKey: owner) else {
        Issue.record("\(owner) fired and was not armed")
        continue
      }
      #expect(dueMs <= time, "\(owner) fired early")
    }
    for (owner, dueMs) in due where time >= tickMs && dueMs <= time - tickMs {
      Issue.record("\(owner), due at \(dueMs), has not fired at \(time)")
    }
  }

  func compare() {
    weir_wheel_check(wheel)
    #expect(weir_wheel_count(wheel) == UInt32(due.count))
  }
}

@Suite("The timing wheel")
struct WheelTests {
  @Test(
    "it fires what a plain table would fire: never early, at most a tick late",
    arguments: UInt64(1)...24)
  func likeATable(seed: UInt64) throws {
    var chance = Chance(seed: seed)
    let starts: [UInt64] = [0, 1, 9_999, 1 << 40, UInt64.max / 2 + 7]
    let pair = try Pair(capacity: 64, start: starts[Int(seed) % starts.count])
    for _ in 0..<1500 {
      let owner = UInt32(chance.below(64))
      switch chance.below(8) {
      case 0, 1, 2:
        pair.arm(owner, pair.now + UInt64(chance.below(1 << chance.below(34))))
      case 3:
        pair.arm(owner, pair.now - UInt64(chance.below(Int(min(pair.now, 5000)) + 1)))
      case 4:
        pair.cancel(owner)
      case 5:
        pair.advance(to: pair.now + UInt64(chance.below(30)), max: 1 + chance.below(5))
      case 6:
        pair.advance(to: pair.now + UInt64(chance.below(1 << chance.below(28))), max: 3)
      default:
        #expect(weir_wheel_armed(pair.wheel, owner) == (pair.due[owner] != nil))
      }
      pair.compare()
    }
  }

  @Test(
    "a timer fires at the first advance to its tick and not before",
    arguments: [0, 1, 9, 10, 11, 639, 641, 163_829, 163_830, 163_840, 163_841, 10_485_760, 1 << 33])
  func tick(after: UInt64) throws {
    let pair = try Pair(capacity: 1, start: 1234)
    pair.arm(0, 1234 + after)
    let tick = (after + tickMs - 1) / tickMs * tickMs
    if tick > 0 {
      pair.advance(to: 1234 + tick - 1, max: 4)
      #expect(pair.due.count == 1)
    }
    pair.advance(to: 1234 + tick, max: 4)
    #expect(pair.due.isEmpty)
    #expect(weir_wheel_next(pair.wheel) == .max)
  }

  @Test("arming again moves the timer, and the old time is forgotten")
  func moves() throws {
    let pair = try Pair(capacity: 2, start: 0)
    pair.arm(1, 100)
    pair.arm(1, 5000)
    #expect(weir_wheel_count(pair.wheel) == 1)
    pair.advance(to: 4999, max: 4)
    #expect(weir_wheel_armed(pair.wheel, 1))
    pair.advance(to: 5000, max: 4)
    #expect(!weir_wheel_armed(pair.wheel, 1))
    #expect(!weir_wheel_cancel(pair.wheel, 1))
  }

  @Test("the ends of a 64-bit clock are ordinary times")
  func ends() throws {
    let pair = try Pair(capacity: 3, start: 0)
    pair.arm(0, .max)
    pair.arm(1, .max - 20)
    pair.arm(2, 1 << 63)
    pair.advance(to: (1 << 63) - 1, max: 8)
    #expect(pair.due.count == 3)
    pair.advance(to: (1 << 63) + 9, max: 8)
    #expect(pair.due.count == 2)
    pair.advance(to: .max - 5, max: 8)
    #expect(pair.due.count == 1)
    pair.compare()
  }

  @Test("what is due together is handed out in portions, tick by tick")
  func portions() throws {
    let pair = try Pair(capacity: 100, start: 0)
    for owner in 0..<UInt32(100) {
      pair.arm(owner, 1000 - UInt64(owner / 10) * 10)
    }
    var owners = [UInt32](repeating: 0, count: 7)
    var fired: [UInt32] = []
    while weir_wheel_next(pair.wheel) <= 2000 {
      let count = weir_wheel_expired(pair.wheel, 2000, &owners, 7)
      fired += owners[..<count]
    }
    #expect(fired.count == 100)
    let ticks = fired.map { 1000 - UInt64($0 / 10) * 10 }
    #expect(ticks == ticks.sorted())
  }

  @Test("a far slot of many timers empties over several calls, in order, and takes new ones")
  func falls() throws {
    let falls = UInt32(WEIR_WHEEL_FALLS_MAX)
    let count = falls * 2 + 10
    let pair = try Pair(capacity: count + 1, start: 0)
    for owner in 0..<count { pair.arm(owner, 327_680 + UInt64(owner % 3) * tickMs) }
    var owners = [UInt32](repeating: 0, count: 64)
    let now: UInt64 = 400_000
    for _ in 0..<2 {
      #expect(weir_wheel_expired(pair.wheel, now, &owners, owners.count) == 0)
      #expect(weir_wheel_next(pair.wheel) == 327_680)
      weir_wheel_check(pair.wheel)
    }
    pair.cancel(count - 1)
    pair.arm(count, 0)
    weir_wheel_check(pair.wheel)
    var fired: [UInt32] = []
    while weir_wheel_next(pair.wheel) <= now {
      let taken = weir_wheel_expired(pair.wheel, now, &owners, owners.count)
      #expect(taken > 0)
      fired += owners[..<taken]
    }
    #expect(fired.count == Int(count))
    let ticks = fired.compactMap { pair.due[$0] }.filter { $0 > 0 }
    #expect(ticks == ticks.sorted())
  }

  @Test("a pool of nothing is refused")
  func empty() {
    var opened: OpaquePointer?
    #expect(weir_wheel_open(0, 0, &opened) == .invalid)
    #expect(weir_wheel_open(.max, 0, &opened) == .invalid)
    #expect(opened == nil)
    weir_wheel_close(nil)
  }

  @Test("a million timers all fire or are cancelled, and the pool is whole afterwards")
  func million() throws {
    let count: UInt32 = 1_000_000
    var opened: OpaquePointer?
    #expect(weir_wheel_open(count, 0, &opened) == .ok)
    let wheel = try #require(opened)
    defer { weir_wheel_close(wheel) }
    var chance = Chance(seed: 7)
    for owner in 0..<count {
      weir_wheel_arm(wheel, owner, UInt64(chance.below(120_000)))
    }
    for owner in stride(from: 0, to: count, by: 3) {
      if !weir_wheel_cancel(wheel, owner) { Issue.record("\(owner) was not armed") }
    }
    weir_wheel_check(wheel)
    var left = weir_wheel_count(wheel)
    var owners = [UInt32](repeating: 0, count: 4096)
    for now in stride(from: UInt64(0), through: 120_000, by: 500) {
      while weir_wheel_next(wheel) <= now {
        left -= UInt32(weir_wheel_expired(wheel, now, &owners, owners.count))
      }
    }
    #expect(left == 0)
    #expect(weir_wheel_count(wheel) == 0)
    weir_wheel_check(wheel)
  }
}
