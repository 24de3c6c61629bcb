import Foundation
import Testing
import WeirCore
import WeirModel
import WeirPolicy

extension RealProgramTests {
  @Suite("Another policy without a restart") struct ReloadTests {
    /// A policy of some number, whose sentences and some of whose decisions show which it is.
    private func source(_ number: Int) -> String {
      let owner = number % 2 == 0 ? "neither\n    guide: [competent]" : "\"12345\""
      return Policy.embeddedSource
        .replacing("version: garze-2022-38/1", with: "version: reload/\(number)")
        .replacing("目前无法转接", with: "第\(number)版目前无法转接")
        .replacing(
          "all: [pastPoliceMisconduct]\n    owner: \"12345\"",
          with: "all: [pastPoliceMisconduct]\n    owner: \(owner)")
    }

    private func house(_ number: Int = 1) async throws -> House {
      let house = try House(policy: source(number))
      try await house.outer.start()
      return house
    }

    /// Puts a policy in the place of the unit's own.
    private func put(_ text: String, _ house: House) throws {
      try house.write(text, to: "policy.new")
      let names = ["policy.new", "policy.yaml"].map { "\(house.folder)/\($0)" }
      guard rename(names[0], names[1]) == 0 else { throw HouseProblem("no rename") }
    }

    private func versions(_ house: House) throws -> [String] {
      try house.outer.status()["policy"] as? [String] ?? []
    }

    private func reload(_ house: House, _ more: String = "") throws -> Fields {
      try ask(LineClient(path: house.outer.control), "{\"op\":\"reload\"\(more)}")
    }

    @Test("under load: no message lost, each decided wholly by one policy")
    func underLoad() async throws {
      let house = try await house()
      defer { house.close() }
      let load = try Load(Matter.mix(8_000, tag: "p"), to: house.intake, window: 64)
      let reloads = 3
      for number in 2...reloads + 1 {
        // Each policy has its share of the load, and the change falls into the midst of it.
        let share = load.matters.count / (reloads + 1)
        while load.answered < (number - 1) * share - share / 2 {
          load.send()
          try load.receive()
        }
        try put(source(number), house)
        house.outer.signal(SIGHUP)
        _ = try await eventually(within: 30) {
          if load.answered < (number - 1) * share { load.send() }
          try load.receive(waitMs: 1)
          return try versions(house) == ["reload/\(number)"]
        }
      }
      try await load.run()
      #expect(try versions(house) == ["reload/\(reloads + 1)"])
      #expect(load.refusals.isEmpty)
      #expect(load.complaint.isEmpty)
      try checkWholeDecisions(load, 1...reloads + 1)
      #expect(try house.outer.counter("escalated") == 0)
      #expect(try house.text(of: "outer.log").contains("\"policyReloaded\""))
      // The same request gets the same bytes, whatever is in force by now.
      let again = try load.resendAll()
      try await again.run()
      #expect(again.complaint.isEmpty)
    }

    /// Decision and sentences of each answer are those of the policy that it names.
    private func checkWholeDecisions(_ load: Load, _ numbers: ClosedRange<Int>) throws {
      let policies = try numbers.map { try Policy(yaml: source($0), file: "\($0).yaml") }
      var seen: [String: Int] = [:]
      for (matter, answer) in zip(load.matters, load.answers) {
        let answer = try #require(answer)
        let request = try fields(matter.line)
        let facts = (request["facts"] as? [String] ?? []).compactMap { Fact(name: $0) }
        let channel = request["channel"] as? String == "phone" ? Channel.phone : .internet
        let platform = try #require(Platform(name: request["receivedBy"] as? String ?? ""))
        let named = try fields(answer)["decision"] as? Fields
        let version = named?["policy"] as? String ?? ""
        let policy = try #require(policies.first { $0.version == version })
        let decision = policy.decide(
          FactSet(facts), in: Circumstances(platform: platform, channel: channel))
        seen[version, default: 0] += 1
        let texts = [decision.decisionText, decision.sayText].map { policy.texts[Int($0)] }
        for text in texts where !text.isEmpty && !answer.contains(text) {
          Issue.record("\(matter.line)\n\(answer)\nis not wholly of \(version)")
        }
      }
      print("decided by: \(seen.sorted { $0.key < $1.key })")
      #expect(seen.count == numbers.count, "each of them decided something: \(seen)")
    }

