import Foundation
import Testing
import WeirPolicy

extension RealProgramTests {
  @Suite("Commands without a unit") struct CommandTests {
    /// Wrong usage leaves with 2 and names what is wanted.
    static let usage = [
      CommandRow("--nonsense", 2, "Unknown option '--nonsense'"),
      CommandRow("demo --minute 2", 2, "--minute takes 3 to 60 seconds."),
      CommandRow("outer", 2, "Missing expected argument '--config"),
      CommandRow("keygen --epoch 0", 2, "--epoch begins at 1."),
      CommandRow("keygen --suite des", 2, "aes-256-gcm"),
      CommandRow("keygen --expires soon", 2, "--expires is a day"),
      CommandRow("keygen --expires 2026-02-30", 2, "--expires is a day"),
      CommandRow("policy check", 2, "Missing expected argument"),
      CommandRow("policy show --yaml my.yaml", 2, "leave FILE out"),
      CommandRow("policy show --card --desk 119", 2, "--desk is 12345 or 110."),
      CommandRow("policy rehearse my.yaml --data d --unit kd1 --since 30x", 2, "30d or 12h"),
      CommandRow("policy rehearse my.yaml --data d --unit kd1 --since 0d", 2, "30d or 12h"),
      CommandRow("policy rehearse my.yaml --data d", 2, "--data DIR and --unit NAME"),
      CommandRow("status --control a --config b", 2, "Give --control or --config."),
      CommandRow("event 417-6", 2, "Give HANDOVER and EVENT."),
      CommandRow("event 417-6 rebooted", 2, "No event rebooted", "transferStarted"),
      CommandRow("event 417-6 preAlarm", 2, "No event preAlarm"),
      CommandRow("event 417-6 closed --report kd1-R000001", 2, "Give --report, or HANDOVER"),
      CommandRow("admit kd1 --by A --reason r", 2, "Give UNIT/EPOCH"),
      CommandRow("admit kd1/x --by A --reason r", 2, "Give UNIT/EPOCH"),
      CommandRow("digest 1-2 3", 2, "Give RANGE, or --confirm RANGE CODE --by NAME."),
      CommandRow("digest --confirm 1-2 12345678", 2, "Give --confirm RANGE CODE --by NAME."),
      CommandRow("drill open --by S01", 2, "Give --until TIME or --for SPAN."),
      CommandRow("drill open --by S01 --for 25h", 2, "at most 24h: 30m, 2h"),
      CommandRow("drill open --by S01 --for 2d", 2, "30m, 2h"),
      CommandRow("drill open --by S01 --for h", 2, "30m, 2h"),
      CommandRow("drill open --by S01 --until soon", 2, "--until is a time"),
      CommandRow("reload --force", 2, "--reason, --by and --second"),
      CommandRow("reload --by A", 2, "or none of them"),
      CommandRow("reload --force --reason r --by A --second A", 2, "two people"),
      CommandRow("reload --policy my.yaml", 2, "Give --policy in full"),
      CommandRow("export --range 1 --out /x --by A --second A", 2, "Two persons"),
      CommandRow("export --range 1 --out x --by A --second B", 2, "--out by its whole path"),
      CommandRow("import x --by A", 2, "by its whole path"),
      CommandRow("trace 417-6 --journal", 2, "--journal needs --config"),
      CommandRow("journal verify", 2, "Give --config FILE, or --data DIR and --unit NAME."),
      CommandRow("journal verify --config x --data d", 2, "Give --config FILE"),
      CommandRow("journal verify --data d --unit kd1-outer", 2, "1 to 8 letters and digits"),
      CommandRow("journal show --data d --unit kd1 --from soon", 2, "neither a day"),
      CommandRow("journal show --data d --unit kd1 --to 2026-02-30", 2, "neither a day"),
      CommandRow("journal show --data d --unit kd1 --phase gone", 2, "gone is no phase", "late"),
      CommandRow("journal seal --data d --unit kd1 --day 2026-1-1", 2, "--day is a day"),
      CommandRow("report --data d --unit kd1 --day today", 2, "--day is a day"),
      CommandRow("report --data d --unit kd1 --json --csv", 2, "Give --json or --csv."),
    ]

