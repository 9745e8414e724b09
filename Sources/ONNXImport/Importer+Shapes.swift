internal import Graphs

extension Importer {
  mutating func reshape(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    guard let target = try valuesInput(node, 1)?.map(FoldedArithmetic.integer) else {
      throw node.fault("has no shape")
    }
    let output = node.outputs[0]
    if binding.isFirstOfTwo { reshapeTargets[output] = target }
    if let reference = binding.reference, reference.reshapeTargets[output] == target,
      let firstInput = reference.shapes[node.inputs[0]], let firstOutput = reference.shapes[output]
    {
      // The same numbers for either batch: they were written for the batch of the file.
      guard
        let shape = binding.rebound(input: shape(x), firstInput: firstInput, firstOutput: firstOutput)
      else {
        throw node.fault(
          "\(firstInput) to \(firstOutput) was made for the batch \(reference.batch) and hides it",
          hint: "use --batch \(reference.batch), or export the model with a symbolic batch dimension")
      }
      return [try reshaped(x, to: shape, node)]
    }
    let keepsZeros = try node.integer("allowzero") ?? 0 != 0
    return [try reshaped(x, to: try resolved(target, from: shape(x), keepsZeros: keepsZeros, node), node)]
  }

  /// Returns the shape that a reshape's target means: 0 copies an extent, −1 is whatever is left.
  func resolved(
    _ target: [Int], from shape: [Int], keepsZeros: Bool, _ node: NodeMessage
  ) throws(ImportFault) -> [Int] {
    func fault(_ reason: String) -> ImportFault {
      node.fault("\(shape) cannot become \(target.prefix(ModelLimits.rank)): \(reason)", isAboutBatch: true)
    }
    guard target.count <= ModelLimits.rank else { throw fault("too many dimensions") }
    var result: [Int] = []
    var open: Int?
    var product = 1
    for (index, extent) in target.enumerated() {
      switch extent {
      case -1:
        guard open == nil else { throw fault("two extents are left open") }
        open = index
        result.append(1)
        continue
      case 0 where !keepsZeros:
        guard index < shape.count else { throw fault("extent \(index) has nothing to be copied from") }
        result.append(shape[index])
      case 0...: result.append(extent)
      default: throw fault("an extent is negative")
      }
      let (next, overflow) = product.multipliedReportingOverflow(by: result[index])
      guard !overflow else { throw fault("too many elements") }
      product = next
    }
    let count = shape.reduce(1, *)
    if let open {
      guard product > 0, count % product == 0 else { throw fault("the numbers of elements do not fit") }
      result[open] = count / product
      product *= result[open]
    }
    guard product == count else { throw fault("the numbers of elements differ") }
    return result
  }

  /// Adds a reshape, or returns the tensor itself where nothing changes.
  mutating func reshaped(_ x: TensorID, to shape: [Int], _ node: NodeMessage) throws(ImportFault) -> TensorID
  {
    let source = self.shape(x)
    if source == shape { return x }
    let operation: Reshape
    do { operation = try Reshape(from: source, to: shape) } catch {
      throw node.fault(shortened(error.message), isAboutBatch: true)
    }
    return try add(.reshape(operation), [x], for: node)[0]
  }

  mutating func flatten(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    return [try reshaped(x, to: try flattened(shape(x), node), node)]
  }

  /// The two extents of a flattened shape.
  func flattened(_ shape: [Int], _ node: NodeMessage) throws(ImportFault) -> [Int] {
    let axis = try node.integer("axis") ?? 1
    guard axis >= -shape.count, axis <= shape.count else {
      throw node.fault("the axis \(axis) does not fit the shape \(shape)")
    }
    let place = axis < 0 ? axis + shape.count : axis
    return [shape[..<place].reduce(1, *), shape[place...].reduce(1, *)]
  }

  mutating func squeeze(_ name: OperatorName, _ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    return [try reshaped(x, to: try squeezed(shape(x), name, node), node)]
  }