    @Test("an open handover keeps the policy that decided it, over a reload and a restart")
    func openHandovers() async throws {
      let house = try await house()
      defer { house.close() }
      let client = try house.client()
      let matter = Matter(ref: "open", facts: ["dangerToLife"])
      let handover = try #require(try ask(client, matter.line)["handover"] as? String)
      try put(source(2), house)
      #expect(try reload(house)["changed"] as? Bool == true)
      func fail(_ cause: String) throws -> Fields {
        try ask(
          try house.client(),
          "{\"op\":\"event\",\"handover\":\"\(handover)\",\"event\":\"transferFailed\","
            + "\"cause\":\"\(cause)\",\"by\":\"A07\"}")
      }
      var answer = try fail("busy")
      #expect((answer["say"] as? [String])?.first?.hasPrefix("第1版目前无法转接") == true)
      #expect((answer["decision"] as? Fields)?["policy"] as? String == "reload/1")
      let later = try ask(client, Matter(ref: "new", facts: ["crime"]).line)
      #expect((later["decision"] as? Fields)?["policy"] as? String == "reload/2")
      house.outer.kill()
      try await house.outer.start()
      answer = try fail("noAnswer")
      #expect((answer["say"] as? [String])?.first?.hasPrefix("第1版目前无法转接") == true)
      #expect((answer["decision"] as? Fields)?["policy"] as? String == "reload/1")
    }

    @Test("a file that was changed under its version does not decide, not after a start either")
    func changedUnderItsVersion() async throws {
      let house = try await house()
      defer { house.close() }
      let matter = Matter(ref: "open", facts: ["dangerToLife"])
      let handover = try #require(try ask(house.client(), matter.line)["handover"] as? String)
      #expect(try await house.outer.stop() == 0)
      let copies = try house.names(in: "o/policies").map { "o/policies/\($0)" }
      let before = try copies.map(house.text(of:))
      try put(source(1).replacing("第1版", with: "别的"), house)
      let row = CommandRow("check outer.yaml", 1, "version reload/1", "give the changed file a new")
      try house.check([row])
      try await house.outer.start()
      let isSaid = try await eventually(within: 10) {
        try [house.outer.errors, house.text(of: "outer.log")].allSatisfy {
          $0.contains("was used for another text") && $0.contains("the earlier text of it decides")
        }
      }
      #expect(isSaid, "\(house.outer.errors)")
      let answer = try ask(
        house.client(),
        "{\"op\":\"event\",\"handover\":\"\(handover)\",\"event\":\"transferFailed\","
          + "\"cause\":\"busy\",\"by\":\"A07\"}")
      #expect((answer["say"] as? [String])?.first?.hasPrefix("第1版目前无法转接") == true)
      #expect(try copies.map(house.text(of:)) == before)
      let error = try reload(house)["error"] as? Fields
      #expect(error?["code"] as? String == "policyRefused", "nor after a reload")
    }

    @Test("a reload reads anew what the configuration names, and refuses a bad one by its place")
    func configurationChanged() async throws {
      let house = try await house()
      defer { house.close() }
      let configuration = try house.text(of: "outer.yaml")
      try house.write(source(2), to: "other.yaml")
      let other = configuration.replacing("/policy.yaml", with: "/other.yaml")
      try house.write(other.replacing("limits:", with: "limit:"), to: "outer.yaml")
      let error = try reload(house)["error"] as? Fields
      #expect(error?["code"] as? String == "policyRefused")
      #expect((error?["message"] as? String)?.contains("outer.yaml:") == true, "\(error ?? [:])")
      #expect(try versions(house) == ["reload/1"])
      try house.write(other, to: "outer.yaml")
      #expect(try reload(house)["changed"] as? Bool == true)
      #expect(try versions(house) == ["reload/2"])
      try house.write(configuration, to: "outer.yaml")
      house.outer.signal(SIGHUP)
      #expect(try await eventually(within: 20) { try versions(house) == ["reload/1"] })
    }

