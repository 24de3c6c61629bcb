import CWeirBase
import CWeirWorks
import Testing
import WeirChance

/// How lines of many connections share batches, and what a unit keeps in memory of them.
@Suite struct BatchTests {
  private func house(refs: UInt32 = 4096) throws -> House {
    let house = try House(.init(link: false, openMax: 8192, refsMax: refs))
    try #require(house.open() == .ok)
    return house
  }

  @Test("every ref is found while the table of refs grows, and after each growth")
  func refsAreFoundWhileTheirTableGrows() throws {
    let house = try house()
    let client = try house.connect()
    var answers: [Line] = []
    while answers.count < 3000 {
      for i in 0..<60 { house.send(client, Ask.intake("r\(answers.count + i)", [])) }
      house.pump()
      answers += house.receive(client)
      // Old and new ones, at every count: tables are emptied into larger ones meanwhile.
      for index in [0, answers.count / 3, answers.count - 1] {
        #expect(try house.one(client, Ask.intake("r\(index)", [])) == answers[index])
      }
    }
    #expect(Set(answers.compactMap { $0.string("handover") }).count == 3000)
    for index in stride(from: 0, to: 3000, by: 211) {
      let number = try #require(answers[index].string("handover"))
      #expect(try house.one(client, Ask.get(number)).string("handover") == number)
      #expect(try house.one(client, Ask.intake("r\(index)", [])) == answers[index])
    }
  }

  @Test("of more refs than are kept, the newest are known and the oldest are new matters")
  func oldRefsAreForgotten() throws {
    let house = try house(refs: 100)
    let client = try house.connect()
    let first = try house.one(client, Ask.intake("r0", []))
    for i in 1..<300 { _ = try house.one(client, Ask.intake("r\(i)", [])) }
    let last = try house.one(client, Ask.intake("r300", []))
    #expect(try house.one(client, Ask.intake("r300", [])) == last)
    let again = try house.one(client, Ask.intake("r0", []))
    #expect(again.isDurable && again.string("handover") != first.string("handover"))
  }

  @Test("events of different handovers share a batch, those of one handover take turns")
  func eventsShareBatches() throws {
    let house = try house()
    let client = try house.connect()
    var numbers: [String] = []
    for i in 0..<40 {
      numbers.append(
        try #require(try house.one(client, Ask.intake("a\(i)")).string("handover")))
    }
    house.desk.batches = []
    for number in numbers { house.send(client, Ask.event(number, "transferStarted")) }
    house.pump()
    #expect(house.receive(client).filter(\.isDurable).count == 40)
    #expect(house.desk.batches == [40])
    house.desk.batches = []
    let one = numbers[0]
    house.send(
      client, Ask.event(one, "transferFailed", more: ",\"cause\":\"busy\""),
      Ask.event(one, "transferStarted"), Ask.event(numbers[1], "transferAnswered"))
    house.pump()
    let revisions = house.receive(client).map { $0.number("revision") }
    #expect(revisions == [3, 4, 3])
    #expect(house.desk.batches == [1, 2])
  }

  @Test("an event for the number that an intake before it is about to get sees that intake")
  func eventBehindItsIntake() throws {
    let house = try house()
    let client = try house.connect()
    let first = try #require(try house.one(client, Ask.intake("a")).string("handover"))
    let next = String(first.dropLast()) + "2"
    house.send(
      client, Ask.intake("b"), Ask.event(next, "transferStarted"),
      Ask.event(first, "transferStarted"))
    house.pump()
    let answers = house.receive(client)
    #expect(answers.map { $0.string("handover") } == [next, next, first])
    #expect(answers.filter(\.isDurable).count == 3)
  }

  @Test("many connections are served in turn: none gets twice what another gets")
  func connectionsAreServedInTurn() throws {
    let house = try house()
    let clients = try (0..<150).map { _ in try house.connect() }
    for (index, client) in clients.enumerated() {
      for i in 0..<8 { house.send(client, Ask.intake("c\(index)-\(i)", [])) }
    }
    var served = clients.map { _ in 0 }
    for _ in 0..<16 {
      _ = house.turn()
      while house.work() {}
      for (index, client) in clients.enumerated() { served[index] += house.receive(client).count }
      let least = try #require(served.min()), most = try #require(served.max())
      #expect(most - least <= 1)
    }
    #expect(served.reduce(0, +) == 16 * 64)
  }

  @Test("danger overtakes what other connections sent before it, not what its own did")
  func dangerOvertakes() throws {
    let house = try house()
    let clients = try (0..<100).map { _ in try house.connect() }
    for (index, client) in clients.enumerated() {
      for i in 0..<4 { house.send(client, Ask.intake("c\(index)-\(i)", [])) }
    }
    let pressing = try house.connect()
    house.send(pressing, Ask.intake("d"))
    house.send(clients[99], Ask.intake("own"))
    _ = house.turn()
    while house.work() {}
    #expect(house.receive(pressing).map(\.ref) == ["d"])
    house.pump()
    let own = (0..<4).map { "c99-\($0)" } + ["own"]
    #expect(house.receive(clients[99]).map(\.ref) == own)
  }

  @Test("a client that reads slowly is read slowly, and gets every byte in order")
  func slowReader() throws {
    let house = try house()
    let client = try house.connect()
    let other = try house.connect()
    let number = try #require(try house.one(other, Ask.intake("a")).string("handover"))
    let text = String(repeating: "汉", count: 2000)
    for i in 0..<8 { _ = try house.one(other, Ask.update("u\(i)", number, text: text)) }
    let expected = try house.one(other, Ask.get(number))
    let request = Array((Ask.get(number) + "\n").utf8)
    var asked = 0
    var taken: [UInt8] = []
    var chance = Chance(seed: 7)
    // It asks for more than its output holds, and takes a few bytes now and then.
    for _ in 0..<4000 where asked < 200 {
      if house.give(client, request) == request.count { asked += 1 } else { house.pump() }
      let output = weir_unit_output(house.unit, client)
      let count = min(output.count, chance.below(70_000))
      taken.append(contentsOf: UnsafeBufferPointer(start: output.at, count: count))
      weir_unit_written(house.unit, client, count)
    }
    #expect(asked == 200)
    house.pump()
    while true {
      let output = weir_unit_output(house.unit, client)
      if output.count == 0 { break }
      taken.append(contentsOf: UnsafeBufferPointer(start: output.at, count: output.count))
      weir_unit_written(house.unit, client, output.count)
      house.pump()
    }
    let lines = taken.split(separator: 10)
    #expect(lines.count == 200)
    let wrong = lines.filter { !$0.elementsEqual(expected.bytes) }
    #expect(wrong.isEmpty)
  }
}
