import Graphs

extension Pooling: ReferenceKernel {
  private func kernel<Scalar>(_ context: KernelContext) -> PoolingKernel<Scalar> {
    let (input, output) = (context.inputTypes[0].shape, context.outputTypes[0].shape)
    let map = WindowMap(
      input: Array(input[2...]), output: Array(output[2...]), window: kernel, strides: strides,
      dilations: dilations, padding: padding)
    return PoolingKernel(map: map, inputShape: input, outputShape: output)
  }

  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    switch reduction {
    case .maximum:
      let result = kernel(context).maximum(inputs[0])
      return ForwardResult([result.output], auxiliaries: [result.places])
    case .average(let countsPadding):
      return ForwardResult([kernel(context).average(inputs[0], includesPadding: countsPadding)])
    }
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let error = operands.outputError(0)
    switch reduction {
    case .maximum: return [kernel(context).maximumError(places: operands.auxiliary(0), error)]
    case .average(let countsPadding):
      return [kernel(context).averageError(error, includesPadding: countsPadding)]
    }
  }
}

extension GlobalPooling: ReferenceKernel {
  /// The pooling with one window over the whole of each channel.
  private func whole(_ context: KernelContext) -> Pooling {
    let extents = Array(context.inputTypes[0].shape[2...])
    return Pooling(
      reduction == .maximum ? .maximum : .average(countsPadding: false), kernel: extents,
      strides: extents.map { _ in 1 }, padding: extents.map { _ in Padding(0) })
  }

  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    whole(context).forward(inputs, context)
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    whole(context).backward(operation, operands, context)
  }
}
