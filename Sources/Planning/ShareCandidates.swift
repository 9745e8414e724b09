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
    let given = givenShares
    var choices = [given]
    for (index, group) in machine.groups.enumerated() where given[index] == nil {
      let candidates = ShareCandidates(self, group, tables).all()
      guard !candidates.isEmpty else { continue }
      choices += candidates.map { share in given.merging([index: share]) { _, new in new } }
    }
    return choices
  }

  /// The shares that are not to be chosen, by the index of the group.
  var givenShares: [Int: Shares] {
    var given: [Int: Shares] = [:]
    for (index, group) in machine.groups.enumerated() { given[index] = options.fixedShares[group.name] }
    return given
  }
}

/// Shares that are worth trying on a group of unlike devices, besides equal ones.
///
/// In whole cells of the batch, or in single samples where it has none: proportional to the devices' rates on
/// this network, and one unit more or less on each side of that. From the best of them a search may go on by
/// ``neighbours(of:step:)``.
struct ShareCandidates {
  private let problem: PlanningProblem
  private let group: DeviceGroup
  private let tables: CostTables
  /// Into how many units the shares divide an axis.
  let units: Int

  /// Units at least, since channels are shared out as well; and at most, as in plan files.
  private static let unitRange = 16...4096

  init(_ problem: PlanningProblem, _ group: DeviceGroup, _ tables: CostTables) {
    self.problem = problem
    self.group = group
    self.tables = tables
    units =
      problem.step.cells
      ?? min(max(problem.training.graph.batch, Self.unitRange.lowerBound), Self.unitRange.upperBound)
  }

  /// Whether shares other than equal ones can be better.
  var areWorthwhile: Bool {
    let machine = problem.machine
    return !machine.areAlike(group.devices)
      && group.devices.allSatisfy { machine[$0].supports(problem.step.precision) }
  }

  /// The candidates; none where all devices are alike.
  func all() -> [Shares] {
    guard areWorthwhile else { return [] }
    let proportional = Shares(group.levels.indices.map { unitsByRate(level: $0) })
    let equal = Shares.equal(group)
    return ([proportional] + neighbours(of: proportional, step: 1)).filter { !$0.isEqual || $0 == equal }
  }

  /// Shares in which one coordinate of a level gives some units to another and keeps at least one.
  func neighbours(of shares: Shares, step: Int) -> [Shares] {
    let weights = shares.weights.map { inUnits($0) }
    var result: [Shares] = []
    for level in group.levels.indices {
      for (giver, taker) in pairs(group.levels[level].ways) where weights[level][giver] > step {
        var moved = weights
        moved[level][giver] -= step
        moved[level][taker] += step
        result.append(Shares(moved))
      }
    }
    return result
  }

  private func pairs(_ ways: Int) -> [(Int, Int)] {
    if ways <= 4 { return (0..<ways).flatMap { one in (0..<ways).filter { $0 != one }.map { (one, $0) } } }
    // Among many only neighbours trade, so that their number stays linear.
    return (1..<ways).flatMap { [($0 - 1, $0), ($0, $0 - 1)] }
  }

  /// The units of each coordinate of a level, by the sum of the rates of the devices below it.
  private func unitsByRate(level: Int) -> [Int] {
    var rates = [Double](repeating: 0, count: group.levels[level].ways)
    for device in group.devices.indices {
      rates[group.coordinate(of: device, at: level)] += rate(of: group.devices[device])
    }
    return divided(rates)
  }

  /// Weights as so many units; equal weights are often less.
  private func inUnits(_ weights: [Int]) -> [Int] {
    weights.reduce(0, +) == max(units, weights.count) ? weights : divided(weights.map { Double($0) })
  }

  /// The units in proportion to some rates; each gets at least one.
  private func divided(_ rates: [Double]) -> [Int] {
    let total = rates.reduce(0, +)
    let units = max(units, rates.count)
    var result = rates.map { max(1, Int((Double(units) * $0 / total).rounded(.down))) }
    // What rounding left goes to those that lost most by it.
    while result.reduce(0, +) < units {
      let losses = rates.indices.map { Double(units) * rates[$0] / total - Double(result[$0]) }
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
