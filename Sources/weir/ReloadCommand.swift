import ArgumentParser
import WeirCore

/// `weir reload`
struct ReloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload",
    abstract: "Have a running unit go over to another policy, without a restart.",
    discussion: """
      Reads what the configuration file names under `policy` by now, or --policy, which then \
      counts until the next start, reload or SIGHUP; other changed keys of the file count at the \
      next start only. Nothing is lost: every message is decided wholly by the old policy or \
      the new one, and open matters keep theirs. A policy by which any past emergency would no \
      longer go to 110 is refused, unless two people force it with a reason: the unit reads its \
      journal for it, and the command waits. SIGHUP does the same without an answer.

      Example: weir reload --config /etc/weir/outer.yaml
      Example: weir reload --policy /etc/weir/new.yaml --force --reason 州办文件 --by 王队 \
      --second 李主任
      """)

  @OptionGroup var control: ControlOptions
  @Option(help: ArgumentHelp("A policy file, or a folder of them.", valueName: "file"))
  var policy: String?
  @Flag(help: "Take it although past emergencies would no longer go to 110.") var force = false
  @Option(help: ArgumentHelp("With --force: why.", valueName: "text")) var reason: String?
  @Option(help: ArgumentHelp("With --force: who decided it.", valueName: "name")) var by: String?
  @Option(help: ArgumentHelp("With --force: who else did.", valueName: "name")) var second: String?
  @Flag(help: "Print the answer as it came.") var json = false

  func validate() throws {
    let named = [reason, by, second].compactMap { $0 }
    guard force ? named.count == 3 : named.isEmpty else {
      throw ValidationError("Give --force with --reason, --by and --second, or none of them.")
    }
    if force, by == second { throw ValidationError("--by and --second are two people.") }
    if let policy, !policy.hasPrefix("/") {
      throw ValidationError("Give --policy in full, as in /etc/weir/policy.yaml.")
    }
  }

  func run() throws {
    var request = JsonLine()
    request.add("op", "reload")
    request.add("path", policy)
    request.add("reason", reason)
    request.add("by", by)
    request.add("second", second)
    let meanwhile = "the unit reads its journal for what the policy would take from 110; wait"
    guard let said = try control.demand(request, json: json, meanwhile: meanwhile) else { return }
    let versions = said["policy"].texts.joined(separator: ", ")
    Terminal.output.line(
      said["changed"].isTrue ? "现行政策 \(versions)" : "政策未变,现行 \(versions)")
  }
}
