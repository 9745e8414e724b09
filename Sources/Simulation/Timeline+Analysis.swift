public import Plans
public import Results
public import Units

extension Timeline {
  /// For each track how long it is occupied.
  public var busyTimes: [SimulatedTime] {
    var busy = [SimulatedTime](repeating: .zero, count: tracks.count)
    for span in spans { busy[span.track] += span.duration }
    return busy
  }

  /// How long data moves between devices in one step while no device computes, latencies included.
  ///
  /// Where steps overlap it is the mean over the steps of which the makespan is the mean.
  public func exposedCommunication(of tasks: TaskGraph) -> SimulatedTime {
    var changes: [(time: SimulatedTime, computing: Int, communicating: Int)] = []
    for (task, interval) in zip(tasks.tasks, taskIntervals) where interval.start < interval.end {
      switch task.kind {
      case .compute: changes += [(interval.start, 1, 0), (interval.end, -1, 0)]
      case .exchange, .collective: changes += [(interval.start, 0, 1), (interval.end, 0, -1)]
      case .storageRead, .barrier: break
      }
    }
    changes.sort { $0.time < $1.time }
    let window = MeasuredSteps(tasks, ends: taskIntervals.map(\.end))
    var exposed = SimulatedTime.zero
    var (computing, communicating) = (0, 0)
    for (index, change) in changes.enumerated() {
      computing += change.computing
      communicating += change.communicating
      guard index + 1 < changes.count, computing == 0, communicating > 0 else { continue }
      let (start, end) = (max(change.time, window.start), min(changes[index + 1].time, window.end))
      if start < end { exposed += end - start }
    }
    return window.mean(exposed)
  }

  /// The chain of tasks that decides when the last one ends, from the first to the last.
  ///
  /// Before each task stands the one that ended last of those for which it waited: its dependences, the task
  /// before it on its device, and those that had its resources before it. Of equal ends a dependence goes
  /// before a resource, and the earlier task before the later.
  public func criticalTasks(of tasks: TaskGraph) -> [Int] {
    guard var task = taskIntervals.indices.max(by: { taskIntervals[$0].end < taskIntervals[$1].end }) else {
      return []
    }
    let owners = previousOwners(count: tasks.tasks.count)
    var chain = [task]
    while true {
      var best: (task: Int, time: SimulatedTime)?
      for dependency in tasks.tasks[task].dependencies {
        let end = taskIntervals[dependency].end
        if best.map({ $0.time < end }) ?? true { best = (dependency, end) }
      }
      if let owner = owners[task], best.map({ $0.time < owner.time }) ?? true { best = owner }
      guard let next = best else { return chain.reversed() }
      task = next.task
      chain.append(task)
    }
  }

  /// For each task the one that last left a track on which it begins.
  private func previousOwners(count: Int) -> [(task: Int, time: SimulatedTime)?] {
    var owners = [(task: Int, time: SimulatedTime)?](repeating: nil, count: count)
    var last = [(task: Int, time: SimulatedTime)?](repeating: nil, count: tracks.count)
    for span in spans {
      if let previous = last[span.track], previous.task != span.task,
        span.start == taskIntervals[span.task].start,
        owners[span.task].map({ $0.time < previous.time }) ?? true
      {
        owners[span.task] = previous
      }
      last[span.track] = (span.task, span.start + span.duration)
    }
    return owners
  }
}

/// Counts what each resource does in a timeline: its busy time from the spans, its bytes from the tasks'
/// rounds.
///
/// Where steps overlap, only the spans of the counted step are taken.
public func resourceUses(
  of tasks: TaskGraph, in timeline: Timeline, costs: TaskCosts
) -> [ResourceUse] {
  let counted = Set(tasks.countedTasks)
  var busy = [SimulatedTime](repeating: .zero, count: timeline.tracks.count)
  var bytes = [Int](repeating: 0, count: timeline.tracks.count)
  for span in timeline.spans where counted.contains(span.task) { busy[span.track] += span.duration }
  for task in tasks.countedTasks {
    for round in costs.allRounds[costs.rounds[task]] {
      for occupancy in costs.occupancies[round.occupancies] {
        bytes[occupancy.resource] += occupancy.bytes * round.repetitions
      }
    }
  }
  return busy.indices.filter { busy[$0] > .zero || bytes[$0] > 0 }.map {
    ResourceUse(
      name: timeline.tracks[$0], kind: costs.resources.resources[$0].kind, busy: busy[$0],
      bytes: Bytes(bytes[$0]))
  }
}
