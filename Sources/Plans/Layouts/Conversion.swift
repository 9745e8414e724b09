import Graphs

/// One step of a conversion: a collective over one level, on every group of that level at once.
public struct ConversionStep: Hashable, Sendable {
  /// What it does: reduce-scatter, all-to-all or all-gather.
  public let operation: CollectiveOperation
  /// The level, from the top.
  public let level: Int
  /// Elements that each device holds before; one value where all hold equally many.
  public let before: [Int]
  /// Elements that each device holds after; one value where all hold equally many.
  public let after: [Int]
  /// Of the elements held after, those that an all-to-all finds in place; one value where all are equal.
  public let kept: [Int]
  /// Of an all-to-all between chunks, for each device what it sends to each coordinate of the level, its own
  /// share included; empty where the parts alone decide it, as the parts are whole products of steps.
  public let pieces: [[Int]]
  /// Where sums follow the fixed tree over the cells, how many partial sums of each element each device has
  /// (``PartialSums``), one value where all have equally many; empty elsewhere.
  public internal(set) var addends: [Int] = []
  /// Of a reduce-scatter along the fixed tree, how many partial sums of each element of its part a device
  /// receives; one value where all receive equally many.
  var addendsReceived: [Int] = []

  /// Whether every device holds, sends and receives equally much.
  public var isUniform: Bool { before.count == 1 && after.count == 1 && addends.count <= 1 }

  /// The elements that a device receives from others.
  ///
  /// A reduce-scatter over `w` ways brings w − 1 addends of the own part, or along the fixed tree as many as
  /// the others have partial sums; an all-gather or an all-to-all
  /// whatever was not held before. With equal parts of n elements held before these are n (w − 1)/w,
  /// n (w − 1) and n (w − 1)/w.
  public func received(by device: Int, ways: Int) -> Int {
    func value(_ values: [Int]) -> Int { values.count == 1 ? values[0] : values[device] }
    switch operation {
    case .reduceScatter:
      return (addendsReceived.isEmpty ? ways - 1 : value(addendsReceived)) * value(after)
    case .allGather: return value(after) - value(before)
    case .allToAll: return value(after) - value(kept)
    case .allReduce: return 2 * (ways - 1) * value(after)
    }
  }
}

/// Returns the steps that bring a tensor from one layout to another, or nil where none do.
///
/// Level by level in this order: slices, which are free and give no step; reduce-scatters of partial levels,
/// the lowest first; all-to-alls; all-gathers, the highest first. A level that goes from partial to
/// replicated is a reduce-scatter of chunks and an all-gather of them. A whole never becomes an addend:
/// from replicated or sharded to partial there is no conversion.
///
/// - Complexity: O(levels) where all parts are equal, else O(levels × devices).
public func conversionSteps(
  _ shape: [Int], from: Layout, to: Layout, over cut: Cut
) -> [ConversionStep]? {
  guard from.bits != to.bits else { return [] }
  return ConversionWalk.walk(shape, from: from, to: to, over: cut)?.steps
}

/// Follows what each device holds while a tensor changes its layout.
///
/// A level that is reduced to the whole holds chunks in between. A chunk is a share of every atom, the
/// finest part that the levels sharded before or after cut out of the tensor; so chunks never straddle the
/// parts that other levels move, and gathering them gives exactly the target.
struct ConversionWalk {
  let shape: [Int]
  let cut: Cut
  /// For each dimension the levels that cut it before or after.
  let cuttingLevels: [[Int]]
  /// For each dimension the steps in each atom, by the digits of its cutting levels; empty where all parts
  /// are equal.
  private var atomSteps: [[Int]] = []
  /// Whether all atoms and all chunks are equal.
  private let isEven: Bool
  var layout: Layout
  /// Levels whose partial sum was scattered in chunks, in the order of their reduce-scatters.
  var chunked: [Int] = []
  /// Elements held by each device, or one value where all hold equally many.
  var held: [Int] = []
  var steps: [ConversionStep] = []
  /// What is held before and after each of the steps.
  var states: [Conversion.State] = []

