/// For each place of a shape the place of the operand that is repeated to fill it.
///
/// Dimensions are aligned at the innermost; an extent of one, or a missing dimension, is repeated.
func broadcastPlaces(of operand: [Int], in result: [Int]) -> [Int] {
  if operand == result { return Array(0..<product(result)) }
  let missing = result.count - operand.count
  precondition(missing >= 0, "an operand of shape \(operand) cannot fill \(result)")
  let own = rowMajorStrides(operand)
  let strides = result.indices.map { d in
    d < missing || operand[d - missing] == 1 ? 0 : own[d - missing]
  }
  var places = [0]
  for d in result.indices {
    places = places.flatMap { place in (0..<result[d]).map { place + $0 * strides[d] } }
  }
  return places
}

/// The shape to which operands are repeated together.
func broadcastShape(_ shapes: [[Int]]) -> [Int] {
  let rank = shapes.map(\.count).max() ?? 0
  return (0..<rank).map { d in
    let extents = shapes.compactMap { shape in
      let own = d - (rank - shape.count)
      return own >= 0 ? shape[own] : nil
    }
    return extents.first { $0 != 1 } ?? 1
  }
}

extension ReferenceTensor {
  /// The tensor repeated to a shape.
  func broadcast(to shape: [Int]) -> ReferenceTensor {
    let places = broadcastPlaces(of: self.shape, in: shape)
    return ReferenceTensor(shape) { elements[places[$0]] }
  }

  /// The sum over everything that ``broadcast(to:)`` repeats: its transpose.
  func summed(to shape: [Int]) -> ReferenceTensor {
    if shape == self.shape { return self }
    let places = broadcastPlaces(of: shape, in: self.shape)
    var sum = ReferenceTensor(shape)
    for place in 0..<count { sum.elements[places[place]] += elements[place] }
    return sum
  }

  /// An element-wise function of one tensor.
  func map(_ body: (Scalar) -> Scalar) -> ReferenceTensor {
    ReferenceTensor(shape) { body(elements[$0]) }
  }

  /// An element-wise function of two tensors of the same shape.
  func zip(_ other: ReferenceTensor, _ body: (Scalar, Scalar) -> Scalar) -> ReferenceTensor {
    precondition(shape == other.shape, "shapes \(shape) and \(other.shape) differ")
    return ReferenceTensor(shape) { body(elements[$0], other.elements[$0]) }
  }
}
