import COneDNN
import Graphs

/// A convolution with oneDNN: operands that lie otherwise are brought into the layouts that it likes best,
/// and the result back.
final class OneDNNConvolution: PreparedKernel {
  /// One of the three tensors of a convolution.
  private struct Tensor: @unchecked Sendable {
    // Unchecked: the pointer belongs to the primitive, which lives as long as the convolution.
    let role: UInt32
    /// How the tensor lies outside.
    let outer: OneDNNLayout
    let layout: OpaquePointer
    /// The change between the outer layout and the primitive's, where they differ.
    let change: OneDNNPrimitive?
    /// Where the changed tensor lies in the scratch memory.
    let offset: Int
  }

  private let library: OneDNNLibrary
  private let operation: ConvolutionShapes.Operation
  private let primitive: OneDNNPrimitive
  private let source: Tensor
  private let weights: Tensor
  private let destination: Tensor
  private let bias: OneDNNLayout?
  private let biasCount: Int
  private let biasOffset: Int
  private let primitiveOffset: Int
  let scratchSize: Int
  let packedSize: Int

  /// Prepares a convolution, or returns nil where the library cannot run it.
  init?(_ library: OneDNNLibrary, _ request: KernelRequest, _ rules: Convolution) {
    library.setThreads()
    guard let operation = ConvolutionShapes.Operation(request.step) else { return nil }
    self.operation = operation
    let shapes = ConvolutionShapes(request, rules, operation)
    var attributes: OpaquePointer?
    guard library.functions.primitive_attr_create(&attributes) == onednn_success.rawValue, let attributes
    else { return nil }
    defer { _ = library.functions.primitive_attr_destroy(attributes) }
    _ = library.functions.primitive_attr_set_scratchpad_mode(attributes, onednn_user_scratchpad.rawValue)
    let usesBias = request.inputTypes.count == 3 && operation != .error
    biasCount = usesBias ? request.inputTypes[2].elementCount : 0
    bias = usesBias ? OneDNNLayout(library, [biasCount]) : nil
    guard
      let description = shapes.description(library, bias, attributes),
      let primitive = OneDNNPrimitive(library, description: description)
    else { return nil }
    var size = 0
    func tensor(
      _ shape: [Int], _ format: MemoryFormat, _ query: onednn_constant, _ role: onednn_constant,
      isResult: Bool
    ) -> Tensor? {
      guard let outer = OneDNNLayout(library, shape, OneDNNLayout.Order(format)),
        let layout = primitive.layout(query.rawValue)
      else { return nil }
      if library.functions.memory_desc_equal(outer.pointer, layout) != 0 {
        return Tensor(role: role.rawValue, outer: outer, layout: layout, change: nil, offset: 0)
      }
      let (from, to) = isResult ? (layout, outer.pointer) : (outer.pointer, layout)
      guard let change = OneDNNPrimitive(library, from: from, to: to, attributes) else { return nil }
      let offset = size
      size += aligned(library.functions.memory_desc_get_size(layout))
      return Tensor(role: role.rawValue, outer: outer, layout: layout, change: change, offset: offset)
    }
    let isForward = operation == .forward
    let (before, after) = (request.inputMemoryFormat, request.outputMemoryFormat)
    guard
      let weights = operation == .weightGradient
        ? tensor(
          shapes.weights, .plain, onednn_query_weight_gradient, onednn_argument_weight_gradient,
          isResult: true)
        : tensor(shapes.weights, .plain, onednn_query_weights, onednn_argument_weights, isResult: false),
      let source = operation == .error
        ? tensor(
          shapes.source, before, onednn_query_source_error, onednn_argument_source_error, isResult: true)
        : tensor(shapes.source, before, onednn_query_source, onednn_argument_source, isResult: false),
      let destination = isForward
        ? tensor(
          shapes.destination, after, onednn_query_destination, onednn_argument_destination, isResult: true)
        : tensor(
          shapes.destination, after, onednn_query_destination_error, onednn_argument_destination_error,
          isResult: false)
    else { return nil }
    // A change that wants scratch memory itself is made in every run.
    packedSize =
      weights.change.map { $0.scratchSize > 0 } ?? true || operation == .weightGradient
      ? 0 : library.functions.memory_desc_get_size(weights.layout)
    (self.weights, self.source, self.destination) = (weights, source, destination)
    biasOffset = size
    size += aligned(biasCount * MemoryLayout<Float>.stride)
    primitiveOffset = size
    let changes = [source, weights, destination].compactMap(\.change).map(\.scratchSize)
    scratchSize = size + aligned(max(primitive.scratchSize, changes.max() ?? 0))
    self.library = library
    self.primitive = primitive
  }

