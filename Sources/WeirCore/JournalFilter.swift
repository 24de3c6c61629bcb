public import WeirModel

/// Which records of a journal are wanted.
public struct JournalFilter: Sendable {
  /// From this time on, ms since 1970; nil: from the first record.
  public var from: Int64?
  /// Before this time, ms since 1970; nil: to the last record.
  public var to: Int64?
  /// Only changes of this handover.
  public var number: HandoverNumber?
  /// Only changes that left a handover in this phase.
  public var phase: Phase?

  /// Every record.
  public init() {}

  var isEmpty: Bool { from == nil && to == nil && number == nil && phase == nil }

  /// A record without a time of its own counts as of the time of the one before it.
  func wants(_ record: borrowing JournalRecord, at stamp: Int64) -> Bool {
    if let from, stamp < from { return false }
    if let to, stamp >= to { return false }
    guard number != nil || phase != nil else { return true }
    guard record.kind == .change else { return false }
    if let number, record.number != number { return false }
    if let phase, record.state.phase != phase { return false }
    return true
  }
}
