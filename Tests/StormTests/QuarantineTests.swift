import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Foundation
import Testing
import WeirModel

/// What lies in quarantine is shown and let go as far as there is room, and as the disk lets it.
@Suite("Quarantine") struct QuarantineTests {
  private static let list = #"{"op":"quarantine"}"#
  private static let refused = #"{"op":"intake","facts":["fire"]}"#
  private static let broken = #"{"handover":"kd1-20261123-000077","facts":[]}"#

  private func show(_ id: String) -> String { "{\"op\":\"quarantine\",\"id\":\"\(id)\"}" }

  private func release(_ id: String) -> String {
    "{\"op\":\"release\",\"id\":\"\(id)\",\"by\":\"S01\",\"reason\":\"已电话转接\"}"
  }

  private func ids(_ list: Line) -> [String] {
    list.description.components(separatedBy: "\"id\":\"").dropFirst().map {
      String($0.prefix { $0 != "\"" })
    }
  }

  /// An outer unit and a client of its control socket.
  private func outer() throws -> (house: House, control: UInt32) {
    let house = try House()
    try #require(house.open() == .ok)
    return (house, try house.connect(control: true))
  }

  private func refuse(_ house: House, _ count: Int) throws {
    let client = try house.connect()
    for _ in 0..<count { #expect(try house.one(client, Self.refused).code != nil) }
    house.disconnect(client)
  }

  @Test("of more than it holds the oldest leave the list; what is not shown is counted")
  func tooMany() throws {
    let (house, control) = try outer()
    try refuse(house, 10)
    let first = ids(try house.one(control, Self.list))
    #expect(first.count == 10)
    try refuse(house, 4096)
    let all = try house.one(control, Self.list)
    #expect(ids(all).count == 200 && all.number("leftOut") == 4096 - 200)
    #expect(try house.one(control, Ask.status).number("quarantine") == 4096)
    for id in first { #expect(try house.one(control, show(id)).code == "notInQuarantine") }
    // What a person let go leaves a place, wherever it stood.
    let gone = ids(all)[150]
    #expect(try house.one(control, release(gone)).isDurable)
    try refuse(house, 1)
    #expect(try house.one(control, Ask.status).number("quarantine") == 4096)
    #expect(try house.one(control, show(ids(all)[0])).code == nil, "the oldest stays")
    #expect(try house.one(control, show(gone)).code == "notInQuarantine")
    let left = ids(all).filter { $0 != gone }
    #expect(ids(try house.one(control, Self.list)).prefix(199) == left[...], "in their order")
  }

  @Test("what is no number of one is not in quarantine", arguments: ["0", "1", "x", "99999999999"])
  func unknown(id: String) throws {
    let (house, control) = try outer()
    try refuse(house, 1)
    #expect(try house.one(control, show(id)).code == "notInQuarantine")
    #expect(try house.one(control, release(id)).code == "notInQuarantine")
  }

  @Test("what cannot be read just now is counted as left out, and shown when it can")
  func unreadable() throws {
    var (house, control) = try outer()
    try refuse(house, 2)
    house.crash()
    try #require(house.open() == .ok)
    control = try house.connect(control: true)
    weir_faulty_os_fail(house.faulty, WEIR_FAULTY_READ_AT, 0, UInt64.max, .ioFailed)
    let nothing = try house.one(control, Self.list)
    #expect(ids(nothing).isEmpty && nothing.number("leftOut") == 2, "\(nothing)")
    weir_faulty_os_heal(house.faulty)
    let two = ids(try house.one(control, Self.list))
    #expect(two.count == 2)
    house.crash()
    try #require(house.open() == .ok)
    control = try house.connect(control: true)
    weir_faulty_os_fail(house.faulty, WEIR_FAULTY_READ_AT, 0, UInt64.max, .ioFailed)
    #expect(try house.one(control, show(two[0])).code == "outcomeUnknown")
    weir_faulty_os_heal(house.faulty)
    let shown = try house.one(control, show(two[0]))
    #expect(shown.code == nil && shown.number("bytes") == Self.refused.utf8.count)
  }

  @Test("of what would grow beyond an answer as much is shown as fits, and how long the whole is")
  func grows() throws {
    let (house, control) = try outer()
    let client = try house.connect()
    let line = "\"dangerToLife\"" + String(repeating: "\u{1}", count: 60_000)
    #expect(try house.one(client, line).code == "badJson")
    let id = try #require(ids(try house.one(control, Self.list)).first)
    let shown = try house.one(control, show(id))
    #expect(shown.number("bytes") == line.utf8.count)
    #expect(shown.has("\"contentText\":\"\\\"dangerToLife\\\"\\u0001"))
    let marks = shown.description.components(separatedBy: "\\u0001").count - 1
    #expect(marks > 7000 && marks < 60_000)
    #expect(shown.bytes.suffix(3) == Array("\"}}".utf8))
  }

  /// An inner unit where a record was let go, and nothing has been done about it yet.
  private func released(_ pair: Pair) throws -> String {
    try pair.open()
    let forger = try Forger(bootEpoch: UInt64(pair.inner.wall) + 1000, wall: pair.inner.wall)
    for var bytes in forger.datagrams(1, 1, Self.broken) {
      weir_unit_received(pair.inner.unit, &bytes, bytes.count)
    }
    pair.inner.pump()
    let control = try pair.inner.connect(control: true)
    let id = try #require(ids(try pair.inner.one(control, Self.list)).first)
    pair.inner.send(control, release(id))
    _ = pair.inner.turn()
    return id
  }

  private func delivered(_ pair: Pair) -> [String] {
    pair.inner.names(in: "/out").filter { $0.contains("released") }
  }

  @Test("what was let go is before the desk when a unit that was told to stop has stopped")
  func stops() throws {
    let pair = try Pair(seed: 27)
    _ = try released(pair)
    #expect(delivered(pair).isEmpty)
    #expect(pair.inner.stop())
    #expect(delivered(pair).count == 1)
  }

  @Test("what was let go and cannot be read just now comes to the desk when it can")
  func staged() throws {
    for reads in 0..<8 {
      let pair = try Pair(seed: 28)
      let id = try released(pair)
      #expect(pair.inner.work())
      pair.inner.crash()
      try #require(pair.inner.open() == .ok)
      weir_faulty_os_fail(
        pair.inner.faulty, WEIR_FAULTY_READ_AT, UInt64(reads), UInt64.max, .ioFailed)
      for _ in 0..<20 {
        _ = pair.inner.turn()
        _ = pair.inner.work()
      }
      let failed = weir_faulty_os_failures(pair.inner.faulty) > 0
      let control = try pair.inner.connect(control: true)
      #expect(try pair.inner.one(control, show(id)).code == "notInQuarantine")
      weir_faulty_os_heal(pair.inner.faulty)
      pair.inner.pass(500)
      #expect(delivered(pair).count == 1, "\(reads) reads")
      if !failed {
        #expect(reads > 1)
        return
      }
    }
    Issue.record("reading never came to an end")
  }
}
