import Graphs
import TestSupport
import Testing

@Suite struct WorkTests {
  @Test func `a convolution's three phases multiply equally often`() throws {
    // N·K·P·Q·(C ∕ g)·R·S of ResNet's first: 32·64·112·112·3·7·7.
    let convolution = try OperatorCase(
      .convolution(Convolution(stride: 2, padding: 3)), [[32, 3, 224, 224], [64, 3, 7, 7]])
    for phase in [Phase.forward, .error, .weightGradient] {
      #expect(convolution.work(phase).multiplyAccumulates == 3_776_446_464)
    }
    #expect(
      convolution.work(.forward).contraction
        == Contraction(streamed: 32 * 112 * 112, reduction: 3 * 7 * 7, columns: 64))
    #expect(
      convolution.work(.error).contraction
        == Contraction(streamed: 32 * 224 * 224, reduction: 64 * 7 * 7, columns: 3))
    #expect(convolution.work(.weightGradient).contraction == convolution.work(.forward).contraction)
  }

  @Test func `a depthwise convolution is as many small products as it has groups`() throws {
    let depthwise = try OperatorCase(
      .convolution(Convolution(padding: 1, groups: 32)), [[8, 32, 14, 14], [32, 1, 3, 3]])
    #expect(depthwise.work(.forward).multiplyAccumulates == 8 * 14 * 14 * 32 * 9)
    #expect(
      depthwise.work(.forward).contraction
        == Contraction(streamed: 8 * 14 * 14, reduction: 9, columns: 1, count: 32))
  }

  @Test func `weighted layers move activations twice and weights once in each phase`() throws {
    let dense = try OperatorCase(.dense(Dense()), [[32, 70], [100, 70], [100]])
    let activations = 32 * 70 + 32 * 100
    let forward = dense.work(.forward)
    #expect(forward.activationElements == activations)
    #expect(forward.parameterElements == 7000 + 100)
    #expect(forward.elementOperations == 3200)
    let error = dense.work(.error)
    #expect(error.activationElements == activations && error.parameterElements == 7000)
    let gradient = dense.work(.weightGradient)
    #expect(gradient.activationElements == activations && gradient.gradientElements == 7000 + 100)
    #expect(gradient.parameterElements == 0 && error.gradientElements == 0)
  }

  @Test func `the contraction multiplies as often as the work says`() throws {
    var random = SplitMix64(seed: 7)
    for instance in try OperatorCase.all(&random) {
      for phase in [Phase.forward, .weightGradient] {
        guard let contraction = instance.work(phase).contraction else { continue }
        let product =
          contraction.streamed * contraction.reduction * contraction.columns * contraction.count
        #expect(Double(product) == instance.work(phase).multiplyAccumulates, "\(phase) of \(instance)")
      }
    }
  }

  @Test func `memory passes forward and backward`() throws {
    // The passes over the tensor, unfused, that the near-memory studies count: normalisation 3 and 5, relu 2
    // and 3, residual addition 3 and 0, fork 0 and 3.
    let x = [4, 6, 8, 8]
    let elements = 4 * 6 * 8 * 8
    func passes(_ operator: Operator, _ shapes: [[Int]]) throws -> [Int] {
      let instance = try OperatorCase(`operator`, shapes)
      return [Phase.forward, .error].map { instance.work($0).activationElements / elements }
    }
    let statistics = Array(repeating: [6], count: 4)
    #expect(try passes(.batchNormalization(BatchNormalization()), [x] + statistics) == [3, 5])
    #expect(try passes(.batchNormalization(BatchNormalization(mode: .frozen)), [x] + statistics) == [2, 2])
    #expect(try passes(.activation(Activation(.relu)), [x]) == [2, 3])
    #expect(try passes(.elementwise(Elementwise(.add)), [x, x]) == [3, 0])
    #expect(try passes(.elementwise(Elementwise(.multiply)), [x, x]) == [3, 3])
    #expect(try passes(.fork(Fork()), [x]) == [0, 3])
    #expect(try passes(.concatenation(Concatenation(axis: 1)), [[4, 3, 8, 8], [4, 3, 8, 8]]) == [2, 2])
    #expect(try passes(.transpose(Transpose([0, 2, 3, 1])), [x]) == [2, 2])
    let pooling = try OperatorCase(.pooling(Pooling(.maximum, kernel: 2, stride: 2)), [x])
    #expect(pooling.work(.forward).activationElements == elements + elements / 4)
    #expect(pooling.work(.error).activationElements == elements + 2 * elements / 4)
  }

  @Test func `each operand of an addition pays for its own gradient`() throws {
    let addition = try OperatorCase(
      .elementwise(Elementwise(.add, right: .parameter)), [[4, 6, 8, 8], [6, 1, 1]])
    let rules = addition.operator.rules
    let work = addition.gradient.operations.map {
      rules.work(of: $0, inputs: addition.inputs, outputs: addition.outputs)
    }
    #expect(work[0].isEmpty)
    // The bias' gradient reads the error and writes six sums.
    #expect(work[1].activationElements == 4 * 6 * 8 * 8 && work[1].gradientElements == 6)
    let subtraction = try OperatorCase(.elementwise(Elementwise(.subtract)), [[4, 6], [4, 6]])
    // The subtrahend's error is the negated error: one read, one write.
    let negated = subtraction.operator.rules.work(
      of: subtraction.gradient.operations[1], inputs: subtraction.inputs, outputs: subtraction.outputs)
    #expect(negated.activationElements == 48)
  }

  @Test func `a layer table's arithmetic shrinks with the samples and the weights present`() throws {
    let layer = Tabulated(
      .convolution, inputElements: 64, outputElements: 32, weightElements: 100,
      forwardMultiplyAccumulates: 1000, errorMultiplyAccumulates: 2000,
      weightGradientMultiplyAccumulates: 3000)
    func work(_ phase: Phase, _ n: Int, _ weights: Int) -> Double {
      layer.work(
        phase, inputs: [TensorType(.float32, [n, 64]), TensorType(.float32, [weights])],
        outputs: [TensorType(.float32, [n, 32])]
      ).multiplyAccumulates
    }
    #expect(work(.forward, 8, 100) == 8000)
    #expect(work(.error, 8, 50) == 8000)
    #expect(work(.weightGradient, 4, 25) == 3000)
  }
}
