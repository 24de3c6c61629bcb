import CWeirBase
import CWeirFaultyOs
import CWeirJournal
import CWeirOs
import CWeirWorks
import Foundation
import Testing

@testable import WeirCore

/// Old segments of the journal go when all in them is over; what is open or unconfirmed never does.
@Suite("Retiring old segments")
struct RetireTests {
  private static let long = ",\"text\":\"" + String(repeating: "字", count: 1900) + "\""
  private static let dayMs: UInt64 = 86_400_000

  private func house(link: Bool = true, retains: Bool = true) throws -> House {
    var options = House.Options()
    options.link = link
    options.snapshotRecords = 1
    options.retainMs = retains ? 8 * 86_400_000 : 0
    let house = try House(options)
    try #require(house.open() == .ok)
    return house
  }

  private func segments(_ house: House) -> [String] {
    house.names(in: "/data/journal").filter { $0.hasSuffix(".wal") && $0.hasPrefix("0") }
  }

  /// Days with enough matters to close a segment each, all of which end by themselves.
  private func days(_ house: House, _ days: Range<Int>) throws -> [String] {
    var numbers: [String] = []
    for day in days {
      let client = try house.connect()
      for index in 0..<50 {
        let answer = try house.one(
          client, Ask.intake("d\(day)-\(index)", ["nonUrgentRequest"], more: Self.long))
        numbers.append(try #require(answer.string("handover")))
      }
      house.disconnect(client)
      house.pass(Self.dayMs, step: 14_400_000)
    }
    return numbers
  }

  @Test("the disk does not fill: what is over for longer than it is kept goes, the rest is there")
  func bounded() throws {
    let house = try house()
    let numbers = try days(house, 0..<30)
    #expect(segments(house).first != "0000000001.wal")
    #expect(segments(house).count < 20, "\(segments(house).count) segments of 30 days")
    for round in 0..<2 {
      let client = try house.connect()
      #expect(try house.one(client, Ask.get(numbers[0])).code == "unknownHandover")
      let known = try house.one(client, Ask.get(numbers[numbers.count - 300]))
      #expect(known.code == nil && known.has("字"), "of six days ago")
      let again = try house.one(
        client, Ask.intake("d27-3", ["nonUrgentRequest"], more: Self.long))
      #expect(again.string("handover") == numbers[27 * 50 + 3], "its ref is remembered")
      let status = try house.one(client, Ask.status)
      let covered = try #require(status.number("days"))
      #expect(8 <= covered && covered < 12, "refs that were retired are not counted: \(status)")
      if round == 1 { break }
      house.crash()
      try #require(house.open() == .ok, "\(house.problem)")
    }
    #expect(try days(house, 30..<31).count == 50)
  }

  @Test("a unit of the other role refuses the folder, also when no start record is held any more")
  func otherRole() throws {
    let house = try house()
    house.crash()
    for days in [0..<0, 0..<30] {
      try #require(house.open() == .ok, "\(house.problem)")
      _ = try self.days(house, days)
      house.crash()
      house.role = .inner
      #expect(house.open() == .refused)
      #expect(house.problem.contains("/data/journal was written by an outer unit"))
      house.role = .outer
    }
    #expect(segments(house).first != "0000000001.wal")
    #expect(house.open() == .ok)
    let inner = try House(.init(role: .inner))
    try #require(inner.open() == .ok)
    inner.crash()
    inner.role = .outer
    #expect(inner.open() == .refused)
    #expect(inner.problem.contains("/data/journal was written by an inner unit"))
  }

  @Test("one open matter keeps its segment and all behind it, until it is over")
  func open() throws {
    let house = try house()
    let client = try house.connect()
    let open = try house.one(client, Ask.intake("open", ["dangerToLife"], more: Self.long))
    let number = try #require(open.string("handover"))
    _ = try days(house, 0..<14)
    #expect(segments(house).first == "0000000001.wal")
    house.powerCut(3)
    try #require(house.open() == .ok)
    _ = try days(house, 14..<16)
    let later = try house.connect()
    let told = try house.one(later, Ask.get(number))
    #expect(told.code == nil && told.has("字"))
    #expect(segments(house).first == "0000000001.wal")
    let ended = try house.one(
      later, Ask.event(number, "closed", more: ",\"reason\":\"已办结\"").replacing("A07", with: "S01"))
    #expect(ended.isDurable, "\(ended)")
    _ = try days(house, 16..<18)
    #expect(segments(house).first == "0000000001.wal", "nobody has acknowledged its report")
    let asking = try house.connect()
    #expect(try house.one(asking, Ask.event(number, "reportAcknowledged")).isDurable)
    _ = try days(house, 18..<27)
    #expect(segments(house).first != "0000000001.wal")
  }

  @Test("what lies in quarantine keeps its segment until a person releases it")
  func quarantine() throws {
    let house = try house(link: false)
    let client = try house.connect()
    house.send(client, "{\"facts\":[\"fire\"]")
    house.pump()
    _ = house.receive(client)
    _ = try days(house, 0..<12)
    #expect(segments(house).first == "0000000001.wal")
    let control = try house.connect(control: true)
    let list = try house.one(control, "{\"op\":\"quarantine\"}")
    let id = try #require(list.string("id"))
    let released = try house.one(
      control,
      "{\"op\":\"release\",\"id\":\"\(id)\",\"by\":\"S01\",\"reason\":\"已电话转接\"}")
    #expect(released.isDurable, "\(released)")
    _ = try days(house, 12..<15)
    #expect(segments(house).first != "0000000001.wal")
  }

  @Test("without a snapshot that holds a unit whose first segments are gone does not start")
  func refused() throws {
    let house = try house(link: false)
    _ = try days(house, 0..<14)
    try #require(segments(house).first != "0000000001.wal")
    house.crash()
    let names = house.names(in: "/data/snapshots")
    #expect(names.count == 2)
    let newest = "/data/snapshots/" + names[1]
    let whole = house.content(newest).bytes
    house.put(Array(whole.dropLast()), at: newest)
    try #require(house.open() == .ok, "the older one holds, and what follows it is there")
    house.crash()
    house.put([], at: "/data/snapshots/" + names[0])
    #expect(house.open() == .corrupt)
    #expect(house.problem.contains(names[1]), "\(house.problem)")
    house.put(whole, at: newest)
    #expect(house.open() == .ok)
  }

  @Test("what is still held is shown with its words, though they stood in a segment that is gone")
  func words() throws {
    let house = try house(link: false)
    _ = try days(house, 0..<14)
    try #require(segments(house).first != "0000000001.wal")
    house.crash()
    let disk = try RetiringDisk(house, retires: [], at: 0)
    defer { disk.remove() }
    var intakes = 0
    let finding = try JournalReader.read(disk.folder, unit: "kd1") { line in
      if line?.contains("\"ref\":\"d13-7\"") == true {
        intakes += 1
        #expect(line?.contains("\"owner\":\"12345\"") == true, "\(line ?? "")")
      }
      return true
    }
    #expect(intakes == 1 && finding.records > 100)
    #expect(try JournalReader.verifyHashes(disk.folder, unit: "kd1").segments > 5)
  }

  @Test("segments that go while a journal is read are left out, or the reader must begin again")
  func goneMeanwhile() throws {
    let house = try house(link: false, retains: false)
    _ = try days(house, 0..<5)
    house.crash()
    let held = segments(house)
    // Each is opened to be verified, and then again to be told.
    for moment in 1...2 * held.count + 1 {
      let disk = try RetiringDisk(house, retires: Array(held.prefix(2)), at: moment)
      defer { disk.remove() }
      let (status, serials) = disk.read()
      switch moment {
      case 1...2: #expect(status == .ok && serials.first == disk.serial(ofSegment: 3), "\(moment)")
      case ...(held.count + 2): #expect(status == .again, "\(moment)")
      default: #expect(status == .ok && serials.first == 1, "\(moment)")
      }
    }
  }

  @Test("hashes of segments that go while they are verified are left out")
  func hashesGoneMeanwhile() throws {
    let house = try house(link: false, retains: false)
    _ = try days(house, 0..<5)
    house.crash()
    let held = segments(house)
    var fit: Set<UInt64> = []
    for moment in 1...2 * held.count {
      let disk = try RetiringDisk(house, retires: Array(held.prefix(2)), at: moment)
      defer { disk.remove() }
      let (status, finding) = disk.verifyHashes()
      #expect(status == .ok, "\(moment): segment \(finding.segment)")
      fit.insert(finding.fit)
    }
    let closed = UInt64(held.count - 1)
    #expect(fit == [closed - 2, closed])
  }

  @Test("a reading that must begin again says that segments were retired")
  func saysRetired() throws {
    let house = try house(link: false, retains: false)
    _ = try days(house, 0..<3)
    house.crash()
    let disk = try RetiringDisk(house, retires: segments(house).dropLast(), at: 0)
    defer { disk.remove() }
    let error = #expect(throws: CoreError.self) {
      try JournalReader.read(disk.folder, unit: "kd1") { _ in
        disk.retire()
        return true
      }
    }
    let message = try #require(error?.message)
    #expect(message.contains("the unit retired segments"), "\(message)")
  }

