import CWeirBase
import CWeirFaultyOs
import CWeirJournal
import CWeirOs
import Testing
import WeirChance

/// A journal that lives and dies, beside the plain truth of what it was given and what it promised.
private final class Lives {
  let house: JournalHouse
  var chance: Chance
  /// What was appended, by serial; undone by a recovery that does not find it.
  var history: [[UInt8]] = []
  /// The highest serial that was ever called durable or reported by a recovery.
  var promised = 0
  var story: String

  init(seed: UInt64, story: String) throws {
    house = try JournalHouse(seed: seed)
    chance = Chance(seed: seed)
    self.story = "\(story), seed \(seed)"
  }

  /// Opens and compares what was found with the truth. False when it did not open.
  func open() -> Bool {
    let status = house.open()
    guard status == .ok else {
      if status == .corrupt { Issue.record("\(story): refused: \(house.reason)") }
      return false
    }
    let found = house.seen.count
    #expect(found >= promised, "\(story): \(promised) promised, \(found) found")
    #expect(found <= history.count, "\(story): more than was ever appended")
    for (index, frame) in house.seen.enumerated() where index < history.count {
      let same = frame.serial == UInt64(index + 1) && frame.body == history[index]
      if !same { Issue.record("\(story): frame \(index + 1) is not what was appended") }
    }
    #expect(house.durable == UInt64(found))
    history.removeLast(max(0, history.count - found))
    promised = found
    return true
  }

  func note() { promised = max(promised, Int(house.durable)) }

  /// Appends one frame; false when the journal is closed for ever.
  func append(_ count: Int) -> Bool {
    let serial = history.count + 1
    var body = journalBody(serial, count)
    if !body.isEmpty { body[count - 1] = UInt8(chance.below(256)) }
    let (status, given, _) = house.append(body, kind: 7)
    if status == .ok {
      history.append(body)
      #expect(given == UInt64(serial), "\(story)")
    }
    return status != .closed
  }

  /// One job; false when it failed or there was none.
  func step() -> Bool {
    let status = house.step()
    note()
    return status == .ok
  }

  /// Two lives with rotations in both; stops at the first thing that fails.
  func live() {
    for life in 0..<2 {
      guard open() else { return }
      for round in 0..<7 {
        for _ in 0...chance.below(4) {
          let size = [0, 5, 700, 40_000, 70_000][chance.below(5)]
          if !append(size) { return }
        }
        if chance.below(3) == 0 && round > 0 { continue }
        if !step() { return }
      }
      while step() {}
      note()
      if life == 0 { house.close() }
    }
  }

  /// Two more frames and another look, to see that the journal goes on after what happened.
  func goOn() {
    guard open() else {
      Issue.record("\(story): it does not open any more")
      return
    }
    #expect(append(300), "\(story)")
    #expect(append(50_000), "\(story)")
    #expect(house.drain() == .ok, "\(story)")
    note()
    #expect(promised == history.count, "\(story)")
    house.close()
    guard open() else {
      Issue.record("\(story): it does not open twice")
      return
    }
    #expect(!house.finding.torn, "\(story)")
  }
}

/// How a life ends after a call of the world has failed.
enum JournalEnd: CaseIterable {
  case closed, crash, powerCut, losingAll
}

@Suite("The journal when the world fails")
struct JournalCrashTests {
  /// Fails call after call, until a run survives; each run ends as `end` says.
  private func countdown(
    _ call: weir_faulty_call, _ status: weir_status, for ever: Bool, end: JournalEnd,
    seeds: ClosedRange<UInt64>, garbage: Bool = false
  ) throws {
    for seed in seeds {
      var good: UInt64 = 0
      while true {
        let lives = try Lives(seed: seed, story: "call \(good) of \(call.rawValue), \(end)")
        let house = lives.house
        if garbage { fillReserveWithLeftovers(lives) }
        weir_faulty_os_fail(house.faulty, call, good, ever ? .max : 1, status)
        lives.live()
        let failures = weir_faulty_os_failures(house.faulty)
        switch end {
        case .closed: break
        case .crash: weir_faulty_os_crash(house.faulty)
        case .powerCut: weir_faulty_os_power_cut(house.faulty, seed &* 1000 &+ good)
        case .losingAll: weir_faulty_os_power_cut_losing_all(house.faulty, seed)
        }
        house.close()
        weir_faulty_os_heal(house.faulty)
        lives.goOn()
        // What recovery has reported must outlive the next power cut as well.
        weir_faulty_os_power_cut_losing_all(house.faulty, seed &+ good)
        house.close()
        if !lives.open() { Issue.record("\(lives.story): it does not open after a second cut") }
        if failures == 0 { break }
        good += 1
        try #require(good < 5000, "the countdown does not end")
      }
      #expect(good > 0)
    }
  }

