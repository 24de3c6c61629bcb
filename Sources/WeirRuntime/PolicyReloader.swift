import Foundation
import WeirConfiguration
import WeirCore
import WeirModel
import WeirPolicy

/// Changes the policy of a running unit, without a restart and without losing a message.
///
/// Happy path: the configuration file says anew what it names under `policy`, and nothing else; the
/// files are read and compiled off the loop; no emergency of the journal would be kept from 110;
/// copies are put on the shelf; then, on the loop thread and between two batches, their texts are
/// journalled, the change itself is, and the desk goes over to them.
///
/// What can go wrong: anything in those files, a version that was used for another text, an
/// emergency that would be lost → the policy in force goes on, and whoever asked is told why. The
/// journal has no room → tried again a moment later.
final class PolicyReloader: Sendable {
  /// What a reload was asked by.
  enum Occasion: Sendable {
    case signal
    case request(ReloadRequest)

    var isRequest: Bool {
      if case .request = self { true } else { false }
    }
  }

  private let unit: CoreUnit
  private let desk: UnitDesk
  private let configuration: UnitConfiguration
  private let shelf: PolicyShelf
  private static let triesMax = 400
  /// An answer line has room for six times as many, so that each may be escaped.
  private static let briefBytesMax = 8192

  init(unit: CoreUnit, desk: UnitDesk, configuration: UnitConfiguration) {
    self.unit = unit
    self.desk = desk
    self.configuration = configuration
    shelf = PolicyShelf(data: configuration.data)
  }

  /// Reloads once for each occasion, one after the other.
  func run(_ occasions: AsyncStream<Occasion>, from start: PolicyBook) async {
    var current = start
    for await occasion in occasions {
      switch await prepare(occasion, current) {
      case .success(let book):
        let asked = occasion.isRequest
        if let book, await adopt(book, asked: asked) { current = book }
        if book == nil { await keep("", asked: asked) }
      case .failure(let refusal):
        await keep(refusal.why, asked: occasion.isRequest)
      }
    }
  }

  private struct Refusal: Error {
    let why: String
  }

  /// The documents to go over to; nil when they are those in force.
  private func prepare(
    _ occasion: Occasion, _ current: PolicyBook
  ) async -> Result<PolicyBook?, Refusal> {
    var path = ""
    var isForced = false
    if case .request(let request) = occasion {
      path = request.policy
      isForced = request.isForced
    }
    return await offLoop { [path, isForced] in
      do throws(Refusal) {
        let paths = try path.isEmpty ? self.configured() : [path]
        return self.read(paths, current, isForced: isForced)
      } catch {
        return .failure(error)
      }
    }
  }

  /// What the configuration file names by now; its other keys count at the next start.
  private func configured() throws(Refusal) -> [String] {
    let (unit, problems) = Configuration.read(file: configuration.file)
    guard let unit else {
      throw Refusal(why: problems.map { "\($0)" }.joined(separator: "\n"))
    }
    return unit.policies
  }

  private func read(
    _ paths: [String], _ current: PolicyBook, isForced: Bool
  ) -> Result<PolicyBook?, Refusal> {
    let book: PolicyBook
    do throws(PolicyFilesError) {
      book = try PolicyFiles.read(paths)
    } catch {
      return .failure(Refusal(why: "\(error)"))
    }
    if book.policies.map(\.source) == current.policies.map(\.source) { return .success(nil) }
    if let why = book.policies.lazy.compactMap({ self.shelf.refusal(of: $0) }).first {
      return .failure(Refusal(why: why))
    }
    do throws(CoreError) {
      if !isForced, let why = try whatWouldBeLost(by: book) { return .failure(Refusal(why: why)) }
      for policy in book.policies { try shelf.put(policy) }
    } catch {
      return .failure(Refusal(why: error.message))
    }
    return .success(book)
  }

