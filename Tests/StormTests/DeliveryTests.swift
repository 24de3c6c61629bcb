import CWeirBase
import CWeirFaultyOs
import CWeirWorks
import Testing

@Suite struct DeliveryTests {
  private static let take = #"{"op":"take"}"#

  private func taker(_ house: House) throws -> UInt32 {
    let client = try house.connect()
    weir_unit_take_items(house.unit, client)
    return client
  }

  /// Cursor → item, of the lines that a reader got.
  private func items(_ lines: [Line]) -> [(cursor: Int, item: Line)] {
    lines.filter { $0.has("\"item\":") }.map { ($0.number("cursor") ?? 0, $0) }
  }

  /// A pair that has delivered so many items, and a reader that got them.
  private func reading(
    _ count: Int, seed: UInt64
  ) throws -> (pair: Pair, reader: UInt32, cursors: [Int]) {
    let pair = try Pair(seed: seed, inner: .init(directory: false, stream: true))
    try pair.open()
    try work(pair, count)
    let reader = try taker(pair.inner)
    return (pair, reader, items(pair.inner.ask(reader, Self.take)).map { $0.cursor })
  }

  private func taken(_ cursor: Int, _ more: String = "") -> String {
    "{\"op\":\"taken\",\(more)\"after\":\(cursor)}"
  }

  private func work(_ pair: Pair, _ count: Int, _ prefix: String = "m") throws {
    let client = try pair.outer.connect()
    for i in 0..<count {
      #expect(try pair.outer.one(client, Ask.intake("\(prefix)\(i)")).isDurable)
    }
    pair.outer.disconnect(client)
    pair.pass(1500)
  }

