internal import Foundation

/// One page of results with charts that needs no network: styles and drawings stand inside.
public struct Page {
  /// A figure over several runs.
  public struct Row: Sendable {
    /// What was measured, and in which unit.
    public var name: String
    /// The least, the middle and the most of all runs, as they are shown.
    public var values: [String]
    /// What is asked for; empty: nothing.
    public var goal: String
    /// Whether that was reached; nil: nothing is asked for.
    public var isReached: Bool?

    /// A row of the table.
    public init(name: String, values: [String], goal: String = "", isReached: Bool? = nil) {
      self.name = name
      self.values = values
      self.goal = goal
      self.isReached = isReached
    }
  }

  /// What came of one set-up.
  public struct Section: Sendable {
    /// Its name.
    public var name: String
    /// Its figures.
    public var rows: [Row]
    /// Latencies of its last run.
    public var latencies: [Latencies]
    /// Its last run, second by second.
    public var timeline: [Timeline.Second]
    /// Remarks, the oracle's findings among them.
    public var notes: [String]

    /// A set-up.
    public init(
      name: String, rows: [Row], latencies: [Latencies], timeline: [Timeline.Second],
      notes: [String]
    ) {
      self.name = name
      self.rows = rows
      self.latencies = latencies
      self.timeline = timeline
      self.notes = notes
    }
  }

  /// What ran.
  public var title: String
  /// Machine, commit and command.
  public var facts: [String]
  /// Each set-up.
  public var sections: [Section]

  /// A page.
  public init(title: String, facts: [String], sections: [Section]) {
    self.title = title
    self.facts = facts
    self.sections = sections
  }

  /// The page as HTML.
  public var text: String {
    var lines = [
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">",
      "<title>Weir: \(Self.escaped(title))</title><style>\(Self.style)</style>",
      "<h1>Weir · \(Self.escaped(title))</h1>",
    ]
    lines += facts.map { "<p class=\"fact\">\(Self.escaped($0))</p>" }
    for section in sections {
      lines.append("<section><h2>\(Self.escaped(section.name))</h2>")
      lines += Self.table(section.rows)
      lines.append(Chart.latencies(section.latencies))
      lines.append(Chart.timeline(section.timeline))
      lines += section.notes.map { "<p class=\"note\">\(Self.escaped($0))</p>" }
      lines.append("</section>")
    }
    return lines.joined(separator: "\n") + "\n</html>\n"
  }

  private static func table(_ rows: [Row]) -> [String] {
    guard !rows.isEmpty else { return [] }
    var lines = [
      "<table><tr><th></th><th>min</th><th>median</th><th>max</th><th>goal</th><th></th></tr>"
    ]
    for row in rows {
      let cells = row.values.map { "<td>\(escaped($0))</td>" }.joined()
      let word = row.isReached.map { $0 ? "reached" : "missed" } ?? ""
      lines.append(
        "<tr><th>\(escaped(row.name))</th>\(cells)<td>\(escaped(row.goal))</td>"
          + "<td class=\"\(word)\">\(word)</td></tr>")
    }
    return lines + ["</table>"]
  }

  static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;")
      .replacingOccurrences(of: "<", with: "&lt;").replacingOccurrences(of: ">", with: "&gt;")
      .replacingOccurrences(of: "\"", with: "&quot;")
  }

  private static let style = """
    body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;\
    color:#1c2430;background:#fff}
    h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em;border-top:1px solid #d5dae1;\
    padding-top:1em}
    .fact,.note{color:#566070;margin:.2em 0;font-size:.9em;overflow-wrap:anywhere}
    table{border-collapse:collapse;margin:1em 0}th{font-weight:500;text-align:left}
    td{text-align:right;font-variant-numeric:tabular-nums}td,th{padding:.15em .8em .15em 0}
    .reached{color:#0a7d4b}.missed{color:#b3261e}svg{display:block;width:100%;margin:1em 0}
    svg text{font:11px system-ui,sans-serif;fill:#566070}
    @media(prefers-color-scheme:dark){body{color:#dfe5ee;background:#12161c}\
    h2{border-color:#333b46}.fact,.note,svg text{color:#98a3b3;fill:#98a3b3}\
    .reached{color:#4cc38a}.missed{color:#ff8a80}}
    """
}
