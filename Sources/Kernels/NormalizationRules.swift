import Graphs

extension BatchNormalization: ReferenceKernel {
  private func kernel<Scalar>(_ context: KernelContext) -> BatchNormalizationKernel<Scalar> {
    let shape = context.inputTypes[0].shape
    return BatchNormalizationKernel(
      shape: shape, epsilon: Scalar(epsilon), cells: mode == .cell ? context.cells : [0..<shape[0]])
  }

  private func reciprocals<Scalar>(_ variance: ReferenceTensor<Scalar>) -> [Scalar] {
    variance.elements.map { 1 / ($0 + Scalar(epsilon)).squareRoot() }
  }

  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    let kernel: BatchNormalizationKernel<Scalar> = kernel(context)
    if mode == .frozen {
      let y = kernel.forward(
        inputs[0], scale: inputs[1], bias: inputs[2], mean: inputs[3].elements,
        reciprocal: reciprocals(inputs[4]))
      return ForwardResult([y])
    }
    let statistics = kernel.statistics(inputs[0])
    let y = kernel.forward(
      inputs[0], scale: inputs[1], bias: inputs[2], mean: statistics.mean, reciprocal: statistics.reciprocal)
    let channels = inputs[1].count
    // One cell leaves the types of the rule; more cells leave a row for each.
    let shape = kernel.cells.count == 1 ? [channels] : [kernel.cells.count, channels]
    let running = BatchMoments.overCells(kernel.moments(statistics.mean, statistics.variance))
      .runningStatistics(mean: inputs[3].elements, variance: inputs[4].elements, momentum: momentum)
    let states = [(3, running.mean), (4, running.variance)].map { input, values in
      (input: input, tensor: ReferenceTensor([channels], values))
    }
    return ForwardResult(
      [y],
      auxiliaries: [ReferenceTensor(shape, statistics.mean), ReferenceTensor(shape, statistics.reciprocal)],
      states: states)
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let kernel: BatchNormalizationKernel<Scalar> = kernel(context)
    let error = operands.outputError(0)
    if mode == .frozen && operation.phase == .error {
      return [kernel.scaled(error, operands.input(1), reciprocal: reciprocals(operands.input(4)))]
    }
    if mode == .frozen {
      let all = kernel.gradients(
        operands.input(0), error, mean: operands.input(3).elements, reciprocal: reciprocals(operands.input(4))
      )
      return operation.inputs.map { all[$0 - 1] }
    }
    let all = kernel.backward(
      operands.input(0), scale: operands.input(1), error, mean: operands.auxiliary(0).elements,
      reciprocal: operands.auxiliary(1).elements)
    return operation.inputs.map { all[$0] }
  }
}

extension LayerNormalization: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    let x = inputs[0]
    let kernel = LayerNormalizationKernel<Scalar>(length: inputs[1].count, epsilon: Scalar(epsilon))
    let statistics = kernel.statistics(x)
    let rows = kernel.normalised(x, mean: statistics.mean, reciprocal: statistics.reciprocal)
    let scaled = rows.zip(inputs[1].broadcast(to: x.shape), *)
    let y = inputs.count == 3 ? scaled + inputs[2].broadcast(to: x.shape) : scaled
    let shape = Array(x.shape.prefix(axis))
    return ForwardResult(
      [y],
      auxiliaries: [ReferenceTensor(shape, statistics.mean), ReferenceTensor(shape, statistics.reciprocal)])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let error = operands.outputError(0)
    let (x, scale) = (operands.input(0), operands.input(1))
    let kernel = LayerNormalizationKernel<Scalar>(length: scale.count, epsilon: Scalar(epsilon))
    let reciprocal = operands.auxiliary(1).elements
    let rows = kernel.normalised(x, mean: operands.auxiliary(0).elements, reciprocal: reciprocal)
    return operation.inputs.map { input in
      switch input {
      case 0: kernel.error(rows: rows, reciprocal: reciprocal, error.zip(scale.broadcast(to: error.shape), *))
      case 1: error.zip(rows, *).summed(to: scale.shape)
      default: error.summed(to: scale.shape)
      }
    }
  }
}

extension LocalResponseNormalization: ReferenceKernel {
  private func kernel<Scalar>(_ shape: [Int]) -> LocalResponseNormalizationKernel<Scalar> {
    LocalResponseNormalizationKernel(
      shape: shape, size: size, alpha: Scalar(alpha), beta: Scalar(beta), bias: Scalar(bias))
  }

  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    ForwardResult([kernel(inputs[0].shape).forward(inputs[0])])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let x = operands.input(0)
    return [kernel(x.shape).error(x, operands.outputError(0))]
  }
}
