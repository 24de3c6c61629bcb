public import Foundation
internal import Histogram

/// A log of HdrHistogram, version 1.3, with histograms in the V2 encoding.
///
/// What other tools of that family read and draw. Values are nanoseconds; the encoding is the bytes
/// of the counts, each a ZigZag LEB128 number, a negative one for so many zeros in a row, in a zlib
/// stream of stored blocks.
public enum HdrLog {
  /// The text of a log.
  ///
  /// - Parameters:
  ///   - sets: latencies under their tags, which hold neither commas nor spaces in the log.
  ///   - begin: when the run began.
  ///   - seconds: how long it took.
  public static func text(
    _ sets: [(tag: String, latencies: Latencies)], begin: Date, seconds: Double
  ) -> String {
    let start = begin.timeIntervalSince1970
    var lines = [
      "#[Histogram log format version 1.3]",
      "#[StartTime: \(number(start)) (seconds since epoch)]",
      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"",
    ]
    for (tag, latencies) in sets where latencies.count > 0 {
      let name = String(tag.map { $0 == "," || $0 == " " ? "_" : $0 })
      let bytes = compressed(payload(latencies)).base64EncodedString()
      let max = number(Double(latencies.maxNs) / 1e6)
      lines.append("Tag=\(name),0.000,\(number(seconds)),\(max),\(bytes)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func number(_ value: Double) -> String { String(format: "%.3f", value) }

  /// A histogram in the V2 encoding, not compressed.
  static func payload(_ latencies: Latencies) -> [UInt8] {
    let counts = countsByIndex(latencies)
    var encoded: [UInt8] = []
    var zeros: Int64 = 0
    for count in counts {
      if count == 0 {
        zeros += 1
        continue
      }
      if zeros > 0 { encoded += zigzag(zeros == 1 ? 0 : -zeros) }
      zeros = 0
      encoded += zigzag(Int64(clamping: count))
    }
    var bytes: [UInt8] = []
    bytes += big(UInt32(0x1c84_9313))
    bytes += big(UInt32(encoded.count))
    bytes += big(UInt32(0))  // the index offset
    bytes += big(UInt32(3))  // significant digits
    bytes += big(UInt64(1))  // the lowest value told apart
    bytes += big(Latencies.mostNs)
    bytes += big(Double(1).bitPattern)
    return bytes + encoded
  }

  /// Counts in the order of the family's array: 2,048 places, then 1,024 for each doubling.
  private static func countsByIndex(_ latencies: Latencies) -> [UInt64] {
    var counts: [UInt64] = []
    for place in latencies.histogram.recordedValues() {
      let index = index(of: place.value)
      while counts.count <= index { counts.append(0) }
      counts[index] += place.count
    }
    return counts
  }

  static func index(of value: UInt64) -> Int {
    let bucket = max(0, 64 - 11 - value.leadingZeroBitCount)
    return bucket * 1024 + Int(value >> UInt64(bucket))
  }

  private static func zigzag(_ value: Int64) -> [UInt8] {
    var rest = UInt64(bitPattern: value << 1 ^ value >> 63)
    var bytes: [UInt8] = []
    // The ninth byte has all of its eight bits.
    while rest >= 0x80, bytes.count < 8 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(truncatingIfNeeded: rest)]
  }

  private static func big<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
    stride(from: Number.bitWidth - 8, through: 0, by: -8).map {
      UInt8(truncatingIfNeeded: value >> Number($0))
    }
  }

  /// The cookie of the compressed encoding, the length, and a zlib stream that stores.
  static func compressed(_ payload: [UInt8]) -> Data {
    var stream: [UInt8] = [0x78, 0x01]
    var rest = payload[...]
    repeat {
      let block = rest.prefix(65_535)
      rest = rest.dropFirst(block.count)
      let count = UInt16(block.count)
      stream += [rest.isEmpty ? 1 : 0]
      stream += big(count.byteSwapped) + big((~count).byteSwapped)
      stream += block
    } while !rest.isEmpty
    var (low, high): (UInt32, UInt32) = (1, 0)
    for byte in payload {
      low = (low + UInt32(byte)) % 65_521
      high = (high + low) % 65_521
    }
    stream += big(high << 16 | low)
    return Data(big(UInt32(0x1c84_9314)) + big(UInt32(stream.count)) + stream)
  }
}
