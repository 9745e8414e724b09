import Diagnostics
import Differentiation
import Graphs
import Machines
import Plans
import Units

extension Session {
  /// Why nothing can run, and the cheapest thing to relax.
  func infeasible(
    _ rejected: [(plan: Plan, violations: PlanViolations)], _ earliest: SimulatedTime?
  ) -> InputError {
    if let earliest, let deadline = request.deadline {
      return InputError(
        .infeasible, "no plan ends within \(deadline)",
        hint: "the shortest step found takes \(earliest.seconds): relax --deadline to that")
    }
    if let least = smallestPeak(rejected) {
      let what =
        request.memoryLimit.map { "no plan fits in \($0)" }
        ?? "no plan fits in the memories of \(machine.name)"
      return InputError(
        .infeasible, what,
        hint:
          "the smallest peak found is \(least.peak) on \(least.device) at \(least.task): allow that much, or "
          + "train a smaller batch than \(batch)"
      )
    }
    if rejected.contains(where: { $0.violations.violations.contains(.tooLong) }) {
      return InputError(
        .infeasible, "no plan found ends within the 46 days that are counted",
        hint: "train a smaller batch than \(batch), or give the machine rates of seconds, not of weeks")
    }
    if let first = rejected.first {
      return InputError(
        .infeasible, first.violations.violations.map(\.description).joined(separator: "; "))
    }
    return InputError(
      .infeasible, "no plan of the space can run '\(whole.graph.name)' on \(machine.name)",
      hint: "allow more axes, another cut or another precision")
  }

  /// Of plans whose memory does not suffice the one whose highest peak is smallest: that peak, and where.
  private func smallestPeak(
    _ rejected: [(plan: Plan, violations: PlanViolations)]
  ) -> (peak: Bytes, device: String, task: String)? {
    var least: (peak: Bytes, device: String, task: String)?
    for entry in rejected {
      var worst: (peak: Bytes, device: String, task: String)?
      for case .memory(let device, let peak, _, let task) in entry.violations.violations
      where peak > (worst?.peak ?? .zero) {
        worst = (peak, device, task)
      }
      if let worst, worst.peak < (least?.peak ?? Bytes(Int.max)) { least = worst }
    }
    return least
  }
}
