public import Machines

/// Messages that one lane of a collective sends at the same time, and how often in a row.
public struct CollectiveRound: Hashable, Sendable {
  /// Data from one coordinate to another.
  public struct Message: Hashable, Sendable {
    /// The coordinate that sends.
    public let from: Int
    /// The coordinate that receives.
    public let to: Int
    /// How much.
    public let bytes: Int
  }

  /// The messages; none is empty or goes to its own sender.
  public let messages: [Message]
  /// How many such rounds follow one another.
  public let repetitions: Int

  /// Creates a round from messages, of which it drops the empty ones.
  init(_ messages: [Message], repetitions: Int = 1) {
    let isSent: (Message) -> Bool = { $0.bytes > 0 && $0.from != $0.to }
    self.messages = messages.allSatisfy(isSent) ? messages : messages.filter(isSent)
    self.repetitions = repetitions
  }

  /// The repetitions as rounds of their own.
  var unrolled: [CollectiveRound] {
    repetitions == 1 ? [self] : (0..<repetitions).map { _ in CollectiveRound(messages) }
  }
}

/// The data of one lane: what the coordinates own, and what they send one another in an all-to-all.
struct LaneParts {
  /// The bytes of each coordinate's part.
  let sizes: [Int]
  /// The running sums of what each coordinate holds after an all-to-all, from zero.
  private let resultSums: [Int]
  /// What each coordinate sends to each, row by row, where the parts do not decide it.
  private let pieces: [Int]?
  /// Whether all parts, and all pieces of an all-to-all, are equal.
  let isEven: Bool

  /// Creates parts; those after an all-to-all have the shares of `sizes` unless `results` are given.
  init(sizes: [Int], results: [Int]? = nil, pieces: [Int]? = nil) {
    self.sizes = sizes
    self.pieces = pieces
    var sums = [0]
    for size in results ?? sizes { sums.append(sums[sums.count - 1] + size) }
    resultSums = sums
    isEven =
      pieces == nil && sizes.allSatisfy { $0 == sizes[0] }
      && (results ?? sizes).allSatisfy { $0 == (results ?? sizes)[0] }
  }

  /// The coordinates.
  var ways: Int { sizes.count }

  /// What coordinate `from` sends to `to` in an all-to-all: `part(from) · share(to)`.
  ///
  /// Rounded so that the pieces of a part add up to it: the running sums of the shares, times the part, are
  /// rounded down and their differences taken. Where the cuts are whole elements nothing is rounded; chunks,
  /// which are rounded themselves, come with their pieces.
  func piece(from: Int, to: Int) -> Int {
    if let pieces { return pieces[from * ways + to] }
    return scaled(sizes[from], by: resultSums[to + 1]) - scaled(sizes[from], by: resultSums[to])
  }

  private func scaled(_ size: Int, by sum: Int) -> Int {
    let total = resultSums[resultSums.count - 1]
    guard total > 0 else { return 0 }
    let product = size.multipliedReportingOverflow(by: sum)
    guard product.overflow else { return product.partialValue / total }
    return Int(Int128(size) * Int128(sum) / Int128(total))
  }
}

extension CollectiveAlgorithm {
  /// The algorithm that runs over `ways` coordinates: halving and doubling needs a power of two, else it is a
  /// ring.
  public func resolved(ways: Int) -> CollectiveAlgorithm {
    self == .halvingDoubling && ways & (ways - 1) != 0 ? .ring : self
  }

  /// The rounds of a lane whose parts have `sizes` bytes; `results` are those after an all-to-all, and
  /// `pieces` what each coordinate sends to each in it, row by row, where the parts do not decide that.
  ///
  /// Along the fixed tree `addends` says how many partial sums of each part each coordinate has.
  ///
  /// A reduce-scatter and an all-gather move `(w − 1) · Σ sizes` in all, an all-reduce twice that, an
  /// all-to-all every piece once that is not yet at its place. In an all-gather each coordinate receives what
  /// it does not own; in a reduce-scatter it receives `w − 1` times its own part, but that uneven parts sent
  /// by way of others (ring, halving) give coordinates other shares of the same sum.
  public func rounds(
    _ operation: CollectiveOperation, sizes: [Int], results: [Int]? = nil, pieces: [Int]? = nil,
    addends: [Int] = []
  ) -> [CollectiveRound] {
    let isAllToAll = operation == .allToAll
    let parts = LaneParts(
      sizes: sizes, results: isAllToAll ? results : nil, pieces: isAllToAll ? pieces : nil)
    guard parts.ways > 1 else { return [] }
    return switch resolved(ways: parts.ways) {
    case .ring: RingAlgorithm.rounds(operation, parts)
    case .direct: DirectAlgorithm.rounds(operation, parts)
    case .halvingDoubling: HalvingDoublingAlgorithm.rounds(operation, parts)
    case .fixedTree: FixedTreeAlgorithm.rounds(operation, parts, addends: addends)
    }
  }

  /// The closed form over even parts, as terms for each unit of data: a part, or of an all-to-all a piece.
  func evenTerms(_ operation: CollectiveOperation, over ports: LevelPorts) -> [EvenTerm] {
    guard ports.ways > 1 else { return [] }
    return switch resolved(ways: ports.ways) {
    case .ring: RingAlgorithm.evenTerms(operation, over: ports)
    case .direct, .fixedTree: DirectAlgorithm.evenTerms(operation, over: ports)
    case .halvingDoubling: HalvingDoublingAlgorithm.evenTerms(operation, over: ports)
    }
  }

  /// The algorithm that suits a level: a ring on rings and lines, halving and doubling on a switch of a power
  /// of two ways (a ring otherwise), and direct messages elsewhere.
  public static func standard(for level: DeviceGroup.Level) -> CollectiveAlgorithm {
    guard case .mesh(let mesh) = level.network else { return .direct }
    return switch mesh.topology {
    case .ring, .line: .ring
    case .fullyConnected, .tree: .direct
    case .switch: CollectiveAlgorithm.halvingDoubling.resolved(ways: level.ways)
    }
  }
}
