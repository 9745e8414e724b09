/// What a node computes: a closed list, so that a new operator does not compile until everyone handles it.
public enum Operator: Hashable, Sendable {
  case convolution(Convolution)
  case dense(Dense)
  case matrixMultiplication(MatrixMultiplication)
  case pooling(Pooling)
  case globalPooling(GlobalPooling)
  case batchNormalization(BatchNormalization)
  case layerNormalization(LayerNormalization)
  case softmax(Softmax)
  case softmaxCrossEntropy(SoftmaxCrossEntropy)
  case activation(Activation)
  case elementwise(Elementwise)
  case scaleByConstant(ScaleByConstant)
  case concatenation(Concatenation)
  case split(Split)
  case slice(Slice)
  case pad(Pad)
  case reshape(Reshape)
  case transpose(Transpose)
  case reduction(Reduction)
  case dropout(Dropout)
  case localResponseNormalization(LocalResponseNormalization)
  case gather(Gather)
  case embedding(Embedding)
  case fork(Fork)
  case tabulated(Tabulated)
  case tabulatedLoss(TabulatedLoss)

  /// The rules that follow from mathematics alone.
  public var rules: any OperatorRules {
    switch self {
    case .convolution(let rules): rules
    case .dense(let rules): rules
    case .matrixMultiplication(let rules): rules
    case .pooling(let rules): rules
    case .globalPooling(let rules): rules
    case .batchNormalization(let rules): rules
    case .layerNormalization(let rules): rules
    case .softmax(let rules): rules
    case .softmaxCrossEntropy(let rules): rules
    case .activation(let rules): rules
    case .elementwise(let rules): rules
    case .scaleByConstant(let rules): rules
    case .concatenation(let rules): rules
    case .split(let rules): rules
    case .slice(let rules): rules
    case .pad(let rules): rules
    case .reshape(let rules): rules
    case .transpose(let rules): rules
    case .reduction(let rules): rules
    case .dropout(let rules): rules
    case .localResponseNormalization(let rules): rules
    case .gather(let rules): rules
    case .embedding(let rules): rules
    case .fork(let rules): rules
    case .tabulated(let rules): rules
    case .tabulatedLoss(let rules): rules
    }
  }

  /// The kind's name in tables and JSON, such as `convolution`.
  public var kind: String { rules.kind }
}

/// What is true of an operator on every machine, by mathematics alone.
public protocol OperatorRules: Hashable, Sendable {
  /// The kind's name in tables and JSON, such as `convolution`.
  var kind: String { get }
  /// Returns the types of the outputs.
  ///
  /// - Throws: ``ShapeError`` where the inputs do not fit.
  func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType]
  /// The axes and which tensor dimension each cuts.
  func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace
  /// The ways to spread the operator over one mesh level.
  func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule]
  /// The backward operations. Inputs that have no gradient (labels, indices) appear in none.
  func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule
  /// The arithmetic and traffic of one phase on tensors of the given (local) types.
  ///
  /// For `error` and `weightGradient` the traffic is that of the phase's ``GradientOperation``.
  func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work
  /// The arithmetic and traffic of one backward operation; by default that of its phase.
  func work(of operation: GradientOperation, inputs: [TensorType], outputs: [TensorType]) -> Work
  /// The elements of batch statistics that a phase must sum over the levels of a rule that asks for it.
  func statistics(_ phase: Phase, inputs: [TensorType]) -> Int
  /// The part of a phase's work that must be done before those statistics are summed.
  func workBeforeStatistics(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work
  /// Whether parameters make this a weighted layer, whose splits `--axes` restricts and plans list.
  var isWeighted: Bool { get }
  /// Whether the output is the scalar to minimise: the operator then begins the backward phase and reads no
  /// error.
  var isLoss: Bool { get }
}

extension OperatorRules {
  /// The work of the operation's phase.
  public func work(of operation: GradientOperation, inputs: [TensorType], outputs: [TensorType]) -> Work {
    work(operation.phase, inputs: inputs, outputs: outputs)
  }
  /// No statistics.
  public func statistics(_ phase: Phase, inputs: [TensorType]) -> Int { 0 }
  /// Nothing goes before statistics.
  public func workBeforeStatistics(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    Work()
  }
  /// Not a weighted layer.
  public var isWeighted: Bool { false }
  /// Not a loss.
  public var isLoss: Bool { false }
}
