import Foundation
import UnixSignals
public import WeirConfiguration
import WeirCore
import WeirModel
import WeirPolicy

/// Puts the rooms together, runs them, and ends them.
public enum UnitRunner {
  /// Runs a unit until SIGTERM or SIGINT; SIGHUP opens the log again.
  ///
  /// - Parameters:
  ///   - configuration: what the file said.
  ///   - version: of the program.
  /// - Returns: the exit code: 0 after a stop, 70 for our own trouble, 74 for the disk's, 78 for a
  ///   configuration that cannot be carried out. What is wrong was said on standard error.
  public static func run(_ configuration: UnitConfiguration, version: String) async -> Int32 {
    guard let policy = policy(of: configuration), isKeyKept(configuration) else { return 78 }
    let (notices, continuation) = AsyncStream.makeStream(of: Notice.self)
    let unit: CoreUnit
    let recovered: ReportBook
    do throws(CoreError) {
      (unit, recovered) = try open(
        configuration, policy: policy, version: version, notices: continuation)
    } catch {
      say(error.message)
      return code(of: error)
    }
    let writer = Task {
      guard let report = configuration.report, configuration.role == .outer else {
        for await _ in notices {}
        return
      }
      await ReportWriter(unit: configuration.name, paths: report, recovered: recovered)
        .run(notices)
    }
    let signals = Task { await heed(unit) }
    let failure = await runLoop(unit)
    signals.cancel()
    continuation.finish()
    await writer.value
    guard let failure else { return 0 }
    say(failure.message)
    return code(of: failure)
  }

  private static func policy(of configuration: UnitConfiguration) -> Policy? {
    guard let path = configuration.policy else { return .embedded }
    do {
      let text = try String(contentsOfFile: path, encoding: .utf8)
      return try Policy(yaml: text, file: path)
    } catch let error as PolicyError {
      for problem in error.problems { say("\(problem)") }
    } catch {
      say("the policy \(path) cannot be read: \(error.localizedDescription)")
    }
    return nil
  }

  /// A key that others can read is no secret: no unit starts with it. A missing file is said later.
  private static func isKeyKept(_ configuration: UnitConfiguration) -> Bool {
    guard let path = configuration.link?.key else { return true }
    let file = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let attributes = try? FileManager.default.attributesOfItem(atPath: file)
    guard let mode = attributes?[.posixPermissions] as? Int, mode & 0o077 != 0 else { return true }
    let octal = String(mode & 0o7777, radix: 8)
    say("the key file \(path) has mode 0\(octal); it must be 0600. Run chmod 600 \(path)")
    return false
  }

  private static func open(
    _ configuration: UnitConfiguration, policy: Policy, version: String,
    notices: AsyncStream<Notice>.Continuation
  ) throws(CoreError) -> (CoreUnit, ReportBook) {
    var timing = policy.timing
    // How long a crossing is carried is the operator's to say (`link.keep`).
    if let link = configuration.link { timing.keepMs = Int64(clamping: link.keepMs) }
    let desk = UnitDesk(
      policy: policy, timing: timing, role: configuration.role, notices: notices)
    let unit = try CoreUnit(options(configuration, version: version), desk: desk)
    let ids = try unit.intern(policy.texts)
    desk.use(ids: ids)
    let say = policy.sayText(.refused, dial: policy.dialDefault, drill: false)
    unit.setRefusalTexts(dial: ids[Int(policy.dialDefault)], say: ids[Int(say)])
    let drillDial = policy.drillText(policy.dialDefault)
    let drillSay = policy.sayText(.refused, dial: policy.dialDefault, drill: true)
    unit.setDrillTexts(dial: ids[Int(drillDial)], say: ids[Int(drillSay)])
    try unit.openHall()
    return (unit, desk.recovered)
  }

  private static func options(
    _ configuration: UnitConfiguration, version: String
  ) -> CoreOptions {
    var options = CoreOptions(
      role: configuration.role, name: configuration.name, data: configuration.data,
      version: version)
    options.openHandovers = configuration.limits.openHandovers
    options.refs = configuration.limits.refs
    options.supervisors = configuration.intake.supervisors
    options.delivery = configuration.delivery?.directory
    options.deliverySocket = configuration.delivery?.socket
    options.reports = configuration.report?.directory
    options.reportsSecond = configuration.report?.second
    options.intakeSocket = configuration.intake.socket
    options.intakeTCP = configuration.intake.tcp.map { address($0) }
    options.controlSocket = configuration.control
    options.allowedUsers = configuration.intake.allow.compactMap(Users.id(of:))
    options.idleMs = configuration.intake.idleSeconds * 1000
    options.logFile = configuration.log.file == "stdout" ? nil : configuration.log.file
    options.logLevel =
      UnitConfiguration.LogLevel.allCases.firstIndex(of: configuration.log.level) ?? 1
    if let link = configuration.link {
      options.keyFile = link.key
      options.mtu = link.mtu
      options.ferry = link.carrier == .udp ? nil : link.ferry
      let addresses = configuration.role == .outer ? link.send : link.listen
      options.link = link.carrier == .ferry ? [] : addresses.map { address($0) }
      let unlimited = link.rateBits == UnitConfiguration.Link.unlimitedRate
      options.rateBits = unlimited ? 0 : link.rateBits
    }
    return options
  }

  private static func address(_ endpoint: Endpoint) -> CoreOptions.Address {
    CoreOptions.Address(host: endpoint.host, port: endpoint.port)
  }

  /// The loop has a thread of its own; this task waits for its end.
  private static func runLoop(_ unit: CoreUnit) async -> CoreError? {
    await withCheckedContinuation { continuation in
      let thread = Thread { continuation.resume(returning: unit.run()) }
      thread.name = "weir-loop"
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  private static func heed(_ unit: CoreUnit) async {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
    for await signal in signals {
      if signal == .sighup {
        unit.reopenLog()
      } else {
        unit.stop()
      }
    }
  }

  private static func code(of error: CoreError) -> Int32 {
    switch error.kind {
    case .disk, .damaged: 74
    case .configuration: 78
    case .internal: 70
    }
  }

  private static func say(_ message: String) {
    FileHandle.standardError.write(Data("weir: \(message)\n".utf8))
  }
}
