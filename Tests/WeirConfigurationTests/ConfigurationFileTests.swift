import Foundation
import Testing
import WeirConfiguration

/// The file itself, and the machine around it.
struct ConfigurationFileTests {
  @Test("a file that is there and good is read")
  func good() throws {
    try withFolder { folder in
      let file = try write(Good.outer.joined(separator: "\n"), to: folder, "weir.yaml")
      let link = folder.appending(path: "link.yaml")
      try FileManager.default.createSymbolicLink(
        at: link, withDestinationURL: URL(fileURLWithPath: file))
      for path in [file, link.path] {
        let (unit, problems) = Configuration.read(file: path)
        #expect(unit?.name == "kd1")
        #expect(problems == [])
      }
    }
  }

  @Test("a file that cannot be read says why")
  func unreadable() throws {
    try withFolder { folder in
      let missing = folder.appending(path: "missing.yaml").path
      #expect(told(missing) == ["\(missing):1:1: error: cannot be read: no such file"])
      #expect(told(folder.path) == ["\(folder.path):1:1: error: not a regular file"])
      #expect(told("/dev/null") == ["/dev/null:1:1: error: not a regular file"])
      let long = try write(String(repeating: "#", count: 1 << 20) + "\n", to: folder, "long.yaml")
      #expect(told(long) == ["\(long):1:1: error: longer than 1048576 bytes"])
    }
  }

  @Test("bytes that are not UTF-8 are told at the first of them")
  func encoding() throws {
    try withFolder { folder in
      let file = folder.appending(path: "gb.yaml")
      // A replacement character of the file's own comes first, and is none of the bad bytes.
      var bytes = Data("unit: outer\nname: \u{FFFD}\u{5EB7}".utf8)
      bytes.append(contentsOf: [0xBF, 0xB5, 0xB6, 0xA8, 0x0A])
      try bytes.write(to: file)
      #expect(told(file.path) == ["\(file.path):2:9: error: not UTF-8 from here on"])
    }
  }

  @Test("a machine that has everything gives no problem")
  func goodWorld() throws {
    try withFolder { folder in
      try furnish(folder)
      let told = try world(folder, lines(folder))
      #expect(told == [])
    }
  }

