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

  /// The elements that a device receives from others.
  ///
  /// A reduce-scatter over `w` ways brings w − 1 addends of the own part, an all-gather or an all-to-all
  /// whatever was not held before. With equal parts of n elements held before these are n (w − 1)/w,
  /// n (w − 1) and n (w − 1)/w.
  public func received(by device: Int, ways: Int) -> Int {
    func value(_ values: [Int]) -> Int { values.count == 1 ? values[0] : values[device] }
    switch operation {
    case .reduceScatter: return (ways - 1) * value(after)
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
/// replicated is a reduce-scatter of equal chunks and an all-gather of them. A whole never becomes an addend:
/// from replicated or sharded to partial there is no conversion.
///
/// - Complexity: O(levels) where all parts are equal, else O(levels × devices).
public func conversionSteps(
  _ shape: [Int], from: Layout, to: Layout, over cut: Cut
) -> [ConversionStep]? {
  guard from.bits != to.bits else { return [] }
  let levels = cut.levelCount
  for level in 0..<levels where to[level] == .partial && from[level] != .partial { return nil }
  var walk = ConversionWalk(shape: shape, layout: from, cut: cut)
  for level in 0..<levels {
    if from[level] == .replicated, case .sharded = to[level] { walk.slice(level, to[level]) }
  }
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
  return walk.steps
}

/// Follows what each device holds while a tensor changes its layout.
private struct ConversionWalk {
  let shape: [Int]
  let cut: Cut
  var layout: Layout
  /// Levels whose partial sum was scattered in chunks of no axis, on the way to replicated.
  var chunked: [Int] = []
  /// Elements held by each device, or one value where all hold equally many.
  var held: [Int]
  var steps: [ConversionStep] = []

  init(shape: [Int], layout: Layout, cut: Cut) {
    self.shape = shape
    self.layout = layout
    self.cut = cut
    self.held =
      cut.isUniform(shape, layout)
      ? [cut.localElements(shape, layout, device: 0)]
      : (0..<cut.deviceCount).map { cut.localElements(shape, layout, device: $0) }
  }

  mutating func slice(_ level: Int, _ state: SplitState) {
    layout = layout.with(state, at: level)
    held = elementsOfLayout()
  }

  mutating func reduceScatter(_ level: Int, to state: SplitState) {
    let before = held
    if case .sharded = state, chunked.isEmpty {
      layout = layout.with(state, at: level)
      held = elementsOfLayout()
    } else {
      layout = layout.with(.replicated, at: level)
      chunked.append(level)
      held = parts(of: before, level)
      if case .sharded = state { layout = layout.with(state, at: level) }
    }
    steps.append(
      ConversionStep(operation: .reduceScatter, level: level, before: before, after: held, kept: []))
  }

  mutating func allToAll(_ level: Int, to state: SplitState) {
    let before = held
    guard case .sharded(let old) = layout[level], case .sharded(let new) = state else { return }
    let previous = layout
    layout = layout.with(state, at: level)
    let ways = cut.ways[level]
    if chunked.isEmpty {
      held = elementsOfLayout()
      let kept = (0..<(isUniform(before, held) ? 1 : cut.deviceCount)).map { device in
        overlap(previous, layout, old: old, new: new, device: device)
      }
      steps.append(
        ConversionStep(operation: .allToAll, level: level, before: before, after: held, kept: kept))
    } else {
      // Chunks have no axes any more: what changes hands is the proportional share.
      held = parts(of: sums(of: before, level), level)
      let kept = held.map { $0 / ways }
      steps.append(
        ConversionStep(operation: .allToAll, level: level, before: before, after: held, kept: kept))
    }
  }

  mutating func allGather(_ level: Int) {
    let before = held
    held = sums(of: before, level)
    layout = layout.with(.replicated, at: level)
    chunked.removeAll { $0 == level }
    steps.append(ConversionStep(operation: .allGather, level: level, before: before, after: held, kept: []))
  }

  private func isUniform(_ before: [Int], _ after: [Int]) -> Bool { before.count == 1 && after.count == 1 }

  private func elementsOfLayout() -> [Int] {
    if cut.isUniform(shape, layout) { return [cut.localElements(shape, layout, device: 0)] }
    return (0..<cut.deviceCount).map { cut.localElements(shape, layout, device: $0) }
  }

  /// Each device's chunk of what it holds, cut over a level.
  private func parts(of held: [Int], _ level: Int) -> [Int] {
    let ways = cut.ways[level]
    if held.count == 1, cut.isEven, held[0] % ways == 0 { return [held[0] / ways] }
    return (0..<cut.deviceCount).map { device in
      let whole = held.count == 1 ? held[0] : held[device]
      return cut.chunk(of: whole, level: level, coordinate: cut.coordinate(of: device, at: level)).count
    }
  }

  /// What each device holds once it has the parts of all coordinates of a level.
  private func sums(of held: [Int], _ level: Int) -> [Int] {
    let ways = cut.ways[level]
    if held.count == 1 { return [held[0] * ways] }
    let stride = cut.strides[level]
    let sums = (0..<cut.deviceCount).map { device in
      let first = device - cut.coordinate(of: device, at: level) * stride
      return (0..<ways).reduce(0) { $0 + held[first + $1 * stride] }
    }
    return sums.allSatisfy { $0 == sums[0] } ? [sums[0]] : sums
  }

  /// The elements that a device holds before and after its cut at one level moves to another dimension.
  ///
  /// The old dimension is met by the part of it held before, the new one by the part held after.
  private func overlap(_ left: Layout, _ right: Layout, old: Int, new: Int, device: Int) -> Int {
    var product = 1
    for dimension in shape.indices {
      let layout = dimension == old ? left : right
      product *= cut.localExtent(shape[dimension], dimension: dimension, layout: layout, device: device)
    }
    return product
  }
}
