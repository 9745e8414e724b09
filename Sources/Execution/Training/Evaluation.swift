import Communication
public import Datasets
import Diagnostics
import Differentiation
public import Graphs
public import Kernels
import Machines
import Plans
import Units

/// Classifies samples with a trained network on one device: no masks, and batch normalisation by the running
/// statistics.
///
/// Kernels are made once. Memory is laid out only while samples are classified.
public struct Evaluation: Sendable {
  private let program: RankProgram
  private let ranks: RankTable
  private let graph: Graph
  /// By how many bytes the process grew while the kernels were made.
  public let libraryGrowth: Int
  /// The bytes that are laid out while samples are classified, and given back afterwards.
  public var plannedBytes: Int { program.plannedBytes }

  /// Prepares the forward phase.
  ///
  /// - Parameters:
  ///   - network: The network with the batch in which samples are classified.
  ///   - library: The kernels.
  /// - Throws: `InputError` where the network cannot be trained, and ``ExecutionFault`` where it cannot be
  /// run.
  public init(_ network: Graph, library: any KernelLibrary) throws {
    let training = try differentiate(
      network.withoutMasks, options: DifferentiationOptions(batchNormalization: .frozen))
    graph = training.graph
    let machine = Machine.alone
    let plan = Plan(
      model: graph.name, machine: machine.name, batch: graph.batch,
      stages: [
        Stage(
          group: machine.groups[0].name, nodes: 0..<graph.nodes.count, rules: graph.nodes.map { _ in [] },
          shares: .equal(machine.groups[0]))
      ], options: StepOptions(overlap: .none))
    let resolved: ResolvedPlan
    let tasks: TaskGraph
    do throws(PlanViolations) {
      resolved = try ResolvedPlan(plan, facts: StepFacts(training), machine: machine)
      tasks = try lower(plan, facts: resolved.facts, machine: machine)
    } catch {
      throw ExecutionFault(error.violations.map(\.description).joined(separator: "; "))
    }
    let forward = TaskGraph(
      tasks: tasks.tasks.filter { $0.label.category == .forward }.map {
        TaskGraph.Task(kind: $0.kind, label: $0.label, dependencies: [], action: $0.action)
      }, elementSizes: tasks.elementSizes, precision: tasks.precision, steps: 1, memory: [])
    ranks = RankTable(forward, on: machine)
    let measured = MeasuredLibrary(library)
    program = try compile(
      forward, of: resolved, ranks: ranks, rank: 0, library: measured, settings: ExecutionSettings())
    libraryGrowth = measured.bytes
  }

  /// The part of the samples that are classified as their labels say.
  ///
  /// - Parameters:
  ///   - model: The trained tensors, by name.
  ///   - given: The elements of tensors that are not trained, by name.
  /// - Throws: ``ExecutionFault`` where the memory is not to be had.
  public func accuracy(
    of model: [NamedArray], on samples: any Dataset, given: (String) -> [Double]?
  ) throws -> Double {
    let executor = try RankExecutor(program, ranks: ranks, over: Alone())
    let trained = Dictionary(model.map { ($0.name, $0.elements) }, uniquingKeysWith: { first, _ in first })
    for tensor in executor.kept {
      guard case .forward(let id) = tensor.value else { continue }
      if case .constant(let values) = graph[id].role, let values {
        executor.set(tensor) { values[$0] }
      } else if let values = trained[graph[id].name] {
        executor.set(tensor) { Double(values[$0]) }
      } else if let values = given(graph[id].name) {
        executor.set(tensor) { values[$0] }
      }
    }
    let order = EvaluationOrder(count: samples.count, batch: graph.batch)
    var correct = 0
    for step in 0..<order.stepCount {
      let range = order.samples(ofStep: step)
      for port in executor.inputs {
        if port.isLabel {
          // What is not there has no class, and so is never right.
          executor.set(port) { $0 < range.count ? Double(samples.label(of: range.lowerBound + $0)) : 0 }
        } else if let floats = executor.floats(of: port) {
          for place in 0..<graph.batch {
            samples.copySample(
              min(range.lowerBound + place, range.upperBound - 1), to: floats + place * port.sampleElements)
          }
        }
      }
      _ = try executor.run(step: 1)
      correct += executor.correct(first: range.count)
    }
    return Double(correct) / Double(max(1, samples.count))
  }
}

extension Graph {
  /// The network with every mask replaced by one that keeps everything.
  fileprivate var withoutMasks: Graph {
    Graph(
      name: name, tensors: tensors,
      nodes: nodes.map { node in
        guard case .dropout = node.operator else { return node }
        return Node(
          name: node.name, operator: .dropout(Dropout(ratio: 0)), inputs: node.inputs, outputs: node.outputs)
      }, inputs: inputs, outputs: outputs)
  }
}

extension Machine {
  /// A machine of one device, on which a plan is lowered whose cost nobody asks for.
  fileprivate static var alone: Machine {
    Machine(
      name: "alone",
      devices: [
        Device(
          name: "device", group: "device",
          model: .processor(
            Roofline(
              peaks: [.float32: FLOPsPerSecond(1e9)], efficiency: EfficiencyCurve(constant: 1),
              launch: Seconds(0))),
          memory: Memory(
            capacity: Bytes(1 << 46), bandwidth: BytesPerSecond(1e9), efficiency: 1, energy: nil),
          energyPerMultiplyAccumulate: nil, idlePower: nil)
      ])
  }
}

/// A rank without others.
private final class Alone: Transport {
  var rank: Int { 0 }
  var rankCount: Int { 1 }
  var bytesSent: [Int] { [0] }

  func exchange(sending: [OutgoingMessage], receiving: [IncomingMessage]) throws(PeerLost) {
    precondition(sending.isEmpty && receiving.isEmpty, "a rank alone has nobody to talk to")
  }
  func begin(sending: [OutgoingMessage], receiving: [IncomingMessage]) -> PendingExchange {
    preconditionFailure("a rank alone has nobody to talk to")
  }
  func advance(_ pending: PendingExchange) -> Bool { true }
  func finish(_ pending: PendingExchange) throws(PeerLost) {}
}
