/// States of a conversion that lie in one piece of memory, each inside or around the one before.
///
/// A step says where in its source its result may begin, or where in its result its source. States are laid
/// over each other along these offsets as far as that is possible: the source of a conversion keeps its
/// place, and nothing reaches beyond it.
struct StateOverlay: Hashable, Sendable {
  /// Whether the memory is that of the conversion's source.
  let isInSource: Bool
  /// For each state, the source of the conversion left out, its first element in the memory.
  let offsets: [Int]
  /// The elements of the memory.
  let count: Int

  /// Lays the states of a conversion over each other, in their order.
  ///
  /// - Parameters:
  ///   - steps: The steps, at least one.
  ///   - use: What becomes of the source of the first.
  static func overlays(of steps: [ExchangeProgram], use: SourceUse) -> [StateOverlay] {
    var overlays: [StateOverlay] = []
    var state = 0
    if use == .consumed {
      var offsets: [Int] = []
      var position = 0
      while state < steps.count, let offset = steps[state].resultOffset {
        position += offset
        guard position >= 0, position + steps[state].afterCount <= steps[0].beforeCount else { break }
        offsets.append(position)
        state += 1
      }
      if !offsets.isEmpty {
        overlays.append(StateOverlay(isInSource: true, offsets: offsets, count: steps[0].beforeCount))
      }
    }
    while state < steps.count {
      var positions = [0]
      var ends = [steps[state].afterCount]
      state += 1
      while state < steps.count, let offset = steps[state].resultOffset, let last = positions.last {
        positions.append(last + offset)
        ends.append(last + offset + steps[state].afterCount)
        state += 1
      }
      let first = positions.min() ?? 0
      overlays.append(
        StateOverlay(
          isInSource: false, offsets: positions.map { $0 - first }, count: (ends.max() ?? 0) - first))
    }
    return overlays
  }
}

extension ExchangeProgram {
  /// Where the result may begin, counted from the beginning of the source; nil where the two must lie apart.
  fileprivate var resultOffset: Int? { resultOffsetInSource ?? sourceOffsetInResult.map { -$0 } }
}
