import CWeirBase
import CWeirFaultyOs
import CWeirJournal
import CWeirWorks
import Testing
import WeirModel

/// Frames that hold and say nothing that a unit can read: another version wrote them, or a fault
/// that nobody foresaw. A start that passed them over would know too little.
@Suite("Records that cannot be read") struct UnreadableRecordTests {
  /// A house of the role that ran once and has ended.
  private func ended(_ role: UnitRole) throws -> House {
    var options = House.Options()
    options.role = role
    let house = try House(options)
    try #require(house.open() == .ok)
    #expect(house.stop())
    return house
  }

  /// A number that never ends: no varint has ten bytes of this.
  private static let endless = [UInt8](repeating: 0xFF, count: 12)

  @Test(
    "a start over a record of any kind that cannot be read is refused",
    arguments: [UnitRole.outer, .inner])
  func refused(role: UnitRole) throws {
    for kind in UInt8(1)...UInt8(WEIR_JOURNAL_KIND_MAX) {
      let house = try ended(role)
      try house.append(kind: kind, Self.endless)
      #expect(house.open() == .corrupt, "kind \(kind)")
      #expect(house.unit == nil)
    }
  }

  @Test("a record that is cut anywhere is refused, or says as much as it holds")
  func cut() throws {
    let house = try House()
    try #require(house.open() == .ok)
    let client = try house.connect()
    let number = try #require(try house.one(client, Ask.intake("a")).string("handover"))
    #expect(try house.one(client, Ask.event(number, "transferStarted", ref: "b")).isDurable)
    house.crash()
    let files = house.files()
    var refused = 0
    for frame in try house.frames() where frame.kind != 2 {  // texts are many
      let (kind, body) = (frame.kind, frame.body)
      for count in stride(from: 0, to: body.count, by: 1 + body.count / 24) {
        let other = try House()
        other.makeFolders()
        other.replaceData(with: files)
        try other.append(kind: kind, Array(body.prefix(count)))
        let status = other.open()
        #expect(status == .ok || status == .corrupt, "kind \(kind), \(count) bytes")
        if status == .corrupt { refused += 1 }
      }
    }
    #expect(refused > 20, "\(refused)")
  }
}

extension House {
  /// Appends a frame behind the back of a unit that is closed.
  func append(kind: UInt8, _ body: [UInt8]) throws {
    var journal: OpaquePointer?
    var finding = weir_journal_finding()
    let bytes = options.segmentBytes
    let opened = "/data/journal".withCString { directory in
      options.name.withCString { unit in
        var options = weir_journal_options(
          directory: directory, unit: unit, segment_bytes: bytes,
          read_only: false, from_segment: 0, from_serial: 0)
        return weir_journal_open(&options, os, nil, nil, &finding, &journal)
      }
    }
    try #require(opened == .ok)
    defer { weir_journal_close(journal) }
    var serial: UInt64 = 0
    var position: UInt64 = 0
    let status = body.withUnsafeBufferPointer { bytes in
      var part = weir_bytes(at: bytes.baseAddress, count: bytes.count)
      return weir_journal_append(journal, kind, &part, 1, &serial, &position)
    }
    try #require(status == .ok)
    while let job = weir_journal_take(journal, 0) {
      let status = weir_journal_perform(job, os)
      _ = weir_journal_done(journal, job, status)
      try #require(status == .ok)
    }
  }

  /// Every frame of the journal, as it lies there.
  fileprivate func frames() throws -> [Frame] {
    var all: [Frame] = []
    let status = readJournal("/data/journal", of: options.name, os) { frame in
      let body = frame.pointee.body
      let bytes = Array(UnsafeBufferPointer(start: body.at, count: body.count))
      all.append(Frame(kind: frame.pointee.kind, body: bytes))
      return .ok
    }
    try #require(status == .ok)
    return all
  }

  fileprivate struct Frame {
    let kind: UInt8
    let body: [UInt8]
  }
}
