import CWeirBase
import CWeirMessage
import CWeirMessageOracle
import Testing

/// A record that crossed, as the inner unit reads it.
private struct Crossed {
  var fault: String?
  var handover = ""
  var spoken = ""
  var received: Int64 = 0
  var drill = false
  var changes: [String] = []

  init(_ text: String, revision: UInt32 = 3) {
    let bytes = [UInt8](text.utf8)
    var scratch = [UInt8](repeating: 0, count: Int(WEIR_CROSSED_SCRATCH))
    fault = scratch.withUnsafeMutableBufferPointer { scratch in
      bytes.withUnsafeBufferPointer { bytes in
        var crossed = weir_crossed()
        let view = weir_bytes(at: bytes.baseAddress, count: bytes.count)
        let fault = weir_crossed_read(view, revision, scratch.baseAddress, &crossed)
        if let fault = fault { return String(cString: fault) }
        take(&crossed)
        return nil
      }
    }
  }

  private mutating func take(_ crossed: inout weir_crossed) {
    handover = Self.text(crossed.handover)
    spoken = Self.text(crossed.spoken)
    received = crossed.received_ms
    drill = crossed.drill
    var event = weir_bytes()
    var revision: UInt64 = 0
    while weir_crossed_change(&crossed, &event, &revision) {
      changes.append("\(revision) \(Self.text(event))")
    }
  }

  private static func text(_ bytes: weir_bytes) -> String {
    String(
      decoding: UnsafeBufferPointer(start: bytes.at, count: bytes.count), as: UTF8.self)
  }
}

/// A record with everything that a desk relies on; `change` names one field and what stands there
/// instead, or nil where it is left out.
private func record(_ change: (field: String, value: String?)? = nil, more: String = "") -> String {
  let fields: [(String, String)] = [
    ("handover", #""CD-20261123-417-6""#), ("spoken", #""417-6""#), ("receivedBy", #""12345""#),
    ("channel", #""phone""#), ("phase", #""closed""#),
    ("receivedAt", #""2026-11-23T18:31:00.120+08:00""#),
    ("arrivedAt", #""2026-11-23T18:31:00.130+08:00""#), ("decision", #"{"owner":"110"}"#),
    ("legs", "{}"), ("facts", #"["fire"]"#), ("revision", "3"), ("drill", "true"),
    (
      "history",
      #"[{"revision":1,"event":"intake"},7,{"event":"x"},{"revision":3,"event":"closed"}]"#
    ),
  ]
  let shown = fields.compactMap { name, value -> String? in
    guard let change, change.field == name else { return "\"\(name)\":\(value)" }
    return change.value.map { "\"\(name)\":\($0)" }
  }
  return "{" + shown.joined(separator: ",") + more + "}"
}

@Suite("Records that crossed")
struct CrossedTests {
  @Test("a whole record gives its number, time, drill and history")
  func whole() {
    let crossed = Crossed(record(more: #","text":"河边 \n","place":{"lon":101.96}"#))
    #expect(crossed.fault == nil)
    #expect(crossed.handover == "CD-20261123-417-6" && crossed.spoken == "417-6")
    #expect(crossed.received == 1_795_429_860_120 && crossed.drill)
    #expect(crossed.changes == ["1 intake", "3 closed"])
  }

  @Test(
    "what a desk relies on and is not there, or is of another kind, is named",
    arguments: [
      "handover", "spoken", "receivedBy", "channel", "phase", "receivedAt", "arrivedAt",
      "decision", "legs", "facts", "revision", "history",
    ])
  func missing(field: String) {
    #expect(Crossed(record((field, nil))).fault == field)
    #expect(Crossed(record((field, "null"))).fault == field)
    #expect(Crossed(record((field, "[1"))).fault == "not JSON")
  }

  @Test(
    "a value that says something else than a desk can use is named",
    arguments: [
      ("handover", #""""#), ("handover", #""../etc""#),
      ("handover", "\"" + String(repeating: "A", count: 41) + "\""), ("spoken", #""417 6""#),
      ("receivedAt", #""2026-02-30T00:00:00+08:00""#), ("arrivedAt", #""soon""#), ("revision", "2"),
      ("revision", "3.0"),
      ("revision", #""3""#), ("facts", "{}"), ("legs", "[]"), ("history", "{}"),
    ])
  func unusable(field: String, value: String) {
    #expect(Crossed(record((field, value))).fault == field)
  }

  static let broken = [
    "", " ", "3", "\"x\"", "{", "[", "{}x", "[]]", record() + ",", record(more: ","),
    record(more: #","drill":false"#), record(more: #","place":{"a":1,"b":2,"a":3}"#),
    record(more: #","\u0064rill":false"#), record(more: #","text":"a\u0000b""#),
    record(more: #","text":"\ud800""#), record(more: ",\"text\":\"\u{1}\""),
    record(
      more: #","deep":"# + String(repeating: "[", count: 17)
        + String(repeating: "]", count: 17)),
    record(more: #","many":{"# + (0..<257).map { "\"\($0)\":0" }.joined(separator: ",") + "}"),
  ]

  @Test(
    "what is not JSON, holds a name twice or U+0000, or is too deep, is not read", arguments: broken
  )
  func notJson(text: String) {
    #expect(Crossed(text).fault == "not JSON")
  }

  @Test("another value than an object, and a record that is too long, are named")
  func others() {
    #expect(Crossed("[]").fault == "not a JSON object")
    let padding = String(repeating: " ", count: Int(WEIR_RECORD_BYTES_MAX))
    #expect(Crossed(record() + padding).fault == "too long")
  }

  /// Every byte of a record changed to every one of a few, and the record cut off at every length.
  @Test("the reader and jansson agree on a record that is damaged anywhere")
  func damage() {
    let whole = [UInt8](record(more: #","text":"河\u6cb3","n":-1.5e3"#).utf8)
    var taken = 0
    func compare(_ bytes: [UInt8]) -> String? {
      var was = false
      let name = bytes.withUnsafeBufferPointer {
        weir_oracle_crossed_difference(
          weir_bytes(at: $0.baseAddress, count: $0.count), 3, &was)
      }
      taken += was ? 1 : 0
      return name.map { String(cString: $0) }
    }
    for place in whole.indices {
      #expect(compare(Array(whole[..<place])) == nil, "cut at \(place)")
      for byte in [UInt8]("\"\\{}[],:0-.\0\u{1f} a".utf8) + [0x80, 0xC3, 0xE0, 0xFF] {
        var bytes = whole
        bytes[place] = byte
        #expect(compare(bytes) == nil, "\(byte) at \(place)")
      }
    }
    #expect(taken > whole.count / 4 && taken < whole.count * 12)
  }
}
