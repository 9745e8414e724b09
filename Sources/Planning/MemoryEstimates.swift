import Devices
import Differentiation
import Graphs
import Machines
import Plans

/// What each strategy of each operator adds to a device's memory: parameters with their gradients and
/// optimizer state, and the inputs that its backward work reads.
///
/// A parameter that several nodes read counts with its home, where it is updated; another node adds what it
/// reads in another layout or on other devices, and a gradient that is summed by itself.
///
/// The sum over a plan is close to its peak, which is found where forward work ends; it steers a search that
/// must fit.
struct MemoryEstimates {
  private let bytes: [[Double]]
  /// What other nodes than its home add for a parameter.
  private let sharing: [CostNetwork.Edge]

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
    var sharing: [CostNetwork.Edge] = []
    for use in facts.parameterUses {
      for reader in use.others {
        if let edge = Self.sharing(use, reader, search, costs, facts) { sharing.append(edge) }
      }
    }
    self.sharing = sharing
  }

  /// The bytes that another node than a parameter's home adds, for each pair of their strategies; nil where
  /// one of them has none.
  private static func sharing(
    _ use: ParameterUse, _ reader: ParameterUse.Reader, _ search: PlacementSearch,
    _ costs: [Int: AdditiveCosts], _ facts: StepFacts
  ) -> CostNetwork.Edge? {
    let home = use.home
    func segment(_ node: Int) -> Segment? { search.segments.first { $0.nodes.contains(node) } }
    guard let own = segment(home.node), let other = segment(reader.node),
      let tasks = costs[other.group]?.tasks
    else { return nil }
    let (rows, columns) = (search.strategies[home.node], search.strategies[reader.node])
    guard !rows.isEmpty, !columns.isEmpty else { return nil }
    let shape = facts.training.graph[use.parameter].type.shape
    let bytes = rows.flatMap { row in
      columns.map { column in
        let isApart = own != other
        var size = 0
        if isApart || row.inputs[home.input] != column.inputs[reader.input] { size += tasks.sizes.parameter }
        if reader.contributes, isApart || !tasks.addAtOnce(row, home.input, column, reader.input) {
          size += tasks.sizes.gradient
        }
        return Double(size * tasks.cut.localElements(shape, column.inputs[reader.input], device: 0))
      }
    }
    return CostNetwork.Edge(from: home.node, to: reader.node, costs: bytes)
  }

  /// The bytes that an input of a node holds for each element of a parameter: none but at the home.
  private static func elementSize(
    _ parameter: TensorID, at node: Int, _ input: Int, _ facts: StepFacts, _ sizes: ElementSizes
  ) -> Int {
    if let home = facts.use(of: parameter)?.home, home.node != node || home.input != input { return 0 }
    let training = facts.training
    let states = training.optimizer.stateCount + (training.masterCopies == .none ? 0 : 1)
    return sizes.parameter + sizes.gradient + states * sizes.state
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
    for edge in sharing {
      result.addEdge(from: edge.from, to: edge.to, costs: edge.costs.map { rate * $0 })
    }
    return result
  }
}
