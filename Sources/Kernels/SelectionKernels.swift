import Graphs

extension Reduction: ReferenceKernel {
  /// The shape of the result with its reduced dimensions kept.
  private func kept(_ shape: [Int]) -> [Int] { shape.indices.map { axes.contains($0) ? 1 : shape[$0] } }

  private func divisor<Scalar: KernelScalar>(_ shape: [Int]) -> Scalar {
    function == .mean ? Scalar(product(shape.indices.filter(axes.contains).map { shape[$0] })) : 1
  }

  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    let x = inputs[0]
    let target = context.outputTypes[0].shape
    switch function {
    case .mean, .sum:
      let divisor: Scalar = divisor(x.shape)
      return ForwardResult([x.summed(to: kept(x.shape)).map { $0 / divisor }.reshaped(target)])
    case .maximum:
      let places = broadcastPlaces(of: kept(x.shape), in: x.shape)
      var y = ReferenceTensor<Scalar>(target, repeating: -.infinity)
      for place in 0..<x.count {
        y.elements[places[place]] = max(y.elements[places[place]], x.elements[place])
      }
      return ForwardResult([y])
    }
  }

  /// Of equal greatest elements each takes an equal part of the error.
  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let shape = context.inputTypes[0].shape
    let error = operands.outputError(0).reshaped(kept(shape))
    switch function {
    case .mean, .sum:
      let divisor: Scalar = divisor(shape)
      return [error.broadcast(to: shape).map { $0 / divisor }]
    case .maximum:
      let greatest = operands.output(0).reshaped(kept(shape)).broadcast(to: shape)
      let isGreatest: ReferenceTensor<Scalar> = operands.input(0).zip(greatest) { $0 == $1 ? 1 : 0 }
      let counts = isGreatest.summed(to: kept(shape))
      return [isGreatest.zip(error.zip(counts, /).broadcast(to: shape), *)]
    }
  }
}

extension Gather: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    let places = places(inputs[1], inputs[0].shape)
    return ForwardResult([ReferenceTensor(context.outputTypes[0].shape) { inputs[0].elements[places[$0]] }])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let (error, shape) = (operands.outputError(0), context.inputTypes[0].shape)
    var result = ReferenceTensor<Scalar>(shape)
    for (place, target) in places(operands.input(1), shape).enumerated() {
      result.elements[target] += error.elements[place]
    }
    return [result]
  }

  /// For each element of the result its place in the data; negative indices count from the end.
  private func places<Scalar>(_ indices: ReferenceTensor<Scalar>, _ shape: [Int]) -> [Int] {
    let inner = product(shape[(axis + 1)...])
    return (0..<product(shape[..<axis])).flatMap { outer in
      indices.elements.flatMap { number in
        let index = Int(number) < 0 ? Int(number) + shape[axis] : Int(number)
        precondition((0..<shape[axis]).contains(index), "the index \(index) is outside \(shape[axis])")
        let start = (outer * shape[axis] + index) * inner
        return start..<start + inner
      }
    }
  }
}

extension Embedding: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    let columns = inputs[1].shape[1]
    return ForwardResult([
      ReferenceTensor(context.outputTypes[0].shape) { place in
        guard let row = row(inputs[0].elements[place / columns], inputs[1].shape, context) else { return 0 }
        return inputs[1].elements[row * columns + place % columns]
      }
    ])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    let (indices, error) = (operands.input(0), operands.outputError(0))
    var table = ReferenceTensor<Scalar>(context.inputTypes[1].shape)
    let columns = table.shape[1]
    for place in 0..<error.count {
      guard let row = row(indices.elements[place / columns], table.shape, context) else { continue }
      table.elements[row * columns + place % columns] += error.elements[place]
    }
    return [table]
  }

  /// The row of the part of the table that is present, or nil where another device has it.
  private func row<Scalar: KernelScalar>(_ index: Scalar, _ table: [Int], _ context: KernelContext) -> Int? {
    let rows = context.moment.rows ?? TableRows(count: table[0], present: [0..<table[0]])
    return rows.place(of: Int(index))
  }
}
