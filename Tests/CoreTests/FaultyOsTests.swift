import CWeirBase
import CWeirFaultyOs
import CWeirOs
import Testing

/// A faulty world, with the calls of its table in Swift's words.
private final class World {
  let faulty: OpaquePointer
  let os: UnsafePointer<weir_os>
  private var table: weir_os { os.pointee }
  private var context: UnsafeMutableRawPointer? { table.context }

  init(seed: UInt64 = 1) throws {
    faulty = try #require(weir_faulty_os_open(seed))
    os = try #require(weir_faulty_os_table(faulty))
  }

  deinit { weir_faulty_os_close(faulty) }

  func open(_ path: String, _ mode: weir_open_mode) -> (weir_status, OpaquePointer?) {
    var file: OpaquePointer?
    let status = table.open(context, path, mode, &file)
    return (status, file)
  }

  func create(_ path: String) throws -> OpaquePointer {
    let (status, file) = open(path, WEIR_OPEN_CREATE)
    #expect(status == .ok)
    return try #require(file)
  }

  func close(_ file: OpaquePointer?) { table.close(context, file) }

  func write(_ file: OpaquePointer, _ offset: UInt64, _ bytes: [UInt8]) -> weir_status {
    bytes.withUnsafeBufferPointer {
      table.write_at(context, file, offset, weir_bytes(at: $0.baseAddress, count: $0.count))
    }
  }

  func sync(_ file: OpaquePointer) -> weir_status { table.sync(context, file) }
  func reserve(_ file: OpaquePointer, _ size: UInt64) -> weir_status {
    table.reserve(context, file, size)
  }
  func rename(_ source: String, _ target: String) -> weir_status {
    table.rename(context, source, target)
  }
  func remove(_ path: String) -> weir_status { table.remove(context, path) }
  func makeDirectory(_ path: String) -> weir_status { table.make_directory(context, path) }
  func syncDirectory(_ path: String) -> weir_status { table.sync_directory(context, path) }

  func replace(_ directory: String, _ name: String, _ bytes: [UInt8]) -> weir_status {
    bytes.withUnsafeBufferPointer {
      weir_os_replace(os, directory, name, weir_bytes(at: $0.baseAddress, count: $0.count))
    }
  }

  /// The seen content, or nil when there is no such file.
  func content(_ path: String) -> [UInt8]? {
    var size: UInt64 = 0
    guard weir_faulty_os_file_size(faulty, path, &size) == .ok else { return nil }
    var bytes = [UInt8](repeating: 0, count: Int(size))
    var got = 0
    #expect(weir_faulty_os_peek(faulty, path, 0, &bytes, bytes.count, &got) == .ok)
    #expect(got == bytes.count)
    return bytes
  }

  func names(_ path: String) -> [String] {
    var found: [String] = []
    let status = withUnsafeMutablePointer(to: &found) {
      table.list(
        context, path,
        { user, name in
          guard let user, let name else { return .invalid }
          user.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
          return .ok
        }, $0)
    }
    #expect(status == .ok)
    return found
  }

  func free() -> UInt64 {
    var bytes: UInt64 = 0
    #expect(table.free_bytes(context, "/", &bytes) == .ok)
    return bytes
  }

  func bootId() -> [UInt8] {
    var id = [UInt8](repeating: 0, count: 16)
    #expect(table.boot_id(context, &id) == .ok)
    return id
  }

  func random(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    #expect(table.random(context, &bytes, count) == .ok)
    return bytes
  }

  var bootNs: UInt64 { table.boot_ns(context) }
  var wallMs: Int64 { table.wall_ms(context) }
}

private let sector = [UInt8](repeating: 0xAA, count: 512)

@Suite("The faulty world")
struct FaultyOsTests {
  @Test("it behaves like a file system as long as nobody asks for trouble")
  func ordinary() throws {
    let world = try World()
    #expect(world.open("/j/a", WEIR_OPEN_READ).0 == .notFound)
    #expect(world.open("/j/a", WEIR_OPEN_CREATE).0 == .notFound, "no directory yet")
    #expect(world.makeDirectory("/j/") == .ok)
    #expect(world.makeDirectory("/j") == .ok)
    let file = try world.create("/j/a")
    #expect(world.write(file, 10, [1, 2]) == .ok)
    #expect(world.content("/j//a") == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2])
    #expect(world.reserve(file, 5000) == .ok)
    #expect(world.reserve(file, 10) == .ok)
    #expect(world.content("/j/a")?.count == 5000)
    world.close(file)
    let again = try world.create("/j/a")
    #expect(world.content("/j/a") == [])
    world.close(again)
    world.close(try world.create("/j/B"))
    world.close(try world.create("/j/.x"))
    #expect(world.names("/j") == [".x", "B", "a"])
    #expect(world.names("/") == ["j"])
    #expect(world.rename("/j/a", "/j/B") == .ok)
    #expect(world.rename("/j/a", "/j/B") == .notFound)
    #expect(world.remove("/j/B") == .ok)
    #expect(world.remove("/j/B") == .notFound)
    #expect(world.names("/j") == [".x"])
    #expect(world.makeDirectory("/j/.x") == .exists)
    #expect(world.makeDirectory("/x/y") == .notFound)
    #expect(world.replace("/j", "seat", [1, 2, 3]) == .ok)
    #expect(world.content("/j/seat") == [1, 2, 3])
  }

