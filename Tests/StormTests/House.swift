import CWeirBase
import CWeirFaultyOs
import CWeirLog
import CWeirOs
import CWeirSeal
import CWeirWorks
import Glibc
import Testing
import WeirModel
import WeirPolicy

/// C strings that live as long as a unit, which borrows them.
final class Strings {
  private var kept: [UnsafeMutablePointer<CChar>] = []

  func keep(_ text: String?) -> UnsafePointer<CChar>? {
    guard let text, let copy = strdup(text) else { return nil }
    kept.append(copy)
    return UnsafePointer(copy)
  }

  deinit { kept.forEach { free($0) } }
}

/// One unit over a lying disk, driven by hand: turns are pumped, jobs performed in place, and every
/// client lives in here.
final class House {
  struct Options {
    var role = UnitRole.outer
    var name = "kd1"
    var link = true
    var seed: UInt64 = 1
    var openMax: UInt32 = 512
    var refsMax: UInt32 = 4096
    var segmentBytes: UInt64 = 256 * 1024
    /// The key's last day, yyyy-mm-dd.
    var keyExpires = ""
    /// Keys of the epochs from 1 on; the highest seals.
    var keyEpochs = 1
    var supervisors = ["S01"]
    var secondReports = false
    /// Inner: into a directory, as a stream, and a way of the test's own.
    var directory = true
    var stream = false
    var way: UnsafePointer<weir_delivery>?
    /// The ferry beside the link, or in its place.
    var ferry = false
    var ferryOnly = false
    /// Whether an outer unit delivers what has become 12345's.
    var outbox = false
    /// Bits a second on the link that the sender reckons with; 0: no limit.
    var rate: UInt64 = 0
    var policies = [Policy.embedded]
    /// A snapshot each so many records; 0: the default.
    var snapshotRecords: UInt64 = 0
    /// How long segments are kept; 0: for ever.
    var retainMs: Int64 = 0
    /// Whether the policy's texts are journalled at start.
    var interns = true
    /// How long a start takes from what it reads to what it hears.
    var startMs: UInt64 = 0
  }

  /// 2026-11-23T18:31:00+08:00, and 1,000 s after the boot.
  static let startWall: Int64 = 1_795_429_860_000
  static let startBoot: UInt64 = 1_000_000
  private static let isTested = weir_seal_self_test() == .ok

  let options: Options
  let faulty: OpaquePointer
  let os: UnsafePointer<weir_os>
  let desk: StormDesk
  private let strings = Strings()
  private var keys: OpaquePointer?
  private(set) var unit: OpaquePointer?
  private var log: OpaquePointer?
  private var inbox: [UInt32: [UInt8]] = [:]
  private var flying: OpaquePointer?
  /// Every log line since this house was made.
  var logged: [UInt8] = []
  var problem = ""
  /// As what it is opened; at first as what its options say.
  var role: UnitRole
  /// How often it was opened.
  private(set) var openings = 0
  var spare: UInt32 = 0
  /// For each boot of the machine, the boottimes at which the unit had nothing left to do: a
  /// deadline that was due then must have fired.
  private(set) var rests: [[UInt8]: [UInt64]] = [:]
  /// The status of the last job that was performed.
  var lastJob = weir_status.ok

  init(_ options: Options = Options()) throws {
    try #require(Self.isTested)
    self.options = options
    role = options.role
    faulty = try #require(weir_faulty_os_open(options.seed))
    os = try #require(weir_faulty_os_table(faulty))
    desk = StormDesk(role: options.role, policies: options.policies)
    weir_faulty_os_set_wall_ms(faulty, Self.startWall)
    weir_faulty_os_set_boot_ns(faulty, Self.startBoot * 1_000_000)
    let file = (1...options.keyEpochs).flatMap { epoch in
      let hex = String(repeating: String(0x59 + epoch, radix: 16), count: 32)
      return Array("\(epoch) aes-256-gcm \(hex) \(options.keyExpires)\n".utf8)
    }
    var line: UInt32 = 0
    var reason = [CChar](repeating: 0, count: 96)
    let read = file.withUnsafeBufferPointer {
      weir_keyring_read(weir_bytes(at: $0.baseAddress, count: $0.count), &keys, &line, &reason)
    }
    try #require(read == .ok)
    for folder in ["/reports", "/second", "/ferry", "/disc"] {
      try #require(os.pointee.make_directory(os.pointee.context, folder) == .ok)
    }
    weir_faulty_os_settle(faulty)
  }

