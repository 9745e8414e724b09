import Glibc

/// A floating-point type in which the reference kernels compute.
public protocol KernelScalar: BinaryFloatingPoint, Sendable {
  /// e to the power of the number.
  var exponential: Self { get }
  /// The natural logarithm of the number.
  var naturalLogarithm: Self { get }
  /// The hyperbolic tangent of the number.
  var hyperbolicTangent: Self { get }
  /// The error function of the number.
  var errorFunction: Self { get }
  /// Returns the number to a real power.
  func raised(to power: Self) -> Self
}

extension Double: KernelScalar {
  /// e to the power of the number.
  public var exponential: Double { exp(self) }
  /// The natural logarithm of the number.
  public var naturalLogarithm: Double { log(self) }
  /// The hyperbolic tangent of the number.
  public var hyperbolicTangent: Double { tanh(self) }
  /// The error function of the number.
  public var errorFunction: Double { erf(self) }
  /// Returns the number to a real power.
  public func raised(to power: Double) -> Double { pow(self, power) }
}

extension Float: KernelScalar {
  /// e to the power of the number.
  public var exponential: Float { expf(self) }
  /// The natural logarithm of the number.
  public var naturalLogarithm: Float { logf(self) }
  /// The hyperbolic tangent of the number.
  public var hyperbolicTangent: Float { tanhf(self) }
  /// The error function of the number.
  public var errorFunction: Float { erff(self) }
  /// Returns the number to a real power.
  public func raised(to power: Float) -> Float { powf(self, power) }
}

/// A dense array of numbers in row-major order, on which the reference kernels work.
///
/// Labels, indices and masks are held as numbers, too.
public struct ReferenceTensor<Scalar: KernelScalar>: Hashable, Sendable {
  /// The extent of each dimension, outermost first.
  public let shape: [Int]
  /// The elements; the last dimension varies fastest.
  public var elements: [Scalar]

  /// Creates a tensor from its elements.
  public init(_ shape: [Int], _ elements: [Scalar]) {
    precondition(
      shape.reduce(1, *) == elements.count, "\(elements.count) elements do not fill the shape \(shape)")
    self.shape = shape
    self.elements = elements
  }

  /// Creates a tensor of equal elements.
  public init(_ shape: [Int], repeating value: Scalar = 0) {
    self.shape = shape
    elements = [Scalar](repeating: value, count: shape.reduce(1, *))
  }

  /// Creates a tensor whose elements follow from their place in row-major order.
  init(_ shape: [Int], element: (Int) -> Scalar) {
    self.shape = shape
    elements = (0..<shape.reduce(1, *)).map(element)
  }

  /// The number of elements.
  public var count: Int { elements.count }

  /// The same elements in another shape.
  func reshaped(_ shape: [Int]) -> ReferenceTensor { ReferenceTensor(shape, elements) }

  /// The sum with a tensor of the same shape.
  static func + (left: ReferenceTensor, right: ReferenceTensor) -> ReferenceTensor {
    precondition(left.shape == right.shape, "shapes \(left.shape) and \(right.shape) cannot be added")
    return ReferenceTensor(left.shape) { left.elements[$0] + right.elements[$0] }
  }
}

/// For each dimension how many elements apart its neighbours lie in row-major order.
func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for dimension in shape.indices.dropLast().reversed() {
    strides[dimension] = strides[dimension + 1] * shape[dimension + 1]
  }
  return strides
}

/// The coordinates of the element at a place in row-major order.
func coordinates(of place: Int, in shape: [Int]) -> [Int] {
  var rest = place
  return rowMajorStrides(shape).map { stride in
    defer { rest %= stride }
    return rest / stride
  }
}

/// The product of the extents.
func product(_ extents: some Sequence<Int>) -> Int { extents.reduce(1, *) }