  /// Why a policy is refused that would have kept emergencies from 110.
  private func whatWouldBeLost(by book: PolicyBook) throws(CoreError) -> String? {
    let lost = try PastEmergencies.lost(
      by: book, role: configuration.role, data: configuration.data, unit: configuration.name)
    guard !lost.isEmpty else { return nil }
    let some = lost.prefix(5).joined(separator: ", ")
    return "\(lost.count) kinds of past emergencies would no longer go to 110, as \(some). "
      + "Look at them with `weir policy rehearse`; force it with a reason and two names"
  }

  /// On the loop thread, between two batches. False: the policy in force goes on.
  private func adopt(_ book: PolicyBook, asked: Bool) async -> Bool {
    for _ in 0..<Self.triesMax {
      let outcome = await onLoop { [self] in attempt(book, asked: asked) }
      switch outcome {
      case .done: return true
      case .refused(let why):
        await keep(why, asked: asked)
        return false
      case .gone: return false
      case .noRoom: try? await Task.sleep(for: .milliseconds(5))
      }
    }
    await keep("the journal or the table of texts had no room for it", asked: asked)
    return false
  }

  private enum Attempt: Sendable {
    case done, noRoom, gone
    case refused(String)
  }

  private func attempt(_ book: PolicyBook, asked: Bool) -> Attempt {
    do throws(CoreError) {
      guard let held = try Self.hold(book.policies, configuration, unit) else { return .noRoom }
      let versions = book.policies.map(\.version)
      guard try unit.policyChanged(versions, asked: asked) else { return .noRoom }
      desk.use(book, held)
      Self.speakRefusals(of: book.policy(at: Self.now), held, unit)
      return .done
    } catch {
      return .refused(error.message)
    }
  }

  private func keep(_ why: String, asked: Bool) async {
    _ = await onLoop { [self] in
      unit.policyKept(Self.brief(why), asked: asked)
      return .done
    }
  }

  /// As much of a refusal as fits into an answer line: a file can be wrong in each of its lines.
  static func brief(_ why: String) -> String {
    let lines = why.split(separator: "\n")
    var left = briefBytesMax
    let told = lines.prefix { line in
      left -= line.utf8.count + 1
      return left >= 0
    }
    guard told.count < lines.count else { return why }
    let text =
      told.isEmpty
      ? String(decoding: why.utf8.prefix(briefBytesMax), as: UTF8.self)
      : told.joined(separator: "\n")
    return text + "\n… \(lines.count - told.count) more; "
      + "`weir check` or `weir policy check` names all of them"
  }

  private func onLoop(_ body: @escaping @Sendable () -> Attempt) async -> Attempt {
    await withCheckedContinuation { continuation in
      unit.onLoop { isLive in continuation.resume(returning: isLive ? body() : .gone) }
    }
  }

  /// Reading a journal takes its time: it has a thread of its own.
  private func offLoop<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      let thread = Thread { continuation.resume(returning: body()) }
      thread.name = "weir-policy"
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

  /// Policies with the durable ids of their texts; nil when the journal has no room just now.
  static func hold(
    _ policies: [Policy], _ configuration: UnitConfiguration, _ unit: CoreUnit
  ) throws(CoreError) -> [HeldPolicy]? {
    var held: [HeldPolicy] = []
    for policy in policies {
      var timing = policy.timing
      // How long a crossing is carried is the operator's to say (`link.keep`).
      if let link = configuration.link { timing.keepMs = Int64(clamping: link.keepMs) }
      guard let ids = try unit.intern(policy.texts) else { return nil }
      held.append(HeldPolicy(policy, timing: timing, ids: ids))
    }
    return held
  }

  /// What refusals and alarms say from now on.
  static func speakRefusals(of policy: Policy, _ held: [HeldPolicy], _ unit: CoreUnit) {
    guard let ids = held.first(where: { $0.policy.version == policy.version })?.ids else { return }
    let say = policy.sayText(.refused, dial: policy.dialDefault, drill: false)
    unit.setRefusalTexts(dial: ids[Int(policy.dialDefault)], say: ids[Int(say)])
    let drillDial = policy.drillText(policy.dialDefault)
    let drillSay = policy.sayText(.refused, dial: policy.dialDefault, drill: true)
    unit.setDrillTexts(dial: ids[Int(drillDial)], say: ids[Int(drillSay)])
  }
}
