import CWeirBase
import Foundation
import Testing

/// What a room reads is always borrowed: these bytes live as long as `body` runs.
private func withView<R>(_ bytes: [UInt8], _ body: (weir_bytes) throws -> R) rethrows -> R {
  try bytes.withUnsafeBufferPointer {
    try body(weir_bytes(at: $0.baseAddress, count: $0.count))
  }
}

/// What `body` appended to a buffer of `capacity` bytes.
private func written(
  capacity: Int = 512, _ body: (UnsafeMutablePointer<weir_buffer>) -> Void
) -> (bytes: [UInt8], overflow: Bool) {
  var memory = [UInt8](repeating: 0xEE, count: capacity + 1)
  var state = (count: 0, overflow: false)
  memory.withUnsafeMutableBufferPointer {
    var buffer = weir_buffer_over($0.baseAddress, capacity)
    body(&buffer)
    state = (buffer.count, buffer.overflow)
  }
  #expect(memory[capacity] == 0xEE, "nothing is written behind the capacity")
  return (Array(memory[..<state.count]), state.overflow)
}

private func text(_ body: (UnsafeMutablePointer<weir_buffer>) -> Void) -> String {
  String(decoding: written(body).bytes, as: UTF8.self)
}

@Suite("Statuses and memory")
struct StatusTests {
  @Test("every status has a text, and a number of no status has one too")
  func texts() {
    #expect(String(cString: weir_status_text(.ok)) == "done")
    #expect(String(cString: weir_status_text(.unsupported)) == "not supported here")
    let strange = unsafeBitCast(UInt32(999), to: weir_status.self)
    #expect(String(cString: weir_status_text(strange)) == "unknown status")
  }

  @Test("memory is zeroed and counted, and nothing is something too")
  func allocation() throws {
    let before = weir_allocations()
    let memory = try #require(weir_allocate(16, 4))
    #expect((0..<64).allSatisfy { memory.load(fromByteOffset: $0, as: UInt8.self) == 0 })
    let nothing = try #require(weir_allocate(0, 8))
    #expect(weir_allocate(Int.max, 8) == nil, "the product must not wrap around")
    #expect(weir_allocations() >= before + 3)
    weir_free(memory)
    weir_free(nothing)
    weir_free(nil)
  }

  /// What the kernel notes of the memory at an address: `hg` where it wants large pages.
  private func flags(at address: UInt) throws -> [Substring] {
    let map = try #require(fopen("/proc/self/smaps", "r"))
    defer { fclose(map) }
    var isHere = false
    var bytes = [CChar](repeating: 0, count: 8192)
    while fgets(&bytes, Int32(bytes.count), map) != nil {
      let line = String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
      let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
      if ends.count == 2 { isHere = ends[0] <= address && address < ends[1] }
      if isHere && line.hasPrefix("VmFlags:") { return line.split { $0.isWhitespace } }
    }
    return []
  }

  @Test(
    "memory that is filled is wanted in large pages just as long, and keeps what is in it",
    .enabled(if: FileManager.default.fileExists(atPath: "/sys/kernel/mm/transparent_hugepage")))
  func filling() throws {
    let page: UInt = 2 * 1024 * 1024
    let bytes = Int(4 * page)
    let memory = try #require(weir_allocate(bytes, 1))
    defer { weir_free(memory) }
    let begin = UInt(bitPattern: memory)
    let first = (begin + page - 1) / page * page
    weir_fill_begin(memory, Int(2 * page) - 1)
    #expect(try !flags(at: first).contains("hg"), "a little memory is not worth it")
    weir_fill_begin(memory, bytes)
    #expect(try flags(at: first).contains("hg") && flags(at: first + 2 * page - 1).contains("hg"))
    #expect(try begin == first || !flags(at: begin).contains("hg"), "others use that page too")
    memset(memory, 7, bytes)
    weir_fill_end(memory, bytes)
    #expect(try !flags(at: first).contains("hg") && !flags(at: first + 2 * page - 1).contains("hg"))
    for at in [0, Int(first - begin), bytes - 1] {
      #expect(memory.load(fromByteOffset: at, as: UInt8.self) == 7)
    }
  }

