import CWeirSeal
import Testing

/// One step on a window: a sequence, and whether it must be taken.
private func t(_ sequence: UInt64, _ taken: Bool) -> (UInt64, Bool) { (sequence, taken) }

@Suite("The replay window takes every sequence once")
struct ReplayTests {
  static let window = UInt64(WEIR_REPLAY_WINDOW)
  private static let limit = window + 1

  /// The table by which WireGuard tests its own window; our sequences begin at 1, so each is one
  /// higher than there.
  private static let table: [(UInt64, Bool)] = [
    /*  1 */ t(1, true),
    /*  2 */ t(2, true),
    /*  3 */ t(2, false),
    /*  4 */ t(10, true),
    /*  5 */ t(9, true),
    /*  6 */ t(8, true),
    /*  7 */ t(8, false),
    /*  8 */ t(limit + 1, true),
    /*  9 */ t(limit, true),
    /* 10 */ t(limit, false),
    /* 11 */ t(limit - 1, true),
    /* 12 */ t(3, true),
    /* 13 */ t(3, false),
    /* 14 */ t(limit + 17, true),
    /* 15 */ t(4, false),
    /* 16 */ t(limit + 17, false),
    /* 17 */ t(limit * 4 + 1, true),
    /* 18 */ t(limit * 4 - (limit - 2), true),
    /* 19 */ t(11, false),
    /* 20 */ t(limit * 4 - (limit - 1), false),
    /* 21 */ t(limit * 4 - limit, false),
    /* 22 */ t(limit * 4 - (limit - 3), true),
    /* 23 */ t(limit * 4 + 2 - limit, false),
    /* 24 */ t(1, false),
    /* 25 */ t(0, false),
    /* 26 */ t(UInt64.max, true),
    /* 27 */ t(UInt64.max, false),
    /* 28 */ t(UInt64.max - 1, true),
    /* 29 */ t(UInt64.max - window, true),
    /* 30 */ t(UInt64.max - window - 1, false),
    /* 31 */ t(limit * 4 + 1, false),
  ]

  /// Asks and marks; both must say the same.
  private func mark(_ replay: inout weir_replay, _ sequence: UInt64) -> Bool {
    let fresh = weir_replay_fresh(&replay, sequence)
    let marked = weir_replay_mark(&replay, sequence)
    #expect(fresh == marked)
    #expect(!weir_replay_fresh(&replay, sequence))
    return marked
  }

  @Test("the table holds, row by row")
  func rows() {
    var replay = weir_replay()
    for (index, row) in Self.table.enumerated() {
      #expect(mark(&replay, row.0) == row.1, "row \(index + 1)")
    }
  }

  @Test("ascending, descending and with a gap, each is taken once")
  func sweeps() {
    var ascending = weir_replay()
    for sequence in 1...Self.window { #expect(mark(&ascending, sequence)) }
    #expect(mark(&ascending, Self.window + 1))
    for sequence in 1...(Self.window + 1) { #expect(!mark(&ascending, sequence)) }

    var descending = weir_replay()
    for sequence in (1...(Self.window + 1)).reversed() { #expect(mark(&descending, sequence)) }
    for sequence in 1...(Self.window + 1) { #expect(!mark(&descending, sequence)) }

    var gap = weir_replay()
    for sequence in (2...(Self.window + 1)).reversed() { #expect(mark(&gap, sequence)) }
    #expect(mark(&gap, 1))
    for sequence in 1...(Self.window + 1) { #expect(!mark(&gap, sequence)) }

    var late = weir_replay()
    #expect(mark(&late, Self.window + 2))
    #expect(!mark(&late, 1))
    #expect(mark(&late, 2))
  }

  @Test("asking changes nothing")
  func asking() {
    var replay = weir_replay()
    #expect(mark(&replay, 100))
    for sequence in UInt64(0)...300 where sequence != 100 {
      #expect(weir_replay_fresh(&replay, sequence) == (sequence > 0))
    }
    #expect(replay.highest == 100)
  }

  @Test("against a plain set, a hundred thousand random sequences", arguments: [UInt64(1), 2, 3])
  func againstASet(seed: UInt64) {
    var state = seed
    func random() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    var replay = weir_replay()
    var seen: Set<UInt64> = []
    var highest: UInt64 = 0
    for _ in 0..<100_000 {
      let jump = random() % 1000 == 0 ? 20_000 : 40
      let back = random() % 4 == 0 ? random() % 9000 : random() % 64
      let front = highest + random() % UInt64(jump)
      let sequence = front > back ? front - back : front
      let old = sequence < highest && highest - sequence > Self.window
      let expected = sequence > 0 && !old && !seen.contains(sequence)
      let marked = weir_replay_mark(&replay, sequence)
      if marked != expected {
        Issue.record("seed \(seed), sequence \(sequence), highest \(highest)")
        return
      }
      if marked { seen.insert(sequence) }
      highest = max(highest, sequence)
    }
  }
}
