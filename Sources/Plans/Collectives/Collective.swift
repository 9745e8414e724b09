public import Units

/// What a collective does to the data of the devices that take part.
public enum CollectiveOperation: String, Hashable, Sendable, CaseIterable {
  /// Sums addends and leaves each device one part of the sum.
  case reduceScatter = "reduce-scatter"
  /// Gives every device every part.
  case allGather = "all-gather"
  /// Sums addends and gives every device the sum.
  case allReduce = "all-reduce"
  /// Changes the axis along which data is cut.
  case allToAll = "all-to-all"
}

/// In which rounds a collective moves its data.
public enum CollectiveAlgorithm: String, Hashable, Sendable, CaseIterable {
  /// w−1 rounds (all-reduce 2(w−1)) to the neighbour.
  case ring
  /// One round (all-reduce two) from each device to each other.
  case direct
  /// log₂ w rounds (all-reduce twice as many) between devices whose distance halves or doubles.
  case halvingDoubling = "halving-doubling"
  /// As direct, but each device sends every partial sum it has, so that the order of additions never changes.
  case fixedTree = "fixed-tree"
}

/// One collective over one level of one group.
///
/// The participants are all devices below one part of the next higher level: `ways` coordinates at the level
/// times `lanes` devices below each; every lane is a collective of its own between `ways` devices.
public struct Collective: Hashable, Sendable {
  /// What it does.
  public let operation: CollectiveOperation
  /// How it moves the data.
  public let algorithm: CollectiveAlgorithm
  /// The group's index in ``Machine/groups``.
  public let group: Int
  /// The level, from the top.
  public let level: Int
  /// The mesh index of the first device that takes part.
  public let firstDevice: Int
  /// The part of each coordinate of each lane: what it owns of the lane's data before an all-gather, or after
  /// a reduce-scatter; of an all-to-all what it holds before.
  public let parts: CollectiveParts
  /// Of an all-to-all, what each coordinate holds afterwards; nil where the shares are those of ``parts``.
  public let resultParts: CollectiveParts?
  /// Of an all-to-all between chunks, for each lane what each coordinate sends to each, row by row; nil where
  /// the parts decide it.
  public let pieces: [[Bytes]]?
  /// Of a sum along the fixed tree, how many partial sums of each part each coordinate has; empty where each
  /// has one.
  public let addends: [Int]

  /// Creates a collective.
  public init(
    operation: CollectiveOperation, algorithm: CollectiveAlgorithm, group: Int, level: Int, firstDevice: Int,
    parts: CollectiveParts, resultParts: CollectiveParts? = nil, pieces: [[Bytes]]? = nil, addends: [Int] = []
  ) {
    self.operation = operation
    self.algorithm = algorithm
    self.group = group
    self.level = level
    self.firstDevice = firstDevice
    self.parts = parts
    self.resultParts = resultParts
    self.pieces = pieces
    self.addends = addends.allSatisfy { $0 == 1 } ? [] : addends
  }
}
