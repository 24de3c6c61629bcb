internal import WeirModel

/// A policy file as it was read, with the place of everything that can be wrong.
struct Draft {
  /// The words for one thing said: Chinese, and Tibetan once somebody has written it.
  struct Words {
    var chinese: [Marked<String>] = []
    var tibetan: [Marked<String>] = []
  }

  struct Clause {
    let name: Marked<String>
    let chinese: String
    let english: String
    let source: String
  }

  struct FactNote {
    let fact: Fact
    let chinese: String
    let english: String
    let clause: Marked<String>
  }

  struct Rule {
    let id: Marked<String>
    /// Nil for the default and the danger rule, which stand behind all others.
    let priority: Marked<Int>?
    let all: FactSet
    let any: FactSet
    let none: FactSet
    let when: When
    /// What `when` asks for, as terms; set once all rules are read.
    var asked: (all: TermSet, none: TermSet) = ([], [])
    let owner: Owner
    let row: Row
    let isEmergency: Bool
    /// Nothing of the condition was lost in reading; else nothing can be said about its reach.
    let isWhole: Bool
    let clause: Marked<String>
    let guide: [Marked<String>]
    let chinese: String
    let english: String
  }

  struct Cell {
    let row: Row
    let way: Way
    let action: Action
    /// The name of the words in `speech`; nil for `none`.
    let say: Marked<String>?
    let place: Place
  }

  struct Number {
    let name: Marked<String>
    let digits: Marked<String>
    let spoken: String
    let call: String
    let chinese: String
  }

  struct Target {
    let name: Marked<String>
    let chinese: String
    let number: Marked<String>?
  }

  struct County {
    let code: Marked<UInt32>
    let chinese: String
    let number: Marked<String>
  }

  struct Speech {
    let name: Marked<String>
    let always: Words
    let voice: Words
  }

  struct Beside {
    let fact: Fact
    let number: Marked<String>?
    let words: Words
  }

  struct Heading {
    var number = ""
    var title = ""
    var issuer = ""
    /// First and last day of its validity; no last day stands for "until further notice".
    var validFrom: Marked<Int>?
    var validTo: Marked<Int>?
  }

  /// Names that stand in the file, even if what they name could not be read.
  struct Names {
    var clauses: [String] = []
    var numbers: [String] = []
    var targets: [String] = []
    var speech: [String] = []
  }

  var version = Marked(value: "", place: Place(line: 1, column: 1))
  var names = Names()
  var heading = Heading()
  var clauses: [Clause] = []
  var facts: [FactNote] = []
  var danger: FactSet = []
  var urgent: FactSet = []
  var keeps: [Marked<String>] = []
  var supervision: FactSet = []
  /// In the order of the file; the checks sort them by priority.
  var rules: [Rule] = []
  var dangerRule: Rule?
  var fallback: Rule?
  var cells: [Cell] = []
  var numbers: [Number] = []
  var policeNumber: Marked<String>?
  var hotlineNumber: Marked<String>?
  var drillNumber: Marked<String>?
  var targets: [Target] = []
  var counties: [County] = []
  var speech: [Speech] = []
  var besides: [Beside] = []
  var sentences: [(sentence: Sentence, words: Words)] = []
  var drillPrefix = Words()
  var timing = Timing()
  /// What the rules ask of circumstances.
  var terms = TermBook()
}

/// A row of the action table.
enum Row: String, CaseIterable, Sendable {
  case police = "110"
  case hotline = "12345"
  case neither, unclear, verify, danger

  /// Whether a rule of that owner may be handled by this row.
  func goes(with owner: Owner) -> Bool {
    switch owner {
    case .police: self == .police
    case .hotline: self == .hotline
    case .neither: self == .neither
    case .unclear: self == .unclear || self == .verify || self == .danger
    }
  }

  /// The row of an owner whose rule names none.
  init(_ owner: Owner) {
    switch owner {
    case .police: self = .police
    case .hotline: self = .hotline
    case .neither: self = .neither
    case .unclear: self = .unclear
    }
  }
}

/// A way in: a column of the action table.
enum Way: String, CaseIterable, Sendable {
  case hotlinePhone = "12345 phone"
  case hotlineInternet = "12345 internet"
  case policePhone = "110 phone"
  case policeInternet = "110 internet"
  case policeInternetInner = "110 internet inner"

  /// The way in of a platform and channel on a unit.
  init(_ platform: Platform, _ channel: Channel, _ role: UnitRole) {
    switch (platform, channel) {
    case (.hotline, .phone): self = .hotlinePhone
    case (.hotline, .internet): self = .hotlineInternet
    case (.police, .phone): self = .policePhone
    case (.police, .internet): self = role == .inner ? .policeInternetInner : .policeInternet
    }
  }
}

extension Way {
  /// Its place in the list.
  var index: Int { Way.allCases.firstIndex(of: self) ?? 0 }

  var platform: Platform {
    switch self {
    case .hotlinePhone, .hotlineInternet: .hotline
    case .policePhone, .policeInternet, .policeInternetInner: .police
    }
  }

  var channel: Channel {
    switch self {
    case .hotlinePhone, .policePhone: .phone
    case .hotlineInternet, .policeInternet, .policeInternetInner: .internet
    }
  }

  var role: UnitRole { self == .policeInternetInner ? .inner : .outer }
}
