/// A regular part of a tensor along some dimensions.
///
/// Along `axes[i]` it takes the elements `starts[i]`, `starts[i] + steps[i]`, … before `ends[i]`. Negative
/// starts and ends count from the end, and those outside the tensor are clamped, as in ONNX.
public struct Slice: OperatorRules {
  /// The first elements.
  public let starts: [Int]
  /// The first elements that are no longer taken.
  public let ends: [Int]
  /// The dimensions.
  public let axes: [Int]
  /// The distances between elements; negative ones run backward.
  public let steps: [Int]

  /// Creates a slice; axes are not negative.
  public init(starts: [Int], ends: [Int], axes: [Int], steps: [Int]? = nil) {
    self.starts = starts
    self.ends = ends
    self.axes = axes
    self.steps = steps ?? starts.map { _ in 1 }
  }

  /// The kind's name in tables and JSON.
  public var kind: String { "slice" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    var shape = inputs[0].shape
    let count = axes.count
    try ShapeError.require(
      starts.count == count && ends.count == count && steps.count == count && Set(axes).count == count,
      "\(kind) along the dimensions \(axes) from \(starts) to \(ends) by \(steps)")
    for index in 0..<count {
      try ShapeError.require(
        shape.indices.contains(axes[index]), "\(kind) along dimension \(axes[index]) does not fit \(shape)")
      try ShapeError.require(steps[index] != 0, "\(kind) has a step of 0")
      shape[axes[index]] = range(index, extent: shape[axes[index]]).count
    }
    return [try .checked(inputs[0].elementType, shape)]
  }

  /// Returns the first element and the number of elements along `axes[index]`, whose extent is given.
  public func range(_ index: Int, extent: Int) -> (start: Int, count: Int) {
    let step = steps[index]
    func clamped(_ place: Int, _ low: Int, _ high: Int) -> Int {
      // A place below −extent clamps to the low end before it is added, so that nothing overflows.
      let counted = place < 0 ? (place < -extent ? low : place + extent) : place
      return min(max(counted, low), high)
    }
    if step > 0 {
      let start = clamped(starts[index], 0, extent)
      let room = clamped(ends[index], 0, extent) - start
      return (start, room <= 0 ? 0 : (room - 1) / step + 1)
    }
    let start = clamped(starts[index], -1, extent - 1)
    let room = start - clamped(ends[index], -1, extent - 1)
    // −step of the least integer would overflow; its magnitude as an unsigned number does not.
    return (start, room <= 0 ? 0 : Int(UInt(room - 1) / step.magnitude) + 1)
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    .pointwise(inputs[0], whole: axes)
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.linear(iterationSpace(inputs: inputs, outputs: outputs))
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([GradientOperation(.error, of: [0], reading: [.outputError(0)])])
  }

  /// Forward the part is read and written; backward the whole is written, zeros included.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    switch phase {
    case .forward: .passes(2 * outputs[0].elementCount)
    case .error: .passes(inputs[0].elementCount + outputs[0].elementCount)
    case .weightGradient, .update: Work()
    }
  }
}
