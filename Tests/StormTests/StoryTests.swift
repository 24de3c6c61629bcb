import Foundation
import Testing
import WeirModel

@testable import WeirCore

/// The story of one matter, as `weir trace` gets it.
@Suite struct StoryTests {
  private func trace(_ house: House, _ number: String) throws -> [String: Any] {
    let client = try house.connect()
    defer { house.disconnect(client) }
    let line = try house.one(client, "{\"op\":\"trace\",\"handover\":\"\(number)\"}")
    let object = try JSONSerialization.jsonObject(with: Data(line.bytes))
    return try #require(object as? [String: Any])
  }

  private func entries(_ story: [String: Any]) throws -> [[String: Any]] {
    try #require(story["story"] as? [[String: Any]])
  }

  @Test("every event stands there at both clocks, with its request, what was said and the legs")
  func tellsEverything() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let answer = try house.one(client, Ask.intake("a", more: ",\"seat\":\"A07\""))
    let number = try #require(answer.string("handover"))
    house.pass(5000)
    _ = try house.one(client, Ask.event(number, "transferStarted"))
    _ = try house.one(client, Ask.event(number, "transferFailed", more: ",\"cause\":\"busy\""))
    _ = try house.one(client, Ask.event(number, "transferAnswered"))
    let story = try entries(try trace(house, number))
    #expect(
      story.map { $0["event"] as? String } == [
        "intake", "transferStarted", "transferFailed", "transferAnswered",
      ])
    #expect(story.map { $0["revision"] as? Int } == [1, 2, 3, 4])
    #expect(story[0]["at"] as? String == Ask.time(House.startWall))
    #expect(story[0]["atBootMs"] as? Int == Int(House.startBoot))
    #expect(story[1]["atBootMs"] as? Int == Int(House.startBoot) + 5000)
    #expect((story[0]["decision"] as? [String: Any])?["clause"] as? String == "二(二)")
    #expect((story[0]["request"] as? [String: Any])?["seat"] as? String == "A07")
    #expect((story[2]["request"] as? [String: Any])?["by"] as? String == "A07")
    #expect(story[2]["voice"] as? String == "failed" && story[2]["cause"] as? String == "busy")
    #expect((story[2]["say"] as? [String])?.isEmpty == false && story[2]["dial"] != nil)
    #expect(story[2]["report"] as? String == "raised")
    #expect(story[3]["phase"] as? String == "transferred")
  }

  @Test("an ended matter is told too, the same after a restart and from the journal alone")
  func tellsEnded() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let answer = try house.one(client, Ask.intake("a", ["nonUrgentRequest"]))
    let number = try #require(answer.string("handover"))
    let before = try entries(try trace(house, number))
    #expect(before.count == 1 && before[0]["ended"] as? Bool == true)
    house.crash()
    try #require(house.open() == .ok)
    let after = try entries(try trace(house, number))
    #expect(NSArray(array: before).isEqual(to: after))
    final class Told { var lines: [String] = [] }
    let told = Told()
    try house.look {
      if $0.kind == .change && $0.handover == number { told.lines.append($0.story) }
    }
    let read = try told.lines.map { try JSONSerialization.jsonObject(with: Data($0.utf8)) }
    #expect(NSArray(array: before).isEqual(to: read))
  }

  @Test("a long story keeps its intake and the newest entries, and counts what it leaves out")
  func leavesOut() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let number = try #require(try house.one(client, Ask.intake("a")).string("handover"))
    let text = String(repeating: "汉", count: 1500)
    for index in 0..<20 {
      #expect(try house.one(client, Ask.update("u\(index)", number, text: text)).isDurable)
    }
    let story = try trace(house, number)
    let told = try entries(story)
    let left = try #require(story["leftOut"] as? Int)
    #expect(left > 0 && told.count + left == 21)
    #expect(told[0]["event"] as? String == "intake" && told.last?["revision"] as? Int == 21)
  }

  @Test("of more records than are walked the first and the newest are told, and all are counted")
  func tellsOfMany() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let number = try #require(try house.one(client, Ask.intake("a")).string("handover"))
    for _ in 0..<300 {
      let failed = Ask.event(number, "transferFailed", more: ",\"cause\":\"busy\"")
      let answers = house.ask(client, Ask.event(number, "transferStarted"), failed)
      #expect(answers.allSatisfy { $0.isDurable } && answers.count == 2)
    }
    let story = try trace(house, number)
    let told = try entries(story)
    let record = try house.one(client, Ask.get(number))
    let read = try JSONSerialization.jsonObject(with: Data(record.bytes)) as? [String: Any]
    let history = try #require(
      (read?["record"] as? [String: Any])?["history"] as? [[String: Any]])
    for (shown, left) in [
      (told, story["leftOut"] as? Int), (history, record.number("historyLeftOut")),
    ] {
      #expect(shown.count + (left ?? 0) == 601 && shown.count > 50)
      #expect(shown[0]["event"] as? String == "intake" && shown[0]["revision"] as? Int == 1)
      #expect(shown.last?["revision"] as? Int == 601)
    }
  }

  @Test(
    "copies of every crossing are summed up, at a stop or once a minute", arguments: [true, false])
  func sumsUpAll(stops: Bool) throws {
    let count = 4500
    let pair = try Pair(seed: 7, outer: .init(openMax: 8192, refsMax: 8192))
    try pair.open()
    pair.weather.isDark = true
    let client = try pair.outer.connect()
    for first in stride(from: 0, to: count, by: 50) {
      for index in first..<first + 50 {
        pair.outer.send(client, Ask.intake("m\(index)", ["crime"]))
      }
      pair.outer.pump()
      #expect(pair.outer.receive(client).filter { $0.isDurable }.count == 50)
    }
    pair.pass(stops ? 500 : 61_000, step: stops ? 100 : 10_000)
    let last = "kd1-20261123-00\(count)"
    let before = (try trace(pair.outer, last)["legs"] as? [String: Any])?["data"] as? [String: Any]
    if stops { #expect(pair.outer.stop()) } else { pair.outer.crash() }
    final class Seen { var crossings: [UInt64: UInt32] = [:] }
    let seen = Seen()
    try pair.outer.look { record in
      if record.kind == .tally { record.tally { n, copies, _ in seen.crossings[n] = copies } }
    }
    #expect(Set(seen.crossings.keys) == Set(1...UInt64(count)))
    let copies = before?["copies"] as? Int ?? 0
    #expect(copies > 0 && (!stops || Int(seen.crossings[UInt64(count)] ?? 0) == copies))
  }

  @Test("copies on the link are counted")
  func countsCopies() throws {
    let pair = try Pair(seed: 3)
    try pair.open()
    let client = try pair.outer.connect()
    let number = try #require(try pair.outer.one(client, Ask.intake("a")).string("handover"))
    pair.pass(3000)
    let legs = try trace(pair.outer, number)["legs"] as? [String: Any]
    let data = try #require(legs?["data"] as? [String: Any])
    #expect(data["copies"] as? Int ?? 0 >= 4 && data["last"] != nil)
    #expect(try trace(pair.outer, number)["crossing"] as? Int == 1)
  }

  @Test("copies of an ended matter are told too, after a restart as well")
  func countsCopiesOfEnded() throws {
    let pair = try Pair(seed: 4)
    try pair.open()
    let client = try pair.outer.connect()
    let number = try #require(try pair.outer.one(client, Ask.intake("a")).string("handover"))
    for event in ["transferAnswered", "closed"] {
      #expect(try pair.outer.one(client, Ask.event(number, event)).isDurable)
    }
    pair.pass(3000)
    let desk = try pair.inner.connect(control: true)
    let said = try pair.inner.one(desk, "{\"op\":\"digest\"}")
    let code = try #require(said.string("stateCode"))
    let control = try pair.outer.connect(control: true)
    let confirmed = try pair.outer.one(
      control, "{\"op\":\"digest\",\"range\":\"1-1\",\"code\":\"\(code)\",\"by\":\"王队\"}")
    #expect(confirmed.number("confirmed") == 1)
    pair.pass(1000)
    let before = try trace(pair.outer, number)
    #expect(try entries(before).last?["ended"] as? Bool == true)
    #expect(before["copies"] as? Int ?? 0 >= 4 && before["lastCopy"] != nil, "\(before)")
    pair.outer.crash()
    try #require(pair.outer.open() == .ok)
    let after = try trace(pair.outer, number)
    #expect(after["copies"] as? Int == before["copies"] as? Int)
    #expect(after["lastCopy"] as? String == before["lastCopy"] as? String)
  }

  @Test("an unknown number is refused")
  func refusesUnknown() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let refused = try house.one(client, "{\"op\":\"trace\",\"handover\":\"kd1-20261123-000009\"}")
    #expect(refused.code == "unknownHandover")
  }
}
