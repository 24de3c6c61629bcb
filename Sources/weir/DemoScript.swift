/// What the demo plays: matters of every kind, and what the seats do about them.
struct DemoMatter {
  /// When something is done.
  enum Moment {
    /// Seconds after the matter came in.
    case after(Double)
    /// Minutes, as long as the demo has them, after the matter came in.
    case minutes(Double)
  }

  /// What a seat does.
  struct Act {
    /// When.
    let at: Moment
    /// The event's name; `reportAcknowledged` names the matter's report.
    let event: String
    /// Members of the request beside those that every event has; values are JSON.
    var members: [(key: String, json: String)] = []
    /// What the view adds to the event's name.
    var note = ""
  }

  /// Unique here.
  let key: String
  let platform: String
  let channel: String
  let facts: [String]
  let text: String
  let seat: String
  /// Further members of the intake; values are JSON.
  var members: [(key: String, json: String)] = []
  /// Whether 110 must learn of it: what the summary holds the delivered files against.
  var isPolices = false
  var acts: [Act] = []
}

extension DemoMatter {
  /// Seconds between two matters.
  static let gap = 0.9

  /// The matters in their order.
  static let all: [DemoMatter] = [
    DemoMatter(
      key: "river", platform: "12345", channel: "phone", facts: ["dangerToLife"],
      text: "泸定桥下有人落水,正被冲走", seat: "A07",
      members: [
        ("caller", #"{"name":"扎西","phone":"13800000000"}"#),
        ("place", #"{"county":"513322","address":"泸定桥下游二百米"}"#),
      ], isPolices: true,
      acts: [
        Act(at: .after(0.3), event: "transferStarted"),
        Act(at: .after(1.3), event: "transferAnswered", note: ":时限内完成"),
      ]),
    DemoMatter(
      key: "knife", platform: "12345", channel: "phone", facts: ["publicOrder", "dangerToLife"],
      text: "邻居持刀砸门,家里有老人", seat: "A11", isPolices: true,
      acts: [
        Act(at: .after(0.4), event: "transferStarted"),
        Act(at: .minutes(1.15), event: "callerTold"),
        Act(
          at: .minutes(1.4), event: "reportAcknowledged", members: [("by", "\"李主任\"")],
          note: "(李主任)"),
        Act(at: .minutes(1.6), event: "transferAnswered", note: ":已超时,超时留痕"),
      ]),
    DemoMatter(
      key: "thief", platform: "12345", channel: "phone", facts: ["crime"],
      text: "店里手机被偷,小偷刚跑出门", seat: "A03", isPolices: true,
      acts: [
        Act(at: .after(0.3), event: "transferStarted"),
        Act(
          at: .after(1.2), event: "transferFailed", members: [("cause", "\"busy\"")], note: ":占线"),
        Act(at: .after(2.0), event: "callerTold"),
        Act(
          at: .after(3.4), event: "reportAcknowledged", members: [("by", "\"李主任\"")],
          note: "(李主任)"),
        Act(at: .after(4.2), event: "calledOnBehalf"),
        Act(at: .after(5.0), event: "transferAnswered"),
      ]),
    DemoMatter(
      key: "gas", platform: "12345", channel: "internet",
      facts: ["utilityHazard", "dangerToPublic"],
      text: "楼道燃气味很重,有人点烟", seat: "B02", isPolices: true,
      acts: [
        Act(at: .after(0.5), event: "transferStarted"),
        Act(at: .after(1.6), event: "transferAnswered"),
      ]),
    DemoMatter(
      key: "bike", platform: "12345", channel: "internet", facts: ["crime"],
      text: "上周电瓶车被盗,补充购车发票", seat: "B02", isPolices: true),
    DemoMatter(
      key: "road", platform: "12345", channel: "phone", facts: ["nonUrgentRequest"],
      text: "咨询通村公路什么时候硬化", seat: "A05"),
    DemoMatter(
      key: "wall", platform: "12345", channel: "phone", facts: ["responsibilityUnclear"],
      text: "施工队和村民为院墙争执,互相推搡", seat: "A09", isPolices: true,
      acts: [
        Act(at: .after(0.4), event: "threeWayStarted"),
        Act(at: .after(1.1), event: "threeWayJoined", note: ":110已加入"),
        Act(at: .after(2.0), event: "agreed", members: [("owner", "\"110\"")], note: ":由110受理"),
        Act(at: .after(2.6), event: "transferAnswered"),
      ]),
    DemoMatter(
      key: "noise", platform: "12345", channel: "phone", facts: ["responsibilityUnclear"],
      text: "楼下茶馆深夜喧闹,管不管不清楚", seat: "A05",
      acts: [
        Act(at: .after(0.4), event: "threeWayStarted"),
        Act(at: .after(1.8), event: "notAgreed", note: "(12345)"),
      ]),
    DemoMatter(
      key: "tree", platform: "12345", channel: "phone", facts: ["scopeUnclear"],
      text: "古树被围起来收费,不知归谁管", seat: "A12",
      acts: [
        Act(
          at: .after(0.9), event: "verified",
          members: [("department", "\"州林业和草原局\""), ("answer", "\"属本局职责,请其来电\"")],
          note: ":州林业和草原局"),
        Act(at: .after(1.7), event: "guided", members: [("reached", "true")]),
      ]),
    DemoMatter(
      key: "court", platform: "12345", channel: "phone", facts: ["legalOrPetitionProcess"],
      text: "不服法院判决,要求改判", seat: "A09"),
    DemoMatter(
      key: "heart", platform: "12345", channel: "phone", facts: ["dangerToLife", "medicalOnly"],
      text: "父亲胸口剧痛,喘不上气", seat: "A07",
      acts: [
        Act(at: .after(0.3), event: "transferStarted"),
        Act(at: .after(1.1), event: "guided", members: [("reached", "true")], note: ":120已接听"),
      ]),
    DemoMatter(
      key: "again", platform: "12345", channel: "phone", facts: ["nonUrgentRequest"],
      text: "110让我改拨12345:路灯坏了", seat: "A03", members: [("redialledFrom110", "true")]),
    DemoMatter(
      key: "dam", platform: "12345", channel: "phone",
      facts: ["nonUrgentRequest", "dangerToPublic"],
      text: "矿渣堆往下滑,下面有帐篷", seat: "A11", isPolices: true,
      acts: [
        Act(at: .after(0.3), event: "transferStarted"),
        Act(at: .after(1.0), event: "transferAnswered", note: ":先行派警"),
        Act(
          at: .after(2.0), event: "agreed", members: [("owner", "\"12345\"")], note: ":后续由12345受理"),
      ]),
    DemoMatter(
      key: "lost", platform: "12345", channel: "phone", facts: ["missingPerson"],
      text: "老人走失", seat: "A12", members: [("priority", "1")]),
  ]
}
