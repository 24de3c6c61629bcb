/// Rules about the repository as a whole: its rooms, their tests, and files that belong nowhere.
enum RoomRules {
  /// Every header of a room, and every file of C, opens with its story; a header's also says what
  /// an operation costs, what bounds it and what keeps that true.
  static func stories(_ source: Source) -> [Finding] {
    guard source.isC, let room = room(of: source.path) else { return [] }
    guard source.text.hasPrefix("/*"), let end = source.text.firstRange(of: "*/") else {
      return [source.finding(1, "must open with its story, in a comment")]
    }
    guard source.path.hasPrefix("CCore/\(room)/include/") else { return [] }
    let story = source.text[..<end.lowerBound].split { " *\n/".contains($0) }
      .joined(separator: " ")
    return ["Cost:", "Bounded", "Kept true by"].filter { !story.contains($0) }
      .map { source.finding(1, "its story does not say `\($0)`") }
  }

  /// Every room has tests, and every room that decodes has a fuzz entry.
  static func proofs(_ paths: [String]) -> [Finding] {
    var findings: [Finding] = []
    for room in rooms(paths) {
      let name = room.prefix(1).uppercased() + room.dropFirst()
      let places = ["Tests/CoreTests/\(name)"] + (testedToo[room] ?? [])
      if !paths.contains(where: { path in
        path.hasSuffix("Tests.swift") && places.contains { path.hasPrefix($0) }
      }) {
        findings.append(
          Finding(path: "CCore/\(room)", line: 0, message: "has no \(places[0])Tests.swift"))
      }
      if let folder = decoders[room],
        !paths.contains(where: { $0.hasPrefix("Tests/Fuzz/\(folder)/") && $0.hasSuffix(".c") })
      {
        findings.append(
          Finding(path: "CCore/\(room)", line: 0, message: "has no Tests/Fuzz/\(folder)/*.c"))
      }
    }
    return findings
  }

  /// Rooms that decode what others wrote, and the name of what they decode.
  private static let decoders = [
    "base": "ticket", "frame": "frame", "message": "message", "journal": "journal",
    "link": "datagram", "seal": "keyfile", "works": "control",
  ]

  /// Where a room may be tested instead of in CoreTests: the hall by running the real program, the
  /// works by storms.
  private static let testedToo = ["hall": ["Tests/HouseTests/"], "works": ["Tests/StormTests/"]]

  /// Every file of C or Swift lies in a folder that the manifest names, so something builds it.
  static func orphans(manifest: String, paths: [String]) -> [Finding] {
    // Fuzz entries are built one by one with clang; the micro benchmarks are their own package.
    let folders = folders(of: manifest) + ["Tests/Fuzz/", "Benchmarks/Rooms/"]
    return paths.filter { path in
      [".swift", ".c", ".h"].contains { path.hasSuffix($0) } && path != "Package.swift"
        && !folders.contains { path.hasPrefix($0) }
    }.map { Finding(path: $0, line: 0, message: "lies in no folder that Package.swift names") }
  }

  /// The folders of a manifest's targets: by its helpers' first argument, by literal paths, and by
  /// the place that SwiftPM expects for a name.
  static func folders(of manifest: String) -> [String] {
    let quoted = manifest.split(separator: "\"", omittingEmptySubsequences: false)
    var folders: [String] = []
    for index in stride(from: 1, to: quoted.count - 1, by: 2) {
      let text = String(quoted[index])
      let before = quoted[index - 1].filter { !$0.isWhitespace }
      // A literal that goes on with `+` is only the beginning of a path.
      let goesOn = quoted[index + 1].first { !$0.isWhitespace } == "+"
      if before.hasSuffix("room(") { folders.append("CCore/\(text.lowercased())/") }
      if before.hasSuffix("system(") { folders.append("CCore/system/\(text.lowercased())/") }
      if before.hasSuffix("module(") { folders.append("Sources/\(text)/") }
      if before.hasSuffix("tests(") { folders.append("Tests/\(text)/") }
      if before.hasSuffix("support(") { folders.append("Tests/Support/\(text)/") }
      if before.hasSuffix("executableTarget(name:") || before.hasSuffix(".target(name:") {
        folders.append("Sources/\(text)/")
      }
      if before.hasSuffix("testTarget(name:") { folders.append("Tests/\(text)/") }
      if before.hasSuffix("path:"), !goesOn { folders.append("\(text)/") }
    }
    return folders
  }

  /// Files that must not be committed, by their names.
  static func strays(_ paths: [String]) -> [Finding] {
    paths.filter { $0.split(separator: "/").last == "Package.resolved" }
      .map { Finding(path: $0, line: 0, message: "must not be committed: it names one machine") }
  }

  /// Nothing binary is committed, but for the seeds of fuzz entries, which are small.
  static func binary(path: String, bytes: [UInt8]) -> [Finding] {
    let parts = path.split(separator: "/")
    if parts.count > 4, parts[0] == "Tests", parts[1] == "Fuzz", parts[3] == "corpus" {
      return bytes.count <= 65_536
        ? [] : [Finding(path: path, line: 0, message: "a seed has at most 65536 bytes")]
    }
    let isText = !bytes.contains(0) && String(validating: bytes, as: UTF8.self) != nil
    return isText ? [] : [Finding(path: path, line: 0, message: "is binary")]
  }

  /// The rooms of the core, in order.
  static func rooms(_ paths: [String]) -> [String] {
    var rooms: [String] = []
    for path in paths {
      if let room = room(of: path), !rooms.contains(room) { rooms.append(room) }
    }
    return rooms.sorted()
  }

  /// The room that a file belongs to; module maps of system libraries belong to none.
  private static func room(of path: String) -> String? {
    let parts = path.split(separator: "/")
    guard parts.count > 2, parts[0] == "CCore", parts[1] != "system" else { return nil }
    return String(parts[1])
  }
}
