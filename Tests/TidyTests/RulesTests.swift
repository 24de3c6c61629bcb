import Testing

/// A planted text, and the lines that its rule must find in it; 0 stands for the whole file.
struct Planted: Sendable, CustomTestStringConvertible {
  let rule: @Sendable (Source) -> [Finding]
  let path: String
  let text: String
  let lines: [Int]

  init(
    _ rule: @escaping @Sendable (Source) -> [Finding], _ path: String, _ text: String,
    _ lines: [Int] = []
  ) {
    self.rule = rule
    self.path = path
    self.text = text
    self.lines = lines
  }

  var testDescription: String { "\(path): \(text.prefix(60))" }
}

/// The net holds: every rule finds what it is there for, and lets pass what it must.
struct RulesTests {
  @Test("a planted violation is found, and its innocent sister is not", arguments: doors + texts)
  func planted(_ planted: Planted) {
    let source = Source(path: planted.path, text: planted.text)
    #expect(planted.rule(source).map(\.line) == planted.lines)
  }

  static let doors: [Planted] = [
    Planted(
      HouseRules.oneDoor, "Sources/WeirRuntime/a.swift", "import Foundation\nimport CUV", [2]),
    Planted(HouseRules.oneDoor, "Sources/weir/a.swift", "internal import CWeirHall", [1]),
    Planted(HouseRules.oneDoor, "Sources/weir/a.swift", "import struct CCore.weir_x", [1]),
    Planted(HouseRules.oneDoor, "Sources/WeirCore/a.swift", "internal import CWeirHall"),
    Planted(HouseRules.oneDoor, "Tests/CoreTests/a.swift", "import CWeirWheel"),
    Planted(HouseRules.oneDoor, "Sources/weir/a.swift", "// import CUV\nlet a = \"import CUV\""),
    Planted(HouseRules.oneDoor, "Sources/weir/a.swift", "import Crypto\nimport Collections"),
    Planted(HouseRules.oneDoor, "Sources/weir/a.swift", "let a = unsafe b", [1]),
    Planted(HouseRules.oneDoor, "Sources/WeirCore/a.swift", "let a = unsafe b"),

    Planted(HouseRules.bannedCalls, "CCore/log/a.c", "f(a);\n  strcpy (a, b);", [2]),
    Planted(
      HouseRules.bannedCalls, "CCore/base/a.c", "n = atoi(x); sprintf(a, \"%d\", n);", [1, 1]),
    Planted(HouseRules.bannedCalls, "Tests/Fuzz/link/a.c", "gets(a);\nfree(a);", [1]),
    Planted(HouseRules.bannedCalls, "CCore/wheel/a.c", "p = malloc(\n1);\nfree(p);", [1, 3]),
    Planted(HouseRules.bannedCalls, "CCore/base/a.c", "p = calloc(1, 1); free(p);"),
    Planted(HouseRules.bannedCalls, "CCore/wheel/a.c", "weir_free(p); pool->free(p); a.free(p);"),
    Planted(
      HouseRules.bannedCalls, "CCore/wheel/a.c", "/* strcpy(a) */ x = \"free(p)\"; y = free;"),
    Planted(HouseRules.bannedCalls, "CCore/wheel/a.c", "c = '\"'; free(p); c = '\"';", [1]),

    Planted(HouseRules.loopLibrary, "CCore/link/a.c", "#include \"a.h\"\n#include <uv.h>", [2]),
    Planted(HouseRules.loopLibrary, "CCore/works/a.h", " # include \"uv.h\"", [1]),
    Planted(HouseRules.loopLibrary, "CCore/hall/a.c", "#include <uv.h>"),
    Planted(HouseRules.loopLibrary, "CCore/system/uv/shim.h", "#include <uv.h>"),
    Planted(HouseRules.loopLibrary, "CCore/link/a.c", "/* only hall includes <uv.h> */"),

    Planted(HouseRules.systemCalls, "CCore/link/a.c", "t = time(NULL);", [1]),
    Planted(
      HouseRules.systemCalls, "CCore/hall/a.c", "clock_gettime(c, &t);\nsendmsg(s, m, 0);", [1]),
    Planted(HouseRules.systemCalls, "CCore/seal/a.c", "gcry_randomize(b, 1, 2);", [1]),
    Planted(HouseRules.systemCalls, "CCore/journal/a.c", "\nfsync(f);\nrename(a, b);", [2, 3]),
    Planted(HouseRules.systemCalls, "CCore/works/a.c", "sendto(s, b, n, 0, a, l);", [1]),
    Planted(HouseRules.systemCalls, "CCore/os/a.c", "fsync(f); getrandom(b, 1, 0);"),
    Planted(
      HouseRules.systemCalls, "CCore/journal/a.c", "os->rename(c, a); weir_time(0); time = 1;"),
  ]

