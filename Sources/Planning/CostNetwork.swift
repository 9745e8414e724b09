/// Choices with costs of their own and costs between pairs of them: what an additive search minimises.
///
/// A variable is an operator, its values are strategies. A forbidden value or pair costs infinity. Costs are
/// whole numbers wherever they are ticks or bytes, so that sums in `Double` are exact and ties are real ties.
struct CostNetwork {
  /// A cost between two variables.
  struct Edge {
    let from: Int
    let to: Int
    /// One row for each value of `from`.
    let costs: [Double]
  }

  /// For each variable the cost of each value.
  private(set) var variables: [[Double]] = []
  private(set) var edges: [Edge] = []

  /// Adds a variable with at least one value and returns its index.
  mutating func addVariable(_ costs: [Double]) -> Int {
    precondition(!costs.isEmpty, "a variable needs a value")
    variables.append(costs)
    return variables.count - 1
  }

  /// Adds a cost between two variables.
  mutating func addEdge(from: Int, to: Int, costs: [Double]) {
    precondition(
      costs.count == variables[from].count * variables[to].count,
      "\(costs.count) costs between \(variables[from].count) and \(variables[to].count) values")
    edges.append(Edge(from: from, to: to, costs: costs))
  }

  /// The cost of an assignment of a value to every variable.
  func cost(of values: [Int]) -> Double {
    var sum = 0.0
    for (variable, value) in values.enumerated() { sum += variables[variable][value] }
    for edge in edges { sum += edge.costs[values[edge.from] * variables[edge.to].count + values[edge.to]] }
    return sum
  }
}
