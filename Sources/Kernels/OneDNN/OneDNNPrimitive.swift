import COneDNN

/// How a tensor lies in memory, as oneDNN describes it.
final class OneDNNLayout: @unchecked Sendable {
  // Unchecked: written once.
  private let library: OneDNNLibrary
  let pointer: OpaquePointer

  /// In which order the elements lie.
  enum Order: Equatable {
    /// Row-major: samples, channels, places.
    case plain
    /// Samples, places, channels.
    case channelsLast
    /// Samples, blocks of so many channels, rows, columns, channels of a block.
    case channelBlocks(Int)
    /// As a primitive likes it best.
    case free

    init(_ format: MemoryFormat) {
      switch format {
      case .plain: self = .plain
      case .channelBlocks(let block): self = .channelBlocks(block)
      }
    }

    /// The library's name of the order; nil where strides say it.
    fileprivate func tag(rank: Int) -> onednn_constant? {
      switch self {
      case .plain, .channelsLast: nil
      case .channelBlocks(16) where rank == 4: onednn_blocks_of_16
      case .channelBlocks(8) where rank == 4: onednn_blocks_of_8
      case .channelBlocks(let block): preconditionFailure("no blocks of \(block) channels at rank \(rank)")
      case .free: onednn_any_format
      }
    }
  }

  /// Creates the layout of a shape.
  init?(_ library: OneDNNLibrary, _ shape: [Int], _ order: Order = .plain) {
    guard (1...Int(onednn_maximum_rank.rawValue)).contains(shape.count) else { return nil }
    let extents = shape.map { Int64($0) }
    var pointer: OpaquePointer?
    let status: UInt32
    if let tag = order.tag(rank: shape.count) {
      status = library.functions.memory_desc_create_with_tag(
        &pointer, Int32(shape.count), extents, onednn_float32.rawValue, tag.rawValue)
    } else {
      var strides = rowMajorStrides(shape)
      if order == .channelsLast, shape.count > 2 {
        strides = rowMajorStrides([shape[0]] + shape[2...] + [shape[1]])
        strides.insert(strides.removeLast(), at: 1)
      }
      status = library.functions.memory_desc_create_with_strides(
        &pointer, Int32(shape.count), extents, onednn_float32.rawValue, strides.map { Int64($0) })
    }
    guard status == onednn_success.rawValue, let pointer else { return nil }
    self.library = library
    self.pointer = pointer
  }

  deinit { _ = library.functions.memory_desc_destroy(pointer) }
}

/// An operand of an execution: its role, its layout and where it lies.
struct OneDNNOperand {
  let role: UInt32
  let layout: OpaquePointer
  let start: UnsafeMutableRawPointer
}

/// An operation of oneDNN that is ready to run.
final class OneDNNPrimitive: @unchecked Sendable {
  // Unchecked: written once; the library lets several threads execute one primitive whose scratch memory they
  // bring.
  private let library: OneDNNLibrary
  private let description: OpaquePointer
  private let primitive: OpaquePointer

  /// Takes over a description, or returns nil where the library cannot run it.
  init?(_ library: OneDNNLibrary, description: OpaquePointer) {
    var primitive: OpaquePointer?
    guard
      library.functions.primitive_create(&primitive, description) == onednn_success.rawValue, let primitive
    else {
      _ = library.functions.primitive_desc_destroy(description)
      return nil
    }
    self.library = library
    self.description = description
    self.primitive = primitive
  }

  /// Creates the change from one layout to another.
  convenience init?(
    _ library: OneDNNLibrary, from source: OpaquePointer, to target: OpaquePointer,
    _ attributes: OpaquePointer
  ) {
    var description: OpaquePointer?
    let status = library.functions.reorder_primitive_desc_create(
      &description, source, library.engine, target, library.engine, attributes)
    guard status == onednn_success.rawValue, let description else { return nil }
    self.init(library, description: description)
  }

  deinit {
    _ = library.functions.primitive_destroy(primitive)
    _ = library.functions.primitive_desc_destroy(description)
  }

  /// The layout that the primitive wants for what a query names; it lives as long as the primitive.
  func layout(_ query: UInt32) -> OpaquePointer? {
    library.functions.primitive_desc_query_md(description, query, 0)
  }

  /// The bytes of scratch memory that an execution wants.
  var scratchSize: Int {
    layout(onednn_query_scratchpad.rawValue).map { library.functions.memory_desc_get_size($0) } ?? 0
  }

  /// Runs the operation.
  func execute(_ operands: [OneDNNOperand], scratch: UnsafeMutableRawPointer?) {
    let functions = library.functions
    var arguments = operands.map { operand in
      onednn_argument(
        index: Int32(operand.role), memory: memory(operand.layout, operand.start))
    }
    if let scratch, let layout = layout(onednn_query_scratchpad.rawValue), scratchSize > 0 {
      arguments.append(
        onednn_argument(index: Int32(onednn_argument_scratchpad.rawValue), memory: memory(layout, scratch)))
    }
    var stream: OpaquePointer?
    _ = functions.stream_create(&stream, library.engine, onednn_stream_default.rawValue)
    guard let stream else { preconditionFailure("oneDNN makes no stream") }
    let status = functions.primitive_execute(primitive, stream, Int32(arguments.count), arguments)
    precondition(status == onednn_success.rawValue, "oneDNN ends with \(status)")
    _ = functions.stream_destroy(stream)
    for argument in arguments { _ = functions.memory_destroy(argument.memory) }
  }

  private func memory(_ layout: OpaquePointer, _ start: UnsafeMutableRawPointer) -> OpaquePointer {
    var memory: OpaquePointer?
    let status = library.functions.memory_create(&memory, layout, library.engine, start)
    guard let memory else { preconditionFailure("oneDNN makes no memory: \(status)") }
    return memory
  }
}
