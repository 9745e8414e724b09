import Devices
import Differentiation
import Graphs
import Machines
import Plans

/// What each strategy of each operator adds to a device's memory: parameters with their gradients and
/// optimizer state, and the inputs that its backward work reads.
///
/// The sum over a plan is close to its peak, which is found where forward work ends; it steers a search that
/// must fit.
struct MemoryEstimates {
  private let bytes: [[Double]]

  init(
    _ search: PlacementSearch, _ costs: [Int: AdditiveCosts], _ profiles: [OperatorProfile],
    _ training: TrainingGraph
  ) {
    var saved: Set<TrainingGraph.Value> = []
    for value in training.savedValues() { saved.insert(value.value) }
    var bytes: [[Double]] = []
    for segment in search.segments {
      guard let tasks = costs[segment.group]?.tasks else { continue }
      for node in segment.nodes {
        let profile = profiles[node]
        bytes.append(
          search.strategies[node].map { strategy in
            var sum = 0
            for (position, tensor) in profile.node.inputs.enumerated() {
              let elements = tasks.cut.localElements(
                profile.inputTypes[position].shape, strategy.inputs[position], device: 0)
              if training.graph[tensor].role == .parameter {
                let states = training.optimizer.stateCount + (training.masterCopies == .none ? 0 : 1)
                sum += elements * (tasks.sizes.parameter + tasks.sizes.gradient + states * tasks.sizes.state)
              } else if saved.contains(training.storage(of: .forward(tensor))) {
                sum += elements * tasks.sizes.activation
              }
            }
            return Double(sum)
          })
      }
    }
    self.bytes = bytes
  }

  /// A price of a byte at which memory weighs a hundredth of the cost.
  func startingRate(_ network: CostNetwork) -> Double {
    let cost = network.variables.reduce(0) { $0 + ($1.min() ?? 0) }
    let memory = bytes.reduce(0) { $0 + ($1.min() ?? 0) }
    return memory > 0 ? 0.01 * cost / memory : .infinity
  }

  /// The network in which every byte costs `rate` besides.
  func weighted(_ network: CostNetwork, rate: Double) -> CostNetwork {
    var result = CostNetwork()
    for (costs, bytes) in zip(network.variables, bytes) {
      _ = result.addVariable(
        costs.count == bytes.count ? zip(costs, bytes).map { $0 + rate * $1 } : costs)
    }
    for edge in network.edges { result.addEdge(from: edge.from, to: edge.to, costs: edge.costs) }
    return result
  }
}
