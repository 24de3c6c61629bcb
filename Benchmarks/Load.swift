import CWeirBenchmarks
import Foundation

/// One run of the generator in words of Swift.
struct Load {
  /// A Unix socket's path.
  let socket: String
  var connections: UInt32 = 1
  /// Closed loop: requests in flight.
  var window: UInt32 = 1
  /// Open loop: requests a second; 0: closed loop.
  var rate = 0.0
  /// The number in the first request's ref.
  var first: UInt64 = 0
  var seconds = 0.0
  /// Requests; 0: until the time is over.
  var most: UInt64 = 0
  /// Where answers are kept; none: nowhere.
  var answers = UnsafeMutableBufferPointer<weir_load_answer>(start: nil, count: 0)

  /// What came of it.
  @dynamicMemberLookup
  final class Result {
    let core = UnsafeMutablePointer<weir_load_result>.allocate(capacity: 1)

    subscript<Value>(dynamicMember path: KeyPath<weir_load_result, Value>) -> Value {
      core.pointee[keyPath: path]
    }

    /// Requests answered a second.
    var perSecond: Double { Double(self.answered) / max(1e-9, Double(self.time_ns) / 1e9) }

    /// The generator's own CPU time a request, microseconds.
    var generatorMicroseconds: Double {
      Double(self.cpu_ns) / 1000 / Double(max(1, self.answered))
    }

    /// The latency that a share of all did not exceed, milliseconds.
    func milliseconds(at share: Double) -> Double {
      Double(weir_times_at(&core.pointee.times, share)) / 1e6
    }

    /// The first refusal's line.
    var refusal: String {
      withUnsafeBytes(of: core.pointee.refusal) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
    }

    deinit { core.deallocate() }
  }

  /// Runs to the end on this thread.
  func run(_ mix: Mix) throws -> Result {
    let result = Result()
    var options = weir_load_options()
    options.connections = connections
    options.window = window
    options.rate = rate
    options.first = first
    options.most = most
    options.time_ns = UInt64(seconds * 1e9)
    options.mix_count = mix.requests.count
    options.answers = answers.baseAddress
    options.answers_most = answers.count
    let problem = mix.requests.withUnsafeBufferPointer { requests in
      options.mix = requests.baseAddress
      return socket.withCString { path in
        options.socket = path
        return weir_load_run(&options, result.core)
      }
    }
    if let problem { throw Trouble(String(cString: problem)) }
    return result
  }
}