  @Test("only what was synced, name and content both, outlives a cut that loses all the rest")
  func losingAll() throws {
    let world = try World()
    let named = try world.create("named")
    #expect(world.write(named, 0, sector) == .ok)
    #expect(world.sync(named) == .ok)
    let unnamed = try world.create("unnamed")
    #expect(world.syncDirectory(".") == .ok)
    #expect(world.write(unnamed, 0, sector) == .ok)
    let late = try world.create("late")
    #expect(world.write(late, 0, sector) == .ok)
    #expect(world.sync(late) == .ok)
    #expect(world.write(named, 0, [1]) == .ok)
    #expect(world.reserve(named, 4096) == .ok)

    weir_faulty_os_power_cut_losing_all(world.faulty, 1)
    #expect(world.content("named") == sector)
    #expect(world.content("unnamed") == [], "its name was synced, its content was not")
    #expect(world.content("late") == nil, "its content was synced, its name was not")
    #expect(world.write(named, 0, [1]) == .ioFailed, "opened before the cut")
    #expect(world.sync(named) == .syncFailed)
    for file in [named, unnamed, late] { world.close(file) }
  }

  @Test("unsynced renames, removals and directories are lost whole")
  func namesAreLost() throws {
    let world = try World()
    #expect(world.makeDirectory("/j") == .ok)
    #expect(world.syncDirectory("/") == .ok)
    for name in ["/j/a", "/j/b", "/j/c"] {
      let file = try world.create(name)
      #expect(world.write(file, 0, Array(name.utf8)) == .ok)
      #expect(world.sync(file) == .ok)
      world.close(file)
    }
    #expect(world.syncDirectory("/j") == .ok)
    #expect(world.rename("/j/a", "/j/b") == .ok)
    #expect(world.remove("/j/c") == .ok)
    #expect(world.makeDirectory("/k") == .ok)
    world.close(try world.create("/k/x"))
    #expect(world.syncDirectory("/k") == .ok)
    #expect(world.names("/j") == ["b"])

    weir_faulty_os_power_cut_losing_all(world.faulty, 1)
    #expect(world.names("/") == ["j"], "what was in a lost directory is lost with it")
    #expect(world.names("/j") == ["a", "b", "c"])
    #expect(world.content("/j/b") == Array("/j/b".utf8))
    #expect(world.content("/j/c") == Array("/j/c".utf8))
    #expect(world.rename("/j/a", "/j/b") == .ok)
    #expect(world.syncDirectory("/j") == .ok)
    weir_faulty_os_power_cut_losing_all(world.faulty, 1)
    #expect(world.names("/j") == ["b", "c"])
    #expect(world.content("/j/b") == Array("/j/a".utf8))
  }

  @Test("over many seeds a cut keeps, drops and garbles, by whole sectors, and harms nothing else")
  func powerCuts() throws {
    var fates = Set<String>()
    var whole = 0
    for seed in UInt64(0)..<400 {
      let world = try World()
      let file = try world.create("a")
      #expect(world.write(file, 0, [UInt8](repeating: 1, count: 2048)) == .ok)
      weir_faulty_os_settle(world.faulty)
      #expect(world.write(file, 100, [UInt8](repeating: 2, count: 1700)) == .ok)
      weir_faulty_os_power_cut(world.faulty, seed)
      world.close(file)
      let content = try #require(world.content("a"))
      #expect(content.count == 2048)
      #expect(content[..<100].allSatisfy { $0 == 1 }, "bytes beside the write, seed \(seed)")
      #expect(content[1800...].allSatisfy { $0 == 1 }, "bytes beside the write, seed \(seed)")
      let parts = [100..<512, 512..<1024, 1024..<1536, 1536..<1800].map { content[$0] }
      for part in parts {
        let kept = part.allSatisfy { $0 == 2 }
        let lost = part.allSatisfy { $0 == 1 }
        fates.insert(kept ? "kept" : lost ? "lost" : "garbled")
      }
      if parts.allSatisfy({ $0.allSatisfy { $0 == 2 } }) { whole += 1 }
    }
    #expect(fates == ["kept", "lost", "garbled"])
    #expect((80...250).contains(whole), "a quarter keeps everything, and some by coin")
  }

