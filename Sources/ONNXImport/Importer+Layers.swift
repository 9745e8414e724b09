internal import Graphs

extension Importer {
  mutating func convolution(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    let weight = try weight(node, 1)
    let kernel = Array(shape(weight).dropFirst(2))
    guard !kernel.isEmpty, shape(x).count == kernel.count + 2 else {
      throw node.fault("weights of shape \(shape(weight)) do not fit an input of shape \(shape(x))")
    }
    if let stated = try node.integers("kernel_shape"), stated != kernel {
      throw node.fault("kernel_shape is \(stated), but the weights have \(kernel)")
    }
    let window = try window(node, kernel: kernel, input: Array(shape(x).dropFirst(2)))
    let groups = try node.integer("group") ?? 1
    guard (1...ModelLimits.windowExtent).contains(groups) else { throw node.fault("has \(groups) groups") }
    var inputs = [x, weight]
    if try input(node, 2) != nil { inputs.append(try self.weight(node, 2)) }
    let operation = Convolution(
      strides: window.strides, padding: window.padding, dilations: window.dilations, groups: groups)
    return try add(.convolution(operation), inputs, for: node)
  }

  mutating func pooling(_ name: OperatorName, _ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    guard let kernel = try node.integers("kernel_shape"), shape(x).count == kernel.count + 2 else {
      throw node.fault("needs a kernel_shape that fits the input's shape \(shape(x))")
    }
    let window = try window(node, kernel: kernel, input: Array(shape(x).dropFirst(2)))
    let counts = try node.integer("count_include_pad") ?? 0
    let operation = Pooling(
      name == .maximumPool ? .maximum : .average(countsPadding: counts != 0), kernel: kernel,
      strides: window.strides, padding: window.padding, dilations: window.dilations,
      ceilMode: try node.integer("ceil_mode") ?? 0 != 0)
    return try add(.pooling(operation), [x], for: node)
  }

  private struct Window {
    let strides: [Int]
    let padding: [Padding]
    let dilations: [Int]
  }

  /// Returns the strides, paddings and dilations of a node, with `auto_pad` worked out.
  private func window(_ node: NodeMessage, kernel: [Int], input: [Int]) throws(ImportFault) -> Window {
    let spatial = kernel.count
    func list(_ name: String, count: Int, least: Int) throws(ImportFault) -> [Int]? {
      guard let list = try node.integers(name), !list.isEmpty else { return nil }
      guard list.count == count, list.allSatisfy({ (least...ModelLimits.windowExtent).contains($0) }) else {
        throw node.fault("\(name) \(list.prefix(16)) does not fit \(spatial) spatial dimensions")
      }
      return list
    }
    guard kernel.allSatisfy({ (1...ModelLimits.windowExtent).contains($0) }) else {
      throw node.fault("has the kernel \(kernel.prefix(16))")
    }
    let ones = [Int](repeating: 1, count: spatial)
    let strides = try list("strides", count: spatial, least: 1) ?? ones
    let dilations = try list("dilations", count: spatial, least: 1) ?? ones
    var padding: [Padding] = []
    switch try node.text("auto_pad") ?? "NOTSET" {
    case "NOTSET", "":
      let pads = try list("pads", count: 2 * spatial, least: 0) ?? ones.flatMap { _ in [0, 0] }
      padding = (0..<spatial).map { Padding(begin: pads[$0], end: pads[spatial + $0]) }
    case "VALID": padding = ones.map { _ in Padding(0) }
    case "SAME_UPPER", "SAME_LOWER":
      let putsMoreFirst = try node.text("auto_pad") == "SAME_LOWER"
      for dimension in 0..<spatial {
        let places = (input[dimension] + strides[dimension] - 1) / strides[dimension]
        let reach = (kernel[dimension] - 1) * dilations[dimension] + 1
        let total = max(0, (places - 1) * strides[dimension] + reach - input[dimension])
        let less = total / 2
        padding.append(
          putsMoreFirst
            ? Padding(begin: total - less, end: less) : Padding(begin: less, end: total - less))
      }
    case let other: throw node.fault("auto_pad is \(shortened(other))")
    }
    return Window(strides: strides, padding: padding, dilations: dilations)
  }

  mutating func dense(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    var x = try activation(node, 0)
    let transposesLeft = try node.integer("transA") ?? 0 != 0
    let transposesRight = try node.integer("transB") ?? 0 != 0
    let alpha = try node.real("alpha") ?? 1
    let beta = try node.real("beta") ?? 1
    let addend = try input(node, 2)
    var result: TensorID
    var needsAddend = addend != nil
    if case .tensor(var right) = try required(node, 1) {
      if transposesLeft { x = try add(.transpose(Transpose([1, 0])), [x], for: node)[0] }
      if transposesRight { right = try add(.transpose(Transpose([1, 0])), [right], for: node)[0] }
      result = try add(
        .matrixMultiplication(MatrixMultiplication(right: .activation)), [x, right], for: node)[0]
      if alpha != 1 { result = try scale(result, by: alpha, node) }
    } else {
      let weight = try weight(node, 1)
      var inputs = [x, weight]
      if let addend, let bias = try constant(addend), shape(weight).count == 2 {
        let units = shape(weight)[transposesRight ? 0 : 1]
        if bias.type.shape == [units] || bias.type.shape == [1, units] {
          inputs.append(try self.weight(node, 2))
          needsAddend = false
        }
      }
      let operation = Dense(
        transposeInput: transposesLeft, transposeWeight: transposesRight, alpha: alpha,
        beta: inputs.count == 3 ? beta : 1)
      result = try add(.dense(operation), inputs, for: node)[0]
    }
    guard needsAddend, beta != 0, let addend else { return [result] }
    guard beta == 1 else { throw node.fault("beta is \(beta) with an addend that is no bias") }
    return [try combine(.add, .tensor(result), addend, node)]
  }

