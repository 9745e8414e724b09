/// Pooling over any number of spatial dimensions of `[N, C, …]`.
struct PoolingKernel<Scalar: KernelScalar> {
  let map: WindowMap
  let inputShape: [Int]
  let outputShape: [Int]

  private var planes: Int { inputShape[0] * inputShape[1] }

  /// The largest covered element and its place in its channel's plane; of equal ones the first.
  func maximum(_ x: ReferenceTensor<Scalar>) -> (
    output: ReferenceTensor<Scalar>, places: ReferenceTensor<Scalar>
  ) {
    var y = ReferenceTensor<Scalar>(outputShape)
    var places = ReferenceTensor<Scalar>(outputShape)
    for plane in 0..<planes {
      for output in 0..<map.outputCount {
        var best: (value: Scalar, place: Int)?
        map.forEach(output) { _, input in
          let value = x.elements[plane * map.inputCount + input]
          if value > (best?.value ?? -.infinity) { best = (value, input) }
        }
        let target = plane * map.outputCount + output
        y.elements[target] = best?.value ?? 0
        places.elements[target] = Scalar(best?.place ?? -1)
      }
    }
    return (y, places)
  }

  func maximumError(places: ReferenceTensor<Scalar>, _ error: ReferenceTensor<Scalar>) -> ReferenceTensor<
    Scalar
  > {
    var dx = ReferenceTensor<Scalar>(inputShape)
    for target in 0..<error.count where places.elements[target] >= 0 {
      dx.elements[target / map.outputCount * map.inputCount + Int(places.elements[target])] +=
        error.elements[target]
    }
    return dx
  }

  /// The mean of the covered elements; the padding counts as zeros where `includesPadding`.
  func average(_ x: ReferenceTensor<Scalar>, includesPadding: Bool) -> ReferenceTensor<Scalar> {
    var y = ReferenceTensor<Scalar>(outputShape)
    for plane in 0..<planes {
      for output in 0..<map.outputCount {
        var sum: Scalar = 0
        map.forEach(output) { _, input in sum += x.elements[plane * map.inputCount + input] }
        y.elements[plane * map.outputCount + output] = sum / divisor(output, includesPadding: includesPadding)
      }
    }
    return y
  }

  func averageError(_ error: ReferenceTensor<Scalar>, includesPadding: Bool) -> ReferenceTensor<Scalar> {
    var dx = ReferenceTensor<Scalar>(inputShape)
    for plane in 0..<planes {
      for output in 0..<map.outputCount {
        let share =
          error.elements[plane * map.outputCount + output] / divisor(output, includesPadding: includesPadding)
        map.forEach(output) { _, input in dx.elements[plane * map.inputCount + input] += share }
      }
    }
    return dx
  }

  private func divisor(_ output: Int, includesPadding: Bool) -> Scalar {
    if includesPadding { return Scalar(max(map.paddedCounts[output], 1)) }
    var covered = 0
    map.forEach(output) { _, _ in covered += 1 }
    return Scalar(max(covered, 1))
  }
}
