import Graphs
import Kernels
import TestSupport
import Testing

/// How an operand of a test is filled.
enum Filling {
  /// Magnitudes of 0.2 to 1 with either sign: away from the kink at zero.
  case signed
  /// Numbers of 0.2 to 1.
  case positive
  /// Numbers that differ by at least 0.01: no ties.
  case distinct
  /// Whole numbers below a bound, such as labels and indices.
  case whole(below: Int)
  /// Given numbers.
  case given([Double])

  func tensor(_ shape: [Int], _ generator: inout SplitMix64) -> ReferenceTensor<Double> {
    let count = shape.reduce(1, *)
    switch self {
    case .signed:
      return ReferenceTensor(
        shape,
        (0..<count).map { _ in
          Double.random(in: 0.2...1, using: &generator) * (Bool.random(using: &generator) ? 1 : -1)
        })
    case .positive:
      return ReferenceTensor(shape, (0..<count).map { _ in Double.random(in: 0.2...1, using: &generator) })
    case .distinct:
      return ReferenceTensor(shape, (0..<count).shuffled(using: &generator).map { Double($0) * 0.01 - 0.5 })
    case .whole(let bound):
      return ReferenceTensor(
        shape, (0..<count).map { _ in Double(Int.random(in: 0..<bound, using: &generator)) })
    case .given(let numbers): return ReferenceTensor(shape, numbers)
    }
  }
}

/// An operator with the shapes and fillings of its inputs.
struct KernelCase: CustomTestStringConvertible {
  let name: String
  let `operator`: Operator
  let shapes: [[Int]]
  let fillings: [Filling]
  let cells: Int

  init(
    _ name: String, _ operator: Operator, _ shapes: [[Int]], _ fillings: [Filling]? = nil, cells: Int = 1
  ) {
    self.name = name
    self.operator = `operator`
    self.shapes = shapes
    self.fillings = fillings ?? shapes.map { _ in .signed }
    self.cells = cells
  }

  var testDescription: String { name }
}

/// The largest difference of two tensors, relative to the largest magnitude of the second.
func relativeError(_ left: [Double], _ right: [Double]) -> Double {
  let scale = right.reduce(1e-3) { max($0, abs($1)) }
  return zip(left, right).reduce(0) { max($0, abs($1.0 - $1.1)) } / scale
}

/// The derivative of a function by each element of a tensor, by central differences.
///
///     f'(x) ≈ (f(x + h) − f(x − h)) ∕ 2h
///
/// with an error of h² f''' ∕ 6 + 10⁻¹⁶ f ∕ h: about 10⁻¹⁰ for h = 10⁻⁵.
func centralDifferences(
  _ tensor: ReferenceTensor<Double>, _ function: (ReferenceTensor<Double>) -> Double
) -> [Double] {
  let step = 1e-5
  return tensor.elements.indices.map { place in
    var (above, below) = (tensor, tensor)
    above.elements[place] += step
    below.elements[place] -= step
    return (function(above) - function(below)) / (2 * step)
  }
}

/// Compares every operation of an operator's gradient rule with central differences of `Σ weight · output`.
///
/// The kernel gets only the operands that the rule declares, so an undeclared saved activation fails here.
func checkGradients(of test: KernelCase, seed: UInt64) throws {
  var random = SplitMix64(seed: seed)
  let types = test.shapes.map { TensorType(.float64, $0) }
  let kernel = try OperatorKernel(test.operator, inputs: types, cells: test.cells)
  let inputs = zip(test.shapes, test.fillings).map { $1.tensor($0, &random) }
  let (outputs, auxiliaries) = kernel.forward(inputs)
  #expect(outputs.map(\.shape) == kernel.outputTypes.map(\.shape), "\(test.name), seed \(seed)")
  // Each cell leaves statistics of its own: the rule states those of one.
  let perCell: [Int] = test.cells > 1 ? [test.cells] : []
  let expectedShapes = kernel.gradient.auxiliaries.map { perCell + $0.shape }
  #expect(auxiliaries.map(\.shape) == expectedShapes, "\(test.name), seed \(seed)")
  // A loss begins the backward phase with an error of one.
  let isLoss = test.operator.rules.isLoss
  let errors = outputs.map {
    isLoss ? ReferenceTensor($0.shape, [1]) : Filling.signed.tensor($0.shape, &random)
  }
  func objective(_ inputs: [ReferenceTensor<Double>]) -> Double {
    zip(kernel.forward(inputs).outputs, errors).reduce(0) { sum, pair in
      zip(pair.0.elements, pair.1.elements).reduce(sum) { $0 + $1.0 * $1.1 }
    }
  }
  for operation in kernel.gradient.operations {
    var operands: [GradientOperand: ReferenceTensor<Double>] = [:]
    for read in operation.reads {
      operands[read] =
        switch read {
        case .input(let index): inputs[index]
        case .output(let index): outputs[index]
        case .auxiliary(let index): auxiliaries[index]
        case .outputError(let index): errors[index]
        }
    }
    let results = kernel.backward(operation, operands)
    #expect(results.count == operation.inputs.count, "\(test.name), seed \(seed)")
    for (input, result) in zip(operation.inputs, results) {
      #expect(result.shape == test.shapes[input], "\(test.name), input \(input), seed \(seed)")
      let expected = centralDifferences(inputs[input]) { changed in
        var all = inputs
        all[input] = changed
        return objective(all)
      }
      let error = relativeError(result.elements, expected)
      #expect(error <= 1e-6, "\(test.name), input \(input), seed \(seed): relative error \(error)")
    }
  }
}
