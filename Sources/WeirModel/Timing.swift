/// The spans of the policy, in milliseconds, and where the minute starts.
public struct Timing: Equatable, Sendable {
  /// Where the minute of notice 五(二) starts; the notice does not say, so both spans are stored.
  public enum Start: String, Sendable, CaseIterable {
    /// The earlier of `receivedAt` and arrival: the strict reading, and the default.
    case received
    /// The moment it was decided that the matter is 110's.
    case decided

    /// The name in policy files.
    public var name: String { rawValue }
  }

  /// The minute within which the voice leg must be answered. Greater than both pre-alarms.
  public var minuteMs: Int64
  /// The two pre-alarms, counted from the start of the minute; the first is the earlier.
  public var preAlarmsMs: (first: Int64, second: Int64)
  /// How long talks about an unclear matter may take before the first receiver keeps it.
  public var talkMs: Int64
  /// After this long an open duty is said again.
  public var reminderMs: Int64
  /// After this long without an open duty a matter closes.
  public var closingMs: Int64
  /// How long an unconfirmed crossing is carried before it is listed as expired.
  public var keepMs: Int64
  /// Where the minute starts.
  public var startsAt: Start

  /// Spans from their parts; what is left out is as the embedded policy has it.
  public init(
    minuteMs: Int64 = 60_000, preAlarmsMs: (first: Int64, second: Int64) = (30_000, 45_000),
    talkMs: Int64 = 180_000, reminderMs: Int64 = 60_000, closingMs: Int64 = 86_400_000,
    keepMs: Int64 = 604_800_000, startsAt: Start = .received
  ) {
    self.minuteMs = minuteMs
    self.preAlarmsMs = preAlarmsMs
    self.talkMs = talkMs
    self.reminderMs = reminderMs
    self.closingMs = closingMs
    self.keepMs = keepMs
    self.startsAt = startsAt
  }

  /// Whether all spans and the start agree.
  public static func == (left: Timing, right: Timing) -> Bool {
    left.minuteMs == right.minuteMs && left.preAlarmsMs == right.preAlarmsMs
      && left.talkMs == right.talkMs && left.reminderMs == right.reminderMs
      && left.closingMs == right.closingMs && left.keepMs == right.keepMs
      && left.startsAt == right.startsAt
  }
}
