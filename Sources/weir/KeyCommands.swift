import ArgumentParser
import Foundation
import WeirCore

/// `weir keygen`
struct KeygenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keygen",
    abstract: "Make a link key: one line for the key files of both units.",
    discussion: """
      Carry the line to the other unit by hand, never over the link. Compare both files with \
      `weir key show` by voice.

      Example: weir keygen --epoch 2 --expires 2027-12-31 --out /etc/weir/link.key
      """)

  @Option(help: "The key epoch, 1 to 4294967295; each new key takes the next.")
  var epoch: UInt32 = 1

  @Option(help: ArgumentHelp("aes-256-gcm or sm4-gcm.", valueName: "suite"))
  var suite = "aes-256-gcm"

  @Option(
    help: ArgumentHelp(
      "The key's last day: both units warn 30, 7 and 1 days before it ends, and go on.",
      valueName: "yyyy-mm-dd"))
  var expires: String?

  @Option(
    help: ArgumentHelp(
      "Append the line to this file, which only its owner can read.", valueName: "file"))
  var out: String?

  func validate() throws {
    guard epoch > 0 else { throw ValidationError("--epoch begins at 1.") }
    guard KeyFile.suites.contains(suite) else {
      throw ValidationError("--suite is one of \(KeyFile.suites.joined(separator: ", ")).")
    }
    if let expires, ReportDay(expires) == nil {
      throw ValidationError("--expires is a day such as 2027-12-31.")
    }
  }

  func run() throws {
    let day = expires.flatMap { ReportDay($0)?.text }
    let line = try KeyFile.line(epoch: epoch, suite: suite, expires: day)
    guard let out else {
      Terminal.output.line(line)
      return
    }
    if try Self.held(out).contains(where: { $0.epoch == epoch }) {
      throw Failure("\(out) has a key of epoch \(epoch) already. Give the next one with --epoch")
    }
    try Self.append(line, to: out)
    Terminal.complain("\(out): key epoch \(epoch) added; compare it with `weir key show \(out)`")
  }

  /// The keys that a file holds already. One that is not there, or has nothing but comments and
  /// blanks, holds none; one that cannot be read might hold the epoch, and takes no line.
  private static func held(_ path: String) throws -> [KeyFile.Entry] {
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    let text = FileManager.default.contents(atPath: path)
    let isBare = text.map { text in
      String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline).allSatisfy { line in
        line.first { $0 != " " && $0 != "\t" }.map { $0 == "#" } ?? true
      }
    }
    return isBare == true ? [] : try KeyFile.entries(path)
  }

  /// Appends a line to a file that nobody else may read from its first byte on.
  static func append(_ line: String, to path: String) throws {
    umask(0o077)
    let files = FileManager.default
    do {
      if !files.fileExists(atPath: path) {
        guard files.createFile(atPath: path, contents: nil) else {
          throw CocoaError(.fileWriteUnknown)
        }
      }
      try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
      let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
      let end = try file.seekToEnd()
      var text = line + "\n"
      if end > 0 {
        try file.seek(toOffset: end - 1)
        if try file.read(upToCount: 1) != Data("\n".utf8) { text = "\n" + text }
      }
      try file.write(contentsOf: Data(text.utf8))
      try file.synchronize()
      try file.close()
    } catch {
      throw Failure(
        "\(path) cannot be written. Check that its folder exists and that you may write there",
        code: 74)
    }
  }
}

/// `weir key`
struct KeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Look at key files.", subcommands: [KeyShowCommand.self])
}

/// `weir key show`
struct KeyShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show the keys of a file by their fingerprints, never the keys.",
    discussion: """
      Two people compare the eight digits by voice; they differ when the keys do.

      Example: weir key show /etc/weir/link.key
      """)

  @Argument(help: "The key file.") var file: String
  @Flag(help: "Print JSON lines.") var json = false

  func run() throws {
    let entries = try KeyFile.entries(file)
    if json {
      for entry in entries {
        var line = JsonLine()
        line.add("epoch", raw: String(entry.epoch))
        line.add("suite", entry.suite)
        line.add("expires", Self.day(entry.expires))
        line.add("fingerprint", entry.fingerprint)
        Terminal.output.line(line.text)
      }
      return
    }
    let rows = entries.map {
      [
        String($0.epoch), $0.suite, Self.day($0.expires) ?? "never",
        "\($0.fingerprint.prefix(4)) \($0.fingerprint.dropFirst(4))",
      ]
    }
    Terminal.output.table([["EPOCH", "SUITE", "EXPIRES", "FINGERPRINT"]] + rows)
  }

  /// `20270131` as `2027-01-31`; nil for none.
  static func day(_ number: UInt32) -> String? {
    guard number > 0 else { return nil }
    let digits = String(number)
    return "\(digits.prefix(4))-\(digits.dropFirst(4).prefix(2))-\(digits.dropFirst(6))"
  }
}
