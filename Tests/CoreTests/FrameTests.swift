import CWeirBase
import CWeirFrame
import Testing
import WeirChance

/// What came out of a frame: a line, or the first bytes of one that was too long.
private enum Piece: Equatable, CustomStringConvertible {
  case line([UInt8])
  case tooLong([UInt8])

  var description: String {
    switch self {
    case .line(let bytes): "line(\(String(decoding: bytes, as: UTF8.self).debugDescription))"
    case .tooLong(let bytes): "tooLong(\(bytes.count))"
    }
  }
}

private func bytes(of view: weir_bytes) -> [UInt8] {
  Array(UnsafeBufferPointer(start: view.at, count: view.count))
}

/// Feeds `input`, at most `step()` bytes at a time, and takes all lines after each piece; where
/// `waits()`, receives more before it takes the next line.
private func pieces(
  of input: [UInt8], capacity: Int, ends: Bool = false, step: () -> Int,
  waits: () -> Bool = { false }
) -> [Piece] {
  let memory = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 1)
  defer { memory.deallocate() }
  var frame = weir_frame()
  weir_frame_init(&frame, memory, capacity)
  var result: [Piece] = []
  var at = 0
  while at < input.count {
    var room = 0
    let space = weir_frame_space(&frame, &room)
    let count = min(room, step(), input.count - at)
    for index in 0..<count { space?[index] = input[at + index] }
    weir_frame_filled(&frame, count)
    at += count
    if ends && at == input.count { weir_frame_end(&frame) }
    var view = weir_bytes()
    taking: while at == input.count || !waits() {
      let status = weir_frame_next(&frame, &view)
      switch status {
      case .ok: result.append(.line(bytes(of: view)))
      case .tooLong: result.append(.tooLong(bytes(of: view)))
      default:
        #expect(status == .again)
        break taking
      }
    }
  }
  #expect(!ends || !weir_frame_waits(&frame))
  return result
}

/// The rule itself, on the whole input at once.
private func expected(of input: [UInt8], capacity: Int, ends: Bool = false) -> [Piece] {
  var result: [Piece] = []
  var rest = input[...]
  while let end = rest.firstIndex(of: 0x0A) {
    var line = rest[..<end]
    rest = rest[(end + 1)...]
    if line.count >= capacity {
      result.append(.tooLong(Array(line.prefix(capacity))))
      continue
    }
    if line.last == 0x0D { line.removeLast() }
    if !line.isEmpty { result.append(.line(Array(line))) }
  }
  if rest.count >= capacity {
    result.append(.tooLong(Array(rest.prefix(capacity))))
  } else if ends {
    if rest.last == 0x0D { rest.removeLast() }
    if !rest.isEmpty { result.append(.line(Array(rest))) }
  }
  return result
}

@Suite("Frame")
struct FrameTests {
  static let rows: [(String, [String])] = [
    ("", []), ("half", []), ("one\n", ["one"]), ("one\r\ntwo\n", ["one", "two"]),
    ("\n\r\n\none\n\n", ["one"]), ("a\rb\n", ["a\rb"]), ("\r\r\n", ["\r"]),
    ("1234567\n1234567\r\n", ["1234567", "<1234567\r>"]), ("12345678\nok\n", ["<12345678>", "ok"]),
    ("123456789\nok\n", ["<12345678>", "ok"]), ("1234567890123456789012345", ["<12345678>"]),
  ]

  @Test(
    "lines end with a line feed; returns, empty lines and long lines are dealt with",
    arguments: rows)
  func lines(row: (input: String, lines: [String])) {
    for step in [1, 3, 1000] {
      let found = pieces(of: Array(row.input.utf8), capacity: 8) { step }.map {
        switch $0 {
        case .line(let bytes): String(decoding: bytes, as: UTF8.self)
        case .tooLong(let bytes): "<" + String(decoding: bytes, as: UTF8.self) + ">"
        }
      }
      #expect(found == row.lines, "fed \(step) at a time")
    }
  }

