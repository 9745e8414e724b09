internal import Glibc
internal import Graphs

extension Importer {
  /// Computes a node whose result is known before the first step, and defines its outputs.
  ///
  /// - Returns: Whether the node was such a one.
  mutating func fold(_ name: OperatorName, _ node: NodeMessage) throws(ImportFault) -> Bool {
    switch name {
    case .constant: try defineConstants([try constantAttribute(node)], node)
    case .shape, .size: try defineConstants([try shapeConstant(name, node)], node)
    default:
      guard name.isFolded, !node.inputs.isEmpty else { return false }
      var inputs: [StaticTensor?] = []
      for index in node.inputs.indices {
        guard let value = try input(node, index) else {
          inputs.append(nil)
          continue
        }
        guard let constant = try constant(value) else { return false }
        inputs.append(constant)
      }
      guard let first = inputs[0] else { throw node.fault("has no first input") }
      try defineConstants(try folded(name, first, inputs.compactMap { $0 }, node), node)
    }
    return true
  }

  private mutating func defineConstants(
    _ constants: [StaticTensor], _ node: NodeMessage
  ) throws(ImportFault) {
    for (constant, name) in zip(constants, node.outputs) where !name.isEmpty {
      try define(name, try keep(constant), at: node.offset)
    }
  }

  private func computed(
    _ node: NodeMessage, _ type: ElementType, _ shape: [Int], _ values: [Double], output: Int = 0
  ) -> StaticTensor {
    StaticTensor(
      name: node.outputs[output], type: TensorType(type, shape), source: .values(values), isStored: false)
  }

  private func constantAttribute(_ node: NodeMessage) throws(ImportFault) -> StaticTensor {
    if case .tensor(let tensor)? = node.attribute("value") {
      if case .external(let location) = tensor.storage, let folder {
        try location.check(in: folder, at: node.offset, part: "node \(node.name)")
      }
      return StaticTensor(
        name: node.outputs[0], type: tensor.type, source: .stored(tensor.range), isStored: true)
    }
    if let value = try node.real("value_float") { return computed(node, .float32, [], [value]) }
    if let value = try node.integer("value_int") { return computed(node, .int64, [], [Double(value)]) }
    if case .reals(let values)? = node.attribute("value_floats") {
      return computed(node, .float32, [values.count], values)
    }
    if let values = try node.integers("value_ints") {
      return computed(node, .int64, [values.count], values.map(Double.init))
    }
    throw node.fault("has no value that is supported", hint: "texts and sparse tensors are not read")
  }

  private mutating func shapeConstant(
    _ name: OperatorName, _ node: NodeMessage
  ) throws(ImportFault) -> StaticTensor {
    let value = try required(node, 0)
    let shape: [Int]
    if case .tensor(let id) = value {
      shape = self.shape(id)
    } else if let constant = try constant(value) {
      shape = constant.type.shape
    } else {
      throw node.fault("has no input")
    }
    if name == .size { return computed(node, .int64, [], [Double(shape.reduce(1, *))]) }
    func place(_ stated: Int) -> Int { min(max(stated < 0 ? stated + shape.count : stated, 0), shape.count) }
    let start = place(max(-ModelLimits.rank, try node.integer("start") ?? 0))
    let end = place(max(-ModelLimits.rank, try node.integer("end") ?? shape.count))
    let part = start < end ? Array(shape[start..<end]) : []
    return computed(node, .int64, [part.count], part.map(Double.init))
  }

  /// Returns the results of a node with constant inputs.
  private mutating func folded(
    _ name: OperatorName, _ first: StaticTensor, _ inputs: [StaticTensor], _ node: NodeMessage
  ) throws(ImportFault) -> [StaticTensor] {
    switch name {
    case .identity: return [first]
    case .cast: return [try cast(first, to: try castType(node), node)]
    case .reshape:
      guard let target = try valuesInput(node, 1)?.map(FoldedArithmetic.integer) else {
        throw node.fault("has no shape")
      }
      let keepsZeros = try node.integer("allowzero") ?? 0 != 0
      return [first.reshaped(try resolved(target, from: first.type.shape, keepsZeros: keepsZeros, node))]
    case .flatten: return [first.reshaped(try flattened(first.type.shape, node))]
    case .squeeze, .unsqueeze: return [first.reshaped(try squeezed(first.type.shape, name, node))]
    case .transpose:
      guard let result = first.transposed(try permutation(first.type.shape.count, node)) else {
        throw node.fault("more than \(StaticTensor.Source.deepestView) transpositions of one constant")
      }
      return [result]
    case .constantOfShape: return [try filled(first, node)]
    case .expand: return [try expanded(first, node)]
    case .range: return [try range(inputs, node)]
    case .gather: return [try gathered(inputs, node)]
    case .slice: return [try sliced(first, node)]
    case .split: return try splitConstant(first, node)
    case .concatenate: return [try concatenated(inputs, node)]
    case .choose: return [try chosen(inputs, node)]
    case .reduceSum, .reduceMean, .reduceProduct, .reduceMaximum, .reduceMinimum:
      return [try reduced(name, first, node)]
    case .clip: throw node.fault("is not computed on constants")
    default: return [try folded(name, inputs, node)]
    }
  }

