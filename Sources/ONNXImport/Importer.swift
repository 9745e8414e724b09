internal import Diagnostics
internal import Graphs

/// Turns the nodes of an ONNX graph into a ``Graph``, folding constants and inferring shapes on the way.
struct Importer {
  /// What a name of the ONNX graph stands for.
  enum Value {
    /// A tensor that is computed for each sample, or enters with it.
    case tensor(TensorID)
    /// An initializer that nobody has read yet: its message.
    case stored(Range<Int>)
    /// A constant or weight: its index in ``statics``.
    case constant(Int)
  }

  /// Tells weights apart that are used in several shapes or roles.
  struct StaticKey: Hashable {
    let name: String
    let type: TensorType
    let permutation: [Int]
  }

  let bytes: UnsafeRawBufferPointer
  let folder: String?
  let model: ModelMessage
  let survey: Survey
  let binding: BatchBinding
  var builder: GraphBuilder
  var values: [String: Value] = [:]
  var statics: [StaticTensor] = []
  var staticTensors: [StaticKey: TensorID] = [:]
  /// For each static tensor of the graph where its values come from.
  var sources: [TensorID: StaticTensor] = [:]
  /// The shapes of this pass, if another pass will follow.
  var shapes: [String: [Int]] = [:]
  /// The targets of reshapes in this pass, by the reshape's result, if another pass will follow.
  var reshapeTargets: [String: [Int]] = [:]
  /// How many batch normalisations are scaled and shifted again by the nodes behind them.
  var rescaledNormalizations = 0
  private var suffixes: [String: Int] = [:]
  private var foldedElements = 0
  private var keptElements = 0
  private var totalBytes = 0
  private var totalSteps = 0

  init(
    bytes: UnsafeRawBufferPointer, folder: String?, model: ModelMessage, survey: Survey,
    binding: BatchBinding,
    name: String
  ) {
    self.bytes = bytes
    self.folder = folder
    self.model = model
    self.survey = survey
    self.binding = binding
    builder = GraphBuilder(name: model.graph.name.isEmpty ? name : model.graph.name)
  }

  /// The version of the default operator set.
  var opset: Int { model.opset }

  /// Reads the whole graph.
  mutating func run() throws(ImportFault) -> Graph {
    try registerInitializers()
    try registerInputs()
    for range in model.graph.nodes {
      let node = try NodeMessage(bytes, range)
      try convert(node)
    }
    var outputs: [TensorID] = []
    for output in model.graph.outputs {
      let id = try tensor(named: output.name, at: output.offset, part: "output \(output.name)")
      if !outputs.contains(id) { outputs.append(id) }
    }
    guard !outputs.isEmpty else {
      throw ImportFault("the graph has no output", at: 0, hint: "export the model again with its outputs")
    }
    return builder.build(outputs: outputs)
  }

  private mutating func registerInitializers() throws(ImportFault) {
    for range in model.graph.initializers {
      let tensor = try TensorMessage(bytes, range)
      if case .external(let location) = tensor.storage, let folder {
        try location.check(in: folder, at: range.lowerBound, part: "tensor \(tensor.name)")
      }
      try define(tensor.name, .stored(range), at: range.lowerBound)
    }
  }

  private mutating func registerInputs() throws(ImportFault) {
    for input in model.graph.inputs {
      // Before IR version 4 every initializer is listed as an input, too.
      if case .stored = values[input.name] { continue }
      let part = "input \(input.name)"
      guard let elementType = input.elementType, let dimensions = input.dimensions else {
        throw ImportFault(
          "an input has no element type or no shape that is supported", at: input.offset, part: part,
          hint: "run onnx.shape_inference, or export with typed inputs")
      }
      guard !dimensions.isEmpty else {
        throw ImportFault(
          "an input is a scalar, so it has no batch dimension", at: input.offset, part: part,
          hint: "make it an initializer")
      }
      let shape = try binding.shape(of: input, dimensions)
      try checkedElementCount(shape, elementType, at: input.offset, part: part)
      let id = builder.sample(unique(input.name), TensorType(elementType, shape))
      try account(id, at: input.offset, part: part)
      try define(input.name, .tensor(id), at: input.offset)
    }
  }

  // MARK: Names

  /// Gives a name its value; each name has one.
  mutating func define(_ name: String, _ value: Value, at offset: Int) throws(ImportFault) {
    guard values.updateValue(value, forKey: name) == nil else {
      throw ImportFault(
        "the name \(shortened(name)) is defined twice", at: offset, part: "tensor \(name)", hint: damagedHint)
    }
    if case .tensor(let id) = value {
      try binding.check(builder.type(of: id).shape, of: name, at: offset)
      if binding.isFirstOfTwo { shapes[name] = builder.type(of: id).shape }
    }
  }

  /// Returns the value of a name that must be defined by now.
  func value(named name: String, at offset: Int, part: String) throws(ImportFault) -> Value {
    guard let value = values[name] else {
      throw ImportFault("reads \(shortened(name)) too early", at: offset, part: part)
    }
    return value
  }

  /// Returns a unique name for the graph; that of the file where it is free.
  mutating func unique(_ name: String) -> String {
    let count = suffixes[name, default: 0] + 1
    suffixes[name] = count
    return count == 1 ? name : "\(name).\(count)"
  }

  // MARK: Constants

  /// Returns the constant that a value is, nil where it is an activation.
  mutating func constant(_ value: Value) throws(ImportFault) -> StaticTensor? {
    switch value {
    case .tensor: return nil
    case .constant(let index): return statics[index]
    case .stored(let range):
      let message = try TensorMessage(bytes, range)
      return StaticTensor(name: message.name, type: message.type, source: .stored(range), isStored: true)
    }
  }

