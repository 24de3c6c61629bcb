import Foundation
import Testing

/// What a command of the program said, and how it ended.
struct Said {
  let code: Int32
  /// Standard output, and standard error.
  let output: String
  let complaint: String

  /// Lines of standard output, each a JSON object.
  func objects() throws -> [Fields] {
    try output.split(separator: "\n").map { try fields(String($0)) }
  }

  /// The one JSON object on standard output.
  func object() throws -> Fields {
    let all = try objects()
    guard all.count == 1 else { throw HouseProblem("\(all.count) objects: \(output)\(complaint)") }
    return all[0]
  }
}

/// One row of a table of commands: its words, and what they must come to.
struct CommandRow: CustomTestStringConvertible, Sendable {
  let words: [String]
  let code: Int32
  /// Texts that standard output, or standard error where it fails, holds.
  let holds: [String]

  /// - Parameter words: one text, parted at spaces.
  init(_ words: String, _ code: Int32, _ holds: String...) {
    self.words = Command.parted(words)
    self.code = code
    self.holds = holds
  }

  var testDescription: String { words.joined(separator: " ") }

  /// Runs it and holds it against the row.
  func check(
    in folder: String, config: String? = nil, into file: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let said = try Command.run(words, config: config, into: file, in: folder)
    #expect(
      said.code == code, "\(words): \(said.output)\(said.complaint)",
      sourceLocation: sourceLocation)
    let text = said.output + said.complaint
    for part in holds {
      #expect(
        text.contains(part), "\(words): no “\(part)” in\n\(text)", sourceLocation: sourceLocation)
    }
    // What goes wrong is told to people, and is nothing that a pipe would take for an answer.
    let isQuiet = said.output.isEmpty || words.contains("--json") || words.first == "check"
    #expect(code == 0 || isQuiet, "\(words): \(said.output)", sourceLocation: sourceLocation)
  }
}

/// The program's commands, each a process of its own.
enum Command {
  static func parted(_ words: String) -> [String] {
    words.split(separator: " ").map(String.init)
  }

  /// Runs the program in a folder, for the unit of a configuration file where there is one, and
  /// waits for its end. Standard output goes to a file where one is named.
  static func run(
    _ words: [String], config: String? = nil, input: String = "", into file: String? = nil,
    in folder: String
  ) throws -> Said {
    guard let program = UnitProcess.program else {
      throw HouseProblem("`weir` is not beside the tests")
    }
    let process = Process()
    let (typed, output, complaint) = (Pipe(), Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = words + (config.map { ["--config", $0] } ?? [])
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardInput = typed
    process.standardOutput = file.map { FileHandle(forWritingAtPath: $0) as Any } ?? output
    process.standardError = complaint
    try process.run()
    // A pipe that was not handed on has no other writer.
    if file != nil { try output.fileHandleForWriting.close() }
    try typed.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try typed.fileHandleForWriting.close()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    let complained = complaint.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationReason == .exit else {
      throw HouseProblem("weir \(words) died of signal \(process.terminationStatus)")
    }
    return Said(
      code: process.terminationStatus, output: String(decoding: said, as: UTF8.self),
      complaint: String(decoding: complained, as: UTF8.self))
  }
}

extension House {
  /// Runs a command in the house's folder, its words parted at spaces.
  func run(_ words: String, config: String? = nil, input: String = "") throws -> Said {
    try Command.run(Command.parted(words), config: config, input: input, in: folder)
  }

  /// Runs each command and holds it against its row.
  func check(
    _ rows: [CommandRow], config: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for row in rows {
      try row.check(in: folder, config: config, sourceLocation: sourceLocation)
    }
  }
}
