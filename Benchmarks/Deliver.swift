import ArgumentParser
import CWeirDelivery
import Foundation

/// `Benchmarks deliver`: items an inner unit brings into a directory, a second.
struct DeliverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deliver",
    abstract: "Items a second that an inner unit delivers to a directory, durably.",
    discussion: """
      The real units without their loop, on one thread: batches of a thousand are staged, made \
      safe by one syncfs, marked in the journal, renamed, and the directory synced. A run counts \
      only when every matter lies there at its end.
      """)

  @OptionGroup var output: OutputOptions
  @Option(help: "Matters.") var count: UInt32 = 20_000
  @Option(help: "Directory for everything, by default the system's temporary one.")
  var directory: String?

  func validate() throws {
    guard (1...200_000).contains(count) else { throw ValidationError("1 to 200000 matters") }
  }

  func run() throws {
    let table = Table(json: output.json)
    var rate = Figure(name: "delivered to a directory", unit: "items/s", values: [])
    rate.goal = (15_000, true)
    var cost = Figure(name: "the thread's CPU", unit: "us/item", values: [])
    for _ in 0..<output.runs {
      let folder = try Folder("deliver", in: directory)
      var result = weir_delivery_result()
      if let problem = weir_delivery_run(folder.path, count, &result) {
        throw Trouble("\(String(cString: problem)): \(result.delivered) of \(count)")
      }
      rate.values.append(Double(result.delivered) / (Double(result.time_ns) / 1e9))
      cost.values.append(Double(result.cpu_ns) / 1000 / Double(result.delivered))
    }
    [rate, cost].forEach(table.add)
  }
}
