import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Testing
import WeirModel

/// What a unit makes of the paths of notice 五, over the journal: the answers, and the record.
@Suite struct MatterTests {
  private func house(_ role: UnitRole = .outer) throws -> House {
    let house = try House(.init(role: role, name: role == .outer ? "kd1" : "gz1"))
    try #require(house.open() == .ok)
    return house
  }

  private func event(_ number: String, _ event: String, _ more: String = "") -> String {
    Ask.event(number, event, more: more)
  }

  @Test("五: an unclear matter goes to a three-way call, whose joins and leaves are on record")
  func threeWayCall() throws {
    let house = try house()
    let client = try house.connect()
    let answer = try house.one(client, Ask.intake("a", ["responsibilityUnclear"]))
    let number = try #require(answer.string("handover"))
    #expect(answer.string("phase") == "talking" && answer.has("\"action\":\"threeWayCall\""))
    _ = try house.one(client, event(number, "threeWayStarted"))
    _ = try house.one(client, event(number, "threeWayJoined", ",\"party\":\"caller\""))
    let joined = try house.one(client, event(number, "threeWayJoined", ",\"party\":\"110\""))
    #expect(joined.has("\"voice\":{\"state\":\"answered\"}"))
    let twice = try house.one(client, event(number, "threeWayJoined", ",\"party\":\"110\""))
    #expect(twice.code == "notNow")
    #expect(twice.has("the phase is talking, and it needs an open three-way call"))
    let left = event(number, "threeWayJoined", ",\"party\":\"110\",\"left\":true")
    _ = try house.one(client, left)
    let record = try house.one(client, Ask.get(number))
    #expect(record.has("\"inCall\":[\"caller\"]") && record.has("\"party\":\"110\",\"left\":true"))
    let agreed = try house.one(client, event(number, "agreed", ",\"owner\":\"110\""))
    #expect(agreed.string("phase") == "transferring" && agreed.has("\"dial\":\"08362812110\""))
    #expect(agreed.has("经协商由110受理:请在一分钟内接通"))
    let settled = try house.one(client, Ask.get(number))
    #expect(settled.has("\"settled\":{\"owner\":\"110\",\"action\":\"transferByPhone\""))
    #expect(settled.has("\"ground\":\"agreed\""))
  }

