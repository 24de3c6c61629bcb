import Foundation
import WeirMeasure

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

  /// For machines.
  var fields: [String: Any] {
    var fields: [String: Any] = [
      "name": name, "unit": unit, "runs": values.count, "min": sorted.first ?? 0,
      "median": median, "max": sorted.last ?? 0,
    ]
    fields["goal"] = goal?.value
    fields["reached"] = isReached
    return fields
  }

  /// For the page.
  var row: Page.Row {
    Page.Row(
      name: unit.isEmpty ? name : "\(name), \(unit)",
      values: [sorted.first ?? 0, median, sorted.last ?? 0].map(Self.text),
      goal: goal.map { Self.text($0.value) } ?? "", isReached: isReached)
  }

  /// A number in as many digits as are worth reading.
  static func text(_ value: Double) -> String {
    if value == value.rounded(), abs(value) < 1e15 { return String(Int(value)) }
    let digits = abs(value) >= 1000 ? 0 : abs(value) >= 10 ? 1 : 3
    return String(format: "%.\(digits)f", value)
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
      let data = try? JSONSerialization.data(
        withJSONObject: figure.fields, options: [.sortedKeys])
      Self.say(String(decoding: data ?? Data(), as: UTF8.self))
    } else {
      let numbers = [low, figure.median, high].map { Self.right(Figure.text($0)) }.joined()
      let goal = figure.goal.map { goal in
        Self.right(Figure.text(goal.value)) + (figure.isReached == true ? "  reached" : "  missed")
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
}
