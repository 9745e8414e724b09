public import Graphs

/// Whether updates work on copies of the parameters in float32 beside those used in arithmetic.
public enum MasterCopies: Hashable, Sendable {
  /// The parameters themselves are updated: arithmetic is in float32 or wider.
  case none
  /// A float32 copy of each parameter is updated and rounded, as 16-bit arithmetic needs.
  case float32
}

/// How a gradient changes a parameter.
///
/// With the parameter `w`, its gradient `g` (the sum over the global batch, of a loss that is a mean),
/// the learning rate `η` and the number of the step `t` from 1, for each element:
///
/// | optimizer | states | equations |
/// |---|---|---|
/// | `sgd` | – | `w ← w − η g` |
/// | `momentum` | `v` | `v ← µ v + g`, `w ← w − η v` |
/// | `adam` | `m`, `v` | `m ← β₁ m + (1 − β₁) g`, `v ← β₂ v + (1 − β₂) g²`, `w ← w − η m̂ ∕ (√v̂ + ε)` |
///
/// with `m̂ = m ∕ (1 − β₁ᵗ)` and `v̂ = v ∕ (1 − β₂ᵗ)`.
///
/// States begin at zero. There is no weight decay, no dampening and no Nesterov term.
///
/// > Source: B. T. Polyak. "Some methods of speeding up the convergence of iteration methods." *USSR Comput.
/// > Math. Math. Phys.* 4(5), 1964, in the form in which frameworks apply it (the rate outside the sum);
/// > D. P. Kingma, J. Ba. "Adam: A Method for Stochastic Optimization." ICLR 2015, algorithm 1.
public enum Optimizer: Hashable, Sendable {
  /// Plain stochastic gradient descent.
  case sgd(learningRate: Double = 0.01)
  /// The heavy-ball method.
  case momentum(learningRate: Double = 0.01, momentum: Double = 0.9)
  /// Adaptive moments.
  case adam(learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8)

  /// The names that ``init(name:)`` knows.
  public static let names = ["sgd", "momentum", "adam"]

  /// Creates an optimizer with its usual constants from its name, or nil where the name is none of ``names``.
  public init?(name: String) {
    switch name {
    case "sgd": self = .sgd()
    case "momentum": self = .momentum()
    case "adam": self = .adam()
    default: return nil
    }
  }

  /// The name on the command line and in plans.
  public var name: String {
    switch self {
    case .sgd: "sgd"
    case .momentum: "momentum"
    case .adam: "adam"
    }
  }

  /// The tensors of state that each parameter has, master copies not counted.
  public var stateCount: Int {
    switch self {
    case .sgd: 0
    case .momentum: 1
    case .adam: 2
    }
  }

  /// The element-wise operations of an update for each element of a parameter.
  ///
  /// Every addition, product, quotient and root counts one; the corrections `1 − βᵗ` are folded into
  /// the rate and `ε` once for each step.
  public var operationsPerElement: Int {
    switch self {
    case .sgd: 2
    case .momentum: 4
    case .adam: 12
    }
  }

  /// Returns the arithmetic and traffic of updating `elements` elements of parameters.
  ///
  /// A gradient is read once and each state is read and written. Without master copies the parameter is read
  /// and written; with them the master is read and written and the rounded parameter is written. So an
  /// element costs, with gradients and states of 4 bytes:
  ///
  /// | bytes | `sgd` | `momentum` | `adam` |
  /// |---|---|---|---|
  /// | float32 | 12 | 20 | 28 |
  /// | 16 bits with master copies | 14 | 22 | 30 |
  public func updateWork(elements: Int, masterCopies: MasterCopies = .none) -> Work {
    let states = 2 * stateCount * elements
    var kernel = KernelUse(kernelKind, .update)
    kernel.elements = max(1, elements)
    switch masterCopies {
    case .none:
      return Work(
        elementOperations: Double(operationsPerElement * elements), parameterElements: 2 * elements,
        gradientElements: elements, stateElements: states, kernel: kernel)
    case .float32:
      return Work(
        elementOperations: Double(operationsPerElement * elements), parameterElements: elements,
        gradientElements: elements, stateElements: states + 2 * elements, kernel: kernel)
    }
  }

  /// The kernel that updates parameters.
  private var kernelKind: KernelKind {
    switch self {
    case .sgd: .sgd
    case .momentum: .momentum
    case .adam: .adam
    }
  }
}
