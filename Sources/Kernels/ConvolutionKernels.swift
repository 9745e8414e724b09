/// A grouped convolution over any number of spatial dimensions: `x` is `[N, C, …]`, `w` `[K, C ∕ G, …]`.
struct ConvolutionKernel<Scalar: KernelScalar> {
  let map: WindowMap
  let groups: Int
  let batch: Int
  let inputShape: [Int]
  let weightShape: [Int]
  let outputShape: [Int]

  private var outputsPerGroup: Int { weightShape[0] / groups }
  private var inputsPerGroup: Int { weightShape[1] }
  private var channels: Int { inputShape[1] }

  /// Calls `body` for every product: the places in input, weight and output.
  @inline(__always)
  private func forEachProduct(_ body: (_ input: Int, _ weight: Int, _ output: Int) -> Void) {
    for n in 0..<batch {
      for k in 0..<weightShape[0] {
        let outputRow = (n * weightShape[0] + k) * map.outputCount
        for c in 0..<inputsPerGroup {
          let channel = k / outputsPerGroup * inputsPerGroup + c
          let inputRow = (n * channels + channel) * map.inputCount
          let weightRow = (k * inputsPerGroup + c) * map.windowCount
          for place in 0..<map.outputCount {
            map.forEach(place) { window, input in
              body(inputRow + input, weightRow + window, outputRow + place)
            }
          }
        }
      }
    }
  }

  func forward(
    _ x: ReferenceTensor<Scalar>, _ w: ReferenceTensor<Scalar>, bias: ReferenceTensor<Scalar>?
  ) -> ReferenceTensor<Scalar> {
    var y = ReferenceTensor<Scalar>(outputShape)
    if let bias { y = addingChannels(bias, to: y) }
    forEachProduct { y.elements[$2] += x.elements[$0] * w.elements[$1] }
    return y
  }

  func inputError(_ w: ReferenceTensor<Scalar>, _ error: ReferenceTensor<Scalar>) -> ReferenceTensor<Scalar> {
    var dx = ReferenceTensor<Scalar>(inputShape)
    forEachProduct { dx.elements[$0] += w.elements[$1] * error.elements[$2] }
    return dx
  }

  func weightGradient(_ x: ReferenceTensor<Scalar>, _ error: ReferenceTensor<Scalar>) -> ReferenceTensor<
    Scalar
  > {
    var dw = ReferenceTensor<Scalar>(weightShape)
    forEachProduct { dw.elements[$1] += x.elements[$0] * error.elements[$2] }
    return dw
  }
}

/// Adds one number for each channel (dimension 1).
func addingChannels<Scalar>(
  _ bias: ReferenceTensor<Scalar>, to x: ReferenceTensor<Scalar>
) -> ReferenceTensor<Scalar> {
  let inner = product(x.shape.dropFirst(2))
  return ReferenceTensor(x.shape) { x.elements[$0] + bias.elements[$0 / inner % x.shape[1]] }
}

/// Sums over all dimensions but the channels (dimension 1).
func channelSums<Scalar>(_ x: ReferenceTensor<Scalar>) -> ReferenceTensor<Scalar> {
  var sums = ReferenceTensor<Scalar>([x.shape[1]])
  let inner = product(x.shape.dropFirst(2))
  for place in 0..<x.count { sums.elements[place / inner % x.shape[1]] += x.elements[place] }
  return sums
}
