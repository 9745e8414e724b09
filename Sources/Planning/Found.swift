import Machines
import Plans
import Units

/// What a search has found so far.
struct Found {
  private(set) var candidates: [Candidate] = []
  private(set) var best: Candidate?
  private var rejected: [(plan: Plan, violations: PlanViolations)] = []
  private var smallest: (plan: Plan, violations: PlanViolations)?
  private var bound = Double.infinity
  private var earliest: SimulatedTime?
  var states = 0
  /// How many more plans that are not feasible may be tried.
  var remainingTries = 0
  /// How many plans an exhaustive search would have to compare, where that is more than it does.
  var tooManyPlans: Double?
  /// Whether something was left out that might have been better.
  var isTruncated = false
  /// Whether plans are found in the order of their price, so that the first feasible one is the best.
  var isExactSpace = false

  private static let keptRejections = 8

  /// Candidates kept at most: enough for the alternatives that anyone reads.
  private static let keptCandidates = 32

  /// Adds a feasible plan; of equally good ones the first stays the best.
  mutating func add(_ candidate: Candidate) {
    if candidate.value.objective < (best?.value.objective ?? .infinity) { best = candidate }
    if candidates.count >= Self.keptCandidates {
      guard let worst = candidates.indices.max(by: { value(of: $0) < value(of: $1) }),
        candidate.value.objective < value(of: worst)
      else { return }
      candidates.remove(at: worst)
    }
    guard !candidates.contains(where: { $0.plan == candidate.plan }) else { return }
    candidates.append(candidate)
  }

  private func value(of index: Int) -> Double { candidates[index].value.objective }

  /// Notes that a plan cannot run; the first few are kept, and the one whose memory fails by least.
  mutating func reject(_ plan: Plan, _ violations: PlanViolations) {
    if rejected.count < Self.keptRejections { rejected.append((plan, violations)) }
    guard let peak = violations.highestPeak, peak < (smallest?.violations.highestPeak ?? Bytes(Int.max))
    else { return }
    smallest = (plan, violations)
  }

  /// Notes a lower bound of a part of the space.
  mutating func note(bound: Double) { self.bound = min(self.bound, bound) }

  /// Notes how long a plan takes that misses the deadline.
  mutating func lateness(_ time: SimulatedTime) { earliest = min(earliest ?? time, time) }

  /// The outcome, with the best alternatives.
  func outcome(keeping count: Int) -> SearchOutcome {
    let ranked = candidates.enumerated()
      .sorted { ($0.element.value.objective, $0.offset) < ($1.element.value.objective, $1.offset) }
      .map(\.element).filter { $0.plan != best?.plan }
    let value = best?.value.objective
    let gap = value.flatMap { value in bound > 0 && bound < .infinity ? max(0, value / bound - 1) : nil }
    let isExact = best != nil && !isTruncated && (isExactSpace || gap.map { $0 <= 1e-12 } ?? false)
    var rejected = rejected
    if let smallest, !rejected.contains(where: { $0.plan == smallest.plan }) { rejected.append(smallest) }
    return SearchOutcome(
      best: best, others: Array(ranked.prefix(count)), rejected: rejected, isExact: isExact,
      gap: isExact ? 0 : gap, states: states, earliest: earliest,
      isComplete: isExactSpace && !isTruncated, tooManyPlans: tooManyPlans)
  }
}

extension PlanViolations {
  /// The highest peak of a memory that is too small, if that is all that is wrong.
  fileprivate var highestPeak: Bytes? {
    var highest: Bytes?
    for violation in violations {
      guard case .memory(_, let peak, _, _) = violation else { return nil }
      highest = max(highest ?? .zero, peak)
    }
    return highest
  }
}