  /// Goes all the way, or returns nil where nothing leads from one layout to the other.
  static func walk(_ shape: [Int], from: Layout, to: Layout, over cut: Cut) -> ConversionWalk? {
    let levels = cut.levelCount
    for level in 0..<levels where to[level] == .partial && from[level] != .partial { return nil }
    var walk = ConversionWalk(shape: shape, from: from, to: to, cut: cut)
    for level in 0..<levels {
      if from[level] == .replicated, case .sharded = to[level] { walk.slice(level, to[level]) }
    }
    walk.states = [walk.state]
    for level in stride(from: levels - 1, through: 0, by: -1) where from[level] == .partial {
      if to[level] != .partial { walk.reduceScatter(level, to: to[level]) }
    }
    for level in 0..<levels {
      if case .sharded(let old) = from[level], case .sharded(let new) = to[level], old != new {
        walk.allToAll(level, to: to[level])
      }
    }
    for level in 0..<levels where to[level] == .replicated && from[level] != .replicated {
      walk.allGather(level)
    }
    return walk
  }

  private var state: Conversion.State { Conversion.State(layout: layout, chunkedLevels: chunked) }

  private mutating func finish(_ step: ConversionStep) {
    steps.append(step)
    states.append(state)
  }

  private init(shape: [Int], from: Layout, to: Layout, cut: Cut) {
    self.shape = shape
    self.cut = cut
    layout = from
    let levels = 0..<cut.levelCount
    cuttingLevels = shape.indices.map { dimension in
      levels.filter { from[$0] == .sharded(dimension) || to[$0] == .sharded(dimension) }
    }
    var isEven = cut.isEven
    var atom = 1
    for (extent, cutting) in zip(shape, cuttingLevels) {
      isEven = isEven && cut.isBalanced(extent, levels: cutting.reduce(0) { $0 | 1 << UInt64($1) })
      atom *= extent / cutting.reduce(1) { $0 * cut.ways[$1] }
    }
    let chunks = levels.filter { from[$0] == .partial && to[$0] == .replicated }
    self.isEven = isEven && atom % chunks.reduce(1, { $0 * cut.ways[$1] }) == 0
    if !self.isEven {
      atomSteps = zip(shape, cuttingLevels).map { extent, cutting in
        Self.atomSteps(extent, cutting, cut)
      }
    }
    held = elements([layout])
  }

  /// The steps of an axis in each atom, by the digits of the levels that cut it.
  private static func atomSteps(_ extent: Int, _ cutting: [Int], _ cut: Cut) -> [Int] {
    if cutting.isEmpty { return [extent] }
    var steps = [Int](repeating: 0, count: cutting.reduce(1) { $0 * cut.ways[$1] })
    for block in 0..<cut.deviceCount {
      let atom = cutting.reduce(0) { $0 * cut.ways[$1] + cut.coordinate(of: block, at: $1) }
      steps[atom] += cut.block(block, of: extent).count
    }
    return steps
  }

  private mutating func slice(_ level: Int, _ state: SplitState) {
    layout = layout.with(state, at: level)
    held = elements([layout])
  }

  private mutating func reduceScatter(_ level: Int, to state: SplitState) {
    let before = held
    if state == .replicated { chunked.append(level) }
    layout = layout.with(state, at: level)
    held = elements([layout])
    finish(
      ConversionStep(
        operation: .reduceScatter, level: level, before: before, after: held, kept: [], pieces: []))
  }

  private mutating func allToAll(_ level: Int, to state: SplitState) {
    let (before, previous) = (held, layout)
    layout = layout.with(state, at: level)
    held = elements([layout])
    finish(
      ConversionStep(
        operation: .allToAll, level: level, before: before, after: held, kept: elements([previous, layout]),
        pieces: chunkPieces(level, from: previous, to: layout)))
  }

  private mutating func allGather(_ level: Int) {
    let before = held
    chunked.removeAll { $0 == level }
    layout = layout.with(.replicated, at: level)
    held = elements([layout])
    finish(
      ConversionStep(
        operation: .allGather, level: level, before: before, after: held, kept: [], pieces: []))
  }

