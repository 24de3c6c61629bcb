// swift-tools-version: 6.3
// The plan of the house: every arrow between rooms and modules is drawn here, and nowhere else.

import PackageDescription

/// Warnings are errors in C too, with the checks that matter for code that slices untrusted bytes.
/// Debug builds optimise the core all the same: thousands of storms run in them.
let cRules: [CSetting] = [
  .define("_GNU_SOURCE"),
  .enableWarning("all"),
  .enableWarning("extra"),
  .enableWarning("conversion"),
  .enableWarning("shadow"),
  .enableWarning("strict-prototypes"),
  .enableWarning("missing-prototypes"),
  .treatAllWarnings(as: .error),
  .unsafeFlags(["-O2"], .when(configuration: .debug)),
]

let swiftRules: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .enableUpcomingFeature("ImmutableWeakCaptures"),
]

/// Debug builds optimise what storms run through, as they do the core: that halves the storms' time
/// and costs a clean build a minute. Checks of arithmetic and of bounds stay.
let swiftOptimised: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

/// A room of the C core: one noun, one folder, one header.
func room(_ name: String, uses rooms: [String] = [], libraries: [String] = []) -> Target {
  .target(
    name: "CWeir" + name,
    dependencies: (rooms.map { "CWeir" + $0 } + libraries).map { .target(name: $0) },
    path: "CCore/" + name.lowercased(),
    cSettings: cRules)
}

/// A Debian library found by pkg-config.
func system(_ name: String, pkgConfig: String, package: String) -> Target {
  .systemLibrary(
    name: "C" + name,
    path: "CCore/system/" + name.lowercased(),
    pkgConfig: pkgConfig,
    providers: [.apt([package])])
}

/// A Swift module of the house.
func module(_ name: String, uses: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target
{
  .target(
    name: name, dependencies: uses, resources: resources,
    swiftSettings: swiftRules + swiftOptimised)
}

/// A folder of tests: strict like the modules, but free to speak to C rooms without saying so.
func tests(
  _ name: String, uses: [Target.Dependency], settings: [SwiftSetting] = [],
  linker: [LinkerSetting] = []
) -> Target {
  .testTarget(
    name: name, dependencies: uses, path: "Tests/" + name,
    swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)] + settings,
    linkerSettings: linker)
}

/// The calls that `RefusedCalls` stands before.
let refused =
  ["sendmsg", "sendmmsg", "gcry_calloc_secure", "gcry_md_hash_buffers"]
  + ["open", "setkey", "setiv", "authenticate", "encrypt", "decrypt", "gettag", "checktag"]
  .map { "gcry_cipher_" + $0 }

/// A C room that only tests use: the lying disk, the second reader.
func support(_ name: String, uses rooms: [String], libraries: [String] = []) -> Target {
  .target(
    name: "CWeir" + name,
    dependencies: (rooms.map { "CWeir" + $0 } + libraries).map { .target(name: $0) },
    path: "Tests/Support/" + name,
    cSettings: cRules)
}

