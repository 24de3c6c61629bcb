import CWeirBase
import CWeirLog
import Foundation
import Testing
import WeirChance

/// A log and what was read out of it.
private final class Journalist {
  let log: OpaquePointer
  private(set) var output: [UInt8] = []

  init(
    service: String = "kd1", level: weir_log_level = WEIR_LOG_INFO, bytes: Int = 65536,
    reserved: Int = 4096
  ) throws {
    var opened: OpaquePointer?
    #expect(weir_log_open(service, level, bytes, reserved, &opened) == .ok)
    log = try #require(opened)
  }

  deinit { weir_log_close(log) }

  @discardableResult
  func write(
    _ message: String = "a matter was decided", level: weir_log_level = WEIR_LOG_INFO,
    important: Bool = false, action: String = "handoverDecided",
    fields: (OpaquePointer) -> Void = { _ in }
  ) -> weir_status {
    _ = weir_log_begin(log, level, important, 1_795_429_860_120, action, message)
    fields(log)
    return weir_log_end(log)
  }

  /// Takes all that waits, `step` bytes at a time.
  func drain(step: Int = .max) {
    while true {
      let piece = weir_log_peek(log)
      if piece.count == 0 { return }
      let count = min(step, piece.count)
      output += UnsafeBufferPointer(start: piece.at, count: count)
      weir_log_consume(log, count)
    }
  }

  /// Every line as an object; a line that is none fails the test.
  func lines() throws -> [[String: Any]] {
    drain()
    #expect(output.isEmpty || output.last == 0x0A)
    return try output.split(separator: 0x0A).map {
      try #require(try JSONSerialization.jsonObject(with: Data($0)) as? [String: Any])
    }
  }
}

private func text(_ log: OpaquePointer, _ name: String, _ bytes: [UInt8]) {
  bytes.withUnsafeBufferPointer {
    weir_log_text(log, name, weir_bytes(at: $0.baseAddress, count: $0.count))
  }
}

@Suite("Log")
struct LogTests {
  @Test("a line is one object with the fields of ECS")
  func oneLine() throws {
    let journalist = try Journalist()
    let status = journalist.write(level: WEIR_LOG_WARN) {
      text($0, "labels.handover", Array("KD1-20261123-0004176".utf8))
      weir_log_number($0, "labels.clause", -12)
      weir_log_flag($0, "labels.drill", true)
      weir_log_time($0, "event.end", 0)
    }
    #expect(status == .ok)
    let line = try #require(try journalist.lines().first)
    #expect(line["@timestamp"] as? String == "2026-11-23T18:31:00.120+08:00")
    #expect(line["log.level"] as? String == "warn")
    #expect(line["message"] as? String == "a matter was decided")
    #expect(line["ecs.version"] as? String == "8.11.0")
    #expect(line["event.action"] as? String == "handoverDecided")
    #expect(line["event.sequence"] as? Int == 1)
    #expect(line["service.name"] as? String == "kd1")
    #expect(line["labels.handover"] as? String == "KD1-20261123-0004176")
    #expect(line["labels.clause"] as? Int == -12)
    #expect(line["labels.drill"] as? Bool == true)
    #expect(line["event.end"] as? String == "1970-01-01T08:00:00.000+08:00")
    #expect(line.count == 11)
    #expect(weir_log_written(journalist.log) == 1)
  }

  @Test("a level that is off writes nothing and spends no number")
  func levels() throws {
    let journalist = try Journalist()
    // Begun outside of #expect, which would keep the texts' addresses longer than the texts.
    let begunTooLow = weir_log_begin(journalist.log, WEIR_LOG_DEBUG, false, 0, "a", "b")
    #expect(!begunTooLow)
    weir_log_number(journalist.log, "labels.clause", 1)
    #expect(weir_log_end(journalist.log) == .ok)
    #expect(weir_log_peek(journalist.log).count == 0)
    weir_log_set_level(journalist.log, WEIR_LOG_DEBUG)
    let begun = weir_log_begin(journalist.log, WEIR_LOG_DEBUG, false, 0, "a", "b")
    #expect(begun)
    #expect(weir_log_end(journalist.log) == .ok)
    let lines = try journalist.lines()
    #expect(lines.count == 1)
    #expect(lines[0]["event.sequence"] as? Int == 1)
    #expect(lines[0]["log.level"] as? String == "debug")
  }

