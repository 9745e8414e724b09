import Graphs

extension Activation: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    ForwardResult([inputs[0].map(value)])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let error = operands.outputError(0)
    if operation.reads.contains(.output(0)) {
      return [error.zip(operands.output(0)) { $0 * derivative(atOutput: $1) }]
    }
    if operation.reads.contains(.input(0)) {
      return [error.zip(operands.input(0)) { $0 * derivative(atInput: $1) }]
    }
    return [error.map { $0 * derivative(atInput: 0) }]
  }

  private func value<Scalar: KernelScalar>(_ x: Scalar) -> Scalar {
    switch function {
    case .relu: max(x, 0)
    case .leakyRelu(let alpha): x > 0 ? x : Scalar(alpha) * x
    case .sigmoid: logistic(x)
    case .tanh: x.hyperbolicTangent
    case .gelu: x * normalDistribution(x)
    case .clip(let minimum, let maximum): min(max(x, Scalar(minimum)), Scalar(maximum))
    case .hardSigmoid(let alpha, let beta): min(max(Scalar(alpha) * x + Scalar(beta), 0), 1)
    case .hardSwish: x * min(max(x / 6 + 1 / 2, 0), 1)
    case .elu(let alpha): x > 0 ? x : Scalar(alpha) * (x.exponential - 1)
    case .exponential: x.exponential
    case .logarithm: x.naturalLogarithm
    case .squareRoot: x.squareRoot()
    case .negate: -x
    case .absolute: abs(x)
    case .reciprocal: 1 / x
    case .errorFunction: x.errorFunction
    case .softplus: max(x, 0) + (1 + (-abs(x)).exponential).naturalLogarithm
    }
  }

  private func derivative<Scalar: KernelScalar>(atOutput y: Scalar) -> Scalar {
    switch function {
    case .relu: y > 0 ? 1 : 0
    case .leakyRelu(let alpha): y > 0 ? 1 : Scalar(alpha)
    case .sigmoid: y * (1 - y)
    case .tanh: 1 - y * y
    case .clip(let minimum, let maximum): y > Scalar(minimum) && y < Scalar(maximum) ? 1 : 0
    case .hardSigmoid(let alpha, _): y > 0 && y < 1 ? Scalar(alpha) : 0
    case .elu(let alpha): y > 0 ? 1 : y + Scalar(alpha)
    case .exponential: y
    case .squareRoot: 1 / (2 * y)
    case .reciprocal: -y * y
    case .gelu, .hardSwish, .logarithm, .negate, .absolute, .errorFunction, .softplus:
      preconditionFailure("the output does not decide the derivative of \(kind)")
    }
  }

  private func derivative<Scalar: KernelScalar>(atInput x: Scalar) -> Scalar {
    switch function {
    case .gelu:
      normalDistribution(x) + x * (-x * x / 2).exponential / (2 * Scalar.pi).squareRoot()
    case .hardSwish:
      if x <= -3 { 0 } else if x >= 3 { 1 } else { x / 3 + 1 / 2 }
    case .logarithm: 1 / x
    case .negate: -1
    case .absolute: x > 0 ? 1 : (x < 0 ? -1 : 0)
    case .errorFunction: 2 / Scalar.pi.squareRoot() * (-x * x).exponential
    case .softplus: logistic(x)
    case .relu, .leakyRelu, .sigmoid, .tanh, .clip, .hardSigmoid, .elu, .exponential, .squareRoot,
      .reciprocal:
      preconditionFailure("the derivative of \(kind) is taken from its output")
    }
  }

  private func logistic<Scalar: KernelScalar>(_ x: Scalar) -> Scalar { 1 / (1 + (-x).exponential) }

  private func normalDistribution<Scalar: KernelScalar>(_ x: Scalar) -> Scalar {
    (1 + (x / Scalar(2).squareRoot()).errorFunction) / 2
  }
}
