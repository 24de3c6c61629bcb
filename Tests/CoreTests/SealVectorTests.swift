import CWeirBase
import CWeirSeal
import Testing

@Suite("Ciphers, digests and derived keys give what was published")
struct SealVectorTests {
  struct CipherVector: Sendable {
    let suite: UInt32
    let key, nonce, associated, plain, sealed, tag: String
  }

  /// Test cases 13 to 16 of the GCM specification, and RFC 8998 appendix A.1.
  static let cipherVectors: [CipherVector] = {
    let zeros = String(repeating: "0", count: 64)
    let key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
    let plain =
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
    let sealed =
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
    let extra = "feedfacedeadbeeffeedfacedeadbeefabaddad2"
    return [
      CipherVector(
        suite: 1, key: zeros, nonce: String(zeros.prefix(24)), associated: "", plain: "",
        sealed: "", tag: "530f8afbc74536b9a963b4f1c4cb738b"),
      CipherVector(
        suite: 1, key: zeros, nonce: String(zeros.prefix(24)), associated: "",
        plain: String(zeros.prefix(32)), sealed: "cea7403d4d606b6e074ec5d3baf39d18",
        tag: "d0d1c8a799996bf0265b98b5d48ab919"),
      CipherVector(
        suite: 1, key: key, nonce: "cafebabefacedbaddecaf888", associated: "", plain: plain,
        sealed: sealed, tag: "b094dac5d93471bdec1a502270e3cc6c"),
      CipherVector(
        suite: 1, key: key, nonce: "cafebabefacedbaddecaf888", associated: extra,
        plain: String(plain.dropLast(8)), sealed: String(sealed.dropLast(8)),
        tag: "76fc6ece0f4e1768cddf8853bb2d551b"),
      CipherVector(
        suite: 2, key: "0123456789abcdeffedcba9876543210", nonce: "00001234567800000000abcd",
        associated: extra,
        plain: "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
          + "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
        sealed: "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
          + "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d",
        tag: "83de3541e4c2b58177e065a9bf7b62ec"),
    ]
  }()

