/// The elements of a tensor that a device holds, as runs of row-major element numbers.
///
/// A holding is kept in a dense buffer, in ascending order of the numbers. The holding of a ``Layout`` is so
/// the dense row-major local tensor. Inside a conversion a device may hold chunks of atoms instead
/// (``Conversion``); these lie in ascending order too.
public struct Holding: Hashable, Sendable {
  /// Elements that lie one behind the other in the buffer of a holding.
  public struct Strip: Hashable, Sendable {
    /// The place of the first in the buffer, in elements.
    public let offset: Int
    /// How many there are.
    public let count: Int

    /// Creates a strip.
    public init(offset: Int, count: Int) {
      self.offset = offset
      self.count = count
    }
  }

  /// The element numbers: ascending, disjoint, not empty and not touching each other.
  public let runs: [Range<Int>]
  /// For each run the place of its first element in the buffer.
  private let offsets: [Int]
  /// The number of elements.
  public let count: Int

  /// Creates a holding from runs in ascending order; it joins those that touch.
  public init(_ runs: [Range<Int>]) {
    var joined: [Range<Int>] = []
    for run in runs where !run.isEmpty {
      if let last = joined.last {
        precondition(last.upperBound <= run.lowerBound, "\(run) after \(last)")
        if last.upperBound == run.lowerBound {
          joined[joined.count - 1] = last.lowerBound..<run.upperBound
          continue
        }
      }
      joined.append(run)
    }
    var offsets: [Int] = []
    offsets.reserveCapacity(joined.count)
    var count = 0
    for run in joined {
      offsets.append(count)
      count += run.count
    }
    self.runs = joined
    self.offsets = offsets
    self.count = count
  }

  /// Creates the holding of the elements whose steps along each dimension lie in given runs.
  public init(_ shape: [Int], steps: [[Range<Int>]]) {
    precondition(shape.count == steps.count, "steps of \(steps.count) dimensions of \(shape)")
    var runs = [0..<1]
    var inner = 1
    for (extent, steps) in zip(shape, steps).reversed() {
      if runs == [0..<inner] {
        runs = steps.map { $0.lowerBound * inner..<$0.upperBound * inner }.filter { !$0.isEmpty }
      } else {
        runs = steps.joined().flatMap { step in
          runs.map { $0.lowerBound + step * inner..<$0.upperBound + step * inner }
        }
      }
      // Touching runs are joined so that a whole dimension stays one run.
      runs = Holding(runs).runs
      inner *= extent
    }
    self.init(runs)
  }

  /// Creates what a device holds of a tensor in a layout.
  public init(_ shape: [Int], _ layout: Layout, over cut: Cut, device: Int) {
    self.init(
      shape,
      steps: shape.indices.map {
        cut.heldRanges(shape[$0], levels: cut.levels(cutting: $0, layout), device: device)
      })
  }

  /// The elements at some places of the buffer.
  public func slice(_ places: Range<Int>) -> Holding {
    precondition(places.lowerBound >= 0 && places.upperBound <= count, "\(places) of \(count)")
    return Holding(
      zip(runs, offsets).compactMap { run, offset in
        let part = places.clamped(to: offset..<offset + run.count)
        guard !part.isEmpty else { return nil }
        let start = run.lowerBound + part.lowerBound - offset
        return start..<start + part.count
      })
  }

  /// The elements of both holdings.
  ///
  /// - Complexity: O(runs of both).
  public func intersection(_ other: Holding) -> Holding {
    var common: [Range<Int>] = []
    var (left, right) = (0, 0)
    while left < runs.count, right < other.runs.count {
      let match = runs[left].clamped(to: other.runs[right])
      if !match.isEmpty { common.append(match) }
      if runs[left].upperBound < other.runs[right].upperBound { left += 1 } else { right += 1 }
    }
    return Holding(common)
  }

  /// The elements of several disjoint holdings.
  public static func union(_ holdings: [Holding]) -> Holding {
    Holding(holdings.flatMap(\.runs).sorted { $0.lowerBound < $1.lowerBound })
  }

  /// Where the elements of another holding lie in the buffer of this one, in their order.
  ///
  /// - Precondition: This holding has all of them.
  /// - Complexity: O(runs of both).
  public func strips(of part: Holding) -> [Strip] {
    var strips: [Strip] = []
    var index = 0
    for run in part.runs {
      while index < runs.count, runs[index].upperBound <= run.lowerBound { index += 1 }
      precondition(
        index < runs.count && runs[index].lowerBound <= run.lowerBound
          && runs[index].upperBound >= run.upperBound, "elements \(run) are not held")
      let offset = offsets[index] + run.lowerBound - runs[index].lowerBound
      if let last = strips.last, last.offset + last.count == offset {
        strips[strips.count - 1] = Strip(offset: last.offset, count: last.count + run.count)
      } else {
        strips.append(Strip(offset: offset, count: run.count))
      }
    }
    return strips
  }
}