  deinit {
    close()
    weir_keyring_close(keys)
    weir_faulty_os_close(faulty)
  }

  // MARK: Opening and ending

  /// Opens, interns the policy's texts, and begins.
  @discardableResult
  func open() -> weir_status {
    close()
    openings += 1
    var status = weir_log_open(options.name, WEIR_LOG_INFO, 1 << 20, 1 << 18, &log)
    if status != .ok { return status }
    var o = weir_unit_options()
    o.inner = role == .inner
    o.name = strings.keep(options.name)
    o.data = strings.keep("/data")
    o.version = strings.keep("test")
    o.segment_bytes = options.segmentBytes
    o.open_max = options.openMax
    o.refs_max = options.refsMax
    let names = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: 8)
    for (index, name) in options.supervisors.enumerated() {
      (names + index).initialize(to: strings.keep(name))
    }
    kept.append(names)
    o.supervisors = UnsafePointer(names)
    o.supervisor_count = options.supervisors.count
    o.keys = options.link ? keys : nil
    o.mtu = 1500
    o.rate_bits = options.rate
    let isInner = role == .inner
    o.delivery = (isInner ? options.directory : options.outbox) ? strings.keep("/out") : nil
    o.ferry = options.ferry ? strings.keep("/ferry") : nil
    o.ferry_only = options.ferryOnly
    o.delivery_stream = isInner && options.stream
    o.delivery_way = isInner ? options.way : nil
    o.stale_ms = 30 * 60 * 1000
    o.snapshot_records = options.snapshotRecords
    o.retain_ms = options.retainMs
    o.report_directory = strings.keep("/reports")
    o.report_second = options.secondReports ? strings.keep("/second") : nil
    o.desk = desk.callbacks
    o.os = os
    o.log = log
    var said = [CChar](repeating: 0, count: 512)
    status = weir_unit_open(&o, &unit, &said)
    problem = String(decoding: said.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if status == .ok && options.interns { status = intern() }
    if status != .ok {
      close()
      return status
    }
    if options.startMs > 0 { advance(options.startMs) }
    weir_unit_begin(unit)
    var id = [UInt8](repeating: 0, count: 16)
    bootId = os.pointee.boot_id(os.pointee.context, &id) == .ok ? id : nil
    return .ok
  }

  /// Of this boot of the machine, where it could be read.
  private(set) var bootId: [UInt8]?

  private var kept: [UnsafeMutablePointer<UnsafePointer<CChar>?>] = []

  private func intern() -> weir_status {
    var all: [[UInt32]] = []
    for policy in desk.policies {
      var ids: [UInt32] = []
      for text in policy.texts {
        var id: UInt32 = 0
        let bytes = Array(text.utf8)
        let status = bytes.withUnsafeBufferPointer {
          weir_unit_intern(unit, weir_bytes(at: $0.baseAddress, count: $0.count), &id)
        }
        if status != .ok { return status }
        ids.append(id)
      }
      all.append(ids)
    }
    desk.use(ids: all)
    useTexts(of: all[desk.current])
    return .ok
  }

  private func useTexts(of ids: [UInt32]) {
    let say = desk.policy.sayText(.refused, dial: desk.policy.dialDefault, drill: false)
    weir_unit_set_refusal_texts(unit, ids[Int(desk.policy.dialDefault)], ids[Int(say)])
    let drillDial = desk.policy.drillText(desk.policy.dialDefault)
    let drillSay = desk.policy.sayText(.refused, dial: desk.policy.dialDefault, drill: true)
    weir_unit_set_drill_texts(unit, ids[Int(drillDial)], ids[Int(drillSay)])
  }

  /// Brings the next policy of the desk into force, as somebody asked for.
  func changePolicy() {
    let versions = Array(desk.change().utf8)
    for _ in 0..<3 {
      let status = versions.withUnsafeBufferPointer {
        weir_unit_policy_changed(unit, true, weir_bytes(at: $0.baseAddress, count: $0.count))
      }
      if status != .full { return }
      pump()
    }
  }

