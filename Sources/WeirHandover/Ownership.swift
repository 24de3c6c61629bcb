// Who takes the matter: decisions on changed facts, danger, talks, guidance and the end.

internal import WeirModel

extension Turn {
  /// Takes over the marks of a decision. A record that crosses does so for ever.
  mutating func noteMarks() {
    if decision.emergency { after.flags.insert(.emergency) }
    if decision.supervision { after.flags.insert(.supervision) }
    if decision.crosses { after.flags.insert(.crosses) }
    if decision.guarded { after.flags.insert(.guarded) }
  }

  /// Takes over the texts of a decision, by the policy's indices.
  mutating func noteTexts() {
    after.decisionText = UInt32(decision.decisionText)
    after.dialText = UInt32(decision.dialText)
  }

  /// Decides anew on facts that changed, or because danger was raised or cleared.
  ///
  /// A lane is never lowered: the revision that follows an urgent one takes its place on the link.
  mutating func decide() -> Refusal? {
    let current = after
    let clears = happening.kind == .event && happening.event == .dangerCleared
    let raises = mustDecide && !clears || added.isDanger
    let kept = keepsOwner(clears: clears)
    if kept { keepOwner(clears: clears) }
    let takesAway = current.isPolices && !decision.isPolices
    let endsVoice = current.voiceOpen && !decision.voiceDue
    if current.flags.contains(.emergency) && (takesAway || endsVoice) && !authorised {
      return .supervisorNeeded
    }
    let became = decision.emergency && !current.flags.contains(.emergency)
    noteMarks()
    if became && !happening.flags.contains(.seat) { effects.insert(.alarm) }
    if clears { noteClearing() }
    if !clears && takesAway && current.flags.contains(.emergency) { noteTakenBack() }
    // What 110 has taken does not come back, and a clearing moves nothing that is at rest.
    if takesAway && current.phase == .transferred || clears && isResting(current) { return nil }
    if !kept { noteTexts() }
    after.lane = after.lane.or(decision.lane)
    after.owner = decision.owner
    after.action = decision.action
    if decision.owner != current.owner { unsettle() }
    let moved = move(from: current, raises: raises, became: became, clears: clears)
    guard moved else { return nil }
    after.decidedAt = now
    if !clears { say = sentence }
    return nil
  }

  /// What is said where a decision moved the matter. 110, which has answered already, in talks or
  /// beside its dispatch, is not dialled again.
  private var sentence: Sentence {
    if decision.guarded { return .guarded }
    if decision.action == .dispatchFirst { return .dispatchFirst }
    return after.phase == .transferred ? .answered : .decision
  }

  /// What talks came to holds no more: a decision has given the matter another owner.
  private mutating func unsettle() {
    after.ground = .none
    after.settledAt = 0
  }

  /// Facts that this step brings and that did not hold before.
  private var added: FactSet { after.facts.subtracting(before.facts) }

  /// Whether a settled owner stays although the facts still read *unclear*: talks are not begun a
  /// second time by a fact that does not itself say so, and a dispatch under way goes on. Danger in
  /// a matter that 110 does not have always starts one, and what is 110's by section 一 or 三 says
  /// something that the talks about it did not weigh.
  private func keepsOwner(clears: Bool) -> Bool {
    guard decision.owner == .unclear, after.owner != .unclear else { return false }
    if decision.action == .dispatchFirst { return after.isPolices }
    var marks = FactSet([.responsibilityUnclear, .scopeUnclear])
    if after.owner != .police {
      marks.formUnion(FactSet.policeMatters.union(FactSet(.policeMisconduct)))
    }
    return clears || added.isDisjoint(with: marks)
  }

  /// Turns the decision into one for the settled owner.
  private mutating func keepOwner(clears: Bool) {
    decision.owner = after.owner
    decision.action = after.action
    if clears && !decision.emergency && after.action == .dispatchFirst {
      decision.action = action(toward: after.owner == .police ? .police : .hotline)
    }
    let urgent = decision.emergency
    let phoned = after.platform == .hotline && after.channel == .phone
    decision.voiceDue = role == .outer && decision.isPolices && (urgent || phoned)
    decision.crosses = role == .outer && decision.isPolices
    decision.lane = urgent && decision.isPolices ? .danger : after.lane
  }

  /// Moves phase and voice leg to where the decision has them; whether anything moved.
  private mutating func move(
    from current: Handover, raises: Bool, became: Bool, clears: Bool
  ) -> Bool {
    let same = decision.owner == current.owner && decision.action == current.action
    let holds = voiceHolds(current, became: became)
    let rests = isResting(current) && same && !raises && !became
    if decision.voiceDue && !holds && !rests {
      after.phase = phase(for: decision.action, voiceDue: true)
      openVoice(elapsed: 0)
      return true
    }
    if same && !(clears && current.voiceOpen && !decision.voiceDue) {
      guard raises && current.phase == .closed else { return false }
      after.phase = phase(for: decision.action, voiceDue: decision.voiceDue)
      return true
    }
    if holds && decision.isPolices && (decision.voiceDue || current.voice == .answered) {
      after.phase = standing(for: decision.action)
    } else {
      dropVoice()
      after.phase = phase(for: decision.action, voiceDue: decision.voiceDue)
    }
    return true
  }

