import Testing
import WeirHandover
import WeirModel

@Suite("The one minute of notice 五(二)")
struct VoiceTests {
  @Test("a 110 matter by phone is warned of at 30 and 45 s and due at 60 s")
  func minute() {
    var desk = Desk([.crime])
    let start = desk.now
    #expect(desk.it.phase == .transferring && desk.it.voice == .due)
    #expect(desk.it.minute == start.advanced(by: 60_000))
    #expect(desk.effects == .cross && desk.it.data == .queued && desk.say == .decision)
    for (kind, at) in [(DeadlineKind.firstPreAlarm, 30_000), (.secondPreAlarm, 45_000)] {
      #expect(desk.it.deadlineKind == kind)
      #expect(desk.it.deadline == start.advanced(by: Int64(at)))
      desk.fire()
      #expect(desk.say == .preAlarm && !desk.effects.contains(.cross))
    }
    #expect(desk.it.deadlineKind == .minute && desk.it.deadline == desk.it.minute)
  }

  @Test(
    "an answer within the minute ends it, and the matter closes when its record is proven across")
  func inTime() {
    var desk = Desk([.crime])
    desk.wait(8_000)
    desk.on(.transferStarted)
    #expect(desk.it.voice == .ringing && desk.it.startedAt == desk.now.wall)
    #expect(desk.it.deadlineKind == .firstPreAlarm)
    desk.wait(20_000)
    desk.on(.transferAnswered)
    #expect(desk.it.phase == .transferred && desk.it.voice == .answered && desk.say == .answered)
    #expect(!desk.it.flags.contains(.late) && desk.it.report == .none)
    #expect(desk.it.deadlineKind == .closing)
    #expect(desk.it.deadline == desk.now.advanced(by: 7 * 86_400_000))
    desk.wait(5_000)
    desk.on(.receipt)
    #expect(desk.it.data == .confirmed && !desk.effects.contains(.cross))
    #expect(desk.it.deadline == desk.now.advanced(by: 86_400_000))
    desk.fire()
    #expect(desk.it.phase == .closed && desk.effects == .end && desk.it.deadlineKind == .none)
  }

  @Test("a failed transfer orders the fallback and raises the report in the same step")
  func failedThenTold() {
    var desk = Desk([.crime])
    desk.on(.transferStarted)
    desk.on(.transferFailed, cause: .trunk)
    #expect(desk.it.phase == .transferring && desk.it.voice == .failed && desk.it.cause == .trunk)
    #expect(desk.say == .transferFailed && desk.effects == [.cross, .report, .alarm])
    #expect(desk.it.report == .raised && desk.it.reportKind == .cannotTransfer)
    #expect(desk.it.reportedAt == desk.now.wall)
    desk.on(.callerTold)
    #expect(desk.it.phase == .callerTold && desk.it.toldAt == desk.now.wall)
    #expect(desk.effects.contains(.cross))
    desk.on(.transferStarted)
    #expect(desk.it.phase == .callerTold && desk.it.voice == .ringing)
    desk.on(.transferAnswered)
    #expect(desk.it.phase == .transferred && desk.it.deadlineKind == .reminder)
    desk.on(.reportAcknowledged)
    #expect(desk.it.report == .acknowledged && desk.effects == [])
    #expect(desk.it.deadlineKind == .closing)
  }

  @Test("telling the caller without a failed transfer reports the anomaly too")
  func toldAlone() {
    var desk = Desk([.crime])
    desk.on(.callerTold)
    #expect(desk.it.report == .raised && desk.effects.contains(.report))
  }

  @Test("the minute goes on for a caller who was told, and only notes that it passed")
  func toldThenMinute() {
    var desk = Desk([.crime])
    desk.on(.transferFailed, cause: .network)
    desk.on(.callerTold)
    desk.on(.reportAcknowledged)
    desk.fire()
    desk.fire()
    desk.fire()
    #expect(desk.it.phase == .callerTold && desk.it.flags.contains(.late) && desk.say == .none)
    #expect(desk.it.report == .acknowledged && desk.it.deadlineKind == .closing)
    #expect(desk.effects == [.cross, .alarm])
    var unread = Desk([.crime])
    unread.on(.callerTold)
    for _ in 1...3 { unread.fire() }
    #expect(unread.effects == [.cross, .alarm, .report])
    #expect(unread.it.reportKind == .cannotTransfer && unread.it.deadlineKind == .reminder)
  }

  @Test("a missed minute is late, said, alarmed and reported at once, and reminded of until done")
  func late() {
    var desk = Desk([.crime])
    desk.fire()
    desk.fire()
    desk.fire()
    #expect(desk.it.phase == .late && desk.it.flags.contains(.late) && desk.say == .late)
    #expect(desk.it.report == .raised && desk.it.reportKind == .late)
    #expect(desk.effects == [.cross, .report, .alarm])
    #expect(desk.it.lateAt == desk.it.minute.wall)
    for _ in 1...3 {
      let last = desk.now
      #expect(desk.it.deadlineKind == .reminder)
      #expect(desk.it.deadline == last.advanced(by: 60_000))
      desk.fire()
      #expect(desk.say == .reminder && desk.effects == [.report, .alarm])
    }
    desk.on(.transferAnswered)
    #expect(desk.it.phase == .transferred && desk.it.flags.contains(.late))
    #expect(desk.it.deadlineKind == .reminder)
    desk.fire()
    #expect(desk.effects == .report)
    desk.on(.reportAcknowledged)
    #expect(desk.it.deadlineKind == .closing)
  }

