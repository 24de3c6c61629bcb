import CWeirBase
import CWeirFaultyOs
import CWeirOs
import CWeirWorks
import Testing

/// A start from a snapshot stands where a start from the whole journal would stand.
@Suite("Snapshots")
struct SnapshotTests {
  private static let long =
    ",\"text\":\"" + String(repeating: "字", count: 1900)
    + "\",\"caller\":{\"phone\":\"13800138001\"}"

  private func options(_ role: Int = 0) -> House.Options {
    var options = House.Options()
    options.snapshotRecords = 1
    options.outbox = role == 1
    return options
  }

  /// Lives a little: matters that end and that stay, receipts tried, reports, drills, refusals.
  private func live(_ house: House, _ prefix: String, _ count: Int = 60) throws {
    let client = try house.connect()
    let control = try house.connect(control: true)
    let until = Ask.time(house.wall + 3_600_000)
    _ = try house.one(control, "{\"op\":\"drill\",\"until\":\"\(until)\",\"by\":\"S01\"}")
    let facts = [["dangerToLife"], ["crime"], ["nonUrgentRequest"], ["responsibilityUnclear"], []]
    for index in 0..<count {
      let ref = "\(prefix)\(index)"
      let drill = index % 7 == 3 ? ",\"drill\":true" : ""
      let answer = try house.one(
        client, Ask.intake(ref, facts[index % facts.count], more: Self.long + drill))
      guard let number = answer.string("handover") else { continue }
      switch index % 6 {
      case 0: _ = try house.one(client, Ask.event(number, "transferStarted", ref: ref + "s"))
      case 1:
        _ = try house.one(
          client,
          Ask.event(number, "transferFailed", ref: ref + "f", more: ",\"cause\":\"busy\""))
      case 2: _ = try house.one(client, Ask.update(ref + "u", number, text: "补充"))
      case 3:
        _ = try house.one(
          client, Ask.event(number, "receipt", ref: ref + "r", more: ",\"code\":\"123456\""))
      case 4: _ = try house.one(client, Ask.event(number, "guided", ref: ref + "g"))
      default: _ = house.ask(client, "{\"facts\":[\"fire\"")
      }
      if index % 20 == 19 { house.pass(70_000, step: 35_000) }
    }
    house.pump()
    house.disconnect(client)
    house.disconnect(control)
  }

  private func snapshots(_ house: House) -> [String] {
    house.names(in: "/data/snapshots").filter { $0.hasSuffix(".snap") }
  }

  /// Opens beside its twin; the differences.
  private func reopen(_ house: House) throws -> [String] {
    let twin = Twin(of: house)
    try #require(house.open() == .ok, "\(house.problem)")
    return try twin.differences(from: house, asks: true)
  }

  @Test(
    "whatever happened before and behind it, both starts know the same",
    arguments: [0, 1], [false, true])
  func same(role: Int, powerCut: Bool) throws {
    let house = try House(options(role))
    try #require(house.open() == .ok)
    for round in 0..<4 {
      try live(house, "r\(round)-")
      if powerCut { house.powerCut(UInt64(round)) } else { house.crash() }
      #expect(!snapshots(house).isEmpty)
      #expect(try reopen(house) == [], "round \(round)")
      #expect(String(decoding: house.logged, as: UTF8.self).contains("labels.snapshot"))
    }
    // What was removed may come back with the power; the next one made takes it away again.
    #expect(powerCut || snapshots(house).count == 2, "two are kept")
    #expect(try Knowledge(house).openMatters > 20)
  }

  @Test("an inner unit's ledger, alarms and boots are the same")
  func inner() throws {
    var options = options()
    options.stream = true
    let pair = try Pair(seed: 4, inner: options, outer: self.options())
    try pair.open()
    for round in 0..<3 {
      try live(pair.outer, "r\(round)-", 40)
      pair.weather.isDark = round == 1
      pair.pass(4000, step: 500)
      pair.weather = Weather()
      pair.outer.crash()
      try #require(pair.outer.open() == .ok)
      pair.pass(3000, step: 500)
      // Another unit's number comes in conflict, from each run anew.
      let other = try Forger("kd2", bootEpoch: UInt64(1 + round), wall: pair.inner.wall)
      for var bytes in other.datagrams(1, 1, "{\"round\":\(round)}") {
        weir_unit_received(pair.inner.unit, &bytes, bytes.count)
      }
      pair.inner.pump()
      pair.inner.crash()
      #expect(try reopen(pair.inner) == [], "round \(round)")
    }
    #expect(!snapshots(pair.inner).isEmpty)
    #expect(try Knowledge(pair.inner).conflicts == 2)
    #expect(pair.latestDelivered == JournalOracle(pair.outer).crossing("kd1"))
  }

