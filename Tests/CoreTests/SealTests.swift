import CWeirBase
import CWeirSeal
import Testing

/// What the tests of the rooms seal and link share.
enum SealFixture {
  /// The master 00 01 02 … 1f.
  static let masterHex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
  static let otherHex = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

  /// Digits to bytes; spaces are passed over.
  static func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.filter { !$0.isWhitespace }
    return stride(from: 0, to: digits.count, by: 2).map { at in
      let start = digits.index(digits.startIndex, offsetBy: at)
      return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16) ?? 0
    }
  }

  /// Lends an array as a view for one call.
  static func lend<Result>(_ bytes: [UInt8], _ body: (weir_bytes) throws -> Result) rethrows
    -> Result
  {
    try bytes.withUnsafeBufferPointer { try body(weir_bytes(at: $0.baseAddress, count: $0.count)) }
  }

  /// The text before the zero.
  static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  static func streamID(
    unit: String = "kd1", bootEpoch: UInt64 = 1000, bootID: UInt8 = 1, stream: UInt32 = 1
  ) -> weir_stream_id {
    var id = weir_stream_id()
    withUnsafeMutableBytes(of: &id.unit) { $0.copyBytes(from: Array(unit.utf8)) }
    withUnsafeMutableBytes(of: &id.boot_id) { field in
      for index in field.indices { field[index] = bootID }
    }
    id.boot_epoch = bootEpoch
    id.stream = stream
    return id
  }
}

/// A key ring that closes itself.
final class SealRing {
  let pointer: OpaquePointer

  init(_ file: String) throws {
    let read = SealRing.read(file)
    pointer = try #require(read.ring, "\(read.line): \(read.reason)")
  }

  deinit { weir_keyring_close(pointer) }

  /// The standard ring: one epoch, AES.
  static func standard() throws -> SealRing {
    try SealRing("7 aes-256-gcm \(SealFixture.masterHex)\n")
  }

  static func read(_ file: String) -> (
    status: weir_status, ring: OpaquePointer?, line: UInt32, reason: String
  ) {
    var ring: OpaquePointer?
    var line: UInt32 = 0
    var reason = [CChar](repeating: 1, count: 96)
    let status = SealFixture.lend(Array(file.utf8)) {
      weir_keyring_read($0, &ring, &line, &reason)
    }
    return (status, ring, line, SealFixture.text(reason))
  }
}

@Suite("The seal keeps what it says about ciphers, keys and codes")
struct SealTests {
  @Test("a machine is let run only after every known answer came out")
  func selfTest() {
    #expect(weir_seal_self_test() == .ok)
    #expect(weir_seal_self_test() == .ok)
  }

  // MARK: Key files

  static let hex = SealFixture.masterHex

  @Test(
    "a wrong key file is refused with its line and a sentence that shows no key",
    arguments: [
      ("", 1, "no key"),
      ("# only a comment\n\n", 2, "no key"),
      ("0 aes-256-gcm \(hex)\n", 1, "from 1 to 4294967295"),
      ("4294967296 aes-256-gcm \(hex)\n", 1, "from 1 to 4294967295"),
      ("one aes-256-gcm \(hex)\n", 1, "from 1 to 4294967295"),
      ("-1 aes-256-gcm \(hex)\n", 1, "from 1 to 4294967295"),
      ("# c\n1 aes-128-gcm \(hex)\n", 2, "must be aes-256-gcm or sm4-gcm"),
      ("1 AES-256-GCM \(hex)\n", 1, "must be aes-256-gcm or sm4-gcm"),
      ("1 aes-256-gcm \(hex.dropLast())\n", 1, "exactly 64"),
      ("1 aes-256-gcm \(hex)0\n", 1, "exactly 64"),
      ("1 sm4-gcm \(hex.prefix(32))\n", 1, "exactly 64"),
      ("1 aes-256-gcm \(hex.dropLast())g\n", 1, "no hex digit"),
      ("1 aes-256-gcm /\(hex.dropFirst())\n", 1, "no hex digit"),
      ("1 aes-256-gcm \(hex.dropLast())G\n", 1, "no hex digit"),
      ("1 aes-256-gcm \(hex.dropLast()):\n", 1, "no hex digit"),
      ("1 aes-256-gcm\n", 1, "EPOCH SUITE HEX"),
      ("1\n", 1, "EPOCH SUITE HEX"),
      ("1 aes-256-gcm \(hex) 2027-02-29\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) 2100-02-29\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) 2027-13-01\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) 2027-00-01\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) 2027-04-31\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) 2027-4-3\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) 2027x04-03\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) 2027-04x03\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) 202x-04-03\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) 2027-x4-03\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) 2027-04-x3\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) 2027-04-00\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) 0000-04-03\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) tomorrow\n", 1, "yyyy-mm-dd"),
      ("1 aes-256-gcm \(hex) 2027-01-01 x\n", 1, "more than four fields"),
      ("1 aes-256-gcm \(hex)\n2 sm4-gcm \(hex)\n1 sm4-gcm \(hex)\n", 3, "twice"),
      ("1 aes-256-gcm \(hex)\r\n", 1, "carriage return"),
      ("1 aes-256-gcm \(hex)\u{0}\n", 1, "printable"),
      ("\u{FEFF}1 aes-256-gcm \(hex)\n", 1, "printable"),
      ((1...17).map { "\($0) aes-256-gcm \(hex)\n" }.joined(), 17, "more than 16"),
    ])
  func refusedFiles(file: String, line: UInt32, reason: String) {
    let read = SealRing.read(file)
    #expect(read.status == .invalid)
    #expect(read.ring == nil)
    #expect(read.line == line)
    #expect(read.reason.contains(reason), "\(read.reason)")
    #expect(!read.reason.contains(Self.hex.prefix(8)))
  }

