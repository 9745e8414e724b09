/// What proves that a run has read every sample that it should have, and none twice.
///
/// Each sample that is read in a step adds a number of 128 bits that depends on both. Sums do not depend on
/// the order, so that the ledgers of ranks add up to that of the run, and a resumed run goes on from a stored
/// one. Two runs that read unlike samples have unlike sums, but for an accident.
public struct SampleLedger: Hashable, Sendable {
  /// The samples read.
  public private(set) var count: Int
  /// The sums of the numbers' lower and upper halves.
  public private(set) var sums: [UInt64]

  /// Creates an empty ledger.
  public init() {
    count = 0
    sums = [0, 0]
  }

  /// Creates the ledger that a run following an order has after some steps.
  ///
  /// - Complexity: O(steps · batch).
  public init(of order: SampleOrder, steps: Range<Int>) {
    self.init()
    for step in steps { record(order.samples(ofStep: step), inStep: step) }
  }

  /// Reads a ledger from its text, nil where it is none.
  public init?(text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, let count = Int(parts[0]), count >= 0, parts[1].utf8.count == 16,
      parts[2].utf8.count == 16, let low = UInt64(parts[1], radix: 16), let high = UInt64(parts[2], radix: 16)
    else { return nil }
    self.count = count
    sums = [low, high]
  }

  /// The ledger as text: the count and the two sums in hexadecimal.
  public var text: String {
    let words = sums.map { sum in
      let digits = String(sum, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    return "\(count)-\(words[0])-\(words[1])"
  }

  /// Notes samples that a step has read.
  public mutating func record(_ samples: some Sequence<Int>, inStep step: Int) {
    let key = mixed(UInt64(step))
    for sample in samples {
      let word = mixed(key &+ UInt64(sample))
      sums[0] &+= word
      sums[1] &+= mixed(word ^ 0x5851_F42D_4C95_7F2D)
      count += 1
    }
  }

  /// Adds what another rank has read.
  public mutating func merge(_ other: SampleLedger) {
    count += other.count
    for index in sums.indices { sums[index] &+= other.sums[index] }
  }
}
