import Devices
import Graphs
import Machines
public import Plans
public import Units

/// Bytes from one device to another.
public func flow(_ from: Int, _ to: Int, _ bytes: Int) -> TaskGraph.Kind {
  .exchange([Flow(from: DeviceID(from), to: DeviceID(to), bytes: Bytes(bytes))])
}

/// A graph of tasks, each `perStep` of which are a step.
public func graph(_ tasks: [(kind: TaskGraph.Kind, dependencies: [Int])], perStep: Int? = nil) -> TaskGraph {
  TaskGraph(
    tasks: tasks.enumerated().map { index, task in
      let (step, place) = index.quotientAndRemainder(dividingBy: perStep ?? tasks.count)
      return TaskGraph.Task(
        kind: task.kind, label: .init(category: .forward, name: "\(place)", step: step),
        dependencies: task.dependencies)
    },
    elementSizes: ElementSizes(.float32), precision: .float32, steps: perStep.map { tasks.count / $0 } ?? 1,
    memory: [])
}

/// A compute task of microseconds, each half a million multiply-accumulates.
public func compute(_ device: Int, _ microseconds: Double) -> TaskGraph.Kind {
  .compute(DeviceID(device), Work(multiplyAccumulates: microseconds * 5e5))
}

/// Whole microseconds.
public func microseconds(_ count: Int64) -> SimulatedTime { SimulatedTime(count * 1_000_000) }
