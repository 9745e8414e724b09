/// A reproducible generator (Steele, Lea, Flood 2014, SplitMix64).
public struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  /// Begins with a seed.
  public init(seed: UInt64) { state = seed }

  /// The next number.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  /// A number of a range.
  public mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

  /// A number from zero to below a bound.
  public mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// An element of an array that is not empty.
  public mutating func element<Element>(of array: [Element]) -> Element {
    array[number(0...(array.count - 1))]
  }

  /// True in so many of a hundred cases.
  public mutating func chance(_ percent: Int) -> Bool { number(1...100) <= percent }
}
