/// The same elements in the same order in another shape; squeezing, unsqueezing and flattening as well.
///
/// The shape is kept as runs of dimensions with equal products, of which the outermost extent is left open,
/// so that the operator fits any batch and any part of a split tensor: (N, C, H, W) to (N, C·H·W) is the runs
/// N → N and C, H, W → C·H·W.
public struct Reshape: OperatorRules {
  /// Dimensions that become other dimensions with the same product.
  public struct Run: Hashable, Sendable {
    /// How many dimensions of the input it takes; their product is one if it takes none.
    public let inputs: Int
    /// Whether it makes a dimension at all.
    public let makesDimensions: Bool
    /// The extents of the dimensions that it makes, without the outermost, which follows.
    public let innerExtents: [Int]

    /// Creates a run that makes `innerExtents.count + 1` dimensions, or none.
    public init(inputs: Int, makesDimensions: Bool = true, innerExtents: [Int] = []) {
      self.inputs = inputs
      self.makesDimensions = makesDimensions
      self.innerExtents = innerExtents
    }

    /// The number of dimensions that it makes.
    public var outputs: Int { makesDimensions ? innerExtents.count + 1 : 0 }
  }

  /// The runs, outermost first.
  public let runs: [Run]

  /// Creates a reshape of runs.
  public init(runs: [Run]) { self.runs = runs }

  /// Creates the reshape from one shape to another with as many elements.
  ///
  /// - Throws: ``ShapeError`` where the numbers of elements differ.
  public init(from source: [Int], to target: [Int]) throws(ShapeError) {
    _ = try TensorType.checked(.int8, source)
    _ = try TensorType.checked(.int8, target)
    let message = "\(source) and \(target) have different numbers of elements"
    var runs: [Run] = []
    var input = 0
    var output = 0
    while input < source.count || output < target.count {
      let first = input < source.count ? source[input] : nil
      let second = output < target.count ? target[output] : nil
      if first != second, first == 1 {
        runs.append(Run(inputs: 1, makesDimensions: false))
        input += 1
        continue
      }
      if first != second, second == 1 {
        runs.append(Run(inputs: 0))
        output += 1
        continue
      }
      guard var left = first, var right = second else { throw ShapeError(message) }
      let (inputStart, outputStart) = (input, output)
      (input, output) = (input + 1, output + 1)
      while left != right {
        if left < right {
          try ShapeError.require(input < source.count, message)
          left *= source[input]
          input += 1
        } else {
          try ShapeError.require(output < target.count, message)
          right *= target[output]
          output += 1
        }
      }
      runs.append(
        Run(inputs: input - inputStart, innerExtents: Array(target[(outputStart + 1)..<output])))
    }
    self.runs = runs
  }

  /// The kind's name in tables and JSON.
  public var kind: String { "reshape" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    let source = inputs[0].shape
    var dimension = 0
    var shape: [Int] = []
    for run in runs {
      try ShapeError.require(
        run.inputs >= 0 && run.inputs <= source.count - dimension, "\(kind) does not fit the shape \(source)")
      let product = source[dimension..<(dimension + run.inputs)].reduce(1, *)
      dimension += run.inputs
      var inner = 1
      for extent in run.innerExtents {
        try ShapeError.require(
          extent > 0 && extent <= product / inner, "\(kind) of \(source) to the extents \(run.innerExtents)")
        inner *= extent
      }
      try ShapeError.require(
        product % inner == 0 && (run.makesDimensions || product == 1),
        "\(kind) of \(source) to the extents \(run.innerExtents)")
      if run.makesDimensions { shape += [product / inner] + run.innerExtents }
    }
    try ShapeError.require(dimension == source.count, "\(kind) does not fit the shape \(source)")
    return [try .checked(inputs[0].elementType, shape)]
  }

  /// Only the outermost dimensions of a run are cut, at the places that both share.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    var pairs: [(input: Int, output: Int, extent: Int)] = []
    var (input, output) = (0, 0)
    for run in runs {
      if run.inputs > 0 && run.makesDimensions {
        let extent = greatestCommonDivisor(inputs[0].shape[input], outputs[0].shape[output])
        pairs.append((input, output, extent))
      }
      (input, output) = (input + run.inputs, output + run.outputs)
    }
    return IterationSpace.regrouped(pairs, input: inputs[0], output: outputs[0])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.linear(iterationSpace(inputs: inputs, outputs: outputs))
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([GradientOperation(.error, of: [0], reading: [.outputError(0)])])
  }

  /// Nothing: the result is another view of the same bytes.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work { Work() }
}

private func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
  var (a, b) = (left, right)
  while b != 0 { (a, b) = (b, a % b) }
  return a
}
