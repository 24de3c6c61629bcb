import Dispatch
import Foundation
import Synchronization
import WeirCore

/// One place that reports are written to. It has a thread of its own, so that a place that hangs (a
/// lost network share) keeps nothing else waiting; what it has not written yet is replaced by what
/// is newer.
final class ReportFolder: Sendable {
  private struct Waiting {
    /// The sub-folder and contents by name; the order in which names came.
    var files: [String: (folder: String, content: String)] = [:]
    var order: [String] = []
    var isBusy = false
  }

  let directory: String
  private let queue: DispatchQueue
  private let waiting = Mutex(Waiting())

  init(_ directory: String) {
    self.directory = directory
    queue = DispatchQueue(label: "weir-report")
  }

  /// Writes a file soon: a new one or the newest content of one that stands there. One that cannot
  /// be written is said on standard error and tried again with the next file.
  func write(_ name: String, in folder: String, _ content: String) {
    let begins = waiting.withLock { waiting in
      if waiting.files.updateValue((folder, content), forKey: name) == nil {
        waiting.order.append(name)
      }
      defer { waiting.isBusy = true }
      return !waiting.isBusy
    }
    if begins { queue.async { self.writeWaiting() } }
  }

  private func writeWaiting() {
    var failed: [(name: String, folder: String, content: String)] = []
    while let next = takeNext() {
      do {
        try put(next.name, in: next.folder, next.content)
      } catch {
        ReportFolder.say("report \(next.name): \(error)")
        failed.append(next)
      }
    }
    waiting.withLock { waiting in
      for file in failed where waiting.files[file.name] == nil {
        waiting.files[file.name] = (file.folder, file.content)
        waiting.order.append(file.name)
      }
    }
  }

  private func takeNext() -> (name: String, folder: String, content: String)? {
    waiting.withLock { waiting in
      guard !waiting.order.isEmpty else {
        waiting.isBusy = false
        return nil
      }
      let name = waiting.order.removeFirst()
      guard let file = waiting.files.removeValue(forKey: name) else { return nil }
      return (name, file.folder, file.content)
    }
  }

  private func put(_ name: String, in folder: String, _ content: String) throws {
    let path = folder.isEmpty ? directory : "\(directory)/\(folder)"
    if !folder.isEmpty {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    try DurableFile.replace(name, in: path, with: content)
  }

  /// Waits until everything is written or the time has passed.
  func finish(within milliseconds: Int) {
    let done = DispatchSemaphore(value: 0)
    queue.async { done.signal() }
    _ = done.wait(timeout: .now() + .milliseconds(milliseconds))
  }

  static func say(_ message: String) {
    FileHandle.standardError.write(Data("weir: \(message)\n".utf8))
  }
}
