import Graphs

/// A node that has no arithmetic: layers of a layer table are planned, priced and simulated, never run.
public struct UnrunnableNode: Error, Hashable, Sendable {
  /// The node's name.
  public let node: String
  /// The operator's kind.
  public let kind: String
}

extension Operator {
  /// The arithmetic of the operator, or nil for layers of a layer table, which have none.
  var kernel: (any ReferenceKernel)? {
    switch self {
    case .convolution(let kernel): kernel
    case .dense(let kernel): kernel
    case .matrixMultiplication(let kernel): kernel
    case .pooling(let kernel): kernel
    case .globalPooling(let kernel): kernel
    case .batchNormalization(let kernel): kernel
    case .layerNormalization(let kernel): kernel
    case .softmax(let kernel): kernel
    case .softmaxCrossEntropy(let kernel): kernel
    case .activation(let kernel): kernel
    case .elementwise(let kernel): kernel
    case .scaleByConstant(let kernel): kernel
    case .concatenation(let kernel): kernel
    case .split(let kernel): kernel
    case .slice(let kernel): kernel
    case .pad(let kernel): kernel
    case .reshape(let kernel): kernel
    case .transpose(let kernel): kernel
    case .reduction(let kernel): kernel
    case .dropout(let kernel): kernel
    case .localResponseNormalization(let kernel): kernel
    case .gather(let kernel): kernel
    case .embedding(let kernel): kernel
    case .fork(let kernel): kernel
    case .tabulated, .tabulatedLoss: nil
    }
  }
}
