import Foundation
import Glibc
import UnixSignals
public import WeirConfiguration
import WeirCore
import WeirModel
import WeirPolicy

/// Puts the rooms together, runs them, and ends them.
public enum UnitRunner {
  /// Runs a unit until SIGTERM or SIGINT; SIGHUP opens the log again and reads the policy
  /// anew.
  ///
  /// - Parameters:
  ///   - configuration: what the file said.
  ///   - version: of the program.
  /// - Returns: the exit code: 0 after a stop, 70 for our own trouble, 74 for the disk's, 78 for a
  ///   configuration that cannot be carried out. What is wrong was said on standard error.
  public static func run(_ configuration: UnitConfiguration, version: String) async -> Int32 {
    guard let read = book(of: configuration), isKeyKept(configuration) else { return 78 }
    let (book, changed) = PolicyShelf(data: configuration.data).kept(read)
    for why in changed { say(why) }
    let (notices, continuation) = AsyncStream.makeStream(of: Notice.self)
    let (requests, asking) = AsyncStream.makeStream(of: ReloadRequest.self)
    let desk = UnitDesk(role: configuration.role, notices: continuation, reloads: asking)
    let unit: CoreUnit
    let signals: UnixSignalsSequence
    do throws(CoreError) {
      unit = try open(configuration, book: book, version: version, desk: desk)
      // Before anybody can reach it: what is asked of it from then on, it ends with.
      signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
      try unit.openHall()
      for why in changed { unit.onLoop { if $0 { unit.policyKept(why, asked: false) } } }
    } catch {
      say(error.message)
      return code(of: error)
    }
    sayReportProblems(of: configuration)
    let recovered = desk.recovered
    let writer = Task {
      guard let report = configuration.report else {
        for await _ in notices {}
        return
      }
      await ReportWriter(unit: configuration.name, paths: report, recovered: recovered)
        .run(notices)
    }
    let (occasions, occasion) = AsyncStream.makeStream(of: PolicyReloader.Occasion.self)
    let reloader = PolicyReloader(unit: unit, desk: desk, configuration: configuration)
    let tasks = [
      Task { await heed(signals, unit, hangUp: { occasion.yield(.signal) }) },
      Task { for await request in requests { occasion.yield(.request(request)) } },
      Task { await reloader.run(occasions, from: book) },
    ]
    let failure = await runLoop(unit)
    for task in tasks { task.cancel() }
    continuation.finish()
    occasion.finish()
    await writer.value
    if let failure { say(failure.message) }
    let ended = failure.map { code(of: $0) } ?? 0
    if unit.isAbandoned {
      say("a disk or a folder does not answer (a lost share?): the unit ended without it")
      withExtendedLifetime(unit) { _exit(ended) }  // the thread that hangs still uses it
    }
    return ended
  }

  /// Says what is wrong with the places of reports. Nothing waits for it: one that hangs (a lost
  /// network share) may answer late or never.
  private static func sayReportProblems(of configuration: UnitConfiguration) {
    Thread.detachNewThread {
      for problem in Configuration.checkReports(configuration) {
        say("\(problem). What to do: \(problem.hint)")
      }
    }
  }

  private static func book(of configuration: UnitConfiguration) -> PolicyBook? {
    do throws(PolicyFilesError) {
      return try PolicyFiles.read(configuration.policies)
    } catch {
      say("\(error)")
      return nil
    }
  }

  /// A key that others can read is no secret: no unit starts with it. A missing file is said later.
  private static func isKeyKept(_ configuration: UnitConfiguration) -> Bool {
    guard let path = configuration.link?.key else { return true }
    let file = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let attributes = try? FileManager.default.attributesOfItem(atPath: file)
    if let type = attributes?[.type] as? FileAttributeType, type != .typeRegular {
      say("the key file \(path) is not a regular file. Name the file that `weir keygen` made")
      return false
    }
    guard let mode = attributes?[.posixPermissions] as? Int, mode & 0o077 != 0 else { return true }
    let octal = String(mode & 0o7777, radix: 8)
    say("the key file \(path) has mode 0\(octal); it must be 0600. Run chmod 600 \(path)")
    return false
  }

  /// Opens the unit, with every policy that its open handovers may have been decided by.
  private static func open(
    _ configuration: UnitConfiguration, book: PolicyBook, version: String, desk: UnitDesk
  ) throws(CoreError) -> CoreUnit {
    let unit = try CoreUnit(options(configuration, version: version), desk: desk)
    let shelf = PolicyShelf(data: configuration.data)
    for policy in book.policies { try shelf.put(policy) }
    let versions = book.policies.map(\.version)
    let earlier = ([.embedded] + shelf.all()).filter { !versions.contains($0.version) }
    guard let held = try PolicyReloader.hold(book.policies, configuration, unit),
      let past = try PolicyReloader.hold(earlier, configuration, unit)
    else { throw CoreError(kind: .internal, message: "the table of texts is full") }
    for policy in past { desk.hold(policy) }
    desk.use(book, held)
    PolicyReloader.speakRefusals(of: book.policy(at: PolicyReloader.now), held, unit)
    unit.setPolicy(versions)
    return unit
  }

  private static func options(
    _ configuration: UnitConfiguration, version: String
  ) -> CoreOptions {
    var options = CoreOptions(
      role: configuration.role, name: configuration.name, data: configuration.data,
      version: version)
    options.openHandovers = configuration.limits.openHandovers
    options.refs = configuration.limits.refs
    options.snapshotRecords = configuration.limits.snapshot
    options.retainMs = Int64(configuration.limits.retainMs)
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

  private static func heed(
    _ signals: UnixSignalsSequence, _ unit: CoreUnit, hangUp: () -> Void
  ) async {
    for await signal in signals {
      if signal == .sighup {
        unit.reopenLog()
        hangUp()
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
