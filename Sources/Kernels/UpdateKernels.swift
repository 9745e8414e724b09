public import Differentiation

extension Optimizer {
  /// Updates a parameter and its states in place, in Float32.
  ///
  /// - Parameters:
  ///   - step: The number of the step, from one.
  ///   - learningRate: The rate of the moment where a schedule sets it; nil for the optimizer's own.
  public func update(
    parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
    states: [UnsafeMutablePointer<Float>], count: Int, step: Int, learningRate: Double? = nil
  ) {
    UpdateRule(self, step: step, learningRate: learningRate).apply(
      parameter: parameter, gradient: gradient, states: states, count: count)
  }

  /// Updates a parameter and its states in place, in Float64; as the other function of this name.
  public func update(
    parameter: UnsafeMutablePointer<Double>, gradient: UnsafePointer<Double>,
    states: [UnsafeMutablePointer<Double>], count: Int, step: Int, learningRate: Double? = nil
  ) {
    UpdateRule(self, step: step, learningRate: learningRate).apply(
      parameter: parameter, gradient: gradient, states: states, count: count)
  }

  /// Returns a parameter and its states after an update.
  ///
  /// - Parameter step: The number of the step, from one.
  func updating<Scalar>(
    _ parameter: ReferenceTensor<Scalar>, gradient: ReferenceTensor<Scalar>,
    states: [ReferenceTensor<Scalar>],
    step: Int
  ) -> (parameter: ReferenceTensor<Scalar>, states: [ReferenceTensor<Scalar>]) {
    precondition(states.count == stateCount, "\(states.count) states for \(name), which has \(stateCount)")
    let rule = UpdateRule<Scalar>(self, step: step)
    var updated = parameter
    var first = states.first?.elements ?? []
    var second = states.last?.elements ?? []
    for place in 0..<parameter.count {
      let g = gradient.elements[place]
      switch self {
      case .sgd: rule.descend(&updated.elements[place], g)
      case .momentum: rule.roll(&updated.elements[place], g, &first[place])
      case .adam: rule.adapt(&updated.elements[place], g, &first[place], &second[place])
      }
    }
    let changed = zip(states, [first, second]).map { ReferenceTensor($0.shape, $1) }
    return (updated, changed)
  }
}

/// The equations of the optimizers for one element, with the constants of one step.
private struct UpdateRule<Scalar: KernelScalar> {
  private let optimizer: Optimizer
  private let rate: Scalar
  private var decay: Scalar = 0
  private var beta1: Scalar = 0
  private var beta2: Scalar = 0
  private var rest1: Scalar = 0
  private var rest2: Scalar = 0
  private var correction1: Scalar = 1
  private var correction2: Scalar = 1
  private var epsilon: Scalar = 0

  init(_ optimizer: Optimizer, step: Int, learningRate: Double? = nil) {
    self.optimizer = optimizer
    switch optimizer {
    case .sgd(let own): rate = Scalar(learningRate ?? own)
    case .momentum(let own, let momentum):
      rate = Scalar(learningRate ?? own)
      decay = Scalar(momentum)
    case .adam(let own, let beta1, let beta2, let epsilon):
      rate = Scalar(learningRate ?? own)
      (self.beta1, self.beta2) = (Scalar(beta1), Scalar(beta2))
      (rest1, rest2) = (Scalar(1 - beta1), Scalar(1 - beta2))
      correction1 = 1 - self.beta1.raised(to: Scalar(step))
      correction2 = 1 - self.beta2.raised(to: Scalar(step))
      self.epsilon = Scalar(epsilon)
    }
  }

  @inline(__always)
  func descend(_ w: inout Scalar, _ g: Scalar) { w -= rate * g }

  @inline(__always)
  func roll(_ w: inout Scalar, _ g: Scalar, _ v: inout Scalar) {
    v = decay * v + g
    w -= rate * v
  }

  @inline(__always)
  func adapt(_ w: inout Scalar, _ g: Scalar, _ m: inout Scalar, _ v: inout Scalar) {
    m = beta1 * m + rest1 * g
    v = beta2 * v + rest2 * g * g
    w -= rate * ((m / correction1) / ((v / correction2).squareRoot() + epsilon))
  }

  func apply(
    parameter: UnsafeMutablePointer<Scalar>, gradient: UnsafePointer<Scalar>,
    states: [UnsafeMutablePointer<Scalar>], count: Int
  ) {
    precondition(
      states.count >= optimizer.stateCount, "\(states.count) states for \(optimizer.name)")
    switch optimizer {
    case .sgd:
      for place in 0..<count { descend(&parameter[place], gradient[place]) }
    case .momentum:
      let velocity = states[0]
      for place in 0..<count { roll(&parameter[place], gradient[place], &velocity[place]) }
    case .adam:
      let (first, second) = (states[0], states[1])
      for place in 0..<count {
        adapt(&parameter[place], gradient[place], &first[place], &second[place])
      }
    }
  }
}
