import Graphs

extension Softmax: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    let kernel = SoftmaxKernel(shape: inputs[0].shape, axis: axis)
    return ForwardResult([isLogarithmic ? kernel.logarithm(inputs[0]) : kernel.forward(inputs[0])])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let (output, error) = (operands.output(0), operands.outputError(0))
    let kernel = SoftmaxKernel(shape: output.shape, axis: axis)
    return [
      isLogarithmic ? kernel.logarithmError(output: output, error) : kernel.error(output: output, error)
    ]
  }
}

extension SoftmaxCrossEntropy: ReferenceKernel {
  /// For each label the place of its class among the logits.
  private func places<Scalar>(_ labels: ReferenceTensor<Scalar>, _ logits: [Int]) -> [Int] {
    let (classes, inner) = (logits[1], product(logits[2...]))
    return labels.elements.enumerated().map { place, label in
      precondition(
        label >= 0 && label < Scalar(classes), "the label \(label) is none of \(classes) classes")
      return (place / inner * classes + Int(label)) * inner + place % inner
    }
  }

  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    let (logits, labels) = (inputs[0], inputs[1])
    let kernel = SoftmaxKernel(shape: logits.shape, axis: 1)
    let logarithms = kernel.logarithm(logits)
    let sum = places(labels, logits.shape).reduce(0) { $0 - logarithms.elements[$1] }
    return ForwardResult(
      [ReferenceTensor([], [sum / Scalar(context.lossCount ?? labels.count)])],
      auxiliaries: [kernel.forward(logits)])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let labels = operands.input(1)
    var error = operands.auxiliary(0)
    for place in places(labels, error.shape) { error.elements[place] -= 1 }
    return [error.map { $0 / Scalar(context.lossCount ?? labels.count) }]
  }
}
