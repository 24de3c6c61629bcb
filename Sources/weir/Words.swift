import WeirModel
import WeirRuntime

/// What desks call things, in Chinese.
enum Words {
  /// A phase by its name in records.
  static func phase(_ name: String) -> String {
    [
      "accepted": "已受理", "transferring": "转接中", "late": "已超时", "transferred": "已转接",
      "callerTold": "已告知自拨", "online": "在线转交", "talking": "协商中",
      "dispatchedFirst": "先行派警", "verifying": "核实中", "guided": "已引导",
      "redialAdvised": "已告知改拨", "referred": "已转部门", "closed": "已办结",
    ][name] ?? name
  }

  /// An event by its name in records.
  static func event(_ name: String) -> String {
    name == "phoneItIn" ? "危险来件被拒,须电话办理" : StepWords.chinese(name) ?? name
  }

  /// The event of a journalled entry; who joined a three-way call or left it stands in its request.
  static func event(of entry: Json) -> String {
    let name = entry["event"].text ?? "?"
    if entry["byDigest"].isTrue { return "对账码已核对" }
    guard name == "threeWayJoined" else { return event(name) }
    let who = entry["request"]["party"].text ?? "110"
    let verb = entry["request"]["left"].isTrue ? "离开" : "已加入"
    return "\(party(who))\(verb)三方通话"
  }

  private static func party(_ name: String) -> String { name == "caller" ? "诉求人" : name }

  /// Who is in a three-way call; nil when nobody is.
  static func parties(_ names: [String]) -> String? {
    names.isEmpty ? nil : names.map(party).joined(separator: "、")
  }

  /// Why a platform keeps a matter after talks.
  static func ground(_ name: String) -> String {
    [
      "agreed": "协商一致", "firstReceiver": "首先接到", "callerStatement": "诉求人称由110转来",
      "earlierContact": "此前已接触",
    ][name] ?? name
  }

  /// An action by its name in decisions.
  static func action(_ name: String) -> String {
    [
      "acceptHere": "本台受理", "transferByPhone": "电话转接", "transferOnline": "在线转交",
      "adviseRedial12345": "告知改拨12345", "referToDepartment": "转有关部门",
      "explainAndGuide": "解释引导", "threeWayCall": "三方通话", "talk": "电话协商",
      "verifyWithDepartment": "向部门核实", "dispatchFirst": "先行派警",
    ][name] ?? name
  }

  /// An owner by its name in decisions.
  static func owner(_ name: String) -> String {
    ["neither": "都不受理", "unclear": "待定"][name] ?? name
  }

  /// Why a transfer failed.
  static func cause(_ name: String) -> String {
    [
      "network": "网络故障", "trunk": "中继故障", "noAnswer": "无人接听", "busy": "占线", "platform": "平台故障",
      "callerHungUp": "来电人挂断", "other": "其他",
    ][name] ?? name
  }

  /// The state of a voice leg.
  static func voice(_ name: String) -> String {
    ["none": "—", "due": "待接", "ringing": "响铃", "answered": "已接", "failed": "失败"][name] ?? name
  }

  /// The state of a data leg.
  static func data(_ name: String) -> String {
    ["none": "—", "queued": "待发", "onLink": "已发", "confirmed": "确认", "expired": "逾期"][name] ?? name
  }

  /// The state of a report leg.
  static func report(_ name: String) -> String {
    ["none": "—", "due": "待报", "raised": "已报", "acknowledged": "签收"][name] ?? name
  }

  /// Digits as a radio says them.
  static func radio(_ digits: String) -> String {
    let names: [Character: String] = [
      "0": "洞", "1": "幺", "2": "两", "3": "三", "4": "四", "5": "五", "6": "六", "7": "拐", "8": "八",
      "9": "勾",
    ]
    return digits.map { names[$0] ?? String($0) }.joined()
  }

  /// What a report is about.
  static func reportKind(_ name: String) -> String {
    ["cannotTransfer": "无法转接", "late": "超时"][name] ?? name
  }

  /// Platform and channel of a record.
  static func source(_ platform: String, _ channel: String) -> String {
    platform + (channel == "internet" ? "网络" : "电话")
  }

  /// What `reached` or `owner` or a cause adds to an event.
  static func facts(_ names: [String], policy: (Fact) -> String) -> String {
    names.map { Fact(name: $0).map(policy) ?? $0 }.joined(separator: "、")
  }
}
