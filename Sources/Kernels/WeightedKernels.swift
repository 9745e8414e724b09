import Graphs

extension Convolution: ReferenceKernel {
  private func kernel<Scalar>(_ context: KernelContext) -> ConvolutionKernel<Scalar> {
    let (input, weight) = (context.inputTypes[0].shape, context.inputTypes[1].shape)
    let output = context.outputTypes[0].shape
    let map = WindowMap(
      input: Array(input[2...]), output: Array(output[2...]), window: Array(weight[2...]), strides: strides,
      dilations: dilations, padding: padding)
    // A part of the groups keeps the channels of a group, so the groups present follow from the shapes.
    return ConvolutionKernel(
      map: map, groups: max(1, input[1] / weight[1]), batch: input[0], inputShape: input, weightShape: weight,
      outputShape: output)
  }

  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    ForwardResult([kernel(context).forward(inputs[0], inputs[1], bias: inputs.count == 3 ? inputs[2] : nil)])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let error = operands.outputError(0)
    if operation.phase == .error { return [kernel(context).inputError(operands.input(1), error)] }
    let gradient = kernel(context).weightGradient(operands.input(0), error)
    return operation.inputs.map { $0 == 1 ? gradient : channelSums(error) }
  }
}

extension Dense: ReferenceKernel {
  private func turned<Scalar>(_ x: ReferenceTensor<Scalar>, _ isTransposed: Bool) -> ReferenceTensor<Scalar> {
    isTransposed ? x.transposedMatrices : x
  }

  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    let product = turned(inputs[0], transposeInput).matrixProduct(turned(inputs[1], transposeWeight))
      .map { Scalar(alpha) * $0 }
    guard inputs.count == 3 else { return ForwardResult([product]) }
    let bias = inputs[2].broadcast(to: product.shape).map { Scalar(beta) * $0 }
    return ForwardResult([product + bias])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let error = operands.outputError(0)
    let scaled = error.map { Scalar(alpha) * $0 }
    if operation.phase == .error {
      let weight = turned(operands.input(1), transposeWeight)
      return [turned(scaled.matrixProduct(weight.transposedMatrices), transposeInput)]
    }
    let input = turned(operands.input(0), transposeInput)
    let gradient = turned(input.transposedMatrices.matrixProduct(scaled), transposeWeight)
    return operation.inputs.map { index in
      index == 1
        ? gradient
        : error.map { Scalar(beta) * $0 }.summed(to: [1, error.shape[1]]).reshaped(
          context.inputTypes[2].shape)
    }
  }
}

extension MatrixMultiplication: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    ForwardResult([inputs[0].matrixProduct(inputs[1])])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let error = operands.outputError(0)
    return operation.inputs.map { input in
      let full =
        input == 0
        ? error.matrixProduct(operands.input(1).transposedMatrices)
        : operands.input(0).transposedMatrices.matrixProduct(error)
      return full.summed(to: context.inputTypes[input].shape)
    }
  }
}
