import Testing
import WeirHandover
import WeirModel

@Suite("Who takes the matter")
struct OwnershipTests {
  @Test("what 12345 keeps ends at once and never crosses")
  func own() {
    let desk = Desk([.nonUrgentRequest])
    #expect(desk.it.phase == .accepted && desk.effects == .end)
    #expect(desk.it.data == .none && desk.it.voice == .none && desk.it.deadlineKind == .none)
  }

  @Test("talks have a limit; then the first receiver keeps the matter")
  func limit() {
    var desk = Desk([.responsibilityUnclear])
    #expect(desk.it.phase == .talking && desk.it.deadlineKind == .talk)
    #expect(desk.it.deadline == desk.now.advanced(by: 180_000))
    desk.wait(60_000)
    desk.on(.threeWayStarted)
    desk.on(.threeWayJoined)
    #expect(desk.it.phase == .talking && desk.it.voice == .answered)
    #expect(desk.it.deadline == desk.now.advanced(by: 120_000))
    desk.fire()
    #expect(desk.it.phase == .accepted && desk.it.owner == .hotline)
    #expect(desk.say == .firstReceiver && desk.effects == .end)
    var police = Desk([.responsibilityUnclear], .police, .internet)
    police.on(.notAgreed)
    #expect(police.it.phase == .accepted && police.it.owner == .police)
    #expect(police.effects == .cross && police.it.deadlineKind == .closing)
  }

  @Test("what talks give to 110 has its minute from the agreement")
  func agreed() {
    var desk = Desk([.responsibilityUnclear], ageMs: 50_000)
    desk.wait(100_000)
    desk.on(.agreed)
    #expect(desk.refusal == .missingField)
    desk.on(.agreed, owner: .police)
    #expect(desk.it.phase == .transferring && desk.it.action == .transferByPhone)
    #expect(desk.it.minute == desk.now.advanced(by: 60_000) && desk.effects == .cross)
    var online = Desk([.responsibilityUnclear], .hotline, .internet)
    online.on(.agreed, owner: .police)
    #expect(online.it.phase == .online && online.it.voice == .none && online.effects == .cross)
    var kept = Desk([.responsibilityUnclear])
    kept.on(.agreed, owner: .hotline)
    #expect(kept.it.phase == .accepted && kept.effects == .end)
  }

  @Test("a matter once settled is not talked about again for a fact that says nothing of it")
  func settled() {
    var desk = Desk([.responsibilityUnclear])
    desk.on(.agreed, owner: .police)
    let minute = desk.it.minute
    desk.update([.nonUrgentRequest])
    #expect(desk.it.phase == .transferring && desk.it.owner == .police)
    #expect(desk.it.minute == minute)
    desk.on(.dangerRaised)
    #expect(desk.it.phase == .transferring && desk.it.flags.contains(.emergency))
    #expect(desk.it.minute == minute && desk.it.lane == .danger)
  }

  @Test("danger in an unclear matter dispatches at once; the talk goes on and never stops it")
  func dispatch() {
    var desk = Desk([.responsibilityUnclear])
    desk.wait(50_000)
    desk.on(.dangerRaised, facts: [.dangerToProperty])
    #expect(desk.it.phase == .dispatchedFirst && desk.say == .dispatchFirst)
    #expect(desk.it.facts == FactSet([.responsibilityUnclear, .dangerToProperty]))
    #expect(desk.it.minute == desk.now.advanced(by: 60_000))
    #expect(desk.effects == [.cross, .alarm] && desk.it.lane == .danger)
    desk.on(.threeWayStarted)
    desk.on(.threeWayJoined)
    #expect(desk.it.phase == .dispatchedFirst && desk.it.voice == .answered)
    #expect(desk.it.deadlineKind == .talk)
    desk.fire()
    #expect(desk.it.phase == .dispatchedFirst && desk.it.owner == .hotline)
    #expect(desk.it.deadlineKind == .closing)
  }

  @Test("a late dispatch goes back to its talk when 110 answers")
  func lateDispatch() {
    var desk = Desk([.responsibilityUnclear, .dangerToPublic], ageMs: 90_000)
    #expect(desk.it.phase == .late)
    desk.on(.transferAnswered)
    #expect(desk.it.phase == .dispatchedFirst)
    desk.on(.agreed, owner: .police)
    #expect(desk.it.phase == .transferred && desk.it.owner == .police)
  }

  @Test(
    "what becomes 110's by an update has its minute from the update",
    arguments: [
      [Fact.nonUrgentRequest], [.military], [.scopeUnclear],
    ])
  func becomes(facts: [Fact]) {
    var desk = Desk(facts, ageMs: 3_600_000)
    desk.wait(3_600_000)
    desk.update([.crime])
    #expect(desk.it.phase == .transferring && desk.say == .decision)
    #expect(desk.it.minute == desk.now.advanced(by: 60_000))
    #expect(desk.it.decisionText == 102 && desk.it.dialText == 110)
  }

