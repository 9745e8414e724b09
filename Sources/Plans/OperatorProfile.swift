public import Graphs
import Machines

/// What a plan must know of one node of a training graph: its types, its rules, and what it does in each
/// phase.
public final class OperatorProfile: Sendable {
  /// The node.
  public let id: NodeID
  /// The node in the graph.
  public let node: Node
  /// The types of its inputs.
  public let inputTypes: [TensorType]
  /// The types of its outputs.
  public let outputTypes: [TensorType]
  /// The rules that the operator allows on any level.
  public let rules: [SplitRule]

  /// Reads the facts of a node.
  public init(_ id: NodeID, in graph: Graph) {
    self.id = id
    node = graph[id]
    inputTypes = graph.inputTypes(of: node)
    outputTypes = graph.outputTypes(of: node)
    rules = node.operator.rules.splitRules(inputs: inputTypes, outputs: outputTypes).filter(\.fitsLayout)
  }

  /// The strategies over the levels of a cut, in the order of the axes and then of the operator's rules, the
  /// top level varying slowest.
  ///
  /// A weighted operator may be split along the given axes only; along its groups where any channel axis is
  /// given; it is replicated only if nothing else is possible. Other operators follow: along the batch where
  /// the batch is given, along channels where a channel axis is given, or not at all.
  ///
  /// - Parameters:
  ///   - cut: The group and its shares.
  ///   - axes: The axes allowed, in the order in which ties are broken.
  ///   - fixed: The names of the rules that are already decided, from the top level.
  ///   - tied: For each level the number of the block of levels that follow one rule together; nil leaves
  ///     every level free.
  public func strategies(
    over cut: Cut, axes: [AxisRole], fixed: [String] = [], tied: [Int]? = nil
  ) -> [Strategy] {
    let allowed = allowedRules(axes)
    let blocks = tied ?? Array(0..<cut.levelCount)
    var found = combinations(allowed, cut, fixed, blocks)
    if found.isEmpty { found = combinations(rules, cut, fixed, blocks) }
    return found
  }

  /// How many rules a level may follow within some axes.
  public func ruleCount(axes: [AxisRole]) -> Int { max(1, allowedRules(axes).count) }

  /// The strategy of the named rules, or the reason why there is none.
  public func strategy(named names: [String], over cut: Cut) throws(PlanViolation) -> Strategy {
    var chosen: [SplitRule] = []
    for (level, name) in names.enumerated() {
      guard let rule = rules.first(where: { $0.name == name }) else {
        throw .unknownRule(node: node.name, level: level, rule: name)
      }
      chosen.append(rule)
    }
    let strategy = Strategy(rules: chosen, inputCount: inputTypes.count, outputCount: outputTypes.count)
    guard fits(strategy, cut) else { throw .axisTooShort(node: node.name, rule: names) }
    return strategy
  }

  private func allowedRules(_ axes: [AxisRole]) -> [SplitRule] {
    let anyChannel = axes.contains(.inputChannel) || axes.contains(.outputChannel)
    let isWeighted = node.operator.rules.isWeighted
    func rank(_ rule: SplitRule) -> Int? {
      guard let axis = rule.axis else { return isWeighted ? nil : axes.count + 1 }
      if let position = axes.firstIndex(of: axis) { return position }
      switch axis {
      case .group: return anyChannel ? axes.count : nil
      case .batch, .inputChannel, .outputChannel: return nil
      default: return isWeighted || !anyChannel ? nil : axes.count
      }
    }
    let ranked = rules.indices.compactMap { index in rank(rules[index]).map { (rank: $0, index: index) } }
    return ranked.sorted { ($0.rank, $0.index) < ($1.rank, $1.index) }.map { rules[$0.index] }
  }

  private func combinations(
    _ rules: [SplitRule], _ cut: Cut, _ fixed: [String], _ blocks: [Int]
  ) -> [Strategy] {
    var partial: [[SplitRule]] = [[]]
    for level in 0..<cut.levelCount {
      if level < fixed.count {
        guard let rule = self.rules.first(where: { $0.name == fixed[level] }) else { return [] }
        partial = partial.map { $0 + [rule] }
      } else if level > fixed.count, blocks[level] == blocks[level - 1] {
        partial = partial.map { $0 + [$0[level - 1]] }
      } else {
        partial = partial.flatMap { head in rules.map { head + [$0] } }
      }
    }
    return partial.lazy.map {
      Strategy(rules: $0, inputCount: self.inputTypes.count, outputCount: self.outputTypes.count)
    }
    .filter { self.fits($0, cut) }
  }

  /// Whether every device keeps a part of every tensor that is cut.
  private func fits(_ strategy: Strategy, _ cut: Cut) -> Bool {
    for (type, layout) in zip(inputTypes, strategy.inputs) where !cut.fits(type.shape, layout) {
      return false
    }
    for (type, layout) in zip(outputTypes, strategy.outputs) where !cut.fits(type.shape, layout) {
      return false
    }
    return node.operator.rules.isWeighted ? keepsGroups(strategy, cut) : partsMatch(strategy, cut)
  }

  /// Whether every dimension that an axis cuts is cut at the same steps of the axis.
  ///
  /// A reshape merges an axis with others: where the parts are not equal, the boundaries of the longer
  /// dimension might fall inside a step of the shorter one.
  private func partsMatch(_ strategy: Strategy, _ cut: Cut) -> Bool {
    var shortest: [(levels: UInt64, extent: Int)] = []
    func note(_ levels: UInt64, _ extent: Int) {
      guard levels != 0 else { return }
      if let index = shortest.firstIndex(where: { $0.levels == levels }) {
        shortest[index].extent = min(shortest[index].extent, extent)
      } else {
        shortest.append((levels, extent))
      }
    }
    let tensors = zip(inputTypes + outputTypes, strategy.inputs + strategy.outputs)
    for (type, layout) in tensors {
      for dimension in type.shape.indices {
        note(cut.levels(cutting: dimension, layout), type.shape[dimension])
      }
    }
    for item in shortest {
      let extent = item.extent
      if cut.isEven, extent % cut.deviceCount == 0 { continue }
      for (type, layout) in tensors {
        for dimension in type.shape.indices
        where cut.levels(cutting: dimension, layout) == item.levels && type.shape[dimension] != extent {
          if !cut.agree(extent, type.shape[dimension], levels: item.levels) { return false }
        }
      }
    }
    return true
  }
}

extension SplitRule {
  /// Whether every dimension that the rule cuts is among those that a ``Layout`` can name.
  fileprivate var fitsLayout: Bool {
    (inputs + outputs + outputErrors + inputErrors).allSatisfy { state in
      if case .sharded(let dimension) = state { dimension < Layout.dimensionLimit } else { true }
    }
  }
}
