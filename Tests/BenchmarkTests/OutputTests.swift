import Foundation
import Testing
import WeirMeasure

/// The files that a load test leaves.
@Suite("What a load test writes")
struct OutputTests {
  private static func latencies(_ values: [UInt64]) -> Latencies {
    var latencies = Latencies("answered")
    values.forEach { latencies.add($0) }
    return latencies
  }

  @Test("a log of HdrHistogram holds every value to three digits, as its family reads it")
  func hdrLog() throws {
    let values: [UInt64] = [
      0, 1, 2047, 2048, 2049, 70_000, 1_000_000, 1_000_000, 3_599_999_999_999,
    ]
    let text = HdrLog.text(
      [("a b,c", Self.latencies(values)), ("none", Latencies("none"))],
      begin: Date(timeIntervalSince1970: 1_795_500_000), seconds: 2.5)
    let lines = text.split(separator: "\n")
    #expect(lines.count == 4 && lines[0] == "#[Histogram log format version 1.3]")
    let fields = lines[3].split(separator: ",")
    #expect(fields[0] == "Tag=a_b_c" && fields[2] == "2.500")
    let bytes = [UInt8](try #require(Data(base64Encoded: String(fields[4]))))
    let counts = try Self.decode(bytes)
    var expected: [Int: Int64] = [:]
    for value in values { expected[Self.index(value), default: 0] += 1 }
    #expect(counts == expected)
  }

  /// The place of a value in the family's array for three digits, by its definition.
  private static func index(_ value: UInt64) -> Int {
    var (rest, bucket) = (value, 0)
    while rest >= 2048 {
      rest >>= 1
      bucket += 1
    }
    return bucket * 1024 + Int(rest)
  }

  /// Places and counts of a compressed V2 histogram whose zlib stream only stores.
  private static func decode(_ bytes: [UInt8]) throws -> [Int: Int64] {
    func big(_ from: Int, _ count: Int, in bytes: [UInt8]) -> UInt64 {
      bytes[from..<from + count].reduce(0) { $0 << 8 | UInt64($1) }
    }
    #expect(big(0, 4, in: bytes) == 0x1c84_9314)
    #expect(Int(big(4, 4, in: bytes)) == bytes.count - 8)
    let stream = Array(bytes[8...])
    #expect(big(0, 2, in: stream) % 31 == 0, "the check of zlib's header")
    var (at, isLast, payload) = (2, false, [UInt8]())
    while !isLast {
      isLast = stream[at] == 1
      let count = Int(stream[at + 1]) | Int(stream[at + 2]) << 8
      let inverse = Int(stream[at + 3]) | Int(stream[at + 4]) << 8
      #expect(count ^ inverse == 0xffff)
      payload += stream[at + 5..<at + 5 + count]
      at += 5 + count
    }
    var (low, high) = (1, 0)
    for byte in payload {
      low = (low + Int(byte)) % 65_521
      high = (high + low) % 65_521
    }
    #expect(big(at, 4, in: stream) == UInt64(high << 16 | low), "zlib's checksum")
    #expect(big(0, 4, in: payload) == 0x1c84_9313)
    #expect(Int(big(4, 4, in: payload)) == payload.count - 40)
    #expect(big(12, 4, in: payload) == 3 && big(16, 8, in: payload) == 1)
    return counts(Array(payload[40...]))
  }

  private static func counts(_ bytes: [UInt8]) -> [Int: Int64] {
    var (at, place, counts) = (0, 0, [Int: Int64]())
    while at < bytes.count {
      var (value, shift): (UInt64, UInt64) = (0, 0)
      repeat {
        value |= UInt64(bytes[at] & 0x7f) << shift
        shift += 7
        at += 1
      } while bytes[at - 1] & 0x80 != 0
      let count = Int64(value >> 1) ^ -Int64(value & 1)
      if count < 0 {
        place -= Int(count)
      } else {
        if count > 0 { counts[place] = count }
        place += 1
      }
    }
    return counts
  }

  @Test("the page has its charts inside and asks no network for anything")
  func page() {
    var seconds = [Timeline.Second(), Timeline.Second(), Timeline.Second()]
    seconds[1].answered = 1000
    seconds[2].deliveryMaxNs = 5_000_000
    let page = Page(
      title: "steady <1>", facts: ["2 cores"],
      sections: [
        Page.Section(
          name: "set \"a\"",
          rows: [
            Page.Row(name: "p50", values: ["1", "2", "3"], goal: "2", isReached: true),
            Page.Row(name: "p99", values: ["1", "2", "3"], goal: "1", isReached: false),
          ],
          latencies: [Self.latencies([1000, 20_000, 5_000_000]), Self.latencies([7])],
          timeline: seconds, notes: ["loss: a & b"])
      ]
    ).text
    #expect(page.components(separatedBy: "<svg").count == 4)
    #expect(page.components(separatedBy: "<polyline").count == 7)
    #expect(page.contains("steady &lt;1&gt;") && page.contains("loss: a &amp; b"))
    #expect(page.contains(">reached<") && page.contains(">missed<"))
    for word in ["http", "src=", "href=", "@import", "url(", "nan", "inf"] {
      #expect(!page.contains(word), "\(word)")
    }
  }

  @Test("a percentile is never over the longest, and nothing has none")
  func percentiles() {
    #expect(Latencies("none").milliseconds(at: 99) == 0)
    let all = Self.latencies((1...1000).map { $0 * 1_000_003 })
    #expect(all.milliseconds(at: 100) == all.maxMilliseconds)
    #expect(abs(all.milliseconds(at: 50) - 500) < 1)
    #expect(abs(all.milliseconds(at: 99) - 990) < 1.5)
    #expect(Self.latencies([UInt64.max - 5]).maxMilliseconds == 0, "before its plan")
  }
}