  @Test("五: when the limit of the talks passes, the first receiver keeps the matter, and why")
  func firstReceiver() throws {
    let house = try house()
    let client = try house.connect()
    let own = try house.one(client, Ask.intake("a", ["responsibilityUnclear"]))
    let redialled = try house.one(
      client, Ask.intake("b", ["responsibilityUnclear"], more: ",\"redialledFrom110\":true"))
    house.pass(181_000, step: 1000)
    let kept = try house.one(client, Ask.get(try #require(own.string("handover"))))
    #expect(kept.has("\"settled\":{\"owner\":\"12345\",\"action\":\"acceptHere\""))
    #expect(kept.has("\"ground\":\"firstReceiver\"") && kept.has("\"firstContact\":\"12345\""))
    let sent = try house.one(client, Ask.get(try #require(redialled.string("handover"))))
    #expect(sent.has("\"settled\":{\"owner\":\"110\",\"action\":\"transferByPhone\""))
    #expect(sent.has("\"ground\":\"callerStatement\"") && sent.has("\"redialledFrom110\":true"))
  }

  @Test("五: a second hand-over is linked to the first, by whole or by spoken number")
  func follows() throws {
    let house = try house()
    let client = try house.connect()
    let first = try house.one(client, Ask.intake("a", ["responsibilityUnclear", "dangerToPublic"]))
    let number = try #require(first.string("handover"))
    let spoken = try #require(first.string("spoken"))
    let second = try house.one(
      client, Ask.intake("b", ["crime"], more: ",\"follows\":\"\(spoken)\""))
    let record = try house.one(client, Ask.get(try #require(second.string("handover"))))
    #expect(record.has("\"follows\":\"\(number)\""), "\(record)")
    let unknown = try house.one(client, Ask.intake("c", [], more: ",\"follows\":\"99-9\""))
    #expect(unknown.code == "unknownHandover" && unknown.string("field") == "follows")
  }

  @Test("a danger's every raising and clearing stays on the record, with who, when and why")
  func dangers() throws {
    let house = try house()
    let client = try house.connect()
    let answer = try house.one(client, Ask.intake("a", ["crime"]))
    let number = try #require(answer.string("handover"))
    let raise = event(number, "dangerRaised", ",\"facts\":[\"dangerToProperty\"]")
    _ = try house.one(client, raise)
    let clear = "{\"op\":\"event\",\"handover\":\"\(number)\",\"event\":\"dangerCleared\","
    let refused = try house.one(client, clear + "\"by\":\"A07\",\"reason\":\"误报\"}")
    #expect(refused.code == "supervisorNeeded")
    let cleared = try house.one(client, clear + "\"by\":\"S01\",\"reason\":\"误报\"}")
    #expect(cleared.has("不得据此停止已派出的警力"))
    // Reminders and other events, more than a history holds.
    house.pass(3_600_000, step: 20_000)
    let record = try house.one(client, Ask.get(number))
    #expect(record.has("\"dangerCleared\":\"危险标记已由值班负责人解除;不得据此停止已派出的警力。\""))
    #expect(
      record.has("\"what\":\"raised\",\"event\":\"dangerRaised\"")
        && record.has("\"facts\":[\"dangerToProperty\"]}"))
    #expect(record.has("\"what\":\"cleared\",\"event\":\"dangerCleared\""))
    #expect(record.has("\"by\":\"S01\",\"reason\":\"误报\""))
  }

  @Test("五(二): who was told to dial 110 is on the record, with the time as a person reads it")
  func callerTold() throws {
    let house = try house()
    let client = try house.connect()
    let answer = try house.one(client, Ask.intake("a", ["crime"]))
    let number = try #require(answer.string("handover"))
    let failed = try house.one(
      client, event(number, "transferFailed", ",\"cause\":\"trunk\""))
    #expect(failed.has("目前无法转接,请您立即自行拨打110") && failed.has("\"dial\":\"08362812110\""))
    _ = try house.one(client, event(number, "callerTold"))
    let record = try house.one(client, Ask.get(number))
    #expect(record.has("\"callerTold\":\"12345已于2026-11-23 18:31:00告知诉求人自行拨打110\""))
  }

  private static let agreed = (event: "agreed", more: ",\"owner\":\"12345\"")
  private static let cleared = (event: "dangerCleared", more: ",\"reason\":\"误报\"")

  /// Facts, what happens once the caller was told, and the number that they were told.
  private static let toldNumbers: [([String], then: [(event: String, more: String)], String)] = [
    (["medicalOnly", "dangerToLife"], [], "120"),
    (["medicalOnly", "dangerToLife"], [cleared], "120"),
    (["responsibilityUnclear", "dangerToPublic"], [agreed], "110"),
    (["responsibilityUnclear", "dangerToPublic"], [agreed, cleared], "110"),
    (["military", "dangerToPublic"], [cleared], "110"),
  ]

  @Test("五(二): the number that a caller was told stays on the record, whoever takes the matter")
  func toldNumber() throws {
    for (facts, then, told) in Self.toldNumbers {
      let house = try house()
      let client = try house.connect()
      let answer = try house.one(client, Ask.intake("a", facts))
      let number = try #require(answer.string("handover"))
      #expect(try house.one(client, event(number, "callerTold")).isDurable)
      for step in then {
        let line = event(number, step.event, step.more).replacing("A07", with: "S01")
        let done = try house.one(client, line)
        #expect(done.isDurable, "\(done)")
      }
      let record = try house.one(client, Ask.get(number))
      #expect(record.has("告知诉求人自行拨打\(told)\""), "\(facts) \(record)")
    }
  }

  private static let told =
    ",\"text\":\"起初\",\"caller\":{\"name\":\"甲\",\"phone\":\"13800000000\"},"
    + "\"place\":{\"county\":\"513301\"}"

  private func showsIntake(_ record: Line) -> Bool {
    record.has("\"text\":\"起初") && record.has("\"phone\":\"13800000000\"")
      && record.has("\"place\":{\"county\":\"513301\"")
  }

  /// `rests`: the matter ends again after each update.
  @Test(
    "a matter takes 32 updates, over its ends and starts, and its intake stays on the record",
    arguments: [true, false], [true, false])
  func updates(rests: Bool, snapshot: Bool) throws {
    let house = try House(.init(snapshotRecords: snapshot ? 1 : 0))
    try #require(house.open() == .ok)
    var client = try house.connect()
    let answer = try house.one(client, Ask.intake("a", ["nonUrgentRequest"], more: Self.told))
    let number = try #require(answer.string("handover"))
    for index in 0..<5 {
      #expect(try house.one(client, Ask.update("u\(index)", number, text: "补\(index)")).isDurable)
    }
    if !rests { #expect(try house.one(client, event(number, "dangerRaised")).isDurable) }
    let long = ",\"text\":\"" + String(repeating: "字", count: 1900) + "\""
    for index in 0..<60 where snapshot {
      _ = try house.one(client, Ask.intake("f\(index)", ["nonUrgentRequest"], more: long))
    }
    house.pump()
    house.crash()
    try #require(house.open() == .ok)
    let logged = String(decoding: house.logged, as: UTF8.self)
    #expect(logged.contains("labels.snapshot") == snapshot)
    client = try house.connect()
    for index in 5..<32 {
      #expect(try house.one(client, Ask.update("u\(index)", number, text: "补\(index)")).isDurable)
    }
    #expect(try house.one(client, Ask.update("v", number, text: "多")).code == "tooMany")
    let record = try house.one(client, Ask.get(number))
    #expect(showsIntake(record) && record.has("补31\"") && record.number("textsLeftOut") == nil)
  }

  @Test("of more texts than a record holds the first and the newest are shown, and counted")
  func longChain() throws {
    let house = try house()
    var client = try house.connect()
    let answer = try house.one(client, Ask.intake("a", ["nonUrgentRequest"], more: Self.told))
    let number = try #require(answer.string("handover"))
    for index in 0..<36 {
      let update = Ask.update("u\(index)", number, text: "补\(index)")
      var isTaken = index < 32 ? try house.one(client, update).isDurable : false
      // Those that stand there cannot be counted just now, and nothing is refused for that.
      for good in 0..<8 as Range<UInt64> where !isTaken {
        house.crash()
        try #require(house.open() == .ok)
        client = try house.connect()
        weir_faulty_os_fail(house.faulty, WEIR_FAULTY_READ_AT, good, 1, .ioFailed)
        isTaken = try house.one(client, update).isDurable
        weir_faulty_os_heal(house.faulty)
      }
      #expect(isTaken, "\(index)")
    }
    let record = try house.one(client, Ask.get(number))
    #expect(showsIntake(record) && record.has("补35\"") && !record.has("补3\\n"), "\(record)")
    #expect(record.number("textsLeftOut") == 4)
  }

  @Test("五: what is guided says by which text and which version of the policy")
  func guidance() throws {
    let house = try house()
    let client = try house.connect()
    let answer = try house.one(client, Ask.intake("a", ["military"]))
    let record = try house.one(client, Ask.get(try #require(answer.string("handover"))))
    #expect(record.has("\"guidance\":{\"text\":") && record.has("\"policy\":\"garze-2022-38/1\""))
    let asked = try house.one(client, Ask.intake("b", ["scopeUnclear"]))
    let number = try #require(asked.string("handover"))
    let answered = ",\"department\":\"住建局\",\"answer\":\"属本局\""
    _ = try house.one(client, event(number, "verified", answered))
    let guided = try house.one(client, event(number, "guided", ",\"reached\":true"))
    #expect(guided.string("phase") == "guided")
    let story = try house.one(client, Ask.get(number))
    #expect(story.has("\"department\":\"住建局\",\"answer\":\"属本局\""))
    #expect(story.has("\"reached\":true") && story.has("\"guidance\":{\"text\":"))
    let patient = try house.one(client, Ask.intake("c", ["medicalOnly", "dangerToLife"]))
    #expect(patient.has("一分钟内接通"))
    let name = try #require(patient.string("handover"))
    let helped = try house.one(client, event(name, "guided", ",\"reached\":true"))
    #expect(helped.has("已有人接听") && !helped.has("分钟内"), "\(helped)")
  }

  @Test("a caller sent away twice within a day is not sent away again, over a restart too")
  func guardsTheThird() throws {
    for redialled in [false, true] {
      let house = try house()
      var client = try house.connect()
      let phones = ["13800000000", "+86-138-0000-0000", "0086 13800000000"]
      func intake(_ ref: String, _ phone: String, _ facts: [String], _ more: String = "") throws
        -> Line
      {
        let plain = phone.filter { $0 != " " }
        return try house.one(
          client, Ask.intake(ref, facts, more: ",\"caller\":{\"phone\":\"\(plain)\"}" + more))
      }
      #expect(try intake("a", phones[0], ["military"]).string("phase") == "guided")
      if !redialled {
        #expect(try intake("b", phones[1], ["illegalDemand"]).string("phase") == "guided")
      }
      house.crash()
      try #require(house.open() == .ok)
      client = try house.connect()
      let third = try intake(
        "c", phones[2], ["military"], redialled ? ",\"redialledFrom110\":true" : "")
      #expect(third.string("phase") == "talking" && third.has("24小时内已两次"), "\(third)")
      let number = try #require(third.string("handover"))
      let refused = try house.one(client, event(number, "guided", ",\"reached\":true"))
      #expect(refused.code == "supervisorNeeded")
      // Neither what is 110's nor an emergency is touched, and another caller is not either.
      #expect(try intake("d", phones[0], ["crime"]).string("phase") == "transferring")
      let patient = ["medicalOnly", "dangerToLife"]
      #expect(try intake("e", phones[0], patient).string("phase") == "transferring")
      #expect(try intake("f", "13900000000", ["military"]).string("phase") == "guided")
      house.advance(25 * 3_600_000)
      house.pump()
      client = try house.connect()
      #expect(try intake("g", phones[0], ["military"]).string("phase") == "guided")
    }
  }

  @Test("五(一): at the 110 desk the caller is told to redial 12345, or a department takes it")
  func inner() throws {
    let house = try house(.inner)
    let client = try house.connect()
    let answer = try house.one(client, Ask.intake("a", ["nonUrgentRequest"], by: "110"))
    let number = try #require(answer.string("handover"))
    #expect(answer.string("phase") == "redialAdvised" && answer.has("请您重新拨打12345"))
    let referred = try house.one(
      client, event(number, "referred", ",\"department\":\"城管局\""))
    #expect(referred.string("phase") == "referred")
    let record = try house.one(client, Ask.get(number))
    #expect(record.has("\"department\":\"城管局\""))
  }

  @Test("what people type is forgiven its full-width digits, and read out as a radio says it")
  func typed() throws {
    let house = try house()
    let client = try house.connect()
    let answer = try house.one(client, Ask.intake("a", ["crime"]))
    let spoken = try #require(answer.string("spoken"))
    #expect(spoken == "1-8")
    let record = try house.one(client, Ask.get("1-8"))
    #expect(record.code == nil && record.string("spokenReading") == "幺 八")
    #expect(try house.one(client, Ask.get("1-9")).code == "unknownHandover")
  }

  @Test("a complaint about police goes to supervision, without the name where that was asked for")
  func supervision() throws {
    let pair = try Pair(seed: 31)
    try pair.open()
    let client = try pair.outer.connect()
    let answer = try pair.outer.one(
      client,
      Ask.intake(
        "a", ["policeMisconduct"],
        more: ",\"confidential\":true,\"caller\":{\"name\":\"甲\",\"phone\":\"13800000000\"}"))
    pair.pass(3000)
    let number = try #require(answer.string("handover"))
    let item = pair.inner.content("/out/\(number)-r1.json")
    #expect(item.has("\"supervision\":true") && item.has("\"routeTo\":\"警务督察\""))
    #expect(!item.has("13800000000") && !item.has("甲") && item.has("\"confidential\":true"))
  }
}
