import Foundation

extension Configuration {
  /// Compares a configuration with the machine that this process runs on: that directories exist
  /// and can be written, the key file is there and only its owner can read it, the policy can be
  /// read, the users of `intake.allow` exist, and the second report directory is on another device.
  ///
  /// Changes nothing. What it says is true of this moment and of the user this process runs as.
  /// - Returns: Every problem, each at the place of its key in the file that was read.
  public static func checkWorld(_ configuration: UnitConfiguration) -> [ConfigurationProblem] {
    let world = World(places: configuration.places)
    world.check(configuration)
    return world.findings.problems
  }

  /// Of ``checkWorld(_:)`` what is said of reports: a unit that cannot write them starts all the
  /// same, since matters come first, and has to say so.
  public static func checkReports(_ configuration: UnitConfiguration) -> [ConfigurationProblem] {
    guard let report = configuration.report else { return [] }
    let world = World(places: configuration.places)
    world.report(report)
    return world.findings.problems
  }
}

/// The checks of ``Configuration/checkWorld(_:)``.
private struct World {
  let findings: Findings
  let places: KeyPlaces
  private let files = FileManager.default

  init(places: KeyPlaces) {
    self.places = places
    findings = Findings(file: places.file)
  }

  func check(_ unit: UnitConfiguration) {
    made("data", unit.data)
    for policy in unit.policies where type(of: policy) != .typeDirectory {
      readable("policy", policy)
    }
    if let socket = unit.intake.socket { self.socket("intake.socket", socket) }
    for (index, user) in unit.intake.allow.enumerated() { account(user, index) }
    if let link = unit.link { key("link.key", link.key) }
    if let link = unit.link, link.carrier != .udp, let ferry = link.ferry {
      directory("link.ferry", ferry)
    }
    if let directory = unit.delivery?.directory { made("delivery.directory", directory) }
    if let socket = unit.delivery?.socket { self.socket("delivery.socket", socket) }
    if let report = unit.report { self.report(report) }
    if unit.log.file != "stdout" { log("log.file", unit.log.file) }
    if let control = unit.control { socket("control", control) }
  }

  /// A directory that the unit makes if only the one above it is there.
  private func made(_ key: String, _ path: String) {
    if isHidden(path) || type(of: path) != nil { directory(key, path) } else { parent(key, path) }
  }

  private func directory(_ key: String, _ path: String) {
    switch type(of: path) {
    case nil: missing(key, path, hint: "mkdir -p \(path), owned by the unit's user")
    case .typeDirectory:
      if !files.isWritableFile(atPath: path) {
        error(key, "`\(path)` cannot be written", hint: "chown it to the unit's user")
      }
    default:
      error(key, "`\(path)` is not a directory", hint: "name a directory")
    }
  }

  private func readable(_ key: String, _ path: String) {
    switch type(of: path) {
    case nil: missing(key, path, hint: "put the file there, or remove the key")
    case .typeRegular:
      if !files.isReadableFile(atPath: path) {
        error(key, "`\(path)` cannot be read", hint: "let the unit's user read it")
      }
    default: error(key, "`\(path)` is not a regular file", hint: "name a file")
    }
  }

  private func socket(_ key: String, _ path: String) {
    let type = type(of: path)
    guard type == nil || type == .typeSocket else {
      error(
        key, "`\(path)` is there already and is not a socket",
        hint: "choose another path, or move away what is there")
      return
    }
    parent(key, path)
  }

  private func log(_ key: String, _ path: String) {
    if type(of: path) == .typeDirectory {
      error(key, "`\(path)` is a directory", hint: "name a file in it")
    } else {
      parent(key, path)
    }
  }

  /// The directory that a socket, a file or a directory is made in.
  private func parent(_ key: String, _ path: String) {
    let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
    if isHidden(parent) {
      missing(key, parent, hint: "")
    } else if type(of: parent) != .typeDirectory {
      error(key, "directory `\(parent)` does not exist", hint: "mkdir -p \(parent)")
    } else if !files.isWritableFile(atPath: parent) {
      error(key, "directory `\(parent)` cannot be written", hint: "chown it to the unit's user")
    }
  }

  private func key(_ key: String, _ path: String) {
    guard let attributes = attributes(of: path) else {
      missing(key, path, hint: "`weir keygen` prints a key; chmod 600 the file")
      return
    }
    guard attributes[.type] as? FileAttributeType == .typeRegular else {
      error(key, "`\(path)` is not a regular file", hint: "name the key file")
      return
    }
    if let mode = attributes[.posixPermissions] as? Int, mode & 0o777 != 0o600 {
      error(
        key, "`\(path)` has mode 0\(String(mode & 0o7777, radix: 8)); it must be 0600",
        hint: "chmod 600 \(path)")
    }
    if let owner = attributes[.ownerAccountID] as? Int, owner != Int(geteuid()) {
      let name = attributes[.ownerAccountName] as? String ?? "user \(owner)"
      error(
        key, "`\(path)` belongs to \(name), not to the user of this process",
        hint: "run this as the unit's user, or chown the file to that user")
    }
  }

  func report(_ report: UnitConfiguration.Report) {
    directory("report.directory", report.directory)
    if let command = report.command {
      readable("report.command", command)
      if type(of: command) == .typeRegular, !files.isExecutableFile(atPath: command) {
        error("report.command", "`\(command)` cannot be run", hint: "chmod +x \(command)")
      }
    }
    guard let second = report.second else { return }
    directory("report.second", second)
    if let one = device(of: report.directory), one == device(of: second) {
      findings.warning(
        at: places["report.second"],
        "`report.second` is on the same device as `report.directory`: both are lost together",
        hint: "mount another disk there")
    }
  }

  private func account(_ user: String, _ index: Int) {
    if FileManager.default.homeDirectory(forUser: user) == nil {
      error(
        "intake.allow[\(index)]", "there is no user `\(user)` on this machine",
        hint: "useradd --system \(user), or correct the name")
    }
  }

  /// What cannot be looked at: it is not there, or this user may not search its directory.
  private func missing(_ key: String, _ path: String, hint: String) {
    if isHidden(path) {
      error(
        key, "`\(path)` cannot be looked at: this user may not search its directory",
        hint: "run this as the unit's user, and let that user search the directories above")
    } else {
      error(key, "`\(path)` does not exist", hint: hint)
    }
  }

  private func error(_ key: String, _ message: String, hint: String) {
    let name = key.prefix { $0 != "[" }
    findings.error(at: places[key], "`\(name)`: \(message)", hint: hint)
  }

  /// Links are followed: what counts is what they lead to.
  private func attributes(of path: String) -> [FileAttributeKey: Any]? {
    try? readAttributes(of: path)
  }

  /// Whether it may be there, in a directory that this user may not search.
  private func isHidden(_ path: String) -> Bool {
    do {
      _ = try readAttributes(of: path)
      return false
    } catch {
      return (error as? CocoaError)?.code == .fileReadNoPermission
    }
  }

  private func readAttributes(of path: String) throws -> [FileAttributeKey: Any] {
    try files.attributesOfItem(atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
  }

  private func type(of path: String) -> FileAttributeType? {
    attributes(of: path)?[.type] as? FileAttributeType
  }

  private func device(of path: String) -> Int? { attributes(of: path)?[.systemNumber] as? Int }
}
