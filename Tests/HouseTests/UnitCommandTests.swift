import Foundation
import Testing
import WeirCore

extension RealProgramTests {
  @Suite("Commands that ask a running unit") struct UnitCommandTests {
    /// Both units with a supervisor, running.
    private func house() async throws -> House {
      let house = try House()
      for name in ["outer.yaml", "inner.yaml"] {
        let text = try house.text(of: name)
        try house.write(
          text.replacing(".sock }\nlink", with: ".sock, supervisors: [S01] }\nlink"), to: name)
      }
      try await house.inner.start()
      try await house.outer.start()
      return house
    }

    /// A command to one of the units.
    private func run(_ house: House, _ words: String, to role: String = "outer") throws -> Said {
      try house.run(words, config: "\(role).yaml")
    }

    /// Hands matters over, and waits until they lie inside.
    private func handOver(_ house: House, _ matters: [Matter]) async throws -> [String] {
      let client = try house.client()
      var numbers: [String] = []
      for matter in matters {
        numbers.append(try #require(try ask(client, matter.line)["handover"] as? String))
      }
      let isHere = try await eventually(within: 20) {
        Set(numbers).isSubset(of: Set(try house.names(in: "in").compactMap(handover(ofFile:))))
      }
      try #require(isHere)
      return numbers
    }

    @Test("status tells what somebody must do first, for people and for machines")
    func status() async throws {
      let house = try await house()
      defer { house.close() }
      let quiet = try run(house, "status")
      #expect(quiet.code == 0)
      #expect(quiet.output.hasPrefix("unit "))
      #expect(quiet.output.contains("外端机 outer kd1, running"))
      #expect(quiet.output.contains("sending by udp; highest crossing 0, 0 unconfirmed"))
      let turn = try #require(quiet.output.firstMatch(of: #/longest turn (\d+)\.(\d) ms/#))
      #expect((Int(turn.1) ?? 0) * 10 + (Int(turn.2) ?? 0) > 0, "a start takes its time: \(turn.0)")
      let number = try await handOver(house, [Matter(ref: "a", facts: ["dangerToLife"])])[0]
      #expect(try run(house, "event \(number) transferFailed --cause busy --by A07").code == 0)
      let open = try run(house, "status").output
      #expect(open.hasPrefix("unacknowledged reports"), "\(open)")
      #expect(open.contains("kd1-R000001 无法转接 (cannotTransfer)"))
      #expect(open.contains("open emergencies        1\n"), "\(open)")
      #expect(open.contains("oldest unconfirmed      \(number) since "), "\(open)")
      let machine = try run(house, "status --json").object()
      #expect(machine["role"] as? String == "outer")
      // The inner unit learns by the next beat how many are open beyond the link.
      var inner = ""
      let knows = try await eventually(within: 20) {
        inner = try run(house, "status", to: "inner").output
        return inner.contains("kd1 in step; highest sent 1, open danger there 1")
      }
      #expect(knows && inner.contains("内端机 inner in1, running"), "\(inner)")
      // The intake socket answers the same to those that it lets in.
      let intake = try Command.run(["status", "--control", "intake.sock"], in: house.folder)
      #expect(intake.output.contains("外端机 outer kd1, running"))
    }

    @Test("what people did is reported by event, and told again by trace")
    func eventAndTrace() async throws {
      let house = try await house()
      defer { house.close() }
      let number = try await handOver(house, [Matter(ref: "a", facts: ["dangerToLife"])])[0]
      let started = try run(house, "event \(number) transferStarted --by A07")
      #expect(started.output.hasPrefix("\(number)  转接中 (transferring)\n话音响铃 数据待发"))
      #expect(started.output.contains("时限 20"))
      let failed = try run(house, "event \(number) transferFailed --cause busy --by A07")
      #expect(failed.output.contains("话音失败") && failed.output.contains("报备已报"))
      #expect(failed.output.contains("请您立即自行拨打110"), "the caller is told at once")
      let settled = try run(house, "event --report kd1-R000001 --by 李主任")
      #expect(settled.output == "kd1-R000001  已签收\n")
      let refused = [
        CommandRow("event \(number) agreed --owner 110", 1, "notNow", "weir trace"),
        CommandRow("event 999-8 closed", 1, "unknownHandover", "417-6"),
        CommandRow("event \(number) closed --by A07", 1, "supervisorNeeded"),
        CommandRow("event \(number) closed --by A07 --json", 1, "\"error\":"),
        CommandRow("trace 999-3", 1, "unknownHandover", "417-6"),
        CommandRow("trace 999-8", 1, "check digit does not fit", "read out again"),
        CommandRow("trace 999-8 --json", 1, "\"error\":"),
        CommandRow("trace kd1-20200101-000001 --journal", 1, "no handover"),
        CommandRow("trace 999-8 --journal", 1, "check digit of 999-8", "read out again"),
      ]
      try house.check(refused, config: "outer.yaml")
      let answered = try run(house, "event \(number) transferAnswered --by A07 --json").object()
      #expect(answered["phase"] as? String == "transferred")
      try checkTrace(try run(house, "trace \(number)"), of: number)
      let told = try run(house, "trace \(number) --json").object()
      #expect((told["story"] as? [Fields])?.count == 5)
      #expect(try await house.outer.stop() == 0)
      // Nobody answers any more: the journal tells the same.
      try checkTrace(try run(house, "trace \(number)"), of: number)
      let read = try run(house, "trace \(number) --journal --json").object()
      #expect((read["story"] as? [Fields])?.count == 5)
    }

    /// A matter's page: its decision and why, and each event in its order.
    private func checkTrace(_ said: Said, of number: String) throws {
      #expect(said.code == 0 && said.output.contains("\(number)"))
      for text in ["12345电话", "110,电话转接,二(二)", "紧急", "报备号", "kd1-R000001"] {
        #expect(said.output.contains(text), "no \(text) in\n\(said.output)")
      }
      #expect(!said.output.contains("无法重述依据"), "\(said.output)")
      var rest = said.output[...]
      for event in ["来件", "开始转接", "转接失败:占线", "报备已签收", "对方已接听"] {
        let place = try #require(rest.range(of: event), "\(event) in its order\n\(said.output)")
        rest = rest[place.upperBound...]
      }
    }

    @Test("both units print the same 对账码; a wrong one changes nothing and offers the halves")
    func digest() async throws {
      let house = try await house()
      defer { house.close() }
      let matters = (0..<4).map { Matter(ref: "d\($0)", facts: ["crime"]) }
      _ = try await handOver(house, matters)
      func code(_ role: String) throws -> String {
        let said = try run(house, "digest 1-4 --json", to: role).object()
        let digest = try #require((said["digests"] as? [Fields])?.first)
        #expect(digest["count"] as? Int == 4)
        return try #require(digest["code"] as? String)
      }
      let right = try code("outer")
      #expect(try code("inner") == right)
      let shown = try run(house, "digest 1-4", to: "inner").output
      #expect(shown.contains("\(right.prefix(4)) \(right.dropFirst(4))"), "\(shown)")
      #expect(shown.hasPrefix("kd1  1-4  4 件"))
      let nobody = CommandRow("digest 1-4 --sender zz", 1, "no outer unit zz has crossed")
      try house.check([nobody], config: "inner.yaml")
      let wrongCode = String(right.dropLast()) + (right.last == "0" ? "1" : "0")
      let wrong = try run(house, "digest --confirm 1-4 \(wrongCode) --by 王队")
      #expect(wrong.code == 1 && wrong.complaint.contains("nothing was changed"))
      #expect(
        wrong.complaint.contains("kd1  1-2  2 件") && wrong.complaint.contains("kd1  3-4  2 件"))
      #expect(try run(house, "digest --confirm 1-4 \(wrongCode) --by 王队 --json").code == 1)
      let confirmed = try run(house, "digest --confirm 1-4 \(right) --by 王队")
      #expect(confirmed.code == 0 && confirmed.output.hasPrefix("1-4: 已确认 confirmed 4"))
      let link = try house.outer.status()["link"] as? Fields
      #expect(link?["unconfirmed"] as? Int == 0)
      // What is confirmed is not owed any more; a wrong check digit asks for nothing.
      let resent = try run(house, "resend 4/\(Self.checkDigit("4")) --by A07")
      #expect(resent.output.hasPrefix("0 sent anew\n1 are not owed"), "\(resent)")
      #expect(try run(house, "resend 4/\((Self.checkDigit("4") + 1) % 10) --by A07").code == 1)
    }

