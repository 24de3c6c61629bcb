import Foundation
import Testing
import WeirPolicy

extension RealProgramTests {
  @Suite("Commands that read a journal") struct JournalCommandTests {
    /// A unit that took matters of every kind and has ended: its house, and the numbers.
    private func ended(_ count: Int = 28) async throws -> (house: House, numbers: [String]) {
      let house = try House(policy: Policy.embeddedSource)
      try await house.outer.start()
      let load = try Load(Matter.mix(count, tag: "j"), to: house.intake, connections: 1)
      try await load.run()
      try #require(load.refusals.isEmpty)
      let client = try house.client()
      let numbers = try load.handovers().compactMap { $0 }
      let event = "\"event\":\"transferAnswered\",\"by\":\"A1\""
      _ = try ask(client, "{\"op\":\"event\",\"handover\":\"\(numbers[0])\",\(event)}")
      try #require(try await house.outer.stop() == 0)
      return (house, numbers)
    }

    private func run(_ house: House, _ words: String) throws -> Said {
      try house.run(words, config: "outer.yaml")
    }

    @Test("every record is read and checked, shown and written as lines")
    func records() async throws {
      let (house, numbers) = try await ended()
      defer { house.close() }
      let verified = try run(house, "journal verify --json").object()
      let records = try #require(verified["records"] as? Int)
      #expect(verified["torn"] as? Bool == false && verified["hashed"] as? Int == 0)
      let page = try run(house, "journal verify").output
      #expect(page.contains("/o/journal: good\n") && page.contains("records   \(records)\n"))
      #expect(page.contains("none: no segment has closed yet"))
      let shown = try run(house, "journal show").objects()
      #expect(shown.count == records)
      let exported = try run(house, "journal export")
      #expect(exported.complaint == "\(records) records of \(records) exported\n")
      #expect(try exported.objects().count == records)
      let one = try run(house, "journal show --handover \(numbers[0])").objects()
      #expect(one.map { $0["handover"] as? String } == [numbers[0], numbers[0]])
      let late = try run(house, "journal export --phase transferred")
      #expect(late.complaint == "1 records of \(records) exported\n")
      for words in ["journal export", "journal show", "report"] {
        let lost = CommandRow(words, 74, "standard output took no more")
        try lost.check(in: house.folder, config: "outer.yaml", into: "/dev/full")
      }
      #expect(try run(house, "journal show --from 2020-01-01 --to 2020-12-31").output.isEmpty)
      #expect(try run(house, "journal show --from 2020-01-01").objects().count == records)
      let other = try Command.run(
        ["journal", "verify", "--json", "--data", "o", "--unit", "kd1"], in: house.folder)
      #expect(try other.object()["records"] as? Int == records)
      try house.write(
        house.text(of: "outer.yaml").replacing("name: kd1", with: "name: kd2"), to: "kd2.yaml")
      try house.write(
        house.text(of: "inner.yaml").replacing("name: in1", with: "name: kd1")
          .replacing("\(house.folder)/i\n", with: "\(house.folder)/o\n"), to: "inner-kd1.yaml")
      let rows = [
        CommandRow("inner --config inner-kd1.yaml", 78, "/o/journal was written by an outer unit"),
        CommandRow(
          "journal show --handover in1-20261123-000001 --config outer.yaml", 1, "no number"),
        CommandRow("journal verify --data o --unit kd2", 1, "belongs to another unit than kd2"),
        CommandRow("report --data o --unit kd2", 1, "belongs to another unit than kd2"),
        CommandRow("outer --config kd2.yaml", 78, "belongs to another unit than kd2", "`name`"),
        CommandRow(
          "journal seal --day 2020-01-01 --config outer.yaml", 1, "no record of 2020-01-01"),
      ]
      try house.check(rows)
    }

    @Test("a day's seal stays as long as the records do")
    func seal() async throws {
      let (house, numbers) = try await ended()
      defer { house.close() }
      let digits = numbers[0].split(separator: "-")[1]
      let day = "\(digits.prefix(4))-\(digits.dropFirst(4).prefix(2))-\(digits.suffix(2))"
      let said = try run(house, "journal seal --day \(day)")
      #expect(said.complaint.hasPrefix("no later day follows yet"))
      let machine = try run(house, "journal seal --day \(digits) --json").object()
      let code = try #require(machine["seal"] as? String)
      #expect(said.output.contains(code) && machine["final"] as? Bool == false)
      #expect(try run(house, "journal seal --day \(day)").output == said.output)
      try await house.outer.start()
      #expect(try await house.outer.stop() == 0)
      let later = try run(house, "journal seal --day \(day) --json").object()
      #expect(later["seal"] as? String != code, "two records more")
    }