  /// Closes without stopping: the process goes.
  func close() {
    if let job = flying { weir_unit_job_done(unit, job, .ioFailed) }
    flying = nil
    takeLog()
    weir_unit_close(unit)
    weir_log_close(log)
    unit = nil
    log = nil
    inbox = [:]
    kept.forEach { $0.deallocate() }
    kept = []
  }

  /// The process dies; the machine goes on.
  func crash() {
    weir_faulty_os_crash(faulty)
    close()
  }

  /// The power goes. The wall clock goes on, the boot clock starts anew.
  func powerCut(_ seed: UInt64, darkMs: UInt64 = 5000) {
    weir_faulty_os_power_cut(faulty, seed)
    close()
    advance(darkMs)
  }

  // MARK: Time and work

  var wall: Int64 { os.pointee.wall_ms(os.pointee.context) }
  var boot: UInt64 { os.pointee.boot_ns(os.pointee.context) / 1_000_000 }

  func advance(_ milliseconds: UInt64) { weir_faulty_os_advance(faulty, milliseconds * 1_000_000) }

  func turn() -> Bool {
    let more = weir_unit_turn(unit)
    takeLog()
    return more
  }

  /// Takes the next job and performs it, without telling the unit yet.
  func beginJob() -> Bool {
    guard flying == nil, let job = weir_unit_take_job(unit) else { return false }
    flying = job
    lastJob = weir_job_perform(job, os)
    return true
  }

  func endJob() {
    guard let job = flying else { return }
    flying = nil
    weir_unit_job_done(unit, job, lastJob)
  }

  func work() -> Bool {
    guard beginJob() else { return false }
    endJob()
    return true
  }

  /// One job of the second lane.
  func workOnFiles() -> Bool {
    guard let job = weir_unit_take_file_job(unit) else { return false }
    weir_unit_file_job_done(unit, job, weir_job_perform(job, os))
    return true
  }

  /// One job of the last words.
  func workOnWords() -> Bool {
    guard let job = weir_unit_take_words_job(unit) else { return false }
    weir_unit_words_job_done(unit, job, weir_job_perform(job, os))
    return true
  }

  /// One job of the third lane.
  func workOnClosing() -> Bool {
    guard let job = weir_unit_take_closing_job(unit) else { return false }
    weir_unit_closing_job_done(unit, job, weir_job_perform(job, os))
    return true
  }

  /// Turns and jobs until nothing is left to do at this moment.
  func pump(_ most: Int = 2000) {
    for _ in 0..<most {
      let more = turn()
      let filed = workOnFiles()
      let closed = workOnClosing()
      let spoken = workOnWords()
      if !work() && !filed && !closed && !spoken && !more {
        noteRest()
        return
      }
    }
    Issue.record("the unit does not come to rest")
  }

  private func noteRest() {
    let isFailing = weir_unit_last_words(unit).count > 0
    if !isFailing, failed == .ok, let bootId { rests[bootId, default: []].append(boot) }
  }

  /// What happened before a disk was restored is in no journal any more.
  func forgetRests() { rests = [:] }

  /// Time passes in steps, with work at every one.
  func pass(_ milliseconds: UInt64, step: UInt64 = 50) {
    var left = milliseconds
    while left > 0 {
      let span = min(step, left)
      advance(span)
      pump()
      left -= span
    }
  }

  var failed: weir_status { weir_unit_failed(unit) }

  /// Stops cleanly and closes; false when it did not come to its end.
  func stop() -> Bool {
    weir_unit_stop(unit)
    pump()
    let stopped = weir_unit_stopped(unit)
    close()
    return stopped
  }

  private func takeLog() {
    guard let log else { return }
    while true {
      let piece = weir_log_peek(log)
      if piece.count == 0 { return }
      logged.append(contentsOf: UnsafeBufferPointer(start: piece.at, count: piece.count))
      weir_log_consume(log, piece.count)
    }
  }

  // MARK: Clients

  func connect(control: Bool = false) throws -> UInt32 {
    try #require(connectIfOpen(control: control))
  }

