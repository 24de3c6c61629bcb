import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Testing

/// How a run ends at its n-th call into the world.
enum Mishap: CaseIterable, CustomTestStringConvertible {
  /// The call fails once; then the process is restarted.
  case failure
  /// The power goes at this call, and what was not synced fares as chance has it.
  case powerCut
  /// The power goes, and nothing survives that was not synced.
  case lossOfAll

  var testDescription: String { "\(self)" }

  func arm(_ house: House, after good: Int) {
    weir_faulty_os_fail(
      house.faulty, WEIR_FAULTY_ANY, UInt64(good), self == .failure ? 1 : .max, .ioFailed)
  }

  func strike(_ house: House, seed: UInt64) {
    switch self {
    case .failure:
      house.crash()
    case .powerCut:
      house.powerCut(seed)
    case .lossOfAll:
      weir_faulty_os_power_cut_losing_all(house.faulty, seed)
      house.close()
      house.advance(5000)
    }
    weir_faulty_os_heal(house.faulty)
  }

  static func hasStruck(_ house: House) -> Bool { weir_faulty_os_failures(house.faulty) > 0 }
}

@Suite struct CountdownTests {
  /// Start, forty requests, deadlines, a clean stop; gives the durable answers with their lines.
  private func run(_ house: House) -> [(line: String, answer: Line)] {
    var durable: [(String, Line)] = []
    guard house.open() == .ok, let client = try? house.connect() else { return [] }
    func ask(_ lines: [String]) {
      for line in lines { house.send(client, line) }
      house.pump()
      for answer in house.receive(client) where answer.isDurable {
        guard let line = lines.first(where: { $0.contains("\"ref\":\"\(answer.ref ?? "-")\"") })
        else { continue }
        durable.append((line, answer))
      }
    }
    ask((0..<8).map { Ask.intake("a\($0)", $0 % 2 == 0 ? ["dangerToLife"] : []) })
    let numbers = durable.compactMap { $0.1.string("handover") }
    for (i, number) in numbers.enumerated() {
      ask([
        Ask.event(number, "transferStarted", ref: "s\(i)"),
        Ask.update("u\(i)", number, text: "补充"), "{\"facts\":[\"fire\"",
        Ask.event(number, "transferFailed", ref: "f\(i)", more: ",\"cause\":\"busy\""),
      ])
    }
    house.pass(61_000, step: 15_000)
    for number in numbers { ask([Ask.event(number, "callerTold", ref: "t" + number)]) }
    if house.failed == .ok { _ = house.stop() }
    return durable
  }

  @Test(
    "at whatever call the world fails, what was answered durable is there afterwards",
    arguments: Mishap.allCases)
  func outer(_ mishap: Mishap) throws {
    var survived = false
    var n = 0
    while !survived {
      try #require(n < 5000)
      let house = try House(.init(link: false, seed: UInt64(n)))
      mishap.arm(house, after: n)
      let durable = run(house)
      survived = !Mishap.hasStruck(house)
      mishap.strike(house, seed: UInt64(n))
      try #require(house.open() == .ok, "n = \(n): \(house.problem)")
      let client = try house.connect()
      for (line, answer) in durable {
        #expect(try house.one(client, line) == answer, "n = \(n)")
      }
      #expect(JournalOracle(house).forgotten().isEmpty, "n = \(n)")
      n += n < 100 ? 1 : 2
    }
    #expect(n > 60, "the run is too short to mean anything")
  }

  @Test(
    "at whatever call the inner unit's world fails, nothing is lost and nothing comes twice",
    arguments: Mishap.allCases)
  func inner(_ mishap: Mishap) throws {
    var survived = false
    var n = 0
    while !survived {
      try #require(n < 5000)
      let pair = try Pair(seed: UInt64(n), outerSeed: 1)
      try #require(pair.outer.open() == .ok)
      mishap.arm(pair.inner, after: n)
      _ = pair.inner.open()
      var before: [String] = []
      let client = try pair.outer.connect()
      for i in 0..<5 {
        let number = try #require(
          try pair.outer.one(client, Ask.intake("a\(i)")).string("handover"))
        pair.pass(120, step: 60)
        _ = try pair.outer.one(client, Ask.event(number, "transferStarted"))
        pair.pass(60)
        if !Mishap.hasStruck(pair.inner) { before = pair.delivered }
      }
      survived = !Mishap.hasStruck(pair.inner)
      mishap.strike(pair.inner, seed: UInt64(n))
      try #require(pair.inner.open() == .ok, "n = \(n): \(pair.inner.problem)")
      #expect(pair.flawsOfDelivery().isEmpty, "n = \(n)")
      let kept = Set(pair.delivered)
      if mishap == .failure { #expect(kept.isSuperset(of: before), "n = \(n)") }
      pair.pass(2600, step: 200)
      let oracle = JournalOracle(pair.inner)
      #expect(pair.latestDelivered == JournalOracle(pair.outer).crossing("kd1"), "n = \(n)")
      #expect(Set(oracle.marks).count == oracle.marks.count, "n = \(n): marked twice")
      #expect(Set(pair.inner.names(in: "/out")) == Set(oracle.marks), "n = \(n)")
      #expect(pair.inner.names(in: "/out/.staging").isEmpty, "n = \(n)")
      #expect(pair.flawsOfDelivery().isEmpty, "n = \(n)")
      n += n < 100 ? 1 : 4
    }
    #expect(n > 100, "the run is too short to mean anything")
  }
}
