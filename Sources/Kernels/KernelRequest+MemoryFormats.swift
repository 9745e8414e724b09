import Graphs

extension KernelRequest {
  /// How many channels lie side by side at every place of an operator with one input and one output in one
  /// format: one in row-major order.
  ///
  /// Where all planes have one place, blocked and row-major order are the same bytes.
  var channelBlock: Int {
    max(
      inputMemoryFormat.effective(on: inputTypes[0]).block,
      outputMemoryFormat.effective(on: outputTypes[0]).block)
  }

  /// Checks that the memory formats are ones that kernels with such demands compute with.
  ///
  /// To ask for others is a fault of the caller, not of the user.
  func checkMemoryFormats(_ rule: MemoryFormatRule) {
    precondition(
      hasMemoryFormats(rule),
      "no kernel of \(`operator`.kind), \(step), takes \(inputTypes) in \(inputMemoryFormat) to "
        + "\(outputTypes) in \(outputMemoryFormat)")
  }

  /// Whether the memory formats are as a rule demands.
  func hasMemoryFormats(_ rule: MemoryFormatRule) -> Bool {
    let formats =
      formats(inputMemoryFormat, of: inputTypes[..<activationCount])
      + formats(outputMemoryFormat, of: outputTypes[...])
    return switch rule {
    case .any: true
    case .alike: formats.allSatisfy { $0 == formats[0] }
    case .plain: formats.allSatisfy { $0 == .plain }
    }
  }

  /// The inputs that are activations: the first of an operator with parameters, all of others.
  private var activationCount: Int {
    switch `operator` {
    case .convolution, .batchNormalization: min(1, inputTypes.count)
    default: inputTypes.count
    }
  }

  /// The formats in which tensors lie whose elements are not in the same order in all of them.
  private func formats(_ format: MemoryFormat, of types: ArraySlice<TensorType>) -> [MemoryFormat] {
    types.filter { !MemoryFormat.isOneForAll($0) }.map { format.effective(on: $0) }
  }
}

extension MemoryFormat {
  /// Whether the elements of a tensor are in the same order in all formats: its planes have one place.
  fileprivate static func isOneForAll(_ type: TensorType) -> Bool { product(type.shape.dropFirst(2)) == 1 }

  /// Returns the format as far as it decides the order of a tensor's elements.
  fileprivate func effective(on type: TensorType) -> MemoryFormat {
    if self == .plain || Self.isOneForAll(type) { return .plain }
    precondition(
      type.shape.count == 4 && type.shape[1] % block == 0, "\(type) has no blocks of \(block) channels")
    return self
  }
}
