public import Plans
public import Units

/// Returns a lower bound of a step that runs the same tasks several times, one micro-batch after another.
///
/// It is found from the tasks of one micro-batch, so that it costs a fraction of pricing the whole step.
///
/// ## Model
///
/// max over resources `r` of `head(r) + n · busy(r) + once(r) + tail(r)`, with `n` micro-batches, `busy(r)`
/// the occupancy of a resource by one of them, `once(r)` that by tasks that run once a step (reductions of
/// gradients, updates and copies of parameters), `head(r)` the earliest time at which any micro-batch can
/// reach the resource, and `tail(r)` the shortest way from it to the end of the step. Where steps overlap,
/// heads and tails lie under other steps and are left out.
///
/// - Parameters:
///   - tasks: The tasks of one micro-batch, as a step of its own.
///   - costs: Their costs.
///   - microBatches: How many micro-batches a step has, `n`.
///   - overlap: What may overlap; anything but nothing, where the price is the sum itself.
/// - Complexity: O(tasks + dependences).
public func repetitionBound(
  _ tasks: TaskGraph, costs: TaskCosts, microBatches: Int, overlap: Overlap
) -> SimulatedTime {
  let count = tasks.tasks.count
  var starts = [SimulatedTime](repeating: .zero, count: count)
  var tails = starts
  for (index, task) in tasks.tasks.enumerated() {
    for dependency in task.dependencies {
      starts[index] = max(starts[index], starts[dependency] + costs.durations[dependency])
    }
  }
  for index in tasks.tasks.indices.reversed() {
    let through = tails[index] + costs.durations[index]
    for dependency in tasks.tasks[index].dependencies { tails[dependency] = max(tails[dependency], through) }
  }
  let resources = costs.resources.resources.count
  var busy = [SimulatedTime](repeating: .zero, count: resources)
  var heads = [SimulatedTime](repeating: .longest, count: resources)
  var shortestTails = heads
  for (index, task) in tasks.tasks.enumerated() {
    let repetitions = task.label.category.runsOnceEachStep ? 1 : microBatches
    for occupancy in costs.cost(of: index).occupancies where occupancy.time > .zero {
      busy[occupancy.resource] += occupancy.time * repetitions
      heads[occupancy.resource] = min(heads[occupancy.resource], starts[index])
      shortestTails[occupancy.resource] = min(shortestTails[occupancy.resource], tails[index])
    }
  }
  var bound = SimulatedTime.zero
  for resource in 0..<resources where busy[resource] > .zero {
    let way = overlap == .steady ? .zero : heads[resource] + shortestTails[resource]
    bound = max(bound, busy[resource] + way)
  }
  return bound
}
