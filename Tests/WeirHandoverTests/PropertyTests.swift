import Testing
import WeirChance
import WeirHandover
import WeirModel

/// What must hold between two neighbouring states, whatever happened.
private func check(_ before: Handover, _ desk: Desk, _ happening: Happening, _ seed: UInt64) {
  let after = desk.it
  let trace: Comment = "seed \(seed) \(happening.kind) \(happening.event) \(before.phase)"
  guard desk.refusal == nil else {
    #expect(after == before, trace)
    return
  }
  #expect(after.revision == before.revision + 1, trace)
  #expect(after.everFacts.isSuperset(of: after.facts.union(before.everFacts)), trace)
  let supervised = happening.flags.isSuperset(of: boss)
  let lost = before.facts.intersection(.danger).subtracting(after.facts)
  #expect(lost.isEmpty || supervised, trace)
  #expect(!before.flags.contains(.late) || after.flags.contains(.late), trace)
  #expect(!before.flags.contains(.crosses) || after.flags.contains(.crosses), trace)
  let ended = desk.effects.contains(.end)
  #expect(ended == (after.deadlineKind == .none), trace)
  #expect(ended != after.deadline.isSet, trace)
  #expect(!ended || after.data != .queued, trace)
  #expect(!ended || after.report != .raised, trace)
  if after.data == .queued { #expect(after.flags.contains(.crosses), trace) }
  let legPhase = Machine.row(after.phase, .transferStarted) != .notNow
  let open = after.voice == .due || after.voice == .ringing || after.voice == .failed
  if legPhase && open && after.minute.isSet && after.lateAt == 0 {
    let kinds: [DeadlineKind] = [.firstPreAlarm, .secondPreAlarm, .minute]
    #expect(kinds.contains(after.deadlineKind), trace)
    #expect(after.deadline.boot <= after.minute.boot, trace)
    #expect(after.deadlineKind != .minute || after.deadline == after.minute, trace)
  }
  // A voice leg that is open for an emergency of 110's is never without its minute.
  let polices = after.owner == .police || after.action == .dispatchFirst
  if legPhase && open && polices && after.flags.contains(.emergency) {
    #expect(after.minute.isSet || after.lateAt != 0, trace)
  }
  if desk.role == .outer && legPhase && polices && after.flags.contains(.emergency) {
    #expect(after.voice != .none && after.dialText != 0, trace)
  }
  #expect((after.ground == .none) == (after.settledAt == 0), trace)
  #expect(after.ground == .none || after.owner == .police || after.owner == .hotline, trace)
  // A record proven across lets a person close an emergency.
  let settled = happening.event == .closed && before.data == .confirmed
  let wasRunning = before.minute.isSet && before.lateAt == 0 && before.flags.contains(.emergency)
  if wasRunning && !supervised && !settled {
    let kept = after.minute == before.minute
    let renewed = after.voice == .due && after.minute.boot > desk.now.boot
    #expect(kept || renewed || after.voice == .answered, trace)
  }
  if happening.kind != .update, let event = Machine.eventKind(before, happening) {
    let rule = Machine.row(before.phase, event)
    #expect(rule.targets(from: before.phase).contains(after.phase), "\(trace) → \(after.phase)")
  }
  if desk.role == .inner {
    #expect(after.data == .none && !desk.effects.contains(.cross), trace)
    let guides = after.action == .explainAndGuide || before.action == .explainAndGuide
    #expect(after.voice == .none || guides || before.voice != .none, trace)
  }
}

private func happening(_ chance: inout Chance, _ desk: Desk) -> Happening {
  var happening = Happening(kind: .event, now: desk.now)
  if chance.percent(25) { happening.flags.formUnion(boss) }
  if chance.percent(50) { happening.flags.insert(.reached) }
  if chance.percent(50) { happening.flags.insert(.seat) }
  if desk.it.deadlineKind != .none && chance.percent(25) {
    happening.kind = .deadline
    happening.now = desk.it.deadline.advanced(by: chance.percent(20) ? 70_000 : 0)
    if happening.now.boot < desk.now.boot { happening.now = desk.now }
    if chance.percent(10) { happening.flags.insert(.unattended) }
    return happening
  }
  if chance.percent(15) {
    happening.kind = .update
    if chance.percent(60) { happening.facts = FactSet([chance.pick(Fact.allCases)]) }
    if chance.percent(30) { happening.county = chance.pick([513_301, ownDesk, ownRule]) }
    return happening
  }
  happening.event = chance.pick(EventKind.allCases)
  happening.cause = chance.pick(TransferCause.allCases)
  happening.agreedOwner = chance.pick([Platform.hotline, .police])
  happening.party = chance.pick([[], .caller, .hotline, .police])
  if chance.percent(30) { happening.flags.insert(.left) }
  if chance.percent(20) { happening.flags.insert(.sentAwayTwice) }
  let carriesFacts: [EventKind] = [.dangerRaised, .escalated, .verified]
  if carriesFacts.contains(happening.event) && chance.percent(50) {
    happening.facts = FactSet([chance.pick(Fact.allCases)])
  }
  return happening
}

@Suite("Whatever happens")
struct PropertyTests {
  @Test("no danger is lost, no matter is forgotten, no minute is dropped", arguments: 0..<8)
  func walks(block: UInt64) {
    for run in 0..<500 {
      let seed = block * 1_000 + UInt64(run)
      var chance = Chance(seed: seed)
      let role: UnitRole = chance.percent(80) ? .outer : .inner
      let platform: Platform = role == .inner || chance.percent(20) ? .police : .hotline
      let facts = (0..<Int.random(in: 0...3, using: &chance)).map { _ in chance.pick(Fact.allCases)
      }
      // 110's calls reach an inner unit only.
      let phone = chance.percent(70) && (role == .inner || platform == .hotline)
      var desk = Desk(
        facts, platform, phone ? .phone : .internet, role: role,
        ageMs: chance.percent(20) ? Int64.random(in: 1...120_000, using: &chance) : 0)
      #expect(desk.effects.contains(.end) == (desk.it.deadlineKind == .none), "seed \(seed)")
      for _ in 0..<40 {
        if chance.percent(60) { desk.wait(Int64.random(in: 0...20_000, using: &chance)) }
        let before = desk.it
        let next = happening(&chance, desk)
        desk.now = next.now
        desk.take(next)
        check(before, desk, next, seed)
      }
    }
  }

  @Test(
    "a matter nobody touches says everything that is due and never goes silent",
    arguments: [
      [Fact.crime], [.dangerToLife], [.medicalOnly, .dangerToLife],
    ])
  func untouched(facts: [Fact]) {
    var desk = Desk(facts)
    var said: [Sentence] = []
    for _ in 0..<6 {
      desk.fire()
      said.append(desk.say)
    }
    #expect(said == [.preAlarm, .preAlarm, .late, .reminder, .reminder, .reminder])
  }
}