  /// The shape with extents of one removed or put in.
  mutating func squeezed(
    _ shape: [Int], _ name: OperatorName, _ node: NodeMessage
  ) throws(ImportFault) -> [Int] {
    let stated = try integers(node, attribute: "axes", input: 1, since: 13)
    if name == .unsqueeze {
      guard let stated, shape.count + stated.count <= ModelLimits.rank else {
        throw node.fault("has no axes")
      }
      var result = shape
      for axis in try axes(stated, rank: shape.count + stated.count, node) { result.insert(1, at: axis) }
      return result
    }
    let places = try stated.map { stated throws(ImportFault) in try axes(stated, rank: shape.count, node) }
    let removed = places ?? shape.indices.filter { shape[$0] == 1 }
    guard removed.allSatisfy({ shape[$0] == 1 }) else {
      throw node.fault("the axes \(removed) of \(shape) are not all of extent one", isAboutBatch: true)
    }
    return shape.indices.filter { !removed.contains($0) }.map { shape[$0] }
  }

  mutating func transpose(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    return try add(.transpose(Transpose(try permutation(shape(x).count, node))), [x], for: node)
  }

  /// The permutation of a node; without one the order is reversed.
  func permutation(_ rank: Int, _ node: NodeMessage) throws(ImportFault) -> [Int] {
    let permutation = try node.integers("perm") ?? Array((0..<rank).reversed())
    guard permutation.count == rank, permutation.sorted() == Array(0..<rank) else {
      throw node.fault(
        "the permutation \(permutation.prefix(ModelLimits.rank)) does not fit \(rank) dimensions")
    }
    return permutation
  }

  mutating func concatenation(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    guard let stated = try node.integer("axis") else { throw node.fault("has no axis") }
    var inputs: [TensorID] = []
    for index in node.inputs.indices { inputs.append(try activation(node, index)) }
    guard let first = inputs.first else { throw node.fault("has no inputs") }
    let axis = try axis(stated, rank: shape(first).count, node)
    return try add(.concatenation(Concatenation(axis: axis)), inputs, for: node)
  }

  mutating func split(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    let axis = try axis(try node.integer("axis") ?? 0, rank: shape(x).count, node)
    let extent = shape(x)[axis]
    let parts = try node.integer("num_outputs") ?? node.outputs.count
    guard parts == node.outputs.count else {
      throw node.fault("num_outputs is \(parts), but there are \(node.outputs.count) outputs")
    }
    var sizes = try integers(node, attribute: "split", input: 1, since: 13) ?? []
    if sizes.isEmpty {
      // Equal parts, of which the last may be smaller from version 18 on.
      let size = (extent + parts - 1) / parts
      guard extent > size * (parts - 1), opset >= 18 || extent % parts == 0 else {
        throw node.fault("an extent of \(extent) does not split into \(parts) parts")
      }
      sizes = [Int](repeating: size, count: parts - 1) + [extent - size * (parts - 1)]
    }
    guard sizes.count == node.outputs.count else {
      throw node.fault("names \(sizes.count) parts, but has \(node.outputs.count) outputs")
    }
    return try add(.split(Split(axis: axis, sizes: sizes)), [x], for: node)
  }

  mutating func slice(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    return try add(.slice(try slice(of: shape(x), node)), [x], for: node)
  }

  /// The slice that a node takes of a shape.
  mutating func slice(of shape: [Int], _ node: NodeMessage) throws(ImportFault) -> Slice {
    guard let starts = try integers(node, attribute: "starts", input: 1, since: 10),
      let ends = try integers(node, attribute: "ends", input: 2, since: 10)
    else { throw node.fault("has no starts or no ends") }
    let stated = try integers(node, attribute: "axes", input: 3, since: 10) ?? Array(starts.indices)
    let steps = opset < 10 ? nil : try valuesInput(node, 4)?.map(FoldedArithmetic.integer)
    guard starts.count <= ModelLimits.rank, ends.count == starts.count, stated.count == starts.count,
      steps.map({ $0.count == starts.count && !$0.contains(0) }) ?? true
    else { throw node.fault("its starts, ends, axes and steps do not fit together") }
    var places: [Int] = []
    for axis in stated { places.append(try self.axis(axis, rank: shape.count, node)) }
    guard Set(places).count == places.count else { throw node.fault("names an axis twice: \(stated)") }
    return Slice(starts: starts, ends: ends, axes: places, steps: steps)
  }

