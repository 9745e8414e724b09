/// The broadcasting of shapes: aligned at the innermost dimension, an extent of one is repeated.
enum Broadcast {
  /// Returns the shape of the result.
  static func shape(_ left: [Int], _ right: [Int]) throws(ShapeError) -> [Int] {
    let rank = max(left.count, right.count)
    var result: [Int] = []
    for dimension in 0..<rank {
      let first = dimension - rank + left.count
      let second = dimension - rank + right.count
      let a = first >= 0 ? left[first] : 1
      let b = second >= 0 ? right[second] : 1
      try ShapeError.require(a == b || a == 1 || b == 1, "the shapes \(left) and \(right) do not broadcast")
      result.append(a == 1 ? b : a)
    }
    return result
  }

  /// Returns for each dimension of an operand the dimension of the result that it runs along, or nil if
  /// repeated.
  static func dimensions(of operand: [Int], in result: [Int]) -> [Int?] {
    operand.indices.map { dimension in
      let place = dimension + result.count - operand.count
      return operand[dimension] == result[place] ? place : nil
    }
  }
}
