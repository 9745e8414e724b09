import Devices
public import Diagnostics
import Graphs
import Machines
import Plans
import Pricing
import Results
import Simulation
import Units

/// Simulates one collective alone on a machine's mesh.
///
/// Over several levels an all-reduce is a reduce-scatter up the levels and an all-gather down them again; the
/// other operations run level by level in the same orders. With several chunks a chunk runs on one level
/// while another runs on the next.
///
/// - Throws: ``InputError`` for a bad machine, an unknown operation or algorithm, or a machine without a
///   mesh.
public func simulateCollective(_ request: CollectiveRequest) throws(InputError) -> SimulationOutcome {
  let machine = try MachineSource(request.machine).machine
  guard let operation = CollectiveOperation(rawValue: request.operation) else {
    throw unknown("collective", request.operation, CollectiveOperation.allCases.map(\.rawValue))
  }
  var algorithm: CollectiveAlgorithm?
  if let name = request.algorithm {
    algorithm = CollectiveAlgorithm(rawValue: name)
    if algorithm == nil { throw unknown("algorithm", name, CollectiveAlgorithm.allCases.map(\.rawValue)) }
  }
  guard let group = machine.groups.firstIndex(where: { !$0.levels.isEmpty }) else {
    throw InputError(.usage, "\(machine.name) has no group of several devices")
  }
  guard request.chunks >= 1, request.chunks <= 4096 else {
    throw InputError(.usage, "\(request.chunks) chunks: between 1 and 4096 are possible")
  }
  guard request.bytes.count >= 0, request.bytes.count <= 1 << 48 else {
    throw InputError(.usage, "\(request.bytes) is not between 0 and 256 TiB")
  }
  var builder = CollectiveTasks(machine: machine, group: group, algorithm: algorithm)
  for chunk in 0..<request.chunks {
    let first = request.bytes.count * chunk / request.chunks
    let last = request.bytes.count * (chunk + 1) / request.chunks
    builder.add(operation, bytes: last - first, chunk: chunk)
  }
  let tasks = TaskGraph(
    tasks: builder.tasks, elementSizes: ElementSizes(.float32), precision: .float32, steps: 1, memory: [])
  let result = PlanResult(tasks, on: machine)
  let report = SimulationReport(
    subject: .collective(
      operation: operation.rawValue, bytes: request.bytes,
      algorithm: algorithm?.rawValue ?? builder.standardNames, chunks: request.chunks),
    machine: machine.name, makespan: result.timeline.makespan, cost: result.cost,
    criticalPath: result.criticalPath,
    resources: resourceUses(of: tasks, in: result.timeline, costs: result.costs),
    exposedCommunication: result.timeline.exposedCommunication(of: tasks), bottlenecks: [], memory: [],
    assumptions: [], warnings: [])
  return SimulationOutcome(report: report, timeline: result.timeline)
}

private func unknown(_ what: String, _ name: String, _ legal: [String]) -> InputError {
  let near = suggestion(for: name, among: legal)
  return InputError(
    .usage, "there is no \(what) '\(name)'", hint: near ?? "there are: \(legal.joined(separator: ", "))")
}

/// The tasks of one collective over every level of a group.
private struct CollectiveTasks {
  let cut: Cut
  let group: Int
  let algorithms: [CollectiveAlgorithm]
  private(set) var tasks: [TaskGraph.Task] = []

  init(machine: Machine, group: Int, algorithm: CollectiveAlgorithm?) {
    let devices = machine.groups[group]
    cut = Cut(group: devices, shares: .equal(devices))
    self.group = group
    algorithms = devices.levels.map { algorithm ?? CollectiveAlgorithm.standard(for: $0) }
  }

  /// The default algorithms of the levels, from the top.
  var standardNames: String { algorithms.map(\.rawValue).joined(separator: ", ") }

  /// Adds the tasks of one chunk, of which every device holds `bytes` before a reduction or an exchange, or
  /// after a gathering.
  mutating func add(_ operation: CollectiveOperation, bytes: Int, chunk: Int) {
    func layout(_ state: SplitState) -> Layout {
      Layout([SplitState](repeating: state, count: cut.levelCount))
    }
    let steps: [ConversionStep]? =
      switch operation {
      case .allReduce: conversionSteps([bytes], from: layout(.partial), to: layout(.replicated), over: cut)
      case .reduceScatter:
        conversionSteps([bytes], from: layout(.partial), to: layout(.sharded(0)), over: cut)
      case .allGather: conversionSteps([bytes], from: layout(.sharded(0)), to: layout(.replicated), over: cut)
      case .allToAll:
        conversionSteps(
          [cut.deviceCount, bytes], from: layout(.sharded(0)), to: layout(.sharded(1)), over: cut)
      }
    var ready = [[Int]](repeating: [], count: cut.deviceCount)
    for step in steps ?? [] {
      let span = cut.ways[step.level] * cut.strides[step.level]
      for collective in step.collectives(over: cut, group: group, algorithms: algorithms, elementSize: 1) {
        let members = collective.firstDevice..<collective.firstDevice + span
        tasks.append(
          TaskGraph.Task(
            kind: .collective(collective),
            label: TaskGraph.Label(
              category: .collective, name: "level \(step.level + 1)", microBatch: chunk),
            dependencies: Array(Set(members.flatMap { ready[$0] })).sorted()))
        for device in members { ready[device] = [tasks.count - 1] }
      }
    }
  }
}