    /// Luhn's over digits alone.
    private static func checkDigit(_ digits: String) -> Int {
      let sum = digits.reversed().enumerated().reduce(0) { sum, digit in
        let value = digit.element.wholeNumberValue ?? 0
        let twice = digit.offset % 2 == 0 ? value * 2 : value
        return sum + twice / 10 + twice % 10
      }
      return (10 - sum % 10) % 10
    }

    @Test("a supervisor opens the window for drills and closes it; drills are counted apart")
    func drills() async throws {
      let house = try await house()
      defer { house.close() }
      let rows = [
        CommandRow("drill status", 0, "closed"),
        CommandRow("drill open --for 2h --by A07", 1, "supervisorNeeded"),
        CommandRow("drill open --for 2h --by S01", 0, "by S01", "open until 20"),
      ]
      try house.check(rows, config: "outer.yaml")
      let drill = Matter(ref: "y", facts: ["crime"]).line.dropLast() + ",\"drill\":true}"
      let answer = try ask(house.client(), String(drill))
      #expect((answer["handover"] as? String)?.contains("-Y") == true)
      #expect(try run(house, "drill status").output.contains("drills taken      1\n"))
      #expect(try run(house, "drill close --by S01 --reason 结束").output.contains("closed"))
      let state = try run(house, "drill status --json").object()["drill"] as? Fields
      #expect(state?["open"] as? Bool == false && state?["intakes"] as? Int == 1)
      #expect(try run(house, "status").output.contains("drills taken 1"))
      let page = try run(house, "report").output
      #expect(page.contains("【演练】(不计入以上各数)") && !page.contains("\n无\n"), "\(page)")
    }

