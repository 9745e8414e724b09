import Graphs
import TestSupport
import Testing

/// The parts that the two sides of a level have of a case.
private struct Parts {
  let whole: OperatorCase
  let rule: SplitRule
  /// The steps of the split axis on each side.
  let shares: [Int]

  private var extent: Int { shares.reduce(0, +) }

  func types(_ types: [TensorType], _ states: [SplitState], side: Int) -> [TensorType] {
    zip(types, states).map { type, state in
      guard case .sharded(let dimension) = state else { return type }
      var shape = type.shape
      shape[dimension] = shape[dimension] / extent * shares[side]
      return type.with(shape: shape)
    }
  }

  /// The operator of one side: a part of the groups of a convolution is a convolution of fewer groups.
  func part(side: Int) -> Operator {
    guard case .convolution(let convolution) = whole.operator, rule.axis == .group else {
      return whole.operator
    }
    return .convolution(
      Convolution(
        strides: convolution.strides, padding: convolution.padding, dilations: convolution.dilations,
        groups: shares[side]))
  }
}

/// Returns the two sides of every split of random small operators.
private func randomParts(seed: UInt64) throws -> [Parts] {
  var random = SplitMix64(seed: seed)
  return try OperatorCase.all(&random).flatMap { instance -> [Parts] in
    instance.rules.compactMap { rule in
      guard let axis = rule.axis else { return nil }
      let extent = instance.space.axes.first { $0.role == axis }?.extent ?? 0
      guard extent >= 2 else { return nil }
      let first = random.number(1...(extent - 1))
      return Parts(whole: instance, rule: rule, shares: [first, extent - first])
    }
  }
}

/// What one operator may do over one mesh level.
@Suite struct SplitRuleTests {
  @Test(arguments: UInt64(0)..<40)
  func `parts of the inputs are inputs of the parts of the outputs`(seed: UInt64) throws {
    for parts in try randomParts(seed: seed) {
      for side in 0..<2 {
        let inputs = parts.types(parts.whole.inputs, parts.rule.inputs, side: side)
        let outputs = parts.types(parts.whole.outputs, parts.rule.outputs, side: side)
        let made = try parts.part(side: side).rules.outputTypes(inputs: inputs)
        #expect(made == outputs, "seed \(seed), \(parts.rule.name) of \(parts.whole)")
      }
    }
  }

