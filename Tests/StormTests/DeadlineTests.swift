import CWeirBase
import CWeirFaultyOs
import Testing

@Suite struct DeadlineTests {
  private func unit() throws -> (House, String) {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let answer = try house.one(client, Ask.intake("a"))
    return (house, try #require(answer.string("handover")))
  }

  private func record(_ house: House, _ number: String) throws -> Line {
    let client = try house.connect()
    defer { house.disconnect(client) }
    return try house.one(client, Ask.get(number))
  }

  @Test("the minute ends 60 s after the line came: not a millisecond early, 100 ms late at most")
  func endsOnTime() throws {
    let (house, number) = try unit()
    house.pass(59_000, step: 1000)
    house.pass(999, step: 1)
    #expect(try !record(house, number).has("\"lateAt\""))
    #expect(try record(house, number).has("\"event\":\"preAlarm\""))
    for _ in 0..<101 where try !record(house, number).has("\"lateAt\"") { house.pass(1, step: 1) }
    let late = try record(house, number)
    #expect(late.string("phase") == "late" && late.has("\"report\":{\"state\":\"raised\""))
    #expect(house.boot - House.startBoot <= 60_100)
  }

  @Test(
    "a line that comes within a millisecond has its whole minute too", arguments: 0..<10 as Range)
  func endsNoFractionEarly(offset: UInt64) throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    weir_faulty_os_advance(house.faulty, offset * 1_000_000 + 900_000)
    let began = house.os.pointee.boot_ns(house.os.pointee.context)
    let number = try #require(try house.one(client, Ask.intake("a")).string("handover"))
    house.pass(59_990, step: 1_000)
    while try !record(house, number).has("\"lateAt\"") {
      weir_faulty_os_advance(house.faulty, 100_000)
      house.pump()
    }
    let elapsed = house.os.pointee.boot_ns(house.os.pointee.context) - began
    #expect(elapsed >= 60_000_000_000 && elapsed <= 60_100_000_000)
  }

  @Test("a sleeping loop finds what is due at its next turn, and asks to be woken in time")
  func wakes() throws {
    let (house, number) = try unit()
    house.advance(60_000)
    house.pump()
    #expect(try record(house, number).has("\"lateAt\""))
  }

  @Test(
    "a restart within the minute changes nothing: boottime decides, whatever the wall clock says")
  func restartWithin() throws {
    let (house, number) = try unit()
    house.pass(20_000, step: 5000)
    house.crash()
    weir_faulty_os_set_wall_ms(house.faulty, house.wall - 3_600_000)
    try #require(house.open() == .ok)
    house.pass(39_900, step: 100)
    #expect(try !record(house, number).has("\"lateAt\""))
    house.pass(200, step: 10)
    let late = try record(house, number)
    #expect(late.has("\"lateAt\"") && !late.has("unattended") && !late.has("clockUncertain"))
  }

  @Test(
    "what ended while the unit was down is late and unattended at once", arguments: [false, true])
  func restartAfter(power: Bool) throws {
    let (house, number) = try unit()
    house.pass(10_000, step: 5000)
    if power { house.powerCut(3, darkMs: 90_000) } else { house.crash() }
    if !power { house.advance(90_000) }
    try #require(house.open() == .ok)
    house.pump()
    let late = try record(house, number)
    #expect(late.has("\"lateAt\"") && late.has("\"unattended\":true"), "\(late)")
  }

  @Test("on another boot the wall clock decides what is left, also for later starts of that boot")
  func otherBoot() throws {
    let (house, number) = try unit()
    house.pass(20_000, step: 5000)
    house.powerCut(4, darkMs: 2000)
    for _ in 0..<3 {
      try #require(house.open() == .ok)
      house.pump()
      house.crash()
    }
    try #require(house.open() == .ok)
    house.pass(37_900, step: 100)
    #expect(try !record(house, number).has("\"lateAt\""))
    house.pass(200, step: 10)
    let late = try record(house, number)
    #expect(late.has("\"lateAt\"") && !late.has("unattended") && !late.has("clockUncertain"))
  }

  @Test(
    "a wall clock set back on another boot: every open minute fires at once, for later starts too",
    arguments: [0, 1, 2])
  func clockSetBack(restarts: Int) throws {
    let (house, number) = try unit()
    house.pass(20_000, step: 5000)
    house.powerCut(5, darkMs: 1000)
    weir_faulty_os_set_wall_ms(house.faulty, House.startWall - 86_400_000)
    for _ in 0..<restarts {
      try #require(house.open() == .ok)
      house.crash()
    }
    try #require(house.open() == .ok)
    house.pump()
    let late = try record(house, number)
    #expect(late.string("phase") == "late" && late.has("\"clockUncertain\":true"), "\(late)")
    let client = try house.connect()
    let next = try house.one(client, Ask.intake("next"))
    #expect(next.string("handover") == "kd1-20261123-000002")
    #expect(try house.one(client, Ask.event("2-5", "transferStarted")).code == "unknownHandover")
    let spoken = try #require(next.string("spoken"))
    #expect(try house.one(client, Ask.event(spoken, "transferStarted")).isDurable)
  }

  @Test("a deadline that the judge does not decide is tried again each second, not each tick")
  func undecided() throws {
    let (house, number) = try unit()
    house.desk.isAsleep = true
    house.desk.batches = []
    house.pass(33_000, step: 10)
    #expect((3...5).contains(house.desk.batches.count), "\(house.desk.batches.count)")
    house.desk.isAsleep = false
    house.pass(30_000, step: 100)
    #expect(try record(house, number).has("\"lateAt\""))
  }

  @Test("the minute counts from what the client claims, when that is earlier")
  func claimed() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let since = ",\"receivedAt\":\"\(Ask.time(house.wall - 58_000))\""
    let number = try #require(
      try house.one(client, Ask.intake("a", more: since)).string("handover"))
    house.pass(1950, step: 50)
    #expect(try !record(house, number).has("\"lateAt\""))
    house.pass(150, step: 10)
    #expect(try record(house, number).has("\"lateAt\""))
  }
}
