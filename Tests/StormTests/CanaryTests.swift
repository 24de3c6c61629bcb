import CWeirCanary
import Foundation
import Testing

/// The faults that are built in on purpose, and the page that lists them. That each is caught is
/// proved by `.ci/run canaries`.
@Suite struct CanaryTests {
  /// NAME → what is wrong with it, as the page has them.
  private func listed() throws -> [(name: String, wrong: String)] {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Canaries.md")
    return try String(contentsOf: page, encoding: .utf8).split(separator: "\n")
      .filter { $0.hasPrefix("| `") }
      .map { row in
        let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        return (cells[0].trimmingCharacters(in: ["`"]), cells[1])
      }
  }

  @Test("the page lists the canaries that the code has, in its order and words")
  func list() throws {
    let listed = try listed()
    let count = weir_canary_count() - 1
    #expect(count >= 10 && listed.count == count)
    for (index, row) in listed.enumerated() {
      #expect(row.name == String(cString: weir_canary_name(index + 1)))
      #expect(row.wrong == String(cString: weir_canary_wrong(index + 1)))
    }
  }
}
