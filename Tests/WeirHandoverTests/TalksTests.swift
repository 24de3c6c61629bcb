import Testing
import WeirHandover
import WeirModel

@Suite("Talks, and what they come to")
struct TalksTests {
  @Test("a three-way call has joins and leaves; 110's joining answers the voice leg, once")
  func joinsAndLeaves() {
    var desk = Desk([.responsibilityUnclear])
    desk.on(.threeWayJoined, party: .police)
    #expect(desk.refusal == .notNow)
    desk.on(.threeWayStarted)
    #expect(desk.it.voice == .ringing && desk.it.parties == .open)
    desk.on(.threeWayJoined, party: .caller)
    #expect(desk.it.parties == [.open, .caller] && desk.it.voice == .ringing)
    desk.wait(5_000)
    desk.on(.threeWayJoined)
    #expect(desk.it.parties == [.open, .caller, .police] && desk.it.voice == .answered)
    #expect(desk.it.answeredAt == desk.now.wall)
    let answered = desk.it.answeredAt
    desk.on(.threeWayJoined, party: .police)
    #expect(desk.refusal == .notNow)
    desk.wait(5_000)
    desk.on(.threeWayJoined, flags: .left, party: .police)
    #expect(desk.it.parties == [.open, .caller] && desk.it.phase == .talking)
    desk.on(.threeWayJoined, party: .police)
    #expect(desk.it.parties.contains(.police) && desk.it.answeredAt == answered)
    desk.on(.agreed, owner: .hotline)
    #expect(!desk.it.parties.contains(.open) && desk.it.phase == .accepted)
  }

  @Test("110's joining an open three-way call counts as answered wherever a voice leg is open")
  func joinAnswers() {
    var desk = Desk([.crime])
    desk.on(.threeWayStarted)
    desk.on(.threeWayJoined, party: .caller)
    #expect(desk.it.phase == .transferring && desk.it.minute.isSet)
    desk.on(.threeWayJoined, party: .police)
    #expect(desk.it.phase == .transferred && desk.it.voice == .answered)
  }

  /// What gives 110 the matter while it is in the call, and where it then stands.
  private static let given: [(String, @Sendable (inout Desk) -> Void, Phase)] = [
    ("agreed", { $0.on(.agreed, owner: .police) }, .transferred),
    ("danger", { $0.on(.dangerRaised) }, .dispatchedFirst),
    ("escalated", { $0.on(.escalated) }, .dispatchedFirst),
    ("missing", { $0.update([.missingPerson]) }, .dispatchedFirst),
  ]

  @Test("110 in the three-way call is not dialled again when the matter becomes 110's")
  func inTheCall() {
    for (name, give, phase) in Self.given {
      for channel in [Channel.phone, .internet] {
        var desk = Desk([.responsibilityUnclear], .hotline, channel)
        desk.on(.threeWayStarted)
        desk.on(.threeWayJoined)
        desk.wait(5_000)
        var left = desk
        give(&desk)
        #expect(desk.it.phase == phase && desk.it.voice == .answered, "\(name) \(channel)")
        #expect(!desk.it.minute.isSet && desk.effects.contains(.cross), "\(name) \(channel)")
        #expect(desk.it.dialText == 110 && !desk.it.flags.contains(.late), "\(name)")
        for _ in 0..<3 where desk.it.deadlineKind != .none { desk.fire() }
        #expect(desk.it.report == .none && !desk.it.flags.contains(.late), "\(name)")
        left.on(.threeWayJoined, flags: .left, party: .police)
        give(&left)
        let due = left.it.flags.contains(.emergency) || channel == .phone
        #expect(left.it.minute.isSet == due, "\(name) \(channel)")
        #expect(!due || left.it.voice == .due, "\(name) \(channel)")
      }
    }
    var first = Desk([.responsibilityUnclear], flags: [.seat, .redialled])
    first.on(.threeWayStarted)
    first.on(.threeWayJoined)
    first.on(.notAgreed)
    #expect(first.it.phase == .transferred && first.it.owner == .police)
    #expect(first.say == .firstReceiver)
    var known = Desk([])
    known.on(.threeWayStarted)
    known.on(.threeWayJoined)
    known.update([.crime])
    #expect(known.it.phase == .transferred && known.say == .answered && !known.it.minute.isSet)
  }

