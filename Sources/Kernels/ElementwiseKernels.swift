import Graphs

extension Elementwise: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    let shape = context.outputTypes[0].shape
    let (a, b) = (inputs[0].broadcast(to: shape), inputs[1].broadcast(to: shape))
    switch function {
    case .add: return ForwardResult([a.zip(b, +)])
    case .subtract: return ForwardResult([a.zip(b, -)])
    case .multiply: return ForwardResult([a.zip(b, *)])
    case .divide: return ForwardResult([a.zip(b, /)])
    case .maximum: return ForwardResult([a.zip(b) { max($0, $1) }])
    case .minimum: return ForwardResult([a.zip(b) { min($0, $1) }])
    case .power: return ForwardResult([a.zip(b) { $0.raised(to: $1) }])
    }
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    operation.inputs.map { input in
      error(of: input, operands, context.outputTypes[0].shape).summed(to: context.inputTypes[input].shape)
    }
  }

  /// The error of an operand, before it is summed over what was repeated.
  ///
  /// Of two equal numbers the first takes the whole error of a maximum or minimum.
  private func error<Scalar>(
    of operand: Int, _ operands: BackwardOperands<Scalar>, _ shape: [Int]
  ) -> ReferenceTensor<Scalar> {
    let error = operands.outputError(0)
    func input(_ index: Int) -> ReferenceTensor<Scalar> { operands.input(index).broadcast(to: shape) }
    switch (function, operand) {
    case (.add, _), (.subtract, 0): return error
    case (.subtract, _): return error.map { -$0 }
    case (.multiply, _): return error.zip(input(1 - operand), *)
    case (.divide, 0): return error.zip(input(1), /)
    case (.divide, _): return error.zip(operands.output(0), *).zip(input(1)) { -$0 / $1 }
    case (.maximum, _): return error.zip(firstWins(input(0), input(1), >=), *).flipped(operand, error)
    case (.minimum, _): return error.zip(firstWins(input(0), input(1), <=), *).flipped(operand, error)
    case (.power, 0):
      let slope = input(0).zip(input(1)) { $1 * $0.raised(to: $1 - 1) }
      return error.zip(slope, *)
    case (.power, _):
      return error.zip(operands.output(0), *).zip(input(0)) { $0 * $1.naturalLogarithm }
    }
  }

  private func firstWins<Scalar>(
    _ a: ReferenceTensor<Scalar>, _ b: ReferenceTensor<Scalar>, _ wins: (Scalar, Scalar) -> Bool
  ) -> ReferenceTensor<Scalar> {
    a.zip(b) { wins($0, $1) ? 1 : 0 }
  }
}

extension ReferenceTensor {
  /// The tensor itself for operand 0, and what it leaves of the whole for operand 1.
  fileprivate func flipped(_ operand: Int, _ whole: ReferenceTensor) -> ReferenceTensor {
    operand == 0 ? self : whole.zip(self, -)
  }
}

extension ScaleByConstant: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    ForwardResult([inputs[0].map { Scalar(factor) * $0 }])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    [operands.outputError(0).map { Scalar(factor) * $0 }]
  }
}

extension Dropout: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    let x = inputs[0]
    let elements = product(x.shape.dropFirst())
    let moment = context.moment
    let mask = ReferenceTensor<Scalar>(x.shape) { place in
      let element = moment.places.map { $0[place % elements] } ?? place % elements
      let number = moment.generator.uniform(
        sample: UInt64(moment.firstSample + place / elements), element: UInt64(element))
      return number < ratio ? 0 : 1
    }
    return ForwardResult([applying(mask, to: x)], auxiliaries: [mask])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    [applying(operands.auxiliary(0), to: operands.outputError(0))]
  }

  private func applying<Scalar>(
    _ mask: ReferenceTensor<Scalar>, to x: ReferenceTensor<Scalar>
  ) -> ReferenceTensor<Scalar> {
    x.zip(mask) { $0 * $1 / Scalar(1 - ratio) }
  }
}

extension Fork: ReferenceKernel {
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  {
    ForwardResult([inputs[0], inputs[0]])
  }

  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>] {
    [operands.outputError(0) + operands.outputError(1)]
  }
}
