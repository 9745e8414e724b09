import Results
public import Units

/// The bounds of the time between two steps that follow one another for ever.
///
/// ## Model
///
/// Take the last of the unrolled steps as the pattern of all: its tasks, and the dependences and program
/// order that lead into it, each with the number of steps `d ≥ 0` that it reaches back. If every step is like
/// it, then along a cycle of such dependences with tasks of `W` ticks in all, reaching back `D` steps in all,
/// a task starts at least `W` after it started `D` steps before. So no repetition is shorter in the mean than
/// the longest `W ∕ D`, nor than what one resource does in a step. Program order makes the work of each
/// device such a cycle.
///
/// Tasks of two steps correspond where they have the same place and the same label; a dependence on a task
/// without a counterpart is left out, which only lowers the bound.
public struct StepPeriod: Hashable, Sendable {
  /// The busiest resource's time in the last step.
  public let busiest: SimulatedTime
  /// The longest cycle's `W ∕ D`, rounded up, where it exceeds ``busiest``; otherwise ``busiest``.
  public let bound: SimulatedTime

  /// Finds the bounds of a graph of several steps.
  ///
  /// - Complexity: O(tasks of a step × passes), where few passes improve on the busiest resource.
  public init(_ tasks: TaskGraph, _ costs: TaskCosts) {
    let busiest = costs.uses(by: tasks.countedTasks).reduce(.zero) { max($0, $1.busy) }
    self.busiest = busiest
    var cycles = CycleSearch(tasks, costs, atLeast: busiest)
    bound = cycles.longest()
  }
}

/// The search for the cycle of the largest mean: longest walks under weights less a trial mean, which a cycle
/// of a larger mean keeps lengthening until it shows among the walks' last arcs.
private struct CycleSearch {
  /// A dependence from a place of a step to a place of a step `distance` later.
  struct Arc {
    let from: Int32
    let distance: Int32
  }

  /// The duration of the task at each place.
  private var durations: [Int64] = []
  private var arcs: [Arc] = []
  /// For each place the arcs that lead into it.
  private var incoming: [Range<Int>] = []
  /// The trial mean as a fraction.
  private var mean: (ticks: Int128, steps: Int128)

  init(_ graph: TaskGraph, _ costs: TaskCosts, atLeast: SimulatedTime) {
    mean = (Int128(atLeast.picoseconds), 1)
    var places = [Int32](repeating: 0, count: graph.tasks.count)
    var counts = [Int32](repeating: 0, count: graph.steps)
    for (index, task) in graph.tasks.enumerated() {
      places[index] = counts[task.label.step]
      counts[task.label.step] += 1
    }
    let last = graph.countedTasks
    for index in last {
      let first = arcs.count
      let task = graph.tasks[index]
      let predecessor = Int(costs.programPredecessors[index])
      for source in task.dependencies + (predecessor < 0 ? [] : [predecessor]) {
        let place = Int(places[source])
        guard place < last.count else { continue }
        let (label, twin) = (graph.tasks[source].label, graph.tasks[last[place]].label)
        guard label.name == twin.name, label.category == twin.category, label.microBatch == twin.microBatch
        else { continue }
        arcs.append(Arc(from: Int32(place), distance: Int32(graph.steps - 1 - label.step)))
      }
      durations.append(costs.durations[index].picoseconds)
      incoming.append(first..<arcs.count)
    }
  }

  /// The largest mean of a cycle, rounded up, but not less than the trial mean.
  mutating func longest() -> SimulatedTime {
    var walks = [Int128](repeating: 0, count: durations.count)
    var lastArcs = [Int](repeating: -1, count: durations.count)
    while relax(&walks, &lastArcs) {
      guard let cycle = cycle(in: lastArcs) else { continue }
      mean = cycle
      for place in walks.indices {
        walks[place] = 0
        lastArcs[place] = -1
      }
    }
    let (whole, rest) = mean.ticks.quotientAndRemainder(dividingBy: mean.steps)
    return SimulatedTime(Int64(clamping: rest > 0 ? whole + 1 : whole))
  }

  /// Lengthens the walks by the arcs into each place, in order, and says whether any grew.
  private func relax(_ walks: inout [Int128], _ lastArcs: inout [Int]) -> Bool {
    var grew = false
    for place in walks.indices {
      for arc in incoming[place] {
        let from = Int(arcs[arc].from)
        let length =
          walks[from] + Int128(durations[from]) * mean.steps - mean.ticks * Int128(arcs[arc].distance)
        if length > walks[place] {
          walks[place] = length
          lastArcs[place] = arc
          grew = true
        }
      }
    }
    return grew
  }

  /// The mean of a cycle among the walks' last arcs, if there is one and it exceeds the trial mean.
  private func cycle(in lastArcs: [Int]) -> (ticks: Int128, steps: Int128)? {
    var visits = [Int32](repeating: -1, count: lastArcs.count)
    for start in lastArcs.indices where visits[start] < 0 {
      var place = start
      while visits[place] < 0, lastArcs[place] >= 0 {
        visits[place] = Int32(start)
        place = Int(arcs[lastArcs[place]].from)
      }
      guard lastArcs[place] >= 0, visits[place] == Int32(start) else { continue }
      var ticks: Int128 = 0
      var steps: Int128 = 0
      let end = place
      repeat {
        let arc = arcs[lastArcs[place]]
        place = Int(arc.from)
        ticks += Int128(durations[place])
        steps += Int128(arc.distance)
      } while place != end
      precondition(steps > 0, "tasks of one step wait for each other at place \(end)")
      if ticks * mean.steps > mean.ticks * steps { return (ticks, steps) }
    }
    return nil
  }
}