  /// Returns the result of arithmetic on constants, element by element.
  mutating func folded(
    _ name: OperatorName, _ inputs: [StaticTensor], _ node: NodeMessage
  ) throws(ImportFault) -> StaticTensor {
    let type = inputs[0].type.elementType
    let resultType = FoldedArithmetic.isComparison(name) ? ElementType.bool : type
    var shape = inputs[0].type.shape
    for input in inputs.dropFirst() { shape = try broadcast(shape, input.type.shape, node) }
    let count = try checkedElementCount(shape, resultType, at: node.offset, part: "node \(node.name)")
    // One number everywhere stays one number, however large the tensor is.
    var uniform: [Double] = []
    if count > ModelLimits.foldedElements {
      for input in inputs {
        if let value = input.source.uniformValue {
          uniform.append(value)
        } else if input.type.elementCount == 1, let values = try smallValues(input) {
          uniform += values
        }
      }
    }
    let isUniform = uniform.count == inputs.count
    var operands: [[Double]] = []
    for (index, input) in inputs.enumerated() {
      operands.append(isUniform ? [uniform[index]] : try broadcastValues(input, to: shape, node))
    }
    var result = operands[0]
    if let unary = FoldedArithmetic.unary(name), operands.count == 1 {
      result = result.map(unary)
    } else if let function = FoldedArithmetic.binary(name, isReal: type.isFloatingPoint) {
      let sign = try node.integer("fmod") ?? 0
      let binary = name == .modulo && sign != 0 ? { fmod($0, $1) } : function
      guard operands.count == 2 || name == .sum || name == .maximum || name == .minimum else {
        throw node.fault("has \(operands.count) inputs")
      }
      for operand in operands.dropFirst() {
        if !type.isFloatingPoint, name == .divide || name == .modulo, operand.contains(0) {
          throw node.fault("divides by zero")
        }
        result = zip(result, operand).map(binary)
      }
    } else {
      throw node.fault("is not computed on constants")
    }
    result = result.map { FoldedArithmetic.converted($0, to: resultType) }
    return StaticTensor(
      name: node.outputs[0], type: TensorType(resultType, shape),
      source: isUniform ? .fill(result[0]) : .values(result), isStored: false)
  }

  private mutating func values(_ constant: StaticTensor, _ node: NodeMessage) throws(ImportFault) -> [Double]
  {
    guard let values = try smallValues(constant) else {
      throw node.fault(
        """
        computes with the constant \(shortened(constant.name)) of \(constant.type.elementCount) elements; at \
        most \(ModelLimits.foldedElements) are computed while reading
        """, hint: "fold the constants before, for example with onnxsim")
    }
    return values
  }

  private func broadcast(_ left: [Int], _ right: [Int], _ node: NodeMessage) throws(ImportFault) -> [Int] {
    let rank = max(left.count, right.count)
    let a = [Int](repeating: 1, count: rank - left.count) + left
    let b = [Int](repeating: 1, count: rank - right.count) + right
    guard zip(a, b).allSatisfy({ $0 == $1 || $0 == 1 || $1 == 1 }) else {
      throw node.fault("the shapes \(left) and \(right) do not broadcast")
    }
    return zip(a, b).map { $0 == 1 ? $1 : $0 }
  }

  private mutating func broadcastValues(
    _ constant: StaticTensor, to shape: [Int], _ node: NodeMessage
  ) throws(ImportFault) -> [Double] {
    let values = try values(constant, node)
    if constant.type.shape == shape { return values }
    let count = try checkedElementCount(shape, constant.type.elementType, at: node.offset, part: nil)
    guard count <= ModelLimits.foldedElements else {
      throw node.fault("computes a constant of \(count) elements; \(ModelLimits.foldedElements) are allowed")
    }
    try spend(count)
    let lead = [Int](repeating: 1, count: shape.count - constant.type.shape.count)
    let source = lead + constant.type.shape
    let strides = rowMajorStrides(source)
    let steps = source.indices.map { source[$0] == 1 ? 0 : strides[$0] }
    return ONNXImport.gathered(values, extents: shape, steps: steps)
  }