  @Test(arguments: UInt64(0)..<40)
  func `the parts' multiply accumulates add up to the whole`(seed: UInt64) throws {
    for parts in try randomParts(seed: seed) {
      for phase in Phase.allCases {
        let sum = (0..<2).reduce(0.0) { sum, side in
          let inputs = parts.types(parts.whole.inputs, parts.rule.inputs, side: side)
          let outputs = parts.types(parts.whole.outputs, parts.rule.outputs, side: side)
          let work = parts.whole.operator.rules.work(phase, inputs: inputs, outputs: outputs)
          if let contraction = work.contraction, phase != .error {
            let product =
              contraction.streamed * contraction.reduction * contraction.columns * contraction.count
            #expect(
              Double(product) == work.multiplyAccumulates,
              "seed \(seed), \(parts.rule.name) of \(parts.whole)")
          }
          return sum + work.multiplyAccumulates
        }
        let whole = parts.whole.work(phase).multiplyAccumulates
        // Layer tables multiply by fractions, everything else counts.
        #expect(abs(sum - whole) <= whole * 1e-12, "seed \(seed), \(parts.rule.name) of \(parts.whole)")
      }
    }
  }

  @Test(arguments: UInt64(0)..<20)
  func `rules are complete and name what they do once`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for instance in try OperatorCase.all(&random) {
      #expect(!instance.rules.isEmpty)
      #expect(Set(instance.rules.map(\.name)).count == instance.rules.count, "\(instance)")
      for rule in instance.rules {
        #expect(rule.inputs.count == instance.inputs.count && rule.inputErrors.count == instance.inputs.count)
        #expect(rule.outputs.count == instance.outputs.count)
        #expect(rule.outputErrors.count == instance.outputs.count)
        let extent = instance.space.axes.first { $0.role == rule.axis }?.extent
        let sides = [
          (instance.inputs, rule.inputs), (instance.inputs, rule.inputErrors),
          (instance.outputs, rule.outputs), (instance.outputs, rule.outputErrors),
        ]
        for (types, states) in sides {
          for (type, state) in zip(types, states) {
            guard case .sharded(let dimension) = state else { continue }
            let steps = try #require(extent)
            #expect(
              type.shape.indices.contains(dimension) && type.shape[dimension] % steps == 0, "\(instance)")
          }
        }
        #expect(rule.axis != .row && rule.axis != .column, "height and width would need halos")
      }
    }
  }

  @Test(arguments: UInt64(0)..<20)
  func `backward operations read and make what exists`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for instance in try OperatorCase.all(&random) {
      let gradient = instance.gradient
      #expect(!gradient.operations.isEmpty, "\(instance)")
      for operation in gradient.operations {
        #expect(operation.inputs.allSatisfy(instance.inputs.indices.contains))
        #expect(operation.phase == .error || operation.phase == .weightGradient)
        for operand in operation.reads {
          switch operand {
          case .input(let index): #expect(instance.inputs.indices.contains(index))
          case .output(let index), .outputError(let index): #expect(instance.outputs.indices.contains(index))
          case .auxiliary(let index): #expect(gradient.auxiliaries.indices.contains(index))
          }
        }
        let readsError = operation.reads.contains { if case .outputError = $0 { true } else { false } }
        #expect(readsError != instance.operator.rules.isLoss, "\(instance)")
      }
      #expect(instance.work(.update).isEmpty)
    }
  }

  @Test func `HyPar's two choices and the third come from the splits of a dense layer`() throws {
    // HyPar, section 3: data parallelism leaves the weight gradient to be summed; model parallelism cuts the
    // input's columns and the weights' rows and leaves the output to be summed. AccPar's third type: the
    // error.
    let dense = try OperatorCase(.dense(Dense()), [[32, 70], [100, 70]])
    #expect(
      dense.rules == [
        SplitRule(
          name: "batch", axis: .batch, inputs: [.sharded(0), .replicated], outputs: [.sharded(0)],
          outputErrors: [.sharded(0)], inputErrors: [.sharded(0), .partial]),
        SplitRule(
          name: "input-channel", axis: .inputChannel, inputs: [.sharded(1), .sharded(1)], outputs: [.partial],
          outputErrors: [.replicated], inputErrors: [.sharded(1), .sharded(1)]),
        SplitRule(
          name: "output-channel", axis: .outputChannel, inputs: [.replicated, .sharded(0)],
          outputs: [.sharded(1)], outputErrors: [.sharded(1)], inputErrors: [.partial, .sharded(0)]),
      ])
  }

  @Test func `convolutions and layer tables split as dense layers do`() throws {
    let dense = try OperatorCase(.dense(Dense()), [[32, 70], [100, 70]])
    let convolution = try OperatorCase(.convolution(Convolution()), [[32, 70, 5, 5], [100, 70, 3, 3]])
    #expect(convolution.rules == dense.rules)
    let layer = Tabulated(
      .dense, inputElements: 70, outputElements: 100, weightElements: 7000, forwardMultiplyAccumulates: 7000,
      errorMultiplyAccumulates: 7000, weightGradientMultiplyAccumulates: 7000)
    let tabulated = try OperatorCase(.tabulated(layer), [[32, 70], [7000]])
    #expect(tabulated.rules.map(\.outputs) == dense.rules.map(\.outputs))
    #expect(tabulated.rules.map(\.outputErrors) == dense.rules.map(\.outputErrors))
    #expect(tabulated.rules.map { $0.inputs[0] } == dense.rules.map { $0.inputs[0] })
    // The weights are flat: both channel splits cut their one dimension.
    #expect(tabulated.rules.map { $0.inputs[1] } == [.replicated, .sharded(0), .sharded(0)])
    #expect(tabulated.rules.map { $0.inputErrors[1] } == [.partial, .sharded(0), .sharded(0)])
  }

  @Test func `a bias is replicated with a whole gradient where the contraction is split`() throws {
    let rules = try OperatorCase(.dense(Dense()), [[32, 70], [100, 70], [100]]).rules
    #expect(rules.map { $0.inputs[2] } == [.replicated, .replicated, .sharded(0)])
    #expect(rules.map { $0.inputErrors[2] } == [.partial, .replicated, .sharded(0)])
  }

  @Test func `groups split whole, depthwise or not`() throws {
    let rules = try OperatorCase(
      .convolution(Convolution(padding: 1, groups: 4)), [[8, 12, 6, 6], [20, 3, 3, 3]]
    ).rules
    #expect(rules.map(\.name) == ["batch", "group"])
    #expect(rules[1].inputs == [.sharded(1), .sharded(0)])
    #expect(rules[1].outputs == [.sharded(1)])
    #expect(rules[1].inputErrors == [.sharded(1), .sharded(0)])
  }

  @Test func `only linear operators pass a partial result on`() throws {
    func names(_ operator: Operator, _ shapes: [[Int]]) throws -> [String] {
      try OperatorCase(`operator`, shapes).rules.map(\.name)
    }
    let x = [4, 6, 8, 8]
    let linear = ["batch", "channel", "replicated", "partial", "partial-error"]
    let nonlinear = ["batch", "channel", "replicated", "partial-error"]
    #expect(try names(.activation(Activation(.relu)), [x]) == nonlinear)
    #expect(try names(.activation(Activation(.negate)), [x]) == linear)
    #expect(try names(.pooling(Pooling(.maximum, kernel: 2, stride: 2)), [x]) == nonlinear)
    #expect(try names(.pooling(Pooling(.average(countsPadding: true), kernel: 2, stride: 2)), [x]) == linear)
    #expect(try names(.globalPooling(GlobalPooling(.average)), [x]) == linear)
    #expect(try names(.elementwise(Elementwise(.add)), [x, x]) == linear)
    #expect(try names(.elementwise(Elementwise(.add, right: .parameter)), [x, [6, 1, 1]]) == nonlinear)
    #expect(try names(.elementwise(Elementwise(.multiply)), [x, x]) == nonlinear)
    #expect(try names(.fork(Fork()), [x]) == linear)
    #expect(try names(.dropout(Dropout(ratio: 0.5)), [x]) == nonlinear)
    #expect(
      try names(.localResponseNormalization(LocalResponseNormalization(size: 5)), [x])
        == ["batch", "replicated", "partial-error"])
    #expect(try names(.concatenation(Concatenation(axis: 1)), [x, x]) == linear.filter { $0 != "channel" })
    #expect(
      try names(.softmaxCrossEntropy(SoftmaxCrossEntropy()), [[4, 6], [4]]) == ["batch", "replicated"])
    #expect(try names(.tabulatedLoss(TabulatedLoss()), [[4, 6]]) == ["batch", "channel", "replicated"])
  }

  @Test func `a broadcast operand is replicated along the repeated axes and its gradient is partial there`()
    throws
  {
    let scale = try OperatorCase(
      .elementwise(Elementwise(.multiply, right: .parameter)), [[4, 6, 8, 8], [6, 1, 1]])
    #expect(scale.rules.map { $0.inputs[1] } == [.replicated, .sharded(0), .replicated, .replicated])
    #expect(scale.rules.map { $0.inputErrors[1] } == [.partial, .sharded(0), .replicated, .partial])
  }

  @Test func `batch normalization sums statistics over splits of the batch in full mode alone`() throws {
    func normalization(_ mode: BatchNormalization.Mode) throws -> OperatorCase {
      try OperatorCase(
        .batchNormalization(BatchNormalization(mode: mode)),
        [[4, 6, 8, 8]] + Array(repeating: [6], count: 4))
    }
    let full = try normalization(.full)
    #expect(full.rules.map(\.name) == ["batch", "channel", "replicated"])
    #expect(full.rules.map(\.sumsStatistics) == [true, false, false])
    #expect(full.rules[0].inputErrors == [.sharded(0), .partial, .partial, .replicated, .replicated])
    // Two sums for each of the 6 channels, forward and backward.
    #expect(full.operator.rules.statistics(.forward, inputs: full.inputs) == 12)
    #expect(full.operator.rules.statistics(.error, inputs: full.inputs) == 12)
    for mode in [BatchNormalization.Mode.cell, .frozen] {
      let other = try normalization(mode)
      #expect(other.rules.allSatisfy { !$0.sumsStatistics })
      #expect(other.operator.rules.statistics(.forward, inputs: other.inputs) == 0)
    }
  }

  @Test func `the rows of an embedding leave a partial result`() throws {
    let rules = try OperatorCase(.embedding(Embedding()), [[8, 5], [100, 16]]).rules
    #expect(rules.map(\.outputs) == [[.sharded(0)], [.partial], [.sharded(2)]])
    #expect(rules.map { $0.inputs[1] } == [.replicated, .sharded(0), .sharded(1)])
    #expect(rules.map { $0.inputErrors[1] } == [.partial, .sharded(0), .sharded(1)])
  }

  @Test func `flattening cuts channels on both sides and nothing inside them`() throws {
    let flatten = try OperatorCase(
      .reshape(try Reshape(from: [4, 6, 8, 8], to: [4, 384])), [[4, 6, 8, 8]])
    #expect(flatten.rules.prefix(2).map(\.inputs) == [[.sharded(0)], [.sharded(1)]])
    #expect(flatten.rules.prefix(2).map(\.outputs) == [[.sharded(0)], [.sharded(1)]])
    #expect(flatten.space.axes.map(\.extent) == [4, 6])
    #expect(flatten.work(.forward).isEmpty)
  }
}
