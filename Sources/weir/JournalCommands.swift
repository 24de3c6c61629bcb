import ArgumentParser
import Foundation
import WeirConfiguration
import WeirCore

/// Which journal is meant.
struct JournalOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The unit's configuration file.", valueName: "file"))
  var config: String?

  @Option(help: ArgumentHelp("The unit's data folder; with --unit.", valueName: "dir"))
  var data: String?

  @Option(help: ArgumentHelp("The unit's name; with --data.", valueName: "name"))
  var unit: String?

  func validate() throws {
    let good = config != nil ? data == nil && unit == nil : data != nil && unit != nil
    guard good else { throw ValidationError("Give --config FILE, or --data DIR and --unit NAME.") }
    let letters = unit ?? "kd1"
    guard letters.wholeMatch(of: #/[A-Za-z0-9]{1,8}/#) != nil else {
      throw ValidationError("--unit is the unit's `name`: 1 to 8 letters and digits.")
    }
  }

  /// Folder and name.
  func place() throws -> (data: String, unit: String) {
    let place: (data: String, unit: String)
    if let data, let unit {
      place = (data, unit)
    } else {
      let read = try readConfiguration(config ?? "")
      place = (read.data, read.name)
    }
    guard FileManager.default.fileExists(atPath: "\(place.data)/journal") else {
      throw Failure("no journal in \(place.data). Check the folder; a unit that never ran has none")
    }
    return place
  }
}

/// `weir journal`
struct JournalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "journal", abstract: "Read a unit's journal; nothing is changed.",
    subcommands: [
      JournalVerifyCommand.self, JournalShowCommand.self, JournalExportCommand.self,
      JournalSealCommand.self,
    ])
}

/// `weir journal verify`
struct JournalVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Read every record and check it.",
    discussion: """
      A torn tail is what a power cut leaves: it was never answered durable, and the unit cuts it \
      off at its next start; beside a running unit it is what that one is writing. Damage is \
      anything else; the unit does not start over it. Each closed \
      segment is also compared with the hash that was taken when it closed. Segments that a \
      running unit retires meanwhile are left out. Leaves with 1 on damage, naming the segment.

      Example: weir journal verify --config /etc/weir/outer.yaml
      """)

  @OptionGroup var options: JournalOptions
  @Flag(help: "Print one JSON object.") var json = false

  func run() throws {
    let (data, unit) = try options.place()
    do throws(CoreError) {
      var progress = JournalProgress("checked")
      let finding = try JournalReader.read(data, unit: unit) { _ in
        progress.count()
        return true
      }
      show(finding, try JournalReader.verifyHashes(data, unit: unit), of: data)
    } catch {
      guard error.kind == .damaged else { throw error }
      throw Failure("\(error.message)\nCopy the folder away before anything else is done to it")
    }
  }

  private func tail(of finding: JournalReader.Finding) -> String {
    if finding.isWriting { return "the unit runs, and is writing behind these records" }
    return finding.torn ? "torn at \(finding.place); cut off at the next start" : "whole"
  }

  private func show(
    _ finding: JournalReader.Finding, _ hashes: JournalReader.Hashes, of data: String
  ) {
    if json {
      var line = JsonLine()
      line.add("records", raw: String(finding.records))
      line.add("segments", raw: String(finding.segments))
      line.add("torn", raw: String(finding.torn))
      line.add("writing", raw: String(finding.isWriting))
      if finding.torn { line.add("place", finding.place) }
      line.add("hashed", raw: String(hashes.segments))
      if hashes.segments > 0 { line.add("hash", hashes.last) }
      Terminal.output.line(line.text)
      return
    }
    Terminal.output.pairs([
      ("journal", "\(data)/journal: good"), ("records", "\(finding.records)"),
      ("segments", "\(finding.segments)"),
      ("tail", tail(of: finding)),
      (
        "hashes",
        hashes.segments == 0
          ? "none: no segment has closed yet"
          : "\(hashes.segments) closed segments fit; the last: \(hashes.last)"
      ),
    ])
  }
}

/// Reads a configuration for a tool; every problem is told when it cannot be used.
func readConfiguration(_ file: String) throws -> UnitConfiguration {
  let (unit, problems) = Configuration.read(file: file)
  guard let unit else {
    let lines = problems.map { ConfigurationText.lines(of: $0) }
    throw Failure(lines.joined(separator: "\n"))
  }
  return unit
}
