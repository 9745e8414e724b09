import Communication
import Differentiation
import Execution
import Glibc
import Graphs
import Kernels
import Machines
import Plans
import TestThreads

/// Runs the ranks of a plan as threads of this process, which is enough to compare numbers.
enum RankThreads {
  /// Runs a body for each rank at once and waits for all.
  static func run(
    _ count: Int, sharedByteCount: Int, _ body: @escaping @Sendable (SharedArenaTransport) -> Void
  ) throws {
    let transports = try LocalTransport.ranks(count, ringCapacity: 4096, sharedByteCount: sharedByteCount)
    try onThreads(count) { body(transports[$0]) }
  }
}

/// Names a tensor that a cell has of its own.
struct CellTensor: Hashable, Sendable {
  let value: TrainingGraph.Value
  let cell: Int
}

/// What a run of some steps left: every kept tensor put together from the ranks that hold it, and the losses.
struct ExecutedSteps {
  var tensors: [TrainingGraph.Value: [Double]] = [:]
  /// The running statistics that cells have of their own.
  var cells: [CellTensor: [Double]] = [:]
  /// For each value the disagreement between replicas: zero, or sums were not the same on all.
  var replicaDifference = 0.0
  var losses: [Double] = []
  /// For each pair of ranks the bytes sent, by what the transports counted.
  var bytesSent: [[Int]] = []
  /// The bytes that ranks laid out for their peers to read, all together.
  var sharedBytes = 0
  var fault: String?
}

/// Collects what ranks report.
private final class Collector: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private(set) var result = ExecutedSteps()

  init() { pthread_mutex_init(mutex, nil) }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func report(_ body: (inout ExecutedSteps) -> Void) {
    pthread_mutex_lock(mutex)
    body(&result)
    pthread_mutex_unlock(mutex)
  }
}

/// Executes steps of a lowered plan on data that are functions of step, tensor and element.
///
/// - Parameters:
///   - data: The value of an element of a tensor of the whole batch, before the step of the given number.
///   - sharedByteCount: The bytes that each rank can share with its peers.
///   - initial: The value of an element of a tensor of the model before the first step.
func executed(
  _ tasks: TaskGraph, of plan: ResolvedPlan, steps: Int, library: any KernelLibrary,
  scalar: KernelScalarType, ranksAreAlike: Bool = true, sharedByteCount: Int = 4096,
  data: @escaping @Sendable (Int, TensorID, Int) -> Double,
  initial: @escaping @Sendable (TensorID, Int) -> Double
) throws -> ExecutedSteps {
  let ranks = RankTable(tasks, on: plan.machine)
  let collector = Collector()
  let graph = plan.training.graph
  collector.report { result in
    result.losses = [Double](repeating: 0, count: steps)
    result.bytesSent = [[Int]](repeating: [], count: ranks.devices.count)
  }
  try RankThreads.run(ranks.devices.count, sharedByteCount: sharedByteCount) { transport in
    do {
      let program = try compile(
        tasks, of: plan, ranks: ranks, rank: transport.rank, library: library,
        settings: ExecutionSettings(scalar: scalar, seed: 7, ranksAreAlike: ranksAreAlike))
      let executor = try RankExecutor(program, ranks: ranks, over: transport)
      collector.report { $0.sharedBytes += program.sharedBytes }
      for tensor in executor.kept {
        guard case .forward(let id) = tensor.value else { continue }
        executor.set(tensor) { initial(id, $0) }
      }
      for step in 1...steps {
        for port in executor.inputs {
          let size = graph[port.tensor].type.elementCount
          executor.set(port) { data(step, port.tensor, port.microBatch * size + $0) }
        }
        let outcome = try executor.run(step: step)
        collector.report { result in
          for loss in outcome.losses { result.losses[step - 1] += loss.loss }
        }
      }
      collector.report { result in
        result.bytesSent[transport.rank] = transport.bytesSent
        for tensor in executor.kept {
          if let cell = tensor.cell {
            // A file has what one rank alone writes down.
            guard tensor.isPrincipal else { continue }
            result.cells[CellTensor(value: tensor.value, cell: cell.index)] = executor.values(of: tensor)
            continue
          }
          let count = plan.training.type(of: tensor.value).elementCount
          var whole = result.tensors[tensor.value] ?? [Double](repeating: .nan, count: count)
          let values = executor.values(of: tensor)
          for (value, index) in zip(values, tensor.holding.runs.lazy.joined()) {
            if !whole[index].isNaN {
              result.replicaDifference = max(result.replicaDifference, abs(whole[index] - value))
            }
            whole[index] = value
          }
          result.tensors[tensor.value] = whole
        }
      }
    } catch {
      collector.report { $0.fault = $0.fault ?? "rank \(transport.rank): \(error)" }
      transport.declareLost(rank: transport.rank, exitCode: 1)
    }
  }
  return collector.result
}
