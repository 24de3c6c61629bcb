import CWeirBase
import CWeirFaultyOs
import CWeirOs
import CWeirWorks
import Testing

/// What a unit knows, as the items of a snapshot, in an order of their own: two starts that know
/// the same have equal ones.
struct Knowledge: Equatable {
  /// Items by kind, those of tables entry by entry.
  private(set) var items: [UInt8: [[UInt8]]] = [:]

  /// Kinds of item, as `state.c` and `inner_state.c` number them.
  private enum Kind {
    static let head: UInt8 = 1
    static let matter: UInt8 = 4
    static let pairs: Set<UInt8> = [5, 8, 9]
    static let refs: Set<UInt8> = [6, 7]
    static let guards: Set<UInt8> = [8, 9]
    /// Stamps of segments, and the seed of this start's hashes.
    static let own: Set<UInt8> = [1, 11, 12]
    static let alarm: UInt8 = 67
    /// First crossing numbers of handovers, and what came in conflict, of a ledger: in the order of
    /// a table.
    static let numbers: UInt8 = 71
    static let conflicts: UInt8 = 72
  }

  /// Items that tell of conflicts.
  var conflicts: Int { items[Kind.conflicts, default: []].count }

  /// Of a unit that is open.
  init(_ house: House) throws {
    let table = house.os.pointee
    try #require(table.make_directory(table.context, "/twin") == .ok)
    try #require(weir_unit_state(house.unit, "/twin") == .ok)
    let file = "/twin/snapshots/0000000001.snap"
    var bytes = house.content(file).bytes[...]
    house.remove(file)
    while bytes.count >= 8 {
      let count = Int(Self.number(bytes.prefix(4)))
      take(bytes.dropFirst(8).prefix(count))
      bytes = bytes.dropFirst(8 + count)
    }
    for kind in items.keys
    where Kind.pairs.union(Kind.refs).union([Kind.matter, Kind.alarm, Kind.numbers, Kind.conflicts])
      .contains(kind)
    {
      items[kind]?.sort { $0.lexicographicallyPrecedes($1) }
    }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private mutating func take(_ payload: ArraySlice<UInt8>) {
    var left = payload
    while let kind = left.popFirst() {
      let count = Int(Self.number(Self.varint(&left)))
      add(kind, left.prefix(count))
      left = left.dropFirst(count)
    }
  }

  /// The bytes of a varint's number, the lowest first.
  private static func varint(_ left: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while let byte = left.popFirst() {
      value |= UInt64(byte & 0x7F) << shift
      shift += 7
      if byte < 0x80 { break }
    }
    return (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }[...]
  }

  /// Key → crossing number, of one ledger.
  private mutating func addNumbers(_ kind: UInt8, _ item: ArraySlice<UInt8>) {
    var left = item
    let which = Self.varint(&left)
    while left.count > 8 {
      let key = left.prefix(8)
      left = left.dropFirst(8)
      items[kind, default: []].append(Array(which + key + Self.varint(&left)))
    }
  }

  private mutating func add(_ kind: UInt8, _ item: ArraySlice<UInt8>) {
    if Kind.own.contains(kind) { return }
    if kind == Kind.numbers || kind == Kind.conflicts {
      addNumbers(kind, item)
      return
    }
    guard Kind.pairs.contains(kind) || Kind.refs.contains(kind) else {
      items[kind, default: []].append(Array(item))
      return
    }
    var left = item
    while left.count >= 16 {
      let pair = left.prefix(16)
      left = left.dropFirst(16)
      if Kind.refs.contains(kind) {
        items[6, default: []].append(Array(pair.dropFirst(8)))
      } else {
        items[Kind.guards.contains(kind) ? 8 : kind, default: []].append(Array(pair))
      }
    }
  }

  /// Matters that are open.
  var openMatters: Int { items[Kind.matter]?.count ?? 0 }

  /// The kinds in which two differ, with how many entries each has.
  func differences(from other: Knowledge) -> [String] {
    Set(items.keys).union(other.items.keys).sorted().filter { items[$0] != other.items[$0] }
      .map { "kind \($0): \(items[$0]?.count ?? 0) and \(other.items[$0]?.count ?? 0)" }
  }
}

/// A start beside a start: the same disk without its snapshots, at the same moment.
struct Twin {
  private let files: [(path: String, bytes: [UInt8])]
  private let noticesBefore: Int

  /// Before the unit is opened.
  init(of house: House) {
    files = house.files()
    noticesBefore = house.desk.raised.count
  }

  /// Whether the disk has a snapshot at all.
  var hasSnapshots: Bool { files.contains { $0.path.hasSuffix(".snap") } }

  /// What the house, which was opened meanwhile, knows otherwise than a start from the whole
  /// journal would.
  ///
  /// - Parameter asks: each is also asked for every handover of the journal. Two snapshots that
  ///   leave out the same look alike; answers come another way.
  func differences(from house: House, asks: Bool = false) throws -> [String] {
    let other = try House(house.options)
    weir_faulty_os_set_wall_ms(other.faulty, house.wall)
    weir_faulty_os_set_boot_ns(other.faulty, house.os.pointee.boot_ns(house.os.pointee.context))
    var id = [UInt8](repeating: 0, count: 16)
    try #require(house.os.pointee.boot_id(house.os.pointee.context, &id) == .ok)
    weir_faulty_os_set_boot_id(other.faulty, id)
    other.makeFolders()
    other.replaceData(with: files.filter { !$0.path.hasSuffix(".snap") })
    try #require(other.open() == .ok, "\(other.problem)")
    var found = try Knowledge(house).differences(from: Knowledge(other))
    let open = Set(other.desk.raised.map(\.report))
      .subtracting(other.desk.acknowledged.map(\.report))
    func told(_ desk: StormDesk, from first: Int) -> Set<String> {
      Set(
        desk.raised[first...].filter { open.contains($0.report) && $0.recovering }.map(\.handover))
    }
    if told(house.desk, from: noticesBefore) != told(other.desk, from: 0) {
      found.append("the open reports' matters")
    }
    if asks {
      let (one, two) = (try Self.answers(of: house), try Self.answers(of: other))
      found += one.keys.filter { one[$0] != two[$0] }.sorted()
        .map { "\($0) is \(one[$0] ?? "gone"), and was \(two[$0] ?? "gone")" }
    }
    other.close()
    return found
  }

  /// What a unit answers of every handover of its journal, once something was added to it: a record
  /// names earlier ones, and where those stand is known to the next record alone.
  private static func answers(of house: House) throws -> [String: String] {
    var answers: [String: String] = [:]
    try house.look { if $0.kind == .change { answers[$0.handover] = "" } }
    let client = try house.connect()
    for number in answers.keys.sorted() {
      _ = try house.one(client, Ask.update("t-\(number)", number, text: "又"))
      let answer = try house.one(client, "{\"op\":\"get\",\"handover\":\"\(number)\"}")
      answers[number] = answer.description
    }
    house.disconnect(client)
    return answers
  }
}
