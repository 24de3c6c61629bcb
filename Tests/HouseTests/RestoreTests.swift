import Foundation
import Testing

extension RealProgramTests {
  @Suite("A restored data folder") struct RestoreTests {
    @Test("matters under numbers that were used before are delivered as conflicts, none dropped")
    func restoredFolderConflicts() async throws {
      let house = try House()
      defer { house.close() }
      let manager = FileManager.default
      let (data, copy) = (house.folder + "/o", house.folder + "/copy")
      try await house.inner.start()
      try await submit(house, "first", expecting: 4)
      try manager.copyItem(atPath: data, toPath: copy)
      try await submit(house, "second", expecting: 8)
      try manager.removeItem(atPath: data)
      try manager.moveItem(atPath: copy, toPath: data)
      // Numbers 5 to 8 come a second time, with other matters behind them.
      try await submit(house, "third", expecting: 12)

      let names = try house.names(in: "in")
      let items = try names.filter { !$0.hasPrefix("ALARM-") }
        .map { try fields(house.text(of: "in/" + $0)) }
      let conflicts = items.filter { $0["conflict"] as? Bool == true }
      #expect(conflicts.count == 4)
      let texts = conflicts.compactMap { ($0["record"] as? Fields)?["text"] as? String }
      #expect(Set(texts) == Set((0..<4).map { "third \($0)" }))
      let all = items.compactMap { ($0["record"] as? Fields)?["text"] as? String }
      #expect(all.count == 12)
      #expect(Set(all).count == 12, "each matter was delivered once")
      #expect(names.contains { $0.hasPrefix("ALARM-") && $0.contains("conflict") })
    }

    /// Starts the outer unit, submits four matters, waits for their delivery, and stops it.
    private func submit(_ house: House, _ tag: String, expecting count: Int) async throws {
      try await house.outer.start()
      let matters = (0..<4).map {
        Matter(ref: "\(tag)\($0)", facts: ["crime"], text: "\(tag) \($0)")
      }
      let load = try Load(matters, to: house.intake, connections: 1)
      try await load.run()
      #expect(load.refusals.isEmpty)
      let delivered = try await eventually(within: 60) {
        try house.names(in: "in").filter { !$0.hasPrefix("ALARM-") }.count >= count
      }
      #expect(delivered, "\(tag): fewer than \(count) were delivered")
      #expect(try await house.outer.stop() == 0)
    }
  }
}
