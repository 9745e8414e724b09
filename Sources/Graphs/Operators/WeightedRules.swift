extension SplitRule {
  /// Returns the splits of a weighted operator.
  ///
  /// Under a split of the contracted channel one side alone adds the bias to the partial result. Its gradient
  /// is the sum of the error, which is then whole on both sides, so that it is replicated and not partial.
  static func weighted(_ space: IterationSpace, bias: Int?) -> [SplitRule] {
    splits(of: space).map { rule in
      guard let bias, rule.axis == .inputChannel else { return rule }
      return rule.leaving(.replicated, forInputs: [bias])
    }
  }
}

extension GradientRule {
  /// Returns the two backward operations of activations (input 0) times weights (input 1) and an optional
  /// bias.
  static func weighted(inputs: Int) -> GradientRule {
    GradientRule([
      GradientOperation(.error, of: [0], reading: [.outputError(0), .input(1)]),
      GradientOperation(.weightGradient, of: Array(1..<inputs), reading: [.outputError(0), .input(0)]),
    ])
  }
}

extension Work {
  /// Returns one phase of a weighted operator: all three phases have the same multiply-accumulates.
  ///
  /// The bias is added, and its gradient summed, in the pass that is made anyway.
  static func weighted(
    _ phase: Phase, contraction: Contraction, multiplyAccumulates: Double, activations: Int, weight: Int,
    bias: Int, outputs: Int
  ) -> Work {
    let biasOperations = bias > 0 ? Double(outputs) : 0
    switch phase {
    case .forward:
      return Work(
        contraction: contraction, multiplyAccumulates: multiplyAccumulates, elementOperations: biasOperations,
        activationElements: activations, parameterElements: weight + bias)
    case .error:
      return Work(
        contraction: contraction, multiplyAccumulates: multiplyAccumulates, activationElements: activations,
        parameterElements: weight)
    case .weightGradient:
      return Work(
        contraction: contraction, multiplyAccumulates: multiplyAccumulates, elementOperations: biasOperations,
        activationElements: activations, gradientElements: weight + bias)
    case .update:
      return Work()
    }
  }

  /// Returns element-wise work: passes are elements read or written.
  static func passes(_ elements: Int, operations: Double = 0, parameters: Int = 0, gradients: Int = 0) -> Work
  {
    Work(
      elementOperations: operations, activationElements: elements, parameterElements: parameters,
      gradientElements: gradients)
  }
}
