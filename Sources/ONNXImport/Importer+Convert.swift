internal import Graphs

extension Importer {
  /// Adds what a node computes to the graph, or folds it, and defines its outputs.
  mutating func convert(_ node: NodeMessage) throws(ImportFault) {
    guard let name = OperatorName(rawValue: node.operation) else {
      preconditionFailure("\(node.operation) passed the check for unsupported operators")
    }
    do {
      if try fold(name, node) { return }
      let outputs = try convert(name, node)
      try define(outputs, of: node)
    } catch {
      throw error.located(at: node.offset, part: "node \(node.name)")
    }
  }

  /// Defines the outputs of a node that computes activations.
  private mutating func define(_ outputs: [TensorID], of node: NodeMessage) throws(ImportFault) {
    for (index, name) in node.outputs.enumerated() where !name.isEmpty {
      guard index < outputs.count else {
        // Masks and saved statistics are the training step's own matter; only a use of them is not.
        guard survey.uses[name, default: 0] == 0 else {
          throw node.fault(
            "its output number \(index + 1), \(shortened(name)), is used, which is not supported",
            hint: "export the model for inference")
        }
        continue
      }
      try define(name, .tensor(outputs[index]), at: node.offset)
      try checkBatch(outputs[index], of: node, name: name)
    }
  }

  /// Throws where a tensor lost the batch that an input of its node had.
  private mutating func checkBatch(
    _ output: TensorID, of node: NodeMessage, name: String
  ) throws(ImportFault) {
    guard let reference = binding.reference else { return }
    guard reference.shapes[name] == builder.type(of: output).shape else { return }
    for input in node.inputs {
      guard case .tensor(let id)? = values[input], let first = reference.shapes[input] else { continue }
      guard first == builder.type(of: id).shape else {
        throw node.fault(
          "the batch \(reference.batch) of the file cannot become \(binding.batch): the node drops it",
          hint: "use --batch \(reference.batch), or export the model with a symbolic batch dimension")
      }
    }
  }

  private mutating func convert(
    _ name: OperatorName, _ node: NodeMessage
  ) throws(ImportFault) -> [TensorID] {
    switch name {
    case .convolution: try convolution(node)
    case .dense: try dense(node)
    case .matrixMultiplication: try matrixMultiplication(node)
    case .maximumPool, .averagePool: try pooling(name, node)
    case .globalAveragePool: try one(.globalPooling(GlobalPooling(.average)), node)
    case .globalMaximumPool: try one(.globalPooling(GlobalPooling(.maximum)), node)
    case .batchNormalization: try batchNormalization(node)
    case .layerNormalization: try layerNormalization(node)
    case .localResponseNormalization: try localResponseNormalization(node)
    case .softmax, .logSoftmax: try softmax(name, node)
    case .dropout: try dropout(node)
    case .parametricRelu: try parametricRelu(node)
    case .clip: try clip(node)
    case .relu, .leakyRelu, .sigmoid, .tanh, .gelu, .elu, .hardSigmoid, .hardSwish, .errorFunction,
      .exponential,
      .logarithm, .squareRoot, .reciprocal, .negate, .absolute, .softplus:
      try one(.activation(Activation(try function(name, node))), node)
    case .add, .subtract, .multiply, .divide, .power, .sum, .maximum, .minimum: try arithmetic(name, node)
    case .concatenate: try concatenation(node)
    case .split: try split(node)
    case .slice: try slice(node)
    case .reshape: try reshape(node)
    case .flatten: try flatten(node)
    case .squeeze, .unsqueeze: try squeeze(name, node)
    case .transpose: try transpose(node)
    case .pad: try pad(node)
    case .gather: try gather(node)
    case .identity: [try activation(node, 0)]
    case .cast: try cast(node)
    case .reduceMean, .reduceSum, .reduceMaximum: try reduction(name, node)
    case .constant, .constantOfShape, .shape, .size, .range, .expand, .choose, .equal, .less, .lessOrEqual,
      .greater, .greaterOrEqual, .and, .or, .not, .modulo, .floor, .ceiling, .reduceProduct, .reduceMinimum:
      throw node.fault("is read only where its inputs are constants")
    }
  }

  // MARK: Inputs

  /// Returns the value of an input, nil where an optional one is absent.
  mutating func input(_ node: NodeMessage, _ index: Int) throws(ImportFault) -> Value? {
    guard index < node.inputs.count, !node.inputs[index].isEmpty else { return nil }
    return try value(named: node.inputs[index], at: node.offset, part: "node \(node.name)")
  }

