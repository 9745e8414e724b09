import Devices
import Differentiation
import Graphs
import Machines
import Plans

/// The greedy descent: the best choice for the top level, then for the next one under it, down to the last.
///
/// The level under decision is the lowest of a mesh that ends there, so that two halves of an array are
/// two accelerators, and every device of the mesh stands for all below it (HyPar, Algorithms 1 and 2, for any
/// number of ways, axes and branches).
struct HierarchicalSearch {
  private let problem: PlanningProblem
  private let evaluate: PlanEvaluator
  private let mesh: Mesh
  private let profiles: [OperatorProfile]

  /// Creates a search; nil where there is nothing to descend: the machine has no mesh, or its devices may not
  /// or cannot run the network.
  init?(_ problem: PlanningProblem, _ evaluate: @escaping PlanEvaluator) {
    guard let mesh = problem.machine.mesh, !mesh.levels.isEmpty,
      problem.options.onlyGroups.map({ $0 == [DeviceGroup.meshName] }) ?? true,
      mesh.devices.allSatisfy({ problem.machine[$0].supports(problem.step.precision) })
    else { return nil }
    self.problem = problem
    self.evaluate = evaluate
    self.mesh = mesh
    profiles = problem.facts.profiles
  }

  func run() -> SearchOutcome {
    var rules = [[String]](repeating: [], count: profiles.count)
    var found = Found()
    for level in mesh.levels.indices {
      guard let next = descend(to: level, under: rules, &found) else {
        found.isTruncated = true
        return found.outcome(keeping: 0)
      }
      rules = next
    }
    guard let group = problem.machine.groups.first(where: { $0.name == DeviceGroup.meshName }) else {
      return found.outcome(keeping: 0)
    }
    let stage = Stage(group: group.name, nodes: 0..<profiles.count, rules: rules, shares: .equal(group))
    let plan = problem.plan([stage])
    switch evaluate(plan) {
    case .success(let value) where problem.isLate(value): found.lateness(value.time)
    case .success(let value): found.add(Candidate(plan: plan, value: value))
    case .failure(let violations): found.reject(plan, violations)
    }
    return found.outcome(keeping: 0)
  }

  /// Decides one level with those above it given.
  private func descend(to level: Int, under upper: [[String]], _ found: inout Found) -> [[String]]? {
    let machine = problem.machine.truncatingMesh(toLevels: level + 1)
    guard let index = machine.groups.firstIndex(where: { $0.name == DeviceGroup.meshName }) else {
      return nil
    }
    let tables = CostTables(
      machine: machine, precision: problem.step.precision, elementSizes: ElementSizes(problem.step.precision))
    let tasks = StageTasks(
      training: problem.training, machine: machine, groupIndex: index,
      shares: .equal(machine.groups[index]), options: problem.step)
    var costs = [
      index: AdditiveCosts(
        tasks: tasks, machine: machine, tables: tables, objective: problem.options.objective)
    ]
    var cache = PlacementCache(problem.facts, reduction: problem.step.reduction)
    let search = PlacementSearch(
      [Segment(group: index, nodes: 0..<profiles.count)], axes: problem.options.axes,
      fixed: { node in
        let given = problem.options.fixed[profiles[node].node.name] ?? []
        return level < given.count ? Array(given[...level]) : upper[node]
      }, profiles: profiles, costs: &costs, cache: &cache)
    guard let elimination = Elimination(search.network), elimination.minimum.isFinite else { return nil }
    found.states += elimination.comparisons
    let values = elimination.best()
    return profiles.indices.map { search.strategies[$0][values[$0]].names }
  }
}

extension Machine {
  /// The machine with a mesh of only the upper levels, in which one device stands for all below its part.
  func truncatingMesh(toLevels count: Int) -> Machine {
    guard let mesh, count < mesh.levels.count else { return self }
    let below = mesh.levels[count...].reduce(1) { $0 * $1.ways }
    let kept = stride(from: 0, to: mesh.devices.count, by: below).map { mesh.devices[$0] }
    return with(mesh: Mesh(devices: kept, levels: Array(mesh.levels[..<count])))
  }
}