  func packParameters(_ operands: KernelOperands, into packed: UnsafeMutableRawPointer) {
    library.setThreads()
    guard let change = weights.change, packedSize > 0 else { return }
    change.execute(
      [
        OneDNNOperand(
          role: onednn_argument_source.rawValue, layout: weights.outer.pointer, start: operands.rawInput(1)),
        OneDNNOperand(role: onednn_argument_destination.rawValue, layout: weights.layout, start: packed),
      ], scratch: nil)
  }

  func run(_ operands: KernelOperands, _ moment: KernelMoment, scratch: UnsafeMutableRawPointer?) {
    library.setThreads()
    let ownScratch = scratch.map { $0 + primitiveOffset }
    switch operation {
    case .forward:
      var list = [
        given(source, operands.rawInput(0), scratch), givenWeights(operands, scratch),
        place(destination, operands.rawOutput(0), scratch),
      ]
      if let bias { list.append(biasOperand(bias, operands, scratch)) }
      primitive.execute(list, scratch: ownScratch)
      takeBack(destination, operands.rawOutput(0), scratch)
    case .error:
      guard let result = operands.results[0] else { return }
      let list = [
        given(destination, operands.rawOutputError(0), scratch), givenWeights(operands, scratch),
        place(source, result, scratch),
      ]
      primitive.execute(list, scratch: ownScratch)
      takeBack(source, result, scratch)
    case .weightGradient:
      guard let result = operands.results[0] else { return }
      var list = [
        given(source, operands.rawInput(0), scratch),
        given(destination, operands.rawOutputError(0), scratch), place(weights, result, scratch),
      ]
      if let bias {
        let given = operands.results.count > 1 ? operands.results[1] : nil
        list.append(
          OneDNNOperand(
            role: onednn_argument_bias_gradient.rawValue, layout: bias.pointer,
            start: given ?? require(scratch) + biasOffset))
      }
      primitive.execute(list, scratch: ownScratch)
      takeBack(weights, result, scratch)
    }
  }

  /// A bias that another device adds is zero here.
  private func biasOperand(
    _ bias: OneDNNLayout, _ operands: KernelOperands, _ scratch: UnsafeMutableRawPointer?
  ) -> OneDNNOperand {
    let given = operands.inputs.count > 2 ? operands.inputs[2] : nil
    let start = given ?? require(scratch) + biasOffset
    if given == nil { start.initializeMemory(as: Float.self, repeating: 0, count: biasCount) }
    return OneDNNOperand(role: onednn_argument_bias.rawValue, layout: bias.pointer, start: start)
  }

  private func givenWeights(_ operands: KernelOperands, _ scratch: UnsafeMutableRawPointer?) -> OneDNNOperand
  {
    if packedSize > 0, let packed = operands.packedParameters {
      return OneDNNOperand(role: weights.role, layout: weights.layout, start: packed)
    }
    return given(weights, operands.rawInput(1), scratch)
  }

  /// A tensor that is read, in the layout of the primitive.
  private func given(
    _ tensor: Tensor, _ start: UnsafeMutableRawPointer, _ scratch: UnsafeMutableRawPointer?
  ) -> OneDNNOperand {
    guard let change = tensor.change else {
      return OneDNNOperand(role: tensor.role, layout: tensor.layout, start: start)
    }
    let changed = require(scratch) + tensor.offset
    change.execute(
      [
        OneDNNOperand(role: onednn_argument_source.rawValue, layout: tensor.outer.pointer, start: start),
        OneDNNOperand(role: onednn_argument_destination.rawValue, layout: tensor.layout, start: changed),
      ], scratch: require(scratch) + primitiveOffset)
    return OneDNNOperand(role: tensor.role, layout: tensor.layout, start: changed)
  }

  /// A tensor that is written, in the layout of the primitive.
  private func place(
    _ tensor: Tensor, _ start: UnsafeMutableRawPointer, _ scratch: UnsafeMutableRawPointer?
  ) -> OneDNNOperand {
    OneDNNOperand(
      role: tensor.role, layout: tensor.layout,
      start: tensor.change == nil ? start : require(scratch) + tensor.offset)
  }

  /// Brings a written tensor back into its outer layout.
  private func takeBack(
    _ tensor: Tensor, _ start: UnsafeMutableRawPointer, _ scratch: UnsafeMutableRawPointer?
  ) {
    guard let change = tensor.change else { return }
    change.execute(
      [
        OneDNNOperand(
          role: onednn_argument_source.rawValue, layout: tensor.layout,
          start: require(scratch) + tensor.offset),
        OneDNNOperand(role: onednn_argument_destination.rawValue, layout: tensor.outer.pointer, start: start),
      ], scratch: require(scratch) + primitiveOffset)
  }
}

/// The bytes rounded up to lines of 64.
func aligned(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }

private func require(_ scratch: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer {
  guard let scratch else { preconditionFailure("the kernel is given no scratch memory") }
  return scratch
}
