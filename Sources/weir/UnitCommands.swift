import ArgumentParser
import Foundation
import WeirConfiguration
import WeirCore
import WeirModel
import WeirPolicy
import WeirRuntime

/// What both units are started with.
struct UnitOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("The configuration file.", valueName: "file"))
  var config: String

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Stop when the process with this number is no longer the parent.", visibility: .hidden))
  var parent: Int32?

  /// Runs the unit of that role; never returns normally but with its exit code.
  func run(as role: UnitRole) async throws {
    let (unit, problems) = Configuration.read(file: config)
    for problem in problems { Terminal.complain(ConfigurationText.lines(of: problem)) }
    guard let unit else { throw ExitCode(78) }
    guard unit.role == role else {
      throw Failure(
        """
        \(config):\(place): error: `unit` is \(unit.role.rawValue), \
        and this was started as \(role.rawValue)
          start it with `weir \(unit.role.rawValue) --config \(config)`, or name the other file
        """, code: 78)
    }
    let watch = parent.map { parent in Task { await follow(parent) } }
    let code = await UnitRunner.run(unit, version: Program.version)
    watch?.cancel()
    throw ExitCode(code)
  }

  /// Line and column of the value of `unit`.
  private var place: String {
    let text = FileManager.default.contents(atPath: config) ?? Data()
    let lines = String(decoding: text, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    guard let index = lines.firstIndex(where: { $0.hasPrefix("unit:") }) else { return "1:1" }
    let spaces = lines[index].dropFirst(5).prefix { $0 == " " }.count
    return "\(index + 1):\(6 + spaces)"
  }

  /// Ends this process as an operator would, once its parent is gone.
  private func follow(_ parent: Int32) async {
    while getppid() == parent {
      guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
    }
    kill(getpid(), SIGTERM)
  }
}

/// Problems of a configuration as people read them.
enum ConfigurationText {
  /// The problem and, below it, what to do.
  static func lines(of problem: ConfigurationProblem) -> String {
    problem.hint.isEmpty ? "\(problem)" : "\(problem)\n  \(problem.hint)"
  }
}

/// `weir outer`
struct OuterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "outer",
    abstract: "Run the outer unit (外端机): takes matters, decides, sends.",
    discussion: """
      Runs until SIGTERM or SIGINT; SIGHUP opens the log file again and reads the policy anew.

      Example: weir outer --config /etc/weir/outer.yaml
      """)

  @OptionGroup var options: UnitOptions

  func run() async throws { try await options.run(as: .outer) }
}

/// `weir inner`
struct InnerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inner",
    abstract: "Run the inner unit (内端机): receives and delivers, and has no way out.",
    discussion: """
      Runs until SIGTERM or SIGINT; SIGHUP opens the log file again and reads the policy anew.

      Example: weir inner --config /etc/weir/inner.yaml
      """)

  @OptionGroup var options: UnitOptions

  func run() async throws { try await options.run(as: .inner) }
}

/// `weir check`
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check a configuration file, and what it names on this machine.",
    discussion: """
      Prints every problem as file:line:column with what to do about it; changes nothing. Run it \
      as the user that the unit will run as. Leaves with 1 when there is any error.

      Example: weir check /etc/weir/outer.yaml
      """)

  @Argument(help: "The configuration file.") var file: String

  func run() throws {
    let (unit, reading) = Configuration.read(file: file)
    let problems = reading + (unit.map { Configuration.checkWorld($0) } ?? [])
    for problem in problems { Terminal.output.line(ConfigurationText.lines(of: problem)) }
    guard let unit, !problems.contains(where: { $0.severity == .error }) else { throw ExitCode(1) }
    let wrong = wrongContents(of: unit)
    wrong.forEach { Terminal.output.line($0) }
    if !wrong.isEmpty { throw ExitCode(1) }
    Terminal.output.line("\(file): good")
  }

  /// What is wrong in the files that a configuration names.
  private func wrongContents(of unit: UnitConfiguration) -> [String] {
    var wrong: [String] = []
    do {
      let shelf = PolicyShelf(data: unit.data)
      wrong += try readPolicies(unit.policies).policies.compactMap(shelf.refusal(of:))
    } catch {
      wrong.append("\(error)")
    }
    do throws(CoreError) {
      if let key = unit.link?.key { _ = try KeyFile.entries(key) }
    } catch {
      wrong.append(error.message)
    }
    return wrong
  }
}
