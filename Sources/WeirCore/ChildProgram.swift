import Glibc

/// A program of the operator's that is run once, with nothing on its standard input and its output
/// thrown away; its standard error is ours. Other descriptors of ours close when it starts.
///
/// Foundation's `Process` keeps about a kilobyte of every run, which a unit that reminds once a
/// minute for months cannot afford.
@safe
public enum ChildProgram {
  /// How a run ended.
  public enum Ending: Equatable, Sendable {
    /// With this exit code.
    case exited(Int32)
    /// By this signal, which was not ours.
    case killed(Int32)
    /// It ran longer than it may and was ended.
    case tooLong
    /// It could not be started, and why, in the system's words.
    case notStarted(String)
  }

  private static let pollMs = 10
  private static let graceMs = 2_000

  /// Runs a program to its end on the calling thread.
  ///
  /// - Parameters:
  ///   - path: absolute.
  ///   - arguments: behind its name.
  ///   - limitMs: how long it may run; then SIGTERM, and two seconds later SIGKILL.
  public static func run(_ path: String, _ arguments: [String], limitMs: Int) -> Ending {
    var child: pid_t = 0
    let failed = spawn(path, arguments, &child)
    guard failed == 0 else { return .notStarted(unsafe String(cString: strerror(failed))) }
    if let status = wait(for: child, upToMs: limitMs) { return ending(status) }
    _ = kill(child, SIGTERM)
    if wait(for: child, upToMs: graceMs) == nil {
      _ = kill(child, SIGKILL)
      _ = wait(for: child, upToMs: graceMs)
    }
    return .tooLong
  }

  private static func spawn(_ path: String, _ arguments: [String], _ child: inout pid_t) -> Int32 {
    var files = unsafe posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    unsafe posix_spawn_file_actions_init(&files)
    unsafe posix_spawnattr_init(&attributes)
    defer {
      unsafe posix_spawn_file_actions_destroy(&files)
      unsafe posix_spawnattr_destroy(&attributes)
    }
    unsafe posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    // What we block or pass over is no affair of the program's.
    var none = sigset_t()
    var all = sigset_t()
    unsafe sigemptyset(&none)
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var words = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
    defer { unsafe words.forEach { unsafe free($0) } }
    return unsafe posix_spawn(&child, path, &files, &attributes, &words, environ)
  }

  /// The child's status when it ends in time; nil otherwise.
  private static func wait(for child: pid_t, upToMs limit: Int) -> Int32? {
    var status: Int32 = 0
    for waited in stride(from: 0, through: max(0, limit), by: pollMs) {
      let ended = unsafe waitpid(child, &status, WNOHANG)
      if ended == child { return status }
      if ended < 0 && errno != EINTR { return 0 }
      if waited + pollMs <= limit { usleep(UInt32(pollMs) * 1_000) }
    }
    return nil
  }

  private static func ending(_ status: Int32) -> Ending {
    let signal = status & 0x7f
    return signal == 0 ? .exited(status >> 8 & 0xff) : .killed(signal)
  }
}
