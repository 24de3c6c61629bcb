import Foundation
import Testing
import WeirCore

extension RealProgramTests {
  @Suite("The spoken receipt") struct ReceiptScenarioTests {
    /// Hands a matter over; its number and the code that the inner unit shows the 110 desk.
    private func handOver(_ house: House, ref: String, from client: LineClient) async throws
      -> (number: String, code: String)
    {
      let answer = try ask(
        client,
        #"{"op":"intake","ref":"\#(ref)","receivedBy":"12345","channel":"phone","#
          + #""facts":["crime"],"text":"店里手机被偷","seat":"A07"}"#)
      let number = try #require(answer["handover"] as? String)
      let file = "in/\(number)-r1.json"
      let isHere = try await eventually(within: 20) {
        try house.names(in: "in").contains("\(number)-r1.json")
      }
      try #require(isHere, "\(number) was not delivered")
      let item = try fields(house.text(of: file))
      return (number, try #require(item["receipt"] as? String))
    }

    private func type(_ code: String, for number: String, on client: LineClient) throws -> Fields {
      try ask(
        client,
        #"{"op":"event","handover":"\#(number)","event":"receipt","code":"\#(code)","by":"A07"}"#)
    }

    private func refusal(_ answer: Fields) -> String? {
      (answer["error"] as? Fields)?["code"] as? String
    }

    private func data(_ number: String, on client: LineClient) throws -> String? {
      let answer = try ask(client, #"{"op":"get","handover":"\#(number)"}"#)
      let record = try #require(answer["record"] as? Fields, "\(answer)")
      return ((record["legs"] as? Fields)?["data"] as? Fields)?["state"] as? String
    }

    @Test("the code shown inside, typed outside, confirms; a wrong one five times locks it")
    func receipt() async throws {
      let house = try House()
      defer { house.close() }
      try await house.inner.start()
      try await house.outer.start()
      let client = try house.client()
      let first = try await handOver(house, ref: "r1", from: client)
      #expect(try data(first.number, on: client) == "onLink")
      let right = try type(first.code, for: first.number, on: client)
      #expect(right["durable"] as? Bool == true)
      #expect(try data(first.number, on: client) == "confirmed")

      let second = try await handOver(house, ref: "r2", from: client)
      let last = second.code.last == "0" ? "1" : "0"
      let wrong = second.code.dropLast() + last
      for _ in 0..<5 {
        #expect(refusal(try type(String(wrong), for: second.number, on: client)) == "wrongCode")
      }
      #expect(refusal(try type(second.code, for: second.number, on: client)) == "wrongCode")
      #expect(try data(second.number, on: client) == "onLink")
      let isAlarmed = try await eventually(within: 10) {
        try house.text(of: "outer.log").contains("\"event.action\":\"receiptLocked\"")
      }
      #expect(isAlarmed)
    }
  }
}