  mutating func matrixMultiplication(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    if case .tensor(let right) = try required(node, 1) {
      return try add(
        .matrixMultiplication(MatrixMultiplication(right: .activation)), [x, right], for: node)
    }
    if let tied = try tiedWeight(node, 1) {
      let (rows, units) = (shape(x), shape(tied)[0])
      let matrix = try reshaped(x, to: [rows.dropLast().reduce(1, *), rows[rows.count - 1]], node)
      let result = try add(.dense(Dense(transposeWeight: true)), [matrix, tied], for: node)[0]
      return [try reshaped(result, to: rows.dropLast() + [units], node)]
    }
    let inputs = [x, try weight(node, 1)]
    return try add(.matrixMultiplication(MatrixMultiplication(right: .parameter)), inputs, for: node)
  }

  /// The parameter of which an input is the transposed matrix, if a node before reads it as it lies: the
  /// table of an embedding that also scores its rows is one parameter and not two.
  private mutating func tiedWeight(_ node: NodeMessage, _ index: Int) throws(ImportFault) -> TensorID? {
    guard let constant = try constantInput(node, index),
      case .transposed(.stored, let shape, let permutation) = constant.source, permutation == [1, 0]
    else { return nil }
    let key = StaticKey(name: constant.name, type: constant.type.with(shape: shape), permutation: [])
    return staticTensors[key].flatMap { builder.tensors[$0.index].role == .parameter ? $0 : nil }
  }

  mutating func batchNormalization(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    guard try node.integer("spatial") ?? 1 == 1 else {
      throw node.fault("spatial = 0, statistics for each place, is not supported")
    }
    let x = try activation(node, 0)
    // A scale and a shift right behind are what is trained then; two factors in a row have no single optimum.
    let role: TensorRole = isScaledAndShifted(node.outputs[0]) ? .frozenParameter : .parameter
    if role == .frozenParameter { rescaledNormalizations += 1 }
    let inputs = [
      x, try weight(node, 1, role: role), try weight(node, 2, role: role), try weight(node, 3, role: .state),
      try weight(node, 4, role: .state),
    ]
    let operation = BatchNormalization(
      epsilon: try node.real("epsilon") ?? 1e-5, momentum: try node.real("momentum") ?? 0.9)
    return try add(.batchNormalization(operation), inputs, for: node)
  }

  /// Whether a tensor's only use is a product with a constant, whose only use is a sum with another.
  private func isScaledAndShifted(_ name: String) -> Bool {
    guard survey.uses[name] == 1, let scaled = survey.products[name] else { return false }
    return survey.uses[scaled] == 1 && survey.sums[scaled] != nil
  }

  mutating func layerNormalization(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    var inputs = [x, try weight(node, 1)]
    if try input(node, 2) != nil { inputs.append(try weight(node, 2)) }
    let axis = try axis(try node.integer("axis") ?? -1, rank: shape(x).count, node)
    let operation = LayerNormalization(axis: axis, epsilon: try node.real("epsilon") ?? 1e-5)
    return try add(.layerNormalization(operation), inputs, for: node)
  }

  mutating func localResponseNormalization(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    guard let size = try node.integer("size") else { throw node.fault("has no size") }
    let operation = LocalResponseNormalization(
      size: size, alpha: try node.real("alpha") ?? 1e-4, beta: try node.real("beta") ?? 0.75,
      bias: try node.real("bias") ?? 1)
    return try one(.localResponseNormalization(operation), node)
  }

  mutating func softmax(_ name: OperatorName, _ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    let isLogarithmic = name == .logSoftmax
    let shape = shape(x)
    let axis = try axis(try node.integer("axis") ?? (opset < 13 ? 1 : -1), rank: shape.count, node)
    func softmax(_ axis: Int) -> Operator { .softmax(Softmax(axis: axis, isLogarithmic: isLogarithmic)) }
    if opset >= 13 { return try add(softmax(axis), [x], for: node) }
    // Before version 13 everything from the axis on is one row.
    let long = shape.indices[axis...].filter { shape[$0] > 1 }
    if long.count <= 1 { return try add(softmax(long.first ?? axis), [x], for: node) }
    let rows = shape[..<axis] + [shape[axis...].reduce(1, *)]
    let flat = try reshaped(x, to: Array(rows), node)
    let result = try add(softmax(axis), [flat], for: node)[0]
    return [try reshaped(result, to: shape, node)]
  }

  mutating func dropout(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    let ratio = opset < 12 ? try node.real("ratio") : try numberInput(node, 1)
    let operation = Dropout(ratio: ratio ?? 0.5)
    return operation.ratio == 0 ? [x] : try add(.dropout(operation), [x], for: node)
  }
}
