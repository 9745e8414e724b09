/// The minimum of a ``CostNetwork``, found by eliminating one variable after another.
///
/// Eliminating a variable replaces it by the minimum over its values, a table over its neighbours. Chains
/// cost vectors, forks that join again cost matrices, and what is not series-parallel costs larger tables.
/// Variables with one neighbour go first, the earliest of them first, so that on a chain this is the usual
/// dynamic programme from the first layer to the last.
struct Elimination {
  /// A table over variables; the last one varies fastest.
  struct Factor {
    let variables: [Int]
    let costs: [Double]
  }

  /// A variable at the moment of its elimination.
  struct Step {
    let variable: Int
    let factors: [Factor]
  }

  /// The steps in the order of elimination; values are found in the reverse order.
  let steps: [Step]
  /// The minimum; infinity where nothing is allowed.
  let minimum: Double
  /// How many sums were compared.
  let comparisons: Int
  private let variables: [[Double]]

  /// The most entries that a table may have.
  static let tableLimit = 40_000_000

  /// Eliminates every variable; nil where a table would exceed ``tableLimit``.
  init?(_ network: CostNetwork) {
    variables = network.variables
    var walk = EliminationWalk(network)
    while let next = walk.cheapest() {
      guard walk.eliminate(next) else { return nil }
    }
    steps = walk.steps
    minimum = walk.constant
    comparisons = walk.comparisons
  }

  /// The best assignment; of equally good values always the one with the lowest index.
  ///
  /// - Precondition: ``minimum`` is finite.
  func best() -> [Int] {
    var values = [Int](repeating: 0, count: variables.count)
    for step in steps.reversed() {
      let costs = self.costs(of: step, given: values)
      var best = 0
      for value in costs.indices where costs[value] < costs[best] { best = value }
      values[step.variable] = best
    }
    return values
  }

  /// The least cost of everything eliminated up to a step, for each value of its variable.
  func costs(of step: Step, given values: [Int]) -> [Double] {
    var costs = variables[step.variable]
    for factor in step.factors {
      var offset = 0
      var stride = 0
      for variable in factor.variables {
        let size = variables[variable].count
        offset *= size
        stride = variable == step.variable ? 1 : stride * size
        if variable != step.variable { offset += values[variable] }
      }
      for value in costs.indices { costs[value] += factor.costs[offset + value * stride] }
    }
    return costs
  }
}

/// The state of an elimination under way.
private struct EliminationWalk {
  let variables: [[Double]]
  var factors: [Elimination.Factor?]
  /// For each variable the indices of the factors that mention it.
  var mentions: [[Int]]
  /// For each variable those with which it shares a factor, in order.
  private var neighbours: [[Int]]
  /// The variables that are left, in order.
  private var active: [Int]
  var steps: [Elimination.Step] = []
  var constant = 0.0
  var comparisons = 0

  init(_ network: CostNetwork) {
    variables = network.variables
    factors = []
    mentions = Array(repeating: [], count: network.variables.count)
    neighbours = mentions
    active = Array(network.variables.indices)
    for edge in network.edges {
      add(Elimination.Factor(variables: [edge.from, edge.to], costs: edge.costs))
      join(edge.from, edge.to)
    }
  }

  /// Adds a factor, or adds its costs to one over the same two variables.
  mutating func add(_ factor: Elimination.Factor) {
    if factor.variables.count == 2, let (index, isReversed) = twin(of: factor), let other = factors[index] {
      let columns = variables[other.variables[1]].count
      var costs = other.costs
      for position in costs.indices {
        let mirrored = position % columns * variables[other.variables[0]].count + position / columns
        costs[position] += factor.costs[isReversed ? mirrored : position]
      }
      factors[index] = Elimination.Factor(variables: other.variables, costs: costs)
      return
    }
    for variable in factor.variables { mentions[variable].append(factors.count) }
    factors.append(factor)
  }

  private func twin(of factor: Elimination.Factor) -> (index: Int, isReversed: Bool)? {
    for index in mentions[factor.variables[0]] {
      guard let other = factors[index], other.variables.count == 2 else { continue }
      if other.variables == factor.variables { return (index, false) }
      if other.variables == factor.variables.reversed() { return (index, true) }
    }
    return nil
  }

  /// Makes two variables neighbours.
  private mutating func join(_ one: Int, _ other: Int) {
    for (variable, neighbour) in [(one, other), (other, one)] {
      let place = neighbours[variable].firstIndex { $0 >= neighbour } ?? neighbours[variable].count
      if place < neighbours[variable].count, neighbours[variable][place] == neighbour { continue }
      neighbours[variable].insert(neighbour, at: place)
    }
  }

  /// The earliest variable with at most one neighbour, or else the one whose elimination compares fewest
  /// sums.
  func cheapest() -> Int? {
    if let loose = active.first(where: { neighbours[$0].count <= 1 }) { return loose }
    var best: (variable: Int, work: Double)?
    for variable in active {
      let work = neighbours[variable].reduce(Double(variables[variable].count)) {
        $0 * Double(variables[$1].count)
      }
      if work < (best?.work ?? .infinity) { best = (variable, work) }
    }
    return best?.variable
  }

