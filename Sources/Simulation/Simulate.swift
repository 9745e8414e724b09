public import Machines
public import Plans
public import Results
import Units

/// Returns what happens when: tasks wait for their dependences and take turns at exclusive resources.
///
/// ## Model
///
/// Discrete events in whole ticks. Each device runs its compute tasks in program order, one at a time.
/// Transfers, reads and rounds of collectives queue at their resources by (the moment they are ready, task);
/// a round starts when it has been given all its resources, holds each for its own occupancy, and ends a
/// latency after the longest, so that alone it takes exactly its price. A latency occupies nothing and is no
/// span. The rounds of a collective follow one another, and others may use its links between them.
///
/// Where steps overlap (`tasks.steps > 1`) the makespan is the period: the mean time between the ends of the
/// later half of the steps but the last, which no step follows. A step has ended when no task of it or of an
/// earlier one is left. A few unrolled steps may end before a queue has built up, or while it drains, so that
/// the period is never taken as less than what no repetition can be shorter than (``Plans/StepPeriod``), nor
/// as more than the sum of a step's tasks, than which none need be longer: some task is always in progress.
///
/// - Complexity: O((tasks + dependences + occupancies of all rounds) · log tasks).
public func simulate(_ tasks: TaskGraph, on machine: Machine) -> Timeline {
  simulate(tasks, costs: TaskCosts(tasks, on: machine))
}

/// Returns the timeline of tasks whose costs are known.
public func simulate(_ tasks: TaskGraph, costs: TaskCosts) -> Timeline {
  var simulator = Simulator(tasks, costs)
  simulator.run()
  let names = tasks.tasks.map { $0.spanName }
  let categories = tasks.tasks.map { $0.category.rawValue }
  let makespan =
    tasks.steps == 1
    ? SimulatedTime(simulator.ends.max() ?? 0)
    : period(tasks, costs, ends: simulator.ends)
  return Timeline(
    tracks: costs.resources.resources.map(\.name),
    spans: simulator.spans.map { span in
      Timeline.Span(
        track: Int(span.track), start: SimulatedTime(span.start), duration: SimulatedTime(span.duration),
        name: names[Int(span.task)], category: categories[Int(span.task)], task: Int(span.task))
    },
    makespan: makespan,
    taskIntervals: zip(simulator.starts, simulator.ends).map {
      Timeline.Interval(start: SimulatedTime($0), end: SimulatedTime($1))
    })
}

/// The mean time between the ends of the measured steps, rounded up, within its bounds.
private func period(_ tasks: TaskGraph, _ costs: TaskCosts, ends: [Int64]) -> SimulatedTime {
  let steps = MeasuredSteps(tasks, ends: ends.map { SimulatedTime($0) })
  let serialSum = tasks.countedTasks.reduce(SimulatedTime.zero) { $0 + costs.durations[$1] }
  return max(min(steps.mean(steps.end - steps.start), serialSum), StepPeriod(tasks, costs).bound)
}

/// The steps of which a step's figures are the mean: the later half of them but the last, or the only one.
struct MeasuredSteps {
  let start: SimulatedTime
  let end: SimulatedTime
  let count: Int

  init(_ tasks: TaskGraph, ends: [SimulatedTime]) {
    guard tasks.steps > 1 else {
      (start, end, count) = (.zero, ends.max() ?? .zero, 1)
      return
    }
    var stepEnds = [SimulatedTime](repeating: .zero, count: tasks.steps)
    for (task, end) in zip(tasks.tasks, ends) {
      stepEnds[task.label.step] = max(stepEnds[task.label.step], end)
    }
    for step in 1..<tasks.steps { stepEnds[step] = max(stepEnds[step], stepEnds[step - 1]) }
    let last = max(1, tasks.steps - 2)
    count = max(1, last / 2)
    start = stepEnds[last - count]
    end = stepEnds[last]
  }

  /// The part of a length that falls to one step, rounded up.
  func mean(_ time: SimulatedTime) -> SimulatedTime {
    let (whole, rest) = time.picoseconds.quotientAndRemainder(dividingBy: Int64(count))
    return SimulatedTime(rest > 0 ? whole + 1 : whole)
  }
}

extension TaskGraph.Task {
  /// The task as a person reads it on a track.
  fileprivate var spanName: String {
    guard case .collective(let collective) = kind else { return label.name }
    return "\(collective.operation.rawValue) \(label.name)"
  }
}