  @Test("110 that answered while it dispatches first is not dialled again for its own matter")
  func answeredDispatch() {
    let ways: [@Sendable (inout Desk) -> Void] = [
      { $0.on(.transferAnswered) },
      {
        $0.on(.threeWayStarted)
        $0.on(.threeWayJoined)
      },
    ]
    for answer in ways {
      for late in [false, true] {
        var desk = Desk([.nonUrgentRequest, .dangerToPublic], ageMs: late ? 61_000 : 0)
        answer(&desk)
        #expect(desk.it.phase == .dispatchedFirst && desk.it.voice == .answered)
        desk.update([.crime])
        #expect(desk.it.phase == .transferred && desk.it.owner == .police)
        #expect(desk.say == .answered && !desk.it.minute.isSet && desk.it.voice == .answered)
      }
    }
  }

  @Test("what talks came to is on record until a decision gives the matter another owner")
  func unsettled() {
    let rows: [(facts: [Fact], owner: Platform, more: [Fact], settled: Bool)] = [
      ([], .hotline, [.crime], false), ([], .hotline, [.dangerToLife], false),
      ([], .hotline, [.nonUrgentRequest], true), ([], .police, [.crime], true),
      ([], .police, [.nonUrgentRequest], false),
      ([.responsibilityUnclear], .hotline, [.dangerToPublic], false),
      ([.responsibilityUnclear], .hotline, [.nonUrgentRequest], true),
    ]
    for row in rows {
      var desk = Desk(row.facts)
      desk.on(.agreed, owner: row.owner)
      desk.wait(1_000)
      desk.update(row.more)
      #expect((desk.it.ground == .agreed) == row.settled, "\(row)")
      #expect((desk.it.settledAt != 0) == row.settled, "\(row)")
    }
  }

  @Test("what 12345 took after talks is talked about again when it shows a matter of 110's")
  func talkedAgain() {
    for fact in [Fact.crime, .massIncident, .traffic, .policeMisconduct] {
      var desk = Desk([.responsibilityUnclear])
      desk.on(.agreed, owner: .hotline)
      desk.update([fact])
      #expect(desk.it.phase == .talking && desk.it.owner == .unclear, "\(fact)")
      #expect(desk.it.deadlineKind == .talk && desk.it.ground == .none, "\(fact)")
      var police = Desk([.responsibilityUnclear])
      police.on(.agreed, owner: .police)
      police.update([fact])
      #expect(police.it.phase == .transferring && police.it.ground == .agreed, "\(fact)")
    }
  }

  @Test("an agreement is said as one, with 110's number where 110 must be reached")
  func agreement() {
    var police = Desk([.responsibilityUnclear])
    police.on(.agreed, owner: .police)
    #expect(police.it.ground == .agreed && police.say == .agreedTransfer)
    #expect(police.it.dialText == 110 && police.it.settledAt == police.now.wall)
    var online = Desk([.responsibilityUnclear], .hotline, .internet)
    online.on(.agreed, owner: .police)
    #expect(online.say == .agreedPolice && online.it.voice == .none)
    var hotline = Desk([.responsibilityUnclear])
    hotline.on(.agreed, owner: .hotline)
    #expect(hotline.say == .agreedHotline)
    var inner = Desk([.responsibilityUnclear], .police, .phone, role: .inner)
    inner.on(.agreed, owner: .hotline)
    #expect(inner.say == .agreedRedial && inner.it.phase == .redialAdvised)
    var gone = Desk([.responsibilityUnclear])
    gone.on(.callerGone)
    gone.on(.agreed, owner: .police)
    #expect(gone.say == .onBehalf && gone.it.phase == .transferring)
  }

