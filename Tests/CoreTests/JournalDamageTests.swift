import CWeirBase
import CWeirFaultyOs
import CWeirJournal
import CWeirOs
import Testing

@Suite("The journal and what is damaged")
struct JournalDamageTests {
  @Test("a tail cut at any length leaves the frames before the cut")
  func tornTail() throws {
    let house = try JournalHouse()
    let sizes = [0, 3, 17, 40]
    #expect(house.open() == .ok)
    let positions = try journalFill(house, frames: 24, batch: 5, sizes: sizes)
    house.close()
    let path = house.segmentPath(1)
    let last = journalBody(24, sizes[0]).count
    let end = Int((positions.last ?? 0) & 0xFFFF_FFFF) + 16 + last
    let content = house.peek(path, 0, end)
    let bodyEnds = positions.enumerated().map {
      Int($1 & 0xFFFF_FFFF) + 16 + sizes[($0 + 1) % sizes.count]
    }
    for length in stride(from: end, through: 0, by: -1) {
      #expect(weir_faulty_os_truncate(house.faulty, path, UInt64(length)) == .ok)
      let status = house.open(readOnly: true)
      guard length >= 64 else {
        #expect(status == .corrupt, "without its header a first segment is damaged")
        #expect(house.finding.serial == 1)
        continue
      }
      let kept = bodyEnds.prefix { $0 <= length }.count
      #expect(status == .ok)
      expectJournalFrames(house, kept, sizes: sizes)
      #expect(house.finding.last_serial == UInt64(kept))
    }
    for length in stride(from: 64, to: end, by: 23) {
      house.close()
      house.poke(path, 0, content)
      #expect(weir_faulty_os_truncate(house.faulty, path, UInt64(length)) == .ok)
      let kept = bodyEnds.prefix { $0 <= length }.count
      #expect(house.open() == .ok)
      expectJournalFrames(house, kept, sizes: sizes)
      #expect(house.append([1, 2, 3]).serial == UInt64(kept + 1))
      #expect(house.drain() == .ok)
      #expect(house.open() == .ok)
      #expect(house.seen.count == kept + 1)
      #expect(!house.finding.torn)
    }
  }

  @Test(
    "a flipped byte is never believed: damage is refused and named, only the last batch may go",
    arguments: [UInt8(0x01), 0x80, 0xFF])
  func flippedByte(mask: UInt8) throws {
    let house = try JournalHouse()
    let sizes = [0, 3, 17, 40]
    #expect(house.open() == .ok)
    let positions = try journalFill(house, frames: 23, batch: 5, sizes: sizes)
    house.close()
    let path = house.segmentPath(1)
    let offsets = positions.map { Int($0 & 0xFFFF_FFFF) }
    let end = offsets[22] + 16 + sizes[23 % 4]
    let content = house.peek(path, 0, end)
    for at in 0..<end {
      house.poke(path, UInt64(at), [content[at] ^ mask])
      let status = house.open(readOnly: true)
      house.close()
      house.poke(path, UInt64(at), [content[at]])
      guard at >= 64 else {
        #expect(status == .corrupt)
        continue
      }
      let index = (offsets.firstIndex { $0 > at } ?? offsets.count) - 1
      let isPadding = at >= offsets[index] + 16 + sizes[(index + 1) % 4]
      if isPadding {
        #expect(status == .ok)
        expectJournalFrames(house, 23, sizes: sizes)
      } else if index < 20 {
        #expect(status == .corrupt, "byte \(at) was durable before the last batch")
        #expect(house.finding.serial == UInt64(index + 1))
        #expect(house.finding.segment == 1)
        #expect(house.finding.offset == UInt64(offsets[index]))
        #expect(house.reason != "")
        #expect(house.seen.isEmpty)
      } else {
        #expect(status == .ok)
        #expect(house.finding.torn)
        #expect(house.finding.serial == UInt64(index + 1))
        expectJournalFrames(house, index, sizes: sizes)
      }
    }
    #expect(house.open() == .ok)
    expectJournalFrames(house, 23, sizes: sizes)
  }

  @Test("after a recovery every kept frame but the last is known to have been durable")
  func flippedAfterRecovery() throws {
    let house = try JournalHouse()
    let sizes = [8]
    #expect(house.open() == .ok)
    let positions = try journalFill(house, frames: 20, batch: 20, sizes: sizes)
    #expect(house.open() == .ok)
    house.close()
    let path = house.segmentPath(1)
    for (index, position) in positions.enumerated() {
      let at = position & 0xFFFF_FFFF
      let byte = house.peek(path, at + 16, 1)
      house.poke(path, at + 16, [byte[0] ^ 1])
      let status = house.open(readOnly: true)
      house.close()
      house.poke(path, at + 16, byte)
      #expect(status == (index < 19 ? .corrupt : .ok))
      #expect(house.finding.serial == UInt64(index + 1))
    }
  }

