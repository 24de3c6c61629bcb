// Configuration files: any text is a configuration, or is refused with problems that each name a
// place within the text.

import WeirConfiguration

/// One input of libFuzzer's; what is not UTF-8 is refused before a configuration is read.
@c(LLVMFuzzerTestOneInput)
public func fuzzConfiguration(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: bytes, count: count)
  guard let yaml = String(validating: input, as: UTF8.self) else { return -1 }
  let breaks = "\n\r\u{85}\u{2028}\u{2029}".unicodeScalars
  let lines = 2 + yaml.unicodeScalars.count { breaks.contains($0) }
  let (unit, problems) = Configuration.read(yaml: yaml, file: "fuzz.yaml")
  precondition((unit == nil) == problems.contains { $0.severity == .error })
  for problem in problems {
    precondition((1...lines).contains(problem.line) && problem.column >= 1)
    precondition(!problem.message.isEmpty)
  }
  return 0
}
