import CWeirBase
import CWeirMessage
import CWeirMessageOracle
import Testing

/// One line, read: what the tests look at of a label or a fault, copied out of borrowed memory.
struct ReadLine {
  var taken: Bool
  var refusal: String
  var field: String
  var message: weir_message
  /// The label's strings by name; those that the line did not hold are empty.
  var texts: [String: String]

  init(_ line: String, _ mode: weir_message_mode = WEIR_MESSAGE_UNIT) {
    self.init(bytes: Array(line.utf8), mode)
  }

  init(bytes: [UInt8], _ mode: weir_message_mode = WEIR_MESSAGE_UNIT) {
    var message = weir_message()
    var fault = weir_message_fault()
    var texts: [String: String] = [:]
    var scratch = [UInt8](repeating: 0, count: Int(WEIR_MESSAGE_SCRATCH))
    var taken = false
    bytes.withUnsafeBufferPointer { line in
      scratch.withUnsafeMutableBufferPointer { scratch in
        let view = weir_bytes(at: line.baseAddress, count: line.count)
        taken = weir_message_read(view, mode, scratch.baseAddress, &message, &fault)
        texts = ReadLine.texts(of: message)
      }
    }
    self.taken = taken
    self.message = message
    self.texts = texts
    refusal = String(cString: weir_refusal_name(UInt32(fault.refusal)))
    field = withUnsafeBytes(of: fault.field) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  private static func texts(of m: weir_message) -> [String: String] {
    let views = [
      "ref": m.ref, "text": m.text, "name": m.name, "phone": m.phone, "address": m.address,
      "lon": m.lon, "lat": m.lat, "seat": m.seat, "handover": m.handover, "report": m.report,
      "by": m.by, "reason": m.reason, "department": m.department, "answer": m.answer,
      "code": m.code, "id": m.id,
    ]
    return views.mapValues {
      String(decoding: UnsafeBufferPointer(start: $0.at, count: $0.count), as: UTF8.self)
    }
  }

  func has(_ bits: Int...) -> Bool { message.present == bits.reduce(0) { $0 | UInt32($1) } }
}

/// What the two readers differ in; nil when they agree.
func difference(_ bytes: [UInt8], _ mode: weir_message_mode) -> (String?, taken: Bool) {
  var taken = false
  let name = bytes.withUnsafeBufferPointer {
    weir_oracle_difference(weir_bytes(at: $0.baseAddress, count: $0.count), mode, &taken)
  }
  return (name.map { String(cString: $0) }, taken)
}

private func facts(_ names: String...) -> UInt32 {
  names.reduce(0) { word, name in
    let bit = (0..<UInt32(WEIR_FACT_COUNT)).first { String(cString: weir_fact_name($0)) == name }
    return word | (bit.map { 1 << $0 } ?? 0)
  }
}

/// The smallest intake, with more fields behind it.
func intake(_ more: String = #""facts":[]"#) -> String {
  #"{"op":"intake","ref":"r1","receivedBy":"12345","channel":"phone",\#(more)}"#
}

func event(_ name: String, _ more: String = "") -> String {
  #"{"op":"event","handover":"417-6","event":"\#(name)"\#(more)}"#
}

@Suite("Messages that are taken")
struct MessageTests {
  @Test("a whole intake is read into the label, field by field")
  func wholeIntake() {
    let line = ReadLine(
      #"{"op":"intake","ref":"A07-20261123-0417","receivedBy":"12345","channel":"phone","#
        + #""receivedAt":"2026-11-23T18:31:00.120+08:00","facts":["dangerToLife","fire"],"#
        + #""text":"河边有人落水","caller":{"name":"扎西","phone":"13800000000"},"#
        + #""place":{"county":"513301","address":"河边","lon":101.96,"lat":-30.05e0},"#
        + #""seat":"A07","redialledFrom110":true,"confidential":false,"drill":true}"#)
    #expect(line.taken, "\(line.refusal) \(line.field)")
    #expect(line.message.op == WEIR_OP_INTAKE)
    #expect(line.message.platform == WEIR_PLATFORM_12345)
    #expect(line.message.channel == WEIR_CHANNEL_PHONE)
    #expect(line.message.received_at_ms == 1_795_429_860_120)
    #expect(line.message.facts == facts("dangerToLife", "fire"))
    #expect(line.message.county == 513301)
    #expect(line.message.redialled && !line.message.confidential && line.message.drill)
    let wanted = [
      "ref": "A07-20261123-0417", "text": "河边有人落水", "name": "扎西", "phone": "13800000000",
      "address": "河边", "lon": "101.96", "lat": "-30.05e0", "seat": "A07",
    ]
    #expect(line.texts.filter { !$0.value.isEmpty } == wanted)
    #expect(
      line.has(
        WEIR_HAS_REF, WEIR_HAS_RECEIVED_AT, WEIR_HAS_FACTS, WEIR_HAS_TEXT, WEIR_HAS_CALLER,
        WEIR_HAS_NAME, WEIR_HAS_PHONE, WEIR_HAS_PLACE, WEIR_HAS_COUNTY, WEIR_HAS_ADDRESS,
        WEIR_HAS_POINT, WEIR_HAS_SEAT))
  }