  @Test("a key file gives its epochs in order, whatever order they stand in")
  func acceptedFile() throws {
    let ring = try SealRing(
      """
      # epochs of the year
      \t9  sm4-gcm   \(Self.hex.uppercased())  2028-02-29   # a leap day
      2 aes-256-gcm \(Self.hex)#no blank before the comment

      4294967295 aes-256-gcm \(SealFixture.otherHex) 2027-12-31
      """)
    #expect(weir_keyring_count(ring.pointer) == 3)
    #expect(weir_keyring_newest(ring.pointer) == 4_294_967_295)
    let expected: [(UInt32, weir_suite, UInt32)] = [
      (2, WEIR_SUITE_AES_256_GCM, 0), (9, WEIR_SUITE_SM4_GCM, 20_280_229),
      (4_294_967_295, WEIR_SUITE_AES_256_GCM, 20_271_231),
    ]
    for (index, row) in expected.enumerated() {
      var epoch: UInt32 = 0
      var suite = WEIR_SUITE_AES_256_GCM
      var expires: UInt32 = 1
      weir_keyring_entry(ring.pointer, index, &epoch, &suite, &expires)
      #expect(epoch == row.0 && suite == row.1 && expires == row.2)
      #expect(weir_keyring_suite(ring.pointer, epoch) == suite)
    }
    #expect(weir_keyring_suite(ring.pointer, 3) == weir_suite(0))
  }

  @Test("sixteen epochs are taken")
  func sixteenEpochs() throws {
    let ring = try SealRing((1...16).reversed().map { "\($0) sm4-gcm \(Self.hex)\n" }.joined())
    #expect(weir_keyring_count(ring.pointer) == 16)
    #expect(weir_keyring_newest(ring.pointer) == 16)
  }

  @Test("a written key line is read back as it was meant")
  func writtenLine() throws {
    var memory = [UInt8](repeating: 0, count: 128)
    let master = SealFixture.bytes(SealFixture.masterHex)
    let line = memory.withUnsafeMutableBytes { raw in
      var buffer = weir_buffer_over(raw.baseAddress, raw.count)
      #expect(weir_keyring_line(12, WEIR_SUITE_SM4_GCM, master, &buffer) == .ok)
      return String(decoding: raw.prefix(buffer.count), as: UTF8.self)
    }
    #expect(line == "12 sm4-gcm \(SealFixture.masterHex)")
    _ = try SealRing(line)
    var small = [UInt8](repeating: 0, count: 20)
    small.withUnsafeMutableBytes { raw in
      var buffer = weir_buffer_over(raw.baseAddress, raw.count)
      #expect(weir_keyring_line(12, WEIR_SUITE_SM4_GCM, master, &buffer) == .tooLong)
      #expect(weir_keyring_line(0, WEIR_SUITE_SM4_GCM, master, &buffer) == .invalid)
    }
  }

  /// The expected digits were computed apart, from the header's definition.
  @Test(
    "a fingerprint speaks for the master and the suite",
    arguments: [("aes-256-gcm", "99548349"), ("sm4-gcm", "48611890")])
  func fingerprint(suite: String, expected: String) throws {
    let ring = try SealRing("7 \(suite) \(Self.hex)\n")
    var digits = [CChar](repeating: 0, count: 9)
    #expect(weir_keyring_fingerprint(ring.pointer, 7, &digits) == .ok)
    #expect(SealFixture.text(digits) == expected)
    #expect(weir_keyring_fingerprint(ring.pointer, 8, &digits) == .unknownKey)
  }

  // MARK: Streams

