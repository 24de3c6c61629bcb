import Foundation
import Testing

/// The code checks itself: every rule over every file that belongs to the repository.
struct TidyTests {
  @Test("the house keeps its rules")
  func house() throws {
    let files = try Repository.files()
    #expect(files.contains { $0.path == "Package.swift" })
    let paths = files.map(\.path)
    var findings = RoomRules.proofs(paths) + RoomRules.strays(paths)
    for (path, bytes) in files {
      let binary = RoomRules.binary(path: path, bytes: bytes)
      findings += binary
      guard binary.isEmpty, let text = String(validating: bytes, as: UTF8.self) else { continue }
      if path == "Package.swift" {
        findings += RoomRules.orphans(manifest: text, paths: paths)
      }
      let source = Source(path: path, text: text)
      for rule in Self.rules { findings += rule(source) }
    }
    if !findings.isEmpty {
      let list = findings.sorted().map(\.description).joined(separator: "\n")
      Issue.record("\(findings.count) findings:\n\(list)")
    }
  }

  /// The rules that look at one file.
  static let rules: [@Sendable (Source) -> [Finding]] = [
    TextRules.lines, TextRules.length, TextRules.functions, TextRules.leftovers,
    TextRules.machinePaths, HouseRules.oneDoor, HouseRules.bannedCalls, HouseRules.loopLibrary,
    HouseRules.systemCalls, RoomRules.stories,
  ]
}

/// The files of the repository that this test was built from.
enum Repository {
  /// Every file that is tracked, or would be if all were added: what `.gitignore` names is none.
  static func files() throws -> [(path: String, bytes: [UInt8])] {
    let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let git = Process()
    git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    git.arguments = [
      "git", "-c", "safe.directory=*", "-C", root.path, "ls-files", "-z", "--cached", "--others",
      "--exclude-standard",
    ]
    let output = Pipe()
    git.standardOutput = output
    try git.run()
    let names = output.fileHandleForReading.readDataToEndOfFile()
    git.waitUntilExit()
    try #require(git.terminationStatus == 0, "git knows which files belong to the repository")
    return try names.split(separator: 0).sorted { $0.lexicographicallyPrecedes($1) }.compactMap {
      let path = String(decoding: $0, as: UTF8.self)
      let file = root.appending(path: path)
      var isDirectory: ObjCBool = false
      // A file that was removed and not yet committed is still in git's list.
      guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isDirectory),
        !isDirectory.boolValue
      else { return nil }
      return (path, Array(try Data(contentsOf: file)))
    }
  }
}