  static let strings: [([UInt8], String)] = [
    (Array("\"\\\n\u{1}".utf8), "\"\\\n\u{1}"), (Array("人要跳楼".utf8), "人要跳楼"),
    ([0x61, 0xFF, 0x62], "a\u{FFFD}b"), ([0xE4, 0xBA], "\u{FFFD}\u{FFFD}"),
    ([0xC0, 0x80], "\u{FFFD}\u{FFFD}"), ([0xC2], "\u{FFFD}"),
    ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"), ([0xED, 0x9F, 0xBF], "\u{D7FF}"),
    ([0xE0, 0x9F, 0xBF], "\u{FFFD}\u{FFFD}\u{FFFD}"), ([0xE0, 0xA0, 0x80], "\u{800}"),
    ([0xF0, 0x8F, 0xBF, 0xBF], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    ([0xF0, 0x90, 0x80, 0x80], "\u{10000}"), ([0xF4, 0x8F, 0xBF, 0xBF], "\u{10FFFF}"),
    ([0xF4, 0x90, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    (Array("12345678é12345678".utf8) + [0x80], "12345678é12345678\u{FFFD}"),
  ]

  @Test(
    "any bytes become a JSON string: escaped, and U+FFFD for what is not UTF-8", arguments: strings)
  func badBytes(row: (bytes: [UInt8], string: String)) throws {
    let journalist = try Journalist()
    journalist.write { text($0, "labels.x", row.bytes) }
    #expect(try journalist.lines().first?["labels.x"] as? String == row.string)
  }

  @Test(
    "a long text is cut between two characters, says so, and the line stays an object",
    arguments: 0..<12)
  func longText(offset: Int) throws {
    let journalist = try Journalist()
    let long = String(repeating: "x", count: offset) + String(repeating: "跳\n", count: 3000)
    journalist.write {
      text($0, "labels.long", Array(long.utf8))
      weir_log_number($0, "labels.after", 5)
      text($0, "labels.last", [])
    }
    journalist.write("the next one is whole again")
    let lines = try journalist.lines()
    let found = try #require(lines[0]["labels.long"] as? String)
    #expect(found.hasSuffix("…"))
    #expect(long.hasPrefix(found.dropLast()))
    #expect(found.utf8.count > 3000)
    #expect(lines[0]["labels.cut"] as? Bool == true)
    #expect(lines[0]["labels.after"] == nil, "what does not fit at all is left out")
    #expect(lines[1]["labels.cut"] == nil)
  }

  @Test("a line never has more than 4 KiB, whatever is put into it", arguments: 0..<40)
  func lineLimit(step: Int) throws {
    let journalist = try Journalist(service: String(repeating: "\u{1}", count: 64))
    let noise = String(repeating: "\u{2}", count: 37 + step)
    journalist.write(String(repeating: "\"", count: 5000), action: noise + noise) {
      for index in 0..<200 {
        text($0, "labels.\(index)", Array(noise.utf8))
        weir_log_number($0, "labels.number\(index)", .min)
        weir_log_time($0, "labels.time\(index)", 0)
        weir_log_flag($0, "labels.flag\(index)", false)
      }
    }
    journalist.drain()
    #expect((3900...4096).contains(journalist.output.count))
    #expect(try journalist.lines().first?["labels.cut"] as? Bool == true)
  }

  @Test("lines that go round the ring's end stay whole, however they are taken")
  func roundTheRing() throws {
    let journalist = try Journalist(bytes: 4096, reserved: 0)
    for number in 0..<500 {
      #expect(journalist.write("line \(number)") == .ok)
      journalist.drain(step: 1 + number % 97)
    }
    let lines = try journalist.lines()
    #expect(lines.map { $0["message"] as? String } == (0..<500).map { "line \($0)" })
    #expect(lines.map { $0["event.sequence"] as? Int } == Array(1...500))
  }

  @Test("what is dropped is counted, and the next line that fits says which numbers are missing")
  func dropping() throws {
    let journalist = try Journalist(bytes: 4096, reserved: 0)
    var taken = 0
    while journalist.write() == .ok { taken += 1 }
    for _ in 0..<4 { #expect(journalist.write() == .full) }
    #expect(weir_log_dropped(journalist.log) == 5)
    journalist.drain()
    #expect(journalist.write("after") == .ok)
    #expect(journalist.write("and on") == .ok)
    let lines = try journalist.lines()
    #expect(lines.count == taken + 3)
    #expect(weir_log_written(journalist.log) == UInt64(taken + 3))
    let report = lines[taken]
    #expect(report["event.action"] as? String == "logDropped")
    #expect(report["log.level"] as? String == "warn")
    #expect(report["labels.dropped"] as? Int == 5)
    #expect(report["labels.droppedFirst"] as? Int == taken + 1)
    #expect(report["labels.droppedLast"] as? Int == taken + 5)
    #expect(report["event.sequence"] as? Int == taken + 6)
    #expect(lines[taken + 1]["event.sequence"] as? Int == taken + 7)
    #expect(lines[taken + 2]["event.action"] as? String == "handoverDecided")
  }

  @Test("every number is either in the file or in a report", arguments: UInt64(1)..<40)
  func noNumberIsLost(seed: UInt64) throws {
    var chance = Chance(seed: seed)
    let journalist = try Journalist(bytes: 4096, reserved: 1024)
    for _ in 0..<400 {
      journalist.write(
        String(repeating: "m", count: chance.below(700)), important: chance.below(5) == 0)
      if chance.below(4) == 0 { journalist.drain(step: 1 + chance.below(900)) }
    }
    journalist.drain()
    journalist.write("the last one")
    var next = 1
    var reported = 0
    for line in try journalist.lines() {
      if line["event.action"] as? String == "logDropped" {
        #expect(line["labels.droppedFirst"] as? Int == next, "seed \(seed)")
        let last = try #require(line["labels.droppedLast"] as? Int)
        #expect(line["labels.dropped"] as? Int == last - next + 1, "seed \(seed)")
        reported += last - next + 1
        next = last + 1
      }
      #expect(line["event.sequence"] as? Int == next, "seed \(seed)")
      next += 1
    }
    #expect(weir_log_dropped(journalist.log) == UInt64(reported))
    #expect(weir_log_written(journalist.log) == UInt64(next - 1 - reported))
  }

  @Test("the reserved room is for alarms and state changes only")
  func reservedRoom() throws {
    let journalist = try Journalist(bytes: 4096, reserved: 2048)
    while journalist.write() == .ok {}
    #expect(journalist.write(important: true) == .ok)
    #expect(journalist.write() == .full)
    var important = 1
    while journalist.write(important: true) == .ok { important += 1 }
    #expect(important >= 3)
    journalist.drain()
    #expect(journalist.write() == .ok)
  }

  @Test(
    "a ring that cannot work is refused",
    arguments: [
      ("kd1", 0, 0), ("kd1", 512, 0), ("kd1", 5000, 0), ("kd1", 4096, 4096), ("", 4096, 0),
      (String(repeating: "k", count: 65), 4096, 0),
    ])
  func refusedRings(row: (service: String, bytes: Int, reserved: Int)) {
    var log: OpaquePointer?
    #expect(weir_log_open(row.service, WEIR_LOG_INFO, row.bytes, row.reserved, &log) == .invalid)
    #expect(log == nil)
    weir_log_close(nil)
  }

  @Test(
    "a telephone number is masked",
    arguments: [
      ("13800000000", "138****0000"), ("138 0000-0000", "138****0000"),
      ("+86 13800001234", "861****1234"), ("62345678", "****5678"), ("123456789", "1****6789"),
      ("1234567", "****"), ("110", "****"), ("", "****"), ("call me", "****"),
      ("张三 13800004567", "138****4567"),
    ])
  func maskedPhones(row: (phone: String, masked: String)) {
    var memory = [UInt8](repeating: 0, count: 32)
    let count = memory.withUnsafeMutableBufferPointer { target in
      var buffer = weir_buffer_over(target.baseAddress, 32)
      Array(row.phone.utf8).withUnsafeBufferPointer {
        weir_log_put_masked_phone(&buffer, weir_bytes(at: $0.baseAddress, count: $0.count))
      }
      return buffer.count
    }
    #expect(String(decoding: memory[..<count], as: UTF8.self) == row.masked)
  }
}