  @Test("a stream's key and nonce are made as the format says", arguments: [UInt32(1), 2])
  func derivation(suite: UInt32) throws {
    let name = suite == 1 ? "aes-256-gcm" : "sm4-gcm"
    let ring = try SealRing("7 \(name) \(Self.hex)\n")
    var id = SealFixture.streamID(unit: "kd1", bootEpoch: 0x0102, bootID: 9, stream: 0x0304)
    var sealer: OpaquePointer?
    #expect(weir_sealer_open(ring.pointer, 7, &id, &sealer) == .ok)
    defer { weir_sealer_close(sealer) }
    #expect(weir_sealer_suite(sealer) == weir_suite(suite))
    var sealed = Array("a matter".utf8)
    var tag = [UInt8](repeating: 0, count: 16)
    let header = Array("clear".utf8)
    let status = SealFixture.lend(header) {
      weir_sealer_seal(sealer, 0x0506, $0, &sealed, sealed.count, &tag)
    }
    #expect(status == .ok)

    let provider = try #require(weir_provider_of(weir_suite(suite))).pointee
    var extract = [UInt8](repeating: 0, count: 32)
    var key = [UInt8](repeating: 0, count: provider.key_bytes)
    SealFixture.lend(Array("weir-link-1".utf8)) { salt in
      SealFixture.lend(SealFixture.bytes(Self.hex)) {
        #expect(weir_hkdf_extract(salt, $0, &extract) == .ok)
      }
    }
    var info = Array("datagram".utf8) + Array("kd1".utf8) + [0, 0, 0, 0, 0]
    info += [0, 0, 0, 0, 0, 0, 1, 2]
    info += Array(repeating: 9, count: 16) + [0, 0, 3, 4]
    SealFixture.lend(info) { #expect(weir_hkdf_expand(extract, $0, &key, key.count) == .ok) }
    var cipher: OpaquePointer?
    #expect(provider.open(key, &cipher) == .ok)
    defer { provider.close(cipher) }
    let nonce: [UInt8] = [0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 5, 6]
    let opened = SealFixture.lend(header) {
      provider.unseal(cipher, nonce, $0, &sealed, sealed.count, tag)
    }
    #expect(opened == .ok)
    #expect(sealed == Array("a matter".utf8))
  }

  /// Seals zeros at sequence 1 under an identity: what differs, differs by its key or nonce.
  private func keystream(_ ring: SealRing, _ identity: weir_stream_id, sequence: UInt64 = 1) throws
    -> [UInt8]
  {
    var id = identity
    var sealer: OpaquePointer?
    #expect(weir_sealer_open(ring.pointer, 7, &id, &sealer) == .ok)
    defer { weir_sealer_close(sealer) }
    var bytes = [UInt8](repeating: 0, count: 32)
    var tag = [UInt8](repeating: 0, count: 16)
    #expect(
      weir_sealer_seal(sealer, sequence, weir_bytes(at: nil, count: 0), &bytes, 32, &tag) == .ok)
    return bytes
  }

  @Test("no two boots, streams, units or sequences share a key and nonce")
  func distinctKeys() throws {
    let ring = try SealRing.standard()
    var seen: Set<[UInt8]> = []
    var expected = 0
    for bootID in UInt8(0)..<32 {
      seen.insert(try keystream(ring, SealFixture.streamID(bootID: bootID)))
      expected += 1
    }
    for identity in [
      SealFixture.streamID(unit: "kd2"), SealFixture.streamID(bootEpoch: 1001),
      SealFixture.streamID(stream: 2),
    ] {
      seen.insert(try keystream(ring, identity))
      expected += 1
    }
    seen.insert(try keystream(ring, SealFixture.streamID(), sequence: 2))
    #expect(seen.count == expected + 1)
    #expect(try seen.contains(keystream(ring, SealFixture.streamID(bootID: 3))))
  }

  @Test("a datagram with any one bit changed is forged, and its bytes are wiped")
  func forgery() throws {
    let ring = try SealRing.standard()
    var id = SealFixture.streamID()
    var sealer: OpaquePointer?
    #expect(weir_sealer_open(ring.pointer, 7, &id, &sealer) == .ok)
    defer { weir_sealer_close(sealer) }
    let plain = Array("somebody needs help".utf8)
    var sealed = plain
    var tag = [UInt8](repeating: 0, count: 16)
    let header: [UInt8] = [1, 2, 3, 4]
    _ = SealFixture.lend(header) { weir_sealer_seal(sealer, 5, $0, &sealed, sealed.count, &tag) }

    func open(_ header: [UInt8], _ bytes: [UInt8], _ tag: [UInt8], sequence: UInt64 = 5)
      -> (weir_status, [UInt8])
    {
      var work = bytes
      let status = SealFixture.lend(header) {
        weir_sealer_open_datagram(sealer, sequence, $0, &work, work.count, tag)
      }
      return (status, work)
    }
    func flipped(_ bytes: [UInt8], _ bit: Int) -> [UInt8] {
      var copy = bytes
      copy[bit / 8] ^= 1 << UInt8(bit % 8)
      return copy
    }
    #expect(open(header, sealed, tag) == (.ok, plain))
    let wiped = [UInt8](repeating: 0, count: plain.count)
    for bit in 0..<(8 * header.count) {
      #expect(open(flipped(header, bit), sealed, tag) == (.forged, wiped))
    }
    for bit in 0..<(8 * sealed.count) {
      #expect(open(header, flipped(sealed, bit), tag) == (.forged, wiped))
    }
    for bit in 0..<(8 * tag.count) {
      #expect(open(header, sealed, flipped(tag, bit)) == (.forged, wiped))
    }
    #expect(open(header, sealed, tag, sequence: 6) == (.forged, wiped))
  }

