import CWeirBenchmarks
import Testing

/// What the generator and the taker read out of the units' lines.
@Suite("What the load tests read")
struct LoadTextTests {
  private func field(_ name: String, of line: String) -> String? {
    line.withCString { start in
      let value = weir_text_field(weir_text(at: start, count: line.utf8.count), name)
      guard let at = value.at else { return nil }
      return String(
        decoding: UnsafeRawBufferPointer(start: at, count: value.count), as: UTF8.self)
    }
  }

  @Test("fields are found by their names")
  func fields() {
    let line =
      #"{"ref":"a-000000000417","durable":true,"revision":12,"list":[3],"#
      + #""say":"x\"y","n":-5}"#
    #expect(field("ref", of: line) == "a-000000000417")
    #expect(field("durable", of: line) == "true")
    #expect(field("revision", of: line) == "12")
    #expect(field("say", of: line) == #"x\"y"#)
    #expect(field("n", of: line) == "-5")
    #expect(field("missing", of: line) == nil)
  }

  @Test("times and numbers are read as they are written, and nothing else is")
  func values() {
    func time(_ text: String) -> Int64 {
      text.withCString { weir_text_time(weir_text(at: $0, count: text.utf8.count)) }
    }
    func handover(_ text: String) -> UInt64 {
      text.withCString { weir_text_handover(weir_text(at: $0, count: text.utf8.count)) }
    }
    #expect(time("1970-01-01T08:00:00.001+08:00") == 1)
    #expect(time("2026-11-23T18:32:00.120+08:00") == 1_795_429_920_120)
    #expect(time("2024-02-29T23:59:59.999-03:30") == 1_709_263_799_999)
    #expect(time("2026-11-23T18:32:00+08:00") == 0)
    #expect(time("2026-11-2xT18:32:00.120+08:00") == 0)
    #expect(handover("kd1-20261123-000417") == 20_261_123 << 32 | 417)
    #expect(handover("kd1-20261123-Y1000417") == UInt64(1) << 63 | 20_261_123 << 32 | 1_000_417)
    for bad in ["", "kd1", "kd1-2026112-000417", "kd1-20261123-", "kd1-20261123-x", "417-6"] {
      #expect(handover(bad) == 0, "\(bad)")
    }
  }

  @Test("an item tells its number, revision and age; an alarm is no matter")
  func items() {
    let record = #""record":{"receivedAt":"1970-01-01T08:00:01.000+08:00"}}"#
    let head =
      #"{"kind":"matter","handover":"kd1-20261123-000417","crossing":9,"revision":3,"#
      + #""arrivedAt":"1970-01-01T08:00:02.500+08:00","#
    func read(_ middle: String) -> weir_taken? {
      let text = head + middle + record
      var item = weir_taken()
      let isMatter = text.withCString { weir_take_read($0, text.utf8.count, &item) }
      return isMatter ? item : nil
    }
    let whole = read(#""ageMs":1500,"stale":true,"receipt":"123456","#)
    #expect(whole?.crossing == 9 && whole?.revision == 3 && whole?.age_ms == 1500)
    #expect(whole?.arrived_ms == 2500 && whole?.received_ms == 1000)
    #expect(whole?.flags == UInt8(WEIR_TAKEN_STALE))
    #expect(read(#""stale":false,"#)?.flags == UInt8(WEIR_TAKEN_NO_AGE))
    #expect(read(#""ageMs":1,"#)?.flags == UInt8(WEIR_TAKEN_NO_STALE))
    #expect(read(#""ageMs":1,"stale":false,"conflict":true,"#)?.flags == UInt8(WEIR_TAKEN_CONFLICT))
    var item = weir_taken()
    let alarm = #"{"kind":"alarm","code":"gap"}"#
    #expect(!alarm.withCString { weir_take_read($0, alarm.utf8.count, &item) })
  }
}
