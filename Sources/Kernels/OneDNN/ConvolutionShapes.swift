import COneDNN
import Graphs

/// The shapes and steps of one operation of a convolution as oneDNN wants them, and the choice among the
/// implementations that it has for them.
struct ConvolutionShapes {
  enum Operation: CaseIterable {
    case forward, error, weightGradient

    /// What a step of a request does; nil for sums over the batch.
    init?(_ step: KernelRequest.Step) {
      switch step {
      case .forward: self = .forward
      case .backward(let gradient): self = gradient.phase == .error ? .error : .weightGradient
      case .forwardStatistics, .backwardStatistics: return nil
      }
    }
  }

  let source: [Int]
  let weights: [Int]
  let destination: [Int]
  private let operation: Operation
  private let strides: [Int64]
  private let dilations: [Int64]
  private let begins: [Int64]
  private let ends: [Int64]
  /// Whether what is read or written lies in blocks already.
  private let meetsBlocks: Bool

  init(_ request: KernelRequest, _ rules: Convolution, _ operation: Operation) {
    self.init(
      source: request.inputTypes[0].shape, weights: request.inputTypes[1].shape,
      destination: request.outputTypes[0].shape, rules, operation,
      meetsBlocks: request.inputMemoryFormat != .plain || request.outputMemoryFormat != .plain)
  }

  init(
    source: [Int], weights own: [Int], destination: [Int], _ rules: Convolution, _ operation: Operation,
    meetsBlocks: Bool = false
  ) {
    self.operation = operation
    self.meetsBlocks = meetsBlocks
    self.source = source
    self.destination = destination
    // A part of the groups keeps the channels of a group, so the groups present follow from the shapes.
    let groups = max(1, source[1] / own[1])
    weights = groups == 1 ? own : [groups, own[0] / groups] + own[1...]
    strides = rules.strides.map { Int64($0) }
    dilations = rules.dilations.map { Int64($0 - 1) }
    begins = rules.padding.map { Int64($0.begin) }
    ends = rules.padding.map { Int64($0.end) }
  }

  /// Returns the implementation that is chosen, or nil where oneDNN has none.
  ///
  /// oneDNN's own choice holds channels in blocks of a whole vector, and multiplies the zeros that fill the
  /// last block. Channels that lie side by side are not filled up: a kernel masks what its vectors have too
  /// many, and walks over the summed channels one by one. So where blocks would make the summed channels a
  /// tenth more, channels are put last; but not for windows of one place, whose arithmetic costs less than to
  /// change the format of a tensor that lies in blocks. The rule knows shapes and formats alone: it chooses
  /// the same on every rank, and for any number of samples.
  func description(
    _ library: OneDNNLibrary, _ bias: OneDNNLayout?, _ attributes: OpaquePointer
  ) -> OpaquePointer? {
    guard let own = chosen(library, .free, bias, attributes) else { return nil }
    let isPointwise = weights.suffix(source.count - 2).allSatisfy { $0 == 1 }
    guard !(isPointwise && meetsBlocks), fillsSummedChannels(library, own.description),
      let other = chosen(library, .channelsLast, bias, attributes)
    else { return own.description }
    let (kept, dropped) = other.isGenerated ? (other, own) : (own, other)
    _ = library.functions.primitive_desc_destroy(dropped.description)
    return kept.description
  }

  /// The first implementation whose code is generated for the shape, or else oneDNN's first one.
  private func chosen(
    _ library: OneDNNLibrary, _ order: OneDNNLayout.Order, _ bias: OneDNNLayout?,
    _ attributes: OpaquePointer
  ) -> (description: OpaquePointer, isGenerated: Bool)? {
    let functions = library.functions
    var forward: OpaquePointer?
    // The list of a backward operation asks the description of the forward one while it is walked through.
    defer { if operation != .forward, let forward { _ = functions.primitive_desc_destroy(forward) } }
    guard let first = created(library, order, bias, attributes, &forward) else { return nil }
    if library.advanceToGenerated(first) { return (first, true) }
    _ = functions.primitive_desc_destroy(first)
    if operation != .forward, let forward { _ = functions.primitive_desc_destroy(forward) }
    forward = nil
    return created(library, order, bias, attributes, &forward).map { ($0, false) }
  }

  /// Whether an implementation makes the channels that are summed up a tenth more than there are.
  private func fillsSummedChannels(_ library: OneDNNLibrary, _ description: OpaquePointer) -> Bool {
    guard weights.count == source.count else { return false }
    let (query, shape) =
      operation == .error ? (onednn_query_destination_error, destination) : (onednn_query_source, source)
    guard let layout = library.functions.primitive_desc_query_md(description, query.rawValue, 0)
    else { return false }
    let plain = product(shape) * MemoryLayout<Float>.stride
    return 10 * library.functions.memory_desc_get_size(layout) >= 11 * plain
  }