  static let texts: [Planted] = [
    Planted(TextRules.lines, "Sources/weir/a.swift", String(repeating: "a", count: 100)),
    Planted(TextRules.lines, "Sources/weir/a.swift", String(repeating: "a", count: 101), [1]),
    Planted(TextRules.lines, "CCore/log/a.c", "\n" + String(repeating: "\u{5830}", count: 100)),
    Planted(
      TextRules.lines, "CCore/log/a.c", "\n" + String(repeating: "\u{5830}", count: 101), [2]),
    Planted(TextRules.lines, "CCore/log/a.c", "f();\n\tg();", [2]),
    Planted(TextRules.lines, "README.md", String(repeating: "a", count: 200)),

    Planted(TextRules.length, "Sources/weir/a.swift", String(repeating: "\n", count: 500)),
    Planted(TextRules.length, "Sources/weir/a.swift", String(repeating: "\n", count: 501), [0]),
    Planted(TextRules.length, "Tests/A/a.swift", String(repeating: "\n", count: 600)),
    Planted(TextRules.length, "Tests/A/a.swift", String(repeating: "\n", count: 601), [0]),

    Planted(TextRules.leftovers, "a.c", "ok\n// TO" + "DO: this", [2]),
    Planted(TextRules.leftovers, "a.md", "FIX" + "ME", [1]),
    Planted(TextRules.leftovers, "a.sh", "mktemp weir-XX" + "XXXX"),
    Planted(TextRules.leftovers, "a.c", "HA" + "CK XX" + "X", [1, 1]),

    Planted(TextRules.machinePaths, "a.md", "see\n/ro" + "ot/notes", [2]),
    Planted(TextRules.machinePaths, "a.sh", "cd /wo" + "rk", [1]),
    Planted(TextRules.machinePaths, "a.sh", "\"/ho" + "me/me\" /opt/" + "swift-6", [1, 1]),
    Planted(TextRules.machinePaths, "a.md", "/workers /network/wo" + "rk a/ro" + "ot/b"),

    Planted(TextRules.functions, "a.c", cFunction(lines: 70)),
    Planted(TextRules.functions, "a.c", "\n" + cFunction(lines: 71), [2]),
    Planted(TextRules.functions, "a.c", cFunction(lines: 71, head: "static const int a[] =")),
    Planted(TextRules.functions, "a.h", cFunction(lines: 71, head: "struct a")),
    Planted(
      TextRules.functions, "a.c",
      "#define A(x) { \\\n  (x)\nchar *b = \"{\"; /* { */ char c = '{';\n" + cFunction(lines: 71),
      [4]),
    Planted(TextRules.functions, "a.swift", swiftFunction(lines: 70)),
    Planted(TextRules.functions, "a.swift", "struct A {\n" + swiftFunction(lines: 71) + "}", [2]),
    Planted(
      TextRules.functions, "a.swift", swiftFunction(lines: 71, head: "init(a: () -> Void = {})"),
      [1]),
    Planted(TextRules.functions, "a.swift", swiftFunction(lines: 71, head: "var a: Int"), [1]),
    Planted(TextRules.functions, "a.swift", swiftFunction(lines: 71, head: "extension A")),
    Planted(TextRules.functions, "a.swift", swiftFunction(lines: 71, head: "func f()\nstruct A")),
    Planted(
      TextRules.functions, "a.swift",
      "let a = #\"{\"#, b = \"\\(c ? \"{\" : \"\"){\", d = /\"{/\n/* /* */ { */\n"
        + "let e = \"\"\"\n  func { \" {\n  \"\"\"\n" + swiftFunction(lines: 71), [6]),

    Planted(RoomRules.stories, "CCore/a/include/weir_a.h", story),
    Planted(RoomRules.stories, "CCore/a/include/weir_a.h", "#ifndef A\n" + story, [1]),
    Planted(RoomRules.stories, "CCore/a/include/weir_a.h", "/* a room */", [1, 1, 1]),
    Planted(RoomRules.stories, "CCore/a/a.c", "/* a room */\nint a;"),
    Planted(RoomRules.stories, "CCore/a/a.c", "int a; /* a room */", [1]),
    Planted(RoomRules.stories, "CCore/system/uv/shim.h", "#include <uv.h>"),
  ]

