import CWeirBase
import CWeirFaultyOs
import CWeirOs

/// The files of a unit's data folder as somebody copies them, and puts them back.
extension House {
  /// Every file under a folder with its path and bytes, as a process sees them.
  func files(under folder: String = "/data") -> [(path: String, bytes: [UInt8])] {
    names(in: folder).sorted().flatMap { name -> [(path: String, bytes: [UInt8])] in
      let path = folder + "/" + name
      var size: UInt64 = 0
      guard weir_faulty_os_file_size(faulty, path, &size) == .ok else { return files(under: path) }
      return [(path, content(path).bytes)]
    }
  }

  /// The disk of a unit that is closed is put back as it was, or replaced by an empty one.
  func replaceData(with files: [(path: String, bytes: [UInt8])]) {
    for file in self.files() { _ = os.pointee.remove(os.pointee.context, file.path) }
    for file in files { put(file.bytes, at: file.path) }
    weir_faulty_os_settle(faulty)
    forgetRests()
  }

  /// From now on the disk takes only so many bytes more.
  func leave(_ bytes: UInt64) {
    var free: UInt64 = 0
    weir_faulty_os_set_capacity(faulty, UInt64.max)
    guard os.pointee.free_bytes(os.pointee.context, "/data", &free) == .ok else { return }
    weir_faulty_os_set_capacity(faulty, UInt64.max - free + bytes)
  }

  /// The disk is good again, and has room.
  func repair() {
    weir_faulty_os_heal(faulty)
    weir_faulty_os_set_capacity(faulty, UInt64.max)
  }
}