    @Test("whoever asks for a reload waits for as long as it takes, and is told why")
    func patience() async throws {
      let house = try await house()
      defer { house.close() }
      try put(source(2), house)
      let pid = try #require(house.outer.pid)
      house.outer.signal(SIGSTOP)
      let wake = Thread {
        Thread.sleep(forTimeInterval: 6.5)
        _ = kill(pid, SIGCONT)
      }
      wake.start()
      let said = try house.run("reload", config: "outer.yaml")
      #expect(said.code == 0 && said.output == "现行政策 reload/2\n", "\(said)")
      #expect(said.complaint.split(separator: "\n").count == 2, "\(said.complaint)")
      #expect(said.complaint.contains("reads its journal"))
    }

    @Test("what is wrong with the files is told, and the policy in force goes on")
    func refused() async throws {
      let house = try await house()
      defer { house.close() }
      func refusal() throws -> String {
        let error = try reload(house)["error"] as? Fields
        #expect(error?["code"] as? String == "policyRefused")
        return error?["message"] as? String ?? ""
      }
      #expect(try reload(house)["changed"] as? Bool == false, "nothing has changed")
      try put(source(2).replacing("all: [crime]", with: "all: [crimes]"), house)
      #expect(try refusal().contains("policy.yaml:"))
      try put(source(1).replacing("priority: 710", with: "priority: 711"), house)
      #expect(try refusal().contains("version reload/1"))
      let wrong = (1...4000).map { "nonsense\($0): 是" }.joined(separator: "\n")
      try put("version: reload/3\n\(wrong)\n", house)
      let told = try refusal()
      #expect(told.contains("policy.yaml:2:1: error:"), "wrong in each line, yet an answer")
      #expect(told.contains("`weir policy check` names all of them"), "\(told.suffix(200))")
      let noise = String(repeating: "\"否\" ", count: 30_000)
      try put("version: reload/3\nrules: \(noise)\n", house)
      #expect(try refusal().contains("policy.yaml:2:"), "wrong in one line of 210 KB")
      house.outer.signal(SIGHUP)
      let logged = try await eventually(within: 20) {
        let lines = try house.text(of: "outer.log").split(separator: "\n")
        return lines.filter { $0.contains("policyReloaded") && $0.contains("failure") }.count >= 3
      }
      #expect(logged)
      #expect(try versions(house) == ["reload/1"])
      let answer = try ask(house.client(), Matter(ref: "a", facts: ["crime"]).line)
      #expect((answer["decision"] as? Fields)?["policy"] as? String == "reload/1")
    }

    @Test("what would keep a past emergency from 110 takes two people and a reason")
    func pastEmergencies() async throws {
      let house = try await house()
      defer { house.close() }
      _ = try ask(house.client(), Matter(ref: "a", facts: ["dangerToLife", "military"]).line)
      let loses = source(2).replacing(
        "all: [dangerToLife, medicalOnly]\n",
        with: "all: [dangerToLife]\n    any: [medicalOnly, military]\n")
      try put(loses, house)
      let error = try reload(house)["error"] as? Fields
      #expect(error?["code"] as? String == "policyRefused")
      #expect((error?["message"] as? String)?.contains("no longer go to 110") == true)
      let weir = try #require(UnitProcess.program)
      let rehearsed = Machine.run(
        weir, "policy", "rehearse", "--since", "1d", "--json", "\(house.folder)/policy.yaml",
        "--config", "\(house.folder)/outer.yaml")
      #expect(rehearsed.code == 1)
      #expect(rehearsed.said.contains("\"losesPolice\":true"))
      #expect(rehearsed.said.contains("1 decisions, 1 otherwise, 1 emergencies no longer to 110"))
      let names = ",\"reason\":\"州办文件\",\"by\":\"王队\",\"second\":\"李主任\""
      #expect(try reload(house, names)["changed"] as? Bool == true)
      #expect(try versions(house) == ["reload/2"])
      let shown = Machine.run(
        weir, "journal", "show", "--config", "\(house.folder)/outer.yaml")
      #expect(
        shown.said.contains(
          "\"versions\":[\"reload/2\"],\"reason\":\"州办文件\",\"by\":\"王队\","
            + "\"second\":\"李主任\",\"forced\":true"))
    }
  }
}
