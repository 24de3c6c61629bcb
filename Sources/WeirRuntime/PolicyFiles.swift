import Foundation
public import WeirPolicy

/// Why policy files cannot be used.
public struct PolicyFilesError: Error, Sendable, CustomStringConvertible {
  /// What is wrong inside the files, in their order.
  public let problems: [Problem]
  /// What kept a file from being read at all; one line each.
  public let unread: [String]

  /// One line each.
  public var description: String {
    (unread + problems.map { String(describing: $0) }).joined(separator: "\n")
  }
}

/// Policies on the disk.
public enum PolicyFiles {
  /// Reads the documents of files and folders and puts them together.
  ///
  /// - Parameter paths: files, and folders of which every `.yaml` and `.yml` file counts; none
  ///   stands for the embedded policy.
  /// - Throws: everything that is wrong with all of them.
  public static func read(_ paths: [String]) throws(PolicyFilesError) -> PolicyBook {
    guard !paths.isEmpty else { return .embedded }
    var policies: [Policy] = []
    var problems: [Problem] = []
    var unread: [String] = []
    for path in paths {
      let files = files(at: path)
      if files.isEmpty { unread.append("\(path) holds no file that ends in .yaml. Put one there") }
      for file in files {
        switch text(of: file) {
        case .success(let text):
          do throws(PolicyError) {
            policies.append(try Policy(yaml: text, file: file))
          } catch {
            problems += error.problems
          }
        case .failure(let failure): unread.append(failure.words)
        }
      }
    }
    guard problems.isEmpty, unread.isEmpty else {
      throw PolicyFilesError(problems: problems, unread: unread)
    }
    do throws(PolicyError) {
      return try PolicyBook(policies)
    } catch {
      throw PolicyFilesError(problems: error.problems, unread: [])
    }
  }

  /// The file itself, or the policies of a folder by name.
  private static func files(at path: String) -> [String] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      return [path]
    }
    return names.filter { name in
      !name.hasPrefix(".") && (name.hasSuffix(".yaml") || name.hasSuffix(".yml"))
    }.sorted().map { "\(path)/\($0)" }
  }

  private struct Unread: Error {
    let words: String
  }

  private static func text(of file: String) -> Result<String, Unread> {
    guard let bytes = FileManager.default.contents(atPath: file) else {
      return .failure(
        Unread(words: "\(file) cannot be read. Check the path and that this user may read it"))
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return .failure(Unread(words: "\(file) is not UTF-8. Save it as UTF-8"))
    }
    return .success(text)
  }
}