let package = Package(
  name: "weir",
  products: [
    .executable(name: "weir", targets: ["weir"]),
    .library(name: "WeirAllocations", type: .dynamic, targets: ["CWeirAllocations"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    // System libraries.
    system("UV", pkgConfig: "libuv", package: "libuv1-dev"),
    system("Jansson", pkgConfig: "jansson", package: "libjansson-dev"),
    system("Gcrypt", pkgConfig: "libgcrypt", package: "libgcrypt20-dev"),
    system("Isal", pkgConfig: "libisal", package: "libisal-dev"),
    system("Seccomp", pkgConfig: "libseccomp", package: "libseccomp-dev"),

    // The rooms of the core.
    room("Base"),
    room("Os", uses: ["Base"]),
    room("Log", uses: ["Base"]),
    room("Frame", uses: ["Base"]),
    room("Message", uses: ["Base"]),
    room("Wheel", uses: ["Base"]),
    room("Journal", uses: ["Base", "Os"]),
    room("Seal", uses: ["Base"], libraries: ["CGcrypt"]),
    room("Fec", uses: ["Base"], libraries: ["CIsal"]),
    room("Link", uses: ["Base", "Seal", "Fec"]),
    room(
      "Works",
      uses: ["Base", "Os", "Log", "Frame", "Message", "Wheel", "Journal", "Seal", "Link"],
      libraries: ["CJansson"]),
    .target(
      name: "CCore",
      dependencies: [
        "CWeirBase", "CWeirOs", "CWeirLog", "CWeirFrame", "CWeirMessage", "CWeirWheel",
        "CWeirJournal", "CWeirSeal", "CWeirLink", "CWeirWorks", "CUV", "CSeccomp",
      ],
      path: "CCore/hall", cSettings: cRules),

    // The modules.
    module("WeirModel"),
    module(
      "WeirPolicy", uses: ["WeirModel", "Yams"],
      resources: [
        .embedInCode("Resources/policy.yaml"), .embedInCode("Resources/policy.schema.json"),
      ]),
    module("WeirHandover", uses: ["WeirModel"]),
    module("WeirConfiguration", uses: ["WeirModel", "Yams"]),
    module("WeirCore", uses: ["WeirModel", "CCore"]),
    module(
      "WeirRuntime",
      uses: [
        "WeirModel", "WeirPolicy", "WeirHandover", "WeirConfiguration", "WeirCore",
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]),
    .executableTarget(
      name: "weir",
      dependencies: [
        "WeirModel", "WeirPolicy", "WeirConfiguration", "WeirCore", "WeirRuntime",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swiftRules),

    // The measurements.
    .target(
      name: "CWeirBenchmarks", path: "Benchmarks/Core", cSettings: cRules),
    .target(
      name: "CWeirLinkBenchmarks",
      dependencies: ["CWeirBenchmarks", "CCore", "CWeirBase", "CWeirLink", "CWeirSeal"],
      path: "Benchmarks/LinkCore", cSettings: cRules),
    .target(
      name: "CWeirDelivery",
      dependencies: [
        "CWeirBase", "CWeirOs", "CWeirLog", "CWeirJournal", "CWeirSeal", "CWeirWorks",
      ],
      path: "Benchmarks/Delivery", cSettings: cRules),
    .target(
      name: "CWeirAllocations", path: "Benchmarks/Allocations", cSettings: cRules),
    .target(
      name: "CWeirRooms",
      dependencies: [
        "CWeirBase", "CWeirOs", "CWeirLog", "CWeirFrame", "CWeirMessage", "CWeirWheel",
        "CWeirJournal", "CWeirSeal", "CWeirLink",
      ],
      path: "Benchmarks/Rooms", exclude: ["thresholds.txt"], cSettings: cRules),
    .executableTarget(
      name: "RoomCounts", dependencies: ["CWeirRooms"], path: "Benchmarks/RoomCounts",
      cSettings: cRules),
    .target(
      name: "WeirMeasure",
      dependencies: [.product(name: "Histogram", package: "hdrhistogram-swift")],
      path: "Benchmarks/Measure", swiftSettings: swiftRules),
    .executableTarget(
      name: "Benchmarks",
      dependencies: [
        "CWeirBenchmarks", "CWeirLinkBenchmarks", "CWeirRooms", "CWeirDelivery", "WeirMeasure",
        "WeirConfiguration", "WeirCore", "WeirHandover", "WeirModel", "WeirPolicy",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks",
      exclude: [
        "Core", "LinkCore", "Measure", "Rooms", "RoomCounts", "Allocations", "Delivery",
        "README.md",
      ],
      swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),

    // The proof.
    .target(
      name: "WeirChance", path: "Tests/Support/Chance", swiftSettings: swiftRules + swiftOptimised),
    support("FaultyOs", uses: ["Base", "Os"]),
    support("Canary", uses: ["Base"]),
    support("ScarceMemory", uses: ["Base"]),
    support("RefusedCalls", uses: ["Base"], libraries: ["CGcrypt"]),
    support("Tables", uses: ["Base", "Works"]),
    support("MessageOracle", uses: ["Base", "Message"], libraries: ["CJansson"]),
    tests(
      "CoreTests",
      uses: [
        "CWeirBase", "CWeirOs", "CWeirLog", "CWeirFrame", "CWeirMessage", "CWeirWheel",
        "CWeirJournal", "CWeirSeal", "CWeirFec", "CWeirLink", "CWeirWorks", "CWeirFaultyOs",
        "CWeirMessageOracle", "CWeirRefusedCalls", "CCore", "WeirChance",
      ],
      // Calls are refused when a test says so.
      linker: [.unsafeFlags(refused.flatMap { ["-Xlinker", "--wrap=\($0)"] })]),
    tests("WeirPolicyTests", uses: ["WeirModel", "WeirPolicy", "Yams", "WeirChance"]),
    tests("WeirHandoverTests", uses: ["WeirModel", "WeirHandover", "WeirChance"]),
    tests("WeirConfigurationTests", uses: ["WeirModel", "WeirConfiguration"]),
    tests(
      "WeirRuntimeTests", uses: ["WeirModel", "WeirConfiguration", "WeirCore", "WeirRuntime"]),
    tests("TidyTests", uses: []),
    tests("BenchmarkTests", uses: ["WeirMeasure", "CWeirBenchmarks"]),
    tests(
      "StormTests",
      uses: [
        "CWeirBase", "CWeirOs", "CWeirLog", "CWeirMessage", "CWeirJournal", "CWeirSeal",
        "CWeirLink", "CWeirWorks", "CWeirFaultyOs", "CWeirCanary", "CWeirScarceMemory",
        "CWeirTables", "CCore", "WeirModel", "WeirPolicy", "WeirHandover", "WeirCore",
        "WeirRuntime", "WeirChance",
      ],
      settings: swiftOptimised,
      // Memory runs out when a test says so.
      linker: [.unsafeFlags(["-Xlinker", "--wrap=weir_allocate"])]),
    tests(
      "HouseTests",
      uses: ["weir", "WeirCore", "WeirModel", "WeirPolicy", "WeirConfiguration", "WeirChance"]),
  ]
)
