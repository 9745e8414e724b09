public import Units

/// What one element of a tensor is.
public enum ElementType: String, Hashable, Sendable, CaseIterable {
  case float32, float64, float16, bfloat16, int8, uint8, int16, uint16, int32, uint32, int64, uint64, bool

  /// The bytes of one element.
  public var size: Bytes {
    switch self {
    case .float64, .int64, .uint64: Bytes(8)
    case .float32, .int32, .uint32: Bytes(4)
    case .float16, .bfloat16, .int16, .uint16: Bytes(2)
    case .int8, .uint8, .bool: Bytes(1)
    }
  }

  /// Whether elements have a fraction; all others are whole numbers.
  public var isFloatingPoint: Bool {
    switch self {
    case .float32, .float64, .float16, .bfloat16: true
    case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64, .bool: false
    }
  }
}

/// An element type and a shape.
///
/// A scalar has the empty shape and one element.
public struct TensorType: Hashable, Sendable {
  /// What one element is.
  public let elementType: ElementType
  /// The extent of each dimension, outermost first; the batch is dimension 0 of an activation.
  public let shape: [Int]

  /// Creates a type; extents are not negative.
  public init(_ elementType: ElementType, _ shape: [Int]) {
    precondition(shape.allSatisfy { $0 >= 0 }, "a negative extent in \(shape)")
    self.elementType = elementType
    self.shape = shape
  }

  /// The product of the extents.
  ///
  /// Readers bound a tensor to 2⁴⁸ bytes before they make a type, so the product does not overflow.
  public var elementCount: Int { shape.reduce(1, *) }
  /// The bytes of the tensor, unpadded.
  public var size: Bytes { elementCount * elementType.size }
  /// The same element type with another shape.
  public func with(shape: [Int]) -> TensorType { TensorType(elementType, shape) }
}