  /// Returns an input that must be there.
  mutating func required(_ node: NodeMessage, _ index: Int) throws(ImportFault) -> Value {
    guard let value = try input(node, index) else { throw node.fault("has no input number \(index + 1)") }
    return value
  }

  /// Returns an input that must be computed for each sample.
  mutating func activation(_ node: NodeMessage, _ index: Int) throws(ImportFault) -> TensorID {
    guard case .tensor(let id) = try required(node, index) else {
      throw node.fault(
        "its input \(shortened(node.inputs[index])) is a constant, which is not supported here",
        hint: "fold the constants of the model, for example with onnxsim")
    }
    return id
  }

  /// Returns an input that must be known before the first step, nil where it is absent.
  mutating func constantInput(_ node: NodeMessage, _ index: Int) throws(ImportFault) -> StaticTensor? {
    guard let value = try input(node, index) else { return nil }
    guard let constant = try constant(value) else {
      throw node.fault(
        "its input \(shortened(node.inputs[index])) is computed for each sample, where a constant is needed")
    }
    return constant
  }

  /// Returns the values of an input that must be a small constant, nil where it is absent.
  mutating func valuesInput(_ node: NodeMessage, _ index: Int) throws(ImportFault) -> [Double]? {
    guard let constant = try constantInput(node, index) else { return nil }
    guard let values = try smallValues(constant) else {
      throw node.fault(
        "its input \(shortened(node.inputs[index])) has \(constant.type.elementCount) elements, too many here"
      )
    }
    return values
  }

  /// Returns the number that an input must be, nil where it is absent.
  mutating func numberInput(_ node: NodeMessage, _ index: Int) throws(ImportFault) -> Double? {
    guard let constant = try constantInput(node, index) else { return nil }
    guard let number = try number(constant) else {
      throw node.fault(
        "its input \(shortened(node.inputs[index])) is \(constant.type.shape) and not one number"
      )
    }
    return number
  }

  /// Returns the value of a constant of one element, nil where it has more.
  mutating func number(_ constant: StaticTensor) throws(ImportFault) -> Double? {
    guard constant.type.elementCount == 1, let value = try smallValues(constant)?.first else { return nil }
    return constant.type.elementType == .float32 ? shortestDecimal(value) : value
  }

  /// Returns integers that are an attribute before an operator set, and from then on an input.
  mutating func integers(
    _ node: NodeMessage, attribute: String, input index: Int, since opset: Int
  ) throws(ImportFault) -> [Int]? {
    if self.opset < opset { return try node.integers(attribute) }
    return try valuesInput(node, index)?.map(FoldedArithmetic.integer)
  }

  /// Returns a weight, which must be a constant, in the given role.
  mutating func weight(
    _ node: NodeMessage, _ index: Int, role: TensorRole = .parameter
  ) throws(ImportFault) -> TensorID {
    guard let constant = try constantInput(node, index) else {
      throw node.fault("has no input number \(index + 1)")
    }
    guard constant.type.elementType.isFloatingPoint else {
      throw node.fault("its weight \(shortened(constant.name)) is of \(constant.type.elementType.rawValue)")
    }
    return try tensor(constant, role: role, at: node.offset, part: "node \(node.name)")
  }

  /// The shape of a tensor.
  func shape(_ id: TensorID) -> [Int] { builder.type(of: id).shape }

  /// Adds an operator of one activation.
  mutating func one(_ operation: Operator, _ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    try add(operation, [try activation(node, 0)], for: node)
  }

  /// Returns an axis counted from the front.
  func axis(_ axis: Int, rank: Int, _ node: NodeMessage) throws(ImportFault) -> Int {
    guard axis >= -rank, axis < rank else {
      throw node.fault("the axis \(axis) does not fit a tensor of \(rank) dimensions")
    }
    return axis < 0 ? axis + rank : axis
  }

  /// Returns axes counted from the front, each at most once, in ascending order.
  func axes(_ axes: [Int], rank: Int, _ node: NodeMessage) throws(ImportFault) -> [Int] {
    guard axes.count <= ModelLimits.rank else { throw node.fault("has \(axes.count) axes") }
    var result: [Int] = []
    for axis in axes { result.append(try self.axis(axis, rank: rank, node)) }
    guard Set(result).count == result.count else { throw node.fault("names an axis twice: \(axes)") }
    return result.sorted()
  }
}
