internal import Graphs

extension Importer {
  /// The function of a node that works on each element alone.
  func function(_ name: OperatorName, _ node: NodeMessage) throws(ImportFault) -> Activation.Function {
    switch name {
    case .relu: .relu
    case .leakyRelu: .leakyRelu(alpha: try node.real("alpha") ?? 0.01)
    case .sigmoid: .sigmoid
    case .tanh: .tanh
    case .gelu: .gelu
    case .elu: .elu(alpha: try node.real("alpha") ?? 1)
    case .hardSigmoid:
      .hardSigmoid(alpha: try node.real("alpha") ?? 0.2, beta: try node.real("beta") ?? 0.5)
    case .hardSwish: .hardSwish
    case .errorFunction: .errorFunction
    case .exponential: .exponential
    case .logarithm: .logarithm
    case .squareRoot: .squareRoot
    case .reciprocal: .reciprocal
    case .negate: .negate
    case .absolute: .absolute
    case .softplus: .softplus
    default: preconditionFailure("\(name) is no function of one element")
    }
  }

  mutating func clip(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    // The greatest finite number of float32 is ONNX's own default.
    let greatest = Double(Float.greatestFiniteMagnitude)
    let minimum = opset < 11 ? try node.real("min") : try numberInput(node, 1)
    let maximum = opset < 11 ? try node.real("max") : try numberInput(node, 2)
    let operation = Activation(.clip(minimum: minimum ?? -greatest, maximum: maximum ?? greatest))
    return try one(.activation(operation), node)
  }

  /// PRelu(x) = max(x, 0) − slope · max(−x, 0), in operators that have gradients of their own.
  mutating func parametricRelu(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    let slope = try weight(node, 1)
    let positive = try add(.activation(Activation(.relu)), [x], for: node)[0]
    let opposite = try add(.activation(Activation(.negate)), [x], for: node)[0]
    let negative = try add(.activation(Activation(.relu)), [opposite], for: node)[0]
    let scaled = try add(
      .elementwise(Elementwise(.multiply, right: .parameter)), [negative, slope], for: node)
    return try add(.elementwise(Elementwise(.subtract)), [positive, scaled[0]], for: node)
  }

  mutating func arithmetic(_ name: OperatorName, _ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let functions: [OperatorName: Elementwise.Function] = [
      .add: .add, .sum: .add, .subtract: .subtract, .multiply: .multiply, .divide: .divide, .power: .power,
      .maximum: .maximum, .minimum: .minimum,
    ]
    guard let function = functions[name] else { preconditionFailure("\(name) is no arithmetic") }
    let takesMany = name == .sum || name == .maximum || name == .minimum
    guard takesMany ? !node.inputs.isEmpty : node.inputs.count == 2 else {
      throw node.fault("has \(node.inputs.count) inputs")
    }
    var result = try required(node, 0)
    for index in node.inputs.indices.dropFirst() {
      let operand = try required(node, index)
      if let left = try constant(result), let right = try constant(operand) {
        // Only a sum of several can begin with two constants; the rest of it is folded before.
        let folded = try folded(function == .add ? .add : name, [left, right], node)
        result = try keep(folded)
      } else {
        result = .tensor(try combine(function, result, operand, node))
      }
    }
    guard case .tensor(let id) = result else { throw node.fault("has only constant inputs") }
    return [id]
  }

  /// Adds an element-wise operation of which one operand may be a parameter or a constant.
  mutating func combine(
    _ function: Elementwise.Function, _ left: Value, _ right: Value, _ node: NodeMessage
  ) throws(ImportFault) -> TensorID {
    if case .tensor(let first) = left, case .tensor(let second) = right {
      return try add(.elementwise(Elementwise(function)), [first, second], for: node)[0]
    }
    if case .tensor(let activation) = left, let operand = try constant(right) {
      if let number = try number(operand), operand.type.shape.count <= shape(activation).count {
        switch function {
        case .multiply: return try scale(activation, by: number, node)
        case .divide where number != 0: return try scale(activation, by: 1 / number, node)
        default: break
        }
      }
      let parameter = try operandTensor(operand, function, node)
      return try add(
        .elementwise(Elementwise(function, right: .parameter)), [activation, parameter], for: node)[0]
    }
    guard case .tensor(let activation) = right, let operand = try constant(left) else {
      throw node.fault("has only constant inputs")
    }
    switch function {
    case .add, .multiply, .maximum, .minimum: return try combine(function, right, left, node)
    case .subtract, .divide, .power:
      let parameter = try operandTensor(operand, function, node)
      return try add(
        .elementwise(Elementwise(function, left: .parameter)), [parameter, activation], for: node)[0]
    }
  }

  /// Adds a multiplication by a number.
  mutating func scale(_ x: TensorID, by factor: Double, _ node: NodeMessage) throws(ImportFault) -> TensorID {
    guard factor.isFinite else { throw node.fault("multiplies by \(factor)") }
    return try add(.scaleByConstant(ScaleByConstant(factor: factor)), [x], for: node)[0]
  }

  /// The operand of an element-wise operation: a factor or addend with several elements is trained.
  ///
  /// A single number is part of the formula (as in x · 0.5), and so is every operand of another operation.
  private mutating func operandTensor(
    _ operand: StaticTensor, _ function: Elementwise.Function, _ node: NodeMessage
  ) throws(ImportFault) -> TensorID {
    let isTrained =
      (function == .add || function == .multiply) && operand.type.elementCount > 1
      && operand.type.elementType.isFloatingPoint && operand.isStored
    let role = isTrained ? TensorRole.parameter : try constantRole(operand)
    return try tensor(operand, role: role, at: node.offset, part: "node \(node.name)")
  }
}