  /// Returns the values of a small constant, nil where it is too large to be decoded.
  mutating func smallValues(_ constant: StaticTensor) throws(ImportFault) -> [Double]? {
    let count = constant.type.elementCount
    guard count <= ModelLimits.foldedElements else { return nil }
    try spend(count)
    return try constant.source.decoded(count, from: bytes, folder: folder)
  }

  /// Counts elements that are computed while reading, so that no file can ask for endless work.
  mutating func spend(_ elements: Int) throws(ImportFault) {
    foldedElements += elements + 1
    guard foldedElements <= ModelLimits.foldedElementsInTotal else {
      throw ImportFault(
        "computing constants takes more than \(ModelLimits.foldedElementsInTotal) elements",
        hint: "fold the constants before, for example with onnxsim")
    }
  }

  /// Keeps a constant and returns it as a value.
  mutating func keep(_ constant: StaticTensor) throws(ImportFault) -> Value {
    if case .values(let values) = constant.source {
      keptElements += values.count
      guard keptElements <= ModelLimits.keptElements else {
        throw ImportFault(
          "the constants computed while reading have more than \(ModelLimits.keptElements) elements",
          part: "tensor \(constant.name)", hint: "fold the constants before, for example with onnxsim")
      }
    }
    statics.append(constant)
    return .constant(statics.count - 1)
  }

  /// The stored tensors of which several parameters were made, in the order of their names.
  var weightsInSeveralForms: [String] {
    var counts: [String: Int] = [:]
    for (key, id) in staticTensors where builder.tensors[id.index].role == .parameter {
      counts[key.name, default: 0] += 1
    }
    return counts.filter { $0.value > 1 }.keys.sorted()
  }

  // MARK: The graph

  /// Returns the tensor of a static value in a role, the same each time.
  mutating func tensor(
    _ constant: StaticTensor, role: TensorRole, at offset: Int, part: String
  ) throws(ImportFault) -> TensorID {
    guard constant.type.elementCount > 0 else {
      throw ImportFault(
        "\(shortened(constant.name)) is empty: its shape is \(constant.type.shape)", at: offset, part: part)
    }
    var permutation: [Int] = []
    if case .transposed(_, _, let order) = constant.source { permutation = order }
    let key = StaticKey(name: constant.name, type: constant.type, permutation: permutation)
    if let known = staticTensors[key] { return known }
    let id = builder.parameter(unique(constant.name), constant.type, role: role)
    try account(id, at: offset, part: part)
    staticTensors[key] = id
    sources[id] = constant
    return id
  }

  /// Returns the tensor of a name; a constant becomes a tensor whose values are known.
  mutating func tensor(named name: String, at offset: Int, part: String) throws(ImportFault) -> TensorID {
    let value = try value(named: name, at: offset, part: part)
    if case .tensor(let id) = value { return id }
    guard let constant = try constant(value) else {
      preconditionFailure("\(name) is neither a tensor nor a constant")
    }
    return try tensor(constant, role: constantRole(constant), at: offset, part: part)
  }

  /// The role of a constant that is not trained, with its values where they are few.
  mutating func constantRole(_ constant: StaticTensor) throws(ImportFault) -> TensorRole {
    let isFew = constant.type.elementCount <= 1024
    return .constant(values: isFew ? try smallValues(constant) : nil)
  }

  /// Adds a node of the graph and returns its outputs.
  mutating func add(
    _ operation: Operator, _ inputs: [TensorID], for node: NodeMessage
  ) throws(ImportFault) -> [TensorID] {
    do {
      let outputs = try builder.add(operation, inputs, name: unique(node.name))
      let types = outputs.map { builder.type(of: $0) }
      for output in outputs { try account(output, at: node.offset, part: "node \(node.name)") }
      let space = operation.rules.iterationSpace(inputs: inputs.map { builder.type(of: $0) }, outputs: types)
      try accountSteps(space, node)
      return outputs
    } catch let error as ShapeError {
      throw node.fault(shortened(error.message), isAboutBatch: true)
    } catch let fault as ImportFault {
      throw fault
    } catch {
      preconditionFailure("an unexpected error: \(error)")
    }
  }

  private mutating func accountSteps(_ space: IterationSpace, _ node: NodeMessage) throws(ImportFault) {
    var steps = 1
    for axis in space.axes {
      let (product, overflow) = steps.multipliedReportingOverflow(by: max(1, axis.extent))
      steps = overflow ? Int.max : product
    }
    let (sum, overflow) = totalSteps.addingReportingOverflow(steps)
    guard !overflow, sum <= ModelLimits.steps else {
      throw node.fault("the work of the model exceeds 2^58 steps", hint: "check the batch and the dimensions")
    }
    totalSteps = sum
  }

  /// Counts the bytes of a tensor, so that no sum over the graph overflows.
  private mutating func account(_ id: TensorID, at offset: Int, part: String) throws(ImportFault) {
    let type = builder.type(of: id)
    let count = try checkedElementCount(type.shape, type.elementType, at: offset, part: part)
    guard count > 0 else {
      throw ImportFault("a tensor of shape \(type.shape) is empty", at: offset, part: part)
    }
    totalBytes += count * type.elementType.byteCount
    guard totalBytes <= ModelLimits.graphBytes else {
      throw ImportFault(
        "the tensors of the model exceed 2^56 bytes", at: offset, part: part,
        hint: "check the batch and the dimensions")
    }
  }
}
