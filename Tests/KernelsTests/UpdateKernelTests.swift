import Differentiation
import Graphs
import Kernels
import Testing

/// One logistic weight per class: the loss is the cross-entropy of w₀, w₁ with label 0 on the sample 1.
///
/// With p = e^{w₀} ∕ (e^{w₀} + e^{w₁}) the gradients are p − 1 and 1 − p.
private struct TwoWeights {
  let training: TrainingGraph
  let tensors: [TensorID: ReferenceTensor<Double>]
  let weight: TensorID

  init(_ optimizer: Optimizer, masterCopies: MasterCopies = .none) throws {
    var builder = GraphBuilder(name: "two weights")
    let x = builder.sample("x", TensorType(.float32, [1, 1]))
    let y = try builder.dense(x, 2, bias: .absent, name: "fc")
    training = try differentiate(
      builder.build(outputs: [y]), optimizer: optimizer,
      options: DifferentiationOptions(masterCopies: masterCopies))
    weight = try #require(training.trainedParameters.first)
    let labels = try #require(training.graph.inputs.last)
    tensors = [
      x: ReferenceTensor([1, 1], [1.0]), weight: ReferenceTensor([2, 1], [0.0, 0.0]),
      labels: ReferenceTensor([1], [0.0]),
    ]
  }

  /// The weights after two steps, and the gradients of both steps by element.
  func twoSteps() throws -> (weights: [Double], gradients: [[Double]], states: [TrainingGraph.Value]) {
    let executor = try ReferenceExecutor(training)
    let first = executor.step(1, tensors: tensors)
    var next = tensors
    next[weight] = first[weight]
    let states = first.values.filter { if case .optimizerState = $0.key { true } else { false } }
    let second = executor.step(2, tensors: next, optimizerStates: states)
    let gradients = try [first, second].map { try #require($0.gradient(weight)).elements }
    return (try #require(second[weight]).elements, gradients, Array(states.keys))
  }
}

private func isNear(_ left: Double, _ right: Double) -> Bool { abs(left - right) < 1e-14 }

// w = 0, p = ½, so the first gradients are −½ and ½.
@Test func theFirstGradientIsTheProbabilityLessTheLabel() throws {
  #expect(try TwoWeights(.sgd()).twoSteps().gradients[0] == [-0.5, 0.5])
}

// w₂ = −η (g₁ + g₂).
@Test func sgdSubtractsTheGradients() throws {
  let run = try TwoWeights(.sgd(learningRate: 0.2)).twoSteps()
  for place in 0..<2 {
    #expect(isNear(run.weights[place], -0.2 * (run.gradients[0][place] + run.gradients[1][place])))
  }
  #expect(run.states.isEmpty)
}

// v₁ = g₁, v₂ = µ g₁ + g₂, w₂ = −η (v₁ + v₂).
@Test func momentumKeepsAVelocity() throws {
  let run = try TwoWeights(.momentum(learningRate: 0.2, momentum: 0.5)).twoSteps()
  for place in 0..<2 {
    let (g1, g2) = (run.gradients[0][place], run.gradients[1][place])
    #expect(isNear(run.weights[place], -0.2 * (g1 + 0.5 * g1 + g2)))
  }
  #expect(run.states.count == 1)
}

// Step 1: m̂ = g₁, v̂ = g₁², so it moves by η · sign. Step 2 as in the algorithm of the paper, written out.
@Test func adamFollowsItsAlgorithm() throws {
  let run = try TwoWeights(.adam(learningRate: 0.1, beta1: 0.8, beta2: 0.9, epsilon: 0)).twoSteps()
  for place in 0..<2 {
    let (g1, g2) = (run.gradients[0][place], run.gradients[1][place])
    let m = (0.8 * 0.2 * g1 + 0.2 * g2) / (1 - 0.64)
    let v = (0.9 * 0.1 * g1 * g1 + 0.1 * g2 * g2) / (1 - 0.81)
    let expected = -0.1 * (g1 < 0 ? -1 : 1) - 0.1 * m / v.squareRoot()
    #expect(abs(run.weights[place] - expected) < 1e-13)
  }
  #expect(run.states.count == 2)
}

// In Float64 nothing is rounded: a master copy changes the states that are kept and no number.
@Test func masterCopiesChangeNoNumberWithoutRounding() throws {
  let plain = try TwoWeights(.momentum()).twoSteps()
  let copied = try TwoWeights(.momentum(), masterCopies: .float32).twoSteps()
  #expect(plain.weights == copied.weights)
  #expect(copied.states.count == 2)
}

/// Two updates in place of the number 0 with the gradients 1 and 2, in Float32 and in Float64.
private func updated(_ optimizer: Optimizer, learningRate: Double?) -> (Float, Double) {
  var (narrow, wide) = (Float(0), 0.0)
  var (narrowStates, wideStates) = ([Float](repeating: 0, count: 2), [0.0, 0.0])
  narrowStates.withUnsafeMutableBufferPointer { narrowStates in
    wideStates.withUnsafeMutableBufferPointer { wideStates in
      for step in 1...2 {
        var (gradient, wideGradient) = (Float(step), Double(step))
        let first = narrowStates.baseAddress.map { [$0, $0 + 1] } ?? []
        let second = wideStates.baseAddress.map { [$0, $0 + 1] } ?? []
        optimizer.update(
          parameter: &narrow, gradient: &gradient, states: first, count: 1, step: step,
          learningRate: learningRate)
        optimizer.update(
          parameter: &wide, gradient: &wideGradient, states: second, count: 1, step: step,
          learningRate: learningRate)
      }
    }
  }
  return (narrow, wide)
}

// By hand: −η (1 + 2); −η (1 + (µ + 2)); of Adam step 1 moves by η, step 2 as in the algorithm of the paper.
@Test func updatesInMemoryFollowTheEquations() {
  let adam = Optimizer.adam(learningRate: 0.5, beta1: 0.5, beta2: 0.5, epsilon: 0)
  let direction = (0.25 + 1) / 0.75 / ((0.25 + 2) / 0.75).squareRoot()
  let cases: [(Optimizer, Double?, Double)] = [
    (.sgd(learningRate: 0.5), nil, -1.5), (.sgd(learningRate: 9), 0.25, -0.75),
    (.momentum(learningRate: 0.5, momentum: 0.5), nil, -1.75), (adam, nil, -0.5 - 0.5 * direction),
  ]
  for (optimizer, learningRate, expected) in cases {
    let (narrow, wide) = updated(optimizer, learningRate: learningRate)
    #expect(abs(wide - expected) < 1e-12)
    #expect(abs(Double(narrow) - expected) < 1e-6)
  }
}
