import ArgumentParser
import Foundation
import WeirCore

/// The program: both units, and the tools around them.
@main
struct Weir: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weir",
    abstract: "Hands matters over between 12345 and 110, one way, and never loses one.",
    discussion: """
      Begin here: `weir demo` runs both units on this machine for half a minute and shows what \
      happens.

      Exit codes: 0 done; 1 the thing asked about is not so; 2 wrong usage; 70 internal; 74 disk; \
      78 a unit started with a bad configuration.
      """,
    version: Program.version,
    groupedSubcommands: [
      CommandGroup(name: "See it:", subcommands: [DemoCommand.self]),
      CommandGroup(
        name: "Run it:", subcommands: [OuterCommand.self, InnerCommand.self, CheckCommand.self]),
      CommandGroup(
        name: "Ask a running unit:",
        subcommands: [
          StatusCommand.self, TraceCommand.self, EventCommand.self, ReloadCommand.self,
          AdmitCommand.self,
          DigestCommand.self, DrillCommand.self,
          ResendCommand.self, QuarantineCommand.self, ExportCommand.self, ImportCommand.self,
        ]),
      CommandGroup(
        name: "Without a unit:",
        subcommands: [
          ReportCommand.self, JudgeCommand.self, PolicyCommand.self, KeygenCommand.self,
          KeyCommand.self,
          JournalCommand.self,
        ]),
    ])

  /// The argument parser's own errors leave with 2, help with 0, ours with their own code.
  static func main() async {
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch let failure as Failure {
      Terminal.complain(failure.description)
      Foundation.exit(failure.code)
    } catch let error as CoreError {
      Terminal.complain(error.message)
      Foundation.exit(Failure.code(of: error))
    } catch let code as ExitCode {
      Foundation.exit(code.rawValue)
    } catch {
      let code = exitCode(for: error)
      let message = fullMessage(for: error)
      if !message.isEmpty {
        code.isSuccess ? Terminal.output.line(message) : Terminal.complain(message)
      }
      // What is neither help nor wrong usage is nobody's fault but ours.
      Foundation.exit(code.isSuccess ? 0 : code == .validationFailure ? 2 : 70)
    }
  }
}

/// What the program says of itself.
enum Program {
  static let version = "1.0.0"

  /// The path of the program's own file.
  static var path: String {
    let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return link ?? CommandLine.arguments.first ?? "weir"
  }
}

/// Why a command could not do what it was asked, and what to do next.
struct Failure: Error, CustomStringConvertible {
  /// The exit code.
  let code: Int32
  /// One or more lines for a person.
  let description: String

  /// 1: the thing asked about is not so.
  init(_ description: String, code: Int32 = 1) {
    self.code = code
    self.description = description
  }

  /// The exit code of what the core could not do. Only a unit leaves with 78.
  static func code(of error: CoreError) -> Int32 {
    switch error.kind {
    case .disk: 74
    case .damaged, .configuration: 1
    case .internal: 70
    }
  }
}