  static let story =
    "/* weir_a: a room.\n *\n * Cost: none. Bounded by nothing. Kept\n * true by */\n"

  @Test("a room without its tests or its fuzz entry is found")
  func proofs() {
    let paths = [
      "CCore/link/include/weir_link.h", "CCore/link/link.c", "CCore/hall/hall.c",
      "CCore/system/uv/shim.h", "Tests/CoreTests/LinkTests.swift", "Tests/Fuzz/datagram/one.c",
      "Tests/HouseTests/StartTests.swift",
    ]
    #expect(RoomRules.rooms(paths) == ["hall", "link"])
    #expect(RoomRules.proofs(paths) == [])
    #expect(
      RoomRules.proofs(paths.filter { !$0.hasPrefix("Tests/") }).map(\.description) == [
        "CCore/hall: has no Tests/CoreTests/HallTests.swift",
        "CCore/link: has no Tests/CoreTests/LinkTests.swift",
        "CCore/link: has no Tests/Fuzz/datagram/*.c",
      ])
  }

  @Test("a file that no target builds is found")
  func orphans() {
    let manifest = """
      func room(_ name: String) -> Target { .target(path: "CCore/" + name.lowercased()) }
      let targets = [
        room("Link", uses: ["Seal"]), system("UV", pkgConfig: "libuv"), module("WeirModel"),
        .executableTarget(name: "weir"), tests(
          "CoreTests"), .target(name: "FaultyOs", path: "Tests/Support/FaultyOs"),
        .testTarget(name: "TidyTests"),
      ]
      """
    let good = [
      "Package.swift", "README.md", "CCore/link/link.c", "CCore/system/uv/shim.h",
      "Sources/WeirModel/Fact.swift", "Sources/weir/main.swift", "Tests/CoreTests/A.swift",
      "Tests/Support/FaultyOs/a.c", "Tests/Fuzz/link/a.c", "Benchmarks/Rooms/Package.swift",
      "Tests/TidyTests/A.swift",
    ]
    let bad = ["CCore/seal/seal.c", "Sources/a.swift", "Tests/Support/a.h", "stray.swift"]
    #expect(RoomRules.orphans(manifest: manifest, paths: good) == [])
    #expect(RoomRules.orphans(manifest: manifest, paths: good + bad).map(\.path) == bad)
  }

  @Test("what is binary or names one machine is found")
  func strays() {
    #expect(RoomRules.strays(["Package.swift", "a/Package.resolved"]).count == 1)
    #expect(RoomRules.binary(path: "a.txt", bytes: Array("堰\n".utf8)) == [])
    #expect(RoomRules.binary(path: "a.bin", bytes: [65, 0]).count == 1)
    #expect(RoomRules.binary(path: "a.bin", bytes: [0xFF, 65]).count == 1)
    #expect(RoomRules.binary(path: "Tests/Fuzz/link/corpus/a", bytes: [0xFF, 0]) == [])
    let big = [UInt8](repeating: 65, count: 65_537)
    #expect(RoomRules.binary(path: "Tests/Fuzz/link/corpus/a", bytes: big).count == 1)
  }

  @Test("findings are told with file and line")
  func description() {
    #expect(Finding(path: "a.c", line: 7, message: "m").description == "a.c:7: m")
    #expect(Finding(path: "a.c", line: 0, message: "m").description == "a.c: m")
  }

  private static func cFunction(lines: Int, head: String = "void f(int a)") -> String {
    head + " {\n" + String(repeating: "  if (a) { b(); }\n", count: lines - 2) + "}\n"
  }

  private static func swiftFunction(lines: Int, head: String = "func f(_ a: Int)") -> String {
    head + " {\n" + String(repeating: "  if a { b { c() } }\n", count: lines - 2) + "}\n"
  }
}
