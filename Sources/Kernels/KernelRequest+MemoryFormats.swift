import Graphs

extension KernelRequest {
  /// Returns the request on activations that lie as they would between convolutions: in blocks where the
  /// kernels can and, of a convolution, want to have them so.
  public func carried(by library: any KernelLibrary) -> KernelRequest {
    guard let block = library.channelBlock, scalar == .float32 else { return self }
    var (input, output) = (false, false)
    switch `operator`.memoryFormatRule(inputs: inputTypes, outputs: outputTypes) {
    case .plain: return self
    case .any: (input, output) = library.wantsChannelBlocks(self)
    case .alike: (input, output) = (true, true)
    }
    func format(_ isWanted: Bool, _ types: [TensorType]) -> MemoryFormat {
      isWanted && types.contains { $0.canLie(inBlocksOf: block) } ? .channelBlocks(block) : .plain
    }
    return KernelRequest(
      `operator`, step, inputTypes: inputTypes, outputTypes: outputTypes, scalar: scalar,
      lossCount: lossCount, statisticsCount: statisticsCount,
      inputMemoryFormat: format(input, Array(inputTypes.prefix(1))),
      outputMemoryFormat: format(output, outputTypes))
  }

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
  fileprivate static func isOneForAll(_ type: TensorType) -> Bool { type.placeCount == 1 }

  /// Returns the format as far as it decides the order of a tensor's elements.
  fileprivate func effective(on type: TensorType) -> MemoryFormat {
    if self == .plain || Self.isOneForAll(type) { return .plain }
    precondition(
      type.shape.count == 4 && type.shape[1] % block == 0, "\(type) has no blocks of \(block) channels")
    return self
  }
}
