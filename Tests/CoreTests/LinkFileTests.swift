import CWeirBase
import CWeirLink
import Testing

@Suite struct LinkFileTests {
  private func file(_ datagrams: [[UInt8]]) -> [UInt8] {
    var memory = [UInt8](repeating: 0, count: 100_000)
    return memory.withUnsafeMutableBufferPointer { space in
      var buffer = weir_buffer_over(space.baseAddress, space.count)
      var f = weir_link_file()
      weir_link_file_begin(&f, &buffer)
      for d in datagrams {
        d.withUnsafeBufferPointer {
          weir_link_file_add(&f, weir_bytes(at: $0.baseAddress, count: $0.count), &buffer)
        }
      }
      weir_link_file_end(&f, &buffer)
      return Array(space[..<buffer.count])
    }
  }

  /// What a reader gets of these bytes, and how that ended.
  private func read(_ bytes: [UInt8]) -> (datagrams: [[UInt8]], end: weir_status) {
    bytes.withUnsafeBufferPointer {
      var rest = weir_bytes(at: $0.baseAddress, count: $0.count)
      var reader = weir_link_file_reader()
      var got: [[UInt8]] = []
      while true {
        var datagram = weir_bytes()
        let status = weir_link_file_next(&reader, &rest, &datagram)
        if status != .ok { return (got, status) }
        got.append(Array(UnsafeBufferPointer(start: datagram.at, count: datagram.count)))
      }
    }
  }

  private let some: [[UInt8]] = [[1, 2, 3], Array(repeating: 7, count: 1472), [9]]

  @Test("datagrams come back in order, and the end is seen")
  func good() {
    #expect(read(file(some)) == (some, .closed))
    #expect(read(file([])) == ([], .closed))
  }

  @Test("a file cut short anywhere is short, never wrong and never whole")
  func short() {
    let whole = file(some)
    for count in 0..<whole.count {
      let got = read(Array(whole[..<count]))
      #expect(got.end == .again && some.starts(with: got.datagrams), "\(count)")
    }
  }

  @Test("one flipped bit anywhere is noticed: the file is not whole")
  func flipped() {
    let whole = file([[1, 2, 3], [4, 5, 6, 7]])
    for index in whole.indices {
      for bit in 0..<8 {
        var bytes = whole
        bytes[index] ^= 1 << bit
        #expect(read(bytes).end != .closed, "\(index) \(bit)")
      }
    }
  }

  @Test("foreign files are none", arguments: ["%PDF-1.7 and so on", "WEIRWAL1xxxxxxx", "\0\0"])
  func foreign(text: String) { #expect(read(Array(text.utf8)) == ([], .invalid)) }
}