  @Test("the first receiver is the platform with the earliest recorded contact, and says why")
  func firstReceiver() {
    var own = Desk([.responsibilityUnclear])
    own.fire()
    #expect(own.it.owner == .hotline && own.it.ground == .firstReceiver)
    #expect(own.it.firstContactAt == own.it.receivedAt && own.say == .firstReceiver)
    var redialled = Desk([.responsibilityUnclear], flags: [.seat, .redialled])
    redialled.fire()
    #expect(redialled.it.owner == .police && redialled.it.ground == .callerStatement)
    #expect(redialled.it.phase == .transferring && redialled.say == .firstReceiverTransfer)
    #expect(redialled.it.minute == redialled.now.advanced(by: 60_000))
    #expect(redialled.it.dialText == 110 && redialled.effects.contains(.cross))
  }

  @Test("what an earlier matter recorded counts as the first contact")
  func earlierContact() {
    let rows: [(age: Int64, expected: Ground)] = [(60_000, .earlierContact), (-1, .firstReceiver)]
    for (age, expected) in rows {
      var desk = Desk([])
      var intake = Happening(kind: .intake, now: desk.now)
      intake.facts = FactSet(.responsibilityUnclear)
      intake.firstPlatform = .police
      intake.firstContactAt = desk.now.wall - age
      desk.state = nil
      desk.take(intake)
      desk.fire()
      #expect(desk.it.ground == expected)
      #expect(desk.it.owner == (expected == .earlierContact ? .police : .hotline))
    }
  }

  @Test("the limit passes beside an open voice leg and takes nothing from it")
  func limitBesideDispatch() {
    var desk = Desk([.responsibilityUnclear, .fire, .dangerToPublic])
    let start = desk.now
    while desk.it.owner == .unclear && desk.now.boot < start.advanced(by: 600_000).boot {
      desk.fire()
    }
    #expect(desk.now == start.advanced(by: 180_000) && desk.it.owner == .hotline)
    #expect(desk.it.phase == .late && desk.it.voice == .due && desk.it.action == .dispatchFirst)
    #expect(desk.it.deadlineKind == .reminder)
    var answered = Desk([.responsibilityUnclear, .dangerToPublic])
    answered.wait(50_000)
    answered.on(.transferAnswered)
    #expect(answered.it.deadlineKind == .talk)
    #expect(answered.it.deadline == answered.now.advanced(by: 180_000))
  }
}

@Suite("Guidance, and the third sending-away")
struct GuidanceTests {
  @Test("what is 120's ends when the caller was helped, or at a supervisor's word")
  func ambulance() {
    for role in [UnitRole.outer, .inner] {
      var desk = Desk(
        [.medicalOnly, .dangerToLife], role == .outer ? .hotline : .police, .phone, role: role)
      #expect(desk.it.phase == .transferring && desk.it.voice == .due)
      desk.on(.transferStarted)
      desk.on(.transferAnswered)
      #expect(desk.it.phase == .transferred && desk.it.deadlineKind == .reminder)
      let picked = desk
      desk.fire()
      #expect(desk.say == .reminder && desk.effects.contains(.alarm))
      desk.on(.closed)
      #expect(desk.refusal == .supervisorNeeded)
      desk.on(.guided, flags: .reached)
      #expect(desk.it.phase == .guided && desk.effects == .end && desk.say == .answered)
      var unreached = picked
      unreached.on(.guided)
      #expect(unreached.it.phase == .dispatchedFirst && unreached.it.owner == .unclear)
      #expect((unreached.it.voice == .due) == (role == .outer))
      #expect(unreached.effects.contains(.cross) == (role == .outer))
      var closed = picked
      closed.on(.closed, flags: boss)
      #expect(closed.it.phase == .closed)
    }
  }