  static let good = [
    intake(),
    intake(#""text":"""#),
    intake(#""facts":[],"caller":{},"place":{}"#),
    intake(#""text":"x","caller":{"name":"","phone":"110"},"place":{"address":""}"#),
    intake(#""text":"x","place":{"lon":-180,"lat":90.000}"#),
    intake(#""text":"x","place":{"lat":-9e1,"lon":1.8E+2}"#),
    intake(#""text":"x","place":{"lat":-0,"lon":0.0e-7}"#),
    intake(#""text":"x","caller":{"phone":"+86-836-2812110"}"#),
    #" { "channel" : "internet" , "text" : "x" ,"ref":"._:-", "receivedBy":"110", "#
      + #""op":"intake" } "#,
    #"{"\u006fp":"\u0069ntake","ref":"\u0072","receivedBy":"110","channel":"phone","facts":[]}"#,
    "\t\r\n" + intake() + "\r\n",
    #"{"op":"update","ref":"r","handover":"kd1-20261123-000417","facts":["escalated"]}"#,
    #"{"op":"update","ref":"r","handover":"417-6","text":"x","by":"a","reason":"r\n","seat":"s"}"#,
    #"{"op":"update","ref":"r","handover":"417-6","place":{},"at":"2026-11-23T10:31:00Z"}"#,
    #"{"op":"update","ref":"r","handover":"417-6","caller":{"name":"x"}}"#,
    event("transferStarted", #","by":"A07","at":"2026-11-23T18:31:00+08:00","seat":"A07""#),
    event("transferAnswered", #","ref":"r","reason":"x""#),
    event("transferFailed", #","cause":"noAnswer""#),
    event("callerTold", #","by":"A07""#),
    event("callerGone"), event("calledOnBehalf"), event("threeWayStarted"),
    event("threeWayJoined"), event("talkStarted"), event("agreed", #","owner":"110""#),
    event("notAgreed"), event("dangerRaised"),
    event("dangerRaised", #","facts":["dangerToLife","socialStability"],"text":"x""#),
    event("dangerCleared", #","by":"班长","reason":"误报""#),
    event("verified", #","department":"住建局""#),
    event("verified", #","department":"住建局","answer":"是\t的""#),
    event("guided", #","reached":false"#), event("redialAdvised"),
    event("referred", #","department":"医保局""#), event("receipt", #","code":"１２３ 456""#),
    event("reportAcknowledged"),
    #"{"op":"event","report":"R-7","event":"reportAcknowledged","by":"x"}"#,
    event("escalated"), event("cancelled", #","reason":"x""#), event("closed"),
    #"{"op":"get","handover":"417-6"}"#, #"{"ref":"r","handover":"417-6","op":"get"}"#,
    #"{"op":"watch"}"#, #"{"op":"watch","after":0}"#,
    #"{"after":9223372036854775807,"op":"watch","ref":"w"}"#,
    #"{"op":"status"}"#, #"{"op":"metrics","ref":"m"}"#,
    #"{"op":"admit","id":"boot 7","by":"王","reason":"换机"}"#,
    #"{"op":"drill"}"#, #"{"op":"drill","by":"S01"}"#,
    #"{"op":"drill","until":"2026-11-23T12:00:00+08:00","by":"S01","reason":"月度演练"}"#,
    #"{"op":"trace","handover":"417-6"}"#,
    #"{"op":"digest"}"#, #"{"op":"digest","id":"kd1","range":"1-500"}"#,
    #"{"op":"digest","range":"1-500","code":"1234 5678","by":"王"}"#,
    #"{"op":"reload"}"#, #"{"op":"reload","path":"/etc/weir/p.yaml","by":"王","second":"李"}"#,
  ]

  @Test("every operation and event is taken with what it needs", arguments: good)
  func taken(line: String) {
    let read = ReadLine(line)
    #expect(read.taken, "\(read.refusal) \(read.field)")
    #expect(difference(Array(line.utf8), WEIR_MESSAGE_UNIT).0 == nil)
  }

  @Test("an event's own fields reach the label")
  func eventFields() {
    #expect(
      ReadLine(event("transferFailed", #","cause":"trunk""#)).message.cause == WEIR_CAUSE_TRUNK)
    #expect(ReadLine(event("agreed", #","owner":"12345""#)).message.owner == WEIR_PLATFORM_12345)
    #expect(ReadLine(event("guided", #","reached":true"#)).message.reached)
    #expect(!ReadLine(event("guided", #","reached":false"#)).message.reached)
    let receipt = ReadLine(event("receipt", #","code":"１２３ 456""#))
    #expect(receipt.texts["code"] == "１２３ 456")
    #expect(receipt.has(WEIR_HAS_HANDOVER, WEIR_HAS_CODE))
    #expect(receipt.message.event == WEIR_EVENT_RECEIPT)
    #expect(ReadLine(#"{"op":"watch","after":77}"#).message.after == 77)
  }

  @Test(
    "every fact is known by its name and has its own bit", arguments: 0..<UInt32(WEIR_FACT_COUNT))
  func everyFact(bit: UInt32) {
    let name = String(cString: weir_fact_name(bit))
    let line = intake(#""facts":["\#(name)"]"#)
    #expect(ReadLine(line).message.facts == 1 << bit)
    let shown = Array(line.dropLast(3).utf8)
    shown.withUnsafeBufferPointer {
      let view = weir_bytes(at: $0.baseAddress, count: $0.count)
      #expect(weir_message_facts_shown(view) == 0, "the closing quote is gone")
    }
  }

  @Test("names are known both ways, and a number outside a list has none")
  func lists() {
    let lists: [((UInt32) -> UnsafePointer<CChar>?, count: Int)] = [
      (weir_fact_name, WEIR_FACT_COUNT), (weir_op_name, WEIR_OP_COUNT),
      (weir_event_name, WEIR_EVENT_COUNT), (weir_cause_name, WEIR_CAUSE_COUNT),
      (weir_platform_name, 3), (weir_channel_name, 3),
      (weir_refusal_name, WEIR_REFUSAL_COUNT), (weir_refusal_text, WEIR_REFUSAL_COUNT),
    ].map { ($0.0, Int($0.1)) }
    for list in lists {
      let names = (0..<list.count).compactMap { list.0(UInt32($0)) }
      #expect(Set(names.map { String(cString: $0) }).count == list.count)
      #expect(list.0(UInt32(list.count)) == nil)
      #expect(list.0(.max) == nil)
    }
  }

  static let spellings: [(written: String, read: String)] = [
    (#"\"\\\/"#, #""\/"#), (#"a\nb\tc"#, "a\nb\tc"), (#"\u4e00\u4E01"#, "一丁"),
    (#"\ud83d\ude00!"#, "😀!"), (#"\uD800\uDC00\udbff\udfff"#, "\u{10000}\u{10FFFF}"),
    (#"中\u0061文"#, "中a文"), (#"\u00e9\u07ff\u0800\uffff"#, "é\u{7FF}\u{800}\u{FFFF}"),
    (
      "\u{7E}\u{A0}\u{200A}\u{2010}\u{2029}\u{202F}\u{2065}\u{206A}",
      "\u{7E}\u{A0}\u{200A}\u{2010}\u{2029}\u{202F}\u{2065}\u{206A}"
    ),
    ("\u{D7FF}\u{E000}\u{FEFE}\u{FF00}\u{10FFFF}", "\u{D7FF}\u{E000}\u{FEFE}\u{FF00}\u{10FFFF}"),
  ]

  @Test("escapes are decoded wherever they stand in the string", arguments: spellings)
  func escapes(row: (written: String, read: String)) {
    for filler in ["", "1234567", "12345678", "一二三四五六七八"] {
      let line = ReadLine(intake(#""text":"\#(filler)\#(row.written)\#(filler)","seat":"\u0041""#))
      #expect(line.texts["text"] == filler + row.read + filler, "\(line.refusal)")
      #expect(line.texts["seat"] == "A", "one string decoded does not touch another")
    }
  }

  @Test("lengths count characters, not bytes: the longest passes, one more does not")
  func lengths() {
    let limits: [(field: String, most: Int, write: (String) -> String)] = [
      ("text", 2000, { intake(#""text":"\#($0)""#) }),
      ("seat", 16, { intake(#""text":"","seat":"\#($0)""#) }),
      ("caller.name", 64, { intake(#""text":"","caller":{"name":"\#($0)"}"#) }),
      ("place.address", 200, { intake(#""text":"","place":{"address":"\#($0)"}"#) }),
      ("by", 32, { event("callerTold", #","by":"\#($0)""#) }),
      ("reason", 500, { event("cancelled", #","reason":"\#($0)""#) }),
      ("department", 64, { event("referred", #","department":"\#($0)""#) }),
      ("code", 32, { event("receipt", #","code":"\#($0)""#) }),
    ]
    for limit in limits {
      for letter in ["x", "é", "中", "😀", #"\u4e00"#, #"\ud83d\ude00"#] {
        let longest = String(repeating: letter, count: limit.most)
        #expect(ReadLine(limit.write(longest)).taken, "\(limit.field) \(letter)")
        let over = ReadLine(limit.write(longest + "y"))
        #expect(over.refusal == "tooLong" && over.field == limit.field)
      }
    }
  }

  @Test("worked cases are read by a judge, and by nobody else")
  func workedCases() {
    let lines = [
      #"{"id": "x1", "receivedBy": "110", "channel": "phone", "text": "楼道里有煤气味。", "#
        + #""facts": ["utilityHazard", "dangerToPublic"], "expected": {"owner": "110", "clause": "#
        + #""二(三)", "action": "acceptHere", "emergency": true}, "difficulty": "plain", "#
        + #""why": "Gas."}"#,
      #"{"id":"x2","receivedBy":"12345","channel":"internet","text":"社保卡丢了","facts":[],"#
        + #""expected":[[{"a":[null,-1.5e3,"\u0000\u007f"]}],{}],"difficulty":3,"why":null}"#,
    ]
    for line in lines {
      let judged = ReadLine(line, WEIR_MESSAGE_JUDGE)
      #expect(judged.taken, "\(judged.refusal) \(judged.field)")
      #expect(judged.texts["id"]?.hasPrefix("x") == true)
      #expect(judged.message.op == WEIR_OP_INTAKE)
      #expect(difference(Array(line.utf8), WEIR_MESSAGE_JUDGE).0 == nil)
      #expect(!ReadLine(line).taken)
    }
    #expect(ReadLine(nestedCase(depth: 16), WEIR_MESSAGE_JUDGE).taken)
    #expect(!ReadLine(nestedCase(depth: 17), WEIR_MESSAGE_JUDGE).taken)
  }

  private func nestedCase(depth: Int) -> String {
    let lists = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    return #"{"receivedBy":"110","channel":"phone","text":"","expected":\#(lists)}"#
  }

  @Test("the same values are the same however they are written, and any other value is not")
  func same() {
    let one = #""text":"一","place":{"lon":101.5,"lat":30}"#
    let rows: [(String, same: Bool)] = [
      (#""place":{"lat":3e1,"lon":101.50},"text":"\u4e00""#, true),
      (#""text":"二","place":{"lon":101.5,"lat":30}"#, false),
      (#""text":"一","place":{"lon":101.5,"lat":31}"#, false),
      (#""text":"一","place":{"lon":101.4,"lat":30}"#, false),
      (#""text":"一","place":{"lon":101.5,"lat":30},"drill":true"#, false),
      (#""text":"一","place":{"lon":101.5,"lat":30},"confidential":true"#, false),
      (#""text":"一","place":{"lon":101.5,"lat":30},"redialledFrom110":true"#, false),
      (#""text":"一","place":{"lon":101.5,"lat":30},"facts":[]"#, false),
      (#""text":"一","place":{"lon":101.5,"lat":30},"facts":["fire"]"#, false),
      (#""text":"一","place":{"lon":101.5,"lat":30},"caller":{}"#, false),
      (#""text":"一","place":{"lon":101.5,"lat":30,"county":"513301"}"#, false),
      (#""text":"一","place":{"lon":101.5,"lat":30},"receivedAt":"2026-11-23T10:31:00Z""#, false),
      (#""text":"一""#, false),
    ]
    for row in rows { #expect(readTheSame(intake(one), intake(row.0)) == row.same, "\(row.0)") }
    #expect(
      !readTheSame(event("agreed", #","owner":"110""#), event("agreed", #","owner":"12345""#)))
    #expect(!readTheSame(event("closed"), event("escalated")))
    #expect(!readTheSame(#"{"op":"watch","after":1}"#, #"{"op":"watch","after":2}"#))
    #expect(!readTheSame(#"{"op":"watch"}"#, #"{"op":"watch","after":0}"#))
  }

  private func readTheSame(_ a: String, _ b: String) -> Bool {
    let (one, two) = (Array(a.utf8), Array(b.utf8))
    var scratches = [UInt8](repeating: 0, count: 2 * Int(WEIR_MESSAGE_SCRATCH))
    return scratches.withUnsafeMutableBufferPointer { scratch in
      one.withUnsafeBufferPointer { one in
        two.withUnsafeBufferPointer { two in
          var (m, n, fault) = (weir_message(), weir_message(), weir_message_fault())
          let other = scratch.baseAddress.map { $0 + Int(WEIR_MESSAGE_SCRATCH) }
          let first = weir_bytes(at: one.baseAddress, count: one.count)
          let second = weir_bytes(at: two.baseAddress, count: two.count)
          #expect(weir_message_read(first, WEIR_MESSAGE_UNIT, scratch.baseAddress, &m, &fault))
          #expect(weir_message_read(second, WEIR_MESSAGE_UNIT, other, &n, &fault))
          #expect(weir_message_same(&m, &m))
          return weir_message_same(&m, &n) && weir_message_same(&n, &m)
        }
      }
    }
  }

  /// Which facts show where escapes are read, and where they are not.
  @Test("facts show through a line that nobody can read, also when escapes spell them")
  func shown() {
    let fire = facts("fire")
    let life = #""\u0064\u0061\u006e\u0067\u0065\u0072\u0054\u006F\u004C\u0069\u0066\u0065""#
    let rows: [(line: String, shown: UInt32, plain: UInt32)] = [
      ("", 0, 0), (#"""#, 0, 0), (#""fire""#, fire, fire), (#"fire"#, 0, 0), (#""fire"#, 0, 0),
      (#"{"facts":["fire","crime" broken"#, facts("fire", "crime"), facts("fire", "crime")),
      (#"x"fire"crime"y"#, facts("fire", "crime"), facts("fire", "crime")),
      (#""Fire" "fires" " fire""#, 0, 0),
      (#"{"text":"dangerToLife","#, facts("dangerToLife"), facts("dangerToLife")),
      (#"{"facts":["fir\u0065","crime" broken"#, facts("fire", "crime"), facts("crime")),
      (life, facts("dangerToLife"), 0), (#""\u0066ire\"fire""#, fire, fire),
      (#""\u0066ire\""#, 0, 0), (#""fir\u00""#, 0, 0), (#""fir\u0165""#, 0, 0),
      (#""fir\e""#, 0, 0), (#""fire\u0000""#, 0, 0), (#""\"#, 0, 0),
    ]
    for row in rows {
      Array(row.line.utf8).withUnsafeBufferPointer {
        let view = weir_bytes(at: $0.baseAddress, count: $0.count)
        #expect(weir_message_facts_shown(view) == row.shown, "\(row.line)")
        #expect(weir_message_facts_plain(view) == row.plain, "\(row.line)")
      }
    }
  }
}
