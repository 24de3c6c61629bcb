import CWeirBase
import CWeirMessage
import CWeirMessageOracle
import Testing
import WeirChance

/// A line that must be turned away, how, and where.
struct RefusedRow: Sendable, CustomTestStringConvertible {
  var line: String
  var refusal: String
  var field: String
  var testDescription: String { "\(refusal) \(field): \(line.prefix(120))" }

  init(_ line: String, _ refusal: String, _ field: String) {
    self.line = line
    self.refusal = refusal
    self.field = field
  }
}

@Suite("Messages that are refused")
struct MessageRefusalTests {
  static let broken: [RefusedRow] = [
    .init("", "badJson", ""), .init(" ", "badJson", ""), .init("[]", "badJson", ""),
    .init("null", "badJson", ""), .init("{", "badJson", ""), .init(#"{"op""#, "badJson", ""),
    .init(#"{"op":"get","handover":"1"} x"#, "badJson", ""),
    .init(#"{"op":"get","handover":"1"}{}"#, "badJson", ""),
    .init(#"{"op":"get","handover":"1",}"#, "badJson", ""),
    .init(#"{,"op":"get"}"#, "badJson", ""), .init(#"{op:"get"}"#, "badJson", ""),
    .init(#"{"op" "get"}"#, "badJson", ""), .init(#"{"op":"get";"ref":"r"}"#, "badJson", ""),
    .init(#"{"op":get}"#, "badJson", "op"), .init(#"{"op":}"#, "badJson", "op"),
    .init(#"{"op":"get"#, "badJson", "op"), .init(#"{"op":"g\x"}"#, "badJson", "op"),
    .init(#"{"ref":"\u12g4"}"#, "badJson", "ref"), .init(#"{"ref":"\u12"#, "badJson", "ref"),
    .init("{\"text\":\"a\nb\"}", "badJson", "text"),
    .init("{\"text\":\"\u{1}\"}", "badJson", "text"),
    .init(#"{"after":01}"#, "badJson", ""), .init(#"{"after":+1}"#, "badJson", "after"),
    .init(#"{"after":-}"#, "badJson", "after"), .init(#"{"after":1.}"#, "badJson", "after"),
    .init(#"{"after":1e}"#, "badJson", "after"), .init(#"{"after":.5}"#, "badJson", "after"),
    .init(#"{"drill":tru}"#, "badJson", "drill"), .init(#"{"drill":truex}"#, "badJson", ""),
    .init(#"{"facts":["fire",]}"#, "badJson", "facts[1]"),
    .init(#"{"facts":["fire" "crime"]}"#, "badJson", ""), .init("\u{FEFF}{}", "badJson", ""),
    .init(#"{"caller":{"name":"x",}}"#, "badJson", "caller"),
    .init("{\"op\":\"" + String(repeating: "x", count: 65536), "lineTooLong", ""),
  ]

  static let fields: [RefusedRow] = [
    .init("{}", "missingField", "op"), .init(#"{"ref":"r"}"#, "missingField", "op"),
    .init(#"{"opp":1}"#, "unknownField", "opp"), .init(#"{"电话":1}"#, "unknownField", "电话"),
    .init(#"{"":1}"#, "unknownField", ""), .init(#"{"Op":"get"}"#, "unknownField", "Op"),
    .init(
      #"{"\#(String(repeating: "中", count: 30))":1}"#, "unknownField",
      String(repeating: "中", count: 15)),
    .init(#"{"op":"get","op":"get"}"#, "duplicateField", "op"),
    .init(#"{"op":"get","\u006fp":"get"}"#, "duplicateField", "op"),
    .init(#"{"ref":"a","ref":1}"#, "duplicateField", "ref"),
    .init(intake(#""caller":{"name":"x","name":"y"}"#), "duplicateField", "caller.name"),
    .init(intake(#""place":{"lon":1,"lat":1,"lon":1}"#), "duplicateField", "place.lon"),
    .init(intake(#""caller":{},"caller":{}"#), "duplicateField", "caller"),
    .init(intake(#""caller":{"mail":"x"}"#), "unknownField", "caller.mail"),
    .init(intake(#""caller":{"county":"513301"}"#), "unknownField", "caller.county"),
    .init(intake(#""place":{"phone":"110"}"#), "unknownField", "place.phone"),
    .init(intake(#""name":"x""#), "unknownField", "name"),
    .init(
      #"{"op":"intake","receivedBy":"110","channel":"phone","text":""}"#, "missingField", "ref"),
    .init(#"{"op":"intake","ref":"r","channel":"phone","text":""}"#, "missingField", "receivedBy"),
    .init(#"{"op":"intake","ref":"r","receivedBy":"110","text":""}"#, "missingField", "channel"),
    .init(intake(#""seat":"x""#), "missingField", "facts"),
    .init(intake(#""text":"","place":{"lon":1}"#), "missingField", "place.lat"),
    .init(intake(#""text":"","place":{"lat":1}"#), "missingField", "place.lon"),
    .init(intake(#""text":"","handover":"417-6""#), "unknownField", "handover"),
    .init(intake(#""text":"","id":"x""#), "unknownField", "id"),
    .init(intake(#""text":"","why":"x""#), "unknownField", "why"),
    .init(#"{"op":"update","handover":"1","text":""}"#, "missingField", "ref"),
    .init(#"{"op":"update","ref":"r","text":""}"#, "missingField", "handover"),
    .init(#"{"op":"update","ref":"r","handover":"1"}"#, "missingField", "facts"),
    .init(
      #"{"op":"update","ref":"r","handover":"1","text":"","drill":true}"#, "unknownField", "drill"),
    .init(#"{"op":"get"}"#, "missingField", "handover"),
    .init(#"{"text":"x","op":"get","handover":"1","seat":"x"}"#, "unknownField", "text"),
    .init(#"{"op":"get","text":"x","nonsense":1}"#, "unknownField", "text"),
    .init(#"{"text":"x","nonsense":1,"op":"get"}"#, "unknownField", "nonsense"),
    .init(#"{"op":"watch","handover":"1"}"#, "unknownField", "handover"),
    .init(#"{"op":"status","after":1}"#, "unknownField", "after"),
    .init(#"{"op":"metrics","by":"x"}"#, "unknownField", "by"),
    .init(#"{"op":"admit","by":"x","reason":"x"}"#, "missingField", "id"),
    .init(#"{"op":"admit","id":"x","reason":"x"}"#, "missingField", "by"),
    .init(#"{"op":"admit","id":"x","by":"x"}"#, "missingField", "reason"),
    .init(#"{"op":"drill","until":"soon"}"#, "badTime", "until"),
    .init(#"{"op":"drill","drill":true}"#, "unknownField", "drill"),
    .init(#"{"op":"digest","range":"1 - 2"}"#, "badValue", "range"),
    .init(#"{"op":"digest","reason":"x"}"#, "unknownField", "reason"),
    .init(#"{"op":"reload","path":""}"#, "badValue", "path"),
    .init(#"{"op":"reload","text":"x"}"#, "unknownField", "text"),
  ]

  static let events: [RefusedRow] = [
    .init(#"{"op":"event","handover":"1"}"#, "missingField", "event"),
    .init(#"{"op":"event","event":"closed"}"#, "missingField", "handover"),
    .init(#"{"op":"event","event":"reportAcknowledged"}"#, "missingField", "handover"),
    .init(event("reportAcknowledged", #","report":"R""#), "badValue", "report"),
    .init(#"{"op":"event","report":"R","event":"closed"}"#, "unknownField", "report"),
    .init(event("preAlarm"), "unknownEvent", "event"),
    .init(event("deadlinePassed"), "unknownEvent", "event"),
    .init(event("reminder"), "unknownEvent", "event"),
    .init(event("Closed"), "unknownEvent", "event"),
    .init(event("transferFailed"), "missingField", "cause"),
    .init(event("transferFailed", #","cause":"none""#), "badValue", "cause"),
    .init(event("transferFailed", #","cause":"""#), "badValue", "cause"),
    .init(event("closed", #","cause":"busy""#), "unknownField", "cause"),
    .init(event("callerTold"), "missingField", "by"),
    .init(event("agreed"), "missingField", "owner"),
    .init(event("agreed", #","owner":"120""#), "badValue", "owner"),
    .init(event("notAgreed", #","owner":"110""#), "unknownField", "owner"),
    .init(event("dangerRaised", #","facts":["crime"]"#), "badValue", "facts"),
    .init(event("dangerRaised", #","facts":["fire","nonsense"]"#), "unknownFact", "facts[1]"),
    .init(event("closed", #","facts":[]"#), "unknownField", "facts"),
    .init(event("dangerCleared", #","by":"x""#), "missingField", "reason"),
    .init(event("dangerCleared", #","reason":"x""#), "missingField", "by"),
    .init(event("verified"), "missingField", "department"),
    .init(event("verified", #","department":"x","answer":"""#), "badValue", "answer"),
    .init(event("guided"), "missingField", "reached"),
    .init(event("guided", #","reached":"yes""#), "wrongType", "reached"),
    .init(event("referred"), "missingField", "department"),
    .init(event("receipt"), "missingField", "code"),
    .init(event("receipt", #","code":"""#), "badValue", "code"),
    .init(event("cancelled"), "missingField", "reason"),
    .init(event("escalated", #","code":"1""#), "unknownField", "code"),
  ]

  static let values: [RefusedRow] = [
    .init(#"{"op":"fetch"}"#, "unknownOp", "op"), .init(#"{"op":""}"#, "unknownOp", "op"),
    .init(#"{"op":null}"#, "wrongType", "op"), .init(#"{"op":1}"#, "wrongType", "op"),
    .init(#"{"ref":["r"]}"#, "wrongType", "ref"), .init(#"{"ref":""}"#, "badValue", "ref"),
    .init(#"{"ref":"a b"}"#, "badValue", "ref"), .init(#"{"ref":"引"}"#, "badValue", "ref"),
    .init(#"{"ref":"\#(String(repeating: "r", count: 65))"}"#, "tooLong", "ref"),
    .init(#"{"handover":"a.b"}"#, "badValue", "handover"),
    .init(#"{"handover":"\#(String(repeating: "7", count: 41))"}"#, "tooLong", "handover"),
    .init(#"{"report":""}"#, "badValue", "report"),
    .init(#"{"receivedBy":110}"#, "wrongType", "receivedBy"),
    .init(#"{"receivedBy":"120"}"#, "badValue", "receivedBy"),
    .init(#"{"channel":"Phone"}"#, "badValue", "channel"),
    .init(#"{"channel":{}}"#, "wrongType", "channel"),
    .init(#"{"receivedAt":"2026-02-29T00:00:00Z"}"#, "badTime", "receivedAt"),
    .init(#"{"receivedAt":"now"}"#, "badTime", "receivedAt"),
    .init(#"{"at":0}"#, "wrongType", "at"),
    .init(#"{"at":"2026-11-23 18:31:00"}"#, "badTime", "at"),
    .init(#"{"facts":{}}"#, "wrongType", "facts"),
    .init(#"{"facts":"fire"}"#, "wrongType", "facts"),
    .init(#"{"facts":null}"#, "wrongType", "facts"),
    .init(#"{"facts":["fire",1]}"#, "wrongType", "facts[1]"),
    .init(#"{"facts":[[]]}"#, "wrongType", "facts[0]"),
    .init(#"{"facts":["fire","crime","fire"]}"#, "badValue", "facts[2]"),
    .init(#"{"facts":[""]}"#, "unknownFact", "facts[0]"),
    .init(#"{"facts":["dangerToLif"]}"#, "unknownFact", "facts[0]"),
    .init(#"{"text":null}"#, "wrongType", "text"), .init(#"{"caller":[]}"#, "wrongType", "caller"),
    .init(#"{"caller":{"name":null}}"#, "wrongType", "caller.name"),
    .init(#"{"caller":{"phone":"11"}}"#, "badValue", "caller.phone"),
    .init(#"{"caller":{"phone":"138 0000"}}"#, "badValue", "caller.phone"),
    .init(
      #"{"caller":{"phone":"\#(String(repeating: "1", count: 21))"}}"#, "tooLong", "caller.phone"),
    .init(#"{"caller":{"phone":110}}"#, "wrongType", "caller.phone"),
    .init(#"{"place":"here"}"#, "wrongType", "place"),
    .init(#"{"place":{"county":513301}}"#, "wrongType", "place.county"),
    .init(#"{"place":{"county":"51330"}}"#, "badValue", "place.county"),
    .init(#"{"place":{"county":"5133011"}}"#, "badValue", "place.county"),
    .init(#"{"place":{"county":"51330a"}}"#, "badValue", "place.county"),
    .init(#"{"place":{"county":"000000"}}"#, "badValue", "place.county"),
    .init(#"{"place":{"lon":"101"}}"#, "wrongType", "place.lon"),
    .init(#"{"place":{"lon":180.01}}"#, "badValue", "place.lon"),
    .init(#"{"place":{"lon":-181}}"#, "badValue", "place.lon"),
    .init(#"{"place":{"lon":1e3}}"#, "badValue", "place.lon"),
    .init(#"{"place":{"lat":90.5}}"#, "badValue", "place.lat"),
    .init(#"{"place":{"lat":1e999}}"#, "badValue", "place.lat"),
    .init(#"{"place":{"lat":0.\#(String(repeating: "0", count: 40))}}"#, "tooLong", "place.lat"),
    .init(#"{"drill":1}"#, "wrongType", "drill"), .init(#"{"drill":null}"#, "wrongType", "drill"),
    .init(#"{"confidential":"true"}"#, "wrongType", "confidential"),
    .init(#"{"redialledFrom110":[]}"#, "wrongType", "redialledFrom110"),
    .init(#"{"after":-1}"#, "badValue", "after"), .init(#"{"after":-0}"#, "badValue", "after"),
    .init(#"{"after":1.0}"#, "badValue", "after"), .init(#"{"after":1e2}"#, "badValue", "after"),
    .init(#"{"after":18446744073709551616}"#, "badValue", "after"),
    .init(#"{"after":"1"}"#, "wrongType", "after"), .init(#"{"seat":""}"#, "badValue", "seat"),
    .init(#"{"id":""}"#, "badValue", "id"), .init(#"{"by":""}"#, "badValue", "by"),
  ]

  @Test("a refusal names its code and the place", arguments: broken + fields + events + values)
  func refused(row: RefusedRow) {
    let read = ReadLine(row.line)
    #expect(!read.taken)
    #expect(read.refusal == row.refusal)
    #expect(read.field == row.field)
    #expect(difference(Array(row.line.utf8), WEIR_MESSAGE_UNIT).0 == nil)
  }

  static let strangers: [UInt32] =
    Array(0...0x1F) + Array(0x7F...0x9F) + [0x61C] + Array(0x200B...0x200F)
    + Array(0x202A...0x202E) + [0x2060] + Array(0x2066...0x2069) + [0xFEFF]

  @Test("control, bidirectional and zero-width characters are refused, raw and escaped")
  func strangersAreRefused() throws {
    for value in Self.strangers {
      let scalar = try #require(Unicode.Scalar(value))
      let hex = String(value, radix: 16)
      let escaped = "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      for written in value < 0x20 ? [escaped] : [escaped, String(Character(scalar))] {
        for filler in ["", "中文", "1234567"] {
          let text = filler + written + filler
          let seat = ReadLine(intake(#""text":"","seat":"\#(text)""#))
          #expect(seat.refusal == "badText" && seat.field == "seat", "U+\(hex)")
          let lines = ReadLine(intake(#""text":"\#(text)""#))
          #expect(lines.taken == (value == 0x0A || value == 0x09), "U+\(hex)")
          #expect(lines.taken || lines.field == "text")
          let name = ReadLine(intake(#""text":"","caller":{"name":"\#(text)"}"#))
          #expect(name.refusal == "badText" && name.field == "caller.name", "U+\(hex)")
        }
      }
    }
    for lone in [
      #"\ud800"#, #"\udc00"#, #"\ud800x"#, #"\ud800\n"#, #"\ud800\ud800"#, #"\udfff\udc00"#,
    ] {
      #expect(ReadLine(intake(#""text":"\#(lone)""#)).refusal == "badText", "\(lone)")
    }
  }

  /// The Unicode Standard, table 3-7: what it allows, its borders, and what lies one behind them.
  static let sequences: [(bytes: [UInt8], good: Bool)] = [
    ([0xC2, 0xA0], true), ([0xDF, 0xBF], true), ([0xE0, 0xA0, 0x80], true),
    ([0xE1, 0x80, 0x80], true), ([0xEC, 0xBF, 0xBF], true), ([0xED, 0x9F, 0xBF], true),
    ([0xEE, 0x80, 0x80], true), ([0xEF, 0xBF, 0xBF], true), ([0xF0, 0x90, 0x80, 0x80], true),
    ([0xF3, 0xBF, 0xBF, 0xBF], true), ([0xF4, 0x8F, 0xBF, 0xBF], true),
    ([0x80], false), ([0xBF], false), ([0xC0, 0x80], false), ([0xC1, 0xBF], false),
    ([0xC2], false), ([0xC2, 0x7A], false), ([0xC2, 0xC0], false), ([0xE0, 0x9F, 0xBF], false),
    ([0xE1, 0x80], false), ([0xE4, 0xB8, 0x2D], false), ([0xE4, 0x2D, 0xAD], false),
    ([0xED, 0xA0, 0x80], false), ([0xED, 0xBF, 0xBF], false), ([0xF0, 0x8F, 0xBF, 0xBF], false),
    ([0xF0, 0x90, 0x80], false), ([0xF4, 0x90, 0x80, 0x80], false),
    ([0xF5, 0x80, 0x80, 0x80], false), ([0xF8, 0x88, 0x80, 0x80, 0x80], false), ([0xFF], false),
    ([0xFE], false),
  ]

  @Test("only well-formed UTF-8 is taken, wherever it stands in the string", arguments: sequences)
  func utf8(row: (bytes: [UInt8], good: Bool)) {
    for filler in ["", "a", "1234567", "12345678", "中", "中文中文"] {
      let head = Array(intake(#""text":""#).dropLast().utf8)
      let line = head + Array(filler.utf8) + row.bytes + Array(filler.utf8) + Array(#""}"#.utf8)
      let read = ReadLine(bytes: line)
      #expect(read.taken == row.good)
      #expect(row.good || (read.refusal == "badUtf8" && read.field == "text"))
      #expect(difference(line, WEIR_MESSAGE_UNIT).0 == nil)
    }
  }

  @Test("a refusal carries the ref that stood before the fault, and never one that is none")
  func refOfRefusals() {
    #expect(ReadLine(#"{"op":"event","ref":"r-7","nonsense":1}"#).texts["ref"] == "r-7")
    #expect(ReadLine(#"{"op":"event","ref":"r-7","nonsense":1}"#).message.op == WEIR_OP_EVENT)
    #expect(ReadLine(#"{"nonsense":1,"ref":"r-7"}"#).texts["ref"] == "")
    #expect(ReadLine(#"{"ref":"a b"}"#).texts["ref"] == "")
    #expect(ReadLine(#"{"ref":"\#(String(repeating: "r", count: 65))"}"#).texts["ref"] == "")
  }

  @Test("a judge takes intakes only, and well-formed values to read over")
  func judges() {
    let rows: [RefusedRow] = [
      .init(#"{"op":"get","handover":"1"}"#, "unknownOp", "op"),
      .init(#"{"receivedBy":"110","channel":"phone"}"#, "missingField", "facts"),
      .init(#"{"channel":"phone","text":""}"#, "missingField", "receivedBy"),
      .init(
        #"{"receivedBy":"110","channel":"phone","text":"","handover":"1"}"#, "unknownField",
        "handover"),
      .init(#"{"why":[1,]}"#, "badJson", ""), .init(#"{"why":{"a" 1}}"#, "badJson", ""),
      .init(#"{"why":01}"#, "badJson", ""), .init(#"{"why":nul}"#, "badJson", ""),
      .init(#"{"why":"\ud800"}"#, "badText", ""),
      .init(#"{"why":1,"why":2}"#, "duplicateField", "why"),
    ]
    for row in rows {
      let read = ReadLine(row.line, WEIR_MESSAGE_JUDGE)
      #expect(
        !read.taken && read.refusal == row.refusal && read.field == row.field,
        "\(row.line): \(read.refusal) \(read.field)")
      #expect(difference(Array(row.line.utf8), WEIR_MESSAGE_JUDGE).0 == nil)
    }
  }
}

/// Lines out of a seed: mostly right, often a little wrong.
private struct LineMaker {
  var chance: Chance

  init(seed: UInt64) { chance = Chance(seed: seed) }

  static let texts = [
    "", "x", "中文", "r-1", "417-6", "110", "12345", "１２３ 456", #"\n"#, #"\u4e00\ud83d\ude00"#,
    #"\u200b"#, #"\ud800"#, #"\u0000"#, "a\"b", "😀", "\u{FEFF}", "\u{2066}", "13800000000",
    "513301", "phone", "fire", String(repeating: "长", count: 33), String(repeating: "x", count: 65),
  ]
  static let fields: [(name: String, values: [String])] = [
    ("ref", [#""r-1""#, #""\u0072""#]), ("receivedBy", [#""12345""#, #""110""#]),
    ("channel", [#""phone""#, #""internet""#]),
    ("receivedAt", [#""2026-11-23T18:31:00.120+08:00""#, #""2026-13-01T00:00:00Z""#]),
    ("facts", ["[]", #"["fire"]"#, #"["dangerToLife","\u0065scalated"]"#, #"["fire","fire"]"#]),
    ("text", [#""有人落水""#, #""a\tb""#, #""""#]),
    ("caller", ["{}", #"{"name":"扎西","phone":"+86-1"}"#, #"{"phone":"1"}"#, #"{"x":1}"#]),
    ("place", ["{}", #"{"lon":101.96,"lat":-3e1}"#, #"{"county":"513301"}"#, #"{"lat":1}"#]),
    ("seat", [#""A07""#]), ("redialledFrom110", ["true", "false"]), ("confidential", ["true"]),
    ("drill", ["false", "0"]), ("handover", [#""417-6""#]), ("report", [#""R-1""#]),
    ("by", [#""班长""#]), ("at", [#""2026-11-23T10:31:00Z""#]), ("reason", [#""r\n""#]),
    ("cause", [#""noAnswer""#, #""other""#, #""none""#]), ("owner", [#""110""#, #""12345""#]),
    ("department", [#""住建局""#]), ("answer", [#""是""#]), ("reached", ["true", "false"]),
    ("code", [#""123456""#]), ("after", ["0", "77", "-0", "1.0", "9223372036854775807"]),
    ("until", [#""2026-11-23T10:31:00Z""#]), ("range", [#""1-500""#, #""1 5""#]),
    ("id", [#""x1""#]), ("expected", ["null", #"{"a":[1,{}]}"#]), ("why", [#""\u007f""#]),
  ]
  static let needed: [String: [String]] = [
    "intake": ["ref", "receivedBy", "channel", "facts", "text"],
    "update": ["ref", "handover", "text"],
    "get": ["handover"], "admit": ["id", "by", "reason"], "watch": ["after"], "status": [],
    "metrics": ["ref"], "drill": ["until", "by"], "digest": ["range", "code", "by"],
    "reload": ["path", "reason", "by", "second"],
    "transferFailed": ["cause"], "callerTold": ["by"], "agreed": ["owner"],
    "dangerRaised": ["facts"],
    "dangerCleared": ["by", "reason"], "verified": ["department", "answer"], "guided": ["reached"],
    "referred": ["department"], "receipt": ["code"], "cancelled": ["reason"],
  ]

  mutating func space() -> String { chance.below(12) == 0 ? chance.pick([" ", "\t ", "\r"]) : "" }

  mutating func line() -> [UInt8] {
    let op = chance.pick([
      "intake", "intake", "update", "event", "event", "event", "get", "watch", "status", "metrics",
      "admit", "drill", "digest", "trace", "reload",
    ])
    var names = Self.needed[op] ?? ["handover"]
    var members: [String] = chance.below(20) == 0 ? [] : [#""op":"\#(op)""#]
    if op == "event" {
      let event = String(cString: weir_event_name(UInt32(chance.below(Int(WEIR_EVENT_COUNT)))))
      names += Self.needed[event] ?? []
      members.append(#""event":"\#(event)""#)
    }
    if chance.below(8) == 0, !names.isEmpty { names.remove(at: chance.below(names.count)) }
    while chance.below(3) == 0 { names.append(chance.pick(Self.fields).name) }
    for name in names {
      let known = Self.fields.first { $0.name == name }?.values ?? []
      let value =
        known.isEmpty || chance.below(16) == 0
        ? #""\#(chance.pick(Self.texts))""# : chance.pick(known)
      members.append(#"\#(space())"\#(name)"\#(space()):\#(space())\#(value)\#(space())"#)
    }
    for i in members.indices { members.swapAt(i, chance.below(members.count)) }
    var bytes = Array("{\(members.joined(separator: ","))}".utf8)
    while chance.below(4) == 0 { mutate(&bytes) }
    return bytes
  }

  mutating func mutate(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    let at = chance.below(bytes.count)
    switch chance.below(5) {
    case 0: bytes[at] = UInt8(chance.below(256))
    case 1: bytes[at] ^= 1 << UInt8(chance.below(8))
    case 2: bytes.remove(at: at)
    case 3: bytes.insert(chance.pick(Array("\"\\{}[]:,0-e \n\u{7F}".utf8)), at: at)
    default: bytes.removeSubrange(at...)
    }
  }
}

@Suite("Messages read twice")
struct MessageOracleTests {
  @Test(
    "a second, slow reader agrees on what is taken, and on the label", arguments: UInt64(0)..<64)
  func agreement(seed: UInt64) {
    var maker = LineMaker(seed: seed)
    var takenCount = 0
    for _ in 0..<400 {
      let line = maker.line()
      for mode in [WEIR_MESSAGE_UNIT, WEIR_MESSAGE_JUDGE] {
        let (name, taken) = difference(line, mode)
        #expect(name == nil, "seed \(seed), \(mode): \(String(decoding: line, as: UTF8.self))")
        if taken { takenCount += 1 }
      }
    }
    #expect(takenCount > 40, "the lines of a seed must not all be refused: \(takenCount)")
  }

  @Test("whatever bytes come, a line is taken or refused by name", arguments: UInt64(100)..<116)
  func mutations(seed: UInt64) {
    var maker = LineMaker(seed: seed)
    for _ in 0..<200 {
      var line = maker.line()
      for _ in 0..<maker.chance.below(12) { maker.mutate(&line) }
      let read = ReadLine(bytes: line)
      #expect(read.taken == (read.refusal == "none"), "seed \(seed)")
      #expect(!read.taken || read.field.isEmpty)
    }
  }
}
