import Foundation
import Testing
import WeirCore

extension RealProgramTests {
  /// A line that the client never ended, as `printf '{…}' | nc -U` sends one.
  @Suite("The last line") struct LastLineTests {
    /// How the end of what a client sends is known.
    enum End: CaseIterable { case halfClosed, closed, reset, idle }

    @Test("a matter without a line feed is taken when no more comes", arguments: End.allCases)
    func taken(end: End) async throws {
      let house = try House()
      defer { house.close() }
      let text = try house.text(of: "outer.yaml")
      let socket = "socket: \(house.intake)"
      try house.write(text.replacing(socket, with: socket + ", idle: 1s"), to: "outer.yaml")
      try await house.outer.start()
      let matter = Array(Matter(ref: "last", facts: ["dangerToLife"]).line.utf8)
      do {
        let client = try house.client()
        if end == .reset {
          // Who closes over an answer that was not read resets the connection.
          try client.send(#"{"op":"status"}"#)
          var arrived = pollfd(fd: client.fileDescriptor, events: Int16(POLLIN), revents: 0)
          try #require(poll(&arrived, 1, 10_000) == 1)
        }
        #expect(Posix.send(matter, on: client.fileDescriptor) == matter.count)
        if end == .halfClosed { Posix.hangUp(client.fileDescriptor) }
        if end == .halfClosed || end == .idle {
          let answer = try fields(try #require(try client.receive(timeoutMs: 10_000)))
          #expect(answer["durable"] as? Bool == true && answer["dial"] != nil, "\(answer)")
          #expect(try client.receive(timeoutMs: 10_000) == nil, "then it is closed")
        }
      }
      #expect(try await eventually(within: 10) { try house.outer.counter("intakes") == 1 })
      #expect(try house.outer.counter("refused") == 0)
      #expect(try await house.outer.stop() == 0)
    }
  }
}