  mutating func pad(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    let rank = shape(x).count
    guard let pads = try integers(node, attribute: "pads", input: 1, since: 11) else {
      throw node.fault("has no pads")
    }
    let stated = try valuesInput(node, 3)?.map(FoldedArithmetic.integer)
    var places = Array(0..<rank)
    if let stated {
      places = []
      for axis in stated { places.append(try self.axis(axis, rank: rank, node)) }
    }
    guard pads.count == 2 * places.count, Set(places).count == places.count,
      pads.allSatisfy({ (0...ModelLimits.windowExtent).contains($0) })
    else { throw node.fault("the pads \(pads.prefix(2 * ModelLimits.rank)) do not fit \(rank) dimensions") }
    var padding = [Padding](repeating: Padding(0), count: rank)
    for (index, place) in places.enumerated() {
      padding[place] = Padding(begin: pads[index], end: pads[places.count + index])
    }
    let value = opset < 11 ? try node.real("value") : try numberInput(node, 2)
    let mode: Pad.Mode
    switch try node.text("mode") ?? "constant" {
    case "constant": mode = .constant(value ?? 0)
    case "reflect": mode = .reflect
    case "edge": mode = .edge
    case let other: throw node.fault("the mode \(shortened(other)) is not supported")
    }
    if padding.allSatisfy({ $0 == Padding(0) }) { return [x] }
    return try add(.pad(Pad(padding, mode: mode)), [x], for: node)
  }

  mutating func gather(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let stated = try node.integer("axis") ?? 0
    let indices = try required(node, 1)
    guard case .tensor(let x) = try required(node, 0) else {
      let table = try weight(node, 0)
      guard stated == 0, shape(table).count == 2 else {
        throw node.fault(
          "takes from a constant of shape \(shape(table)) along \(stated); rows of a table are read")
      }
      return try add(.embedding(Embedding()), [try activation(node, 1), table], for: node)
    }
    let axis = try axis(stated, rank: shape(x).count, node)
    guard let places = try constant(indices) else {
      return try add(.gather(Gather(axis: axis)), [x, try activation(node, 1)], for: node)
    }
    if places.type.shape.isEmpty, let place = try smallValues(places)?.first.map(FoldedArithmetic.integer) {
      let extent = shape(x)[axis]
      guard place >= -extent, place < extent else {
        throw node.fault("takes element \(place) of \(extent)")
      }
      let start = place < 0 ? place + extent : place
      let slice = Slice(starts: [start], ends: [start + 1], axes: [axis])
      let part = try add(.slice(slice), [x], for: node)[0]
      var rest = shape(part)
      rest.remove(at: axis)
      return [try reshaped(part, to: rest, node)]
    }
    let known = try tensor(places, role: try constantRole(places), at: node.offset, part: "node \(node.name)")
    return try add(.gather(Gather(axis: axis)), [x, known], for: node)
  }

  mutating func cast(_ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    let type = builder.type(of: x).elementType
    guard try castType(node) == type else {
      throw node.fault(
        "converts \(type.rawValue) to \(try castType(node).rawValue), which is not supported for activations",
        hint: "export the model in one precision; a plan chooses precisions by itself")
    }
    return [x]
  }

  /// The element type that a cast gives.
  func castType(_ node: NodeMessage) throws(ImportFault) -> ElementType {
    guard let code = try node.integer("to"), let type = ElementType(onnx: code) else {
      throw node.fault("converts to an element type that is not supported")
    }
    return type
  }

  mutating func reduction(_ name: OperatorName, _ node: NodeMessage) throws(ImportFault) -> [TensorID] {
    let x = try activation(node, 0)
    let places = try reducedAxes(name, rank: shape(x).count, node)
    if places.isEmpty { return [x] }
    let function: Reduction.Function =
      name == .reduceMean ? .mean : name == .reduceSum ? .sum : .maximum
    let keeps = try node.integer("keepdims") ?? 1 != 0
    return try add(.reduction(Reduction(function, axes: places, keepsDimensions: keeps)), [x], for: node)
  }

  /// The axes that a node reduces; without any all of them, unless the node says otherwise.
  mutating func reducedAxes(
    _ name: OperatorName, rank: Int, _ node: NodeMessage
  ) throws(ImportFault) -> [Int] {
    let since = name == .reduceSum ? 13 : 18
    let stated = try integers(node, attribute: "axes", input: 1, since: since) ?? []
    if stated.isEmpty { return try node.integer("noop_with_empty_axes") ?? 0 != 0 ? [] : Array(0..<rank) }
    return try axes(stated, rank: rank, node)
  }
}
