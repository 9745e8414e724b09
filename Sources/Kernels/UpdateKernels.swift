import Differentiation

extension Optimizer {
  /// Returns a parameter and its states after an update.
  ///
  /// - Parameter step: The number of the step, from one.
  func updating<Scalar>(
    _ parameter: ReferenceTensor<Scalar>, gradient: ReferenceTensor<Scalar>,
    states: [ReferenceTensor<Scalar>],
    step: Int
  ) -> (parameter: ReferenceTensor<Scalar>, states: [ReferenceTensor<Scalar>]) {
    precondition(states.count == stateCount, "\(states.count) states for \(name), which has \(stateCount)")
    switch self {
    case .sgd(let learningRate):
      let rate = Scalar(learningRate)
      return (parameter.zip(gradient) { $0 - rate * $1 }, [])
    case .momentum(let learningRate, let momentum):
      let (rate, decay) = (Scalar(learningRate), Scalar(momentum))
      let velocity = states[0].zip(gradient) { decay * $0 + $1 }
      return (parameter.zip(velocity) { $0 - rate * $1 }, [velocity])
    case .adam(let learningRate, let beta1, let beta2, let epsilon):
      let first = states[0].zip(gradient) { Scalar(beta1) * $0 + Scalar(1 - beta1) * $1 }
      let second = states[1].zip(gradient) { Scalar(beta2) * $0 + Scalar(1 - beta2) * $1 * $1 }
      let correction1 = 1 - Scalar(beta1).raised(to: Scalar(step))
      let correction2 = 1 - Scalar(beta2).raised(to: Scalar(step))
      let direction = first.zip(second) { m, v in
        (m / correction1) / ((v / correction2).squareRoot() + Scalar(epsilon))
      }
      return (parameter.zip(direction) { $0 - Scalar(learningRate) * $1 }, [first, second])
    }
  }
}
