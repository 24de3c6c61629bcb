import CWeirBase
import CWeirLink
import Testing

/// Long records come in pieces, and only pieces of one content make one.
@Suite("Records in pieces") struct LinkAssemblyTests {
  private let ring: SealRing
  private let receiver: LinkReceiver

  init() throws {
    ring = try SealRing.standard()
    receiver = try LinkReceiver(ring)
  }

  private static let record = linkRecord(1, 1, count: 900)

  /// A datagram's plaintext: a piece of 512 bytes, or what is left, of the record.
  private func piece(
    _ index: Int, of record: [UInt8] = record, _ change: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt8] {
    let bytes = Array(record[(index * 512)..<min(record.count, index * 512 + 512)])
    var plain: [UInt8] = [1, 0, 0, 0, 0, 0]
    plain += [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0]
    plain += [UInt8](repeating: 0, count: 8) + linkCheck(record)
    plain += [0, 0, UInt8(record.count >> 8), UInt8(record.count & 255), 2, 0, 0, UInt8(index)]
    change(&plain)
    return plain + bytes
  }

  private func take(_ plain: [UInt8], sequence: UInt64, unit: String = "kd1") throws -> [LinkEvent]
  {
    let id = SealFixture.streamID(unit: unit)
    let taken = receiver.take(try linkDatagram(ring, id, sequence: sequence, plain: plain))
    #expect(taken.status == .ok)
    return taken.events.filter { $0.isKind(WEIR_LINK_RECORD) }
  }

  /// Pieces that a record is not made of, though they bear its number.
  private static let others: [(name: String, at: Int, by: UInt8)] = [
    ("of another crossing", 6 + 7, 2), ("of another revision", 6 + 11, 2),
    ("of another check", 6 + 22, 1), ("of a longer record", 6 + 33, 1),
  ]

  @Test("a piece of another content is put to itself", arguments: others)
  func another(row: (name: String, at: Int, by: UInt8)) throws {
    #expect(try take(piece(0), sequence: 1).isEmpty)
    let other = piece(1) { $0[row.at] ^= row.by }
    let longer = row.at == 6 + 33 ? [0] as [UInt8] : []
    #expect(try take(other + longer, sequence: 2).isEmpty, "\(row.name)")
    let whole = try take(piece(1), sequence: 3)
    #expect(whole.map(\.record) == [Self.record], "\(row.name)")
  }

  @Test("a piece of other pieces, or of another unit, is put to itself")
  func otherPieces() throws {
    #expect(try take(piece(0), sequence: 1).isEmpty)
    // The same record in pieces of 600 bytes.
    let bytes = Array(Self.record[600...])
    var plain = piece(1)
    plain.removeLast(900 - 512)
    plain[6 + 34] = 2
    plain[6 + 35] = 88
    #expect(try take(plain + bytes, sequence: 2).isEmpty)
    #expect(try take(piece(1), sequence: 1, unit: "kd2").isEmpty)
    #expect(try take(piece(1), sequence: 3).map(\.record) == [Self.record])
    // And what another unit began is still there.
    #expect(try take(piece(0), sequence: 2, unit: "kd2").map(\.record) == [Self.record])
  }

  @Test("a piece that came before changes nothing")
  func again() throws {
    #expect(try take(piece(0), sequence: 1).isEmpty)
    #expect(try take(piece(0), sequence: 2).isEmpty)
    #expect(try take(piece(1), sequence: 3).map(\.record) == [Self.record])
    #expect(try take(piece(1), sequence: 4).isEmpty, "the next copy begins anew")
  }
}
