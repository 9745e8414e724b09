import Differentiation
import Graphs
import Machines
import Planning
import Plans
import Results
import TestSupport
import Testing
import Units

/// The second implementation is brute force over whole plans.
///
/// Every plan of the space is lowered and priced, while the exact search adds up costs of operators and
/// conversions. Both must find the same least value.
struct PlanExactSearchTests {
  /// Cases of at most so many plans, so that the whole test takes seconds.
  private static let planLimit = 200

  @Test(arguments: 0..<4) func exactEqualsBruteForceOnThousandRandomProblems(_ quarter: UInt64) throws {
    var compared = 0
    var limited = 0
    var infeasible = 0
    var seed = 1_000_000 * quarter
    while compared < 250 {
      seed += 1
      var problems = PlanProblems(seed: seed)
      let problem = try problems.problem()
      guard planCount(problem) <= Double(Self.planLimit) else { continue }
      compared += 1
      let measure = PlanMeasure(problem)
      let brute = search(problem.searched(by: .exhaustive)) { measure.value(of: $0, limit: nil) }
      let exact = search(problem.searched(by: .exact)) { measure.value(of: $0, limit: nil) }
      expectEqual(exact, brute, problem, "seed \(seed)")

      let peaks = measure.measured.compactMap { $0?.peak }.sorted()
      guard problems.random.chance(50), let least = peaks.first else { continue }
      // Below every peak nothing is feasible; near the least few plans are, and the unlimited best seldom is.
      let isHopeless = problems.random.chance(20)
      let limit =
        isHopeless ? Bytes(least.count - 1) : peaks[problems.random.number(0...(peaks.count - 1)) / 3]
      let bruteLimited = search(problem.searched(by: .exhaustive)) { measure.value(of: $0, limit: limit) }
      let exactLimited = search(problem.searched(by: .exact)) { measure.value(of: $0, limit: limit) }
      expectEqual(exactLimited, bruteLimited, problem, "seed \(seed) within \(limit)")
      limited += 1
      if isHopeless { infeasible += 1 }
      #expect(!isHopeless || bruteLimited.best == nil, "seed \(seed)")
    }
    #expect(limited > 75 && infeasible > 10)
  }

  /// How many plans brute force would lower; its own count is the reference for its limit.
  private func planCount(_ problem: PlanningProblem) -> Double {
    var count = 0.0
    let profiles = problem.facts.training.graph.nodes.indices.map {
      OperatorProfile(NodeID($0), in: problem.facts.training.graph)
    }
    let groups = problem.machine.groups
    let sizes = groups.map { group in
      profiles.map { profile in
        Double(
          profile.strategies(over: Cut(group: group, shares: .equal(group)), axes: problem.options.axes).count
        )
      }
    }
    func add(_ node: Int, _ group: Int, _ product: Double, _ used: Set<Int>) {
      guard node < profiles.count else { return count += product }
      for next in groups.indices where next == group || !used.contains(next) {
        add(node + 1, next, product * sizes[next][node], used.union([next]))
      }
    }
    for group in groups.indices { add(1, group, sizes[group][0], [group]) }
    return count
  }

  private func expectEqual(
    _ exact: SearchOutcome, _ brute: SearchOutcome, _ problem: PlanningProblem, _ place: String
  ) {
    let comment: Comment = "\(place): \(problem.summary)"
    guard let one = exact.best?.value.objective, let other = brute.best?.value.objective else {
      #expect((exact.best == nil) == (brute.best == nil), comment)
      return
    }
    #expect(brute.isExact, comment)
    #expect(exact.isExact && exact.gap == 0, comment)
    if problem.options.objective == .energy {
      #expect(abs(one - other) <= 1e-12 * other, "\(one) against \(other), \(comment)")
    } else {
      #expect(one == other, comment)
    }
  }
}