  @Test("what is missing on the machine is told at its key")
  func emptyWorld() throws {
    try withFolder { folder in
      let path = folder.path
      let told = try world(folder, lines(folder))
      #expect(
        told == [
          "4:9: error: `policy`: `\(path)/policy.yaml` does not exist",
          "5:19: error: `intake.socket`: directory `\(path)/run` does not exist",
          "6:39: error: `link.key`: `\(path)/link.key` does not exist",
          "8:22: error: `report.directory`: `\(path)/reports` does not exist",
          "9:12: error: `report.command`: `\(path)/notify` does not exist",
          "10:14: error: `log.file`: directory `\(path)/log` does not exist",
          "11:10: error: `control`: directory `\(path)/run` does not exist",
        ])
    }
  }

  @Test("what the unit makes itself is missing only without the directory that it is made in")
  func madeByTheUnit() throws {
    try withFolder { folder in
      try furnish(folder)
      let nowhere = folder.path + "/nowhere"
      var lines = lines(folder)
      lines[2] = "data: \(nowhere)/data"
      lines[6] = "delivery: { directory: \(nowhere)/out }"
      let told = try world(folder, lines)
      #expect(
        told == [
          "3:7: error: `data`: directory `\(nowhere)` does not exist",
          "7:24: error: `delivery.directory`: directory `\(nowhere)` does not exist",
        ])
    }
  }

  @Test("what is wrong with reports alone can be asked")
  func reportsAlone() throws {
    try withFolder { folder in
      let yaml = lines(folder).joined(separator: "\n")
      let (unit, _) = Configuration.read(yaml: yaml, file: "f")
      let told = Configuration.checkReports(try #require(unit)).map { $0.description.prefix(34) }
      #expect(
        told == ["f:8:22: error: `report.directory`:", "f:9:12: error: `report.command`: `"])
    }
  }

  @Test("a key file that others can read is told", arguments: [0o644, 0o640, 0o400, 0o700])
  func keyMode(mode: Int) throws {
    try withFolder { folder in
      try furnish(folder)
      try permit(mode, folder.appending(path: "link.key").path)
      let octal = String(mode, radix: 8)
      let told = try world(folder, lines(folder))
      #expect(
        told == [
          "6:39: error: `link.key`: `\(folder.path)/link.key` has mode 0\(octal); it must be 0600"
        ])
    }
  }

  @Test("a key file of another user is told", .enabled(if: geteuid() == 0))
  func keyOwner() throws {
    try withFolder { folder in
      try furnish(folder)
      let key = folder.appending(path: "link.key").path
      try FileManager.default.setAttributes([.ownerAccountID: 65_534], ofItemAtPath: key)
      let told = try world(folder, lines(folder))
      #expect(told.count == 1)
      #expect(told.first?.hasPrefix("6:39: error: `link.key`: `\(key)` belongs to ") == true)
    }
  }

  @Test("things of the wrong kind are told")
  func wrongKinds() throws {
    try withFolder { folder in
      try furnish(folder)
      let path = folder.path
      try FileManager.default.removeItem(atPath: path + "/link.key")
      try make(folder, directories: ["link.key", "run/intake.sock", "log/weir.log"])
      try FileManager.default.removeItem(atPath: path + "/data")
      _ = try write("", to: folder, "data")
      try permit(0o644, path + "/notify")
      let told = try world(folder, lines(folder))
      #expect(
        told == [
          "3:7: error: `data`: `\(path)/data` is not a directory",
          "5:19: error: `intake.socket`: `\(path)/run/intake.sock` is there already "
            + "and is not a socket",
          "6:39: error: `link.key`: `\(path)/link.key` is not a regular file",
          "9:12: error: `report.command`: `\(path)/notify` cannot be run",
          "10:14: error: `log.file`: `\(path)/log/weir.log` is a directory",
        ])
    }
  }

  @Test("a second report directory on the same device is a warning, an unknown user an error")
  func deviceAndUser() throws {
    try withFolder { folder in
      try furnish(folder)
      try make(folder, directories: ["second"])
      var lines = lines(folder)
      lines[4] = "intake: { socket: \(folder.path)/run/a.sock, allow: [root, no-such-user] }"
      lines[7] = "report: { directory: \(folder.path)/reports, second: \(folder.path)/second }"
      lines[8] = ""
      let told = try world(folder, lines)
      #expect(told.count == 2)
      #expect(
        told.first?.hasSuffix(
          "error: `intake.allow`: there is no user `no-such-user` on this machine") == true)
      #expect(told.last?.contains("warning: `report.second` is on the same device") == true)
    }
  }

  private func told(_ file: String) -> [String] {
    let (unit, problems) = Configuration.read(file: file)
    #expect(unit == nil)
    return problems.map(\.description)
  }

  /// An outer unit that lives in one folder.
  private func lines(_ folder: URL) -> [String] {
    let path = folder.path
    return [
      "unit: outer",
      "name: kd1",
      "data: \(path)/data",
      "policy: \(path)/policy.yaml",
      "intake: { socket: \(path)/run/intake.sock }",
      "link: { send: [198.18.0.2:7112], key: \(path)/link.key }",
      "delivery: { directory: \(path)/out }",
      "report: { directory: \(path)/reports,",
      "  command: \(path)/notify }",
      "log: { file: \(path)/log/weir.log }",
      "control: \(path)/run/control.sock",
    ]
  }

  private func world(_ folder: URL, _ lines: [String]) throws -> [String] {
    let (unit, problems) = Configuration.read(yaml: lines.joined(separator: "\n"), file: "f")
    #expect(problems == [])
    return Configuration.checkWorld(try #require(unit)).map {
      #expect($0.file == "f" && !$0.hint.isEmpty)
      return String($0.description.dropFirst(2))
    }
  }

  private func furnish(_ folder: URL) throws {
    try make(folder, directories: ["data", "run", "out", "reports", "log"])
    for name in ["policy.yaml", "link.key", "notify"] { _ = try write("", to: folder, name) }
    try permit(0o600, folder.appending(path: "link.key").path)
    try permit(0o755, folder.appending(path: "notify").path)
  }

  private func make(_ folder: URL, directories: [String]) throws {
    for name in directories {
      try FileManager.default.createDirectory(
        at: folder.appending(path: name), withIntermediateDirectories: true)
    }
  }

  private func permit(_ mode: Int, _ path: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
  }

  private func write(_ text: String, to folder: URL, _ name: String) throws -> String {
    let file = folder.appending(path: name)
    try Data(text.utf8).write(to: file)
    return file.path
  }

  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "weir-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }
}
