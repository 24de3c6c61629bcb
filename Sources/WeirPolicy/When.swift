public import WeirModel

/// How a unit stands when it decides.
public enum UnitState: String, Sendable, CaseIterable {
  /// Nothing is out of order.
  case normal
  /// Above the high mark of its intake: what is no danger may be answered `overloaded`.
  case overloaded
  /// The link's carrier refuses what is sent.
  case carrierLost

  /// The name in policy files.
  public var name: String { rawValue }

  /// The name for desks.
  var chinese: String {
    switch self {
    case .normal: "正常"
    case .overloaded: "过载"
    case .carrierLost: "链路中断"
    }
  }
}

/// What surrounds a matter beside its facts: where, when and in what state of the unit it came in.
public struct Circumstances: Equatable, Sendable {
  /// Where the matter came in.
  public var platform: Platform
  /// How it came in.
  public var channel: Channel
  /// The unit that decides; `weir judge` decides as an outer one.
  public var role: UnitRole
  /// The place of the event, six digits; 0, or one that is not in the policy's table, stands for an
  /// unknown place.
  public var county: UInt32
  /// When it was received, milliseconds since 1970.
  public var receivedAt: Int64
  /// How the unit stands.
  public var state: UnitState

  /// Circumstances from their parts.
  public init(
    platform: Platform, channel: Channel, role: UnitRole = .outer, county: UInt32 = 0,
    receivedAt: Int64 = 0, state: UnitState = .normal
  ) {
    self.platform = platform
    self.channel = channel
    self.role = role
    self.county = county
    self.receivedAt = receivedAt
    self.state = state
  }
}

/// The circumstances that a rule asks for; what is nil or empty is not asked.
public struct When: Equatable, Sendable {
  /// Only what this platform received.
  public var platform: Platform?
  /// Only what came in this way.
  public var channel: Channel?
  /// Only events in one of these counties; in the order of their codes.
  public var counties: [UInt32] = []
  /// Only what was received at this time of day.
  public var hours: Hours?
  /// Only what was received on one of these days.
  public var dates: Dates?
  /// Only while the unit is in this state.
  public var state: UnitState?

  /// A time of day at +08:00, the end not included; it may pass midnight.
  public struct Hours: Equatable, Sendable {
    /// Minutes since midnight, 0 to 1,439.
    public let from: Int
    /// Minutes since midnight, 1 to 1,440; not later than `from` when midnight lies between.
    public let to: Int

    /// As it stands in the file: `22:00-06:00`.
    public var text: String { "\(Self.clock(from))-\(Self.clock(to))" }

    func contains(_ minute: Int) -> Bool {
      from < to ? from <= minute && minute < to : from <= minute || minute < to
    }

    private static func clock(_ minute: Int) -> String {
      let (hours, rest) = minute.quotientAndRemainder(dividingBy: 60)
      return (hours < 10 ? "0" : "") + "\(hours):" + (rest < 10 ? "0" : "") + "\(rest)"
    }
  }

  /// Days at +08:00, the first and the last included.
  public struct Dates: Equatable, Sendable {
    /// Days since 1970-01-01.
    public let from: Int
    /// Days since 1970-01-01, not before `from`.
    public let to: Int

    /// As it stands in the file: `2026-06-01/2026-09-30`.
    public var text: String { "\(Day.text(from))/\(Day.text(to))" }
  }

  /// Whether nothing is asked.
  public var isEmpty: Bool { self == When() }

  /// Whether circumstances are as asked.
  public func holds(in circumstances: Circumstances) -> Bool {
    unmet(in: circumstances).isEmpty
  }

  /// The demands that circumstances do not meet, each in both languages.
  func unmet(in circumstances: Circumstances) -> [(english: String, chinese: String)] {
    let now = Day.local(circumstances.receivedAt)
    let parts: [(holds: Bool, words: (english: String, chinese: String)?)] = [
      (platform == nil || platform == circumstances.platform, platformWords),
      (channel == nil || channel == circumstances.channel, channelWords),
      (counties.isEmpty || counties.contains(circumstances.county), countyWords),
      (hours.map { $0.contains(now.minute) } ?? true, hoursWords),
      (dates.map { $0.from <= now.day && now.day <= $0.to } ?? true, datesWords),
      (state == nil || state == circumstances.state, stateWords),
    ]
    return parts.compactMap { $0.holds ? nil : $0.words }
  }

  /// Every demand, each in both languages.
  public var words: [(english: String, chinese: String)] {
    [platformWords, channelWords, countyWords, hoursWords, datesWords, stateWords].compactMap { $0 }
  }

  private var platformWords: (english: String, chinese: String)? {
    platform.map { ("received by \($0.name)", "\($0.name)接到") }
  }

  private var channelWords: (english: String, chinese: String)? {
    channel.map { ("by \($0.name)", $0 == .phone ? "电话渠道" : "网络渠道") }
  }

  private var countyWords: (english: String, chinese: String)? {
    let codes = counties.map(String.init)
    return codes.isEmpty
      ? nil
      : ("in county \(codes.joined(separator: " or "))", "事发地\(codes.joined(separator: "、"))")
  }

  private var hoursWords: (english: String, chinese: String)? {
    hours.map { ("received at \($0.text)", "接到时刻\($0.text)") }
  }

  private var datesWords: (english: String, chinese: String)? {
    dates.map { ("received in \($0.text)", "接到日期\($0.text)") }
  }

  private var stateWords: (english: String, chinese: String)? {
    state.map { ("while the unit is \($0.name)", "系统\($0.chinese)时") }
  }
}

/// Days and minutes at +08:00, the time of every desk and screen.
enum Day {
  static let ms: Int64 = 86_400_000
  private static let offsetMs: Int64 = 8 * 3_600_000

  /// The day since 1970-01-01 and the minute of the day.
  static func local(_ wallMs: Int64) -> (day: Int, minute: Int) {
    let local = wallMs.addingReportingOverflow(offsetMs).partialValue
    let day = local >= 0 ? local / ms : (local - ms + 1) / ms
    return (Int(day), Int((local - day * ms) / 60_000))
  }

  /// Milliseconds since 1970 at which a day begins.
  static func beginning(_ day: Int) -> Int64 { Int64(day) * ms - offsetMs }

  /// The day of a date like `2022-06-07`; nil when there is no such date.
  static func number(_ text: String) -> Int? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.map(\.utf8.count) == [4, 2, 2],
      text.utf8.allSatisfy({ $0 == 0x2D || 0x30...0x39 ~= $0 }),
      let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]),
      1...12 ~= month, day >= 1
    else { return nil }
    let number = civil(year, month, day)
    // A day that its month does not have comes out as a day of the next.
    return self.text(number) == text ? number : nil
  }

  /// The date of a day, as `2022-06-07`.
  static func text(_ number: Int) -> String {
    var year = 1970 + number / 366
    while civil(year + 1, 1, 1) <= number { year += 1 }
    while civil(year, 1, 1) > number { year -= 1 }
    var month = 1
    while month < 12, civil(year, month + 1, 1) <= number { month += 1 }
    let day = number - civil(year, month, 1) + 1
    let digits = String(10_000 + year).dropFirst()
    return "\(digits)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)"
  }

  /// Days since 1970-01-01 of a date of the Gregorian calendar.
  private static func civil(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][month - 1]
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let past = year - 1
    let leaps = past / 4 - past / 100 + past / 400
    return past * 365 + leaps - 719_162 + before + (month > 2 && isLeap ? 1 : 0) + day - 1
  }
}