    /// What is asked about is not so: 1, and what to do next. A disk that does not take it: 74.
    static let refused = [
      CommandRow("status --control none.sock", 1, "none.sock"),
      CommandRow("status --config none.yaml", 1, "none.yaml"),
      CommandRow("outer --config none.yaml", 78, "none.yaml"),
      CommandRow("check none.yaml", 1, "none.yaml"),
      CommandRow("key show none.key", 1, "none.key"),
      CommandRow("keygen --out .", 1, "the key file . cannot be read"),
      CommandRow("keygen --out no/such/folder/k", 74, "cannot be written"),
      CommandRow("judge none.jsonl", 1, "none.jsonl cannot be read"),
      CommandRow("judge .", 1, "not a folder"),
      CommandRow("judge --policy none.yaml", 1, "none.yaml"),
      CommandRow("policy check none.yaml", 1, "none.yaml"),
      CommandRow("policy diff embedded none.yaml", 1, "none.yaml"),
      CommandRow("journal verify --data d --unit kd1", 1, "no journal in d"),
      CommandRow("report --data d --unit kd1", 1, "no journal in d"),
    ]

    @Test(
      "every command says on its help page what it is for",
      arguments: [
        "", "demo", "outer", "inner", "check", "status", "trace", "event", "reload", "admit",
        "digest",
        "drill", "resend", "quarantine", "export", "import", "report", "judge", "policy", "keygen",
        "key", "journal",
      ])
    func help(command: String) throws {
      let words = command.isEmpty ? ["--help"] : [command, "--help"]
      let said = try Command.run(words, in: "/")
      #expect(said.code == 0 && said.complaint.isEmpty)
      #expect(said.output.contains("OVERVIEW: ") && said.output.contains("USAGE: weir"))
    }

    @Test("wrong usage leaves with 2 and names what is wanted", arguments: usage)
    func wrongUsage(row: CommandRow) throws { try row.check(in: "/") }

    @Test("what is not so leaves with its code and names it", arguments: refused)
    func notSo(row: CommandRow) throws {
      let house = try House()
      defer { house.close() }
      try house.check([row])
    }

    /// What prints something that must not be lost.
    static let printing = [
      CommandRow("policy show --yaml", 74, "standard output took no more"),
      CommandRow("policy show --card --desk 110", 74, "standard output took no more"),
      CommandRow("keygen --epoch 2", 74, "standard output took no more"),
      CommandRow("judge lines.jsonl", 74, "standard output took no more"),
      CommandRow("--help", 74, "standard output took no more"),
    ]

    @Test("output that is lost leaves with 74", arguments: printing)
    func lostOutput(row: CommandRow) throws {
      let house = try House()
      defer { house.close() }
      try house.write(Matter(ref: "a", facts: ["fire"]).line, to: "lines.jsonl")
      try row.check(in: house.folder, into: "/dev/full")
    }

    @Test("a configuration is checked with file, line and column; a unit refuses a wrong one")
    func configurations() throws {
      let house = try House(policy: Policy.embeddedSource)
      defer { house.close() }
      for data in ["o", "i"] {
        try FileManager.default.createDirectory(
          atPath: "\(house.folder)/\(data)", withIntermediateDirectories: false,
          attributes: [.posixPermissions: 0o700])
      }
      let outer = try house.text(of: "outer.yaml")
      try house.write(outer.replacing("unit: outer", with: "unit: outside"), to: "role.yaml")
      try house.write(outer.replacing("limits:", with: "limit:"), to: "key.yaml")
      try house.write(outer.replacing("/policy.yaml", with: "/bad.yaml"), to: "other.yaml")
      try house.write(outer.replacing("/link.key", with: "/short.key"), to: "secret.yaml")
      try house.write(
        outer.replacing("data: \(house.folder)/o", with: "data: \(house.folder)/other.yaml"),
        to: "file.yaml")
      try house.write("1 aes-256-gcm 0123\n", to: "short.key")
      #expect(chmod(house.folder + "/short.key", 0o600) == 0)
      try house.write(
        Policy.embeddedSource.replacing("all: [crime]", with: "all: [crimes]"), to: "bad.yaml")
      let rows = [
        CommandRow("check outer.yaml", 0, "outer.yaml: good"),
        CommandRow("check inner.yaml", 0, "inner.yaml: good"),
        CommandRow("check role.yaml", 1, "role.yaml:1:7: error:"),
        CommandRow("check key.yaml", 1, "key.yaml:", "limit"),
        CommandRow("check other.yaml", 1, "bad.yaml:", "crimes"),
        CommandRow("check secret.yaml", 1, "short.key:1: error:", "weir keygen"),
        CommandRow(
          "inner --config outer.yaml", 78, "outer.yaml:1:7: error:", "weir outer --config"),
        CommandRow("outer --config role.yaml", 78, "role.yaml:1:7: error:"),
        CommandRow("outer --config other.yaml", 78, "bad.yaml:", "crimes"),
        CommandRow("outer --config secret.yaml", 78, "short.key:1: error:", "weir keygen"),
        CommandRow("outer --config file.yaml", 78, "other.yaml cannot be used", "it is a folder"),
      ]
      try house.check(rows)
    }

