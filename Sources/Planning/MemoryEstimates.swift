import Devices
import Differentiation
import Graphs
import Machines
import Plans

/// What each strategy of each operator adds to a device's memory: parameters with their gradients and
/// optimizer state, and the inputs that its backward work reads.
///
/// The state of a parameter that several nodes read is that of its home alone, where it is updated.
///
/// The sum over a plan is close to its peak, which is found where forward work ends; it steers a search that
/// must fit.
struct MemoryEstimates {
  private let bytes: [[Double]]

  init(
    _ search: PlacementSearch, _ costs: [Int: AdditiveCosts], _ facts: StepFacts
  ) {
    let training = facts.training
    var saved: Set<TrainingGraph.Value> = []
    for value in training.savedValues() { saved.insert(value.value) }
    var bytes: [[Double]] = []
    for segment in search.segments {
      guard let tasks = costs[segment.group]?.tasks else { continue }
      for node in segment.nodes {
        let profile = facts.profiles[node]
        bytes.append(
          search.strategies[node].map { strategy in
            var sum = 0
            for (position, tensor) in profile.node.inputs.enumerated() {
              let elements = tasks.cut.localElements(
                profile.inputTypes[position].shape, strategy.inputs[position], device: 0)
              if training.graph[tensor].role == .parameter {
                sum += elements * Self.elementSize(tensor, at: node, position, facts, tasks.sizes)
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

  /// The bytes that an input of a node holds for each element of a parameter.
  private static func elementSize(
    _ parameter: TensorID, at node: Int, _ input: Int, _ facts: StepFacts, _ sizes: ElementSizes
  ) -> Int {
    let weightAndGradient = sizes.parameter + sizes.gradient
    if let home = facts.use(of: parameter)?.home, home.node != node || home.input != input {
      return weightAndGradient
    }
    let training = facts.training
    let states = training.optimizer.stateCount + (training.masterCopies == .none ? 0 : 1)
    return weightAndGradient + states * sizes.state
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
