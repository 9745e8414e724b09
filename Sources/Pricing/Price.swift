public import Machines
public import Plans
public import Results
import Units

/// Returns what one step costs when nothing but its own dependences and the busiest resource hold it up.
///
/// Planning compares plans by it, and reports show it beside the simulated makespan, of which it is a lower
/// bound.
///
/// ## Model
///
/// `time = max(critical path, busiest resource)`, in whole ticks. The critical path is the longest chain of
/// dependences, where of two compute tasks of one device the later one depends on the earlier; each task
/// counts with its duration alone (``Plans/TaskCosts``). A resource is busy for the sum of its occupancies,
/// and none serves two tasks at a time. Waiting for one another on links is left out: that is the
/// simulation's matter.
///
/// Where steps overlap (`tasks.steps > 1`) all figures are those of the last step, the critical path is the
/// longest cycle of dependences for each step, and the time is the bound of ``Plans/StepPeriod``.
///
/// Energy is that of the tasks and the idle power of all devices over this same time; its parts add up to it
/// in the order in which they stand.
///
/// - Complexity: O(tasks + dependences + rounds).
public func price(_ tasks: TaskGraph, on machine: Machine) -> StepCost {
  price(tasks, costs: TaskCosts(tasks, on: machine))
}

/// Returns the price of tasks whose costs are known.
public func price(_ tasks: TaskGraph, costs: TaskCosts) -> StepCost {
  let counted = tasks.countedTasks
  let uses = costs.uses(by: counted)
  let criticalPath =
    tasks.steps == 1 ? longestChain(tasks, costs) : StepPeriod(tasks, costs).bound
  let time = uses.reduce(criticalPath) { max($0, $1.busy) }
  var serialSum = SimulatedTime.zero
  var bytesMoved = 0
  var kinds: [TaskGraph.Category] = []
  var times: [SimulatedTime] = []
  for index in counted {
    let duration = costs.durations[index]
    serialSum += duration
    bytesMoved += costs.bytesMoved[index]
    guard duration > .zero else { continue }
    let kind = tasks.tasks[index].category
    if let known = kinds.firstIndex(of: kind) {
      times[known] += duration
    } else {
      kinds.append(kind)
      times.append(duration)
    }
  }
  let energy = costs.energy(of: counted, over: time)
  return StepCost(
    time: time, criticalPath: criticalPath, serialSum: serialSum, resources: uses,
    timeParts: zip(kinds, times).map { CostPart(kind: $0.rawValue, name: "", value: $1.seconds.value) },
    energy: energy.total, energyParts: energy.parts, bytesMoved: Bytes(bytesMoved))
}

/// The end of the last task if every task began as soon as those before it had ended.
private func longestChain(_ tasks: TaskGraph, _ costs: TaskCosts) -> SimulatedTime {
  var ends = [SimulatedTime](repeating: .zero, count: tasks.tasks.count)
  var longest = SimulatedTime.zero
  for (index, task) in tasks.tasks.enumerated() {
    var start = SimulatedTime.zero
    for dependency in task.dependencies { start = max(start, ends[dependency]) }
    let predecessor = Int(costs.programPredecessors[index])
    if predecessor >= 0 { start = max(start, ends[predecessor]) }
    ends[index] = start + costs.durations[index]
    longest = max(longest, ends[index])
  }
  return longest
}
