import Foundation
import Testing
import WeirHandover
import WeirModel

/// One letter a phase, in the order of `Phase.allCases`.
private let phaseLetters: [Character: Phase] = Dictionary(
  uniqueKeysWithValues: zip("ATLDCOKFVGREZ", Phase.allCases))

/// One letter a verb.
private let ruleLetters: [Character: Rule] = [
  ".": .notNow, "r": .ring, "a": .answer, "f": .fail, "t": .tell, "d": .depart, "s": .standIn,
  "c": .confer, "j": .join, "g": .agree, "k": .firstReceiver, "!": .raise, "-": .clear,
  "v": .verify, "u": .guide, "b": .advise, "e": .refer, "p": .confirm, "m": .acknowledge,
  "x": .cancel, "z": .close, "y": .expire, "w": .warn, "l": .lapse, "n": .remind,
]

/// Every pair of event and phase: what the table says, and where a handover that stands as
/// `standing(in:)` says ends up when a supervisor reports the event; a dot is a refusal.
private let matrix: [(event: EventKind, rules: String, phases: String)] = [
  //                    ATLDCOKFVGREZ    ATLDCOKFVGREZ
  (.transferStarted, /**/ "rrr.rr.r.....", "ATL.CO.F....."),
  (.transferAnswered, /**/ "aaa.aa.a.....", "DDF.DD.F....."),
  (.transferFailed, /**/ "fff.ff.f.....", "ATL.CO.F....."),
  (.callerTold, /**/ "ttt..t.t.....", "CCC..C.C....."),
  (.callerGone, /**/ "ddd.ddddd....", "ATL.COKFV...."),
  (.calledOnBehalf, /**/ "sss.ss.s.....", "ATL.CO.F....."),
  (.threeWayStarted, /**/ "ccc.ccccc....", "ATL.COKFK...."),
  (.threeWayJoined, /**/ "jjj.jjjj.....", "............."),
  (.talkStarted, /**/ "..c.c.ccc....", "..L...KFK...."),
  (.agreed, /**/ "..g.g.gg.....", "..L...TT....."),
  (.notAgreed, /**/ "..k.k.kk.....", "..L...AF....."),
  (.dangerRaised, /**/ "!!!!!!!!!!!!!", "ATLDTOFFFFFFF"),
  (.dangerCleared, /**/ "-------------", "A.KD.O.K....."),
  (.verified, /**/ "........v....", "........V...."),
  (.guided, /**/ ".uuuu.u.uu...", "........GG..."),
  (.redialAdvised, /**/ "......b...b..", "..........R.."),
  (.referred, /**/ "........e.ee.", "........E.EE."),
  (.receipt, /**/ "ppppppppppppp", "ATLDCO.F....."),
  (.reportAcknowledged, /**/ "mmmmmmmmmmmmm", "..L.C........"),
  (.escalated, /**/ "!!!!!!!!!!!!!", "ATLDTOFFFFFFF"),
  (.cancelled, /**/ "xxxxxxxxxxxx.", "ZZZZZZZZZZZZ."),
  (.closed, /**/ "zzzzzzzzzzzzy", "ZZZZZZZZZZZZ."),
  (.preAlarm, /**/ "ww..ww.w.....", "............."),
  (.deadlinePassed, /**/ "ll..ll.l.....", "............."),
  (.reminder, /**/ "nnnnnnnnnnnnn", "............."),
]

/// A handover in each phase, reached the way it is reached in life.
private func standing(in phase: Phase) -> Desk {
  var desk: Desk
  switch phase {
  case .accepted: desk = Desk([.crime, .dangerToProperty], .police, .internet)
  case .transferring: desk = Desk([.crime])
  case .late: desk = Desk([.responsibilityUnclear, .dangerToPublic], ageMs: 61_000)
  case .transferred:
    desk = Desk([.crime, .dangerToProperty])
    desk.on(.transferAnswered)
  case .callerTold:
    desk = Desk([.crime])
    desk.on(.transferFailed, cause: .trunk)
    desk.on(.callerTold)
  case .online: desk = Desk([.crime, .dangerToPublic], .hotline, .internet)
  case .talking: desk = Desk([.responsibilityUnclear])
  case .dispatchedFirst: desk = Desk([.responsibilityUnclear, .dangerToPublic])
  case .verifying: desk = Desk([.scopeUnclear])
  case .guided: desk = Desk([.military])
  case .redialAdvised: desk = Desk([.nonUrgentRequest], .police, .phone, role: .inner)
  case .referred:
    desk = Desk([.nonUrgentRequest], .police, .phone, role: .inner)
    desk.on(.referred)
  case .closed:
    desk = Desk([.nonUrgentRequest])
    desk.on(.closed)
  }
  return desk
}

@Suite("Every phase meets every event")
struct MatrixTests {
  @Test("the matrix names all 25 events, each over all 13 phases")
  func isWhole() {
    #expect(matrix.map(\.event) == EventKind.allCases)
    for line in matrix {
      #expect(line.rules.count == Phase.allCases.count)
      #expect(line.phases.count == Phase.allCases.count)
    }
  }

  @Test("the table says of every pair what the notice asks", arguments: Phase.allCases)
  func table(phase: Phase) throws {
    let column = try #require(Phase.allCases.firstIndex(of: phase))
    for line in matrix {
      let rule = try #require(ruleLetters[Array(line.rules)[column]])
      #expect(Machine.row(phase, line.event) == rule, "\(phase) \(line.event)")
    }
  }

  @Test(
    "each event leads where it should or is refused and changes nothing", arguments: Phase.allCases)
  func steps(phase: Phase) throws {
    let column = try #require(Phase.allCases.firstIndex(of: phase))
    for line in matrix {
      var desk = standing(in: phase)
      let before = desk.it
      #expect(before.phase == phase)
      desk.on(
        line.event, flags: boss.union(.reached), cause: .network, owner: .police)
      let expected = phaseLetters[Array(line.phases)[column]]
      if let expected {
        #expect(desk.refusal == nil, "\(phase) \(line.event)")
        #expect(desk.it.phase == expected, "\(phase) \(line.event)")
        #expect(desk.it.revision == before.revision + 1)
      } else {
        #expect(desk.refusal == (isTheUnitsOwn(line.event) ? .unknownEvent : .notNow))
        #expect(desk.it == before, "\(phase) \(line.event)")
      }
    }
  }

  @Test("the documentation shows the diagram that the table draws")
  func documentation() throws {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let page = tests.appending(path: "../../Sources/WeirHandover/WeirHandover.docc/WeirHandover.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    #expect(text.contains("```mermaid\n\(Machine.diagram())```\n"), "\(Machine.diagram())")
  }

  @Test("the diagram draws every phase and every move of the table")
  func diagram() {
    let text = Machine.diagram()
    #expect(text.hasPrefix("stateDiagram-v2\n"))
    for phase in Phase.allCases { #expect(text.contains(" \(phase.name)")) }
    #expect(text.contains("  transferring --> transferred: transferAnswered, threeWayJoined\n"))
    #expect(text.contains("  transferring --> late: deadlinePassed\n"))
    #expect(text.contains("  any --> closed: cancelled, closed\n"))
    #expect(text.contains("  any --> dispatchedFirst: dangerRaised, escalated\n"))
    #expect(text.contains("  talking --> accepted: agreed, notAgreed"))
  }
}

private func isTheUnitsOwn(_ event: EventKind) -> Bool {
  event == .preAlarm || event == .deadlinePassed || event == .reminder
}