  /// The elements that each device holds in all of the layouts at once, or one value where all hold equally
  /// many.
  private func elements(_ layouts: [Layout]) -> [Int] {
    if isEven { return [shape.reduce(1, *) / parts(layouts)] }
    let isUniform = chunked.isEmpty && layouts.allSatisfy { cut.isUniform(shape, $0) }
    if isUniform { return [elements(layouts, device: 0)] }
    // Devices that differ only where nothing is cut hold equally many.
    let deciding = (0..<cut.levelCount).filter { level in
      chunked.contains(level)
        || layouts.contains { if case .sharded = $0[level] { true } else { false } }
    }
    var held: [Int] = []
    held.reserveCapacity(cut.deviceCount)
    for device in 0..<cut.deviceCount {
      let twin = deciding.reduce(0) { $0 + cut.coordinate(of: device, at: $1) * cut.strides[$1] }
      held.append(twin < device ? held[twin] : elements(layouts, device: device))
    }
    return held
  }

  /// What each device sends to each coordinate in an all-to-all, where chunks are rounded atom by atom.
  private func chunkPieces(_ level: Int, from previous: Layout, to next: Layout) -> [[Int]] {
    if isEven || chunked.isEmpty { return [] }
    let (ways, stride) = (cut.ways[level], cut.strides[level])
    return (0..<cut.deviceCount).map { device in
      let first = device - cut.coordinate(of: device, at: level) * stride
      return (0..<ways).map { coordinate in
        elements([(previous, device), (next, first + coordinate * stride)])
      }
    }
  }

  /// Into how many equal parts the layouts together, and the chunks, cut the tensor.
  private func parts(_ layouts: [Layout]) -> Int {
    var parts = chunked.reduce(1) { $0 * cut.ways[$1] }
    for (position, layout) in layouts.enumerated() {
      for level in 0..<cut.levelCount {
        guard case .sharded = layout[level],
          !layouts[..<position].contains(where: { $0[level] == layout[level] })
        else { continue }
        parts *= cut.ways[level]
      }
    }
    return parts
  }

  private func elements(_ layouts: [Layout], device: Int) -> Int {
    if layouts.count == 1, chunked.isEmpty { return cut.localElements(shape, layouts[0], device: device) }
    return elements(layouts.map { ($0, device) })
  }

  /// The elements that several devices of one lane hold in common, each in its layout.
  private func elements(_ holders: [(layout: Layout, device: Int)]) -> Int {
    var atoms = [1]
    for dimension in shape.indices {
      let extents = atomExtents(dimension, holders)
      atoms = atoms.flatMap { atom in extents.map { atom * $0 } }
    }
    // Devices of one lane have the same coordinates at every level that holds chunks.
    return atoms.reduce(0) { $0 + chunk(of: $1, device: holders[0].device) }
  }

  /// The steps of a dimension in each atom of which all holders have something.
  private func atomExtents(_ dimension: Int, _ holders: [(layout: Layout, device: Int)]) -> [Int] {
    var atoms = [0]
    for level in cuttingLevels[dimension] {
      let ways = cut.ways[level]
      var fixed: Int?
      for holder in holders where holder.layout[level] == .sharded(dimension) {
        let coordinate = cut.coordinate(of: holder.device, at: level)
        // Holders that stand at different places have nothing in common.
        if let fixed, fixed != coordinate { return [0] }
        fixed = coordinate
      }
      if let fixed {
        for index in atoms.indices { atoms[index] = atoms[index] * ways + fixed }
      } else {
        atoms = atoms.flatMap { atom in (0..<ways).map { atom * ways + $0 } }
      }
    }
    return atoms.map { atomSteps[dimension][$0] }
  }

  private func chunk(of atom: Int, device: Int) -> Int {
    chunked.reduce(atom) { count, level in
      cut.chunk(of: count, level: level, coordinate: cut.coordinate(of: device, at: level)).count
    }
  }
}
