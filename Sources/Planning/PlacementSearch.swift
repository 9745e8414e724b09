import Devices
import Differentiation
import Graphs
import Machines
import Plans
import Units

/// Consecutive operators on one group of devices.
struct Segment: Hashable {
  /// The index of the group in ``Machines/Machine/groups``.
  let group: Int
  let nodes: Range<Int>
}

/// The additive search over the strategies of every operator, once it is decided which group runs which.
struct PlacementSearch {
  let segments: [Segment]
  /// For each node its strategies.
  let strategies: [[Strategy]]
  let network: CostNetwork

  /// Builds the costs of every strategy and of every conversion between neighbours.
  ///
  /// - Parameters:
  ///   - segments: Which group runs which operators; together they cover the graph in order.
  ///   - axes: The axes allowed, in the order of ties.
  ///   - fixed: For each node the rules already decided, from the top level.
  ///   - profiles: The facts of every node.
  ///   - costs: For each group its costs; what they learn of conversions is kept.
  ///   - cache: What placements have in common.
  ///   - tied: For groups with too many levels the blocks of levels that follow one rule.
  init(
    _ segments: [Segment], axes: [AxisRole], fixed: (Int) -> [String], profiles: [OperatorProfile],
    costs: inout [Int: AdditiveCosts], cache: inout PlacementCache, tied: [Int: [Int]] = [:]
  ) {
    self.segments = segments
    var network = CostNetwork()
    var strategies: [[Strategy]] = []
    var groupOfNode: [Int] = []
    for segment in segments {
      guard let group = costs[segment.group] else {
        preconditionFailure("no costs of group \(segment.group)")
      }
      for node in segment.nodes {
        let (found, values) = cache.node(
          node, profiles[node], axes: axes, fixed: fixed(node), tied: tied[segment.group], segment.group,
          group)
        strategies.append(found)
        groupOfNode.append(segment.group)
        _ = network.addVariable(values)
      }
    }
    for edge in cache.edges where !strategies[edge.from].isEmpty && !strategies[edge.to].isEmpty {
      let values = cache.edge(
        edge, strategies[edge.from], strategies[edge.to], groupOfNode[edge.from], groupOfNode[edge.to], &costs
      )
      network.addEdge(from: edge.from, to: edge.to, costs: values)
    }
    for use in cache.sharedParameters {
      let home = use.home.node
      for reader in use.others where !strategies[home].isEmpty && !strategies[reader.node].isEmpty {
        let values = cache.sharing(
          use, reader, strategies[home], strategies[reader.node], groupOfNode[home],
          groupOfNode[reader.node], costs)
        network.addEdge(from: home, to: reader.node, costs: values)
      }
    }
    self.strategies = strategies
    self.network = network
  }

  /// The plan of an assignment.
  func stages(of values: [Int], machine: Machine, costs: [Int: AdditiveCosts]) -> [Stage] {
    let groups = machine.groups
    return segments.map { segment in
      Stage(
        group: groups[segment.group].name, nodes: segment.nodes,
        rules: segment.nodes.map { strategies[$0][values[$0]].names },
        shares: costs[segment.group]?.tasks.cut.shares ?? .equal(groups[segment.group]))
    }
  }
}

/// What placements have in common: the edges of the graph, and costs that recur from placement to placement.
struct PlacementCache {
  /// An activation from the node that writes it to the node that reads it.
  struct Edge {
    let tensor: TensorID
    let shape: [Int]
    let from: Int
    let output: Int
    let to: Int
    let input: Int
    let hasError: Bool
    /// With lazy reduction a fork takes its input as it was left, unless it comes from another group.
    let isLazyFork: Bool
  }

  let edges: [Edge]
  /// The parameters that several nodes read.
  let sharedParameters: [ParameterUse]
  private var sharingCosts: [SharingKey: [Double]] = [:]
  private var nodes: [NodeKey: (strategies: [Strategy], costs: [Double])] = [:]
  private var edgeCosts: [EdgeKey: [Double]] = [:]

  init(_ facts: StepFacts, reduction: ReductionTiming) {
    let graph = facts.training.graph
    var edges: [Edge] = []
    for index in graph.tensors.indices {
      guard let producer = facts.producers[index], let consumer = facts.consumers[index] else { continue }
      var isFork = false
      if case .fork = graph.nodes[consumer.node].operator { isFork = true }
      edges.append(
        Edge(
          tensor: TensorID(index), shape: graph.tensors[index].type.shape, from: producer.node,
          output: producer.output, to: consumer.node, input: consumer.input,
          hasError: facts.tensorsWithError.contains(TensorID(index)),
          isLazyFork: isFork && reduction == .lazy))
    }
    self.edges = edges
    sharedParameters = facts.parameterUses.filter { !$0.others.isEmpty }
  }

  /// The strategies of a node on a group and their costs.
  mutating func node(
    _ node: Int, _ profile: OperatorProfile, axes: [AxisRole], fixed: [String], tied: [Int]?, _ group: Int,
    _ costs: AdditiveCosts
  ) -> ([Strategy], [Double]) {
    let key = NodeKey(
      operator: profile.node.operator, inputs: profile.inputTypes, outputs: profile.outputTypes, fixed: fixed,
      operations: costs.operationKey(node), group: group, loads: costs.loads(profile))
    if let known = nodes[key] { return known }
    let found = profile.strategies(over: costs.tasks.cut, axes: axes, fixed: fixed, tied: tied)
    let values = found.isEmpty ? [.infinity] : found.map { costs.cost(of: profile, $0) }
    nodes[key] = (found, values)
    return (found, values)
  }

