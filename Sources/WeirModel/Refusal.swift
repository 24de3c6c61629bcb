/// Why a request was refused: the closed list of error codes. The raw value is the number the core
/// uses; the README explains each.
public enum Refusal: UInt8, Sendable, CaseIterable {
  case badJson = 1
  case lineTooLong, badUtf8, unknownField, duplicateField, missingField, wrongType, badValue
  case badText, tooLong, unknownFact, unknownOp, unknownEvent, badTime, timeAhead, wrongUnit
  case refConflict, unknownHandover, unknownReport, notNow, supervisorNeeded, drillClosed
  case wrongCode, notInQuarantine, cursorGone, notAllowed, overloaded, tooMany, stopping, diskFull
  case outcomeUnknown, unitFailing, undecided, policyRefused

  /// The code in answers.
  public var name: String { String(describing: self) }
}
