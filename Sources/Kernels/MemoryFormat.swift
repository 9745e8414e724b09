public import Graphs

/// In which order the elements of an activation, and of its error, lie in memory.
public enum MemoryFormat: Hashable, Sendable {
  /// Row-major: samples, channels, places.
  case plain
  /// Channels in blocks of so many: samples, blocks, places, channels of a block (`nChw16c` in oneDNN's
  /// words).
  ///
  /// The channels are a multiple of the block, so that a sample takes as many bytes as in row-major order,
  /// and samples lie one behind the other.
  case channelBlocks(Int)

  /// The channels of a block; one where there are no blocks.
  public var block: Int {
    switch self {
    case .plain: 1
    case .channelBlocks(let block): block
    }
  }
}

/// What a kernel demands of the memory formats of the activations around it.
public enum MemoryFormatRule: Hashable, Sendable {
  /// Inputs and outputs have any format, each its own.
  case any
  /// All inputs and outputs have one format, whichever.
  case alike
  /// All are plain.
  case plain
}

extension Operator {
  /// Returns what the kernels of the operator demand of memory formats, on tensors of the given types.
  ///
  /// Convolutions change formats inwardly. What treats each element for itself, each channel for itself or
  /// whole blocks of channels keeps them.
  public func memoryFormatRule(inputs: [TensorType], outputs: [TensorType]) -> MemoryFormatRule {
    switch self {
    case .convolution: .any
    case .pooling, .globalPooling, .batchNormalization, .activation, .scaleByConstant, .fork: .alike
    case .elementwise(let rules):
      rules.left == .activation && rules.right == .activation && inputs[0].shape == inputs[1].shape
        ? .alike : .plain
    case .concatenation(let rules): rules.axis == 1 ? .alike : .plain
    case .split(let rules): rules.axis == 1 ? .alike : .plain
    case .dense, .matrixMultiplication, .layerNormalization, .localResponseNormalization, .softmax,
      .softmaxCrossEntropy, .dropout, .reshape, .slice, .pad, .transpose, .reduction, .gather, .embedding,
      .tabulated, .tabulatedLoss:
      .plain
    }
  }
}

extension TensorType {
  /// The elements of one channel of a sample; one where there are no places.
  public var placeCount: Int { shape.dropFirst(2).reduce(1, *) }

  /// Whether blocks of so many channels hold the tensor without a rest, and in another order than row-major.
  public func canLie(inBlocksOf block: Int) -> Bool {
    elementType.isFloatingPoint && shape.count == 4 && shape[1] % block == 0 && placeCount > 1
  }
}
