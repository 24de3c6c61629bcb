/// The documents that are in force one after the other: the one that is valid when a matter is
/// received decides it.
///
/// ```swift
/// let book = try PolicyBook([old, new])
/// let policy = book.policies[book.index(at: receivedAt)]
/// ```
public struct PolicyBook: Sendable {
  /// In the order of their validity; never empty.
  public let policies: [Policy]
  /// Times between two documents at which none is valid.
  public let notes: [Problem]

  /// The embedded policy alone.
  public static let embedded = PolicyBook(only: .embedded)

  /// One policy, in force at all times.
  public init(only policy: Policy) {
    policies = [policy]
    notes = []
  }

  /// Puts documents together.
  ///
  /// - Parameter policies: at least one, in any order.
  /// - Throws: every overlap of two validities, and every version that stands twice.
  public init(_ policies: [Policy]) throws(PolicyError) {
    precondition(!policies.isEmpty)
    let ordered = policies.enumerated().sorted {
      ($0.element.document.firstDay, $0.offset) < ($1.element.document.firstDay, $1.offset)
    }.map(\.element)
    var problems: [Problem] = []
    var notes: [Problem] = []
    for (index, policy) in ordered.enumerated().dropFirst() {
      if let twin = ordered[..<index].first(where: { $0.version == policy.version }) {
        let fault = Fault.sameVersion(
          twin.version, file: twin.file, line: twin.places.version.line)
        problems.append(Problem(fault, .error, file: policy.file, at: policy.places.version))
      }
      let before = ordered[index - 1]
      let last = before.document.lastDay ?? .max
      if last >= policy.document.firstDay {
        let fault = Fault.overlap(
          before.version, file: before.file, line: before.places.validFrom.line)
        problems.append(Problem(fault, .error, file: policy.file, at: policy.places.validFrom))
      } else if last + 1 < policy.document.firstDay {
        notes.append(
          Problem(
            .validityGap(before.version), .note, file: policy.file, at: policy.places.validFrom))
      }
    }
    guard problems.isEmpty else { throw PolicyError(problems) }
    self.policies = ordered
    self.notes = notes
  }

  /// Whether it may matter when something was received.
  public var asksForTime: Bool {
    policies.count > 1
      || policies.contains { policy in
        policy.rules.contains { $0.when.hours != nil || $0.when.dates != nil }
      }
  }

  /// Which policy decides what was received at a time, milliseconds since 1970: the one that began
  /// last; before all of them, the first.
  public func index(at wallMs: Int64) -> Int {
    guard policies.count > 1 else { return 0 }
    let day = Day.local(wallMs).day
    return policies.lastIndex { $0.document.firstDay <= day } ?? 0
  }

  /// The policy that decides what was received at a time, milliseconds since 1970.
  public func policy(at wallMs: Int64) -> Policy { policies[index(at: wallMs)] }
}
