public import Graphs

/// How the elements of an operand lie in memory.
public enum OperandFormat: Hashable, Sendable {
  /// The numbers that the kernel computes with.
  case scalar(KernelScalarType)
  /// Labels, indices and other whole numbers.
  case int64
  /// Places of the elements that a max pooling chose.
  case int32
  /// Masks.
  case uint8

  /// The bytes of one element.
  public var size: Int {
    switch self {
    case .scalar(let scalar): scalar.size
    case .int64: 8
    case .int32: 4
    case .uint8: 1
    }
  }
}

extension KernelRequest {
  /// Returns how an input of the node lies in memory: labels, indices and all whole numbers as int64.
  public func inputFormat(_ index: Int) -> OperandFormat {
    let isSelection: Bool
    switch `operator` {
    case .gather, .softmaxCrossEntropy: isSelection = index == 1
    case .embedding: isSelection = index == 0
    default: isSelection = false
    }
    return isSelection ? .int64 : format(of: inputTypes[index])
  }

  /// Returns how an output of the node, and its error, lie in memory.
  public func outputFormat(_ index: Int) -> OperandFormat { format(of: outputTypes[index]) }

  /// What the forward phase leaves for the backward phase, as it is present.
  public var auxiliaryTypes: [TensorType] {
    `operator`.rules.gradient(inputs: inputTypes, outputs: outputTypes).auxiliaries
  }

  /// Returns how a tensor that the forward phase leaves for the backward phase lies in memory.
  public func auxiliaryFormat(_ index: Int) -> OperandFormat {
    switch auxiliaryTypes[index].elementType {
    case .uint8: .uint8
    case .int32: .int32
    default: .scalar(scalar)
    }
  }

  /// The numbers of the sums of a batch normalisation: two for each channel; zero for other operators.
  public var statisticsElementCount: Int {
    guard case .batchNormalization(let rules) = `operator`, rules.mode != .frozen else { return 0 }
    return 2 * inputTypes[0].shape[1]
  }

  private func format(of type: TensorType) -> OperandFormat {
    switch type.elementType {
    case .float32, .float64, .float16, .bfloat16: .scalar(scalar)
    case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64, .bool: .int64
    }
  }
}
