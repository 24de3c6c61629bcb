import Testing
import WeirHandover
import WeirModel

/// A small generator with a seed, so that a failing run can be run again.
private struct Dice: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
  mutating func pick<T>(_ items: [T]) -> T { items[Int.random(in: 0..<items.count, using: &self)] }
}

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

private func happening(_ dice: inout Dice, _ desk: Desk) -> Happening {
  var happening = Happening(kind: .event, now: desk.now)
  if dice.chance(25) { happening.flags.formUnion(boss) }
  if dice.chance(50) { happening.flags.insert(.reached) }
  if dice.chance(50) { happening.flags.insert(.seat) }
  if desk.it.deadlineKind != .none && dice.chance(25) {
    happening.kind = .deadline
    happening.now = desk.it.deadline.advanced(by: dice.chance(20) ? 70_000 : 0)
    if happening.now.boot < desk.now.boot { happening.now = desk.now }
    if dice.chance(10) { happening.flags.insert(.unattended) }
    return happening
  }
  if dice.chance(15) {
    happening.kind = .update
    if dice.chance(60) { happening.facts = FactSet([dice.pick(Fact.allCases)]) }
    return happening
  }
  happening.event = dice.pick(EventKind.allCases)
  happening.cause = dice.pick(TransferCause.allCases)
  happening.agreedOwner = dice.pick([Platform.hotline, .police])
  happening.party = dice.pick([[], .caller, .hotline, .police])
  if dice.chance(30) { happening.flags.insert(.left) }
  if dice.chance(20) { happening.flags.insert(.sentAwayTwice) }
  let carriesFacts: [EventKind] = [.dangerRaised, .escalated, .verified]
  if carriesFacts.contains(happening.event) && dice.chance(50) {
    happening.facts = FactSet([dice.pick(Fact.allCases)])
  }
  return happening
}

@Suite("Whatever happens")
struct PropertyTests {
  @Test("no danger is lost, no matter is forgotten, no minute is dropped", arguments: 0..<8)
  func walks(block: UInt64) {
    for run in 0..<500 {
      let seed = block * 1_000 + UInt64(run)
      var dice = Dice(state: seed)
      let role: UnitRole = dice.chance(80) ? .outer : .inner
      let platform: Platform = role == .inner || dice.chance(20) ? .police : .hotline
      let facts = (0..<Int.random(in: 0...3, using: &dice)).map { _ in dice.pick(Fact.allCases) }
      // 110's calls reach an inner unit only.
      let phone = dice.chance(70) && (role == .inner || platform == .hotline)
      var desk = Desk(
        facts, platform, phone ? .phone : .internet, role: role,
        ageMs: dice.chance(20) ? Int64.random(in: 1...120_000, using: &dice) : 0)
      #expect(desk.effects.contains(.end) == (desk.it.deadlineKind == .none), "seed \(seed)")
      for _ in 0..<40 {
        if dice.chance(60) { desk.wait(Int64.random(in: 0...20_000, using: &dice)) }
        let before = desk.it
        let next = happening(&dice, desk)
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