  /// The matrix of what it costs that another node reads a parameter, with a row for each strategy of the
  /// parameter's home.
  mutating func sharing(
    _ use: ParameterUse, _ reader: ParameterUse.Reader, _ home: [Strategy], _ other: [Strategy],
    _ homeGroup: Int, _ otherGroup: Int, _ costs: [Int: AdditiveCosts]
  ) -> [Double] {
    let key = SharingKey(
      parameter: use.parameter, node: reader.node, homeGroup: homeGroup, otherGroup: otherGroup)
    if let known = sharingCosts[key] { return known }
    guard let own = costs[homeGroup], let others = costs[otherGroup] else { return [] }
    let values = home.flatMap { row in
      other.map { own.sharingCost(use, row, reader, $0, at: others) }
    }
    sharingCosts[key] = values
    return values
  }

  /// The matrix of conversion costs of an edge.
  mutating func edge(
    _ edge: Edge, _ from: [Strategy], _ to: [Strategy], _ fromGroup: Int, _ toGroup: Int,
    _ costs: inout [Int: AdditiveCosts]
  ) -> [Double] {
    let key = EdgeKey(
      shape: edge.shape, elementSize: costs[fromGroup]?.tasks.movingSize(of: edge.tensor) ?? 0,
      hasError: edge.hasError, isLazyFork: edge.isLazyFork,
      from: from.map { LayoutPair($0.outputs[edge.output].bits, $0.outputErrors[edge.output].bits) },
      to: to.map { LayoutPair($0.inputs[edge.input].bits, $0.inputErrors[edge.input].bits) },
      fromGroup: fromGroup, toGroup: toGroup)
    if let known = edgeCosts[key] { return known }
    let values = key.costs(&costs)
    edgeCosts[key] = values
    return values
  }
}

/// A reader of a parameter besides its home, and the groups of both.
private struct SharingKey: Hashable {
  let parameter: TensorID
  let node: Int
  let homeGroup: Int
  let otherGroup: Int
}

/// What makes two nodes cost the same.
private struct NodeKey: Hashable {
  let `operator`: Operator
  let inputs: [TensorType]
  let outputs: [TensorType]
  let fixed: [String]
  let operations: [OperationKey]
  let group: Int
  /// Whether the node reads samples that must be loaded.
  let loads: Bool
}

/// What of a backward operation decides its cost.
struct OperationKey: Hashable {
  let phase: Phase
  /// The inputs whose gradients or errors it makes.
  let targets: [Int]
  /// Those of them that are parameters which live with another node.
  let foreign: [Int]
}

private struct LayoutPair: Hashable {
  let value: UInt64
  let error: UInt64
  init(_ value: UInt64, _ error: UInt64) {
    self.value = value
    self.error = error
  }
}

/// What makes the conversions between two nodes cost the same.
private struct EdgeKey: Hashable {
  let shape: [Int]
  let elementSize: Int
  let hasError: Bool
  let isLazyFork: Bool
  let from: [LayoutPair]
  let to: [LayoutPair]
  let fromGroup: Int
  let toGroup: Int

  /// The matrix of conversion costs of the value and of its error.
  func costs(_ costs: inout [Int: AdditiveCosts]) -> [Double] {
    let forward = table(
      from.map(\.value), fromGroup, to.map(\.value), toGroup, &costs)
    let backward = hasError ? table(to.map(\.error), toGroup, from.map(\.error), fromGroup, &costs) : nil
    var result: [Double] = []
    result.reserveCapacity(from.count * to.count)
    for row in from.indices {
      for column in to.indices {
        let mustStay = isLazyFork && fromGroup == toGroup && from[row].value != to[column].value
        result.append(
          mustStay ? .infinity : forward.value(row, column) + (backward?.value(column, row) ?? 0))
      }
    }
    return result
  }

  /// Conversion costs between distinct layouts, and where each strategy's layout stands among them.
  private struct Table {
    let rows: [Int]
    let columns: [Int]
    let costs: [[Double]]
    func value(_ row: Int, _ column: Int) -> Double { costs[rows[row]][columns[column]] }
  }

  private func table(
    _ sources: [UInt64], _ source: Int, _ targets: [UInt64], _ target: Int,
    _ costs: inout [Int: AdditiveCosts]
  ) -> Table {
    let (rows, distinctRows) = indexed(sources)
    let (columns, distinctColumns) = indexed(targets)
    guard var own = costs[source], let other = costs[target] else {
      return Table(rows: [], columns: [], costs: [])
    }
    // Taken out of the dictionary, so that what it learns is written in place.
    costs[source] = nil
    let values = distinctRows.map { row in
      distinctColumns.map { column in
        let from = Layout(packed: row, levelCount: own.tasks.cut.levelCount)
        let to = Layout(packed: column, levelCount: other.tasks.cut.levelCount)
        return source == target
          ? own.conversionCost(shape, elementSize: elementSize, from: from, to: to)
          : own.departureCost(shape, elementSize: elementSize, from: from, to: to, at: other)
      }
    }
    costs[source] = own
    return Table(rows: rows, columns: columns, costs: values)
  }

  private func indexed(_ values: [UInt64]) -> (index: [Int], distinct: [UInt64]) {
    var places: [UInt64: Int] = [:]
    var distinct: [UInt64] = []
    let index = values.map { value in
      if let known = places[value] { return known }
      places[value] = distinct.count
      distinct.append(value)
      return distinct.count - 1
    }
    return (index, distinct)
  }
}
