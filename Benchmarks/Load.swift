import CWeirBenchmarks
import Foundation

/// One run of the generator in words of Swift.
struct Load {
  /// Where to.
  enum Target {
    case socket(String)
    case redis(UInt16)
    case nats(UInt16)
  }

  var target: Target
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

    /// The longest latency, milliseconds.
    var longestMilliseconds: Double { Double(core.pointee.times.max_ns) / 1e6 }

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
    var path: String?
    switch target {
    case .socket(let socket):
      options.protocol = WEIR_LOAD_LINES
      path = socket
    case .redis(let port):
      options.protocol = WEIR_LOAD_REDIS
      options.port = port
    case .nats(let port):
      options.protocol = WEIR_LOAD_NATS
      options.port = port
    }
    let problem = mix.requests.withUnsafeBufferPointer { requests in
      options.mix = requests.baseAddress
      guard let path else { return weir_load_run(&options, result.core) }
      return path.withCString { text in
        options.socket = text
        return weir_load_run(&options, result.core)
      }
    }
    if let problem { throw Trouble(String(cString: problem)) }
    return result
  }
}
