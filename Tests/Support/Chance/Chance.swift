/// Chance with a seed, so that a failing run can be run again: SplitMix64 (Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", 2014).
public struct Chance: RandomNumberGenerator {
  private var state: UInt64

  /// Seeds are spread first: the generator walks in equal steps, and neighbours would only be
  /// behind one another on the same walk.
  public init(seed: UInt64) {
    state = seed &+ 0x1234_5678
    state = next()
  }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// 0 ..< bound, which is at least 1.
  public mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// True in so many of a hundred cases.
  public mutating func percent(_ share: Int) -> Bool { below(100) < share }

  /// One of a list that is not empty.
  public mutating func pick<T>(_ list: [T]) -> T { list[below(list.count)] }

  /// So many bytes.
  public mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}
