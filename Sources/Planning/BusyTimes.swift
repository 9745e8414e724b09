import Differentiation
import Graphs
import Machines
import Plans

/// Lower bounds of a step's time that hold whatever overlaps: no device does its own arithmetic faster than
/// in sum.
struct BusyTimes {
  private let problem: PlanningProblem
  private let profiles: [OperatorProfile]
  private let operations: [[TrainingGraph.Operation]]
  /// For each group the running sums over the nodes of the least time that each keeps the group busy.
  private var sums: [Int: [Double]] = [:]

  init(_ problem: PlanningProblem, _ profiles: [OperatorProfile]) {
    self.problem = problem
    self.profiles = profiles
    var operations = [[TrainingGraph.Operation]](repeating: [], count: profiles.count)
    for operation in problem.training.operations {
      if let node = operation.node { operations[node.index].append(operation) }
    }
    self.operations = operations
  }

  /// The bound of a placement in ticks: where nothing overlaps the sum over its groups, else the busiest of them;
  /// 0 where the objective has no such bound.
  mutating func bound(_ segments: [Segment], _ costs: [Int: AdditiveCosts]) -> Double {
    guard problem.options.objective == .time else { return 0 }
    return segments.reduce(0) { bound, segment in
      guard let group = costs[segment.group] else { return bound }
      let sums = runningSums(segment.group, group)
      let own = sums[segment.nodes.upperBound] - sums[segment.nodes.lowerBound]
      return problem.step.overlap == .none ? bound + own : max(bound, own)
    }
  }

  private mutating func runningSums(_ group: Int, _ costs: AdditiveCosts) -> [Double] {
    if let known = sums[group] { return known }
    var running = [0.0]
    let microBatches = Double(problem.step.microBatches)
    var known: [NodeFacts: Double] = [:]
    for (node, profile) in profiles.enumerated() {
      let facts = NodeFacts(
        operator: profile.node.operator, inputs: profile.inputTypes, operations: costs.operationKey(node))
      let least: Double
      if let value = known[facts] {
        least = value
      } else {
        let strategies = profile.strategies(over: costs.tasks.cut, axes: problem.options.axes)
        least =
          strategies.map { strategy in
            operations[node].reduce(0) { sum, operation in
              sum + microBatches * costs.time(of: costs.tasks.work(of: operation, profile, strategy))
            }
          }.min() ?? 0
        known[facts] = least
      }
      running.append(running[node] + least)
    }
    sums[group] = running
    return running
  }
}

private struct NodeFacts: Hashable {
  let `operator`: Operator
  let inputs: [TensorType]
  let operations: [OperationKey]
}