  /// Whether the voice leg of a state serves the decision too: the same target, still open or
  /// answered by 110, and no emergency that came up after it was answered or the caller told. A leg
  /// that somebody dialled though none was due has no minute, and is none where one is due.
  private func voiceHolds(_ current: Handover, became: Bool) -> Bool {
    let wasGuidance = current.action == .explainAndGuide
    guard wasGuidance == (decision.action == .explainAndGuide) else { return false }
    if current.voice == .answered {
      let stands = current.phase == .transferred || current.phase == .dispatchedFirst
      return current.policeInTalks || !became && stands
    }
    guard current.voiceOpen && !(became && current.toldAt != 0) else { return false }
    return !decision.voiceDue || current.minute.isSet
  }

  /// Whether nothing is under way any more.
  private func isResting(_ current: Handover) -> Bool {
    switch current.phase {
    case .guided, .redialAdvised, .referred, .closed: true
    case .accepted: !current.voiceOpen
    default: false
    }
  }

  /// A clearing travels like a danger; it says that no patrol may be stopped because of it.
  private mutating func noteClearing() {
    if !decision.emergency { after.flags.remove(.emergency) }
    after.flags.insert(.dangerCleared)
    after.lane = .danger
    say = .dangerCleared
  }

  /// A supervisor takes an emergency away without clearing its facts: for 110 the same thing.
  private mutating func noteTakenBack() {
    after.flags.insert(.dangerCleared)
    if after.flags.contains(.crosses) { after.lane = .danger }
    say = .dangerCleared
  }

  /// Danger is raised by anybody at any time, and cleared by a supervisor with a reason.
  mutating func weighDanger(_ rule: Rule) -> Refusal? {
    mustDecide = true
    guard rule == .clear else { return nil }
    guard before.facts.isDanger else { return .notNow }
    return authorised ? nil : .supervisorNeeded
  }
}

// Guidance and the end.
extension Turn {
  /// The caller was guided. Where an emergency's target was not reached, 110 dispatches first;
  /// where it was, somebody has picked up, and nothing is left to do within a minute.
  mutating func guide() -> Refusal? {
    switch after.phase {
    case .guided:
      say = after.voice == .answered ? .answered : .decision
      return nil
    case .verifying, .talking:
      if let refusal = sendAway(to: .guided) { return refusal }
      after.owner = .neither
      after.action = .explainAndGuide
      return nil
    default:
      break
    }
    guard after.guidesUrgently else { return .notNow }
    if happening.flags.contains(.reached) {
      if after.voice != .answered { after.answeredAt = now }
      after.voice = .answered
      after.minute = .none
      after.phase = .guided
      say = .answered
      return nil
    }
    decision.owner = .unclear
    decision.action = .dispatchFirst
    decision.emergency = true
    decision.voiceDue = role == .outer
    decision.crosses = role == .outer
    decision.lane = .danger
    mustDecide = true
    return nil
  }

  /// The caller was advised to redial 12345.
  mutating func advise() -> Refusal? {
    say = .decision
    guard after.phase == .talking else { return nil }
    guard role == .inner else { return .notNow }
    if let refusal = sendAway(to: .redialAdvised) { return refusal }
    after.owner = .hotline
    after.action = .adviseRedial12345
    return nil
  }

  /// A caller leaves verification, or talks that only the guard began. Who was sent away twice
  /// within a day goes a third time only at a supervisor's word.
  private mutating func sendAway(to phase: Phase) -> Refusal? {
    let guarded = after.flags.contains(.guarded) || happening.flags.contains(.sentAwayTwice)
    if after.phase == .talking && !after.flags.contains(.guarded) { return .notNow }
    guard !guarded || authorised else { return .supervisorNeeded }
    after.phase = phase
    after.decidedAt = now
    say = .decision
    return nil
  }

  mutating func refer() -> Refusal? {
    guard after.phase != .referred else { return nil }
    after.phase = .referred
    after.action = .referToDepartment
    after.decidedAt = now
    return nil
  }

  /// Withdrawing an emergency counts as clearing its danger.
  mutating func cancel() -> Refusal? {
    guard !after.flags.contains(.emergency) || authorised else { return .supervisorNeeded }
    if after.flags.contains(.emergency) { noteTakenBack() }
    shut()
    return nil
  }

  /// Closing before 110 has answered or the record is confirmed across counts as clearing an
  /// emergency, and takes a supervisor over any open voice leg; an emergency's guidance ends when
  /// the caller was helped.
  mutating func close() -> Refusal? {
    let unproven = after.voice != .answered && after.data != .confirmed
    let urgent = role == .outer && after.flags.contains(.emergency)
    let early = unproven && (urgent || after.voiceDuty) || after.guidanceDuty
    guard !early || authorised else { return .supervisorNeeded }
    if early && urgent { noteTakenBack() }
    shut()
    return nil
  }

  /// The last duty is long done. An unconfirmed crossing was carried for its time: it is listed as
  /// expired and alarmed.
  mutating func expire() -> Refusal? {
    if after.data == .queued {
      after.data = .expired
      effects.insert(.alarm)
    }
    tells110 = false
    shut()
    return nil
  }

  private mutating func shut() {
    after.phase = .closed
    if after.voice == .due || after.voice == .ringing { after.voice = .none }
    after.minute = .none
  }
}
