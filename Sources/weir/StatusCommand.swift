import ArgumentParser
import Foundation

/// `weir status`
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "How a running unit stands: what somebody must do comes first.",
    discussion: "Example: weir status --config /etc/weir/outer.yaml")

  @OptionGroup var control: ControlOptions
  @Flag(help: "Print the answer as it came.") var json = false

  func run() throws {
    var request = JsonLine()
    request.add("op", "status")
    guard let status = try control.demand(request, json: json) else { return }
    StatusText(status).show()
  }
}

/// A unit's status for people.
struct StatusText {
  private let status: Json
  private let terminal = Terminal.output

  init(_ status: Json) { self.status = status }

  func show() {
    let isInner = status["role"].text == "inner"
    let state = status["state"].text ?? "?"
    let role = "\(isInner ? "内端机 inner" : "外端机 outer") \(status["unit"].text ?? "")"
    var rows: [(name: String, value: String)] = [
      ("unit", "\(role), \(terminal.paint(state, state == "running" ? .good : .danger))")
    ]
    rows += isInner ? senders : [("link", outerLink)]
    let emergencies = status["openEmergencies"].number ?? 0
    rows += [
      (
        "open emergencies",
        terminal.paint("\(emergencies)", emergencies > 0 ? .danger : .good)
      ),
      ("oldest unconfirmed", oldest), ("last human proof", status["lastHumanProof"].text ?? "none"),
      ("unacknowledged reports", reports), ("disk", disk), ("refs", refs),
      ("loop", loop), ("keys", keys), ("alarms", alarms), ("quarantine", quarantine),
      ("expired", expired),
    ]
    rows.append(("open handovers", "\(status["openHandovers"].number ?? 0)"))
    rows.append(("drills", DrillText.line(status["drill"], terminal)))
    rows.append(("started", status["startedAt"].text ?? "?"))
    rows.append(("now", status["now"].text ?? "?"))
    rows.append(("version", status["version"].text ?? "?"))
    if let at = rows.firstIndex(where: { $0.name == "unacknowledged reports" }),
      !status["unacknowledgedReports"].list.isEmpty
    {
      rows.insert(rows.remove(at: at), at: 0)  // somebody must do something
    }
    terminal.pairs(rows)
    terminal.line()
    let counters = status["counters"]
    terminal.pairs(counters.keys.map { ($0, "\(counters[$0].number ?? 0)") })
  }

  private var outerLink: String {
    let link = status["link"]
    guard link["state"].text != "none" else {
      return terminal.paint("none configured: nothing crosses", .danger)
    }
    let errors = link["sendErrors"].number ?? 0
    let carrier = link["carrier"].text ?? "udp"
    let highest = link["highestCrossing"].number ?? 0
    let isStuck = link["state"].text == "stuck"
    let stuck = "nothing leaves by udp: \(link["why"].text ?? "?")"
    let way = isStuck ? stuck : "sending by \(carrier)"
    let sent = "\(way); highest crossing \(highest)"
    let open = "\(link["unconfirmed"].number ?? 0) unconfirmed"
    let text = "\(sent), \(open), \(link["datagrams"].number ?? 0) datagrams"
    if isStuck { return terminal.paint("\(text), \(errors) send errors", .danger) }
    return errors > 0 ? terminal.paint("\(text), \(errors) send errors", .warning) : text
  }

  private var senders: [(name: String, value: String)] {
    let senders = status["link"].list
    guard !senders.isEmpty else {
      return [("link", terminal.paint("no sender was heard yet", .warning))]
    }
    return senders.map { sender in
      let state = sender["state"].text ?? "?"
      var text = "\(sender["sender"].text ?? "?") "
      switch state {
      case "inStep": text += terminal.paint("in step", .good)
      case "cutOff":
        text += terminal.paint("cut off since \(sender["since"].text ?? "?")", .danger)
      default:
        let which = sender["which"].text.map { ": \($0)" } ?? ""
        text += terminal.paint("\(sender["missing"].number ?? 0) missing\(which)", .danger)
      }
      text += "; highest sent \(sender["highestSent"].number ?? 0)"
      text += ", open danger there \(sender["openDanger"].number ?? 0)"
      text += ", clock \(sender["clockOffsetMs"].number ?? 0) ms"
      return ("link", text)
    }
  }

  private var oldest: String {
    let oldest = status["oldestUnconfirmed"]
    guard let handover = oldest["handover"].text else { return "none" }
    return "\(handover) since \(oldest["since"].text ?? "?")"
  }

  private var alarms: String {
    let open = status["alarms"].list.map { alarm in
      let sender = alarm["sender"].text.map { " \($0)" } ?? ""
      return "\(alarm["code"].text ?? "?")\(sender): \(alarm["text"].text ?? "")"
    }
    return open.isEmpty ? "none" : terminal.paint(open.joined(separator: "; "), .danger)
  }

  private var quarantine: String {
    let count = status["quarantine"].number ?? 0
    return count == 0 ? "empty" : terminal.paint("\(count): weir quarantine list", .warning)
  }

  /// Crossings that no person confirmed within `link.keep`.
  private var expired: String {
    let numbers = status["expired"].texts
    guard !numbers.isEmpty else { return "none" }
    return terminal.paint(numbers.joined(separator: " ") + ": 请电话向110核实", .warning)
  }

  private var reports: String {
    let open = status["unacknowledgedReports"].list.map { report in
      let kind = report["kind"].text ?? ""
      return "\(report["report"].text ?? "?") \(Words.reportKind(kind)) (\(kind))"
    }
    return open.isEmpty ? "none" : terminal.paint(open.joined(separator: ", "), .danger)
  }

  private var disk: String {
    let disk = status["disk"]
    let state = disk["state"].text ?? "?"
    let free = (disk["freeBytes"].number ?? 0) / 1_000_000_000
    let text = "\(state), \(free) GB free, \(disk["records"].number ?? 0) records"
    return state == "good" ? text : terminal.paint(text, .danger)
  }

  /// For how long a request that is sent again is known.
  private var refs: String {
    let refs = status["refs"]
    let count = refs["count"].number ?? 0
    guard count > 0, let since = refs["since"].text else { return "\(count) known" }
    return "\(count) known, \(refs["days"].number ?? 0) days: since \(since)"
  }

  /// A deadline is spoken at most 100 ms late: a turn that takes so long is a fault.
  private var loop: String {
    let longest = status["loop"]["longestTurnUs"].number ?? 0
    let slow = status["loop"]["slowTurns"].number ?? 0
    let tenths = (longest + 50) / 100
    let text = "longest turn \(tenths / 10).\(tenths % 10) ms, \(slow) over 5 ms since the start"
    guard longest >= 100_000 else { return text }
    return terminal.paint("\(text): 机器停顿过, look at its load, memory and disk", .warning)
  }

  private var keys: String {
    let keys = status["keys"].list.map { key in
      let day = key["expires"].number.flatMap { KeyShowCommand.day(UInt32(clamping: $0)) }
      let left = key["daysLeft"].number.map { $0 < 0 ? ", expired" : ", \($0) days left" } ?? ""
      let until = day.map { " until \($0)\(left)" } ?? ""
      return "epoch \(key["epoch"].number ?? 0) \(key["suite"].text ?? "")\(until)"
    }
    return keys.isEmpty ? "none" : keys.joined(separator: ", ")
  }
}
