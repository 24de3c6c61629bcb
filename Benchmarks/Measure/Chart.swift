internal import Foundation

/// Charts as SVG.
enum Chart {
  private static let (width, height) = (860.0, 300.0)
  private static let (left, right, top, bottom) = (64.0, 12.0, 28.0, 34.0)
  private static let colours = ["#2563c9", "#c2410c", "#0a7d4b", "#8b3fb0", "#8a6d00", "#0e7490"]

  /// Latency over percentile: both axes logarithmic, the nines to the right.
  static func latencies(_ all: [Latencies]) -> String {
    let kinds = all.filter { $0.count > 0 }
    guard !kinds.isEmpty else { return "" }
    let most = kinds.map(\.maxMilliseconds).max() ?? 1
    let least = kinds.map { max(0.001, $0.milliseconds(at: 1)) }.min() ?? 0.001
    let decades = (floor(log10(least)), max(floor(log10(least)) + 1, ceil(log10(max(most, 0.002)))))
    let nines = max(2.0, ceil(log10(Double(kinds.map(\.count).max() ?? 1))))
    func x(_ percentile: Double) -> Double {
      let share = min(nines, -log10(max(1e-9, 1 - percentile / 100))) / nines
      return left + share * (width - left - right)
    }
    func y(_ milliseconds: Double) -> Double {
      let share = (log10(max(1e-4, milliseconds)) - decades.0) / (decades.1 - decades.0)
      return height - bottom - share * (height - top - bottom)
    }
    var parts: [String] = []
    for decade in Int(decades.0)...Int(decades.1) {
      let value = pow(10, Double(decade))
      parts += level(y(value), "\(number(value)) ms")
    }
    for percentile in [0, 50, 90, 99, 99.9, 99.99, 99.999] where x(percentile) <= width - right {
      parts += mark(x(percentile), "p\(number(percentile))")
    }
    for (place, kind) in kinds.enumerated() {
      let points = stride(from: 0.0, through: nines, by: nines / 160).map { nine in
        let percentile = 100 * (1 - pow(10, -nine))
        return (x(percentile), y(kind.milliseconds(at: percentile)))
      }
      parts += curve(points, place, kind.name)
    }
    return frame("Latency by percentile", parts)
  }

  /// Answered and delivered matters a second, and the longest waits.
  static func timeline(_ seconds: [Timeline.Second]) -> String {
    guard seconds.count > 1 else { return "" }
    let most = Double(seconds.map { max($0.answered, $0.delivered) }.max() ?? 1)
    let waits = seconds.map { max($0.answerMaxNs, $0.deliveryMaxNs) }
    let longest = max(0.001, Double(waits.max() ?? 1) / 1e6)
    func x(_ second: Int) -> Double {
      left + Double(second) / Double(seconds.count - 1) * (width - left - right)
    }
    func y(_ value: Double, of whole: Double) -> Double {
      height - bottom - value / max(1e-9, whole) * (height - top - bottom)
    }
    var rates: [String] = []
    for share in [0, 0.5, 1] { rates += level(y(share, of: 1), "\(number(share * most))/s") }
    rates += mark(x(0), "0 s") + mark(x(seconds.count - 1), "\(seconds.count - 1) s")
    var delays = rates.suffix(4).map { $0 }
    for share in [0, 0.5, 1] { delays += level(y(share, of: 1), "\(number(share * longest)) ms") }
    func points(_ value: (Timeline.Second) -> Double, of whole: Double) -> [(Double, Double)] {
      seconds.enumerated().map { (x($0.offset), y(value($0.element), of: whole)) }
    }
    rates += curve(points({ Double($0.answered) }, of: most), 0, "answered")
    rates += curve(points({ Double($0.delivered) }, of: most), 1, "delivered")
    delays += curve(points({ Double($0.answerMaxNs) / 1e6 }, of: longest), 0, "longest to answer")
    delays += curve(
      points({ Double($0.deliveryMaxNs) / 1e6 }, of: longest), 1, "longest to delivery")
    return frame("Throughput over time", rates) + frame("Longest wait in each second", delays)
  }

  private static func number(_ value: Double) -> String {
    let rounded = (value * 1e4).rounded() / 1e4
    return value >= 100 ? String(format: "%.0f", value) : String(format: "%g", rounded)
  }

  private static func level(_ y: Double, _ text: String) -> [String] {
    [
      "<line x1=\"\(left)\" x2=\"\(width - right)\" y1=\"\(short(y))\" y2=\"\(short(y))\" "
        + "stroke=\"#98a3b3\" stroke-opacity=\".35\"/>",
      "<text x=\"\(left - 6)\" y=\"\(short(y + 4))\" text-anchor=\"end\">\(text)</text>",
    ]
  }

  private static func mark(_ x: Double, _ text: String) -> [String] {
    [
      "<line x1=\"\(short(x))\" x2=\"\(short(x))\" y1=\"\(top)\" y2=\"\(height - bottom)\" "
        + "stroke=\"#98a3b3\" stroke-opacity=\".2\"/>",
      "<text x=\"\(short(x))\" y=\"\(height - bottom + 16)\" text-anchor=\"middle\">\(text)</text>",
    ]
  }

  private static func curve(_ points: [(Double, Double)], _ place: Int, _ name: String) -> [String]
  {
    let path = points.map { "\(short($0.0)),\(short($0.1))" }.joined(separator: " ")
    let colour = colours[place % colours.count]
    let x = left + 8 + Double(place) * 150
    return [
      "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.6\"/>",
      "<rect x=\"\(x)\" y=\"6\" width=\"10\" height=\"10\" fill=\"\(colour)\"/>",
      "<text x=\"\(x + 15)\" y=\"15\">\(Page.escaped(name))</text>",
    ]
  }

  private static func frame(_ title: String, _ parts: [String]) -> String {
    "<svg viewBox=\"0 0 \(Int(width)) \(Int(height))\" role=\"img\" aria-label=\"\(title)\">"
      + "<title>\(title)</title>"
      + "<text x=\"\(width - right)\" y=\"15\" text-anchor=\"end\">\(title)</text>"
      + parts.joined() + "</svg>"
  }

  private static func short(_ value: Double) -> String { String(format: "%.1f", value) }
}