  @Test(
    "a danger raised without saying which counts as one to the public; escalation is its own fact")
  func raised() {
    var desk = Desk([.nonUrgentRequest])
    desk.on(.dangerRaised)
    #expect(desk.it.facts.has(.dangerToPublic) && desk.it.phase == .dispatchedFirst)
    var closed = Desk([.nonUrgentRequest])
    closed.on(.closed)
    closed.on(.escalated)
    #expect(closed.it.facts.has(.escalated) && closed.it.phase == .dispatchedFirst)
    #expect(closed.it.deadlineKind == .firstPreAlarm)
  }

  @Test("a matter that turns into an emergency after 110 answered is phoned through again")
  func becameEmergency() {
    var desk = Desk([.crime])
    desk.on(.transferAnswered)
    desk.on(.dangerRaised)
    #expect(desk.it.phase == .transferring && desk.it.voice == .due)
    desk.on(.transferAnswered)
    desk.on(.dangerRaised, facts: [.dangerToLife])
    #expect(desk.it.phase == .transferred && desk.effects.contains(.cross))
  }

  /// What 110 was dialled for by internet though no leg was due, before it became an emergency.
  private static let dialled: [(String, [Fact], @Sendable (inout Desk) -> Void)] = [
    ("started", [.crime], { $0.on(.transferStarted) }),
    (
      "failed", [.crime],
      {
        $0.on(.transferStarted); $0.on(.transferFailed, cause: .busy)
      }
    ),
    ("threeWay", [.crime], { $0.on(.threeWayStarted) }),
    ("onBehalf", [.crime], { $0.on(.calledOnBehalf) }),
    (
      "agreed", [.responsibilityUnclear],
      {
        $0.on(.agreed, owner: .police); $0.on(.transferStarted)
      }
    ),
  ]

  @Test("what somebody has dialled already gets its minute when it becomes an emergency")
  func dialledBefore() {
    for (name, facts, prepare) in Self.dialled {
      for fact in [Fact.dangerToLife, .dangerToProperty, .missingPerson] {
        var desk = Desk(facts, .hotline, .internet)
        prepare(&desk)
        #expect(desk.it.voice != .none && !desk.it.minute.isSet, "\(name)")
        desk.wait(5_000)
        desk.update([fact])
        #expect(desk.it.voice == .due && desk.it.dialText == 110, "\(name) \(fact)")
        #expect(desk.it.minute == desk.now.advanced(by: 60_000), "\(name) \(fact)")
        for _ in 0..<3 { desk.fire() }
        #expect(desk.it.phase == .late && desk.it.report == .raised, "\(name) \(fact)")
      }
    }
  }

  @Test("the number follows the place of the event, and whoever dials is told; the minute runs on")
  func place() {
    var desk = Desk([.dangerToLife])
    let minute = desk.it.minute
    desk.wait(5_000)
    desk.update([], county: ownDesk)
    #expect(desk.it.dialText == 1_322 && desk.say == .reminder && desk.effects == .cross)
    #expect(desk.it.minute == minute && desk.it.phase == .transferring)
    desk.update([], county: ownDesk)
    #expect(desk.say == .none)
    desk.update([.crime], county: 513_301)
    #expect(desk.it.dialText == 110 && desk.say == .reminder && desk.it.minute == minute)
    desk.on(.transferAnswered)
    desk.update([], county: ownDesk)
    #expect(desk.it.dialText == 1_322 && desk.say == .none)
    var talks = Desk([.responsibilityUnclear])
    talks.update([], county: ownDesk)
    #expect(talks.it.dialText == 0 && talks.it.phase == .talking)
    talks.on(.agreed, owner: .police)
    #expect(talks.it.dialText == 1_322)
    talks.update([], county: 513_301)
    #expect(talks.it.dialText == 110 && talks.it.ground == .agreed && talks.say == .reminder)
    var ambulance = Desk([.medicalOnly, .dangerToLife])
    ambulance.update([], county: ownDesk)
    #expect(ambulance.it.dialText == 120 && ambulance.say == .none)
  }

  @Test("a county's rules are asked when the place is given, and what people decided stays")
  func placeDecides() {
    var desk = Desk([.nonUrgentRequest])
    desk.wait(90_000)
    desk.update([], county: 513_301)
    #expect(desk.it.phase == .accepted && desk.say == .none)
    desk.update([], county: ownRule)
    #expect(desk.it.phase == .transferring && desk.it.owner == .police && desk.say == .decision)
    #expect(desk.it.minute == desk.now.advanced(by: 60_000))
    var verifying = Desk([.scopeUnclear])
    verifying.on(.threeWayStarted)
    verifying.update([], county: ownDesk)
    #expect(verifying.it.phase == .talking)
    var referred = Desk([.nonUrgentRequest], .police, .phone, role: .inner)
    referred.on(.referred)
    referred.update([], county: ownDesk)
    #expect(referred.it.phase == .referred)
  }