  /// Eliminates a variable; false where the table would be too large.
  mutating func eliminate(_ variable: Int) -> Bool {
    let neighbours = neighbours[variable]
    let entries = neighbours.reduce(1.0) { $0 * Double(variables[$1].count) }
    guard entries <= Double(Elimination.tableLimit) else { return false }
    let involved = mentions[variable].compactMap { factors[$0] }
    comparisons += Int(entries) * variables[variable].count
    for index in mentions[variable] { factors[index] = nil }
    for neighbour in neighbours {
      mentions[neighbour].removeAll { factors[$0] == nil }
      self.neighbours[neighbour].removeAll { $0 == variable }
    }
    for (place, neighbour) in neighbours.enumerated() {
      for other in neighbours[..<place] { join(neighbour, other) }
    }
    mentions[variable] = []
    active.removeAll { $0 == variable }
    steps.append(Elimination.Step(variable: variable, factors: involved))
    switch neighbours.count {
    case 0: constant += gathered(variable, involved, pairs: []).own.min() ?? .infinity
    case 1: add(unaryTable(variable, neighbours[0], involved))
    case 2: add(pairTable(variable, neighbours[0], neighbours[1], involved))
    default: add(table(variable, neighbours, involved))
    }
    return true
  }

  /// A vector over one neighbour is a factor of one variable.
  private func unaryTable(
    _ variable: Int, _ neighbour: Int, _ involved: [Elimination.Factor]
  ) -> Elimination.Factor {
    let count = variables[neighbour].count
    let (own, toNeighbour) = gathered(variable, involved, pairs: [neighbour])
    var result = [Double](repeating: .infinity, count: count)
    for value in own.indices where own[value] < .infinity {
      for other in 0..<count {
        result[other] = min(result[other], own[value] + toNeighbour[0][value * count + other])
      }
    }
    return Elimination.Factor(variables: [neighbour], costs: result)
  }

  /// The min-plus product of the matrices to two neighbours.
  private func pairTable(
    _ variable: Int, _ left: Int, _ right: Int, _ involved: [Elimination.Factor]
  ) -> Elimination.Factor {
    if involved.contains(where: { $0.variables.count > 2 }) {
      return table(variable, [left, right], involved)
    }
    let (own, matrices) = gathered(variable, involved, pairs: [left, right])
    let rows = variables[left].count
    let columns = variables[right].count
    var result = [Double](repeating: .infinity, count: rows * columns)
    result.withUnsafeMutableBufferPointer { result in
      matrices[0].withUnsafeBufferPointer { toLeft in
        matrices[1].withUnsafeBufferPointer { toRight in
          // A row of the result stays in the nearest cache while the values pass.
          for row in 0..<rows {
            let target = row * columns
            for value in own.indices {
              let start = own[value] + toLeft[value * rows + row]
              if start == .infinity { continue }
              let source = value * columns
              for column in 0..<columns {
                let sum = start + toRight[source + column]
                result[target + column] = sum < result[target + column] ? sum : result[target + column]
              }
            }
          }
        }
      }
    }
    return Elimination.Factor(variables: [left, right], costs: result)
  }

  /// The own costs with all unary factors, and for each partner one matrix with a row for each own value.
  private func gathered(
    _ variable: Int, _ involved: [Elimination.Factor], pairs: [Int]
  ) -> (own: [Double], matrices: [[Double]]) {
    var own = variables[variable]
    var matrices = pairs.map { [Double](repeating: 0, count: own.count * variables[$0].count) }
    for factor in involved {
      if factor.variables.count == 1 {
        for value in own.indices { own[value] += factor.costs[value] }
        continue
      }
      let isFirst = factor.variables[0] == variable
      guard let partner = pairs.firstIndex(of: factor.variables[isFirst ? 1 : 0]) else { continue }
      let count = variables[pairs[partner]].count
      for value in own.indices {
        for other in 0..<count {
          let position = isFirst ? value * count + other : other * own.count + value
          matrices[partner][value * count + other] += factor.costs[position]
        }
      }
    }
    return (own, matrices)
  }

  /// The table over any number of neighbours.
  private func table(
    _ variable: Int, _ neighbours: [Int], _ involved: [Elimination.Factor]
  ) -> Elimination.Factor {
    let sizes = neighbours.map { variables[$0].count }
    var result = [Double](repeating: .infinity, count: sizes.reduce(1, *))
    var values = [Int](repeating: 0, count: variables.count)
    for entry in result.indices {
      var rest = entry
      for (position, neighbour) in neighbours.enumerated().reversed() {
        values[neighbour] = rest % sizes[position]
        rest /= sizes[position]
      }
      for value in variables[variable].indices {
        values[variable] = value
        var sum = variables[variable][value]
        for factor in involved {
          let offset = factor.variables.reduce(0) { $0 * variables[$1].count + values[$1] }
          sum += factor.costs[offset]
        }
        result[entry] = min(result[entry], sum)
      }
    }
    return Elimination.Factor(variables: neighbours, costs: result)
  }
}
