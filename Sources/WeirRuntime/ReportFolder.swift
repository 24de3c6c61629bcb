import Dispatch
import Foundation
import Synchronization
import WeirCore

/// One place that reports are written to. It has a thread of its own, so that a place that hangs (a
/// lost network share) keeps nothing else waiting; what it has not written yet is replaced by what
/// is newer, and what could not be written is tried again.
final class ReportFolder: Sendable {
  private struct Waiting {
    /// Contents by name; the order in which names came.
    var files: [String: String] = [:]
    var order: [String] = []
    var isBusy = false
    /// What failed is tried again in a while.
    var isRetrying = false
  }

  let directory: String
  private let retryMs: Int
  private let queue: DispatchQueue
  private let waiting = Mutex(Waiting())

  /// - Parameters:
  ///   - directory: its absolute path.
  ///   - retryMs: after how many milliseconds what failed is tried again.
  init(_ directory: String, retryMs: Int) {
    self.directory = directory
    self.retryMs = retryMs
    queue = DispatchQueue(label: "weir-report")
  }

  /// Reads files, before anything that is asked of this folder later is written.
  ///
  /// - Parameters:
  ///   - names: paths below the directory.
  ///   - take: is given the JSON objects of those that are there, by name; on the folder's thread,
  ///     and never while the place hangs.
  func read(_ names: [String], take: @escaping @Sendable (ReportFolder.Kept) -> Void) {
    queue.async { [directory] in
      var kept = Kept()
      for name in names {
        kept.take(name, FileManager.default.contents(atPath: "\(directory)/\(name)"))
      }
      take(kept)
    }
  }

  /// Writes a file soon: a new one or the newest content of one that stands there. One that cannot
  /// be written is said on standard error and tried again with the next file, or in a while.
  ///
  /// - Parameter name: its path below the directory.
  func write(_ name: String, _ content: String) {
    let begins = waiting.withLock { waiting in
      if waiting.files.updateValue(content, forKey: name) == nil {
        waiting.order.append(name)
      }
      defer { waiting.isBusy = true }
      return !waiting.isBusy
    }
    if begins { queue.async { self.writeWaiting() } }
  }

  private func writeWaiting() {
    var failed: [(name: String, content: String)] = []
    while let next = takeNext() {
      do {
        try put(next.name, next.content)
      } catch {
        ReportFolder.say("report \(next.name): \(error)")
        failed.append(next)
      }
    }
    let retries = waiting.withLock { waiting in
      for file in failed where waiting.files[file.name] == nil {
        waiting.files[file.name] = file.content
        waiting.order.append(file.name)
      }
      if waiting.order.isEmpty || waiting.isRetrying { return false }
      waiting.isRetrying = true
      return true
    }
    guard retries else { return }
    queue.asyncAfter(deadline: .now() + .milliseconds(retryMs)) { self.retry() }
  }

  private func retry() {
    let begins = waiting.withLock { waiting in
      waiting.isRetrying = false
      if waiting.isBusy || waiting.order.isEmpty { return false }
      waiting.isBusy = true
      return true
    }
    if begins { writeWaiting() }
  }

  private func takeNext() -> (name: String, content: String)? {
    waiting.withLock { waiting in
      guard !waiting.order.isEmpty else {
        waiting.isBusy = false
        return nil
      }
      let name = waiting.order.removeFirst()
      guard let content = waiting.files.removeValue(forKey: name) else { return nil }
      return (name, content)
    }
  }

  private func put(_ name: String, _ content: String) throws {
    let parts = name.split(separator: "/").map(String.init)
    let path = ([directory] + parts.dropLast()).joined(separator: "/")
    if parts.count > 1 {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    try DurableFile.replace(parts.last ?? name, in: path, with: content)
  }

  /// Waits until everything is written, or was tried once more, or the time has passed.
  func finish(within milliseconds: Int) {
    let done = DispatchSemaphore(value: 0)
    queue.async {
      self.retry()
      done.signal()
    }
    _ = done.wait(timeout: .now() + .milliseconds(milliseconds))
  }

  /// Reports as a folder holds them from an earlier run.
  struct Kept: Sendable {
    /// What a report's file says of it.
    struct File: Sendable {
      let state: String
      let reminders: Int
      let remindedAt: [Int64]
    }

    private var files: [String: File] = [:]

    mutating func take(_ name: String, _ data: Data?) {
      guard let data, let file = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
      else { return }
      let times = (file["remindedAt"] as? [String] ?? []).compactMap(CoreText.wallMs)
      files[name] = File(
        state: file["state"] as? String ?? "", reminders: file["reminders"] as? Int ?? times.count,
        remindedAt: times)
    }

    subscript(_ name: String) -> File? { files[name] }
  }

  static func say(_ message: String) {
    FileHandle.standardError.write(Data("weir: \(message)\n".utf8))
  }
}