    @Test(
      "a check by a user who may not search a folder does not say that nothing is there",
      .enabled(if: Machine.asNobody != nil))
    func hidden() throws {
      let house = try House()
      defer { house.close() }
      let nobody = try #require(Machine.asNobody)
      let program = try #require(UnitProcess.program)
      let secret = house.folder + "/secret"
      try FileManager.default.createDirectory(
        atPath: secret, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
      #expect(chmod(house.folder, 0o755) == 0)
      try house.write(
        house.text(of: "outer.yaml").replacing("/link.key", with: "/secret/link.key")
          .replacing("/reports", with: "/secret/reports").replacing("/o\n", with: "/secret/o\n"),
        to: "hidden.yaml")
      #expect(chmod(house.folder + "/hidden.yaml", 0o644) == 0)
      let said = Machine.run(nobody + [program, "check", house.folder + "/hidden.yaml"])
      #expect(said.code == 1)
      for key in ["link.key", "report.directory", "data"] {
        let line = said.said.split(separator: "\n").first { $0.contains("`\(key)`: ") }
        #expect(line?.contains("may not search its directory") == true, "\(said.said)")
      }
    }

    @Test("a key line goes into a file that only its owner reads, each epoch once")
    func keys() throws {
      let house = try House()
      defer { house.close() }
      let file = house.folder + "/made.key"
      let line = try house.run("keygen --epoch 7 --suite sm4-gcm").output.split(separator: " ")
      #expect(line.count == 3 && line[0] == "7" && line[1] == "sm4-gcm")
      #expect(line.last?.count == 64 + 1, "32 bytes in hex, and a line feed")
      try "# no line feed at its end".write(toFile: file, atomically: false, encoding: .utf8)
      let made = try house.run("keygen --out made.key")
      #expect(made.code == 0 && made.output.isEmpty, "a key is not shown beside being written")
      #expect(try house.run("keygen --epoch 2 --expires 2027-12-31 --out made.key").code == 0)
      #expect(try house.run("keygen --epoch 2 --out made.key").code == 1, "an epoch has one key")
      // A file that cannot be read may hold that epoch already.
      let garbled = "# one digit short\n2 aes-256-gcm 0123\n"
      try house.write(garbled, to: "garbled.key")
      try house.check([
        CommandRow("keygen --epoch 2 --out garbled.key", 1, "garbled.key:2: error:")
      ])
      #expect(try house.text(of: "garbled.key") == garbled)
      let rights = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions]
      #expect(rights as? Int == 0o600)
      let shown = try house.run("key show made.key --json").objects()
      #expect(shown.map { $0["epoch"] as? Int } == [1, 2])
      #expect(shown[0]["expires"] == nil && shown[1]["expires"] as? String == "2027-12-31")
      let prints = shown.compactMap { $0["fingerprint"] as? String }
      #expect(prints.allSatisfy { $0.count == 8 } && Set(prints).count == 2)
      let table = try house.run("key show made.key").output
      #expect(table.contains("2027-12-31") && table.contains("never"))
      let held = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
      #expect(held.count == 3)
      for key in held.dropFirst() {
        #expect(!table.contains(key.split(separator: " ")[2]), "the key itself is never shown")
      }
    }
  }
}
