import Foundation
import WeirMeasure

/// What one run of a scenario came to.
struct Outcome {
  enum Event { case answered, delivered }

  let evidence: Evidence
  let findings: [Finding]
  let alarms: Int
  let seconds: Double
  var sent: UInt64 = 0
  var refused: UInt64 = 0
  var refusal = ""
  var lateSends: UInt64 = 0
  var generatorMicroseconds = 0.0
  var outerMicroseconds: Double?
  var innerMicroseconds: Double?
  /// The longest turn of each unit's loop in the last one to two minutes, milliseconds.
  var outerTurn: Double?
  var innerTurn: Double?
  var answered = Latencies("answered")
  var delivered = Latencies("delivered")
  /// Delivered, by lane.
  private(set) var lanes: [Latencies] = []
  private(set) var timeline: [Timeline.Second] = []

  init(evidence: Evidence, alarms: Int, seconds: Double) {
    self.evidence = evidence
    self.alarms = alarms
    self.seconds = seconds
    findings = Oracle().judge(evidence)
  }

  /// Notes one latency.
  ///
  /// - Parameters:
  ///   - second: of the run in which its request was planned.
  ///   - lane: of a delivery.
  mutating func note(_ event: Event, _ second: Int, _ nanoseconds: UInt64, lane: String = "") {
    while timeline.count <= second { timeline.append(Timeline.Second()) }
    if event == .answered {
      answered.add(nanoseconds)
      timeline[second].answered += 1
      timeline[second].answerMaxNs = max(timeline[second].answerMaxNs, nanoseconds)
      return
    }
    delivered.add(nanoseconds)
    timeline[second].delivered += 1
    timeline[second].deliveryMaxNs = max(timeline[second].deliveryMaxNs, nanoseconds)
    if !lanes.contains(where: { $0.name == lane }) { lanes.append(Latencies(lane)) }
    for index in lanes.indices where lanes[index].name == lane { lanes[index].add(nanoseconds) }
  }

  func lane(_ name: String) -> Latencies? { lanes.first { $0.name == name } }
}