  @Test("events do not put a reminder off")
  func steadyReminder() {
    var desk = Desk([.crime], ageMs: 70_000)
    let due = desk.it.deadline
    desk.wait(40_000)
    desk.update([])
    desk.on(.transferStarted)
    #expect(desk.it.deadlineKind == .reminder && desk.it.deadline == due)
  }

  @Test("what was decided after its minute is late at once")
  func decidedLate() {
    let desk = Desk([.crime], ageMs: 60_000)
    #expect(desk.it.phase == .late && desk.say == .late && desk.it.report == .raised)
    #expect(desk.effects == [.cross, .report, .alarm])
    #expect(Desk([.crime], ageMs: 59_999).it.phase == .transferring)
    #expect(Desk([.crime], ageMs: -2_000).it.minute == desk.now.advanced(by: 60_000))
  }

  @Test("by policy the minute starts at the decision")
  func fromDecision() {
    let desk = Desk([.crime], ageMs: 60_000, timing: Timing(startsAt: .decided))
    #expect(desk.it.phase == .transferring)
    #expect(desk.it.minute == desk.now.advanced(by: 60_000))
  }

  @Test("a minute that passed while the unit was down is late and unattended in one step")
  func unattended() {
    var desk = Desk([.crime])
    desk.fire(lateBy: 600_000, flags: .unattended)
    #expect(desk.it.phase == .late && desk.it.flags.isSuperset(of: [.late, .unattended]))
    #expect(desk.it.lateAt == desk.it.minute.wall)
    var doubtful = Desk([.crime])
    doubtful.fire(flags: .clockUncertain)
    #expect(doubtful.it.phase == .late)
    #expect(doubtful.it.flags.isSuperset(of: [.late, .clockUncertain]))
  }

  @Test("a pre-alarm missed while the unit was down leaves the rest of the minute standing")
  func restartWithinMinute() {
    var desk = Desk([.crime])
    desk.fire(lateBy: 16_000, flags: .unattended)
    #expect(desk.it.phase == .transferring && !desk.it.flags.contains(.unattended))
    #expect(desk.it.deadlineKind == .minute)
  }

  @Test("a caller who has gone is dialled for")
  func gone() {
    var desk = Desk([.crime])
    desk.on(.callerGone)
    #expect(desk.say == .onBehalf && desk.it.flags.contains(.callerGone))
    desk.on(.callerGone)
    #expect(desk.refusal == .notNow)
    desk.on(.calledOnBehalf)
    #expect(desk.it.voice == .ringing && desk.it.flags.contains(.onBehalf))
    desk.on(.transferAnswered)
    #expect(desk.it.phase == .transferred)
    var hungUp = Desk([.crime])
    hungUp.on(.transferFailed, cause: .callerHungUp)
    #expect(hungUp.say == .onBehalf)
  }

  @Test(
    "an emergency by internet has a voice leg within the minute; nobody at it alarms the supervisor"
  )
  func internetEmergency() {
    let held = Desk([.dangerToLife], .hotline, .internet)
    #expect(held.it.phase == .online && held.it.voice == .due && !held.effects.contains(.alarm))
    var desk = Desk([.dangerToLife], .hotline, .internet, flags: [])
    #expect(desk.effects == [.cross, .alarm] && desk.it.lane == .danger)
    desk.fire()
    desk.fire()
    desk.fire()
    #expect(desk.it.phase == .late)
    desk.on(.transferAnswered)
    #expect(desk.it.phase == .transferred)
    let own = Desk([.dangerToLife], .police, .internet)
    #expect(own.it.phase == .accepted && own.it.voice == .due && own.it.data == .queued)
    let calm = Desk([.crime], .hotline, .internet)
    #expect(calm.it.phase == .online && calm.it.voice == .none)
    #expect(calm.it.deadlineKind == .closing)
  }

  @Test("a crossing nobody confirmed is carried seven days, then expired and alarmed")
  func expired() {
    var desk = Desk([.crime], .hotline, .internet)
    desk.wait(1_000)
    desk.on(.closed)
    #expect(desk.it.phase == .closed && desk.effects == .cross)
    #expect(desk.it.deadline == desk.now.advanced(by: 7 * 86_400_000))
    desk.fire()
    #expect(desk.it.data == .expired && desk.effects == [.alarm, .end])
    desk.on(.receipt)
    #expect(desk.refusal == .notNow, "nobody counts wrong codes of what has ended")
    desk.update([])
    #expect(desk.it.data == .queued && desk.effects.contains(.cross))
  }

  @Test("a later change crosses again after a receipt")
  func crossesAgain() {
    var desk = Desk([.crime])
    desk.on(.receipt)
    #expect(desk.it.data == .confirmed)
    desk.on(.receipt)
    #expect(desk.refusal == .notNow)
    desk.update([.traffic])
    #expect(desk.it.data == .queued && desk.effects.contains(.cross))
  }
}
