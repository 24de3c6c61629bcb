public import Histogram

/// Latencies of one kind, exact to three digits.
public struct Latencies: Sendable {
  /// What took so long.
  public let name: String
  /// Nanoseconds, up to an hour.
  public private(set) var histogram: Histogram<UInt64>
  /// The longest one, nanoseconds.
  public private(set) var maxNs: UInt64 = 0

  /// What is longer counts as an hour, nanoseconds.
  static let mostNs: UInt64 = 3_600_000_000_000

  /// None yet.
  public init(_ name: String) {
    self.name = name
    histogram = Histogram(
      lowestDiscernibleValue: 1, highestTrackableValue: Self.mostNs,
      numberOfSignificantValueDigits: .three)
  }

  /// Adds one; what lies before its plan by the clocks' difference counts as nothing.
  public mutating func add(_ nanoseconds: UInt64) {
    let value = nanoseconds > UInt64(Int64.max) ? 0 : min(nanoseconds, Self.mostNs)
    histogram.record(value)
    maxNs = max(maxNs, value)
  }

  /// How many.
  public var count: UInt64 { histogram.totalCount }

  /// The latency that a share of all did not exceed, milliseconds; 0 when there is none.
  ///
  /// - Parameter percentile: 0 to 100.
  public func milliseconds(at percentile: Double) -> Double {
    count == 0 ? 0 : Double(min(histogram.valueAtPercentile(percentile), maxNs)) / 1e6
  }

  /// The longest one, milliseconds.
  public var maxMilliseconds: Double { Double(maxNs) / 1e6 }
}

/// A run second by second.
public enum Timeline {
  /// What was planned in one second, and what came of it.
  public struct Second: Sendable {
    /// Requests of that second that were answered.
    public var answered = 0
    /// Matters of that second that were delivered.
    public var delivered = 0
    /// The longest wait for an answer, nanoseconds.
    public var answerMaxNs: UInt64 = 0
    /// The longest wait for a delivery, nanoseconds.
    public var deliveryMaxNs: UInt64 = 0

    /// Nothing yet.
    public init() {}
  }
}