  private mutating func cast(
    _ constant: StaticTensor, to type: ElementType, _ node: NodeMessage
  ) throws(ImportFault) -> StaticTensor {
    if constant.type.elementType == type { return constant }
    if constant.type.elementType.isFloatingPoint && type.isFloatingPoint {
      return constant.with(elementType: type)
    }
    let values = try values(constant, node).map { FoldedArithmetic.converted($0, to: type) }
    return computed(node, type, constant.type.shape, values)
  }

  private mutating func filled(_ shape: StaticTensor, _ node: NodeMessage) throws(ImportFault) -> StaticTensor
  {
    let extents = try values(shape, node).map(FoldedArithmetic.integer)
    var type = ElementType.float32
    var value = 0.0
    if case .tensor(let tensor)? = node.attribute("value") {
      guard tensor.type.elementCount == 1, let number = try tensor.decoded(from: bytes, folder: folder).first
      else { throw node.fault("its value has \(tensor.type.elementCount) elements instead of one") }
      type = tensor.type.elementType
      value = number
    }
    try checkedElementCount(extents, type, at: node.offset, part: "node \(node.name)")
    return StaticTensor(
      name: node.outputs[0], type: TensorType(type, extents), source: .fill(value), isStored: true)
  }

  private mutating func expanded(_ constant: StaticTensor, _ node: NodeMessage) throws(ImportFault)
    -> StaticTensor
  {
    guard let target = try valuesInput(node, 1)?.map(FoldedArithmetic.integer) else {
      throw node.fault("has no shape")
    }
    let shape = try broadcast(constant.type.shape, target, node)
    try checkedElementCount(shape, constant.type.elementType, at: node.offset, part: "node \(node.name)")
    if let value = constant.source.uniformValue {
      return StaticTensor(
        name: constant.name, type: constant.type.with(shape: shape), source: .fill(value), isStored: false)
    }
    return computed(
      node, constant.type.elementType, shape, try broadcastValues(constant, to: shape, node))
  }

  private mutating func range(_ inputs: [StaticTensor], _ node: NodeMessage) throws(ImportFault)
    -> StaticTensor
  {
    guard inputs.count == 3, let start = try values(inputs[0], node).first,
      let limit = try values(inputs[1], node).first, let step = try values(inputs[2], node).first, step != 0
    else { throw node.fault("needs a start, a limit and a step that is not 0") }
    let count = max(0, ((limit - start) / step).rounded(.up))
    guard count <= Double(ModelLimits.foldedElements) else {
      throw node.fault("has \(count) elements; \(ModelLimits.foldedElements) are allowed")
    }
    try spend(Int(count))
    let values = (0..<Int(count)).map { start + Double($0) * step }
    return computed(node, inputs[0].type.elementType, [values.count], values)
  }

  private mutating func gathered(_ inputs: [StaticTensor], _ node: NodeMessage) throws(ImportFault)
    -> StaticTensor
  {
    guard inputs.count == 2 else { throw node.fault("has \(inputs.count) inputs") }
    let (data, indices) = (inputs[0], inputs[1])
    let shape = data.type.shape
    let axis = try axis(try node.integer("axis") ?? 0, rank: shape.count, node)
    let places = try values(indices, node).map(FoldedArithmetic.integer)
    let extent = shape[axis]
    guard places.allSatisfy({ $0 >= -extent && $0 < extent }) else {
      throw node.fault("an index lies outside an extent of \(extent)")
    }
    let result = Array(shape[..<axis]) + indices.type.shape + Array(shape[(axis + 1)...])
    let count = try checkedElementCount(result, data.type.elementType, at: node.offset, part: nil)
    guard count <= ModelLimits.foldedElements else {
      throw node.fault("computes a constant of \(count) elements; \(ModelLimits.foldedElements) are allowed")
    }
    try spend(count)
    let source = try values(data, node)
    let inner = shape[(axis + 1)...].reduce(1, *)
    var values: [Double] = []
    // Without elements there may still be very many empty rows.
    for outer in 0..<(count == 0 ? 0 : shape[..<axis].reduce(1, *)) {
      for place in places {
        let start = (outer * extent + (place < 0 ? place + extent : place)) * inner
        values += source[start..<(start + inner)]
      }
    }
    return computed(node, data.type.elementType, result, values)
  }

  private mutating func sliced(_ constant: StaticTensor, _ node: NodeMessage) throws(ImportFault)
    -> StaticTensor
  {
    let slice = try slice(of: constant.type.shape, node)
    let source = try values(constant, node)
    var extents = constant.type.shape
    var steps = rowMajorStrides(extents)
    var start = 0
    for (index, axis) in slice.axes.enumerated() {
      let range = slice.range(index, extent: constant.type.shape[axis])
      extents[axis] = range.count
      start += range.start * steps[axis]
      // A step beyond the extent is never taken, but its product could overflow.
      steps[axis] = range.count > 1 ? steps[axis] * slice.steps[index] : 0
    }
    let values = ONNXImport.gathered(source, extents: extents, steps: steps, start: start)
    return computed(node, constant.type.elementType, extents, values)
  }