    @Test("crossings go by disc: written by two people, taken in once")
    func disc() async throws {
      let house = try await house()
      defer { house.close() }
      _ = try await handOver(house, (0..<3).map { Matter(ref: "e\($0)", facts: ["crime"]) })
      let file = house.folder + "/disc.weir"
      let written = try run(house, "export --range 1-5 --out \(file) --by 甲 --second 乙")
      #expect(written.code == 0, "\(written.complaint)")
      #expect(written.output.hasPrefix("3 crossings in \(file)\n"))
      #expect(written.output.contains("2 numbers have nothing under them"))
      let taken = try run(house, "import \(file) --by 丙", to: "inner")
      #expect(taken.output == "3 records, 3 of them here before\n", "\(taken)")
      #expect(try run(house, "import \(file) --by 丙", to: "outer").code == 1)
      try Data(repeating: 0x5A, count: 5000).write(to: URL(fileURLWithPath: file))
      let damaged = try run(house, "import \(file) --by 丙", to: "inner")
      #expect(damaged.code == 1 || damaged.output.hasPrefix("0 records"), "\(damaged)")
    }

    @Test("a refused line that shows danger lies in quarantine until a person lets it go")
    func quarantine() async throws {
      let house = try await house()
      defer { house.close() }
      #expect(try run(house, "quarantine list").output == "nothing lies in quarantine\n")
      let refused = try ask(
        house.client(), "{\"op\":\"intake\",\"ref\":\"q\",\"facts\":[\"fire\"],\"colour\":\"red\"}")
      #expect(refused["error"] != nil && refused["dial"] != nil)
      var list = ""
      _ = try await eventually(within: 10) {
        list = try run(house, "quarantine list").output
        return list.contains("unknownField") || list.contains("missingField")
      }
      let id = try #require(list.split(separator: " ").first.map(String.init))
      let shown = try run(house, "quarantine show \(id)")
      #expect(shown.code == 0 && shown.output.contains("colour"), "\(shown)")
      #expect(try run(house, "status").output.contains("1: weir quarantine list"))
      let rows = [
        CommandRow("quarantine show 99999", 1, "notInQuarantine"),
        CommandRow("quarantine release 99999 --by S01 --reason r", 1, "notInQuarantine"),
        CommandRow("quarantine release \(id) --by S01 --reason 已电话办理", 0, "released"),
        CommandRow("quarantine list", 0, "nothing lies in quarantine"),
        CommandRow("reload", 0, "政策未变"),
        CommandRow("reload --policy /none.yaml", 1, "policyRefused"),
      ]
      try house.check(rows, config: "outer.yaml")
      let admit = CommandRow("admit kd1/1 --by S01 --reason r", 1, "refused:")
      try house.check([admit], config: "inner.yaml")
    }
  }
}
