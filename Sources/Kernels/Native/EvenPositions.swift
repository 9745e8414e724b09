/// Evenly spaced positions along a dimension.
struct EvenPositions: Hashable, Sendable {
  var first = 0
  var count = 0
  var step = 1

  /// The same positions from the last to the first.
  var reversed: EvenPositions {
    EvenPositions(first: first + max(0, count - 1) * step, count: count, step: -step)
  }

  /// For each window the positions that it meets.
  static func met(
    byWindowsOf size: Int, count: Int, stride: Int, dilation: Int, begin: Int, below extent: Int
  ) -> [EvenPositions] {
    (0..<count).map { window in
      let positions = (0..<size).map { window * stride - begin + $0 * dilation }
        .filter { (0..<extent).contains($0) }
      return EvenPositions(first: positions.first ?? 0, count: positions.count, step: dilation)
    }
  }

  /// For each position the windows that meet it.
  static func meeting(_ windows: [EvenPositions], _ extent: Int) -> [EvenPositions] {
    var all = Array(repeating: EvenPositions(), count: extent)
    for (number, window) in windows.enumerated() {
      for index in 0..<window.count {
        let position = window.first + index * window.step
        // The windows that meet a position are as far from one another as the first two of them.
        switch all[position].count {
        case 0: all[position].first = number
        case 1: all[position].step = number - all[position].first
        default: break
        }
        all[position].count += 1
      }
    }
    return all
  }
}
