import Foundation
import WeirCore
public import WeirPolicy

/// Copies of the policies that ever decided here, in the unit's data folder: an open handover keeps
/// its policy over a reload and over a restart, and a decision can be explained for as long as the
/// journal holds it.
public struct PolicyShelf: Sendable {
  /// Most policies that a unit holds beside those in force; the oldest are left on the shelf.
  static let heldMax = 16

  private let folder: String

  /// The shelf of a unit's data folder.
  public init(data: String) { folder = data + "/policies" }

  /// Why a document is not taken under its version; nil when it may be.
  public func refusal(of policy: Policy) -> String? {
    guard let used = text(of: policy.version), used != policy.source else { return nil }
    return "version \(policy.version) (\(policy.file)) was used for another text: give the changed "
      + "file a new version"
  }

  /// The documents that a start takes: where a file was changed under its version, the copy stands
  /// in for it, since open matters were decided by that one and a start must not fail for it.
  ///
  /// - Returns: the documents, and what is to be said of each file that was changed.
  func kept(_ book: PolicyBook) -> (book: PolicyBook, changed: [String]) {
    let judged = book.policies.map { (policy: $0, why: refusal(of: $0)) }
    let changed = judged.compactMap(\.why)
    guard !changed.isEmpty else { return (book, []) }
    let kept = judged.compactMap { $0.why == nil ? $0.policy : policy($0.policy.version) }
    // A later program may read a copy no longer, and copies may overlap by their days of validity.
    guard kept.count == judged.count, let taken = try? PolicyBook(kept) else {
      let how = "the copies in \(folder) cannot be taken together, so the files decide as they are"
      return (book, changed.map { "\($0); \(how)" })
    }
    return (taken, changed.map { "\($0); until then the earlier text of it decides" })
  }

  /// Puts a copy on the shelf; one that is there stays as it is.
  func put(_ policy: Policy) throws(CoreError) {
    let files = FileManager.default
    do {
      try files.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      let why = error.localizedDescription
      throw CoreError(kind: .disk, message: "\(folder) cannot be made: \(why)")
    }
    if text(of: policy.version) != nil { return }
    try DurableFile.replace(name(of: policy.version), in: folder, with: policy.source)
  }

  /// The policy of a version; nil when it never decided here.
  public func policy(_ version: String) -> Policy? {
    if version == Policy.embedded.version, text(of: version) == nil { return .embedded }
    return text(of: version).flatMap { try? Policy(yaml: $0, file: path(of: version)) }
  }

  /// The policies on the shelf, the newest first, at most ``heldMax``; what this program can no
  /// longer read is left out.
  func all() -> [Policy] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let dated = names.filter { $0.hasSuffix(".yaml") && !$0.hasPrefix(".") }.map { name in
      let attributes = try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
      return (name: name, date: attributes?[.modificationDate] as? Date ?? .distantPast)
    }.sorted { ($1.date, $1.name) < ($0.date, $0.name) }
    return dated.prefix(Self.heldMax).compactMap { name, _ in
      let path = "\(folder)/\(name)"
      guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
      return try? Policy(yaml: text, file: path)
    }
  }

  private func text(of version: String) -> String? {
    try? String(contentsOfFile: path(of: version), encoding: .utf8)
  }

  private func path(of version: String) -> String { "\(folder)/\(name(of: version))" }

  /// A version may hold a slash, a file's name may not; it never begins with a dot.
  private func name(of version: String) -> String {
    "v-" + version.replacing("%", with: "%25").replacing("/", with: "%2F") + ".yaml"
  }
}