  /// Files in the reserve that hold what an earlier use of a segment could have left in them.
  private func fillReserveWithLeftovers(_ lives: Lives) {
    let house = lives.house
    guard lives.open() else { return }
    for _ in 0..<6 { _ = lives.append(20_000) }
    _ = house.drain()
    lives.note()
    house.close()
    let old = house.peek(house.segmentPath(1), 0, Int(house.segmentBytes))
    var noise = old
    for index in noise.indices where index % 3 == 0 {
      noise[index] = UInt8(truncatingIfNeeded: index &* 31)
    }
    for (index, name) in house.names().filter({ $0.hasPrefix("reserve-") }).enumerated() {
      house.poke(JournalHouse.directory + "/" + name, 0, index == 0 ? old : noise)
    }
  }

  @Test(
    "whatever call fails, nothing is called durable that recovery does not find",
    arguments: JournalEnd.allCases)
  func everyCall(end: JournalEnd) throws {
    try countdown(WEIR_FAULTY_ANY, .ioFailed, for: true, end: end, seeds: 1...2)
    try countdown(WEIR_FAULTY_ANY, .ioFailed, for: false, end: end, seeds: 3...3)
  }

  @Test("the power goes at any sync, and everything promised is there", arguments: UInt64(10)...21)
  func powerAtSync(seed: UInt64) throws {
    try countdown(WEIR_FAULTY_SYNC, .syncFailed, for: true, end: .powerCut, seeds: seed...seed)
    try countdown(
      WEIR_FAULTY_SYNC_DIRECTORY, .syncFailed, for: true, end: .powerCut, seeds: seed...seed)
  }

  @Test("what an earlier use left in a reserve file never passes for news")
  func leftovers() throws {
    try countdown(
      WEIR_FAULTY_ANY, .ioFailed, for: true, end: .powerCut, seeds: 40...41, garbage: true)
    try countdown(
      WEIR_FAULTY_ANY, .ioFailed, for: true, end: .crash, seeds: 42...42, garbage: true)
  }

  @Test("no space for anything new is survived at every call", arguments: JournalEnd.allCases)
  func noSpace(end: JournalEnd) throws {
    try countdown(WEIR_FAULTY_RESERVE, .noSpace, for: true, end: end, seeds: 50...53)
    try countdown(WEIR_FAULTY_WRITE_AT, .noSpace, for: true, end: end, seeds: 54...55)
  }

  @Test("random lives with random deaths keep every promise", arguments: UInt64(100)...123)
  func randomDeaths(seed: UInt64) throws {
    let lives = try Lives(seed: seed, story: "random deaths")
    let house = lives.house
    for death in UInt64(0)..<8 {
      weir_faulty_os_fail(
        house.faulty, WEIR_FAULTY_ANY, UInt64(lives.chance.below(120)), .max, .ioFailed)
      lives.live()
      lives.story = "death \(death), seed \(seed)"
      switch lives.chance.below(3) {
      case 0: weir_faulty_os_crash(house.faulty)
      default: weir_faulty_os_power_cut(house.faulty, seed &* 100 &+ death)
      }
      house.close()
      weir_faulty_os_heal(house.faulty)
    }
    lives.goOn()
  }

  @Test("the power goes while a batch is in flight and the next one gathers")
  func betweenTakeAndDone() throws {
    for seed in UInt64(1)...60 {
      let lives = try Lives(seed: seed, story: "in flight")
      let house = lives.house
      try #require(lives.open())
      for _ in 0..<3 {
        #expect(lives.append(30_000))
        while lives.step() {}
      }
      for _ in 0..<5 { #expect(lives.append(lives.chance.below(60_000))) }
      let job = try #require(weir_journal_take(house.journal, 0))
      #expect(lives.append(900))
      weir_faulty_os_fail(house.faulty, WEIR_FAULTY_SYNC, 0, .max, .syncFailed)
      let status = weir_journal_perform(job, house.os)
      _ = weir_journal_done(house.journal, job, status)
      weir_faulty_os_power_cut(house.faulty, seed)
      house.close()
      weir_faulty_os_heal(house.faulty)
      lives.goOn()
    }
  }
}
