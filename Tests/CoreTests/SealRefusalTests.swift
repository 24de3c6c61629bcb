import CWeirBase
import CWeirRefusedCalls
import CWeirSeal
import Testing

/// libgcrypt refuses where it lacks memory or a cipher, and here when it is told to. What is half
/// made then is not used.
@Suite("A library that refuses") struct SealRefusalTests {
  /// Of libgcrypt: no memory, no such cipher, and what stands in its own way.
  private static let noMemory: Int32 = 1 << 15 | 86
  private static let noCipher: Int32 = 12
  private static let notOperational: Int32 = 176

  /// Refuses the n-th call for n = 0, 1, 2 … until a run makes no further one; what the runs before
  /// came to.
  private func countdown(_ error: Int32 = noMemory, _ run: () -> weir_status) -> [weir_status] {
    var statuses: [weir_status] = []
    while statuses.count < 500 {
      weir_refused_calls_after(WEIR_REFUSED_SEALING, UInt64(statuses.count), 1, error)
      let status = run()
      if weir_refused_calls_end() == 0 {
        #expect(status == .ok)
        return statuses
      }
      statuses.append(status)
    }
    Issue.record("no end of calls")
    return statuses
  }

  @Test("a machine on which any known answer could not be computed is not let run")
  func selfTest() {
    let statuses = countdown { weir_seal_self_test() }
    // Of opening a forged datagram every call may fail: that is to fail.
    let forged = 2 + 3 + 3 + 4 + 4
    #expect(statuses.count > 50)
    #expect(statuses.filter { $0 == .ok }.count == forged)
    #expect(statuses.allSatisfy { [.ok, .corrupt, .unsupported, .outOfMemory].contains($0) })
  }

  @Test("no key is derived by halves: what was to hold it is wiped")
  func keys() {
    let secret = [UInt8](repeating: 7, count: 32)
    var key = [UInt8](repeating: 0xEE, count: 80)
    let statuses = countdown {
      key = [UInt8](repeating: 0xEE, count: 80)
      let status = weir_hkdf_expand(secret, weir_bytes(at: nil, count: 0), &key, key.count)
      #expect(status == .ok || key.allSatisfy { $0 == 0 })
      return status
    }
    #expect(statuses == Array(repeating: .outOfMemory, count: 6), "two digests for 32 bytes each")
    let file = Array("7 aes-256-gcm \(SealFixture.masterHex)\n".utf8)
    var ring: OpaquePointer?
    var line: UInt32 = 0
    var reason = [CChar](repeating: 1, count: 96)
    let rings = SealFixture.lend(file) { bytes in
      countdown {
        let status = weir_keyring_read(bytes, &ring, &line, &reason)
        #expect((status == .ok) == (ring != nil) && reason[0] == 0)
        return status
      }
    }
    weir_keyring_close(ring)
    #expect(rings == Array(repeating: .outOfMemory, count: 3), "a place for it, and two digests")
  }

  @Test("no code is spoken, and no caller known, by a key that was not derived")
  func codes() throws {
    let ring = try SealRing.standard()
    let crossed = [UInt8](repeating: 1, count: 32)
    var code = [CChar](repeating: 0x58, count: 9)
    var hash: UInt64 = 0
    let handover = Array("kd1-20261123-000001".utf8)
    let receipts = SealFixture.lend(handover) { handover in
      countdown {
        let status = weir_receipt_code(ring.pointer, 7, "kd1", handover, 1, crossed, &code)
        #expect(status == .ok || code[0] == 0x58)
        return status
      }
    }
    let callers = SealFixture.lend(Array("13800000000".utf8)) { phone in
      countdown {
        let status = weir_caller_hash(ring.pointer, 7, "kd1", phone, &hash)
        #expect(status == .ok || hash == 0)
        return status
      }
    }
    let fingerprints = countdown {
      code = [CChar](repeating: 0x58, count: 9)
      let status = weir_keyring_fingerprint(ring.pointer, 7, &code)
      #expect(status == .ok || code[0] == 0x58)
      return status
    }
    #expect(receipts == Array(repeating: .outOfMemory, count: 4))
    #expect(callers == receipts && fingerprints == Array(receipts.prefix(2)))
  }

  @Test(
    "a stream is opened whole or not at all, and says whether memory or a cipher is missing",
    arguments: [noMemory, noCipher, notOperational])
  func streams(error: Int32) throws {
    let ring = try SealRing.standard()
    var id = SealFixture.streamID()
    var sealer: OpaquePointer?
    let statuses = countdown(error) {
      let status = weir_sealer_open(ring.pointer, 7, &id, &sealer)
      #expect((status == .ok) == (sealer != nil))
      return status
    }
    weir_sealer_close(sealer)
    let opened = error == Self.noMemory ? weir_status.outOfMemory : .unsupported
    #expect(statuses == [.outOfMemory, .outOfMemory, opened, .unsupported])
  }

  @Test("what cannot be sealed is not sent on, and what cannot be opened is forged and wiped")
  func datagrams() throws {
    let ring = try SealRing.standard()
    var id = SealFixture.streamID()
    var sealer: OpaquePointer?
    try #require(weir_sealer_open(ring.pointer, 7, &id, &sealer) == .ok)
    defer { weir_sealer_close(sealer) }
    let plain = Array("somebody needs help".utf8)
    var sealed = plain
    var tag = [UInt8](repeating: 0, count: 16)
    var sequence: UInt64 = 0
    SealFixture.lend([1, 2, 3, 4]) { header in
      let sealing = countdown {
        sequence += 1
        sealed = plain
        return weir_sealer_seal(sealer, sequence, header, &sealed, sealed.count, &tag)
      }
      #expect(sealing == Array(repeating: .unsupported, count: 4))
      var bytes = sealed
      let opening = countdown {
        bytes = sealed
        let status = weir_sealer_open_datagram(sealer, sequence, header, &bytes, bytes.count, tag)
        #expect(status == .ok || bytes.allSatisfy { $0 == 0 })
        return status
      }
      #expect(opening == Array(repeating: .forged, count: 4))
      #expect(bytes == plain)
    }
  }
}
