import Devices
public import Differentiation
import Graphs
public import Kernels
public import Machines
import Plans
public import Results
import Units

/// Compares the predicted time of every operation of a step on one device with that of its kernels in a loop.
///
/// Each kernel runs over one cell of the batch, as often as there are cells. Equal operations are measured
/// once.
///
/// - Parameters:
///   - training: The training step.
///   - cells: Into how many cells the batch is cut.
///   - device: The device whose description is checked.
///   - library: The kernels.
/// - Returns: The operations in the order of the step; nil where there is no memory for the kernels.
public func compareKernels(
  _ training: TrainingGraph, cells: Int, device: Device, library: any KernelLibrary
) -> [KernelComparison]? {
  guard let bench = KernelBench(library) else { return nil }
  let cells = max(1, min(cells, training.graph.batch))
  let passedElements = training.passedElements(devices: 1)
  let grid = CellGrid(samples: training.graph.batch, cells: cells)
  let effort = CellStack.effort(grid, cells: 0..<cells)
  var known: [KernelRequest: Double] = [:]
  var knownSums: [[Int]: Double] = [:]
  /// Times what is measured over the footprint of the step where its rates depend on that.
  func seconds(
    of subject: KernelBench.Subject, _ kind: KernelKind, _ phase: Phase, footprint: Int
  ) -> Double? {
    let table = device.kernelRates?.table(for: kind.rated, phase.rated)
    let most = table?.axes.first { $0.extent == .footprint }?.points.last
    return bench.prepare(subject, footprint: most.map { min($0, footprint) }).map { bench.time($0) }
  }
  func seconds(of subject: KernelBench.Subject, _ use: KernelUse) -> Double? {
    seconds(of: subject, use.kind, use.phase, footprint: use.footprint)
  }
  let formats = MemoryFormats(training, library: library)
  var rows: [KernelComparison] = []
  for operation in training.operations {
    var work = training.work(of: operation)
    guard !work.isEmpty, var use = work.kernel else { continue }
    use.passedElements = passedElements
    work.kernel = use
    var measured: Double?
    if let parameter = operation.parameter {
      measured = seconds(of: .update(training.optimizer, training.graph[parameter].type.elementCount), use)
    } else if let id = operation.node {
      let node = training.graph[id]
      use.calls = min(cells, max(1, use.samples))
      let types = (training.graph.inputTypes(of: node), training.graph.outputTypes(of: node))
      use.sums = training.joinedElements(operation).map { elements in
        KernelSums(
          elements: elements, count: Double(effort.addends.count),
          addends: Double(effort.addends.reduce(0, +)),
          passedElements: effort.depth * elements)
      }
      work.kernel = use
      let calls = use.calls
      func part(_ type: TensorType) -> TensorType {
        guard let first = type.shape.first, first % training.graph.batch == 0 else { return type }
        return type.with(shape: [max(1, first / calls)] + type.shape.dropFirst())
      }
      let firstParameter = node.operator.firstParameter
      let inputs = types.0.enumerated().map { $0.offset < firstParameter ? part($0.element) : $0.element }
      let outputs = types.1.map(part)
      let step = operation.rule.map { KernelRequest.Step.backward($0) } ?? .forward
      func request(_ step: KernelRequest.Step) -> KernelRequest {
        KernelRequest(
          node.operator, step, inputTypes: inputs, outputTypes: outputs, statisticsCount: 1 << 14,
          inputMemoryFormat: formats.input(of: node, in: training.graph),
          outputMemoryFormat: formats.output(of: node))
      }
      func time(_ request: KernelRequest) -> Double? {
        if let known = known[request] { return known }
        let measured = seconds(of: .kernel(request), use)
        known[request] = measured
        return measured
      }
      measured = time(request(step)).map { $0 * Double(calls) }
      if case .batchNormalization(let rules) = node.operator, rules.mode != .frozen {
        let sums = operation.rule.map { KernelRequest.Step.backwardStatistics($0) } ?? .forwardStatistics
        measured = time(request(sums)).flatMap { sum in measured.map { $0 + sum * Double(calls) } }
      }
      if let packing = bench.time(.packing(request(step))) { measured = measured.map { $0 + packing } }
      for sums in use.sums {
        for addends in effort.addends {
          // Of more than caches hold, each part takes as long.
          let count = min(sums.elements, mostSummed / addends)
          let sum =
            knownSums[[count, addends]]
            ?? seconds(
              of: .sum(count, addends: addends), .sum, .weightGradient, footprint: sums.footprint)
          guard let sum else { continue }
          knownSums[[count, addends]] = sum
          measured = measured.map { $0 + sum * Double(sums.elements) / Double(count) }
        }
      }
    }
    guard let measured else { continue }
    let predicted = cost(of: work, on: device, precision: .float32, sizes: ElementSizes(.float32)).time
    rows.append(
      KernelComparison(
        name: operation.parameter.map { training.graph[$0].name }
          ?? operation.node.map { training.graph[$0].name } ?? "",
        kernel: use.kind.rated.rawValue, phase: use.phase.rawValue, predicted: predicted,
        measured: Seconds(measured)))
  }
  return rows
}

/// The most elements of all addends of a sum that is measured.
private let mostSummed = 1 << 26

extension TrainingGraph {
  /// The elements of each array to which every cell contributes: statistics, and gradients of parameters.
  fileprivate func joinedElements(_ operation: Operation) -> [Int] {
    guard let id = operation.node else { return [] }
    let node = graph[id]
    let types = graph.inputTypes(of: node)
    let phase = operation.workPhase
    let statistics = node.operator.rules.statistics(phase, inputs: types)
    return (statistics > 0 ? [statistics] : [])
      + (operation.rule?.inputs ?? []).filter { graph[node.inputs[$0]].role == .parameter }
      .map { types[$0].elementCount }
  }
}
