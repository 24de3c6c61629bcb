import Foundation
import Glibc

/// Counts how often a child process asks for memory, by a library that is loaded before it.
final class Allocations {
  /// What the child needs in its environment; empty where the library was not built.
  let environment: [String: String]
  private let counter: UnsafeMutablePointer<UInt64>?

  /// - Parameter folder: where the file lies in which they are counted.
  init(in folder: Folder) throws {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let library = own.deletingLastPathComponent().path + "/libWeirAllocations.so"
    let path = folder.path + "/allocations"
    guard FileManager.default.fileExists(atPath: library) else {
      environment = [:]
      counter = nil
      return
    }
    try Data(count: 8).write(to: URL(fileURLWithPath: path))
    let file = open(path, O_RDWR | O_CLOEXEC)
    let memory = mmap(nil, 8, PROT_READ, MAP_SHARED, file, 0)
    close(file)
    guard let memory, memory != MAP_FAILED else { throw Trouble("\(path) cannot be mapped") }
    counter = memory.assumingMemoryBound(to: UInt64.self)
    environment = ["LD_PRELOAD": library, "WEIR_ALLOCATIONS": path]
  }

  /// So far; nil where they are not counted.
  var count: UInt64? { counter?.pointee }

  deinit {
    if let counter { munmap(counter, 8) }
  }
}
