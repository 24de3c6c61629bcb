// Who takes the matter: decisions on changed facts, danger, talks, guidance and the end.

internal import WeirModel

extension Turn {
  /// Takes over the marks of a decision. A record that crosses does so for ever.
  mutating func noteMarks() {
    if decision.emergency { after.flags.insert(.emergency) }
    if decision.supervision { after.flags.insert(.supervision) }
    if decision.crosses { after.flags.insert(.crosses) }
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
    // What 110 has taken does not come back, and a clearing moves nothing that is at rest.
    if takesAway && current.phase == .transferred || clears && isResting(current) { return nil }
    if !kept { noteTexts() }
    after.lane = after.lane.or(decision.lane)
    after.owner = decision.owner
    after.action = decision.action
    let moved = move(from: current, raises: raises, became: became, clears: clears)
    guard moved else { return nil }
    after.decidedAt = now
    if !clears { say = decision.action == .dispatchFirst ? .dispatchFirst : .decision }
    return nil
  }

  /// Facts that this step brings and that did not hold before.
  private var added: FactSet { after.facts.subtracting(before.facts) }

  /// Whether a settled owner stays although the facts still read *unclear*: talks are not begun a
  /// second time by a fact that does not itself say so, and a dispatch under way goes on. Danger in
  /// a matter that 110 does not have always starts one.
  private func keepsOwner(clears: Bool) -> Bool {
    guard decision.owner == .unclear, after.owner != .unclear else { return false }
    if decision.action == .dispatchFirst { return after.isPolices }
    let marks = FactSet([.responsibilityUnclear, .scopeUnclear])
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
  /// answered by 110, and no emergency that came up after it was answered or the caller told.
  private func voiceHolds(_ current: Handover, became: Bool) -> Bool {
    let wasGuidance = current.action == .explainAndGuide
    guard wasGuidance == (decision.action == .explainAndGuide) else { return false }
    if current.voice == .answered {
      return !became && (current.phase == .transferred || current.phase == .dispatchedFirst)
    }
    return current.voiceOpen && !(became && current.toldAt != 0)
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

  /// Danger is raised by anybody at any time, and cleared by a supervisor with a reason.
  mutating func weighDanger(_ rule: Rule) -> Refusal? {
    mustDecide = true
    guard rule == .clear else { return nil }
    guard before.facts.isDanger else { return .notNow }
    return authorised ? nil : .supervisorNeeded
  }
}

// Talks.
extension Turn {
  /// A three-way call or a talk begins. It does not start the talks' limit again.
  mutating func confer() -> Refusal? {
    let threeWay = happening.event == .threeWayStarted
    switch after.phase {
    case .verifying:
      after.phase = .talking
      after.owner = .unclear
      after.action = threeWay ? .threeWayCall : .talk
      after.decidedAt = now
    case .talking:
      break
    default:
      guard threeWay, canDial else { return after.ownerOpen ? nil : .notNow }
      return after.action == .explainAndGuide ? .notNow : ring()
    }
    if threeWay && role == .outer && after.voice != .answered { after.voice = .ringing }
    return nil
  }

  /// 110 joined an open three-way call: where a voice leg is open that answers it.
  mutating func join() -> Refusal? {
    if after.phase == .talking {
      guard role == .outer else { return nil }
      guard after.voice == .ringing else { return .notNow }
      after.voice = .answered
      after.answeredAt = now
      return nil
    }
    if after.voice == .ringing {
      return after.action == .explainAndGuide ? .notNow : answer()
    }
    let talksGoOn = after.ownerOpen && !after.voiceOpen
    return talksGoOn ? nil : .notNow
  }

  mutating func agree() -> Refusal? {
    guard let owner = happening.agreedOwner else { return .missingField }
    if after.phase == .talking {
      settle(owner)
      return nil
    }
    guard after.ownerOpen else { return .notNow }
    after.owner = owner == .police ? .police : .hotline
    after.decidedAt = now
    say = .firstReceiver
    guard owner == .police else { return nil }
    after.action = action(toward: .police)
    after.phase =
      after.voice == .none
      ? phase(for: after.action, voiceDue: false) : standing(for: after.action)
    return nil
  }

  /// Talks came to nothing: the platform that was reached first keeps the matter. Where 110
  /// dispatched first it goes on doing so.
  mutating func firstReceiver() -> Refusal? {
    if after.phase == .talking {
      settle(after.platform)
      return nil
    }
    guard after.ownerOpen else { return .notNow }
    after.owner = after.platform == .police ? .police : .hotline
    after.decidedAt = now
    say = .firstReceiver
    return nil
  }

  /// Ends talks: the platform named takes the matter, and what becomes 110's gets its minute now.
  private mutating func settle(_ platform: Platform) {
    let police = platform == .police
    after.owner = police ? .police : .hotline
    after.action = action(toward: platform)
    after.decidedAt = now
    say = .firstReceiver
    let urgent = after.flags.contains(.emergency)
    if police && role == .outer {
      after.flags.insert(.crosses)
      let ordinary: Lane = after.channel == .phone ? .phone : .internet
      after.lane = after.lane.or(urgent ? .danger : ordinary)
    }
    let voiceDue =
      police && role == .outer && (urgent || after.action == .transferByPhone)
    after.phase = phase(for: after.action, voiceDue: voiceDue)
    dropVoice()
    if voiceDue { openVoice(elapsed: 0) }
  }

  /// How a matter gets from the platform that received it to the one that takes it. 110 gives
  /// nothing back over a wire; its internet channel on an outer unit stands outside its network.
  private func action(toward platform: Platform) -> Action {
    switch (after.platform, platform) {
    case (.hotline, .hotline), (.police, .police): .acceptHere
    case (.hotline, .police): after.channel == .phone ? .transferByPhone : .transferOnline
    case (.police, .hotline): role == .outer ? .transferOnline : .adviseRedial12345
    }
  }
}

// Guidance and the end.
extension Turn {
  /// The caller was guided. Where an emergency's target was not reached, 110 dispatches first.
  mutating func guide() -> Refusal? {
    switch after.phase {
    case .guided:
      return nil
    case .verifying:
      after.phase = .guided
      after.owner = .neither
      after.action = .explainAndGuide
      after.decidedAt = now
      return nil
    default:
      break
    }
    guard after.action == .explainAndGuide, after.voiceOpen else { return .notNow }
    if happening.flags.contains(.reached) { return answer() }
    decision.owner = .unclear
    decision.action = .dispatchFirst
    decision.emergency = true
    decision.voiceDue = role == .outer
    decision.crosses = role == .outer
    decision.lane = .danger
    mustDecide = true
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
    shut()
    return nil
  }

  /// Closing before 110 has answered or the record is confirmed across counts as clearing an
  /// emergency; closing over an open voice leg takes a supervisor whatever the matter.
  mutating func close() -> Refusal? {
    let unproven = after.voice != .answered && after.data != .confirmed
    let urgent = role == .outer && after.flags.contains(.emergency) && unproven
    guard !(urgent || after.voiceDuty) || authorised else { return .supervisorNeeded }
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