  @Test("an online reporter is told, and 12345 phones on their behalf until somebody picks up")
  func untilAnswered() {
    var desk = Desk([.dangerToLife], .hotline, .internet, flags: [])
    desk.on(.transferFailed, cause: .noAnswer)
    #expect(desk.say == .failedOnline)
    desk.on(.callerTold)
    for _ in 0..<3 { desk.fire() }
    #expect(desk.it.flags.contains(.late))
    desk.on(.reportAcknowledged)
    for _ in 0..<3 {
      #expect(desk.it.deadlineKind == .reminder)
      desk.fire()
      #expect(desk.say == .reminder && desk.effects.contains(.alarm))
    }
    desk.on(.calledOnBehalf)
    desk.on(.transferAnswered)
    #expect(desk.it.phase == .transferred && desk.it.deadlineKind == .closing)
    var late = Desk([.dangerToLife], .hotline, .internet)
    for _ in 0..<3 { late.fire() }
    #expect(late.say == .lateOnline)
  }

  @Test("a caller who had left before they were told is phoned for until somebody picks up")
  func goneBeforeTold() {
    for hungUp in [false, true] {
      var desk = Desk([.dangerToLife])
      if hungUp { desk.on(.transferFailed, cause: .callerHungUp) } else { desk.on(.callerGone) }
      desk.on(.callerTold)
      desk.on(.reportAcknowledged)
      while !desk.it.flags.contains(.late) { desk.fire() }
      for _ in 0..<3 {
        #expect(desk.it.deadlineKind == .reminder)
        desk.fire()
        #expect(desk.say == .reminder && desk.effects.contains(.alarm))
      }
      desk.on(.transferAnswered)
      #expect(desk.it.phase == .transferred && desk.it.deadlineKind == .closing)
    }
    var told = Desk([.dangerToLife])
    told.on(.callerTold)
    told.on(.callerGone)
    told.on(.reportAcknowledged)
    while !told.it.flags.contains(.late) { told.fire() }
    #expect(told.it.deadlineKind == .closing, "who was told on the line dials 110")
  }

  @Test("a caller sent away twice is not sent away a third time")
  func guarded() {
    for (facts, platform, role) in [
      ([Fact.military], Platform.hotline, UnitRole.outer),
      ([.nonUrgentRequest], .police, .inner),
    ] {
      var desk = Desk(facts, platform, .phone, role: role, flags: [.seat, .sentAwayTwice])
      #expect(desk.it.phase == .talking && desk.it.action == .threeWayCall)
      #expect(desk.it.flags.contains(.guarded) && desk.say == .guarded)
      #expect(!desk.effects.contains(.sentAway) && desk.it.deadlineKind == .talk)
      let event: EventKind = role == .outer ? .guided : .redialAdvised
      desk.on(event)
      #expect(desk.refusal == .supervisorNeeded)
      desk.on(event, flags: boss)
      #expect(desk.it.phase == (role == .outer ? .guided : .redialAdvised))
    }
    var verifying = Desk([.scopeUnclear])
    verifying.on(.guided, flags: .sentAwayTwice)
    #expect(verifying.refusal == .supervisorNeeded)
    verifying.on(.guided, flags: boss.union(.sentAwayTwice))
    #expect(verifying.it.phase == .guided)
    let online = Desk([.military], .hotline, .internet, flags: .sentAwayTwice)
    #expect(online.it.action == .talk)
  }

  @Test("a supervisor who sends a caller away says the policy's guidance, not the guard's talks")
  func supervised() {
    let guidance = judge(FactSet(.military), .hotline, .phone, .outer)
    var happening = Happening(kind: .event, now: Moment(boot: 1, wall: 1))
    happening.event = .guided
    happening.flags = .sentAwayTwice
    #expect(Machine.mustGuard(guidance, happening))
    happening.flags.formUnion(boss)
    #expect(!Machine.mustGuard(guidance, happening))
    happening.event = .dangerCleared
    #expect(Machine.mustGuard(guidance, happening))
  }

  @Test(
    "the guard touches neither what is 110's nor an emergency",
    arguments: [
      [Fact.crime], [.missingPerson], [.medicalOnly, .dangerToLife], [.policeMisconduct],
    ])
  func neverGuarded(facts: [Fact]) {
    var guarded = Desk(facts, flags: [.seat, .sentAwayTwice])
    let free = Desk(facts)
    #expect(guarded.it == free.it && guarded.say == free.say)
    guarded.on(.transferAnswered)
    #expect(guarded.it.phase == .transferred)
  }
}
