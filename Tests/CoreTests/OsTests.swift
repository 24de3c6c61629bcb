import CWeirBase
import CWeirOs
import Foundation
import Testing

/// A directory that is gone when the test is over, and the Linux table over it.
private final class Place {
  let path: String
  let os: UnsafePointer<weir_os>
  var table: weir_os { os.pointee }

  init() throws {
    os = try #require(weir_os_linux())
    let url = FileManager.default.temporaryDirectory.appending(path: "weir-os-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { path + "/" + name }

  func open(_ name: String, _ mode: weir_open_mode) -> (weir_status, OpaquePointer?) {
    var file: OpaquePointer?
    let status = table.open(nil, self(name), mode, &file)
    return (status, file)
  }

  func content(_ name: String) -> [UInt8]? {
    let (status, file) = open(name, WEIR_OPEN_READ)
    guard status == .ok else { return nil }
    defer { table.close(nil, file) }
    return read(file, 0, 65536)
  }

  func put(_ name: String, _ bytes: [UInt8]) {
    #expect(FileManager.default.createFile(atPath: self(name), contents: Data(bytes)))
  }

  func names() -> (weir_status, [String]) {
    var found: [String] = []
    let status = withUnsafeMutablePointer(to: &found) {
      table.list(
        nil, path,
        { user, name in
          guard let user, let name else { return .invalid }
          user.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
          return .ok
        }, $0)
    }
    return (status, found)
  }

  func write(_ file: OpaquePointer?, _ offset: UInt64, _ bytes: [UInt8]) -> weir_status {
    bytes.withUnsafeBufferPointer {
      table.write_at(nil, file, offset, weir_bytes(at: $0.baseAddress, count: $0.count))
    }
  }

  func read(_ file: OpaquePointer?, _ offset: UInt64, _ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var got = 0
    #expect(table.read_at(nil, file, offset, &bytes, count, &got) == .ok)
    return Array(bytes.prefix(got))
  }

  func replace(_ name: String, _ bytes: [UInt8]) -> weir_status {
    bytes.withUnsafeBufferPointer {
      weir_os_replace(os, path, name, weir_bytes(at: $0.baseAddress, count: $0.count))
    }
  }
}

@Suite("The Linux table")
struct OsTests {
  @Test("each open mode does what it says")
  func openModes() throws {
    let place = try Place()
    #expect(place.open("a", WEIR_OPEN_READ).0 == .notFound)
    #expect(place.open("a", WEIR_OPEN_WRITE).0 == .notFound)
    let (made, file) = place.open("a", WEIR_OPEN_CREATE)
    #expect(made == .ok)
    #expect(place.write(file, 0, [1, 2, 3]) == .ok)
    place.table.close(nil, file)
    let mode = try FileManager.default.attributesOfItem(atPath: place("a"))[.posixPermissions]
    #expect(mode as? Int == 0o600)

    let (_, again) = place.open("a", WEIR_OPEN_WRITE)
    #expect(place.write(again, 1, [9]) == .ok)
    #expect(place.read(again, 0, 10) == [1, 9, 3])
    place.table.close(nil, again)
    let (_, truncated) = place.open("a", WEIR_OPEN_CREATE)
    place.table.close(nil, truncated)
    #expect(place.content("a") == [])
    #expect(place.open("none/a", WEIR_OPEN_CREATE).0 == .notFound)
    place.table.close(nil, nil)
  }

  @Test("a lock has one holder, and goes with the closing of the file")
  func locking() throws {
    let place = try Place()
    let (first, holder) = place.open("lock", WEIR_OPEN_LOCK)
    #expect(first == .ok)
    #expect(place.open("lock", WEIR_OPEN_LOCK).0 == .busy)
    place.table.close(nil, holder)
    let (second, next) = place.open("lock", WEIR_OPEN_LOCK)
    #expect(second == .ok)
    place.table.close(nil, next)
  }

  @Test("reading gives fewer bytes only at the end")
  func reading() throws {
    let place = try Place()
    place.put("a", Array(0..<10))
    let (_, file) = place.open("a", WEIR_OPEN_READ)
    defer { place.table.close(nil, file) }
    #expect(place.read(file, 0, 4) == [0, 1, 2, 3])
    #expect(place.read(file, 8, 4) == [8, 9])
    #expect(place.read(file, 10, 4) == [])
    #expect(place.read(file, 1_000_000, 4) == [])
    #expect(place.write(file, 0, [1]) == .ioFailed, "it was opened for reading")
  }

  @Test("reserving takes zeroed blocks, keeps what is there and never shrinks")
  func reserving() throws {
    let place = try Place()
    let (_, file) = place.open("a", WEIR_OPEN_CREATE)
    defer { place.table.close(nil, file) }
    #expect(place.write(file, 0, [7]) == .ok)
    #expect(place.table.reserve(nil, file, 0) == .ok)
    #expect(place.table.reserve(nil, file, 65536) == .ok)
    #expect(place.table.reserve(nil, file, 4096) == .ok)
    #expect(place.table.sync(nil, file) == .ok)
    var size: UInt64 = 0
    #expect(place.table.size(nil, file, &size) == .ok)
    #expect(size == 65536)
    #expect(place.read(file, 0, 3) == [7, 0, 0])
    #expect(place.read(file, 65534, 3) == [0, 0])
    var facts = stat()
    #expect(stat(place("a"), &facts) == 0)
    #expect(facts.st_blocks * 512 >= 65536, "the blocks are taken, not only promised")
  }

  @Test("names are listed sorted by bytes, renamed and removed")
  func names() throws {
    let place = try Place()
    for name in ["b", "a", ".hidden", "B", "ab", "é"] { place.put(name, []) }
    #expect(place.names() == (.ok, [".hidden", "B", "a", "ab", "b", "é"]))
    #expect(place.table.rename(nil, place("a"), place("b")) == .ok)
    #expect(place.table.rename(nil, place("a"), place("b")) == .notFound)
    #expect(place.table.remove(nil, place("B")) == .ok)
    #expect(place.table.remove(nil, place("B")) == .notFound)
    #expect(place.names().1 == [".hidden", "ab", "b", "é"])
    for number in 0..<600 { place.put("a-long-name-to-fill-the-list-\(number)", []) }
    #expect(place.names().1.count == 604)
    #expect(
      place.names().1 == place.names().1.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    #expect(place.table.list(nil, place("none"), { _, _ in .ok }, nil) == .notFound)
  }

  @Test("a listing stops at the first bad status, and answers it")
  func listingStops() throws {
    let place = try Place()
    for name in ["a", "b", "c"] { place.put(name, []) }
    var calls = 0
    let status = place.table.list(
      nil, place.path,
      { user, _ in
        let calls = user?.assumingMemoryBound(to: Int.self)
        calls?.pointee += 1
        return calls?.pointee == 2 ? .full : .ok
      }, &calls)
    #expect(status == .full)
    #expect(calls == 2)
  }

  @Test("directories are made once, and a file in the way is told")
  func directories() throws {
    let place = try Place()
    #expect(place.table.make_directory(nil, place("d")) == .ok)
    #expect(place.table.make_directory(nil, place("d")) == .ok)
    let mode = try FileManager.default.attributesOfItem(atPath: place("d"))[.posixPermissions]
    #expect(mode as? Int == 0o700)
    place.put("f", [])
    #expect(place.table.make_directory(nil, place("f")) == .exists)
    #expect(place.table.make_directory(nil, place("x/y")) == .notFound)
    #expect(place.table.sync_directory(nil, place("d")) == .ok)
    #expect(place.table.sync_directory(nil, place("none")) == .notFound)
    #expect(place.table.sync_filesystem(nil, place("d")) == .ok)
    var free: UInt64 = 0
    #expect(place.table.free_bytes(nil, place.path, &free) == .ok)
    #expect(free > 0)
    #expect(place.table.free_bytes(nil, place("none"), &free) == .notFound)
  }

  @Test("a full device is told as full, not as broken")
  func fullDevice() throws {
    let place = try Place()
    var file: OpaquePointer?
    #expect(place.table.open(nil, "/dev/full", WEIR_OPEN_WRITE, &file) == .ok)
    #expect(place.write(file, 0, [1]) == .noSpace)
    place.table.close(nil, file)
  }

  @Test("a whole file is read if it fits, and replaced by rename")
  func wholeFiles() throws {
    let place = try Place()
    #expect(place.replace("seat", [1, 2, 3]) == .ok)
    #expect(place.replace("seat", [4, 5, 6, 7]) == .ok)
    #expect(place.content("seat") == [4, 5, 6, 7])
    #expect(place.names().1 == ["seat"])
    for (capacity, status) in [(3, weir_status.tooLong), (4, .ok), (5, .ok)] {
      var memory = [UInt8](repeating: 0, count: capacity)
      memory.withUnsafeMutableBufferPointer {
        var buffer = weir_buffer_over($0.baseAddress, capacity)
        #expect(weir_os_read_all(place.os, place("seat"), &buffer) == status)
        #expect(buffer.count == (status == .ok ? 4 : 0))
      }
    }
    let long = String(repeating: "x", count: 5000)
    #expect(place.replace(long, [1]) == .tooLong)
    #expect(weir_os_replace(place.os, place("none"), "seat", weir_bytes()) == .notFound)
  }

  @Test("clocks go on, the boot has one id, and chance is never the same twice")
  func machine() throws {
    let place = try Place()
    let before = place.table.boot_ns(nil)
    #expect(place.table.boot_ns(nil) >= before)
    #expect(abs(Double(place.table.wall_ms(nil)) / 1000 - Date().timeIntervalSince1970) < 60)
    var ids = [[UInt8](repeating: 0, count: 16), [UInt8](repeating: 0, count: 16)]
    for index in ids.indices { #expect(place.table.boot_id(nil, &ids[index]) == .ok) }
    #expect(ids[0] == ids[1])
    let kernel = try String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
    let hex = ids[0].map { String(format: "%02x", $0) }.joined()
    #expect(kernel.replacing("-", with: "").hasPrefix(hex))
    var random = [[UInt8](repeating: 0, count: 32), [UInt8](repeating: 0, count: 32)]
    for index in random.indices { #expect(place.table.random(nil, &random[index], 32) == .ok) }
    #expect(random[0] != random[1])
  }
}
