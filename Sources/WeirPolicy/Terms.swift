internal import WeirModel

/// Facts and circumstances as one word, so that one pass of masks tests both.
///
/// Bits 0 to 28 are the facts, bit 31 is set in every word, bits 32 up stand for what rules ask
/// of circumstances.
struct TermSet: OptionSet, Hashable, Sendable {
  var rawValue: UInt64

  init(rawValue: UInt64) { self.rawValue = rawValue }

  init(_ facts: FactSet) { rawValue = UInt64(facts.rawValue) }

  /// The facts among the terms.
  var facts: FactSet { FactSet(rawValue: UInt32(truncatingIfNeeded: rawValue)) }

  /// Every single term, the lowest first.
  var terms: [TermSet] {
    var terms: [TermSet] = []
    var rest = rawValue
    while rest != 0 {
      terms.append(TermSet(rawValue: rest & ~(rest - 1)))
      rest &= rest - 1
    }
    return terms
  }

  static let isPolice = TermSet(rawValue: 1 << 32)
  static let isInternet = TermSet(rawValue: 1 << 33)
  static let isOverloaded = TermSet(rawValue: 1 << 34)
  static let isCarrierLost = TermSet(rawValue: 1 << 35)
  /// The first bit that a policy gives out itself.
  static let firstOwn = 36
}

/// Which circumstances the rules of a policy ask about beside the fixed ones: one term each.
struct TermBook: Sendable {
  /// What a term of the policy's own stands for.
  enum Question: Equatable, Sendable {
    case counties([UInt32])
    case hours(When.Hours)
    case dates(When.Dates)
  }

  /// Most questions of counties, hours and dates that a policy may ask.
  static let questionsMax = 64 - TermSet.firstOwn

  private(set) var questions: [Question] = []
  /// Whether any rule asks about circumstances at all.
  private(set) var isUsed = false

  /// The terms that must and must not hold for a rule's `when`; nil when there are too many.
  mutating func terms(of when: When) -> (all: TermSet, none: TermSet)? {
    var all: TermSet = []
    var none: TermSet = []
    if let platform = when.platform {
      if platform == .police { all.insert(.isPolice) } else { none.insert(.isPolice) }
    }
    if let channel = when.channel {
      if channel == .internet { all.insert(.isInternet) } else { none.insert(.isInternet) }
    }
    switch when.state {
    case .overloaded: all.insert(.isOverloaded)
    case .carrierLost: all.insert(.isCarrierLost)
    case .normal: none.formUnion([.isOverloaded, .isCarrierLost])
    case nil: break
    }
    var asked: [Question] = []
    if !when.counties.isEmpty { asked.append(.counties(when.counties)) }
    if let hours = when.hours { asked.append(.hours(hours)) }
    if let dates = when.dates { asked.append(.dates(dates)) }
    for question in asked {
      guard let term = term(of: question) else { return nil }
      all.insert(term)
    }
    if !all.isEmpty || !none.isEmpty { isUsed = true }
    return (all, none)
  }

  private mutating func term(of question: Question) -> TermSet? {
    let index = questions.firstIndex(of: question) ?? questions.count
    guard index < Self.questionsMax else { return nil }
    if index == questions.count { questions.append(question) }
    return TermSet(rawValue: 1 << UInt64(TermSet.firstOwn + index))
  }

  /// The terms that hold in circumstances.
  func terms(in circumstances: Circumstances) -> TermSet {
    guard isUsed else { return [] }
    var terms: TermSet = []
    if circumstances.platform == .police { terms.insert(.isPolice) }
    if circumstances.channel == .internet { terms.insert(.isInternet) }
    if circumstances.state == .overloaded { terms.insert(.isOverloaded) }
    if circumstances.state == .carrierLost { terms.insert(.isCarrierLost) }
    guard !questions.isEmpty else { return terms }
    let now = Day.local(circumstances.receivedAt)
    for (index, question) in questions.enumerated() {
      let holds =
        switch question {
        case .counties(let codes): codes.contains(circumstances.county)
        case .hours(let hours): hours.contains(now.minute)
        case .dates(let dates): dates.from <= now.day && now.day <= dates.to
        }
      if holds { terms.insert(TermSet(rawValue: 1 << UInt64(TermSet.firstOwn + index))) }
    }
    return terms
  }

  /// Circumstances of every kind that policies tell apart, on every way in: one of each, so that
  /// whoever tries them all has tried everything.
  static func kinds(of books: [TermBook]) -> [Circumstances] {
    var counties: Set<UInt32> = [0]
    var minutes: Set = [0]
    var days: Set = [0]
    for question in books.flatMap(\.questions) {
      switch question {
      case .counties(let codes): counties.formUnion(codes)
      case .hours(let hours): minutes.formUnion([hours.from, hours.to % 1_440])
      case .dates(let dates): days.formUnion([dates.from, dates.to + 1])
      }
    }
    let times = days.sorted().flatMap { day in
      minutes.sorted().map { Day.beginning(day) + Int64($0) * 60_000 }
    }
    let states: [UnitState] = books.contains(where: \.isUsed) ? UnitState.allCases : [.normal]
    var seen: Set<[UInt64]> = []
    var kinds: [Circumstances] = []
    for way in Way.allCases {
      for state in states {
        for county in counties.sorted() {
          for time in times {
            let one = Circumstances(
              platform: way.platform, channel: way.channel, role: way.role, county: county,
              receivedAt: time, state: state)
            let terms = books.map { $0.terms(in: one).rawValue }
            if seen.insert([UInt64(way.index)] + terms).inserted { kinds.append(one) }
          }
        }
      }
    }
    return kinds
  }
}
