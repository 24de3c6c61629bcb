internal import WeirModel

extension Machine {
  /// The table as a Mermaid state diagram: every move between two phases with the events that can
  /// make it. What is possible from every phase is drawn once, from *any phase*; events that leave
  /// the phase alone are not drawn. An intake may begin in any phase that an action leads to.
  public static func diagram() -> String {
    var lines = ["stateDiagram-v2", "  state \"any phase\" as any"]
    for phase in beginnings { lines.append("  [*] --> \(phase.name)") }
    for target in Phase.allCases {
      let shared = EventKind.allCases.filter { isShared($0, target) }
      add("any", target, shared, to: &lines)
      for source in Phase.allCases where source != target {
        let events = EventKind.allCases.filter { event in
          !shared.contains(event) && moves(source, event, target)
        }
        add(source.name, target, events, to: &lines)
      }
    }
    lines.append("  closed --> [*]")
    return lines.joined(separator: "\n") + "\n"
  }

  /// Whether an event can move a handover from one phase to another.
  private static func moves(_ source: Phase, _ event: EventKind, _ target: Phase) -> Bool {
    row(source, event).targets(from: source).contains(target)
  }

  /// Whether an event can move a handover to a phase from every other one.
  private static func isShared(_ event: EventKind, _ target: Phase) -> Bool {
    Phase.allCases.allSatisfy { $0 == target || moves($0, event, target) }
  }

  /// Adds one arrow with its events, if there are any.
  private static func add(
    _ source: String, _ target: Phase, _ events: [EventKind], to lines: inout [String]
  ) {
    guard !events.isEmpty else { return }
    let names = events.map(\.name).joined(separator: ", ")
    lines.append("  \(source) --> \(target.name): \(names)")
  }

  /// The phases that an intake can begin in; `late` when its minute is over on arrival.
  private static let beginnings: [Phase] = [
    .accepted, .transferring, .late, .online, .talking, .dispatchedFirst, .verifying, .guided,
    .redialAdvised, .referred,
  ]
}
