import Devices
import Graphs
import Machines
import Plans
import Testing
import Units

@testable import Planning

/// Two devices of unlike rates in one mesh over a level that costs next to nothing.
private func unlike(_ rates: [Double]) -> Machine {
  let devices = rates.enumerated().map { device("device\($0)", group: "device\($0)", rate: $1) }
  return Machine(
    name: "unlike", devices: devices,
    mesh: Mesh(
      devices: devices.indices.map { DeviceID($0) },
      levels: [
        MeshLevel(
          name: "memory", ways: devices.count, topology: .fullyConnected, bandwidth: BytesPerSecond(1e15),
          duplex: .full, latency: Seconds(0), energy: nil)
      ]))
}

private func problem(_ machine: Machine, batch: Int, cells: Int?) throws -> PlanningProblem {
  let training = try denseChain([256, 256], batch: batch)
  return PlanningProblem(
    facts: StepFacts(training), machine: machine, batch: batch,
    step: StepOptions(overlap: .none, microBatches: 1, gradientBucket: nil, cells: cells),
    options: SearchOptions(objective: .time, axes: [.batch]))
}

private func candidates(_ problem: PlanningProblem) -> ShareCandidates {
  ShareCandidates(
    problem, problem.machine.groups[0],
    CostTables(
      machine: problem.machine, precision: problem.step.precision,
      elementSizes: ElementSizes(problem.step.precision)))
}

@Suite struct ShareCandidatesTests {
  // Of 16 cells a device that is three times as fast takes 12, and its neighbours are 11 and 13.
  @Test func sharesFollowRatesInWholeCells() throws {
    let found = candidates(try problem(unlike([3e10, 1e10]), batch: 64, cells: 16)).all()
    #expect(found.map(\.weights) == [[[12, 4]], [[11, 5]], [[13, 3]]])
  }

  // Without cells 63 : 21 of 84 samples is 3 : 1.
  @Test func withoutCellsSharesAreOfSingleSamples() throws {
    let found = candidates(try problem(unlike([3e10, 1e10]), batch: 84, cells: nil))
    #expect(found.units == 84)
    #expect(found.all().map(\.weights) == [[[63, 21]], [[62, 22]], [[64, 20]]])
  }

  // Equal shares are tried in any case, and alike devices end together under them.
  @Test func alikeDevicesHaveNone() throws {
    #expect(candidates(try problem(unlike([1e10, 1e10]), batch: 64, cells: 16)).all().isEmpty)
  }

  // 13 − 3 and 3 + 3; the other way round nothing would be left of 3.
  @Test func neighboursMoveSoManyUnitsAndLeaveOne() throws {
    let found = candidates(try problem(unlike([3e10, 1e10]), batch: 64, cells: 16))
    #expect(found.neighbours(of: Shares([[13, 3]]), step: 3).map(\.weights) == [[[10, 6]]])
    // Equal shares are eight cells each.
    #expect(found.neighbours(of: Shares([[1, 1]]), step: 2).map(\.weights) == [[[6, 10]], [[10, 6]]])
  }

  @Test func amongManyOnlyNeighboursTrade() throws {
    let found = candidates(try problem(unlike([1e10, 2e10, 3e10, 4e10, 6e10]), batch: 64, cells: 32))
    // 32 cells by 1 : 2 : 3 : 4 : 6 are 2, 4, 6, 8 and 12; eight trades.
    #expect(found.all().first?.weights == [[2, 4, 6, 8, 12]])
    #expect(found.all().count == 9)
  }

  // Work of t₀ + n ∕ r is balanced elsewhere than at the rates: with a launch of 3 a unit on the fast device
  // shares of 16 are best where both end together, which the search finds though it begins at the rates.
  @Test func theSearchGoesOnFromTheRatesToTheBestShares() throws {
    let problem = try problem(unlike([3e10, 1e10]), batch: 64, cells: 16)
    var seen: [[Int]: Double] = [:]
    let outcome = search(
      problem,
      evaluate: { plan in
        let weights = plan.stages[0].shares.weights[0]
        let total = Double(weights.reduce(0, +))
        let times = [3 + 16 * Double(weights[0]) / total / 3, 16 * Double(weights[1]) / total]
        let time = max(times[0], times[1])
        seen[weights] = time
        // In ticks, and so long that what the search knows beforehand, the arithmetic alone, is less.
        let ticks = Int64(time * 1e15)
        return .success(PlanValue(objective: Double(ticks), time: SimulatedTime(ticks)))
      })
    let best = try #require(outcome.best?.plan.stages.first?.shares.weights)
    // 3 + n ∕ 3 = 16 − n at n = 9.75: of whole cells 10 : 6 takes 6.33 and 9 : 7 takes 7.
    #expect(best == [[10, 6]], "\(seen)")
  }
}
