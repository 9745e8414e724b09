extension ReferenceTensor {
  /// The tensor with its last two dimensions exchanged.
  var transposedMatrices: ReferenceTensor {
    var order = Array(shape.indices)
    order.swapAt(order.count - 1, order.count - 2)
    return transposed(order)
  }

  /// The tensor with its dimensions in another order: dimension `d` of the result is `order[d]` of this one.
  func transposed(_ order: [Int]) -> ReferenceTensor {
    let own = rowMajorStrides(shape)
    let strides = order.map { own[$0] }
    let target = order.map { shape[$0] }
    var places = [0]
    for d in target.indices {
      places = places.flatMap { place in (0..<target[d]).map { place + $0 * strides[d] } }
    }
    return ReferenceTensor(target) { elements[places[$0]] }
  }

  /// The matrix products over the last two dimensions; the outer dimensions are repeated where needed.
  func matrixProduct(_ right: ReferenceTensor) -> ReferenceTensor {
    let (rows, inner) = (shape[shape.count - 2], shape[shape.count - 1])
    let columns = right.shape[right.shape.count - 1]
    precondition(inner == right.shape[right.shape.count - 2], "\(shape) and \(right.shape) have no product")
    let outer = broadcastShape([Array(shape.dropLast(2)), Array(right.shape.dropLast(2))])
    let leftPlaces = broadcastPlaces(of: Array(shape.dropLast(2)), in: outer)
    let rightPlaces = broadcastPlaces(of: Array(right.shape.dropLast(2)), in: outer)
    var result = ReferenceTensor(outer + [rows, columns])
    for matrix in 0..<product(outer) {
      let a = leftPlaces[matrix] * rows * inner
      let b = rightPlaces[matrix] * inner * columns
      let c = matrix * rows * columns
      for row in 0..<rows {
        for k in 0..<inner {
          let factor = elements[a + row * inner + k]
          for column in 0..<columns {
            result.elements[c + row * columns + column] += factor * right.elements[b + k * columns + column]
          }
        }
      }
    }
    return result
  }
}
