/// The softmax of every row along one dimension.
struct SoftmaxKernel {
  /// Extents outside, along and inside the dimension.
  let outer: Int
  let length: Int
  let inner: Int

  init(shape: [Int], axis: Int) {
    outer = product(shape[..<axis])
    length = shape[axis]
    inner = product(shape[(axis + 1)...])
  }

  /// Calls `body` with the places of each row.
  private func forEachRow(_ body: (StrideTo<Int>) -> Void) {
    for o in 0..<outer {
      for i in 0..<inner {
        let start = o * length * inner + i
        body(stride(from: start, to: start + length * inner, by: inner))
      }
    }
  }

  func forward<Scalar>(_ x: ReferenceTensor<Scalar>) -> ReferenceTensor<Scalar> {
    var y = x
    forEachRow { row in
      // The largest is taken off so that no exponential overflows.
      let largest = row.reduce(-Scalar.infinity) { max($0, x.elements[$1]) }
      for place in row { y.elements[place] = (x.elements[place] - largest).exponential }
      let sum = row.reduce(0) { $0 + y.elements[$1] }
      for place in row { y.elements[place] /= sum }
    }
    return y
  }

  func logarithm<Scalar>(_ x: ReferenceTensor<Scalar>) -> ReferenceTensor<Scalar> {
    var y = x
    forEachRow { row in
      let largest = row.reduce(-Scalar.infinity) { max($0, x.elements[$1]) }
      let sum = row.reduce(0) { $0 + (x.elements[$1] - largest).exponential }
      for place in row { y.elements[place] = x.elements[place] - largest - sum.naturalLogarithm }
    }
    return y
  }

  func error<Scalar>(output y: ReferenceTensor<Scalar>, _ error: ReferenceTensor<Scalar>) -> ReferenceTensor<
    Scalar
  > {
    var dx = error
    forEachRow { row in
      let product = row.reduce(0) { $0 + y.elements[$1] * error.elements[$1] }
      for place in row { dx.elements[place] = y.elements[place] * (error.elements[place] - product) }
    }
    return dx
  }

  func logarithmError<Scalar>(
    output y: ReferenceTensor<Scalar>, _ error: ReferenceTensor<Scalar>
  ) -> ReferenceTensor<Scalar> {
    var dx = error
    forEachRow { row in
      let sum = row.reduce(0) { $0 + error.elements[$1] }
      for place in row { dx.elements[place] = error.elements[place] - y.elements[place].exponential * sum }
    }
    return dx
  }
}
