import Graphs

extension Concatenation: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    ForwardResult([.concatenated(inputs, axis: axis, shape: context.outputTypes[0].shape)])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let error = operands.outputError(0)
    let extents = context.inputTypes.map { $0.shape[axis] }
    return operation.inputs.map { input in
      error.slice(axis, from: extents[..<input].reduce(0, +), count: extents[input])
    }
  }
}

extension Split: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    let extents = context.outputTypes.map { $0.shape[axis] }
    return ForwardResult(
      extents.indices.map { inputs[0].slice(axis, from: extents[..<$0].reduce(0, +), count: extents[$0]) })
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let errors = context.outputTypes.indices.map { operands.outputError($0) }
    return [.concatenated(errors, axis: axis, shape: context.inputTypes[0].shape)]
  }
}

extension Slice: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    let places = places(context.inputTypes[0].shape)
    return ForwardResult([ReferenceTensor(context.outputTypes[0].shape) { inputs[0].elements[places[$0]] }])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    [scattered(operands.outputError(0), to: places(context.inputTypes[0].shape), context.inputTypes[0].shape)]
  }

  /// For each element of the result its place in the input.
  private func places(_ shape: [Int]) -> [Int] {
    inputPlaces(shape) { dimension in
      guard let index = axes.firstIndex(of: dimension) else { return Array(0..<shape[dimension]) }
      let range = range(index, extent: shape[dimension])
      return (0..<range.count).map { range.start + $0 * steps[index] }
    }
  }
}

extension Pad: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    let places = places(context.inputTypes[0].shape)
    let filler: Scalar = if case .constant(let value) = mode { Scalar(value) } else { 0 }
    return ForwardResult([
      ReferenceTensor(context.outputTypes[0].shape) {
        places[$0] < 0 ? filler : inputs[0].elements[places[$0]]
      }
    ])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    [scattered(operands.outputError(0), to: places(context.inputTypes[0].shape), context.inputTypes[0].shape)]
  }

  /// For each element of the result its place in the input, or a negative number where it is the constant.
  private func places(_ shape: [Int]) -> [Int] {
    inputPlaces(shape) { dimension in
      let last = shape[dimension] - 1
      return (-padding[dimension].begin..<shape[dimension] + padding[dimension].end).map { place in
        switch mode {
        case .constant: place >= 0 && place <= last ? place : -1
        case .edge: min(max(place, 0), last)
        case .reflect: place < 0 ? -place : (place > last ? 2 * last - place : place)
        }
      }
    }
  }
}

extension Reshape: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    ForwardResult([inputs[0].reshaped(context.outputTypes[0].shape)])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    [operands.outputError(0).reshaped(context.inputTypes[0].shape)]
  }
}

extension Transpose: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    ForwardResult([inputs[0].transposed(permutation)])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let inverse = permutation.indices.map { dimension in permutation.firstIndex(of: dimension) ?? dimension }
    return [operands.outputError(0).transposed(inverse)]
  }
}

/// For each element of a result its place in the input, from the places along each dimension; −1 outside.
private func inputPlaces(_ shape: [Int], along: (Int) -> [Int]) -> [Int] {
  let strides = rowMajorStrides(shape)
  var places = [0]
  for dimension in shape.indices {
    let own = along(dimension)
    places = places.flatMap { outer in own.map { outer < 0 || $0 < 0 ? -1 : outer + $0 * strides[dimension] }
    }
  }
  return places
}

/// A tensor whose elements are added to the places where they came from.
private func scattered<Scalar>(
  _ error: ReferenceTensor<Scalar>, to places: [Int], _ shape: [Int]
) -> ReferenceTensor<Scalar> {
  var result = ReferenceTensor<Scalar>(shape)
  for (place, target) in places.enumerated() where target >= 0 {
    result.elements[target] += error.elements[place]
  }
  return result
}
