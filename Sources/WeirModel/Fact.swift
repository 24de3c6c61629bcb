/// What a seat ticks about a matter: the closed list of the notice's sections 一 to 五 and the
/// danger facts. The raw value is the bit in ``FactSet`` and the number on disk.
public enum Fact: UInt8, Sendable, CaseIterable {
  // Section 一, items 1 to 6.
  case crime, publicOrder, massIncident, fire, traffic, otherUnlawful
  // Section 二, items 1 to 5; dangerToLife is a danger fact at once.
  case missingPerson, dangerToLife, utilityHazard, naturalDisaster, otherUrgentPolice
  // Section 三.
  case policeMisconduct
  // Section 四(一).
  case nonUrgentRequest, nationalPlatformReferral, sichuanChongqingReferral, pastPoliceMisconduct
  // Section 四(二), items 1 to 7.
  case legalOrPetitionProcess, secretOrPrivacy, medicalOnly, military, harassmentOrNoSubstance
  case illegalDemand, otherExcluded
  // Section 四, last sentence; section 五.
  case scopeUnclear, responsibilityUnclear
  // Danger facts.
  case dangerToProperty, dangerToPublic, socialStability, escalated

  private static let names = allCases.map { String(describing: $0) }
  private static let named = Dictionary(uniqueKeysWithValues: zip(names, allCases))

  /// The name in requests and records.
  public var name: String { Self.names[Int(rawValue)] }

  /// The fact of that name, or nil.
  public init?(name: String) {
    guard let fact = Self.named[name] else { return nil }
    self = fact
  }
}

/// A set of facts as one word.
public struct FactSet: OptionSet, Hashable, Sendable {
  /// Bit i stands for the fact with raw value i.
  public var rawValue: UInt32

  /// A set from its word.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// A set of the facts given.
  public init(_ facts: [Fact]) {
    rawValue = facts.reduce(0) { $0 | (1 << UInt32($1.rawValue)) }
  }

  /// The set of one fact.
  public init(_ fact: Fact) { rawValue = 1 << UInt32(fact.rawValue) }

  /// Whether the fact is in the set.
  public func has(_ fact: Fact) -> Bool { rawValue & (1 << UInt32(fact.rawValue)) != 0 }

  /// The facts in order of the closed list.
  public var facts: [Fact] { Fact.allCases.filter(has) }

  /// The danger facts: life, property, public safety, social stability, escalated.
  public static let danger = FactSet([
    .dangerToLife, .dangerToProperty, .dangerToPublic, .socialStability, .escalated,
  ])

  /// Section 一 of the notice.
  public static let policeMatters = FactSet([
    .crime, .publicOrder, .massIncident, .fire, .traffic, .otherUnlawful,
  ])

  /// Section 二 of the notice, without its conditions.
  public static let urgentHelp = FactSet([
    .missingPerson, .dangerToLife, .utilityHazard, .naturalDisaster, .otherUrgentPolice,
  ])

  /// Whether any danger fact is in the set.
  public var isDanger: Bool { !isDisjoint(with: .danger) }
}