  @Test("at whatever call of using a segment again the power goes, a start is right")
  func countdown() throws {
    let long = try house(link: false, retains: false)
    let numbers = try days(long, 0..<11)
    long.crash()
    let files = long.files()
    var n = 0
    var survived = false
    while !survived && n < 200 {
      let house = try house(link: false)
      house.crash()
      house.makeFolders()
      house.replaceData(with: files)
      weir_faulty_os_set_wall_ms(house.faulty, long.wall)
      try #require(house.open() == .ok)
      let client = try house.connect()
      for index in 0..<50 {
        house.send(client, Ask.intake("x\(index)", ["nonUrgentRequest"], more: Self.long))
        house.workUntilRetiring()
      }
      Mishap.lossOfAll.arm(house, after: n)
      for _ in 0..<8 { _ = house.work() }
      survived = !Mishap.hasStruck(house)
      Mishap.lossOfAll.strike(house, seed: UInt64(n))
      try #require(house.open() == .ok, "n = \(n): \(house.problem)")
      let asking = try house.connect()
      let last = try house.one(asking, Ask.get(numbers[numbers.count - 1]))
      #expect(last.code == nil, "n = \(n): \(last)")
      n += 1
    }
    #expect(survived && n > 2, "\(n) calls")
  }
}

/// A unit's data folder on the real disk, where a unit that runs retires segments meanwhile.
private final class RetiringDisk {
  let folder = NSTemporaryDirectory() + "weir-retired-\(UUID().uuidString)"
  private let retires: [String]
  private let moment: Int
  private var openings = 0

