/// A phase of a training step.
public enum Phase: String, Hashable, Sendable, CaseIterable {
  case forward
  /// The gradient with respect to activations.
  case error
  /// The gradient with respect to parameters.
  case weightGradient = "weight-gradient"
  case update
}

/// A contraction as a device with an array sees it: `count` independent products of matrices.
///
/// The stationary matrix (`reduction × columns`) is the one that the parameters fill in the forward phase;
/// `streamed` rows pass by it. The weight-gradient phase fills the same matrix with its result.
public struct Contraction: Hashable, Sendable {
  /// Rows that stream past the stationary matrix: N·P·Q of a convolution.
  public let streamed: Int
  /// Rows of the stationary matrix: C·R·S ∕ groups of a convolution's forward phase.
  public let reduction: Int
  /// Columns of the stationary matrix: K ∕ groups of a convolution's forward phase.
  public let columns: Int
  /// How many such products there are: the groups, or the batch of a batched product.
  public let count: Int

  /// Creates a contraction.
  public init(streamed: Int, reduction: Int, columns: Int, count: Int = 1) {
    self.streamed = streamed
    self.reduction = reduction
    self.columns = columns
    self.count = count
  }
}

/// What one operator does in one phase on one device: arithmetic and traffic, with no time in it.
///
/// Traffic is counted in elements by what the elements are, because a plan's precision gives each its size.
/// Each tensor crosses the memory once for each pass over it.
public struct Work: Hashable, Sendable {
  /// The contraction's extents where the operator is one, for devices whose speed depends on them.
  public var contraction: Contraction?
  /// Multiply-accumulates of contractions.
  public var multiplyAccumulates: Double
  /// Element-wise operations.
  public var elementOperations: Double
  /// Elements of activations and errors, read or written.
  public var activationElements: Int
  /// Elements of parameters, read or written, at the precision of arithmetic.
  public var parameterElements: Int
  /// Elements of parameter gradients, read or written.
  public var gradientElements: Int
  /// Elements of optimizer state and master copies, read or written.
  public var stateElements: Int
  /// Which kernel does the work, for devices whose speed at it was measured.
  public var kernel: KernelUse?

  /// Creates an amount of work.
  public init(
    contraction: Contraction? = nil, multiplyAccumulates: Double = 0, elementOperations: Double = 0,
    activationElements: Int = 0, parameterElements: Int = 0, gradientElements: Int = 0,
    stateElements: Int = 0, kernel: KernelUse? = nil
  ) {
    self.contraction = contraction
    self.multiplyAccumulates = multiplyAccumulates
    self.elementOperations = elementOperations
    self.activationElements = activationElements
    self.parameterElements = parameterElements
    self.gradientElements = gradientElements
    self.stateElements = stateElements
    self.kernel = kernel
  }

  /// What is left of the work when a part of it is done.
  ///
  /// Both speak of the same contraction, and the kernel of the whole does what is left.
  public func less(_ part: Work) -> Work {
    Work(
      contraction: contraction, multiplyAccumulates: multiplyAccumulates - part.multiplyAccumulates,
      elementOperations: elementOperations - part.elementOperations,
      activationElements: activationElements - part.activationElements,
      parameterElements: parameterElements - part.parameterElements,
      gradientElements: gradientElements - part.gradientElements,
      stateElements: stateElements - part.stateElements, kernel: kernel)
  }

  /// Whether there is nothing to do.
  public var isEmpty: Bool { self == Work(kernel: kernel) }
}
