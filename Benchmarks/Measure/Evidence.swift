/// A handover's number as one word: the highest bit for a drill, the day shifted by 32, the serial.
public struct HandoverKey: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The word; 0 stands for no handover.
  public let word: UInt64

  /// A number from its word.
  public init(_ word: UInt64) { self.word = word }

  /// A number from its parts.
  public init(day: UInt32, serial: UInt32, isDrill: Bool = false) {
    word = (isDrill ? 1 << 63 : 0) | UInt64(day) << 32 | UInt64(serial)
  }

  /// As it is written, without the unit's name: `20261123-000417`.
  public var description: String {
    let serial = String(word & 0xffff_ffff)
    let day = String(word >> 32 & 0x7fff_ffff)
    let zeros = String(repeating: "0", count: max(0, 6 - serial.count))
    return day + "-" + (word >> 63 == 1 ? "Y" : "") + zeros + serial
  }

  /// By day and serial.
  public static func < (one: HandoverKey, other: HandoverKey) -> Bool { one.word < other.word }
}

/// One answer of an outer unit, as its client saw it.
public struct Answer: Sendable {
  /// The number of the request, which its ref bears; an event has that of its intake.
  public var number: UInt64
  /// The matter; none in a refusal.
  public var handover: HandoverKey
  /// The revision that was answered.
  public var revision: UInt32
  /// `receivedAt` as it was sent, milliseconds since 1970; 0 for an event.
  public var receivedMs: Int64
  /// The deadline as it was answered, milliseconds since 1970; 0: none.
  public var deadlineMs: Int64
  /// `durable` was true.
  public var isDurable: Bool
  /// It was a refusal.
  public var isRefused: Bool
  /// It answers an event, not an intake.
  public var isEvent: Bool
  /// It bears the ref of another request than the one in whose place it came.
  public var isMisplaced: Bool

  /// An answer that was durable and in its place.
  public init(
    number: UInt64, handover: HandoverKey, revision: UInt32 = 1, receivedMs: Int64 = 0,
    deadlineMs: Int64 = 0, isDurable: Bool = true, isRefused: Bool = false, isEvent: Bool = false,
    isMisplaced: Bool = false
  ) {
    self.number = number
    self.handover = handover
    self.revision = revision
    self.receivedMs = receivedMs
    self.deadlineMs = deadlineMs
    self.isDurable = isDurable
    self.isRefused = isRefused
    self.isEvent = isEvent
    self.isMisplaced = isMisplaced
  }
}

/// One change of a matter, as the outer unit's journal has it.
public struct Change: Sendable {
  /// How the matter changed.
  public enum Kind: Sendable {
    /// It came in.
    case intake
    /// A client reported something, or added to it.
    case event
    /// A deadline of the unit's own passed.
    case deadline
    /// The unit began; all else of the change means nothing.
    case start
  }

  /// The matter.
  public var handover: HandoverKey
  /// Its revision after the change.
  public var revision: UInt32
  /// How it changed.
  public var kind: Kind
  /// The number in an intake's ref; nil for one of somebody else's.
  public var number: UInt64?
  /// Its crossing number, 0: it does not cross.
  public var crossing: UInt64
  /// Whether the revision has to cross: it has a crossing number and nobody has confirmed it.
  public var isOwed: Bool
  /// The unit's time of the change, milliseconds since 1970.
  public var atMs: Int64
  /// The moment at which the minute ends, 0: none runs.
  public var minuteMs: Int64
  /// Whether it came in as what 110 has to be told by voice within the minute.
  public var needsMinute: Bool
  /// The next deadline of any kind, 0: none.
  public var deadlineMs: Int64

  /// A change of a matter.
  public init(
    handover: HandoverKey, revision: UInt32 = 1, kind: Kind = .intake, number: UInt64? = nil,
    crossing: UInt64 = 0, isOwed: Bool = false, atMs: Int64 = 0, minuteMs: Int64 = 0,
    needsMinute: Bool = false, deadlineMs: Int64 = 0
  ) {
    self.handover = handover
    self.revision = revision
    self.kind = kind
    self.number = number
    self.crossing = crossing
    self.isOwed = isOwed
    self.atMs = atMs
    self.minuteMs = minuteMs
    self.needsMinute = needsMinute
    self.deadlineMs = deadlineMs
  }
}

/// One item as the inner unit delivered it.
public struct Delivery: Sendable {
  /// The matter.
  public var handover: HandoverKey
  /// The revision that was delivered.
  public var revision: UInt32
  /// Its crossing number.
  public var crossing: UInt64
  /// `ageMs`; nil: the item does not say.
  public var ageMs: Int64?
  /// `stale`; nil: the item does not say.
  public var isStale: Bool?
  /// `record.receivedAt`, milliseconds since 1970.
  public var receivedMs: Int64
  /// `arrivedAt`, milliseconds since 1970.
  public var arrivedMs: Int64
  /// `conflict` was true.
  public var isConflict: Bool

  /// An item that came at once.
  public init(
    handover: HandoverKey, revision: UInt32 = 1, crossing: UInt64, ageMs: Int64? = 0,
    isStale: Bool? = false, receivedMs: Int64 = 0, arrivedMs: Int64 = 0, isConflict: Bool = false
  ) {
    self.handover = handover
    self.revision = revision
    self.crossing = crossing
    self.ageMs = ageMs
    self.isStale = isStale
    self.receivedMs = receivedMs
    self.arrivedMs = arrivedMs
    self.isConflict = isConflict
  }
}

/// Everything that was seen of one run, each list in the order in which it happened.
public struct Evidence: Sendable {
  /// Answers of the outer unit.
  public var answers: [Answer] = []
  /// The outer unit's journal.
  public var changes: [Change] = []
  /// Copies that the journal counts under each crossing number; nil: the unit still runs, and the
  /// counts are written when it stops.
  public var copies: [UInt64: UInt64]?
  /// Items that the inner unit delivered.
  public var deliveries: [Delivery] = []
  /// Until when the outer unit ran, milliseconds since 1970; 0: it still runs.
  public var endMs: Int64 = 0

  /// Nothing was seen yet.
  public init() {}
}
