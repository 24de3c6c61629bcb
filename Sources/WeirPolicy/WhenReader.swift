internal import WeirModel

// Circumstances and days of a policy file.
extension DraftReader {
  /// What a rule asks of circumstances; nil when a part of it could not be read.
  func when(_ rule: Fields) -> When? {
    guard let fields = rule.fields("when") else { return nil }
    fields.allow(["platform", "channel", "county", "hours", "dates", "unit"])
    if fields.entries.isEmpty { findings.add(.missingKey("platform"), at: fields.place) }
    var when = When()
    var isWhole = true
    func read<Value>(
      _ key: String, _ value: WritableKeyPath<When, Value?>, _ make: (Marked<String>) -> Value?
    ) {
      guard fields.optional(key) != nil else { return }
      when[keyPath: value] = fields.text(key).flatMap(make)
      if when[keyPath: value] == nil { isWhole = false }
    }
    read("platform", \.platform) { name in
      named(name, .platform, Platform.allCases, \.name)
    }
    read("channel", \.channel) { name in named(name, .channel, Channel.allCases, \.name) }
    read("unit", \.state) { name in named(name, .unitState, UnitState.allCases, \.name) }
    read("hours", \.hours, hours)
    read("dates", \.dates, dates)
    if fields.optional("county") != nil {
      let codes = fields.names("county").compactMap(countyCode)
      when.counties = Set(codes.map(\.value)).sorted()
      if when.counties.isEmpty { isWhole = false }
    }
    return isWhole ? when : nil
  }

  private func named<Value>(
    _ name: Marked<String>, _ noun: Fault.Noun, _ all: [Value], _ text: (Value) -> String
  ) -> Value? {
    if let value = all.first(where: { text($0) == name.value }) { return value }
    unknown(noun, name, among: all.map(text))
    return nil
  }

  /// A county's code; a finding when it is none.
  func countyCode(_ text: Marked<String>) -> Marked<UInt32>? {
    guard text.value.utf8.count == 6, let code = UInt32(text.value), code >= 100_000 else {
      findings.add(.malformed(text.value, wanted: .county), at: text.place)
      return nil
    }
    return Marked(value: code, place: text.place)
  }

  /// A day; a finding when there is no such day.
  func day(_ text: Marked<String>) -> Marked<Int>? {
    guard let day = Day.number(text.value) else {
      findings.add(.malformed(text.value, wanted: .date), at: text.place)
      return nil
    }
    return Marked(value: day, place: text.place)
  }

  private func hours(_ text: Marked<String>) -> When.Hours? {
    let parts = text.value.split(separator: "-", omittingEmptySubsequences: false).map(minute)
    guard parts.count == 2, let from = parts[0], let to = parts[1], from < 1_440, to > 0, from != to
    else {
      findings.add(.malformed(text.value, wanted: .hours), at: text.place)
      return nil
    }
    return When.Hours(from: from, to: to)
  }

  private func minute(_ text: Substring) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.map(\.utf8.count) == [2, 2], let hour = Int(parts[0]), let minute = Int(parts[1]),
      0...59 ~= minute, 0...23 ~= hour || (hour == 24 && minute == 0)
    else { return nil }
    return hour * 60 + minute
  }

  private func dates(_ text: Marked<String>) -> When.Dates? {
    let parts = text.value.split(separator: "/", omittingEmptySubsequences: false)
    let days = parts.map { Day.number(String($0)) }
    guard days.count == 2, let from = days[0], let to = days[1], from <= to else {
      findings.add(
        .malformed(text.value, wanted: .dates), at: text.place)
      return nil
    }
    return When.Dates(from: from, to: to)
  }
}
