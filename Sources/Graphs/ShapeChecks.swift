import Units

extension ShapeError {
  /// Throws an error with the message unless the condition holds.
  static func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(ShapeError) {
    if !condition { throw ShapeError(message()) }
  }

  /// Throws unless the number of inputs lies in the range and no input is empty.
  static func requireInputs(_ inputs: [TensorType], _ range: ClosedRange<Int>, of kind: String)
    throws(ShapeError)
  {
    let wanted = range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    try require(range.contains(inputs.count), "\(kind) takes \(wanted) inputs, not \(inputs.count)")
    for input in inputs {
      try require(input.shape.allSatisfy { $0 > 0 }, "\(kind) has an empty input of shape \(input.shape)")
    }
  }
}

extension TensorType {
  /// The most bytes of one tensor: every product of extents and every sum of sizes then fits in 64 bits.
  static let largestSize = 1 << 48

  /// Returns the type, or throws where an extent is not positive or the tensor exceeds ``largestSize``.
  static func checked(_ elementType: ElementType, _ shape: [Int]) throws(ShapeError) -> TensorType {
    var size = elementType.size.count
    for extent in shape {
      try ShapeError.require(extent > 0, "the result would have the shape \(shape)")
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      try ShapeError.require(
        !overflow && product <= largestSize, "the result of shape \(shape) exceeds 2^48 bytes")
      size = product
    }
    return TensorType(elementType, shape)
  }
}

/// Where a window of an operator may stand along one dimension.
struct WindowExtent {
  let input: Int
  let kernel: Int
  let stride: Int
  let dilation: Int
  let padding: Padding

  /// The number of places along the dimension.
  ///
  ///     out = ⌊(in + begin + end − (dilation · (kernel − 1) + 1)) ∕ stride⌋ + 1
  ///
  /// With `ceil` the division rounds up, but a window that would start in the padding at the end is left out.
  func places(ceil: Bool) throws(ShapeError) -> Int {
    let limit = 1 << 31
    for (name, value, least) in [
      ("kernel", kernel, 1), ("stride", stride, 1), ("dilation", dilation, 1), ("padding", padding.begin, 0),
      ("padding", padding.end, 0), ("extent", input, 1),
    ] {
      try ShapeError.require(value >= least && value <= limit, "the \(name) of a window is \(value)")
    }
    let reach = dilation * (kernel - 1) + 1
    let room = input + padding.begin + padding.end - reach
    try ShapeError.require(
      room >= 0, "a window of \(reach) is wider than the padded extent \(input + padding.begin + padding.end)"
    )
    var places = (ceil ? (room + stride - 1) / stride : room / stride) + 1
    if ceil && (places - 1) * stride >= input + padding.begin { places -= 1 }
    return places
  }
}

/// Zeros, or other elements, put before and after one dimension.
public struct Padding: Hashable, Sendable {
  /// How many stand before the first element.
  public let begin: Int
  /// How many stand after the last element.
  public let end: Int

  /// Creates a padding.
  public init(begin: Int, end: Int) {
    self.begin = begin
    self.end = end
  }

  /// Creates a padding with as many elements on both sides.
  public init(_ both: Int) { self.init(begin: both, end: both) }
}