  @Test("a reader takes items as lines; what it did not acknowledge comes again, the rest does not")
  func stream() throws {
    let pair = try Pair(seed: 21, inner: .init(directory: false, stream: true))
    try pair.open()
    try work(pair, 4)
    var reader = try taker(pair.inner)
    let first = items(pair.inner.ask(reader, Self.take))
    #expect(first.map { $0.item.string("handover") }.count == 4)
    #expect(first.allSatisfy { $0.item.has("\"kind\":\"matter\"") && $0.item.has("\"record\":{") })
    let cursor = first[1].cursor
    #expect(pair.inner.ask(reader, taken(cursor, "\"ref\":\"t\",")).isEmpty)
    pair.pass(5, step: 5)
    let done = try #require(pair.inner.receive(reader).first)
    #expect(done.isDurable && done.number("taken") == cursor && done.ref == "t")
    pair.inner.crash()
    try #require(pair.inner.open() == .ok)
    pair.inner.pump()
    reader = try taker(pair.inner)
    let again = items(pair.inner.ask(reader, Self.take))
    let old = first.dropFirst(2)
    #expect(again.prefix(2).map { $0.cursor } == old.map { $0.cursor })
    #expect(again.prefix(2).map { $0.item } == old.map { $0.item })
    // The stream goes on by itself, with the alarms too.
    try work(pair, 1, "n")
    let next = items(pair.inner.receive(reader))
    #expect(next.contains { $0.item.string("handover") == "kd1-20261123-000005" })
    let whole = try taker(pair.inner)
    let all = items(pair.inner.ask(whole, #"{"op":"take","after":0}"#))
    #expect(all.map { $0.cursor } == all.map { $0.cursor }.sorted())
    #expect(all.filter { $0.item.has("\"kind\":\"matter\"") }.count == 5)
  }

  @Test("the disk is not troubled for an acknowledgement alone, and items do not wait behind it")
  func patience() throws {
    let (pair, reader, cursors) = try reading(2, seed: 22)
    // Two in a row: neither is answered before its record is durable, and nothing else is due.
    #expect(pair.inner.ask(reader, taken(cursors[0]), taken(cursors[1])).isEmpty)
    pair.inner.advance(4)
    pair.inner.pump()
    #expect(pair.inner.receive(reader).isEmpty)
    // Another item's mark takes the first along; its line is there at once.
    #expect(try pair.outer.one(pair.outer.connect(), Ask.intake("soon")).isDurable)
    pair.settle()
    let soon = pair.inner.receive(reader)
    #expect(soon.contains { $0.has("\"cursor\":") } && soon.contains { $0.has("\"taken\":") })
    pair.pass(5, step: 5)
    let all = soon + pair.inner.receive(reader)
    #expect(all.compactMap { $0.number("taken") } == cursors)
    #expect(all.allSatisfy { $0.has("\"cursor\":") || $0.isDurable })
  }

  @Test("while the disk works, a reader that waits for it does not keep the loop awake")
  func sleeps() throws {
    let (pair, reader, cursors) = try reading(1, seed: 24)
    #expect(try pair.outer.one(pair.outer.connect(), Ask.intake("slow")).isDurable)
    pair.carry()
    _ = pair.inner.turn()
    #expect(pair.inner.beginJob())
    pair.inner.send(reader, taken(cursors[0]))
    _ = pair.inner.turn()
    pair.inner.advance(10)
    _ = pair.inner.turn()
    #expect(weir_unit_next_ms(pair.inner.unit) > pair.inner.boot)
    pair.inner.endJob()
    pair.inner.pump()
    #expect(pair.inner.receive(reader).contains { $0.number("taken") == cursors[0] })
  }

  @Test("an acknowledgement that a failing disk did not keep is answered so")
  func takenUnknown() throws {
    let (pair, reader, cursors) = try reading(1, seed: 23)
    pair.inner.send(reader, taken(cursors[0], "\"ref\":\"t\","))
    pair.inner.pump()
    weir_faulty_os_fail(pair.inner.faulty, WEIR_FAULTY_SYNC, 0, 1, .syncFailed)
    pair.pass(5, step: 5)
    let answers = pair.inner.receive(reader)
    #expect(answers.first?.code == "outcomeUnknown" && answers.first?.ref == "t", "\(answers)")
    #expect(!answers.contains { $0.has("\"taken\":") })
  }

  @Test("an acknowledgement of what never was is refused; only a reader of items takes them")
  func takers() throws {
    let pair = try Pair(seed: 22, inner: .init(stream: true))
    try pair.open()
    try work(pair, 1)
    let reader = try taker(pair.inner)
    #expect(
      try pair.inner.one(reader, #"{"op":"taken","after":99999}"#).code == "cursorGone")
    #expect(
      try pair.inner.one(reader, #"{"op":"take","after":99999}"#).code == "cursorGone")
    #expect(try pair.inner.one(reader, Ask.status).code == "notAllowed")
    let other = try pair.inner.connect(control: true)
    #expect(try pair.inner.one(other, Self.take).code == "notAllowed")
    #expect(pair.delivered.count == 1, "the directory is served beside the stream")
  }

  /// What a way of the test's own was told to do, in order.
  private final class Told {
    var staged: [String] = []
    var published: [String] = []
    var wrong = 0
  }

  @Test("a further way of delivering plugs in: staged, then published, each item once")
  func ownWay() throws {
    let told = Told()
    let way = UnsafeMutablePointer<weir_delivery>.allocate(capacity: 1)
    defer { way.deallocate() }
    way.initialize(
      to: weir_delivery(
        context: Unmanaged.passUnretained(told).toOpaque(),
        stage: { context, _, items, count in
          guard let context, let items else { return .invalid }
          let told = Unmanaged<Told>.fromOpaque(context).takeUnretainedValue()
          for i in 0..<count { told.staged.append(text(items[i].name)) }
          return .ok
        },
        publish: { context, _, items, count in
          guard let context, let items else { return .invalid }
          let told = Unmanaged<Told>.fromOpaque(context).takeUnretainedValue()
          for i in 0..<count {
            if !told.staged.contains(text(items[i].name)) { told.wrong += 1 }
            told.published.append(text(items[i].name))
          }
          return .ok
        },
        recover: { _, _, _, _ in .ok }))
    let pair = try Pair(seed: 23, inner: .init(directory: false, way: UnsafePointer(way)))
    try pair.open()
    try work(pair, 3)
    #expect(told.published == (1...3).map { "kd1-20261123-00000\($0)-r1.json" })
    #expect(told.staged == told.published && told.wrong == 0)
    pair.inner.close()
  }

  // MARK: A folder that fails

  @Test(
    "a folder that fails ends no inner unit: it is alarmed and tried again, and nothing is lost",
    arguments: [WEIR_FAULTY_RENAME, WEIR_FAULTY_OPEN].map { $0.rawValue })
  func survivesItsFolder(_ call: UInt32) throws {
    let pair = try Pair(seed: 30)
    try pair.open()
    let desk = try pair.inner.connect()
    let control = try pair.inner.connect(control: true)
    weir_faulty_os_fail(pair.inner.faulty, weir_faulty_call(rawValue: call), 0, 3, .ioFailed)
    try work(pair, 3)
    #expect(pair.delivered.isEmpty)
    #expect(try pair.inner.one(control, Ask.status).has("deliveryFailed"))
    #expect(try pair.inner.one(desk, Ask.intake("d", ["crime"], by: "110")).isDurable)
    pair.pass(4000)
    #expect(pair.inner.failed == .ok && pair.delivered.count == 3)
    #expect(pair.alarms("deliveryFailed", "begin").count == 1)
    #expect(pair.alarms("deliveryFailed", "end").count == 1)
    #expect(try !pair.inner.one(control, Ask.status).has("deliveryFailed"))
    #expect(pair.flawsOfDelivery().isEmpty)
  }

  @Test("a sync of its folder that fails ends an inner unit: a second one proves nothing")
  func endsAtSync() throws {
    let pair = try Pair(seed: 32)
    try pair.open()
    pair.inner.pump()
    weir_faulty_os_fail(pair.inner.faulty, WEIR_FAULTY_SYNC_DIRECTORY, 0, 1, .syncFailed)
    try work(pair, 3)
    #expect(pair.inner.failed == .syncFailed)
  }

  @Test("an inner unit stops though its folder fails; the next start brings what is owed")
  func stopsWithoutItsFolder() throws {
    let pair = try Pair(seed: 31)
    try pair.open()
    weir_faulty_os_fail(pair.inner.faulty, WEIR_FAULTY_RENAME, 0, .max, .noSpace)
    try work(pair, 3)
    #expect(pair.inner.stop())
    weir_faulty_os_heal(pair.inner.faulty)
    try #require(pair.inner.open() == .ok)
    pair.pass(3000)
    #expect(pair.delivered.count == 3 && pair.flawsOfDelivery().isEmpty)
  }

  @Test("a start names the folder that could not be used")
  func namesItsFolder() throws {
    var problems: Set<String> = []
    for n in 0..<20 as Range<UInt64> {
      let house = try House(.init(role: .inner, name: "gz1"))
      weir_faulty_os_fail(house.faulty, WEIR_FAULTY_SYNC_DIRECTORY, n, 1, .ioFailed)
      if house.open() == .ok { break }
      problems.insert(house.problem)
    }
    #expect(problems.count == 2, "\(problems)")
    let last = try House(.init(role: .inner, name: "gz1"))
    try #require(last.open() == .ok)
    last.crash()
    var named: [String] = []
    for n in 0..<20 as Range<UInt64> {
      weir_faulty_os_fail(last.faulty, WEIR_FAULTY_LIST, n, 1, .ioFailed)
      if last.open() == .ok { break }
      named.append(last.problem)
      weir_faulty_os_heal(last.faulty)
    }
    #expect(named.first?.hasPrefix("the folder /data ") == true, "\(named)")
    #expect(named.last?.hasPrefix("the folder /out ") == true, "\(named)")
  }

  // MARK: Quarantine

  private func arrive(_ pair: Pair, _ datagrams: [[UInt8]]) {
    for var bytes in datagrams { weir_unit_received(pair.inner.unit, &bytes, bytes.count) }
    pair.inner.pump()
  }

  private func forger(_ pair: Pair) throws -> Forger {
    try Forger(bootEpoch: UInt64(pair.inner.wall) + 1000, wall: pair.inner.wall)
  }

  private static let broken = #"{"handover":"kd1-20261123-000077","facts":[]}"#

  @Test(
    "a record that fails a rule lies in quarantine; what is behind it goes on; a person lets go")
  func quarantine() throws {
    let pair = try Pair(seed: 24, inner: .init(stream: true))
    try pair.open()
    let forger = try forger(pair)
    arrive(pair, forger.datagrams(1, 1, Self.broken))
    arrive(pair, forger.datagrams(2, 1, "no JSON \u{1} at all", danger: true))
    try work(pair, 3)
    #expect(pair.inner.names(in: "/out/.quarantine").count == 2)
    #expect(pair.alarms("quarantined", "once").count == 1)
    #expect(pair.alarms("phoneItIn", "once").count == 1)
    var control = try pair.inner.connect(control: true)
    let list = try pair.inner.one(control, #"{"op":"quarantine"}"#)
    #expect(list.has("\"reason\":\"spoken\"") && list.has("\"reason\":\"not JSON\""), "\(list)")
    let id = try #require(list.string("id"))
    let shown = try pair.inner.one(control, "{\"op\":\"quarantine\",\"id\":\"\(id)\"}")
    #expect(shown.has("\"content\":\(Self.broken)"), "\(shown)")
    let release = "{\"op\":\"release\",\"id\":\"\(id)\",\"by\":\"王队\",\"reason\":\"电话核实\"}"
    #expect(try pair.inner.one(control, release).isDurable)
    #expect(try pair.inner.one(control, release).code == "notInQuarantine")
    let released = pair.inner.content("/out/kd1-crossing1-r1-released-\(id).json")
    #expect(released.has("\"record\":\(Self.broken)") && released.has("\"by\":\"王队\""))
    let reader = try taker(pair.inner)
    let taken = items(pair.inner.ask(reader, Self.take)).map { $0.item }
    #expect(taken.filter { $0.has("\"released\":") }.count == 1)
    #expect(!taken.contains { $0.has("no JSON") })
    pair.inner.crash()
    try #require(pair.inner.open() == .ok)
    control = try pair.inner.connect(control: true)
    let after = try pair.inner.one(control, #"{"op":"quarantine"}"#)
    #expect(!after.has("\"id\":\"\(id)\"") && after.has("not JSON"), "\(after)")
    let other = try #require(after.string("id"))
    let text = try pair.inner.one(control, "{\"op\":\"quarantine\",\"id\":\"\(other)\"}")
    #expect(text.has("\"contentText\":\"no JSON \\u0001 at all\""), "\(text)")
  }

  @Test(
    "two that lie in quarantine under one number and revision are two items when they are let go")
  func releasedApart() throws {
    let pair = try Pair(seed: 29)
    try pair.open()
    let contents = ["{\"first\":1}", "{\"second\":2}"]
    for (index, content) in contents.enumerated() {
      let epoch = UInt64(pair.inner.wall) + 1000 + UInt64(index)
      arrive(pair, try Forger(bootEpoch: epoch, wall: pair.inner.wall).datagrams(1, 1, content))
    }
    let control = try pair.inner.connect(control: true)
    for _ in contents {
      let list = try pair.inner.one(control, #"{"op":"quarantine"}"#)
      let id = try #require(list.string("id"))
      let release = "{\"op\":\"release\",\"id\":\"\(id)\",\"by\":\"a\",\"reason\":\"b\"}"
      #expect(try pair.inner.one(control, release).isDurable)
    }
    let released = pair.inner.names(in: "/out").filter { $0.contains("released") }
    #expect(released.count == 2, "\(released)")
    for content in contents {
      let its = released.filter { pair.inner.content("/out/" + $0).has("\"record\":" + content) }
      #expect(its.count == 1, "\(content)")
    }
  }

  @Test("what was released comes to the desk whatever crashes, once", arguments: 0..<14)
  func releaseSurvives(calls: Int) throws {
    let pair = try Pair(seed: 25)
    try pair.open()
    arrive(pair, try forger(pair).datagrams(1, 1, Self.broken))
    let control = try pair.inner.connect(control: true)
    let id = try #require(try pair.inner.one(control, #"{"op":"quarantine"}"#).string("id"))
    pair.inner.send(
      control, "{\"op\":\"release\",\"id\":\"\(id)\",\"by\":\"a\",\"reason\":\"b\"}")
    for _ in 0..<calls {
      _ = calls % 2 == 0 ? pair.inner.turn() : pair.inner.work()
      _ = calls % 2 == 0 ? pair.inner.work() : pair.inner.turn()
      if pair.inner.names(in: "/out").contains(where: { $0.contains("released") }) { break }
    }
    let answered = pair.inner.receive(control).contains { $0.isDurable }
    pair.inner.powerCut(UInt64(calls))
    try #require(pair.inner.open() == .ok)
    pair.inner.pump()
    let released = pair.inner.names(in: "/out").filter { $0.contains("released") }
    if answered { #expect(released.count == 1) }
    let again = try pair.inner.connect(control: true)
    let list = try pair.inner.one(again, #"{"op":"quarantine"}"#)
    #expect(list.has("\"id\":\"\(id)\"") == released.isEmpty)
    #expect(pair.flawsOfDelivery().isEmpty)
  }

  @Test("an alarm about an item is before the desk whenever the item is", arguments: 0..<10)
  func alarmWithItem(jobs: Int) throws {
    let pair = try Pair(seed: 26)
    try pair.open()
    let forger = try forger(pair)
    for var bytes in forger.datagrams(1, 1, Self.broken, danger: true) {
      weir_unit_received(pair.inner.unit, &bytes, bytes.count)
    }
    for _ in 0..<jobs {
      _ = pair.inner.turn()
      _ = pair.inner.work()
    }
    _ = pair.inner.turn()
    _ = pair.inner.beginJob()
    pair.inner.powerCut(UInt64(jobs) &* 77)
    try #require(pair.inner.open() == .ok)
    pair.inner.pump()
    let alarmed = !pair.alarms("phoneItIn", "once").isEmpty
    if !pair.inner.names(in: "/out/.quarantine").isEmpty { #expect(alarmed) }
    arrive(pair, forger.datagrams(1, 1, Self.broken, danger: true))
    pair.inner.pass(500)
    #expect(pair.flawsOfDelivery().isEmpty)
  }

  @Test("a dangerous line that was refused is listed on the outer unit, and struck off by a person")
  func refusedLines() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    #expect(try house.one(client, "nonsense \"dangerToLife\"").code == "badJson")
    #expect(try house.one(client, "{\"op\":\"intake\",\"facts\":[\"fire\"]}").code != nil)
    var control = try house.connect(control: true)
    let list = try house.one(control, #"{"op":"quarantine"}"#)
    let id = try #require(list.string("id"))
    #expect(try house.one(client, #"{"op":"quarantine"}"#).code == "notAllowed")
    #expect(
      try house.one(
        control, "{\"op\":\"release\",\"id\":\"\(id)\",\"by\":\"S01\",\"reason\":\"已电话转接\"}"
      ).isDurable)
    house.crash()
    try #require(house.open() == .ok)
    control = try house.connect(control: true)
    #expect(try !house.one(control, #"{"op":"quarantine"}"#).has("\"id\":\"\(id)\""))
    #expect(try house.one(control, Ask.status).number("quarantine") != nil)
  }
}

private func text(_ bytes: weir_bytes) -> String {
  String(decoding: UnsafeBufferPointer(start: bytes.at, count: bytes.count), as: UTF8.self)
}
