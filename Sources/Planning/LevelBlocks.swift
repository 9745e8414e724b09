import Graphs
import Machines
import Plans

/// Into which blocks of levels, each of which follows one rule, a group's levels are tied so that tables stay
/// small.
///
/// A weighted operator has 3^H strategies over H levels. That is searched exactly up to four levels on
/// branching networks and up to six on chains of weighted operators; beyond that neighbouring levels are
/// tied, which is the same as merging them into one level of more ways.
struct LevelBlocks {
  private let problem: PlanningProblem

  /// The most pairs of strategies between two neighbours on a chain, and between the ends of a branch.
  private static let pairsOnChain = 2_000_000.0
  private static let pairsAcrossBranch = 500_000.0

  init(_ problem: PlanningProblem) { self.problem = problem }

  /// For each level of a group its block, or nil where every level is free.
  func blocks(of group: DeviceGroup) -> [Int]? {
    let levels = group.levels.count
    let count = (1...max(1, levels)).last { isSmall(blocks: $0) } ?? 1
    guard count < levels else { return nil }
    return (0..<levels).map { $0 * count / levels }
  }

  private func isSmall(blocks: Int) -> Bool {
    let counts = problem.facts.profiles.map { Double($0.ruleCount(axes: problem.options.axes)) }
    func power(_ base: Double) -> Double { (0..<blocks).reduce(1) { value, _ in value * base } }
    let isBranching = problem.facts.profiles.contains { $0.node.outputs.count > 1 }
    if isBranching {
      let most = power(counts.max() ?? 1)
      return most * most <= Self.pairsAcrossBranch
    }
    return zip(counts, counts.dropFirst()).allSatisfy { power($0) * power($1) <= Self.pairsOnChain }
  }
}
