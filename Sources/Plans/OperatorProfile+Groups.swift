import Graphs
import Machines

extension OperatorProfile {
  /// Whether every device holds whole groups of channels or a part of one group alone, the same part of every
  /// tensor.
  ///
  /// Levels cut digits, so that a level that splits groups, or channels inside them, may give a device
  /// channels of several groups that stand apart; such combinations are not legal.
  func keepsGroups(_ strategy: Strategy, _ cut: Cut) -> Bool {
    let isInside = strategy.rules.contains { $0.inside == .group }
    guard isInside || strategy.rules.contains(where: { $0.axis == .group }) else { return true }
    let space = node.operator.rules.iterationSpace(inputs: inputTypes, outputs: outputTypes)
    guard let axis = space.axes.firstIndex(where: { $0.role == .group }) else { return true }
    let groups = space.axes[axis].extent
    var outer: UInt64 = 0
    for level in strategy.rules.indices where strategy.rules[level].axis == .group {
      outer |= 1 << UInt64(level)
    }
    let tensors =
      zip(zip(inputTypes, strategy.inputs), space.inputs).map { ($0.0, $0.1, $1) }
      + zip(zip(outputTypes, strategy.outputs), space.outputs).map { ($0.0, $0.1, $1) }
    for device in 0..<cut.deviceCount {
      let held = cut.heldRanges(groups, levels: outer, device: device)
      if isInside, held.reduce(0, { $0 + $1.count }) != 1 { return false }
      var parts: [AxisRole: [Range<Int>]] = [:]
      for (type, layout, dimensions) in tensors {
        for (dimension, extent) in type.shape.enumerated() {
          let isGrouped = dimensions[dimension] == axis
          let size = isGrouped ? extent / groups : extent
          if isGrouped {
            let whole = held.map { $0.lowerBound * size..<$0.upperBound * size }
            guard cut.heldRanges(extent, levels: outer, device: device) == whole else { return false }
          }
          for role in [AxisRole.inputChannel, .outputChannel] {
            let isCut = strategy.rules.indices.contains {
              strategy.rules[$0].axis == role && layout[$0] == .sharded(dimension)
            }
            guard isInside, isCut, let group = held.first?.lowerBound else { continue }
            let first = isGrouped ? group * size : 0
            let part = cut.heldRanges(extent, levels: cut.levels(cutting: dimension, layout), device: device)
              .map { $0.lowerBound - first..<$0.upperBound - first }
            if let known = parts[role], known != part { return false }
            parts[role] = part
          }
        }
      }
    }
    return true
  }
}
