import ArgumentParser
import WeirCore

/// `weir digest`
struct DigestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "digest",
    abstract: "对账码: count and eight digits over what crossed, for two people to compare.",
    discussion: """
      Both units print the same for the same crossing numbers; two people compare by telephone. \
      When they agree, a code is typed at the outer unit and confirms open data legs of the \
      range: the second code (版本) all of them; the first one, which says nothing of revisions, \
      those of which only one revision ever crossed. A wrong code changes nothing and shows the \
      codes of the two halves.

      The first code is SHA-256 over one line a crossing, "NUMBER HANDOVER" and a line feed, \
      shortened as RFC 4226 does it; the second over "NUMBER HANDOVER REVISION".

      Example: weir digest 1-500 --config /etc/weir/inner.yaml
      Example: weir digest --confirm 1-500 12345678 --by 王队 --config /etc/weir/outer.yaml
      """)

  @OptionGroup var control: ControlOptions
  @Argument(help: ArgumentHelp("RANGE, as 1-500; with --confirm RANGE CODE.", valueName: "range"))
  var words: [String] = []
  @Flag(help: "Confirm RANGE by the other unit's CODE; outer unit.") var confirm = false
  @Option(help: ArgumentHelp("With --confirm: who compared.", valueName: "name")) var by: String?
  @Option(help: ArgumentHelp("On an inner unit: only this outer unit.", valueName: "unit"))
  var sender: String?
  @Flag(help: "Print the answer as it came.") var json = false

  func validate() throws {
    if confirm {
      guard words.count == 2, by != nil else {
        throw ValidationError("Give --confirm RANGE CODE --by NAME.")
      }
    } else if words.count > 1 || by != nil {
      throw ValidationError("Give RANGE, or --confirm RANGE CODE --by NAME.")
    }
  }

  func run() throws {
    var request = JsonLine()
    request.add("op", "digest")
    request.add("id", sender)
    request.add("range", words.first)
    request.add("code", confirm ? words[1] : nil)
    request.add("by", by)
    let (line, said) = try control.ask(request)
    if json { Terminal.output.line(line) }
    if var refused = refusal(in: said) {
      if json { throw ExitCode(1) }
      let halves = said["halves"].list.map(Self.text)
      if !halves.isEmpty {
        refused = Failure(
          (["\(refused)", "nothing was changed. Compare the halves:"] + halves).joined(
            separator: "\n"))
      }
      throw refused
    }
    if !confirm, said["digests"].list.isEmpty {
      throw Failure(
        "no outer unit \(sender.map { "\($0) " } ?? "")has crossed to this one: `weir status` "
          + "names those that have")
    }
    if json { return }
    if confirm {
      let count = said["confirmed"].number ?? 0
      let others = said["goOnCrossing"].number ?? 0
      let rest = others > 0 ? ",未证实最新版本、继续发送 go on crossing \(others)" : ""
      Terminal.output.line("\(said["range"].text ?? ""): 已确认 confirmed \(count)\(rest)")
    }
    for digest in said["digests"].list { Terminal.output.line(Self.text(digest)) }
  }

  /// Unit, range, count and both codes in two groups each, with the radio's reading.
  private static func text(_ digest: Json) -> String {
    let drills = digest["drills"].number ?? 0
    let count = "\(digest["count"].number ?? 0) 件" + (drills > 0 ? "(其中演练 \(drills))" : "")
    return [
      digest["unit"].text ?? "?", digest["range"].text ?? "?", count,
      code(digest["code"]), "版本", code(digest["stateCode"]),
    ].joined(separator: "  ")
  }

  private static func code(_ digits: Json) -> String {
    let code = digits.text ?? ""
    let groups = [String(code.prefix(4)), String(code.dropFirst(4))]
    return Terminal.output.paint(groups.joined(separator: " "), .strong) + "  "
      + groups.map(Words.radio).joined(separator: " ")
  }
}