  /// Nil when the unit takes no connection: it fails, or it is full.
  func connectIfOpen(control: Bool = false) -> UInt32? {
    var number: UInt32 = 0
    guard weir_unit_connect(unit, control, &number) == .ok else { return nil }
    inbox[number] = []
    return number
  }

  func disconnect(_ client: UInt32) {
    weir_unit_disconnect(unit, client)
    inbox[client] = nil
  }

  /// Gives bytes as they are, and then the end of all input.
  func end(_ client: UInt32, with bytes: [UInt8] = []) {
    give(client, bytes)
    weir_unit_hang_up(unit, client)
  }

  /// Gives bytes from `start` on, as far as the unit has room for them; the count that it took.
  @discardableResult
  func give(_ client: UInt32, _ bytes: [UInt8], from start: Int = 0) -> Int {
    var room = 0
    guard let space = weir_unit_space(unit, client, &room), room > 0 else { return 0 }
    let count = min(room, bytes.count - start)
    bytes.withUnsafeBufferPointer {
      if let base = $0.baseAddress { space.update(from: base + start, count: count) }
    }
    weir_unit_filled(unit, client, count)
    return count
  }

  /// Gives lines in full, with turns between where there is no room.
  func send(_ client: UInt32, _ lines: String...) {
    let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
    var given = 0
    for _ in 0..<10_000 where given < bytes.count {
      let taken = give(client, bytes, from: given)
      given += taken
      if taken == 0 { pump() }
    }
  }

  /// The whole lines that may leave, and have now left.
  func receive(_ client: UInt32) -> [Line] {
    while true {
      let output = weir_unit_output(unit, client)
      if output.count == 0 { break }
      inbox[client, default: []].append(
        contentsOf: UnsafeBufferPointer(start: output.at, count: output.count))
      weir_unit_written(unit, client, output.count)
    }
    guard let waiting = inbox[client], let last = waiting.lastIndex(of: 10) else { return [] }
    inbox[client] = Array(waiting[(last + 1)...])
    return waiting[..<last].split(separator: 10).map { Line($0) }
  }

  /// Sends lines, pumps, and gives the answers.
  func ask(_ client: UInt32, _ lines: String...) -> [Line] {
    for line in lines { send(client, line) }
    pump()
    return receive(client)
  }

  /// One request, one answer.
  func one(_ client: UInt32, _ line: String) throws -> Line {
    let answers = ask(client, line)
    try #require(answers.count == 1, "\(line) → \(answers)")
    return answers[0]
  }

  // MARK: Files

  func names(in directory: String) -> [String] {
    var found: [String] = []
    _ = withUnsafeMutablePointer(to: &found) {
      os.pointee.list(
        os.pointee.context, directory,
        { user, name in
          guard let user, let name else { return .invalid }
          user.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
          return .ok
        }, $0)
    }
    return found.filter { !$0.hasPrefix(".") }
  }

  func content(_ path: String) -> Line {
    var size: UInt64 = 0
    guard weir_faulty_os_file_size(faulty, path, &size) == .ok, size > 0 else { return Line([]) }
    var bytes = [UInt8](repeating: 0, count: Int(size))
    var got = 0
    _ = weir_faulty_os_peek(faulty, path, 0, &bytes, bytes.count, &got)
    return Line(bytes[..<got])
  }

  /// Copies the journal's files, as they are seen, into another world.
  func copyJournal(to other: House) {
    let table = other.os
    for folder in ["/data", "/data/journal"] {
      _ = table.pointee.make_directory(table.pointee.context, folder)
    }
    for name in names(in: "/data/journal") where name.hasSuffix(".wal") {
      let bytes = content("/data/journal/" + name).bytes
      var file: OpaquePointer?
      _ = table.pointee.open(
        table.pointee.context, "/data/journal/" + name, WEIR_OPEN_CREATE, &file)
      _ = bytes.withUnsafeBufferPointer {
        table.pointee.write_at(
          table.pointee.context, file, 0, weir_bytes(at: $0.baseAddress, count: $0.count))
      }
      table.pointee.close(table.pointee.context, file)
    }
    weir_faulty_os_settle(other.faulty)
  }
}