  @Test("both comparisons agree, and a wiped key is zero")
  func comparing() {
    let key: [UInt8] = [1, 2, 3]
    for other: [UInt8] in [[1, 2, 3], [1, 2, 4], [0, 2, 3]] {
      withView(key) { a in
        withView(other) { b in
          #expect(weir_equal(a, b) == (key == other))
          #expect(weir_equal_constant_time(a, b) == (key == other))
        }
      }
    }
    withView(key) { a in withView([1, 2]) { b in #expect(!weir_equal(a, b)) } }
    withView([]) { a in withView([]) { b in #expect(weir_equal(a, b)) } }
    var secret: [UInt8] = [9, 9, 9, 9]
    secret.withUnsafeMutableBytes { weir_wipe($0.baseAddress, 3) }
    #expect(secret == [0, 0, 0, 9])
  }
}

@Suite("Checksums")
struct ChecksumTests {
  static let vectors: [(bytes: [UInt8], sum: UInt32)] = [
    (Array(repeating: 0, count: 32), 0x8A91_36AA),
    (Array(repeating: 0xFF, count: 32), 0x62A8_AB43),
    (Array(0..<32), 0x46DD_794E),
    (Array((0..<32).reversed()), 0x113F_DB5C),
    (
      [
        0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0,
        0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
      ], 0xD996_3A56
    ),
    (Array("123456789".utf8), 0xE306_9283),
    ([], 0),
  ]

  @Test("CRC32C answers what RFC 3720, appendix B.4, prints", arguments: vectors)
  func standardVectors(vector: (bytes: [UInt8], sum: UInt32)) {
    withView(vector.bytes) {
      #expect(weir_crc32c(0, $0) == vector.sum)
      #expect(weir_crc32c_portable(0, $0) == vector.sum)
    }
  }

  @Test("the instruction and the tables agree at every length, start and cut")
  func bothWaysAgree() {
    let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ 5) }
    for start in 0..<9 {
      for end in stride(from: start, through: 300, by: 7) {
        withView(Array(bytes[start..<end])) {
          #expect(weir_crc32c(7, $0) == weir_crc32c_portable(7, $0))
        }
      }
    }
    let whole = withView(bytes) { weir_crc32c(0, $0) }
    for cut in 0...300 {
      let first = withView(Array(bytes[..<cut])) { weir_crc32c(0, $0) }
      #expect(withView(Array(bytes[cut...])) { weir_crc32c(first, $0) } == whole)
    }
  }

  @Test("the hash differs by content, length and seed, and spreads over its buckets")
  func hashing() {
    var seen = Set<UInt64>()
    var buckets = [Int](repeating: 0, count: 64)
    for number in 0..<4096 {
      let hash = withView(Array("KD1-20261123-\(number)".utf8)) { weir_hash(1, $0) }
      seen.insert(hash)
      buckets[Int(hash % 64)] += 1
    }
    for length in 0..<300 {
      seen.insert(withView(Array(repeating: 0, count: length)) { weir_hash(1, $0) })
    }
    #expect(seen.count == 4096 + 300)
    #expect(buckets.allSatisfy { (20...120).contains($0) }, "64 are expected in each")
    withView([1, 2, 3]) { #expect(weir_hash(1, $0) != weir_hash(2, $0)) }
  }

  @Test(
    "every bit of a text, and the order of its parts, is in the hash", arguments: [63, 64, 200])
  func hashingOfLongTexts(count: Int) {
    let text = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    var seen: Set<UInt64> = [withView(text) { weir_hash(1, $0) }]
    for bit in 0..<(8 * count) {
      var other = text
      other[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(seen.insert(withView(other) { weir_hash(1, $0) }).inserted)
    }
    for (at, size) in [(0, 8), (0, 16), (16, 16), (0, 32), (8, 16)] where at + 2 * size <= count {
      let (one, two) = (text[at..<(at + size)], text[(at + size)..<(at + 2 * size)])
      let swapped = text[..<at] + two + one + text[(at + 2 * size)...]
      #expect(seen.insert(withView(Array(swapped)) { weir_hash(1, $0) }).inserted)
    }
  }
}

@Suite("Writing and reading")
struct BufferTests {
  @Test("an append that does not fit writes nothing, and nothing follows it")
  func overflow() {
    let result = written(capacity: 3) {
      weir_put_u16($0, 0x0201)
      weir_put_u16($0, 0x0403)
      weir_put_u8($0, 5)
    }
    #expect(result.bytes == [1, 2])
    #expect(result.overflow)
  }

  @Test("numbers go little endian and come back")
  func fixedNumbers() {
    let bytes = written {
      weir_put_u8($0, 0x01)
      weir_put_u16($0, 0x0302)
      weir_put_u32($0, 0x0706_0504)
      weir_put_u64($0, 0x0F0E_0D0C_0B0A_0908)
    }.bytes
    #expect(bytes == Array(1...15))
    withView(bytes) {
      var reader = weir_reader_over($0)
      #expect(weir_get_u8(&reader) == 0x01)
      #expect(weir_get_u16(&reader) == 0x0302)
      #expect(weir_get_u32(&reader) == 0x0706_0504)
      #expect(weir_get_u64(&reader) == 0x0F0E_0D0C_0B0A_0908)
      #expect(reader.left == 0)
      #expect(!reader.bad)
      #expect(weir_get_u8(&reader) == 0)
      #expect(reader.bad)
    }
  }

  @Test("a reader that ran out gives zeros for ever, even where bytes would have been left")
  func readerRunsOut() {
    withView([1, 2, 3]) {
      var reader = weir_reader_over($0)
      #expect(weir_get_u32(&reader) == 0)
      #expect(weir_get_u8(&reader) == 0)
      #expect(weir_get(&reader, 0).count == 0)
      #expect(reader.bad)
    }
    withView([1, 2, 3]) {
      var reader = weir_reader_over($0)
      let view = weir_get(&reader, 2)
      #expect(view.count == 2)
      #expect(reader.left == 1)
      #expect(weir_get(&reader, Int.max).count == 0)
      #expect(reader.bad)
    }
  }

  static let varints: [(value: UInt64, bytes: [UInt8])] = [
    (0, [0]), (1, [1]), (127, [0x7F]), (128, [0x80, 0x01]), (300, [0xAC, 0x02]),
    (16383, [0xFF, 0x7F]), (16384, [0x80, 0x80, 0x01]),
    (UInt64.max >> 1, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
    (UInt64.max, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
  ]

  @Test("varints have the bytes of LEB128, and come back", arguments: varints)
  func varint(row: (value: UInt64, bytes: [UInt8])) {
    #expect(written { weir_put_varint($0, row.value) }.bytes == row.bytes)
    withView(row.bytes) {
      var reader = weir_reader_over($0)
      #expect(weir_get_varint(&reader) == row.value)
      #expect(!reader.bad)
    }
    withView(Array(row.bytes.dropLast())) {
      var reader = weir_reader_over($0)
      #expect(weir_get_varint(&reader) == 0)
      #expect(reader.bad)
    }
  }

  @Test(
    "a varint of more than 64 bits is refused",
    arguments: [
      Array(repeating: UInt8(0xFF), count: 9) + [0x02],
      Array(repeating: UInt8(0x80), count: 9) + [0x81, 0x00],
      Array(repeating: UInt8(0x80), count: 11),
    ])
  func varintTooLong(bytes: [UInt8]) {
    withView(bytes) {
      var reader = weir_reader_over($0)
      #expect(weir_get_varint(&reader) == 0)
      #expect(reader.bad)
    }
  }

  @Test("zigzag keeps small numbers short, and the ends come back")
  func zigzag() {
    let rows: [(Int64, [UInt8])] = [
      (0, [0]), (-1, [1]), (1, [2]), (-64, [0x7F]), (64, [0x80, 0x01]),
      (.max, [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
      (.min, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
    ]
    for (value, bytes) in rows {
      #expect(written { weir_put_zigzag($0, value) }.bytes == bytes)
      withView(bytes) {
        var reader = weir_reader_over($0)
        #expect(weir_get_zigzag(&reader) == value)
        #expect(!reader.bad)
      }
    }
  }

  @Test(
    "decimal digits are those of the number",
    arguments: [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 4_294_967_295, UInt64.max - 1, .max])
  func decimals(value: UInt64) {
    #expect(text { weir_put_decimal($0, value) } == String(value))
    var read: UInt64 = 0
    #expect(withView(Array(String(value).utf8)) { weir_decimal_read($0, &read) } == .ok)
    #expect(read == value)
  }

  @Test("signs, leading zeros and hexadecimal digits")
  func otherDigits() {
    for value in [Int64.min, -10, -1, 0, 1, .max] {
      #expect(text { weir_put_signed($0, value) } == String(value))
    }
    #expect(text { weir_put_padded($0, 42, 7) } == "0000042")
    #expect(text { weir_put_padded($0, 0, 3) } == "000")
    #expect(text { weir_put_padded($0, 12345, 3) } == "12345")
    #expect(text { weir_put_padded($0, 7, 20) } == "00000000000000000007")
    withView([0x00, 0x9A, 0xFF]) { view in #expect(text { weir_put_hex($0, view) } == "009aff") }
  }

  @Test("escaped text is read back by its meaning wherever the special byte stands")
  func escaping() {
    let rows: [(String, String)] = [
      ("", ""), ("plain", "plain"), ("a\"b", #"a\"b"#), ("a\\b", #"a\\b"#),
      ("\u{8}\u{C}\n\r\t", #"\b\f\n\r\t"#), ("\u{0}\u{1F}", #"\u0000\u001f"#),
      ("\u{20}\u{7F}", "\u{20}\u{7F}"), ("跳楼!", "跳楼!"),
    ]
    for (plain, escaped) in rows {
      withView(Array(plain.utf8)) { view in
        #expect(text { weir_put_escaped($0, view) } == escaped)
        #expect(text { weir_put_quoted($0, view) } == "\"" + escaped + "\"")
      }
    }
    for special in ["\"", "\\", "\n", "\u{1}"] {
      let escaped = withView(Array(special.utf8)) { view in text { weir_put_escaped($0, view) } }
      for place in 0..<20 {
        let front = String(repeating: "x", count: place)
        let back = String(repeating: "é", count: 20 - place)
        withView(Array((front + special + back).utf8)) { view in
          #expect(text { weir_put_escaped($0, view) } == front + escaped + back)
        }
      }
    }
  }
}

@Suite("Times and numbers")
struct TimeTests {
  @Test("a known instant is written at +08:00, to the millisecond")
  func known() {
    #expect(text { weir_put_time($0, 1_795_429_860_120) } == "2026-11-23T18:31:00.120+08:00")
    #expect(text { weir_put_time($0, 0) } == "1970-01-01T08:00:00.000+08:00")
    #expect(text { weir_put_time($0, -1) } == "1970-01-01T07:59:59.999+08:00")
    #expect(text { weir_put_time($0, .min) } == "0000-01-01T00:00:00.000+08:00")
    #expect(text { weir_put_time($0, .max) } == "9999-12-31T23:59:59.999+08:00")
    #expect(weir_day_of(1_795_429_860_120) == 20_261_123)
    #expect(weir_day_of(57_599_999) == 19_700_101)
    #expect(weir_day_of(57_600_000) == 19_700_102)
  }

  @Test("what was written is read back, over all years of four digits")
  func roundTrip() {
    let first: Int64 = -62_167_248_000_000
    let step: Int64 = 315_569_261_987
    for index in 0..<1000 {
      let ms = first + Int64(index) * step
      let bytes = written { weir_put_time($0, ms) }.bytes
      var read: Int64 = 0
      #expect(withView(bytes) { weir_time_read($0, &read) } == .ok)
      #expect(read == ms)
    }
  }

  static let readable: [(String, Int64)] = [
    ("1970-01-01T00:00:00Z", 0), ("1970-01-01t00:00:00z", 0),
    ("1970-01-01T00:00:00-00:00", 0), ("1970-01-01T08:00:00+08:00", 0),
    ("1969-12-31T23:59:59.999Z", -1), ("1970-01-01T00:00:00.1Z", 100),
    ("1970-01-01T00:00:00.12Z", 120), ("1970-01-01T00:00:00.123456789Z", 123),
    ("1970-01-01T23:59:00+23:59", 0), ("1969-12-31T19:00:00-05:00", 0),
    ("2026-11-23T18:31:00.120+08:00", 1_795_429_860_120),
    ("2000-02-29T00:00:00Z", 951_782_400_000), ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    ("0000-02-29T00:00:00Z", -62_162_121_600_000), ("9999-12-31T23:59:59Z", 253_402_300_799_000),
  ]

  @Test("RFC 3339 is read with every offset and fraction", arguments: readable)
  func reads(row: (String, Int64)) {
    var ms: Int64 = 77
    #expect(withView(Array(row.0.utf8)) { weir_time_read($0, &ms) } == .ok)
    #expect(ms == row.1)
  }

  @Test(
    "what is no time is refused, and the target stays as it was",
    arguments: [
      "", "2026", "2026-11-23", "2026-11-23T18:31:00", "2026-11-23 18:31:00Z",
      "2026-11-23T18:31Z", "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z",
      "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-04-31T00:00:00Z",
      "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-11-23T24:00:00Z",
      "2026-11-23T23:60:00Z", "2016-12-31T23:59:60Z", "2026-11-23T18:31:00.Z",
      "2026-11-23T18:31:00.1234567890Z", "2026-11-23T18:31:00,5Z", "2026-11-23T18:31:00+0800",
      "2026-11-23T18:31:00+08", "2026-11-23T18:31:00+24:00", "2026-11-23T18:31:00+08:60",
      "2026-11-23T18:31:00Z ", " 2026-11-23T18:31:00Z", "2026-11-23T18:31:00ZZ",
      "26-11-23T18:31:00Z", "+2026-11-23T18:31:00Z", "2026-1-23T18:31:00Z",
      "2026-11-23T1a:31:00Z", "２026-11-23T18:31:00Z", "2026-11-23T18:31:00\u{2212}08:00",
    ])
  func refuses(written: String) {
    var ms: Int64 = 77
    #expect(withView(Array(written.utf8)) { weir_time_read($0, &ms) } == .invalid)
    #expect(ms == 77)
  }

  @Test(
    "the check digit is Luhn's",
    arguments: [(417, 6), (0, 0), (7_992_739_871, 3), (1, 8), (9, 1), (4_176, 4)]
      as [(UInt64, UInt32)])
  func checkDigits(row: (number: UInt64, digit: UInt32)) {
    #expect(weir_check_digit(row.number) == row.digit)
  }

  @Test("one wrong digit, and two neighbours changed about except 0 and 9, are noticed")
  func checkDigitNotices() {
    for number in UInt64(100)..<1000 {
      let digit = weir_check_digit(number)
      for place: UInt64 in [1, 10, 100] {
        let old = number / place % 10
        for fresh in UInt64(0)...9 where fresh != old {
          #expect(weir_check_digit(number - old * place + fresh * place) != digit)
        }
      }
      let (tens, ones) = (number / 10 % 10, number % 10)
      if tens != ones, Set([tens, ones]) != [0, 9] {
        #expect(weir_check_digit(number - tens * 10 - ones + ones * 10 + tens) != digit)
      }
    }
  }

  @Test(
    "what is no number of 64 bits is refused",
    arguments: ["", "+1", "-1", " 1", "1 ", "1a", "18446744073709551616", "99999999999999999999"])
  func refusesNumbers(digits: String) {
    var value: UInt64 = 77
    #expect(withView(Array(digits.utf8)) { weir_decimal_read($0, &value) } == .invalid)
    #expect(value == 77)
  }
}