  @Test("a clock that was set back over a reboot counts the same from a snapshot")
  func clockSetBack() throws {
    let house = try House(options())
    try #require(house.open() == .ok)
    try live(house, "a")
    house.powerCut(1)
    weir_faulty_os_set_wall_ms(house.faulty, House.startWall - 7_200_000)
    #expect(try reopen(house) == [])
    try live(house, "b")
    house.powerCut(2)
    #expect(try reopen(house) == [])
  }

  @Test(
    "at whatever call of making one the world fails, the unit goes on and a start is right",
    arguments: Mishap.allCases)
  func countdown(_ mishap: Mishap) throws {
    let house = try House(options())
    try #require(house.open() == .ok)
    try live(house, "a")
    try live(house, "b")
    house.crash()
    let files = house.files()
    let newest = try #require(snapshots(house).last)
    var survived = false
    var n = 0
    while !survived && n < 2000 {
      let other = try House(options())
      other.makeFolders()
      other.replaceData(with: files.filter { !$0.path.hasSuffix(n % 2 == 0 ? newest : ".snap") })
      weir_faulty_os_set_wall_ms(other.faulty, other.wall + 86_400_000)
      try #require(other.open() == .ok)
      let job = try #require(weir_unit_take_closing_job(other.unit))
      mishap.arm(other, after: n)
      let status = weir_job_perform(job, other.os)
      survived = !Mishap.hasStruck(other)
      weir_unit_closing_job_done(other.unit, job, status)
      #expect(other.failed == .ok)
      #expect((status == .ok) == survived || mishap == .failure, "n = \(n): \(status)")
      mishap.strike(other, seed: UInt64(n))
      #expect(try reopen(other) == [], "n = \(n)")
      #expect(other.pumpsClean, "n = \(n)")
      n += 1
    }
    #expect(survived && n > 10, "\(n) calls")
  }

  /// A unit whose journal has closed a segment and knows almost nothing.
  private func small() throws -> House {
    var options = options()
    options.interns = false
    let house = try House(options)
    try #require(house.open() == .ok)
    let client = try house.connect()
    let line = "{\"facts\":[\"fire\"]," + String(repeating: "x", count: 60_000)
    for _ in 0..<12 {
      house.send(client, line)
      house.pump()
      _ = house.receive(client)
    }
    try #require(snapshots(house).count >= 1)
    house.crash()
    return house
  }

  @Test("damage in every byte of a snapshot, and a cut at every length, is seen")
  func damage() throws {
    let house = try small()
    let path = "/data/snapshots/" + (try #require(snapshots(house).last))
    let whole = house.content(path).bytes
    #expect(weir_snapshot_check(house.os, path, "kd1") == .ok)
    #expect(weir_snapshot_check(house.os, path, "kd2") == .corrupt)
    for offset in whole.indices {
      for bit in [UInt8(1), 0x80] {
        poke(house, path, offset, whole[offset] ^ bit)
        #expect(weir_snapshot_check(house.os, path, "kd1") == .corrupt, "byte \(offset)")
      }
      poke(house, path, offset, whole[offset])
    }
    for count in whole.indices.reversed() {
      try #require(weir_faulty_os_truncate(house.faulty, path, UInt64(count)) == .ok)
      #expect(weir_snapshot_check(house.os, path, "kd1") == .corrupt, "\(count) bytes")
    }
  }

  private func poke(_ house: House, _ path: String, _ offset: Int, _ byte: UInt8) {
    _ = [byte].withUnsafeBufferPointer {
      weir_faulty_os_poke(
        house.faulty, path, UInt64(offset), weir_bytes(at: $0.baseAddress, count: 1))
    }
  }

  @Test("a damaged one is passed over: the older one, or the whole journal, says the same")
  func fallback() throws {
    let house = try House(options())
    try #require(house.open() == .ok)
    try live(house, "a")
    try live(house, "b")
    let names = snapshots(house)
    try #require(names.count == 2)
    for damaged in [[names[1]], names] {
      if house.unit != nil { house.crash() }
      for name in damaged { poke(house, "/data/snapshots/" + name, 30, 0xEE) }
      #expect(try reopen(house) == [])
      house.close()
      let log = String(decoding: house.logged, as: UTF8.self)
      #expect(log.contains("\"event.action\":\"snapshotDoubted\"") && log.contains(names[1]))
    }
  }

  @Test("one of another journal is never believed")
  func foreign() throws {
    let one = try House(options())
    try #require(one.open() == .ok)
    try live(one, "a")
    one.crash()
    var second = options()
    second.seed = 2
    let other = try House(second)
    try #require(other.open() == .ok)
    try live(other, "b", 70)
    other.crash()
    for name in snapshots(one) {
      other.put(one.content("/data/snapshots/" + name).bytes, at: "/data/snapshots/" + name)
    }
    #expect(try reopen(other) == [])
  }
}

extension House {
  /// Comes to rest without failing.
  var pumpsClean: Bool {
    pump()
    return failed == .ok
  }
}
