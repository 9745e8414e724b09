import Devices
import Differentiation
import Graphs
import Units

/// What the operations of a training graph read and write, as far as memory is concerned.
///
/// It is the same for every plan; a plan adds layouts and sizes.
struct MemoryFacts: Sendable {
  /// A value that an operation reads or writes.
  struct Touch: Sendable {
    /// The number of its storage: views share one.
    let storage: Int
    /// Of the gradient that a node besides the home of a parameter contributes, whose storage it shares where
    /// both are added at once.
    let contribution: (use: ParameterUse, reader: ParameterUse.Reader, joined: Int)?
    /// Of a gradient that is written, how many results of the operation are parts of it.
    ///
    /// They are several where inputs of the node are one parameter. Of all else it is zero.
    let gradientParts: Int
    let part: TrainingGraph.MemoryPart
    /// Whether it is there before the step: samples and labels.
    let isInput: Bool
    /// The shape of the storage.
    let shape: [Int]
    let elementSize: ElementSize
    let place: Place
  }

  /// The bytes of an element.
  enum ElementSize: Hashable, Sendable {
    case parameter, activation, gradient, state
    case fixed(Int)

    func bytes(_ sizes: ElementSizes) -> Int {
      switch self {
      case .parameter: sizes.parameter
      case .activation: sizes.activation
      case .gradient: sizes.gradient
      case .state: sizes.state
      case .fixed(let size): size
      }
    }
  }

  /// Which layout of its node's strategy a value has.
  enum Place: Sendable {
    case input(Int)
    case output(Int)
    case inputError(Int)
    case outputError(Int)
    /// Whole on every device.
    case everywhere

    func layout(in strategy: Strategy) -> Layout? {
      switch self {
      case .input(let position): strategy.inputs[position]
      case .output(let position): strategy.outputs[position]
      case .inputError(let position): strategy.inputErrors[position]
      case .outputError(let position): strategy.outputErrors[position]
      case .everywhere: nil
      }
    }
  }

  /// For each operation the node that it belongs to: of an update the home of the parameter.
  let nodes: [Int?]
  /// For each operation what it reads and writes.
  let touches: [[Touch]]
  /// How many storages there are.
  let storageCount: Int

  init(_ training: TrainingGraph, _ uses: [ParameterUse]) {
    let uses = Dictionary(uniqueKeysWithValues: uses.map { ($0.parameter, $0) })
    var numbers = Numbers()
    var nodes: [Int?] = []
    var touches: [[Touch]] = []
    for operation in training.operations {
      let updated = operation.parameter.flatMap { uses[$0] }
      guard let node = operation.node ?? updated.map({ NodeID($0.home.node) }) else {
        nodes.append(nil)
        touches.append([])
        continue
      }
      nodes.append(node.index)
      func touch(
        _ value: TrainingGraph.Value, _ contributor: (use: ParameterUse, reader: ParameterUse.Reader)?,
        isWritten: Bool = false
      ) -> Touch {
        let owner = training.storage(of: value)
        let type = training.type(of: owner)
        return Touch(
          storage: numbers.number(of: owner, by: contributor?.reader.node),
          contribution: contributor.map { ($0.use, $0.reader, numbers.number(of: owner, by: nil)) },
          gradientParts: isWritten ? Self.gradientParts(of: value, operation, training) : 0,
          part: training.part(of: owner), isInput: Self.isInput(owner, training), shape: type.shape,
          elementSize: Self.elementSize(owner, type, training),
          place: Self.place(of: value, operation, node, training))
      }
      var own = (operation.reads + operation.writes).enumerated().map { place, value -> Touch in
        let isWritten = place >= operation.reads.count
        guard case .gradient(let parameter) = value, let use = uses[parameter],
          let reader = use.others.first(where: { $0.node == operation.node?.index })
        else { return touch(value, nil, isWritten: isWritten) }
        return touch(value, (use, reader), isWritten: isWritten)
      }
      // An update reads what every node contributes.
      if let updated {
        own += updated.others.filter(\.contributes).map {
          touch(.gradient(updated.parameter), (updated, $0))
        }
      }
      touches.append(own)
    }
    self.nodes = nodes
    self.touches = touches
    storageCount = numbers.count
  }

  /// How many results of an operation are parts of a gradient; zero where the value is none.
  private static func gradientParts(
    of value: TrainingGraph.Value, _ operation: TrainingGraph.Operation, _ training: TrainingGraph
  ) -> Int {
    guard case .gradient(let parameter) = value, let node = operation.node, let rule = operation.rule else {
      return 0
    }
    return rule.inputs.count { training.graph[node].inputs[$0] == parameter }
  }

  /// Numbers of storages: one for each value, of gradients one for each node that contributes besides the
  /// parameter's home.
  private struct Numbers {
    private struct Key: Hashable {
      let value: TrainingGraph.Value
      let node: Int?
    }

    private var known: [Key: Int] = [:]
    var count: Int { known.count }

    mutating func number(of value: TrainingGraph.Value, by node: Int?) -> Int {
      let key = Key(value: value, node: node)
      let number = known[key] ?? known.count
      known[key] = number
      return number
    }
  }

  private static func isInput(_ value: TrainingGraph.Value, _ training: TrainingGraph) -> Bool {
    guard case .forward(let tensor) = value else { return false }
    return training.graph[tensor].role != .activation
  }

  private static func elementSize(
    _ value: TrainingGraph.Value, _ type: TensorType, _ training: TrainingGraph
  ) -> ElementSize {
    switch value {
    case .gradient: return .gradient
    case .optimizerState: return .state
    case .error: return .activation
    case .forward(let tensor):
      guard type.elementType == .float32 || type.elementType == .float64 else {
        return .fixed(type.elementType.size.count)
      }
      return training.graph[tensor].role.isStatic ? .parameter : .activation
    case .auxiliary: return .fixed(type.elementType.size.count)
    }
  }

  /// Where a value stands: parameters and what belongs to them as the node reads them.
  private static func place(
    of value: TrainingGraph.Value, _ operation: TrainingGraph.Operation, _ id: NodeID,
    _ training: TrainingGraph
  ) -> Place {
    let node = training.graph[id]
    func input(_ tensor: TensorID) -> Place {
      node.inputs.firstIndex(of: tensor).map(Place.input) ?? .everywhere
    }
    guard operation.node != nil else { return operation.parameter.map(input) ?? .everywhere }
    switch value {
    case .forward(let tensor): return node.outputs.firstIndex(of: tensor).map(Place.output) ?? input(tensor)
    case .error(let tensor):
      if let position = node.outputs.firstIndex(of: tensor) { return .outputError(position) }
      return node.inputs.firstIndex(of: tensor).map(Place.inputError) ?? .output(0)
    case .gradient(let tensor), .optimizerState(let tensor, _): return input(tensor)
    case .auxiliary(_, let index):
      // A mask stands as the output it belongs to; statistics stand whole.
      let shape = training.type(of: .auxiliary(id, index)).shape
      return shape == training.graph[node.outputs[0]].type.shape ? .output(0) : .everywhere
    }
  }
}

extension TrainingGraph.MemoryPart {
  /// Whether it is held for the whole step.
  var isStatic: Bool { self == .weights || self == .gradients || self == .optimizerState }

  /// The place in ``allCases``.
  var ordinal: Int {
    switch self {
    case .weights: 0
    case .gradients: 1
    case .optimizerState: 2
    case .activations: 3
    case .errors: 4
    }
  }
}
