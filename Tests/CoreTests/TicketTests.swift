import CWeirBase
import Testing

@Suite struct TicketTests {
  private func read(_ text: String) -> (status: weir_status, ranges: [ClosedRange<UInt64>]) {
    var ranges = [weir_range](repeating: weir_range(), count: 8)
    var count = 0
    let bytes = Array(text.utf8)
    let status = bytes.withUnsafeBufferPointer {
      weir_ticket_read(weir_bytes(at: $0.baseAddress, count: $0.count), &ranges, 8, &count)
    }
    return (status, status == .ok ? ranges.prefix(count).map { $0.first...$0.last } : [])
  }

  private func ticket(_ list: String) -> String {
    let bytes = Array(list.utf8)
    let digit = bytes.withUnsafeBufferPointer {
      weir_ticket_digit(weir_bytes(at: $0.baseAddress, count: $0.count))
    }
    return "\(list)/\(digit)"
  }

  @Test(
    "numbers with their digit are read back", arguments: ["1", "41-43,57", "7,9,11-12", "100-205"])
  func good(list: String) {
    let got = read(ticket(list))
    #expect(got.status == .ok)
    let again = got.ranges.map {
      $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
    }
    #expect(again.joined(separator: ",") == list)
  }

  @Test("for one number the digit is that of the spoken number: 417-6")
  func likeSpoken() { #expect(ticket("417") == "417/6") }

  @Test("any one digit misheard, and a dash taken for a comma, is noticed")
  func misheard() {
    let right = ticket("41-43,57,1203")
    for index in right.indices where right[index] != "/" {
      let kind = right[index].isNumber ? "0123456789" : "-,"
      for other in kind where other != right[index] {
        var wrong = right
        wrong.replaceSubrange(index...index, with: String(other))
        #expect(read(wrong).status != .ok, "\(wrong)")
      }
    }
  }

  @Test(
    "what has not that form is refused",
    arguments: [
      "", "/", "5", "5/", "/5", "0/0", "05/1", "5-/1", "-5/1", "5,/1", ",5/1", "5--6/1", "6-5/1",
      "5,5/1", "5 6/1", "5/x", "5//", "5/12", "５/1", "18446744073709551616/1",
      "1,2,3,4,5,6,7,8,9/1", "3,1/1",
    ])
  func malformed(text: String) { #expect(read(text).status != .ok) }
}