  @Test("a flipped byte in any segment of several is refused, or costs the last batch alone")
  func flippedInSeveral() throws {
    let house = try JournalHouse()
    let sizes = [30_000, 10, 50_000, 0]
    #expect(house.open() == .ok)
    let positions = try journalFill(house, frames: 40, batch: 3, sizes: sizes)
    house.close()
    let last = Int((positions.last ?? 0) >> 32)
    #expect(last >= 3)
    for segment in 1...last {
      let path = house.segmentPath(segment)
      let offsets = positions.filter { Int($0 >> 32) == segment }.map { $0 & 0xFFFF_FFFF }
      let places =
        Array(UInt64(0)..<64) + offsets.flatMap { [$0, $0 + 5, $0 + 9, $0 + 12, $0 + 14] }
      for at in places {
        let byte = house.peek(path, at, 1)
        house.poke(path, at, [byte[0] ^ 0x10])
        let status = house.open(readOnly: true)
        house.close()
        house.poke(path, at, byte)
        if status == .ok {
          #expect(segment == last)
          #expect(house.finding.torn)
          #expect(house.seen.count >= 39 / 3 * 3)
          expectJournalFrames(house, house.seen.count, sizes: sizes)
        } else {
          #expect(status == .corrupt)
          #expect(house.finding.serial > 0)
        }
      }
    }
  }

  @Test("a begun segment is dropped only when the one before it is whole")
  func begunSegment() throws {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    let positions = try journalFill(house, frames: 5, batch: 1, sizes: [60_000])
    #expect(positions.map { $0 >> 32 } == [1, 1, 1, 1, 2])
    house.close()
    house.poke(house.segmentPath(2), 0, [UInt8](repeating: 0, count: 64))
    let last = positions[3] & 0xFFFF_FFFF
    for offset in [0, 5, 9, 12, 14, 5000] as [UInt64] {
      let byte = house.peek(house.segmentPath(1), last + offset, 1)
      house.poke(house.segmentPath(1), last + offset, [byte[0] ^ 0x40])
      #expect(house.open() == .corrupt)
      #expect(house.finding.segment == 1)
      #expect(house.finding.serial == 4)
      house.poke(house.segmentPath(1), last + offset, byte)
    }
    #expect(house.open() == .ok)
    #expect(house.finding.torn)
    #expect(house.finding.segment == 2)
    expectJournalFrames(house, 4, sizes: [60_000])
    #expect(house.names().filter { $0.hasPrefix("0") }.count == 1)
  }

  /// Six frames, of whose third a byte was flipped and the checksum made right; opening finds that.
  private func opened(flipping byte: Int) throws -> JournalHouse {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    let positions = try journalFill(house, frames: 6, batch: 1, sizes: [16])
    house.close()
    let frame = house.forged(positions[2], flipping: byte, mask: 1)
    house.poke(house.segmentPath(1), positions[2] & 0xFFFF_FFFF, frame)
    #expect(house.open() == .corrupt)
    return house
  }

  @Test("a frame with a checksum of its own does not pass unless the chain holds")
  func chain() throws {
    let house = try opened(flipping: 20)
    #expect(house.finding.serial == 4)
    #expect(house.reason.contains("continue"))
  }

  @Test("a frame that continues the one before it and is not the next is damage")
  func index() throws {
    let house = try opened(flipping: 8)
    #expect(house.finding.serial == 3 && house.reason.contains("index"))
  }

  @Test("whatever is not this journal is refused with a reason")
  func refusals() throws {
    let house = try JournalHouse()
    #expect(house.open() == .ok)
    _ = try journalFill(house, frames: 40, batch: 3, sizes: [50_000])
    house.close()
    #expect(house.open(unit: "kd2") == .corrupt)
    #expect(house.reason.contains("unit"))
    for unit in ["", "a b", "123456789", "成都"] { #expect(house.open(unit: unit) == .invalid) }
    let version = house.peek(house.segmentPath(2), 0, 64)
    var other = version
    other[8] = 3
    journalSign(&other, at: 60, over: 0..<60)
    house.poke(house.segmentPath(2), 0, other)
    #expect(house.open() == .corrupt)
    #expect(house.finding.segment == 2)
    #expect(house.reason.contains("version"))
    house.poke(house.segmentPath(2), 0, version)
    let os = house.os.pointee
    #expect(os.rename(os.context, house.segmentPath(2), "/journal/away") == .ok)
    #expect(house.open() == .corrupt)
    #expect(house.finding.segment == 2)
    #expect(house.finding.offset == 0)
    #expect(house.finding.serial > 1)
    #expect(os.rename(os.context, "/journal/away", house.segmentPath(2)) == .ok)
    #expect(os.rename(os.context, house.segmentPath(1), "/journal/away") == .ok)
    #expect(house.open() == .ok, "older segments may have been retired")
    #expect((house.seen.first?.position ?? 0) >> 32 == 2)
    #expect(house.seen.last?.serial == 40)
    house.segmentBytes = 5000
    #expect(house.open() == .invalid)
  }
}