  @Test("the same seeds give the same world")
  func deterministic() throws {
    func run(_ seed: UInt64) throws -> [[UInt8]?] {
      let world = try World(seed: 7)
      let first = world.random(20)
      for name in ["a", "b", "c"] {
        let file = try world.create(name)
        #expect(world.write(file, 0, world.random(3000)) == .ok)
        world.close(file)
      }
      weir_faulty_os_power_cut(world.faulty, seed)
      return [first, world.content("a"), world.content("b"), world.content("c"), world.bootId()]
    }
    for seed in UInt64(0)..<20 { #expect(try run(seed) == run(seed)) }
    #expect(try Set((0..<20).map { try run($0) }).count > 10)
  }

  @Test("a process that dies loses its files and locks, and nothing that it wrote")
  func crash() throws {
    let world = try World()
    let (locked, lock) = world.open("lock", WEIR_OPEN_LOCK)
    #expect(locked == .ok)
    #expect(world.open("lock", WEIR_OPEN_LOCK).0 == .busy)
    let file = try world.create("a")
    #expect(world.write(file, 0, sector) == .ok)
    let boot = world.bootId()
    weir_faulty_os_crash(world.faulty)
    #expect(world.write(file, 0, sector) == .ioFailed)
    #expect(world.content("a") == sector)
    #expect(world.bootId() == boot)
    let (again, second) = world.open("lock", WEIR_OPEN_LOCK)
    #expect(again == .ok)
    world.close(lock)
    #expect(world.open("lock", WEIR_OPEN_LOCK).0 == .busy, "the dead one's close is no unlock")
    world.close(second)
    let (free, third) = world.open("lock", WEIR_OPEN_LOCK)
    #expect(free == .ok)
    world.close(third)
    world.close(file)
    weir_faulty_os_power_cut_losing_all(world.faulty, 1)
    #expect(world.content("a") == nil, "what outlived the process was not on the disk")
  }

  @Test("the countdown fails the chosen call, counts all, and can go on for ever")
  func countdown() throws {
    let world = try World()
    let file = try world.create("a")
    weir_faulty_os_fail(world.faulty, WEIR_FAULTY_WRITE_AT, 2, 1, .ioFailed)
    #expect((0..<5).map { _ in world.write(file, 0, [1]) } == [.ok, .ok, .ioFailed, .ok, .ok])
    #expect(weir_faulty_os_failures(world.faulty) == 1)
    #expect(weir_faulty_os_calls(world.faulty, WEIR_FAULTY_WRITE_AT) == 5)
    #expect(weir_faulty_os_calls(world.faulty, WEIR_FAULTY_OPEN) == 1)
    #expect(weir_faulty_os_calls(world.faulty, WEIR_FAULTY_ANY) == 6)
    weir_faulty_os_fail(world.faulty, WEIR_FAULTY_ANY, 1, .max, .noSpace)
    #expect(world.write(file, 0, [1]) == .ok)
    #expect(world.sync(file) == .noSpace)
    #expect(world.remove("a") == .noSpace)
    #expect(weir_faulty_os_failures(world.faulty) == 2)
    weir_faulty_os_heal(world.faulty)
    #expect(world.sync(file) == .ok)
    world.close(file)
  }

  @Test("replacing leaves the old or the new one, whichever call fails and whenever the power goes")
  func replacing() throws {
    var good: UInt64 = 0
    while true {
      for seed in UInt64(0)..<30 {
        let world = try World(seed: seed)
        #expect(world.replace("/", "seat", Array("old".utf8)) == .ok)
        weir_faulty_os_fail(world.faulty, WEIR_FAULTY_ANY, good, 1, .ioFailed)
        let status = world.replace("/", "seat", Array("brand new".utf8))
        let struck = weir_faulty_os_failures(world.faulty) > 0
        #expect((status != .ok) == struck)
        if seed > 0 { weir_faulty_os_power_cut(world.faulty, seed) }
        let content = String(decoding: world.content("/seat") ?? [], as: UTF8.self)
        #expect(content == "old" || content == "brand new", "call \(good), seed \(seed)")
        if status == .ok {
          #expect(content == "brand new")
          if !struck && seed == 29 { return }
        }
      }
      good += 1
      try #require(good < 100, "the countdown must end")
    }
  }

  @Test("what a failed sync did not write is never written by a later one")
  func failedSync() throws {
    var lost = 0
    for seed in UInt64(0)..<40 {
      let world = try World(seed: seed)
      let file = try world.create("a")
      #expect(world.write(file, 0, [UInt8](repeating: 1, count: 1024)) == .ok)
      weir_faulty_os_settle(world.faulty)
      #expect(world.write(file, 0, [UInt8](repeating: 2, count: 1024)) == .ok)
      weir_faulty_os_fail(world.faulty, WEIR_FAULTY_SYNC, 0, 1, .syncFailed)
      #expect(world.sync(file) == .syncFailed)
      #expect(world.sync(file) == .ok, "the second one lies")
      #expect(world.content("a")?.allSatisfy { $0 == 2 } == true)
      weir_faulty_os_power_cut_losing_all(world.faulty, seed)
      world.close(file)
      if world.content("a")?.contains(1) == true { lost += 1 }
    }
    #expect((20...38).contains(lost))
  }

  @Test("a failed write leaves a beginning of itself, sector by sector")
  func failedWrite() throws {
    var sizes = Set<Int>()
    for seed in UInt64(0)..<40 {
      let world = try World(seed: seed)
      let file = try world.create("a")
      weir_faulty_os_fail(world.faulty, WEIR_FAULTY_WRITE_AT, 0, 1, .ioFailed)
      #expect(world.write(file, 0, sector + sector + sector) == .ioFailed)
      sizes.insert(world.content("a")?.count ?? -1)
      world.close(file)
    }
    #expect(sizes.isSubset(of: [0, 512, 1024, 1536]))
    #expect(sizes.count >= 3)
  }

  @Test("a full disk writes what fits and says so; reserved and removed room counts")
  func capacity() throws {
    let world = try World()
    weir_faulty_os_set_capacity(world.faulty, 2000)
    let file = try world.create("a")
    #expect(world.reserve(file, 2001) == .noSpace)
    #expect(world.reserve(file, 1000) == .ok)
    #expect(world.free() == 1000)
    #expect(world.write(file, 0, [UInt8](repeating: 1, count: 1000)) == .ok)
    #expect(world.free() == 1000, "it was reserved before")
    let other = try world.create("b")
    #expect(world.write(other, 0, [UInt8](repeating: 2, count: 1500)) == .noSpace)
    #expect(world.content("b")?.count == 512)
    #expect(world.remove("a") == .ok)
    #expect(world.free() == 488, "still open")
    world.close(file)
    #expect(world.free() == 1488)
    world.close(other)
  }

  @Test("clocks, boot id and chance are the test's own")
  func machine() throws {
    let world = try World()
    #expect(world.bootNs == 0)
    #expect(world.wallMs == 0)
    weir_faulty_os_set_boot_ns(world.faulty, 5_000_000_000)
    weir_faulty_os_set_wall_ms(world.faulty, 1_795_429_860_120)
    for _ in 0..<4 { weir_faulty_os_advance(world.faulty, 1_250_000) }
    #expect(world.bootNs == 5_005_000_000)
    #expect(world.wallMs == 1_795_429_860_125)
    let id = [UInt8](1...16)
    weir_faulty_os_set_boot_id(world.faulty, id)
    #expect(world.bootId() == id)
    weir_faulty_os_set_random(world.faulty, 9)
    let first = world.random(8)
    weir_faulty_os_set_random(world.faulty, 9)
    #expect(world.random(8) == first)
    #expect(world.random(8) != first)
    weir_faulty_os_power_cut(world.faulty, 3)
    #expect(world.bootNs == 0)
    #expect(world.bootId() != id)
    #expect(world.wallMs == 1_795_429_860_125)
  }

  @Test("a test can damage a file behind everybody's back, for good")
  func damage() throws {
    let world = try World()
    let file = try world.create("a")
    #expect(world.write(file, 0, sector) == .ok)
    weir_faulty_os_settle(world.faulty)
    let bytes: [UInt8] = [1, 2, 3]
    let poked = bytes.withUnsafeBufferPointer {
      weir_faulty_os_poke(world.faulty, "a", 4, weir_bytes(at: $0.baseAddress, count: 3))
    }
    #expect(poked == .ok)
    #expect(weir_faulty_os_truncate(world.faulty, "a", 8) == .ok)
    weir_faulty_os_power_cut_losing_all(world.faulty, 1)
    world.close(file)
    #expect(world.content("a") == [0xAA, 0xAA, 0xAA, 0xAA, 1, 2, 3, 0xAA])
    #expect(weir_faulty_os_truncate(world.faulty, "a", 10) == .ok)
    #expect(world.content("a")?.suffix(3) == [0xAA, 0, 0], "zeros, not what was cut off")
    #expect(weir_faulty_os_truncate(world.faulty, "none", 8) == .notFound)
  }
}
