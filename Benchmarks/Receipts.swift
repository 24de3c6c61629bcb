import CWeirBenchmarks
import WeirCore
import WeirMeasure

extension Trial {
  /// Types the receipt code of every drill of this run, as the 110 desk would read it out of the
  /// newest item: else units that go on running would repeat these drills for days.
  func typeReceipts() throws {
    let mine = Set(answers.lazy.map(\.handover))
    var newest: [UInt64: weir_taken] = [:]
    for index in 0..<taker.count {
      let item = taker[index]
      guard mine.contains(item.handover) else { continue }
      if item.revision >= newest[item.handover]?.revision ?? 0 { newest[item.handover] = item }
    }
    let client = try LineClient(path: stage.intake)
    var waiting = 0
    func hear() throws {
      guard try client.receive(timeoutMs: 20_000) != nil else {
        throw Trouble("a receipt code was not answered")
      }
      waiting -= 1
    }
    for (key, item) in newest.sorted(by: { $0.key < $1.key }) {
      let code = withUnsafeBytes(of: item.receipt) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if code.isEmpty { continue }
      try client.send(
        #"{"op":"event","handover":"\#(stage.outer)-\#(HandoverKey(key))","event":"receipt","#
          + #""code":"\#(code)","by":"A07"}"#)
      waiting += 1
      if waiting == 64 { try hear() }
    }
    while waiting > 0 { try hear() }
  }
}