  /// The first implementation in oneDNN's order; a backward operation has that of the forward one beside it.
  private func created(
    _ library: OneDNNLibrary, _ order: OneDNNLayout.Order, _ bias: OneDNNLayout?,
    _ attributes: OpaquePointer, _ forward: inout OpaquePointer?
  ) -> OpaquePointer? {
    guard
      let source = OneDNNLayout(library, source, order),
      let weights = OneDNNLayout(library, weights, .free),
      let destination = OneDNNLayout(library, destination, order)
    else { return nil }
    let functions = library.functions
    let isForward = operation == .forward
    let status = functions.convolution_forward_primitive_desc_create(
      &forward, library.engine, onednn_forward_training.rawValue, onednn_direct_convolution.rawValue,
      source.pointer, weights.pointer, isForward ? bias?.pointer : nil, destination.pointer, strides,
      dilations, begins, ends, attributes)
    guard status == onednn_success.rawValue, let forward else { return nil }
    if isForward { return forward }
    var backward: OpaquePointer?
    let second =
      operation == .error
      ? functions.convolution_backward_data_primitive_desc_create(
        &backward, library.engine, onednn_direct_convolution.rawValue, source.pointer, weights.pointer,
        destination.pointer, strides, dilations, begins, ends, forward, attributes)
      : functions.convolution_backward_weights_primitive_desc_create(
        &backward, library.engine, onednn_direct_convolution.rawValue, source.pointer, weights.pointer,
        bias?.pointer, destination.pointer, strides, dilations, begins, ends, forward, attributes)
    return second == onednn_success.rawValue ? backward : nil
  }
}

extension OneDNNLibrary {
  /// The channels of the blocks in which a common convolution wants what it reads and writes, in all of its
  /// operations; nil where one of them wants something else.
  var channelBlock: Int? {
    let shape = [1, 64, 14, 14]
    return [16, 8].first { block in
      ConvolutionShapes.Operation.allCases.allSatisfy { operation in
        let shapes = ConvolutionShapes(
          source: shape, weights: [64, 64, 3, 3], destination: shape, Convolution(padding: 1), operation)
        return wantsBlocks(of: block, shapes, operation) == (true, true)
      }
    }
  }

  /// Whether the chosen implementation holds its input, and its output, in blocks of so many channels.
  func wantsBlocks(
    of block: Int, _ request: KernelRequest, _ rules: Convolution
  ) -> (input: Bool, output: Bool) {
    guard let operation = ConvolutionShapes.Operation(request.step) else { return (false, false) }
    return wantsBlocks(of: block, ConvolutionShapes(request, rules, operation), operation)
  }

  private func wantsBlocks(
    of block: Int, _ shapes: ConvolutionShapes, _ operation: ConvolutionShapes.Operation
  ) -> (input: Bool, output: Bool) {
    var attributes: OpaquePointer?
    guard shapes.source.count == 4,
      functions.primitive_attr_create(&attributes) == onednn_success.rawValue, let attributes
    else { return (false, false) }
    defer { _ = functions.primitive_attr_destroy(attributes) }
    guard let description = shapes.description(self, nil, attributes) else { return (false, false) }
    defer { _ = functions.primitive_desc_destroy(description) }
    func isBlocked(_ shape: [Int], _ query: onednn_constant) -> Bool {
      guard shape[1] % block == 0, let blocks = OneDNNLayout(self, shape, .channelBlocks(block)),
        let layout = functions.primitive_desc_query_md(description, query.rawValue, 0)
      else { return false }
      return functions.memory_desc_equal(blocks.pointer, layout) != 0
    }
    return (
      isBlocked(
        shapes.source, operation == .error ? onednn_query_source_error : onednn_query_source),
      isBlocked(
        shapes.destination,
        operation == .forward ? onednn_query_destination : onednn_query_destination_error)
    )
  }

  /// Moves on to the first implementation whose code is generated for the shape; false where there is none.
  ///
  /// Those that are made of small products of matrices (`brgconv`) want channels last without need, which
  /// costs more in changes of layout than they gain.
  fileprivate func advanceToGenerated(_ description: OpaquePointer) -> Bool {
    repeat {
      var name: UnsafePointer<CChar>?
      let status = functions.primitive_desc_query(
        description, onednn_query_implementation.rawValue, 0, &name)
      if status == onednn_success.rawValue, let name, String(cString: name).hasPrefix("jit") { return true }
    } while functions.primitive_desc_next_impl(description) == onednn_success.rawValue
    return false
  }
}
