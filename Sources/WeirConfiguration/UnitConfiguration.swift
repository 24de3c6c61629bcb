public import WeirModel

/// Everything that one unit is told by its configuration file, with the defaults filled in.
///
/// ```yaml
/// unit: outer
/// name: kd1
/// data: /var/lib/weir
/// intake: { socket: /run/weir/intake.sock }
/// link:   { send: [198.18.0.2:7112], key: /etc/weir/link.key }
/// report: { directory: /srv/weir/reports }
/// ```
public struct UnitConfiguration: Sendable, Equatable {
  /// Which unit the program runs as (`unit`).
  public var role: UnitRole
  /// The unit's name, 1 to 8 ASCII letters and digits; part of every handover number.
  public var name: String
  /// Absolute directory of the journal and the state.
  public var data: String
  /// Absolute paths of the policies, or of folders that hold them; none stands for the embedded
  /// one.
  public var policies: [String]
  /// Where requests come in.
  public var intake: Intake
  /// The one-way link; nil only where the file has none.
  public var link: Link?
  /// Where matters are delivered.
  public var delivery: Delivery?
  /// Where reports (报备) are written.
  public var report: Report?
  /// The log.
  public var log: Log
  /// Absolute path of the control socket; nil for none.
  public var control: String?
  /// What the unit makes room for.
  public var limits: Limits
  /// The file that was read.
  public var file: String { places.file }
  /// Where in the file each key stands, for the problems that only the world shows.
  var places = KeyPlaces()

  /// Where requests come in, and from whom.
  public struct Intake: Sendable, Equatable {
    /// Absolute path of the Unix stream socket, at most 107 bytes.
    public var socket: String?
    /// A loopback address; an outer unit's only.
    public var tcp: Endpoint?
    /// Users whose processes may connect to the socket; by default root and the unit's own user.
    public var allow: [String]
    /// Who may clear danger: the `by` of requests.
    public var supervisors: [String]
    /// Seconds after which a connection that says nothing is closed.
    public var idleSeconds: UInt32
  }

  /// What carries the records across.
  public enum Carrier: String, Sendable, CaseIterable {
    /// Datagrams.
    case udp
    /// Sealed files in a directory that an optical gate pulls.
    case ferry
    /// Both at once; what comes twice is harmless.
    case both
  }

  /// The one-way link.
  public struct Link: Sendable, Equatable {
    /// What carries the records.
    public var carrier: Carrier
    /// Where an outer unit sends; empty on an inner one.
    public var send: [Endpoint]
    /// Where an inner unit listens; empty on an outer one.
    public var listen: [Endpoint]
    /// Absolute path of the key file.
    public var key: String
    /// The most that is sent, in bits per second; ``unlimitedRate`` for no limit.
    public var rateBits: UInt64
    /// What one IP packet may hold, 576 to 9000 bytes.
    public var mtu: UInt32
    /// How long an unconfirmed crossing is carried, in milliseconds.
    public var keepMs: UInt64
    /// Directory of the ferry, where the carrier is ``Carrier/ferry`` or ``Carrier/both``.
    public var ferry: String?

    /// The rate that stands for "no limit".
    public static let unlimitedRate = UInt64.max
  }

  /// Where matters are delivered: at least one of the two.
  public struct Delivery: Sendable, Equatable {
    /// Absolute directory that receives one file a revision.
    public var directory: String?
    /// Absolute path of a Unix socket that speaks JSON lines.
    public var socket: String?
  }

  /// Where reports are written and how they are repeated.
  public struct Report: Sendable, Equatable {
    /// Absolute directory of the reports.
    public var directory: String
    /// A second directory, on another device.
    public var second: String?
    /// Absolute path of a program that is handed each report.
    public var command: String?
    /// Milliseconds between two reminders of an unacknowledged report.
    public var repeatMs: UInt64
  }

  /// How much the log says.
  public enum LogLevel: String, Sendable, CaseIterable {
    /// Everything.
    case debug
    /// What happens to each matter.
    case info
    /// What somebody should look at.
    case warn
    /// What failed.
    case error
  }

  /// The log: one JSON object a line.
  public struct Log: Sendable, Equatable {
    /// `stdout`, or an absolute path that is opened anew on SIGHUP.
    public var file: String
    /// The least level that is written.
    public var level: LogLevel
  }

  /// What the unit makes room for at start.
  public struct Limits: Sendable, Equatable {
    /// Client keys (`ref`) that are remembered.
    public var refs: UInt32
    /// Handovers that may be open at once.
    public var openHandovers: UInt32
    /// How long the journal is kept at least, in milliseconds; what is open or unconfirmed is kept
    /// longer.
    public var retainMs: UInt64
    /// Records of the journal after which the next snapshot is made.
    public var snapshot: UInt64
  }
}

/// The place of every key that the file gave, by dotted name (`link.key`).
///
/// Where a value was written is no part of what it says: two configurations that say the same are
/// equal, wherever their lines stand.
struct KeyPlaces: Sendable, Equatable {
  /// The file's name as it was given.
  var file = ""
  private var places: [String: Place] = [:]

  /// The place of a key's value, or the file's beginning when the file does not give the key. An
  /// item of a list has its index behind the key: `intake.allow[0]`.
  subscript(key: String) -> Place {
    get { places[key] ?? Place(line: 1, column: 1) }
    set { places[key] = newValue }
  }

  static func == (one: KeyPlaces, other: KeyPlaces) -> Bool { true }
}
