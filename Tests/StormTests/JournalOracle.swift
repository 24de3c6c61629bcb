import CWeirBase
import CWeirJournal
import CWeirOs

/// What a journal says of each matter, read frame by frame by this file's own reader.
struct JournalOracle {
  struct Matter {
    var day = 0
    var serial = 0
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
      return "\(unit)-\(day)-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }
  }

  private(set) var matters: [Int: Matter] = [:]
  private(set) var kinds: [UInt8] = []
  private(set) var marks: [String] = []
  private var broken = 0
  private(set) var status = weir_status.ok

  private static let endEffect: UInt64 = 1 << 3
  private static let crossEffect: UInt64 = 1 << 0

  /// Reads the journal of a unit in a world; the unit may run.
  init(_ house: House) {
    var journal: OpaquePointer?
    var finding = weir_journal_finding()
    status = "/data/journal".withCString { directory in
      house.options.name.withCString { unit in
        var options = weir_journal_options(
          directory: directory, unit: unit, segment_bytes: house.options.segmentBytes,
          read_only: true)
        return withUnsafeMutablePointer(to: &self) {
          weir_journal_open(
            &options, house.os,
            { user, view in
              guard let user, let view else { return .invalid }
              user.assumingMemoryBound(to: JournalOracle.self).pointee.take(view.pointee)
              return .ok
            }, $0, &finding, &journal)
        }
      }
    }
    weir_journal_close(journal)
  }

  private mutating func take(_ frame: weir_frame_view) {
    kinds.append(frame.kind)
    var r = weir_reader_over(frame.body)
    if frame.kind == 8 { takeMark(&r) }
    guard frame.kind == 3 else { return }
    _ = weir_get_u8(&r)
    _ = weir_get_u8(&r)
    let effects = weir_get_varint(&r)
    _ = weir_get_varint(&r)
    _ = weir_get_varint(&r)
    _ = weir_get_zigzag(&r)
    _ = weir_get_varint(&r)
    _ = weir_get_varint(&r)
    let numbers = (0..<20).map { _ in Int(weir_get_varint(&r)) }
    let key = numbers[0] << 32 | numbers[1]
    var m = matters[key] ?? Matter()
    m.day = numbers[0]
    m.serial = numbers[1]
    m.crossing = numbers[2]
    m.revision = numbers[3]
    m.phase = numbers[12]
    m.voice = numbers[13]
    m.data = numbers[15]
    m.deadlineKind = numbers[19]
    m.ended = effects & Self.endEffect != 0
    if effects & Self.crossEffect != 0 { m.crossed = m.revision }
    if r.bad { broken += 1 }
    matters[key] = m
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
    _ = weir_get_u8(&r)
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
