/// Which samples each step of a training run reads: a new permutation of the set for every epoch.
///
/// Any step can be asked for without those before it, so that a resumed run needs only the step's number. The
/// last samples of an epoch that do not fill a batch are left out, as is usual where the batch is fixed; they
/// are others in every epoch. Steps and epochs count from zero.
///
/// ```swift
/// let order = SampleOrder(count: 60_000, seed: 7, batch: 64)
/// let samples = order.samples(ofStep: 0)
/// ```
///
/// ## Model
///
/// The place of a sample in its epoch is enciphered by a balanced Feistel network of eight rounds over the
/// least even number of bits that holds the count, again and again until it is below the count; the round
/// function is the mixing function of SplitMix64. Places and samples thus correspond one to one, and no
/// memory is needed.
///
/// > Source: J. Black, P. Rogaway. "Ciphers with Arbitrary Finite Domains." CT-RSA 2002 (cycle walking);
/// > G. L. Steele, D. Lea, C. H. Flood. "Fast Splittable Pseudorandom Number Generators." OOPSLA 2014.
public struct SampleOrder: Hashable, Sendable {
  /// The samples of the set.
  public let count: Int
  /// What the permutations are drawn from.
  public let seed: UInt64
  /// The samples of a step.
  public let batch: Int
  private let halfBits: UInt64

  /// Creates an order.
  ///
  /// - Precondition: `1 ≤ batch ≤ count`.
  public init(count: Int, seed: UInt64, batch: Int) {
    precondition(batch >= 1 && batch <= count, "a batch of \(batch) of \(count) samples")
    self.count = count
    self.seed = seed
    self.batch = batch
    var bits: UInt64 = 1
    while 1 << (2 * bits) < UInt64(count) { bits += 1 }
    halfBits = bits
  }

  /// The steps of an epoch.
  public var stepsPerEpoch: Int { count / batch }

  /// The epoch to which a step belongs.
  public func epoch(ofStep step: Int) -> Int { step / stepsPerEpoch }

  /// The samples of a step, in the order of the batch.
  ///
  /// - Complexity: O(batch).
  public func samples(ofStep step: Int) -> [Int] { (0..<batch).map { sample(ofStep: step, place: $0) } }

  /// The sample at a place of a step's batch.
  public func sample(ofStep step: Int, place: Int) -> Int {
    precondition(step >= 0 && place >= 0 && place < batch, "place \(place) of step \(step)")
    return sample(at: step % stepsPerEpoch * batch + place, inEpoch: epoch(ofStep: step))
  }

  /// The sample at a place of an epoch.
  public func sample(at place: Int, inEpoch epoch: Int) -> Int {
    precondition(place >= 0 && place < count && epoch >= 0, "place \(place) of epoch \(epoch)")
    let key = mixed(mixed(seed) &+ UInt64(epoch))
    let mask: UInt64 = 1 << halfBits - 1
    var block = UInt64(place)
    repeat {
      var (left, right) = (block >> halfBits, block & mask)
      for round in 0..<8 as Range<UInt64> {
        (left, right) = (right, left ^ (mixed(key &+ round << 56 ^ right) & mask))
      }
      block = left << halfBits | right
    } while block >= UInt64(count)
    return Int(block)
  }
}

/// The mixing function of SplitMix64.
func mixed(_ word: UInt64) -> UInt64 {
  var z = word &+ 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}