  @Test(
    "only a supervisor with a reason takes danger back",
    arguments: [
      Happening.Flags.bySupervisor, .reason, [],
    ])
  func clearing(flags: Happening.Flags) {
    var desk = Desk([.crime, .dangerToProperty])
    let before = desk.it
    for event in [EventKind.dangerCleared, .cancelled, .closed] {
      desk.on(event, flags: flags)
      #expect(desk.refusal == .supervisorNeeded)
      #expect(desk.it == before)
    }
    desk.on(.dangerCleared, flags: boss)
    #expect(desk.it.facts == FactSet(.crime) && desk.it.everFacts.has(.dangerToProperty))
    #expect(desk.it.flags.contains(.dangerCleared) && !desk.it.flags.contains(.emergency))
    #expect(desk.it.lane == .danger && desk.say == .dangerCleared)
    #expect(desk.it.phase == .transferring && desk.it.minute == before.minute)
    #expect(desk.effects == .cross)
  }

  @Test("an update that takes an emergency from 110 needs a supervisor")
  func takenAway() {
    var desk = Desk([.dangerToLife])
    let before = desk.it
    desk.update([.medicalOnly])
    #expect(desk.refusal == .supervisorNeeded && desk.it == before)
    desk.update([.medicalOnly], flags: boss)
    #expect(desk.it.owner == .neither && desk.it.phase == .transferring && desk.it.dialText == 120)
    #expect(desk.it.flags.contains(.crosses) && desk.effects.contains(.cross))
  }

  @Test("an emergency may be closed once 110 answered or its record is proven across")
  func closing() {
    for event in [EventKind.transferAnswered, .receipt] {
      var desk = Desk([.crime, .dangerToLife], .hotline, .internet)
      desk.on(event)
      if event == .receipt { desk.on(.callerTold); desk.on(.receipt) }
      desk.on(.closed)
      #expect(desk.it.phase == .closed)
    }
    var calm = Desk([.crime])
    calm.on(.closed)
    #expect(calm.refusal == .supervisorNeeded)
    calm.on(.cancelled)
    #expect(calm.it.phase == .closed && calm.it.voice == .none)
  }

  @Test("an emergency's guidance is phoned to 120; unreached, 110 dispatches first")
  func guidance() {
    var desk = Desk([.medicalOnly, .dangerToLife])
    #expect(desk.it.phase == .transferring && desk.it.voice == .due && desk.it.data == .none)
    #expect(desk.it.deadlineKind == .firstPreAlarm && desk.it.dialText == 120)
    var unreached = desk
    desk.on(.guided, flags: .reached)
    #expect(desk.it.phase == .guided && desk.effects == .end && desk.it.voice == .answered)
    #expect(desk.say == .answered, "nothing is left to do within a minute")
    desk.on(.guided, flags: .reached)
    #expect(desk.it.phase == .guided && desk.say == .answered)
    unreached.wait(20_000)
    unreached.on(.guided)
    #expect(unreached.it.phase == .dispatchedFirst && unreached.it.voice == .due)
    #expect(unreached.it.minute == unreached.now.advanced(by: 60_000))
    #expect(unreached.effects.contains(.cross) && unreached.it.dialText == 110)
    #expect(unreached.it.facts.has(.responsibilityUnclear))
  }

  @Test("a verification is reminded of until it ends in guidance, a referral or a decision")
  func verification() {
    var desk = Desk([.scopeUnclear])
    #expect(desk.it.phase == .verifying && desk.it.deadlineKind == .reminder)
    desk.fire()
    #expect(desk.it.deadlineKind == .reminder && desk.say == .reminder)
    desk.on(.verified)
    #expect(desk.it.phase == .verifying)
    var mine = desk
    desk.on(.guided, flags: .reached)
    #expect(desk.it.phase == .guided && desk.effects == [.end, .sentAway])
    mine.on(.verified, facts: [.nonUrgentRequest])
    #expect(mine.it.phase == .accepted && mine.effects == .end)
  }

  @Test("an inner unit accepts, advises and refers, with no voice leg and nothing to cross")
  func inner() {
    let own = Desk([.dangerToLife], .police, .phone, role: .inner)
    #expect(own.it.phase == .accepted && own.effects == .end && own.it.voice == .none)
    var redial = Desk([.nonUrgentRequest], .police, .phone, role: .inner)
    #expect(redial.it.phase == .redialAdvised && redial.effects == [.end, .sentAway])
    redial.on(.redialAdvised)
    redial.on(.referred)
    #expect(redial.it.phase == .referred && redial.effects == .end)
    var unclear = Desk([.responsibilityUnclear], .police, .phone, role: .inner)
    unclear.on(.agreed, owner: .hotline)
    #expect(unclear.it.phase == .redialAdvised && unclear.it.data == .none)
  }

  @Test("a step without a state takes nothing but an intake")
  func nothingThere() {
    let decision = judge([], .hotline, .phone, .outer)
    for kind in [Happening.Kind.update, .event, .deadline] {
      let happening = Happening(kind: kind, now: Moment(boot: 1, wall: 1))
      let outcome = Machine.step(
        nil, happening, decision: decision, timing: Timing(), role: .outer)
      #expect(outcome == .refused(.unknownHandover))
    }
  }
}
