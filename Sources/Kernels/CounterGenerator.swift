/// Random numbers that depend only on what they are for, so that any device can draw its own.
///
/// A dropout mask is drawn from the counter (seed, step, sample, element): each is mixed into the state by
/// one round of SplitMix64, and the upper 53 bits of the last state are the number. `element` is the place in
/// the sample's part of the tensor in row-major order; `stream` tells apart the nodes of a network.
///
/// > Source: G. L. Steele, D. Lea, C. H. Flood. "Fast Splittable Pseudorandom Number Generators." OOPSLA
/// > 2014, figure 16 (the mixing function).
public struct CounterGenerator: Hashable, Sendable {
  /// What the whole run starts from.
  public let seed: UInt64
  /// The training step.
  public let step: UInt64
  /// What the numbers are for: the index of a node.
  public let stream: UInt64

  /// Creates the generator of one stream of one step.
  public init(seed: UInt64, step: UInt64, stream: UInt64) {
    self.seed = seed
    self.step = step
    self.stream = stream
  }

  /// Returns a number of the interval [0, 1).
  public func uniform(sample: UInt64, element: UInt64) -> Double {
    self.sample(sample).uniform(element)
  }

  /// The numbers of one sample, for those who draw many of them.
  func sample(_ number: UInt64) -> Sample {
    var state: UInt64 = 0
    for word in [seed, stream, step, number] { state = Self.mixed(state &+ word) }
    return Sample(state: state)
  }

  /// The numbers of one sample.
  struct Sample {
    fileprivate let state: UInt64

    /// Returns a number of the interval [0, 1).
    @inline(__always)
    func uniform(_ element: UInt64) -> Double {
      Double(CounterGenerator.mixed(state &+ element) >> 11) * 0x1p-53
    }
  }

  /// The mixing function of SplitMix64: a word of random bits for each word.
  @inlinable @inline(__always)
  public static func mixed(_ word: UInt64) -> UInt64 {
    var z = word &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