  private mutating func splitConstant(_ constant: StaticTensor, _ node: NodeMessage) throws(ImportFault)
    -> [StaticTensor]
  {
    let shape = constant.type.shape
    let axis = try axis(try node.integer("axis") ?? 0, rank: shape.count, node)
    let parts = node.outputs.count
    let equal = [Int](repeating: shape[axis] / parts, count: parts)
    let sizes = try integers(node, attribute: "split", input: 1, since: 13) ?? equal
    let source = try values(constant, node)
    guard sizes.count == parts, sizes.allSatisfy({ (0...shape[axis]).contains($0) }),
      sizes.reduce(0, +) == shape[axis]
    else { throw node.fault("the parts \(sizes.prefix(64)) do not add up to \(shape[axis])") }
    let strides = rowMajorStrides(shape)
    var start = 0
    var results: [StaticTensor] = []
    for (index, size) in sizes.enumerated() {
      var extents = shape
      extents[axis] = size
      let values = ONNXImport.gathered(source, extents: extents, steps: strides, start: start * strides[axis])
      results.append(computed(node, constant.type.elementType, extents, values, output: index))
      start += size
    }
    return results
  }

  private mutating func concatenated(_ inputs: [StaticTensor], _ node: NodeMessage) throws(ImportFault)
    -> StaticTensor
  {
    var shape = inputs[0].type.shape
    let axis = try axis(try node.integer("axis") ?? 0, rank: shape.count, node)
    shape[axis] = 0
    var parts: [(values: [Double], run: Int)] = []
    var count = 0
    for input in inputs {
      var expected = input.type.shape
      guard expected.count == shape.count else { throw node.fault("its inputs differ in rank") }
      let run = expected[axis...].reduce(1, *)
      let extent = expected[axis]
      expected[axis] = shape[axis]
      guard expected == shape else { throw node.fault("its inputs differ in shape") }
      shape[axis] += extent
      parts.append((try values(input, node), run))
      count += input.type.elementCount
      guard count <= ModelLimits.foldedElements else {
        throw node.fault("computes a constant of more than \(ModelLimits.foldedElements) elements")
      }
    }
    var values: [Double] = []
    for outer in 0..<(count == 0 ? 0 : shape[..<axis].reduce(1, *)) {
      for part in parts { values += part.values[(outer * part.run)..<((outer + 1) * part.run)] }
    }
    return computed(node, inputs[0].type.elementType, shape, values)
  }

  private mutating func chosen(_ inputs: [StaticTensor], _ node: NodeMessage) throws(ImportFault)
    -> StaticTensor
  {
    guard inputs.count == 3 else { throw node.fault("has \(inputs.count) inputs") }
    var shape = inputs[0].type.shape
    for input in inputs.dropFirst() { shape = try broadcast(shape, input.type.shape, node) }
    let condition = try broadcastValues(inputs[0], to: shape, node)
    let first = try broadcastValues(inputs[1], to: shape, node)
    let second = try broadcastValues(inputs[2], to: shape, node)
    let values = condition.indices.map { condition[$0] != 0 ? first[$0] : second[$0] }
    return computed(node, inputs[1].type.elementType, shape, values)
  }

  private mutating func reduced(
    _ name: OperatorName, _ constant: StaticTensor, _ node: NodeMessage
  ) throws(ImportFault) -> StaticTensor {
    guard let (neutral, combine) = FoldedArithmetic.reduction(name) else {
      preconditionFailure("\(name) is no reduction")
    }
    let shape = constant.type.shape
    let places = try reducedAxes(name, rank: shape.count, node)
    let kept = shape.indices.filter { !places.contains($0) }
    let source = try values(constant, node)
    let order = permuted(source, shape: shape, permutation: kept + places)
    let length = places.reduce(1) { $0 * shape[$1] }
    let count = kept.reduce(1) { $0 * shape[$1] }
    try checkedElementCount([count], constant.type.elementType, at: node.offset, part: nil)
    guard length > 0, count <= ModelLimits.foldedElements else {
      throw node.fault("reduces an empty constant")
    }
    let values = (0..<count).map { index in
      let sum = order[(index * length)..<((index + 1) * length)].reduce(neutral, combine)
      let value = name == .reduceMean ? sum / Double(length) : sum
      return FoldedArithmetic.converted(value, to: constant.type.elementType)
    }
    let keeps = try node.integer("keepdims") ?? 1 != 0
    let extents = shape.indices.compactMap { places.contains($0) ? (keeps ? 1 : nil) : shape[$0] }
    return computed(node, constant.type.elementType, extents, values)
  }
}
