import Differentiation
import Graphs
import Kernels
import Plans

/// In which memory formats a step carries activations and their errors from kernel to kernel.
///
/// Operators whose kernels want all their activations in one format tie these together; convolutions, which
/// change formats inwardly, set the groups of tied activations apart. A group lies in blocks where all of it
/// can and where that spares the convolutions around it more changes of format than it costs. The choice
/// knows shapes and the library alone, so that it is the same on all ranks and for any number of samples.
struct MemoryFormats {
  private let blocked: [Bool]
  private let format: MemoryFormat

  /// Chooses the formats.
  ///
  /// - Parameters:
  ///   - training: The step.
  ///   - library: The kernels.
  ///   - scalar: The numbers that are computed with.
  ///   - staysPlain: Whether an activation has to be plain for other reasons.
  init(
    _ training: TrainingGraph, library: any KernelLibrary, scalar: KernelScalarType = .float32,
    staysPlain: (TensorID) -> Bool = { _ in false }
  ) {
    let graph = training.graph
    guard let block = library.channelBlock, scalar == .float32 else {
      blocked = [Bool](repeating: false, count: graph.tensors.count)
      format = .plain
      return
    }
    format = .channelBlocks(block)
    var groups = TensorGroups(
      graph.tensors.indices.map { index in
        graph.tensors[index].type.canLie(inBlocksOf: block) && graph.tensors[index].role == .activation
          && !staysPlain(TensorID(index))
      })
    for output in graph.outputs { groups.forbid(output) }
    for node in graph.nodes {
      let types = (graph.inputTypes(of: node), graph.outputTypes(of: node))
      let activations = (node.inputs + node.outputs).filter { tensor in
        // Where there is one place, blocks are rows.
        !graph[tensor].role.isStatic && graph[tensor].type.placeCount > 1
      }
      switch node.operator.memoryFormatRule(inputs: types.0, outputs: types.1) {
      case .any: break
      case .plain: for tensor in activations { groups.forbid(tensor) }
      case .alike: for tensor in activations.dropFirst() { groups.tie(activations[0], tensor) }
      }
    }
    for operation in training.operations where operation.parameter == nil {
      guard let id = operation.node, case .convolution = graph[id].operator else { continue }
      let node = graph[id]
      let wanted = library.wantsChannelBlocks(
        KernelRequest(
          node.operator, operation.rule.map { .backward($0) } ?? .forward,
          inputTypes: graph.inputTypes(of: node), outputTypes: graph.outputTypes(of: node)))
      groups.vote(node.inputs[0], wanted.input, graph[node.inputs[0]].type.elementCount)
      groups.vote(node.outputs[0], wanted.output, graph[node.outputs[0]].type.elementCount)
    }
    blocked = graph.tensors.indices.map { groups.isChosen(TensorID($0)) }
  }

  /// The format of an activation and of its error.
  subscript(tensor: TensorID) -> MemoryFormat { blocked[tensor.index] ? format : .plain }

  /// The format of what a node reads for each sample.
  func input(of node: Node, in graph: Graph) -> MemoryFormat {
    node.inputs.first { !graph[$0].role.isStatic }.map { self[$0] } ?? .plain
  }

  /// The format of what a node writes.
  func output(of node: Node) -> MemoryFormat { node.outputs.first.map { self[$0] } ?? .plain }
}

/// Tensors that are tied together, whether they may lie in blocks, and how much is gained where they do.
private struct TensorGroups {
  private var parents: [Int]
  private var isAllowed: [Bool]
  private var gains: [Int]

  init(_ isAllowed: [Bool]) {
    parents = Array(isAllowed.indices)
    self.isAllowed = isAllowed
    gains = [Int](repeating: 0, count: isAllowed.count)
  }

  private mutating func root(_ tensor: TensorID) -> Int {
    var index = tensor.index
    while parents[index] != index {
      parents[index] = parents[parents[index]]
      index = parents[index]
    }
    return index
  }

  mutating func tie(_ first: TensorID, _ second: TensorID) {
    let (kept, joined) = (root(first), root(second))
    guard kept != joined else { return }
    parents[joined] = kept
    isAllowed[kept] = isAllowed[kept] && isAllowed[joined]
    gains[kept] += gains[joined]
  }

  mutating func forbid(_ tensor: TensorID) { isAllowed[root(tensor)] = false }

  mutating func vote(_ tensor: TensorID, _ wantsBlocks: Bool, _ elements: Int) {
    gains[root(tensor)] += wantsBlocks ? elements : -elements
  }

  mutating func isChosen(_ tensor: TensorID) -> Bool {
    let group = root(tensor)
    return isAllowed[group] && gains[group] > 0
  }
}

extension ProgramBuilder {
  /// Returns the formats in which a rank carries activations.
  ///
  /// What is cut otherwise than along the batch, or is a partial sum, stays plain; and what moves between
  /// ranks, where their kernels are not alike.
  static func memoryFormats(
    of plan: ResolvedPlan, _ tasks: TaskGraph, library: any KernelLibrary, settings: ExecutionSettings
  ) -> MemoryFormats {
    let graph = plan.training.graph
    var isPlain = [Bool](repeating: false, count: graph.tensors.count)
    for (node, strategy) in zip(graph.nodes, plan.strategies) {
      let layouts = strategy.inputs + strategy.outputs
      let errorLayouts = strategy.inputErrors + strategy.outputErrors
      for (index, tensor) in (node.inputs + node.outputs).enumerated()
      where !layouts[index].keepsSamplesWhole || !errorLayouts[index].keepsSamplesWhole {
        isPlain[tensor.index] = true
      }
    }
    if !settings.ranksAreAlike {
      for movement in tasks.movements {
        switch movement.subject {
        case .activation(let tensor), .error(let tensor): isPlain[tensor.index] = true
        case .parameter, .gradients, .statistics, .samples: break
        }
      }
    }
    return MemoryFormats(plan.training, library: library, scalar: settings.scalar) { isPlain[$0.index] }
  }
}

extension Layout {
  /// Whether devices hold whole samples, and no partial sums of them.
  fileprivate var keepsSamplesWhole: Bool {
    states.allSatisfy { $0 == .replicated || $0 == .sharded(0) }
  }
}
