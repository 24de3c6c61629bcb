import Foundation

/// One measured figure over several runs.
struct Figure {
  let name: String
  let unit: String
  /// One value a run.
  var values: [Double]
  /// What has to be reached, and whether more is better; nil: nothing.
  var goal: (value: Double, moreIsBetter: Bool)?

  var sorted: [Double] { values.sorted() }
  var median: Double { values.isEmpty ? 0 : sorted[values.count / 2] }
  var isReached: Bool? {
    goal.map { $0.moreIsBetter ? median >= $0.value : median <= $0.value }
  }
}

/// Prints figures as they come: aligned text for people, JSON lines for machines.
struct Table {
  let json: Bool
  private static let nameColumns = 46
  private static let numberColumns = 12

  init(json: Bool) {
    self.json = json
    guard !json else { return }
    let heads = ["min", "median", "max", "goal"].map(Self.right).joined()
    Self.say(Self.left("") + heads)
  }

  /// Prints one figure.
  func add(_ figure: Figure) {
    guard let low = figure.sorted.first, let high = figure.sorted.last else { return }
    if json {
      var fields: [String: Any] = [
        "name": figure.name, "unit": figure.unit, "runs": figure.values.count, "min": low,
        "median": figure.median, "max": high,
      ]
      fields["goal"] = figure.goal?.value
      fields["reached"] = figure.isReached
      let data = try? JSONSerialization.data(withJSONObject: fields, options: [.sortedKeys])
      Self.say(String(decoding: data ?? Data(), as: UTF8.self))
    } else {
      let numbers = [low, figure.median, high].map { Self.right(Self.text($0)) }.joined()
      let goal = figure.goal.map { goal in
        Self.right(Self.text(goal.value)) + (figure.isReached == true ? "  reached" : "  missed")
      }
      Self.say(Self.left("\(figure.name), \(figure.unit)") + numbers + (goal ?? ""))
    }
  }

  /// A remark for people; machines get it as an object too.
  func note(_ text: String) {
    guard json else {
      Self.say("  \(text)")
      return
    }
    let data = try? JSONSerialization.data(withJSONObject: ["note": text])
    Self.say(String(decoding: data ?? Data(), as: UTF8.self))
  }

  /// At once, also into a pipe.
  private static func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
  }

  private static func left(_ text: String) -> String {
    text + String(repeating: " ", count: max(1, nameColumns - text.count))
  }

  private static func right(_ text: String) -> String {
    String(repeating: " ", count: max(1, numberColumns - text.count)) + text
  }

  private static func text(_ value: Double) -> String {
    let digits = abs(value) >= 1000 ? 0 : abs(value) >= 10 ? 1 : 3
    return String(format: "%.\(digits)f", value)
  }
}
