import CWeirBase
import CWeirJournal
import CWeirOs

/// What a journal says of each matter, read frame by frame by this file's own reader.
struct JournalOracle {
  struct Matter {
    var day = 0
    var serial = 0
    var isDrill = false
    var crossing = 0
    var revision = 0
    /// The latest revision that has to cross; 0: none.
    var crossed = 0
    var phase = 0
    var voice = 0
    var data = 0
    var deadlineKind = 0
    var ended = false

    func number(_ unit: String) -> String {
      let digits = String(serial)
      let drill = isDrill ? "Y" : ""
      return "\(unit)-\(day)-\(drill)" + String(repeating: "0", count: max(0, 6 - digits.count))
        + digits
    }
  }

  private(set) var matters: [Int: Matter] = [:]
  private(set) var kinds: [UInt8] = []
  private(set) var marks: [String] = []
  /// Starts of the unit by their serial: the boot of the machine, and whether the wall clock stood
  /// before the last stamp after a reboot.
  private(set) var starts: [UInt64: (boot: [UInt8], isUncertain: Bool)] = [:]
  private var lastWall: Int64 = 0
  private var lastBoot: [UInt8] = []
  /// Changes that end before they are whole.
  private(set) var broken = 0
  private(set) var status = weir_status.ok

  private static let endEffect: UInt64 = 1 << 3
  private static let crossEffect: UInt64 = 1 << 0

  /// Reads the journal of a unit in a world; the unit may run.
  init(_ house: House) {
    status = readJournal("/data/journal", of: house.options.name, house.os) { frame in
      take(frame.pointee)
      return .ok
    }
  }

  private mutating func take(_ frame: weir_frame_view) {
    kinds.append(frame.kind)
    var r = weir_reader_over(frame.body)
    if frame.kind == 8 { takeMark(&r) }
    if Self.stamped.contains(frame.kind) { takeStamp(&r, frame) }
    guard frame.kind == 3 else { return }
    let head = weir_get_u8(&r)
    let effects = weir_get_varint(&r)
    _ = weir_get_varint(&r)
    lastWall = weir_get_zigzag(&r)
    let day = weir_day_of(lastWall)
    if head & 4 != 0 { _ = weir_get_u8(&r) }
    for bit in [8, 16, 32, 64] as [UInt8] where head & bit != 0 { _ = weir_get_varint(&r) }
    let state = State(&r, today: Int(day))
    let isDrill = state.wide[6] & 2 != 0
    let key = (isDrill ? 1 << 62 : 0) | state.wide[0] << 32 | state.wide[1]
    var m = matters[key] ?? Matter()
    m.day = state.wide[0]
    m.serial = state.wide[1]
    m.isDrill = isDrill
    m.crossing = state.wide[2]
    m.revision = state.wide[3]
    m.phase = state.small[4]
    m.voice = state.small[5]
    m.data = state.small[7]
    m.deadlineKind = state.small[11]
    m.ended = effects & Self.endEffect != 0
    if effects & Self.crossEffect != 0 { m.crossed = m.revision }
    if r.bad { broken += 1 }
    matters[key] = m
  }

  /// The fields of a state that this file looks at: those of one byte, and the first of the others.
  private struct State {
    var small: [Int] = []
    var wide: [Int]

    init(_ r: inout weir_reader, today: Int) {
      let mask = weir_get_varint(&r)
      for _ in 0..<6 {
        let both = Int(weir_get_u8(&r))
        small += [both & 15, both >> 4]
      }
      for index in small.indices where small[index] == 15 { small[index] = Int(weir_get_u8(&r)) }
      wide = [today, 0, 0, 1, 0, 0, 0]
      for index in wide.indices where mask >> index & 1 != 0 {
        wide[index] = Int(weir_get_varint(&r))
      }
    }
  }

  /// Kinds of record that begin with both clocks.
  private static let stamped: Set<UInt8> = [1, 4, 6, 7, 10, 15, 16, 17]

  private mutating func takeStamp(_ r: inout weir_reader, _ frame: weir_frame_view) {
    _ = weir_get_varint(&r)
    let wall = weir_get_zigzag(&r)
    if frame.kind == 1 {
      _ = weir_get_varint(&r)
      let id = weir_get(&r, 16)
      let boot = Array(UnsafeBufferPointer(start: id.at, count: id.count))
      let isUncertain = !lastBoot.isEmpty && boot != lastBoot && wall < lastWall
      starts[frame.serial] = (boot, isUncertain)
      lastBoot = boot
    }
    lastWall = wall
  }

  private mutating func takeMark(_ r: inout weir_reader) {
    func text(_ r: inout weir_reader) -> String {
      let count = Int(weir_get_varint(&r))
      let view = weir_get(&r, count)
      return String(decoding: UnsafeBufferPointer(start: view.at, count: view.count), as: UTF8.self)
    }
    _ = text(&r)
    _ = weir_get_varint(&r)
    _ = weir_get_u64(&r)
    _ = weir_get_varint(&r)
    _ = weir_get_varint(&r)
    if weir_get_u8(&r) & 2 != 0 { _ = weir_get_u32(&r) }  // when its matter arrived
    _ = weir_get_u8(&r)
    _ = weir_get_varint(&r)
    marks.append(text(&r))
  }

  /// Matters that neither ended nor have a deadline: there must never be one.
  func forgotten() -> [Matter] {
    matters.values.filter { !$0.ended && $0.deadlineKind == 0 }
  }

  /// Handover number → the latest revision that has to cross.
  func crossing(_ unit: String) -> [String: Int] {
    var found: [String: Int] = [:]
    for m in matters.values where m.crossed > 0 { found[m.number(unit)] = m.crossed }
    return found
  }
}
