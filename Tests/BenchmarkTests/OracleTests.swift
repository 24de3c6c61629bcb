import Testing
import WeirMeasure

/// The oracle of the load tests sees what is wrong with a run, and nothing where nothing is.
@Suite("The oracle of the load tests")
struct OracleTests {
  @Test("finds nothing in a faultless run", arguments: Runs.allCases)
  func faultless(_ run: Runs) {
    #expect(Oracle().judge(run.evidence).map(\.description) == [])
  }

  @Test("finds and names each planted fault", arguments: Runs.allCases, Planted.all)
  func planted(_ run: Runs, _ planted: Planted) {
    var evidence = run.evidence
    planted.plant(&evidence)
    let findings = Oracle().judge(evidence).filter { $0.fault == planted.fault }
    let named = findings.contains { $0.numbers.contains { $0.contains(planted.named) } }
    #expect(named, "\(Oracle().judge(evidence).map(\.description))")
  }

  @Test("a deadline may be spoken a tenth of a second late, counted from a start")
  func boundsOfDeadlines() {
    let key = Runs.key(1)
    let table: [(startMs: Int64, spokenMs: Int64, isFault: Bool)] = [
      (0, 60_000, false), (0, 60_100, false), (0, 60_101, true), (0, 59_999, true),
      (70_000, 70_100, false), (70_000, 70_101, true),
    ]
    for row in table {
      var run = Evidence()
      run.changes = [
        Change(handover: key, minuteMs: 60_000, deadlineMs: 60_000),
        Change(handover: HandoverKey(0), kind: .start, atMs: row.startMs),
        Change(handover: key, revision: 2, kind: .deadline, atMs: row.spokenMs),
      ]
      let findings = Oracle().judge(run)
      #expect(findings.contains { $0.fault == .deadline } == row.isFault, "\(row): \(findings)")
    }
  }

  @Test("what people confirmed by 对账码 need not cross in its newest revision, but must have come")
  func confirmed() {
    let key = Runs.key(1)
    var run = Evidence()
    run.changes = [
      Change(handover: key, crossing: 1, isOwed: true),
      Change(handover: key, revision: 2, kind: .event, crossing: 1, isOwed: false),
    ]
    run.deliveries = [Delivery(handover: key, crossing: 1)]
    #expect(Oracle().judge(run).isEmpty)
    run.deliveries = []
    #expect(Oracle().judge(run).map(\.fault) == [.loss])
  }

  @Test("a unit that still runs has not written how many copies it sent")
  func running() {
    var run = Runs.steady.evidence
    run.copies = nil
    run.endMs = 0
    #expect(Oracle().judge(run).isEmpty)
  }

  @Test("a finding names ten numbers and counts the others")
  func many() {
    var run = Evidence()
    run.answers = (1...12).map { Answer(number: $0, handover: Runs.key(1)) }
    let text = Oracle().judge(run).map(\.description).joined()
    #expect(text.contains(": 12: ") && text.hasSuffix("and 2 more"), "\(text)")
  }
}