    @Test("damage is named by its place, and leaves with 1")
    func damage() async throws {
      let (house, _) = try await ended(200)
      defer { house.close() }
      let journal = house.folder + "/o/journal"
      let path = journal + "/0000000001.wal"
      let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
      try file.seek(toOffset: 10_000)
      let byte = try #require(try file.read(upToCount: 1)?.first)
      try file.seek(toOffset: 10_000)
      try file.write(contentsOf: Data([byte ^ 1]))
      try file.close()
      let said = try run(house, "journal verify")
      #expect(said.code == 1 && said.output.isEmpty)
      #expect(
        said.complaint.contains("segment 1") && said.complaint.contains("Copy the folder away"))
      #expect(try run(house, "journal export").code == 1)
      #expect(try run(house, "report").code == 1)
      try house.outer.launch()
      #expect(try await house.outer.exitCode() == 74, "no unit starts over damage")
    }

    @Test("a day in numbers: as a page, as an object, as rows")
    func report() async throws {
      let (house, _) = try await ended(84)
      defer { house.close() }
      let object = try run(house, "report --json").object()
      let real = try #require(object["real"] as? Fields)
      let matters = try #require(real["matters"] as? Fields)
      #expect(matters["all"] as? Int == 84)
      #expect(((object["drills"] as? Fields)?["matters"] as? Fields)?["all"] as? Int == 0)
      let phone = try #require(real["phone"] as? Fields)
      #expect(phone["answered"] as? Int == 1 && phone["within60s"] as? Int == 1)
      let clauses = try #require(real["clauses"] as? [String: Int])
      #expect(clauses.values.reduce(0, +) == 84, "each matter has one clause")
      let rows = try run(house, "report --csv").output.split(separator: "\r\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false)
      }
      #expect(rows[0].joined(separator: ",") == "unit,day,side,section,name,value")
      #expect(rows.allSatisfy { $0.count == 6 })
      #expect(rows.contains { $0[2...] == ["real", "matters", "all", "84"] })
      let page = try run(house, "report").output
      for text in ["日报", "实际事项", "全部", "84", "按条款", "【演练】(不计入以上各数)\n无"] {
        #expect(page.contains(text), "no \(text) in\n\(page)")
      }
    }

    @Test(
      "a journal decided again by the same policy differs in nothing, by another in what it says")
    func rehearse() async throws {
      let (house, _) = try await ended()
      defer { house.close() }
      let same = try run(house, "policy rehearse policy.yaml")
      #expect(same.code == 0 && same.output.isEmpty)
      #expect(same.complaint == "28 decisions, 0 otherwise, 0 emergencies no longer to 110\n")
      try house.write(
        Policy.embeddedSource.replacing("-38/1", with: "-38/2").replacing(
          "all: [pastPoliceMisconduct]\n    owner: \"12345\"",
          with: "all: [pastPoliceMisconduct]\n    owner: neither\n    guide: [competent]"),
        to: "other.yaml")
      let differs = try run(house, "policy rehearse --since 1h other.yaml")
      #expect(differs.code == 1)
      #expect(differs.complaint == "28 decisions, 1 otherwise, 0 emergencies no longer to 110\n")
      #expect(differs.output.contains("→ 都不受理"), "\(differs.output)")
      let line = try run(house, "policy rehearse --json other.yaml").object()
      #expect(line["facts"] as? [String] == ["pastPoliceMisconduct"])
      #expect((line["before"] as? Fields)?["owner"] as? String == "12345")
      #expect((line["after"] as? Fields)?["owner"] as? String == "neither")
    }

    @Test("a danger that a person took back is not decided again on facts that hold no more")
    func rehearseClearing() async throws {
      let house = try House(policy: Policy.embeddedSource)
      defer { house.close() }
      try house.write(
        house.text(of: "outer.yaml").replacing(
          ".sock }\nlink", with: ".sock, supervisors: [S01] }\nlink"),
        to: "outer.yaml")
      try await house.outer.start()
      let client = try house.client()
      let intake = #"{"op":"intake","receivedBy":"12345","channel":"phone","ref":"c1","#
      let answer = try ask(client, intake + #""facts":["dangerToLife"]}"#)
      let number = try #require(answer["handover"] as? String)
      for what in [
        #""event":"transferAnswered","by":"A1""#,
        #""event":"dangerCleared","by":"S01","reason":"误报""#,
      ] {
        let said = try ask(client, "{\"op\":\"event\",\"handover\":\"\(number)\",\(what)}")
        #expect(said["durable"] as? Bool == true, "\(said)")
      }
      try #require(try await house.outer.stop() == 0)
      let same = try run(house, "policy rehearse policy.yaml")
      #expect(same.code == 0 && same.output.isEmpty)
      #expect(same.complaint == "1 decisions, 0 otherwise, 0 emergencies no longer to 110\n")
    }
  }
}
