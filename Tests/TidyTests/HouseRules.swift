/// Rules about who may use what.
enum HouseRules {
  /// Only WeirCore imports modules of C, and only it says `unsafe`.
  static func oneDoor(_ source: Source) -> [Finding] {
    guard source.isSwift, source.lies(in: "Sources"), !source.lies(in: "Sources/WeirCore") else {
      return []
    }
    var findings: [Finding] = []
    for (index, word) in source.words.enumerated() {
      if word.text == "import", let module = module(source.words[(index + 1)...]) {
        findings.append(
          source.finding(word.line, "imports \(module): only WeirCore imports modules of C"))
      }
      if word.text == "unsafe" {
        findings.append(source.finding(word.line, "`unsafe` outside WeirCore"))
      }
    }
    return findings
  }

  /// The module of C that an import names: our own begin with a C and a capital, as in CWeirWheel.
  private static func module(_ words: ArraySlice<Source.Word>) -> String? {
    let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
    guard let name = words.first(where: { !kinds.contains($0.text) })?.text else { return nil }
    let letters = name.utf8.prefix(2)
    let isOurs =
      letters.count == 2 && letters.first == UInt8(ascii: "C")
      && letters.last.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) } == true
    return isOurs ? name : nil
  }

  /// Functions of C that write without a limit or hide an error, and memory taken outside `base`.
  static func bannedCalls(_ source: Source) -> [Finding] {
    guard source.isC else { return [] }
    let memory = source.lies(in: "CCore") && !source.lies(in: "CCore/base")
    return source.words.filter(\.isCall).compactMap { word in
      if unlimited.contains(word.text) {
        return source.finding(word.line, "\(word.text)() writes without a limit or hides errors")
      }
      if memory, allocation.contains(word.text) {
        return source.finding(
          word.line, "\(word.text)() outside CCore/base: use weir_allocate and weir_free")
      }
      return nil
    }
  }

  private static let unlimited: Set = [
    "strcpy", "strcat", "sprintf", "vsprintf", "atoi", "atol", "gets", "strtok", "alloca",
  ]
  private static let allocation: Set = ["malloc", "calloc", "realloc", "free"]

  /// Only the hall knows libuv.
  static func loopLibrary(_ source: Source) -> [Finding] {
    guard source.isC, !source.lies(in: "CCore/hall"), !source.lies(in: "CCore/system") else {
      return []
    }
    return source.lines.enumerated().compactMap { index, line in
      let isInclude = line.drop { $0 == " " }.hasPrefix("#") && line.contains("include")
      let isLibrary = line.contains("<uv.h>") || line.contains("\"uv.h\"")
      return isInclude && isLibrary
        ? source.finding(index + 1, "includes uv.h: only CCore/hall knows libuv") : nil
    }
  }

  /// Only `os` reads a clock, a file or chance, and only `hall` has sockets, threads and waits.
  static func systemCalls(_ source: Source) -> [Finding] {
    guard source.isC, source.lies(in: "CCore"), !source.lies(in: "CCore/os"),
      !source.lies(in: "CCore/system")
    else { return [] }
    let inHall = source.lies(in: "CCore/hall")
    return source.words.filter(\.isCall).compactMap { word in
      if world.contains(word.text), !(inHall && hallToo.contains(word.text)) {
        return source.finding(
          word.line, "\(word.text)() reads a clock, a file or chance: ask the weir_os table")
      }
      if !inHall, hallOnly.contains(word.text) {
        return source.finding(word.line, "\(word.text)() outside CCore/hall")
      }
      return nil
    }
  }

  /// Clocks, files and chance.
  private static let world: Set = [
    "clock_gettime", "gettimeofday", "time", "clock", "localtime", "localtime_r", "gmtime",
    "open", "openat", "creat", "fopen", "fdopen", "read", "write", "pread", "pwrite", "readv",
    "writev", "pwritev", "close", "stat", "fstat", "lstat", "fstatat", "mkdir", "mkdirat",
    "rename", "renameat", "unlink", "unlinkat", "rmdir", "opendir", "readdir", "fsync",
    "fdatasync", "syncfs", "sync_file_range", "fallocate", "posix_fallocate", "ftruncate",
    "flock", "getrandom", "getentropy", "rand", "random", "srand", "srandom", "gcry_randomize",
    "gcry_random_bytes", "gcry_create_nonce", "getenv",
  ]

  /// What the hall needs of them for its sockets, its disk thread and its files in and out.
  private static let hallToo: Set = [
    "open", "openat", "close", "read", "write", "writev", "stat", "fstat", "lstat", "unlink",
  ]

  /// Sockets, threads and waits.
  private static let hallOnly: Set = [
    "socket", "bind", "listen", "accept", "accept4", "connect", "send", "sendto", "sendmsg",
    "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg", "setsockopt", "getsockopt", "poll",
    "epoll_wait", "select", "pthread_create", "usleep", "nanosleep", "sleep", "fork", "execve",
    "system", "popen", "signal", "sigaction",
  ]
}
