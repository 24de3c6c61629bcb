import WeirModel

/// What desks call that which happens to a matter, in Chinese.
public enum StepWords {
  /// - Parameters:
  ///   - name: of the step in records: an event's, `intake` or `update`.
  ///   - target: who is dialled for the matter, `110` or `120`; nil where that is not known.
  /// - Returns: nil when nothing has that name.
  public static func chinese(_ name: String, target: String? = nil) -> String? {
    switch name {
    case "intake": "来件"
    case "update": "补充"
    default: EventKind.allCases.first { $0.name == name }.map { event($0, target: target) }
    }
  }

  private static func event(_ event: EventKind, target: String?) -> String {
    switch event {
    case .transferStarted: "开始转接,电话响铃"
    case .transferAnswered: "\(target ?? "对方")已接听"
    case .transferFailed: "转接失败"
    case .callerTold: target.map { "已告知诉求人自行拨打\($0)" } ?? "已告知诉求人自行拨号"
    case .callerGone: "来电人已挂断"
    case .calledOnBehalf: target.map { "代诉求人拨打\($0)" } ?? "代诉求人拨号"
    case .threeWayStarted: "发起三方通话"
    case .threeWayJoined: "三方通话有人加入或离开"
    case .talkStarted: "开始协商"
    case .agreed: "协商一致"
    case .notAgreed: "协商未一致,首接平台受理"
    case .dangerRaised: "标记危险"
    case .dangerCleared: "解除危险标记"
    case .verified: "部门已答复核实"
    case .guided: "已引导"
    case .redialAdvised: "已告知改拨12345"
    case .referred: "已转部门"
    case .receipt: "回执码已核对"
    case .reportAcknowledged: "报备已签收"
    case .escalated: "事态升级"
    case .cancelled: "已撤销"
    case .closed: "已办结"
    case .preAlarm: "时限将到,预警"
    case .deadlinePassed: target.map { "一分钟已过,\($0)未接听" } ?? "时限已过"
    case .reminder: "催办"
    }
  }
}