  @Test("a stream under an epoch that the ring does not hold is not opened")
  func unknownEpoch() throws {
    let ring = try SealRing.standard()
    var id = SealFixture.streamID()
    var sealer: OpaquePointer?
    #expect(weir_sealer_open(ring.pointer, 8, &id, &sealer) == .unknownKey)
    #expect(sealer == nil)
  }

  @Test("sealing a sequence twice stops the house")
  func repeatedSequence() async {
    await #expect(processExitsWith: .failure) {
      let ring = try SealRing.standard()
      var id = SealFixture.streamID()
      var sealer: OpaquePointer?
      _ = weir_sealer_open(ring.pointer, 7, &id, &sealer)
      var bytes: [UInt8] = [1, 2, 3]
      var tag = [UInt8](repeating: 0, count: 16)
      let none = weir_bytes(at: nil, count: 0)
      _ = weir_sealer_seal(sealer, 5, none, &bytes, 3, &tag)
      _ = weir_sealer_seal(sealer, 5, none, &bytes, 3, &tag)
    }
  }

  // MARK: Codes

  private func receipt(
    _ ring: SealRing, unit: String = "kd1", handover: String = "kd1-20261123-0417",
    revision: UInt32 = 3, crossed: String = "crossed"
  ) -> (weir_status, String) {
    var digest = [UInt8](repeating: 0, count: 32)
    SealFixture.lend(Array(crossed.utf8)) { weir_sha256($0, &digest) }
    var digits = [CChar](repeating: 0, count: 7)
    let status = SealFixture.lend(Array(handover.utf8)) {
      weir_receipt_code(ring.pointer, 7, unit, $0, revision, digest, &digits)
    }
    return (status, SealFixture.text(digits))
  }

  /// The expected values were computed apart, from the header's definition.
  @Test("a receipt speaks for the unit, the handover, the revision and the bytes that crossed")
  func receiptCodes() throws {
    let ring = try SealRing.standard()
    #expect(receipt(ring) == (.ok, "935714"))
    let others = [
      receipt(ring, unit: "kd2"), receipt(ring, handover: "kd1-20261123-0418"),
      receipt(ring, revision: 4), receipt(ring, crossed: "crossed!"),
      receipt(try SealRing("7 aes-256-gcm \(SealFixture.otherHex)\n")),
    ]
    for other in others {
      #expect(other.0 == .ok)
      #expect(other.1.count == 6)
      #expect(other.1 != "935714")
    }
  }

  @Test("a receipt for names that are no names is refused")
  func refusedReceipts() throws {
    let ring = try SealRing.standard()
    #expect(receipt(ring, unit: "").0 == .invalid)
    #expect(receipt(ring, unit: "kd1234567").0 == .invalid)
    #expect(receipt(ring, unit: "kd-1").0 == .invalid)
    #expect(receipt(ring, handover: "").0 == .invalid)
    #expect(receipt(ring, handover: "a\u{0}b").0 == .invalid)
    #expect(receipt(ring, handover: String(repeating: "9", count: 65)).0 == .invalid)
    #expect(receipt(try SealRing("6 sm4-gcm \(Self.hex)\n")).0 == .unknownKey)
  }

  @Test("a caller's hash is the same for the same number and says nothing else")
  func callerHash() throws {
    let ring = try SealRing.standard()
    func hash(_ phone: String, unit: String = "kd1") -> UInt64 {
      var value: UInt64 = 0
      let status = SealFixture.lend(Array(phone.utf8)) {
        weir_caller_hash(ring.pointer, 7, unit, $0, &value)
      }
      #expect(status == .ok)
      return value
    }
    #expect(hash("13800000000") == 0xd5dd_4fff_1958_3b59)
    #expect(hash("13800000001") != 0xd5dd_4fff_1958_3b59)
    #expect(hash("13800000000", unit: "kd2") != 0xd5dd_4fff_1958_3b59)
  }
}
