import Differentiation
import Graphs
import Machines
import Plans

/// Lower bounds of a step's time that hold whatever overlaps: no device does its own arithmetic faster than
/// in sum, and a pipeline must fill before its last stage and drain after it.
struct BusyTimes {
  private let problem: PlanningProblem
  private var sums: [Int: RunningSums] = [:]

  /// For a group the sums, over all nodes before each node, of the least ticks that one micro-batch takes.
  private struct RunningSums {
    var forward = [0.0]
    var backward = [0.0]
  }

  init(_ problem: PlanningProblem) { self.problem = problem }

  /// The bound of a placement in ticks; 0 where the objective has none.
  ///
  /// Where nothing overlaps it is the sum over all stages. A pipeline of n micro-batches takes at least n
  /// times the own work of each stage. With a flush every stage but the last must have done its forward work
  /// of the first micro-batch before the last stage ends with it, and does its backward work of the last one
  /// after the last stage has begun with that: between the two the last stage works for n − 1 micro-batches.
  mutating func bound(_ segments: [Segment], _ costs: [Int: AdditiveCosts]) -> Double {
    guard let own = ownTimes(segments, costs), let last = own.last else { return 0 }
    let count = Double(problem.step.microBatches)
    let busiest = count * (own.max() ?? 0)
    return switch problem.step.overlap {
    case .none: count * own.reduce(0, +)
    case .backward: max(busiest, own.dropLast().reduce(0, +) + (count - 1) * last)
    case .steady: busiest
    }
  }

  /// What a placement will take in ticks as far as arithmetic tells: it orders placements.
  ///
  /// With a flush, filling and draining the pipeline count whole for each stage; but the last gradients of a
  /// stage may be made beside the draining, so that this is no bound.
  mutating func estimate(_ segments: [Segment], _ costs: [Int: AdditiveCosts]) -> Double {
    guard problem.step.overlap == .backward, let own = ownTimes(segments, costs) else {
      return bound(segments, costs)
    }
    var before = 0.0
    var longest = 0.0
    for time in own {
      longest = max(longest, Double(problem.step.microBatches) * time + before)
      before += time
    }
    return longest
  }

  /// For each stage the least ticks that one micro-batch takes; nil where the objective is not time, or where
  /// a group cannot run at all.
  private mutating func ownTimes(_ segments: [Segment], _ costs: [Int: AdditiveCosts]) -> [Double]? {
    guard problem.options.objective == .time else { return nil }
    var times: [Double] = []
    for segment in segments {
      guard let group = costs[segment.group] else { return nil }
      let sums = runningSums(segment.group, group)
      let (low, high) = (segment.nodes.lowerBound, segment.nodes.upperBound)
      times.append(sums.forward[high] - sums.forward[low] + sums.backward[high] - sums.backward[low])
    }
    return times
  }

  private mutating func runningSums(_ group: Int, _ costs: AdditiveCosts) -> RunningSums {
    if let known = sums[group] { return known }
    var running = RunningSums()
    var known: [NodeFacts: (forward: Double, backward: Double)] = [:]
    let facts = problem.facts
    let tied = LevelBlocks(problem).blocks(of: costs.tasks.cut.group)
    for (node, profile) in facts.profiles.enumerated() {
      let key = NodeFacts(
        operator: profile.node.operator, inputs: profile.inputTypes, operations: costs.operationKey(node),
        fixed: problem.options.fixed[profile.node.name] ?? [])
      let least: (forward: Double, backward: Double)
      if let value = known[key] {
        least = value
      } else {
        let strategies = profile.strategies(
          over: costs.tasks.cut, axes: problem.options.axes, fixed: key.fixed, tied: tied)
        func time(_ operation: TrainingGraph.Operation) -> Double {
          strategies.map { costs.time(of: costs.tasks.work(of: operation, profile, $0)) }.min() ?? 0
        }
        least = (
          facts.forward[node].map(time) ?? 0, facts.backward[node].reduce(0) { $0 + time($1) }
        )
        known[key] = least
      }
      running.forward.append(running.forward[node] + least.forward)
      running.backward.append(running.backward[node] + least.backward)
    }
    sums[group] = running
    return running
  }
}

private struct NodeFacts: Hashable {
  let `operator`: Operator
  let inputs: [TensorType]
  let operations: [OperationKey]
  let fixed: [String]
}
