// Talks: three-way calls, agreement, and the first receiver.

internal import WeirModel

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
      guard threeWay, canDial else {
        guard after.ownerOpen else { return .notNow }
        if threeWay { after.parties.insert(.open) }
        return nil
      }
      guard after.action != .explainAndGuide else { return .notNow }
      after.parties.insert(.open)
      return ring()
    }
    guard threeWay else { return nil }
    after.parties.insert(.open)
    if role == .outer && after.voice != .answered { after.voice = .ringing }
    return nil
  }

  /// Somebody joined the three-way call or left it; without a name it is the other platform. 110's
  /// joining answers an open voice leg.
  mutating func join() -> Refusal? {
    let other: Parties = role == .outer ? .police : .hotline
    let party = happening.party.isEmpty ? other : happening.party
    let talksGoOn = after.ownerOpen && !after.voiceOpen
    guard after.parties.contains(.open) || after.voice == .ringing || talksGoOn else {
      return .notNow
    }
    if after.action == .explainAndGuide { return .notNow }
    if happening.flags.contains(.left) {
      after.parties.remove(party)
      return nil
    }
    guard !after.parties.contains(party) else { return .notNow }
    after.parties.formUnion([party, .open])
    guard party == .police, role == .outer else { return nil }
    if after.phase != .talking { return after.voiceOpen ? answer() : nil }
    if after.voice != .answered { after.answeredAt = now }
    after.voice = .answered
    return nil
  }

  mutating func agree() -> Refusal? {
    guard let owner = happening.agreedOwner else { return .missingField }
    guard after.phase == .talking || after.ownerOpen else { return .notNow }
    after.ground = .agreed
    if after.phase == .talking {
      settle(owner)
      return nil
    }
    own(owner)
    guard owner == .police else { return nil }
    after.action = action(toward: .police)
    after.phase =
      after.voice == .none
      ? phase(for: after.action, voiceDue: false) : standing(for: after.action)
    return nil
  }

  /// Talks came to nothing: the platform with the earliest recorded contact keeps the matter. Where
  /// 110 dispatched first it goes on doing so.
  mutating func firstReceiver() -> Refusal? {
    guard after.phase == .talking || after.ownerOpen else { return .notNow }
    let first = earliest()
    if after.phase == .talking {
      settle(first)
    } else {
      own(first)
    }
    return nil
  }

  /// Who was reached first, and by what it is known. That 110 sent the caller here is a statement
  /// of the caller, and recorded as one.
  private mutating func earliest() -> Platform {
    if after.platform == .hotline && after.flags.contains(.redialled) {
      after.ground = .callerStatement
      return .police
    }
    after.ground = after.firstPlatform == after.platform ? .firstReceiver : .earlierContact
    return after.firstPlatform
  }

  /// Settles the owner of a matter that 110 dispatched first on.
  private mutating func own(_ platform: Platform) {
    after.owner = platform == .police ? .police : .hotline
    noteSettled(voiceDue: after.voiceDuty && platform == .police)
  }

  /// Ends talks: the platform named takes the matter. What becomes 110's gets its minute now,
  /// unless 110 is in the call and has it.
  private mutating func settle(_ platform: Platform) {
    let police = platform == .police
    let answered = police && after.policeInTalks
    after.owner = police ? .police : .hotline
    after.action = action(toward: platform)
    let urgent = after.flags.contains(.emergency)
    if police && role == .outer {
      after.flags.insert(.crosses)
      let ordinary: Lane = after.channel == .phone ? .phone : .internet
      after.lane = after.lane.or(urgent ? .danger : ordinary)
      after.dialText = UInt32(decision.policeDialText)
    }
    let phoned = urgent || after.action == .transferByPhone
    let voiceDue = police && role == .outer && phoned && !answered
    after.phase =
      answered ? standing(for: after.action) : phase(for: after.action, voiceDue: voiceDue)
    dropVoice()
    if voiceDue { openVoice(elapsed: 0) }
    noteSettled(voiceDue: voiceDue)
  }

  /// Notes when talks ended, and what is said then.
  private mutating func noteSettled(voiceDue: Bool) {
    after.decidedAt = now
    after.settledAt = now
    after.parties.remove(.open)
    let agreed = after.ground == .agreed
    if voiceDue && after.flags.contains(.callerGone) {
      say = .onBehalf
    } else if after.owner == .police {
      say =
        voiceDue
        ? (agreed ? .agreedTransfer : .firstReceiverTransfer)
        : (agreed ? .agreedPolice : .firstReceiver)
    } else if after.action == .adviseRedial12345 {
      say = .agreedRedial
    } else {
      say = agreed ? .agreedHotline : .firstReceiver
    }
  }

  /// How a matter gets from the platform that received it to the one that takes it. 110 gives
  /// nothing back over a wire; its internet channel on an outer unit stands outside its network.
  func action(toward platform: Platform) -> Action {
    switch (after.platform, platform) {
    case (.hotline, .hotline), (.police, .police): .acceptHere
    case (.hotline, .police): after.channel == .phone ? .transferByPhone : .transferOnline
    case (.police, .hotline): role == .outer ? .transferOnline : .adviseRedial12345
    }
  }
}
