import ArgumentParser
import CWeirBenchmarks
import Foundation
import WeirCore
import WeirMeasure

/// `Benchmarks seats`: people at their desks.
struct SeatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "seats",
    abstract: "Thousands of seats with human timing: calls, transfers, receipt codes.",
    discussion: """
      Each seat waits for a call, brings it in, and when it is 110's starts the transfer, lets it \
      ring, and is answered; one in ten transfers fails at first, and the caller is told. Then \
      the seat types the receipt code that the 110 desk reads out of the delivered item, and \
      closes the matter. Seats share connections, as a switch's do, since a unit has 1,024. \
      --speed 20 makes people twenty times as quick; the minute stays a minute.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var files: FileOptions
  @OptionGroup var scenario: ScenarioOptions

  @Option(help: "Seats.")
  var seats = 3000

  @Option(help: "Seconds in which new calls come in; open ones are then finished.")
  var seconds = 60.0

  @Option(help: "How many times quicker than people they are.")
  var speed = 1.0

  @Option(help: "Which matters come in.")
  var mix = Mix.Kind.field

  func validate() throws {
    guard (1...20_000).contains(seats), (0.1...86_400).contains(seconds),
      (0.1...100).contains(speed)
    else { throw ValidationError("1 to 20000 seats, 0.1 to 86400 s, a speed of 0.1 to 100") }
  }

  func run() throws {
    let sheet = Sheet("seats", files, json: output.json)
    let set = ResultSet(
      "seats: \(seats) of them, \(Figure.text(speed)) times as quick, \(mix)",
      delivery: scenario.way)
    for number in 1...output.runs {
      // A call takes at least 8 s of a person's time, and at most eight answers.
      let most = Int(Double(seats) * (seconds * speed / 8 + 1) * 8) + 1000
      let trial = try Trial(scenario.stage(), most: most, compare: 0)
      let requests = try trial.mix(mix, bytes: scenario.bytes)
      let count = min(Int(max(scenario.connections, 100)), seats, 1000)
      let room = try SeatRoom(trial, requests, seats: seats, connections: count, speed: speed)
      try room.work(seconds: seconds) { text in
        Sheet.progress("\(set.name), run \(number) of \(output.runs): \(text)")
      }
      try trial.settle()
      set.add(try trial.finish(), offered: nil)
      set.add("calls", "", Double(room.calls))
      set.add("transfers answered", "", Double(room.transfers))
      set.add("receipt codes accepted", "", Double(room.receipts))
    }
    sheet.add(set)
    try sheet.finish()
  }
}

/// All seats, on one thread: what is due is sent, what is answered moves its seat on.
private final class SeatRoom {
  private enum Step {
    case idle, ringing, retrying, telling, answering, typing, closing
  }

  private struct Seat {
    var step = Step.idle
    var number: UInt64 = 0
    var kind: UInt16 = 0
    var handover = ""
    var key: UInt64 = 0
    var willFail = false
  }

  private struct Flight {
    let seat: Int
    let plannedNs: UInt64
    let receivedMs: Int64
    let isIntake: Bool
  }

  private let trial: Trial
  private let mix: Mix
  private let speed: Double
  private var seats: [Seat]
  private var clients: [LineClient]
  private var flights: [[Flight]]
  private var heads: [Int]
  private var due = Schedule()
  private var kept: [weir_load_answer] = []
  private var receipts110: [UInt64: String] = [:]
  private var looked = 0
  private var sent: UInt64 = 0
  private var random = SystemRandomNumberGenerator()
  private var isOpen = true

  private(set) var calls = 0
  private(set) var transfers = 0
  private(set) var receipts = 0

  init(_ trial: Trial, _ mix: Mix, seats: Int, connections: Int, speed: Double) throws {
    self.trial = trial
    self.mix = mix
    self.speed = speed
    self.seats = Array(repeating: Seat(), count: seats)
    clients = try (0..<connections).map { _ in try LineClient(path: trial.stage.intake) }
    flights = Array(repeating: [], count: connections)
    heads = Array(repeating: 0, count: connections)
  }

  /// Sets what a seat does next: after so many seconds of a person's time, give or take.
  private func plan(_ seat: Int, after seconds: ClosedRange<Double>, from ns: UInt64) {
    let wait = Double.random(in: seconds, using: &random) / speed
    due.add(ns + UInt64(wait * 1e9), seat)
  }

  func work(seconds: Double, progress: (String) -> Void) throws {
    let begin = monotonicNs()
    let end = begin + UInt64(seconds * 1e9)
    // A call comes to a seat every half minute or so, not to all at once.
    for seat in seats.indices { plan(seat, after: 0...30, from: begin) }
    var said = begin
    while isOpen || flights.indices.contains(where: { heads[$0] < flights[$0].count })
      || seats.contains(where: { $0.step != .idle })
    {
      let now = monotonicNs()
      isOpen = now < end
      while let (ns, seat) = due.next(until: now) { try act(seat, plannedNs: ns) }
      lookAtDeliveries()
      try listen(untilNs: due.firstNs)
      if now > said + 1_000_000_000 {
        said = now
        progress("\(calls) calls, \(transfers) transfers, \(receipts) codes")
      }
      if now > end + UInt64(240e9 / min(speed, 4)) { throw Trouble("seats do not come to an end") }
    }
    try trial.add(kept)
    trial.count(requests: sent, seconds: Double(monotonicNs() - begin) / 1e9)
  }

  private func act(_ index: Int, plannedNs: UInt64) throws {
    let seat = seats[index]
    switch seat.step {
    case .idle:
      if isOpen { try bring(index, plannedNs) }
    case .ringing:
      if seat.willFail {
        seats[index].step = .telling
        seats[index].willFail = false
        try report(index, "transferFailed", #","cause":"noAnswer""#, plannedNs)
      } else {
        seats[index].step = .answering
        try report(index, "transferAnswered", "", plannedNs)
      }
    case .telling:
      seats[index].step = .retrying
      try report(index, "callerTold", "", plannedNs)
    case .retrying:
      seats[index].step = .answering
      try report(index, "transferAnswered", "", plannedNs)
    case .answering, .typing:
      // The 110 desk reads out what it was delivered; the seat asks again until it can.
      guard let code = receipts110[seat.key] else {
        plan(index, after: 0.5...1, from: plannedNs)
        return
      }
      seats[index].step = .closing
      try report(index, "receipt", #","code":"\#(code)""#, plannedNs)
    case .closing:
      seats[index].step = .idle
      try report(index, "closed", "", plannedNs)
    }
  }

  private func bring(_ index: Int, _ plannedNs: UInt64) throws {
    let kind = Int(sent) % mix.requests.count
    let (line, receivedMs) = mix.line(kind, number: sent)
    seats[index].number = sent
    seats[index].kind = UInt16(kind)
    sent += 1
    calls += 1
    try send(
      index, line,
      Flight(
        seat: index, plannedNs: plannedNs, receivedMs: receivedMs, isIntake: true))
  }

  private func report(
    _ index: Int, _ event: String, _ more: String, _ plannedNs: UInt64
  ) throws {
    let line =
      #"{"op":"event","handover":"\#(seats[index].handover)","event":"\#(event)""#
      + #","by":"A07"\#(more)}"#
    try send(index, line, Flight(seat: index, plannedNs: plannedNs, receivedMs: 0, isIntake: false))
  }

  private func send(_ index: Int, _ line: String, _ flight: Flight) throws {
    let place = index % clients.count
    flights[place].append(flight)
    try clients[place].send(line)
  }

  private func lookAtDeliveries() {
    let count = trial.taker.count
    while looked < count {
      let item = trial.taker[looked]
      receipts110[item.handover] = withUnsafeBytes(of: item.receipt) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      looked += 1
    }
  }

  private func listen(untilNs: UInt64?) throws {
    let now = monotonicNs()
    let wait = untilNs.map { $0 > now ? min(20, ($0 - now) / 1_000_000) : 0 } ?? 20
    var polls = clients.map { pollfd(fd: $0.fileDescriptor, events: Int16(POLLIN), revents: 0) }
    guard poll(&polls, nfds_t(polls.count), Int32(wait)) > 0 else { return }
    for place in polls.indices where polls[place].revents != 0 {
      while try clients[place].hasLine(withinMs: 0) {
        guard let line = try clients[place].receive(), heads[place] < flights[place].count else {
          throw Trouble("the outer unit closed a seat's connection")
        }
        let flight = flights[place][heads[place]]
        heads[place] += 1
        if heads[place] == flights[place].count {
          flights[place].removeAll(keepingCapacity: true)
          heads[place] = 0
        }
        take(line, flight)
      }
    }
  }

  private func take(_ line: String, _ flight: Flight) {
    let now = monotonicNs()
    let seat = seats[flight.seat]
    var said = Said(line)
    said.answer.number = seat.number
    said.answer.kind = seat.kind
    said.answer.planned_ns = flight.plannedNs
    said.answer.answered_ns = now
    said.answer.received_ms = flight.receivedMs
    if !flight.isIntake { said.answer.flags |= UInt8(WEIR_ANSWER_EVENT) }
    if flight.isIntake, !said.isRefusal, said.number != seat.number {
      said.answer.flags |= UInt8(WEIR_ANSWER_MISPLACED)
    }
    kept.append(said.answer)
    if said.isRefusal {
      trial.refuse(line)
      // Its matter is left as it is: the oracle still judges what became of it.
      seats[flight.seat].step = .idle
      plan(flight.seat, after: 5...55, from: now)
      return
    }
    if flight.isIntake { begin(flight.seat, said, now) } else { go(flight.seat, now) }
  }

  private func begin(_ index: Int, _ said: Said, _ now: UInt64) {
    guard said.answer.deadline_ms != 0, said.isPolices else {
      plan(index, after: 10...60, from: now)
      return
    }
    seats[index].handover = said.handover
    seats[index].key = said.answer.handover
    seats[index].willFail = Int.random(in: 0..<10, using: &random) == 0
    seats[index].step = .ringing
    plan(index, after: 3...25, from: now)
  }

  private func go(_ index: Int, _ now: UInt64) {
    switch seats[index].step {
    case .telling, .retrying: plan(index, after: 3...15, from: now)
    case .answering:
      transfers += 1
      seats[index].step = .typing
      plan(index, after: 4...12, from: now)
    case .closing:
      receipts += 1
      plan(index, after: 2...10, from: now)
    default: plan(index, after: 10...60, from: now)
    }
  }
}

/// What an answer says.
private struct Said {
  var answer = weir_load_answer()
  var isRefusal = false
  var isPolices = false
  var handover = ""
  var number: UInt64?

  init(_ line: String) {
    var line = line
    line.withUTF8 { bytes in
      guard let start = bytes.baseAddress else { return }
      start.withMemoryRebound(to: CChar.self, capacity: bytes.count) { start in
        read(weir_text(at: start, count: bytes.count))
      }
    }
  }

  private mutating func read(_ line: weir_text) {
    var tail: UInt64 = 0
    if weir_text_tail(weir_text_field(line, "ref"), &tail) { number = tail }
    isRefusal = weir_text_field(line, "error").at != nil
    if isRefusal {
      answer.flags = UInt8(WEIR_ANSWER_REFUSED)
      return
    }
    let name = weir_text_field(line, "handover")
    handover =
      name.at.map {
        String(decoding: UnsafeRawBufferPointer(start: $0, count: name.count), as: UTF8.self)
      } ?? ""
    answer.handover = weir_text_handover(name)
    answer.revision = UInt32(weir_text_number(weir_text_field(line, "revision")))
    answer.deadline_ms = weir_text_time(weir_text_field(line, "deadline"))
    if weir_text_is(weir_text_field(line, "durable"), "true") {
      answer.flags = UInt8(WEIR_ANSWER_DURABLE)
    }
    isPolices = weir_text_is(weir_text_field(line, "owner"), "110")
  }
}

/// Moments and the seats that are due then, the nearest first.
private struct Schedule {
  private var heap: [(ns: UInt64, seat: Int)] = []

  var firstNs: UInt64? { heap.first?.ns }

  mutating func add(_ ns: UInt64, _ seat: Int) {
    heap.append((ns, seat))
    var child = heap.count - 1
    while child > 0, heap[child].ns < heap[(child - 1) / 2].ns {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func next(until ns: UInt64) -> (UInt64, Int)? {
    guard let first = heap.first, first.ns <= ns else { return nil }
    heap[0] = heap[heap.count - 1]
    heap.removeLast()
    var parent = 0
    while true {
      let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < heap.count }
      guard let least = children.min(by: { heap[$0].ns < heap[$1].ns }),
        heap[least].ns < heap[parent].ns
      else { return first }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
