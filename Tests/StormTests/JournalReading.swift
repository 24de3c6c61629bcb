import CWeirJournal
import CWeirOs

/// Reads a journal as a command does, beside a unit that may run.
///
/// - Parameters:
///   - directory: the folder of the journal itself.
///   - take: is lent each frame, for the call; another status than ok ends the reading with it.
/// - Returns: how the reading ended.
func readJournal(
  _ directory: String, of unit: String, _ os: UnsafePointer<weir_os>,
  _ take: (UnsafePointer<weir_frame_view>) -> weir_status
) -> weir_status {
  typealias Take = (UnsafePointer<weir_frame_view>) -> weir_status
  var finding = weir_journal_finding()
  var journal: OpaquePointer?
  let status = withoutActuallyEscaping(take) { take in
    directory.withCString { directory in
      unit.withCString { unit in
        var options = weir_journal_options()
        options.directory = directory
        options.unit = unit
        options.read_only = true
        return withUnsafePointer(to: take) { take in
          weir_journal_open(
            &options, os,
            { user, frame in
              guard let user, let frame else { return .invalid }
              return user.assumingMemoryBound(to: Take.self).pointee(frame)
            }, UnsafeMutableRawPointer(mutating: take), &finding, &journal)
        }
      }
    }
  }
  weir_journal_close(journal)
  return status
}
