internal import CCore

/// Files that a crash leaves whole: the old one or the new one.
public enum DurableFile {
  /// Replaces `directory/name`: dot name, write, sync, rename, sync of the directory.
  public static func replace(
    _ name: String, in directory: String, with content: String
  ) throws(CoreError) {
    let status = unsafe directory.withCString { folder in
      unsafe name.withCString { file in
        unsafe withBytes(content) { unsafe weir_os_replace(weir_os_linux(), folder, file, $0) }
      }
    }
    guard status == .ok else {
      throw CoreError(status, "\(directory)/\(name) could not be written: \(text(of: status))")
    }
  }
}
