import Devices
import Differentiation
import Graphs
import Machines
import Plans
import Units

extension PlanningProblem {
  /// The shares to try, by the index of the group: those that are given, or else equal ones, and for groups
  /// of unlike devices those that follow their rates.
  func shareChoices(_ tables: CostTables) -> [[Int: Shares]] {
    var given: [Int: Shares] = [:]
    for (index, group) in machine.groups.enumerated() { given[index] = options.fixedShares[group.name] }
    var choices = [given]
    for (index, group) in machine.groups.enumerated() where given[index] == nil {
      let candidates = ShareCandidates(self, group, tables).all()
      guard !candidates.isEmpty else { continue }
      choices += candidates.map { share in given.merging([index: share]) { _, new in new } }
    }
    return choices
  }
}

/// Shares that are worth trying on a group of unlike devices, besides equal ones.
///
/// In whole cells of the batch: proportional to the devices' rates on this network, and one cell more or less
/// on each side of that.
struct ShareCandidates {
  private let problem: PlanningProblem
  private let group: DeviceGroup
  private let tables: CostTables
  /// Into how many cells the shares divide an axis.
  private let cells: Int

  init(_ problem: PlanningProblem, _ group: DeviceGroup, _ tables: CostTables) {
    self.problem = problem
    self.group = group
    self.tables = tables
    cells = problem.step.cells ?? 16
  }

  /// The candidates; none where all devices are alike.
  func all() -> [Shares] {
    let machine = problem.machine
    guard !machine.areAlike(group.devices),
      group.devices.allSatisfy({ machine[$0].supports(problem.step.precision) })
    else { return [] }
    let proportional = group.levels.indices.map { cellsByRate(level: $0) }
    var candidates = [Shares(proportional)]
    for level in group.levels.indices {
      for (giver, taker) in pairs(group.levels[level].ways) {
        var weights = proportional
        guard weights[level][giver] > 1 else { continue }
        weights[level][giver] -= 1
        weights[level][taker] += 1
        candidates.append(Shares(weights))
      }
    }
    let equal = Shares.equal(group)
    return candidates.filter { !$0.isEqual || $0 == equal }
  }

  private func pairs(_ ways: Int) -> [(Int, Int)] {
    if ways <= 4 { return (0..<ways).flatMap { one in (0..<ways).filter { $0 != one }.map { (one, $0) } } }
    // Among many only neighbours trade, so that their number stays linear.
    return (1..<ways).flatMap { [($0 - 1, $0), ($0, $0 - 1)] }
  }

  /// The cells of each coordinate of a level, by the sum of the rates of the devices below it; each gets at
  /// least one.
  private func cellsByRate(level: Int) -> [Int] {
    let ways = group.levels[level].ways
    var rates = [Double](repeating: 0, count: ways)
    for device in group.devices.indices {
      rates[group.coordinate(of: device, at: level)] += rate(of: group.devices[device])
    }
    let total = rates.reduce(0, +)
    let cells = max(cells, ways)
    var result = rates.map { max(1, Int((Double(cells) * $0 / total).rounded(.down))) }
    // What rounding left goes to those that lost most by it.
    while result.reduce(0, +) < cells {
      let losses = rates.indices.map { Double(cells) * rates[$0] / total - Double(result[$0]) }
      guard let most = losses.indices.max(by: { losses[$0] < losses[$1] }) else { break }
      result[most] += 1
    }
    return result
  }

  /// Steps of the whole network that a device alone would do in a second.
  private func rate(of device: DeviceID) -> Double {
    let seconds = problem.training.operations.reduce(0.0) { sum, operation in
      let work = problem.training.work(of: operation)
      return work.isEmpty ? sum : sum + tables.computeTime(of: work, on: device).seconds.value
    }
    return seconds > 0 ? 1 / seconds : 1
  }
}
