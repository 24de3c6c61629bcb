import Foundation

/// Reads the configuration file of a unit and says what is wrong with it, everything at once.
///
/// ```swift
/// let (unit, problems) = Configuration.read(file: "/etc/weir/weir.yaml")
/// for problem in problems { print(problem) }
/// ```
public enum Configuration {
  /// The most that a configuration file may hold.
  static let bytesMax = 1 << 20

  /// Reads a file.
  ///
  /// Looks at nothing but this one file: ``checkWorld(_:)`` compares what it says with the machine.
  /// - Returns: The configuration, nil when there is any error; and every problem, in the order of
  ///   the file.
  public static func read(file: String) -> (UnitConfiguration?, [ConfigurationProblem]) {
    let findings = Findings(file: file)
    guard let yaml = text(ofFile: file, findings: findings) else { return (nil, findings.problems) }
    return read(yaml: yaml, file: file)
  }

  /// Reads a text; `file` is the name that the problems carry.
  ///
  /// Pure but for one look-up: the name of the user this process runs as, which is in
  /// `intake.allow` when the file does not give that key.
  /// - Returns: The configuration, nil when there is any error; and every problem, in the order of
  ///   the text.
  public static func read(
    yaml: String, file: String
  ) -> (UnitConfiguration?, [ConfigurationProblem]) {
    let findings = Findings(file: file)
    let text = YamlText(yaml, findings: findings)
    let unit = ConfigurationReader(text: text, findings: findings).unit(ownUser: NSUserName())
    return (findings.hasErrors ? nil : unit, findings.problems)
  }

  /// The text of a file; what keeps it from being read goes to the findings.
  private static func text(ofFile file: String, findings: Findings) -> String? {
    let start = Place(line: 1, column: 1)
    let attributes: [FileAttributeKey: Any]
    let bytes: Data
    do {
      // Links are followed first: the attributes of a link say nothing about its file.
      let resolved = URL(fileURLWithPath: file).resolvingSymlinksInPath()
      attributes = try FileManager.default.attributesOfItem(atPath: resolved.path)
      guard attributes[.type] as? FileAttributeType == .typeRegular else {
        findings.error(at: start, "not a regular file", hint: "name the configuration file")
        return nil
      }
      guard let size = attributes[.size] as? Int, size <= bytesMax else {
        findings.error(
          at: start, "longer than \(bytesMax) bytes", hint: "name the configuration file")
        return nil
      }
      bytes = try Data(contentsOf: resolved)
    } catch {
      findings.error(
        at: start, "cannot be read: \(reason(error))",
        hint: "check the path and that this user may read it")
      return nil
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      findings.error(
        at: firstBadPlace(bytes), "not UTF-8 from here on",
        hint: "save the file as UTF-8; older Chinese editors save GB 18030")
      return nil
    }
    return text
  }

  private static func reason(_ error: any Error) -> String {
    switch (error as? CocoaError)?.code {
    case .fileReadNoSuchFile: "no such file"
    case .fileReadNoPermission: "permission denied"
    default: error.localizedDescription
    }
  }

  /// The place of the first byte that is not UTF-8.
  private static func firstBadPlace(_ bytes: Data) -> Place {
    // The repaired text has a replacement character where the first bad byte is. A file may hold
    // that character itself, as three good bytes; so what stands before is compared too.
    var place = Place(line: 1, column: 1)
    var offset = 0
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      let encoded = Array(String(scalar).utf8)
      guard bytes.dropFirst(offset).starts(with: encoded) else { return place }
      offset += encoded.count
      place =
        scalar == "\n"
        ? Place(line: place.line + 1, column: 1)
        : Place(line: place.line, column: place.column + 1)
    }
    return place
  }
}
