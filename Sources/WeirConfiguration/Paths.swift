/// Reads paths, and sees to it that none serves two purposes.
final class Paths {
  /// What stands at a path.
  enum Kind {
    case directory, file, socket
  }

  /// Bytes of a Unix socket's path: `sun_path` holds 108 with its zero.
  private static let socketBytesMax = 107
  /// Bytes of any path: Linux's PATH_MAX holds 4,096 with its zero.
  private static let bytesMax = 4095

  private let findings: Findings
  private var taken: [String: String] = [:]

  init(findings: Findings) {
    self.findings = findings
  }

  /// The absolute path of a key in its shortest form; nil when the key is missing or wrong.
  func path(_ section: Section, _ key: String, as kind: Kind) -> String? {
    section.text(key).flatMap { path($0, section, key, as: kind) }
  }

  /// The absolute paths of a key that has one of them or a list; those that are wrong are left out.
  func paths(_ section: Section, _ key: String, as kind: Kind) -> [String] {
    guard section.isList(key) else { return [path(section, key, as: kind)].compactMap { $0 } }
    return section.list(key)?.compactMap { path($0.text, section, key, as: kind) } ?? []
  }

  private func path(_ text: String, _ section: Section, _ key: String, as kind: Kind) -> String? {
    let parts = text.split(separator: "/").filter { $0 != "." }
    if let fault = fault(of: text, parts, kind) {
      section.bad(key, fault, hint: "write the path in full, as in /var/lib/weir")
      return nil
    }
    let path = "/" + parts.joined(separator: "/")
    let most = kind == .socket ? Self.socketBytesMax : Self.bytesMax
    guard path.utf8.count <= most else {
      section.bad(
        key, "is \(path.utf8.count) bytes long; a \(kind)'s path has at most \(most)",
        hint: "choose a shorter path, as in /run/weir")
      return nil
    }
    take(path, section, key)
    return path
  }

  /// Why a text is not a path of that kind; nil when it is one.
  private func fault(of text: String, _ parts: [Substring], _ kind: Kind) -> String? {
    if !text.hasPrefix("/") { return "must be an absolute path, not \(shown(text))" }
    if parts.isEmpty { return "must not be `/` itself" }
    if parts.contains("..") { return "must not contain `..`" }
    if text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      return "must not contain control characters"
    }
    if kind != .directory, text.hasSuffix("/") { return "must not end with `/`: it is a \(kind)" }
    return nil
  }

  private func take(_ path: String, _ section: Section, _ key: String) {
    if let other = taken[path] {
      section.bad(
        key, "is the same path as `\(other)`", hint: "give each of them a path of its own")
    } else {
      taken[path] = section.full(key)
    }
  }
}
