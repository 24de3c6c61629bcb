import Foundation
import Testing
import WeirModel

@testable import WeirConfiguration
@testable import WeirCore
@testable import WeirRuntime

/// A folder that goes with its test.
final class Folder {
  let path = NSTemporaryDirectory() + "weir-report-" + String(UInt64.random(in: 0...UInt64.max))

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func fields(_ name: String) -> [String: Any] {
    let data = FileManager.default.contents(atPath: "\(path)/\(name)") ?? Data()
    return (try? JSONSerialization.jsonObject(with: data) as? [String: Any]) ?? [:]
  }

  func text(_ name: String) -> String {
    (try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)) ?? ""
  }

  func write(_ text: String, to name: String) throws {
    try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
  }

  /// A program that is run with `sh`.
  func program(_ body: String) throws -> String {
    let file = "\(path)/program.sh"
    try write("#!/bin/sh\n\(body)\n", to: "program.sh")
    try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: file)
    return file
  }
}

/// Looks again and again until something holds, for at most ten seconds.
func eventually(_ holds: () -> Bool) async -> Bool {
  for _ in 0..<500 where !holds() { try? await Task.sleep(for: .milliseconds(20)) }
  return holds()
}

/// Notices as the core gives them.
enum Said {
  static func matter(
    _ number: UInt32, _ handover: String, _ event: EventKind? = .transferFailed,
    kind: ReportKind = .cannotTransfer, voice: VoiceLeg = .failed, report: ReportLeg = .raised,
    action: Action = .transferByPhone, revision: UInt32 = 3, drill: Bool = false,
    recovering: Bool = false
  ) -> Notice {
    var state = Handover()
    state.revision = revision
    state.action = action
    state.voice = voice
    state.report = report
    state.phase = voice == .answered ? .transferred : .transferring
    state.cause = .busy
    if drill { state.flags.insert(.drill) }
    return Notice(
      reportNumber: number, kind: kind, at: 1_795_429_860_000,
      matter: Notice.Matter(
        handover: handover, state: state, event: event, by: "A07", dial: "08362812110",
        say: "[\"目前无法转接,请您立即自行拨打110\"]"),
      acknowledgedBy: "", recovering: recovering)
  }

  static func acknowledged(_ number: UInt32, recovering: Bool = false) -> Notice {
    Notice(
      reportNumber: number, kind: .none, at: 1_795_429_900_000, matter: nil,
      acknowledgedBy: "李主任", recovering: recovering)
  }
}

/// A writer at work; `finish` ends it.
final class Writing {
  private let notices: AsyncStream<Notice>.Continuation
  private let task: Task<Void, Never>

  init(
    _ folder: Folder, second: String? = nil, command: String? = nil, repeatMs: UInt64 = 60_000,
    recovered: ReportBook = ReportBook()
  ) {
    let (stream, continuation) = AsyncStream.makeStream(of: Notice.self)
    let paths = UnitConfiguration.Report(
      directory: folder.path, second: second, command: command, repeatMs: repeatMs)
    notices = continuation
    task = Task {
      await ReportWriter(unit: "kd1", paths: paths, recovered: recovered).run(stream)
    }
  }

  func say(_ notice: Notice) { notices.yield(notice) }

  func finish() async {
    notices.finish()
    await task.value
  }
}

@Suite("Reports") struct ReportTests {
  @Test("one report holds every matter of a fault, with what was said, by whom, and is rewritten")
  func holdsEveryMatter() async throws {
    let folder = try Folder()
    let writing = Writing(folder)
    writing.say(Said.matter(1, "kd1-20261123-000001"))
    #expect(await eventually { !folder.fields("kd1-R000001.json").isEmpty })
    for index in 2...40 { writing.say(Said.matter(1, "kd1-20261123-\(100_000 + index)")) }
    await writing.finish()
    let report = folder.fields("kd1-R000001.json")
    let matters = try #require(report["matters"] as? [[String: Any]])
    #expect(matters.count == 40 && report["state"] as? String == "open")
    #expect(report["heldUp"] as? Int == 40)
    let events = try #require(matters[0]["events"] as? [[String: Any]])
    #expect(events[0]["by"] as? String == "A07" && events[0]["cause"] as? String == "busy")
    #expect((events[0]["said"] as? [String])?.first?.contains("自行拨打110") == true)
    let page = folder.text("kd1-R000001.txt")
    #expect(page.contains("无法转接110") && page.contains("涉及事项40件") && page.contains("经手:A07"))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(names == ["kd1-R000001.json", "kd1-R000001.txt"])
  }