  @Test("how bytes are cut into pieces never changes the lines", arguments: UInt64(0)..<200)
  func cutsDoNotMatter(seed: UInt64) {
    var chance = Chance(seed: seed)
    let capacity = 1 + chance.below(24)
    let alphabet: [UInt8] = [0x0A, 0x0D, 0x61, 0x62, 0x00, 0xFF, 0x63, 0x64]
    let input = (0..<chance.below(400)).map { _ in alphabet[chance.below(alphabet.count)] }
    let wanted = expected(of: input, capacity: capacity)
    #expect(pieces(of: input, capacity: capacity) { 1 } == wanted, "seed \(seed), byte by byte")
    #expect(pieces(of: input, capacity: capacity) { .max } == wanted, "seed \(seed), at once")
    #expect(
      pieces(of: input, capacity: capacity) { 1 + chance.below(9) } == wanted, "seed \(seed), mixed"
    )
    let late = pieces(
      of: input, capacity: capacity, step: { 1 + chance.below(9) }, waits: { chance.below(3) > 0 })
    #expect(late == wanted, "seed \(seed), lines taken late")
  }

  @Test("when no more comes what is left is the last line", arguments: UInt64(0)..<200)
  func ends(seed: UInt64) {
    var chance = Chance(seed: seed)
    let capacity = 1 + chance.below(24)
    let alphabet: [UInt8] = [0x0A, 0x0D, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67]
    let input = (0..<chance.below(60)).map { _ in alphabet[chance.below(alphabet.count)] }
    let wanted = expected(of: input, capacity: capacity, ends: true)
    for step in [1, 3, .max] {
      let found = pieces(of: input, capacity: capacity, ends: true, step: { step })
      #expect(found == wanted, "seed \(seed), fed \(step) at a time")
    }
  }

  @Test("of a line that is too long every word is shown whole", arguments: UInt64(0)..<100)
  func skipped(seed: UInt64) {
    var chance = Chance(seed: seed)
    let capacity = 8 + chance.below(40), word = min(capacity / 2, 160)
    let long = (0..<capacity + chance.below(200)).map { _ in UInt8(0x61 + chance.below(26)) }
    let input = long + Array("\nok\n".utf8)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 1)
    defer { memory.deallocate() }
    var frame = weir_frame()
    weir_frame_init(&frame, memory, capacity)
    var shown: [[UInt8]] = []
    var at = 0, room = 0
    var view = weir_bytes(), status = weir_status.again
    while at < input.count {
      let space = weir_frame_space(&frame, &room)
      let count = min(room, 1 + chance.below(capacity), input.count - at)
      for index in 0..<count { space?[index] = input[at + index] }
      weir_frame_filled(&frame, count)
      at += count
      repeat {
        status = weir_frame_next(&frame, &view)
        if status == .tooLong { shown.append(bytes(of: view)) }
        if frame.skipped.count > 0 { shown.append(bytes(of: frame.skipped)) }
      } while status != .again
    }
    for begin in 0...(long.count - word) {
      let part = long[begin..<begin + word]
      #expect(shown.contains { $0.contains(part) }, "seed \(seed), \(begin)")
    }
    #expect(shown.map(\.count).reduce(0, +) <= long.count + shown.count * word)
  }

  @Test("a whole line is given where it was received, without a copy")
  func borrowed() {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 1)
    defer { memory.deallocate() }
    var frame = weir_frame()
    weir_frame_init(&frame, memory, 16)
    var room = 0
    let space = weir_frame_space(&frame, &room)
    #expect(room == 16)
    for (index, byte) in "ab\ncd\n".utf8.enumerated() { space?[index] = byte }
    weir_frame_filled(&frame, 6)
    var view = weir_bytes()
    #expect(weir_frame_next(&frame, &view) == .ok)
    #expect(weir_frame_next(&frame, &view) == .ok)
    #expect(view.at == UnsafePointer(memory.assumingMemoryBound(to: UInt8.self) + 3))
    #expect(weir_frame_next(&frame, &view) == .again)
  }
}