  @Test("each provider gives the published ciphertexts and tags", arguments: cipherVectors)
  func providers(vector: CipherVector) throws {
    let provider = try #require(weir_provider_of(weir_suite(vector.suite))).pointee
    #expect(provider.key_bytes == SealFixture.bytes(vector.key).count)
    #expect(provider.self_test() == .ok)
    var cipher: OpaquePointer?
    #expect(provider.open(SealFixture.bytes(vector.key), &cipher) == .ok)
    defer { provider.close(cipher) }
    let nonce = SealFixture.bytes(vector.nonce)
    let associated = SealFixture.bytes(vector.associated)
    let plain = SealFixture.bytes(vector.plain)
    var work = plain
    var tag = [UInt8](repeating: 0, count: 16)
    #expect(
      SealFixture.lend(associated) { provider.seal(cipher, nonce, $0, &work, work.count, &tag) }
        == .ok)
    #expect(work == SealFixture.bytes(vector.sealed))
    #expect(tag == SealFixture.bytes(vector.tag))
    #expect(
      SealFixture.lend(associated) { provider.unseal(cipher, nonce, $0, &work, work.count, tag) }
        == .ok)
    #expect(work == plain)
  }

  @Test("an unknown suite has neither a provider nor a name")
  func unknownSuite() {
    #expect(weir_provider_of(weir_suite(3)) == nil)
    #expect(weir_suite_name(weir_suite(0)) == nil)
    #expect(weir_suite_name(WEIR_SUITE_SM4_GCM).map { String(cString: $0) } == "sm4-gcm")
  }

  /// FIPS 180-4.
  @Test(
    "SHA-256 gives the published digests",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ])
  func digests(text: String, expected: String) {
    var digest = [UInt8](repeating: 0, count: 32)
    SealFixture.lend(Array(text.utf8)) { weir_sha256($0, &digest) }
    #expect(digest == SealFixture.bytes(expected))
  }

  /// RFC 4231, test cases 1 to 4, 6 and 7 (5 is about truncation to 128 bits).
  static let hmacVectors: [(key: [UInt8], message: [UInt8], code: String)] = [
    (
      Array(repeating: 0x0b, count: 20), Array("Hi There".utf8),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      Array(repeating: 0xaa, count: 20), Array(repeating: 0xdd, count: 50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    ),
    (
      Array(1...25), Array(repeating: 0xcd, count: 50),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
    ),
    (
      Array(repeating: 0xaa, count: 131),
      Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
    (
      Array(repeating: 0xaa, count: 131),
      Array(
        ("This is a test using a larger than block-size key and a larger than block-size data. "
          + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
    ),
  ]

  @Test("HMAC gives RFC 4231's codes", arguments: hmacVectors.indices)
  func hmac(index: Int) {
    let vector = Self.hmacVectors[index]
    var code = [UInt8](repeating: 0, count: 32)
    let status = SealFixture.lend(vector.key) { key in
      SealFixture.lend(vector.message) { weir_hmac_sha256(key, $0, &code) }
    }
    #expect(status == .ok)
    #expect(code == SealFixture.bytes(vector.code))
  }

  /// RFC 5869, appendix A.1 to A.3.
  static let hkdfVectors:
    [(master: [UInt8], salt: [UInt8], info: [UInt8], key: String, out: String)] = [
      (
        Array(repeating: 0x0b, count: 22), Array(0...12), Array(0xf0...0xf9),
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
      ),
      (
        Array(0...0x4f), Array(0x60...0xaf), Array(0xb0...0xff),
        "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
          + "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
          + "cc30c58179ec3e87c14c01d5c1f3434f1d87"
      ),
      (
        Array(repeating: 0x0b, count: 22), [], [],
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
      ),
    ]

  @Test("HKDF gives RFC 5869's keys", arguments: hkdfVectors.indices)
  func hkdf(index: Int) {
    let vector = Self.hkdfVectors[index]
    var key = [UInt8](repeating: 0, count: 32)
    let expected = SealFixture.bytes(vector.out)
    var out = [UInt8](repeating: 0, count: expected.count)
    SealFixture.lend(vector.salt) { salt in
      SealFixture.lend(vector.master) { #expect(weir_hkdf_extract(salt, $0, &key) == .ok) }
    }
    SealFixture.lend(vector.info) {
      #expect(weir_hkdf_expand(key, $0, &out, out.count) == .ok)
    }
    #expect(key == SealFixture.bytes(vector.key))
    #expect(out == expected)
  }

  /// RFC 4226, appendix D: the HMAC-SHA-1 of each count, and its six digits.
  @Test(
    "a receipt's digits are cut as RFC 4226 cuts them",
    arguments: [
      ("cc93cf18508d94934c64b65d8ba7667fb7cde4b0", 755224),
      ("75a48a19d4cbe100644e8ac1397eea747a2d33ab", 287082),
      ("0bacb7fa082fef30782211938bc1c5e70416ff44", 359152),
      ("66c28227d03a2d5529262ff016a1e6ef76557ece", 969429),
      ("a904c900a64b35909874b33e61c5938a8e15ed1c", 338314),
      ("a37e783d7b7233c083d4f62926c7a25f238d0316", 254676),
      ("bc9cd28561042c83f219324d3c607256c03272ae", 287922),
      ("a4fb960c0bc06e1eabb804e5b397cdc4b45596fa", 162583),
      ("1b3c89f65e6c9e883012052823443f048b4332db", 399871),
      ("1637409809a679dc698207310c8c7fc07290d9e5", 520489),
    ])
  func truncation(hmac: String, expected: UInt32) {
    #expect(SealFixture.lend(SealFixture.bytes(hmac)) { weir_truncate($0, 6) } == expected)
  }
}
