// Policy files: any text is a policy, which decides, or is refused with problems that each name a
// place within the text.

import WeirModel
import WeirPolicy

/// One input of libFuzzer's; what is not UTF-8 is refused before a policy is read.
@c(LLVMFuzzerTestOneInput)
public func fuzzPolicy(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: bytes, count: count)
  guard let yaml = String(validating: input, as: UTF8.self) else { return -1 }
  let breaks = "\n\r\u{85}\u{2028}\u{2029}".unicodeScalars
  let lines = 2 + yaml.unicodeScalars.count { breaks.contains($0) }
  do throws(PolicyError) {
    let policy = try Policy(yaml: yaml, file: "fuzz.yaml")
    for fact in Fact.allCases {
      let decision = policy.decide(
        FactSet(fact), platform: .hotline, channel: .phone, role: .outer)
      precondition(Int(decision.decisionText) < policy.texts.count)
    }
  } catch {
    precondition(!error.problems.isEmpty)
    for problem in error.problems {
      precondition((1...lines).contains(problem.line) && problem.column >= 1)
      precondition(!problem.message.isEmpty && !problem.messageChinese.isEmpty)
    }
  }
  return 0
}
