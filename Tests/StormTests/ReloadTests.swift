import CWeirBase
import CWeirWorks
import Testing

@testable import WeirCore

/// What the core does about a reload that is asked for, while others make the policy ready.
@Suite struct ReloadTests {
  private func house() throws -> House {
    let house = try House()
    try #require(house.open() == .ok)
    return house
  }

  private func changed(_ house: House, _ versions: String, asked: Bool = true) -> weir_status {
    Array(versions.utf8).withUnsafeBufferPointer {
      weir_unit_policy_changed(
        house.unit, asked, weir_bytes(at: $0.baseAddress, count: $0.count))
    }
  }

  private func kept(_ house: House, _ why: String) {
    Array(why.utf8).withUnsafeBufferPointer {
      weir_unit_policy_kept(house.unit, true, weir_bytes(at: $0.baseAddress, count: $0.count))
    }
  }

  @Test("its connection waits for the answer, which names what is in force and is durable")
  func answered() throws {
    let house = try house()
    let client = try house.connect(control: true)
    house.send(client, #"{"op":"reload","path":"/p.yaml"}"#, #"{"op":"status"}"#)
    house.pump()
    #expect(house.desk.reloads == ["/p.yaml"])
    #expect(house.receive(client).isEmpty, "what is behind it waits too")
    #expect(changed(house, #"["garze/2"]"#) == .ok)
    house.pump()
    let lines = house.receive(client)
    #expect(lines.count == 2)
    #expect(lines.first?.description == #"{"policy":["garze/2"],"changed":true,"durable":true}"#)
    #expect(lines.last?.description.contains(#""policy":["garze/2"]"#) == true)
  }

  @Test("one at a time; only on the control socket")
  func refused() throws {
    let house = try house()
    let other = try house.connect()
    #expect(try house.one(other, #"{"op":"reload"}"#).code == "notAllowed")
    let first = try house.connect(control: true)
    let second = try house.connect(control: true)
    house.send(first, #"{"op":"reload"}"#)
    house.pump()
    #expect(try house.one(second, #"{"op":"reload"}"#).code == "overloaded")
    kept(house, "")
    house.pump()
    #expect(house.receive(first).map(\.description) == [#"{"policy":[],"changed":false}"#])
    house.send(second, #"{"op":"reload","ref":"r1"}"#)
    house.pump()
    kept(house, "p.yaml:1:1: error: the file is empty")
    house.pump()
    let refusal = house.receive(second).first
    #expect(refusal?.code == "policyRefused")
    #expect(refusal?.description.hasPrefix(#"{"ref":"r1","error":"#) == true)
  }

  @Test("to force it takes a reason and two names")
  func forced() throws {
    let house = try house()
    let client = try house.connect(control: true)
    let lacking = [
      #""second":"李""#, #""second":"李","by":"王""#, #""second":"李","reason":"x""#,
      #""second":"王","by":"王","reason":"x""#,
    ]
    for more in lacking {
      let answer = try house.one(client, "{\"op\":\"reload\",\(more)}")
      #expect(["missingField", "badValue"].contains(answer.code), "\(more): \(answer)")
    }
    #expect(house.desk.reloads.isEmpty)
    house.send(client, #"{"op":"reload","second":"李","by":"王","reason":"州办文件"}"#)
    house.pump()
    #expect(changed(house, #"["garze/3"]"#) == .ok)
    house.pump()
    #expect(house.receive(client).count == 1)
    final class Texts { var all: [String] = [] }
    let texts = Texts()
    try house.look { record in
      if record.kind == .policy { texts.all.append(record.text) }
    }
    #expect(texts.all == [#"["garze/3"]"#])
    house.crash()
    #expect(house.open() == .ok, "a journal with such a record is read")
  }

  @Test("goes on when whoever asked is gone, and answers nobody")
  func gone() throws {
    let house = try house()
    let client = try house.connect(control: true)
    house.send(client, #"{"op":"reload"}"#)
    house.pump()
    house.disconnect(client)
    let next = try house.connect(control: true)
    #expect(changed(house, #"["garze/2"]"#) == .ok)
    house.pump()
    #expect(house.receive(next).isEmpty)
    #expect(try house.one(next, #"{"op":"status"}"#).has("garze/2"))
  }
}