  /// - Parameters:
  ///   - names: the segments that go,
  ///   - moment: before the file of a segment is opened for the n-th time; 0: never.
  init(_ house: House, retires names: [String], at moment: Int) throws {
    retires = names
    self.moment = moment
    for file in house.files() {
      let url = URL(fileURLWithPath: folder + file.path.dropFirst("/data".count))
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(file.bytes).write(to: url)
    }
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  func retire() {
    for name in retires { try? FileManager.default.removeItem(atPath: "\(folder)/journal/\(name)") }
  }

  /// The table; the real one has no context of its own.
  private var table: weir_os {
    var table = weir_os_linux().pointee
    table.context = Unmanaged.passUnretained(self).toOpaque()
    table.open = { context, path, mode, file in
      guard let context, let path else { return .invalid }
      let disk = Unmanaged<RetiringDisk>.fromOpaque(context).takeUnretainedValue()
      if String(cString: path).hasSuffix(".wal") {
        disk.openings += 1
        if disk.openings == disk.moment { disk.retire() }
      }
      let real = weir_os_linux().pointee
      return real.open(real.context, path, mode, file)
    }
    return table
  }

  /// Reads all of the journal; the serials that were told.
  func read() -> (status: weir_status, serials: [UInt64]) {
    var table = table
    var serials: [UInt64] = []
    let status = readJournal("\(folder)/journal", of: "kd1", &table) { frame in
      serials.append(frame.pointee.serial)
      return .ok
    }
    return (status, serials)
  }

  func verifyHashes() -> (status: weir_status, finding: weir_hashes_finding) {
    var table = table
    var finding = weir_hashes_finding()
    let status = weir_hashes_verify(&table, folder, "kd1", &finding)
    return (status, finding)
  }

  /// The first serial of a segment.
  func serial(ofSegment number: UInt32) -> UInt64 {
    var border = weir_border()
    _ = weir_journal_border(weir_os_linux(), "\(folder)/journal", "kd1", number, &border)
    return border.serial
  }
}

extension House {
  /// Turns and jobs until nothing is left to do, or segments are to be used again.
  func workUntilRetiring() {
    for _ in 0..<2000 {
      let more = turn()
      let log = String(decoding: logged.suffix(2048), as: UTF8.self)
      if log.contains("journalRetired") { return }
      if !workOnClosing() && !work() && !more { return }
    }
  }

  /// The folders of a data folder, where they are not there yet.
  func makeFolders() {
    for folder in ["/data", "/data/journal", "/data/snapshots"] {
      _ = os.pointee.make_directory(os.pointee.context, folder)
    }
  }
}