  @Test("it is repeated until a person acknowledges; then the end of the fault is reported")
  func repeatsUntilAcknowledged() async throws {
    let folder = try Folder()
    let writing = Writing(folder, repeatMs: 30)
    writing.say(Said.matter(1, "kd1-20261123-000001"))
    #expect(
      await eventually { folder.fields("kd1-R000001.json")["reminders"] as? Int ?? 0 >= 3 })
    #expect((folder.fields("kd1-R000001.json")["remindedAt"] as? [String])?.isEmpty == false)
    #expect(folder.fields("kd1-R000001-end.json").isEmpty)
    writing.say(Said.acknowledged(1))
    #expect(await eventually { !folder.fields("kd1-R000001-end.json").isEmpty })
    let first = folder.fields("kd1-R000001-end.json")
    #expect(first["state"] as? String == "acknowledged" && first["heldUp"] as? Int == 1)
    #expect(first["acknowledgedBy"] as? String == "李主任")
    #expect(folder.text("kd1-R000001-end.txt").contains("结束报告"))
    let reminders = first["reminders"] as? Int
    writing.say(
      Said.matter(
        1, "kd1-20261123-000001", .transferAnswered, voice: .answered, report: .acknowledged))
    #expect(
      await eventually { folder.fields("kd1-R000001-end.json")["state"] as? String == "ended" })
    await writing.finish()
    #expect(folder.fields("kd1-R000001-end.json")["reminders"] as? Int == reminders)
  }

  @Test("the second directory gets the same, and one that cannot be written holds up nothing")
  func writesTheSecond() async throws {
    let folder = try Folder()
    let second = try Folder()
    let late = second.path + "/late"
    let writing = Writing(folder, second: late, repeatMs: 50)
    writing.say(Said.matter(1, "kd1-20261123-000001"))
    #expect(await eventually { !folder.fields("kd1-R000001.json").isEmpty })
    try FileManager.default.createDirectory(atPath: late, withIntermediateDirectories: true)
    #expect(await eventually { !second.fields("late/kd1-R000001.json").isEmpty })
    writing.say(Said.acknowledged(1))
    await writing.finish()
    #expect(second.text("late/kd1-R000001-end.txt") == folder.text("kd1-R000001-end.txt"))
  }

  @Test("a place that was away gets the end of the fault when it is back, and at a restart")
  func placeReturns() async throws {
    let folder = try Folder()
    let second = try Folder()
    let late = second.path + "/late"
    let names = ["kd1-R000001", "kd1-R000001-end"]
    let writing = Writing(folder, second: late, repeatMs: 50)
    let notices = [Said.matter(1, "kd1-20261123-000001", voice: .answered), Said.acknowledged(1)]
    for notice in notices { writing.say(notice) }
    func hasEnded(_ folder: Folder, _ sub: String = "") -> Bool {
      names.allSatisfy { folder.fields(sub + $0 + ".json")["state"] as? String == "ended" }
    }
    #expect(await eventually { hasEnded(folder) })
    try FileManager.default.createDirectory(atPath: late, withIntermediateDirectories: true)
    #expect(await eventually { hasEnded(second, "late/") })
    await writing.finish()
    // It was away until the unit stopped: the first place has all, and is left alone.
    try FileManager.default.removeItem(atPath: "\(late)/\(names[1]).json")
    try second.write("{\"state\":\"open\"}", to: "late/\(names[0]).json")
    for name in names { try folder.write("{\"state\":\"ended\",\"mark\":1}", to: name + ".json") }
    var book = ReportBook()
    for notice in notices { _ = book.take(notice) }
    let after = Writing(folder, second: late, recovered: book)
    #expect(await eventually { hasEnded(second, "late/") })
    await after.finish()
    for name in names { #expect(folder.fields(name + ".json")["mark"] as? Int == 1) }
  }

  @Test("the command is handed the path, again with every reminder; what it does harms nothing")
  func handsToTheCommand() async throws {
    let folder = try Folder()
    let program = try folder.program("echo \"$1\" >> \"\(folder.path)/calls\"; exit 3")
    let writing = Writing(folder, command: program, repeatMs: 50)
    writing.say(Said.matter(1, "kd1-20261123-000001"))
    #expect(await eventually { folder.text("calls").split(separator: "\n").count >= 3 })
    writing.say(Said.acknowledged(1))
    #expect(await eventually { folder.text("calls").contains("kd1-R000001-end.json") })
    await writing.finish()
    #expect(folder.text("calls").hasPrefix("\(folder.path)/kd1-R000001.json\n"))
    let missing = Writing(folder, command: folder.path + "/none")
    missing.say(Said.matter(2, "kd1-20261123-000002"))
    #expect(await eventually { !folder.fields("kd1-R000002.json").isEmpty })
    await missing.finish()
  }

  @Test("a command that does not end is ended, and the next path is handed over")
  func endsAHangingCommand() async throws {
    let folder = try Folder()
    let program = try folder.program(
      "trap '' TERM; echo \"$1\" >> \"\(folder.path)/calls\"; case $1 in a) exec sleep 300;; esac")
    let hanging = ReportProgram(program, limitMs: 200)
    for path in ["a", "b", "b", "c"] { hanging.hand(path) }
    #expect(await eventually { folder.text("calls") == "a\nb\nc\n" }, "\(folder.text("calls"))")
  }

  @Test("a page says in Chinese what happened, and names 120 where 120 is dialled")
  func speaksChinese() {
    let events: [EventKind?] = EventKind.allCases + [nil]
    for event in events {
      for (action, named, other) in [
        (Action.transferByPhone, "110", "120"), (.explainAndGuide, "120", "110"),
      ] {
        for revision: UInt32 in [1, 3] {
          var book = ReportBook()
          _ = book.take(Said.matter(1, "7", event, action: action, revision: revision))
          guard let report = book.reports[1] else { continue }
          let page = ReportText(unit: "5", report: report).page(isEnd: false)
          let words = page.components(separatedBy: " 话术:")[0]
            .replacing("5-R000001", with: "").replacing("+08:00", with: "").replacing("T", with: "")
            .replacing("A07", with: "")
          #expect(!words.contains(other), "\(words)")
          #expect(words.contains("无法转接\(named)"), "\(words)")
          #expect(!words.contains { $0.isASCII && $0.isLetter }, "\(words)")
        }
      }
    }
  }

  @Test("what is no event is told as none", arguments: [(1, "intake", "来件"), (2, "update", "补充")])
  func noEvents(revision: UInt32, name: String, chinese: String) throws {
    var book = ReportBook()
    _ = book.take(Said.matter(1, "kd1-20261123-000001", nil, kind: .late, revision: revision))
    let text = ReportText(unit: "kd1", report: try #require(book.reports[1]))
    #expect(
      text.json.contains("\"event\":\"\(name)\"") && text.page(isEnd: false).contains(chinese))
  }

  @Test("a matter that goes to another kind's report renames none, and holds up neither for ever")
  func followsTheMatter() {
    var book = ReportBook()
    let number = "kd1-20261123-000001"
    _ = book.take(Said.matter(1, number, .deadlinePassed, kind: .late, voice: .due))
    _ = book.take(Said.matter(1, "kd1-20261123-000002", .deadlinePassed, kind: .late, voice: .due))
    #expect(book.take(Said.matter(2, number)).sorted() == [1, 2])
    #expect(book.reports[1]?.kind == .late && book.reports[2]?.kind == .cannotTransfer)
    #expect(book.reports[1]?.heldUp == 2 && book.reports[2]?.heldUp == 1)
    let settled = Said.matter(2, number, .reportAcknowledged, report: .acknowledged)
    #expect(book.take(settled) == [2])
    #expect(book.take(Said.acknowledged(2)) == [2])
    let answered = Said.matter(
      2, number, .transferAnswered, voice: .answered, report: .acknowledged)
    #expect(book.take(answered).sorted() == [1, 2])
    #expect(book.reports[1]?.heldUp == 1 && book.reports[2]?.hasEnded == true)
    #expect(book.take(answered) == [1])
  }

  @Test("drills are reported apart")
  func drillsApart() async throws {
    let folder = try Folder()
    let writing = Writing(folder)
    writing.say(Said.matter(1, "kd1-20261123-Y000001", drill: true))
    await writing.finish()
    #expect(folder.fields("kd1-R000001.json").isEmpty)
    #expect(folder.fields("drill/kd1-R000001.json")["drill"] as? Bool == true)
    #expect(folder.text("drill/kd1-R000001.txt").hasPrefix("【演练】"))
  }

  @Test("a restart goes on: open reports with their reminders, ends that a crash kept unwritten")
  func survivesARestart() async throws {
    let folder = try Folder()
    let before = Writing(folder, repeatMs: 30)
    before.say(Said.matter(1, "kd1-20261123-000001"))
    #expect(
      await eventually { folder.fields("kd1-R000001.json")["reminders"] as? Int ?? 0 >= 2 })
    await before.finish()
    let reminders = try #require(folder.fields("kd1-R000001.json")["reminders"] as? Int)
    var book = ReportBook()
    for number: UInt32 in 1...3 {
      _ = book.take(Said.matter(number, "kd1-20261123-00000\(number)", recovering: true))
    }
    _ = book.take(Said.acknowledged(2, recovering: true))
    _ = book.take(Said.acknowledged(3, recovering: true))
    for name in ["kd1-R000003", "kd1-R000003-end"] {
      try folder.write("{\"state\":\"acknowledged\",\"mark\":1}", to: name + ".json")
    }
    let after = Writing(folder, recovered: book)
    #expect(await eventually { !folder.fields("kd1-R000002-end.json").isEmpty })
    await after.finish()
    #expect(folder.fields("kd1-R000001.json")["reminders"] as? Int == reminders)
    #expect(folder.fields("kd1-R000001.json")["state"] as? String == "open")
    #expect(folder.fields("kd1-R000003-end.json")["mark"] as? Int == 1)
  }

  @Test("a book keeps no more acknowledged reports than it may while a long journal is read")
  func forgetsOldOnes() {
    var book = ReportBook()
    for number: UInt32 in 1...500 {
      _ = book.take(Said.matter(number, "kd1-20261123-000001", recovering: true))
      if number != 7 { _ = book.take(Said.acknowledged(number, recovering: true)) }
    }
    #expect(book.reports.count == ReportBook.keptMax + 1 && book.open.map(\.number) == [7])
  }
}
