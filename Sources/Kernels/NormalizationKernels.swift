/// Batch normalisation of `[N, C, …]` over all dimensions but the channels, for each cell of the batch grid.
///
/// With the mean `µ` and the biased variance `σ²` over the `m` numbers of a channel in a cell:
/// `x̂ = (x − µ) ∕ √(σ² + ε)`, `y = γ x̂ + β`, and for an error `e`
/// `dβ = Σ e`, `dγ = Σ e x̂`, `dx = γ ∕ √(σ² + ε) · (e − (Σ e + x̂ Σ e x̂) ∕ m)` with the sums over the cell
/// in `dx` and over the batch in the gradients.
///
/// > Source: S. Ioffe, C. Szegedy. "Batch Normalization." ICML 2015, section 3.
struct BatchNormalizationKernel<Scalar: KernelScalar> {
  let shape: [Int]
  let epsilon: Scalar
  /// The ranges of samples over which statistics are taken.
  let cells: [Range<Int>]

  private var channels: Int { shape[1] }
  private var inner: Int { product(shape.dropFirst(2)) }

  /// Sums a function of the place and the place of its statistics over each channel of each cell: `cells ×
  /// channels` numbers.
  private func sums(_ body: (_ place: Int, _ statistic: Int) -> Scalar) -> [Scalar] {
    var sums = [Scalar](repeating: 0, count: cells.count * channels)
    for (index, cell) in cells.enumerated() {
      for n in cell {
        for c in 0..<channels {
          let row = (n * channels + c) * inner
          let statistic = index * channels + c
          for place in row..<row + inner { sums[statistic] += body(place, statistic) }
        }
      }
    }
    return sums
  }

  /// Applies a function of the place and the place of its statistics to every element.
  private func elementwise(_ body: (_ place: Int, _ statistic: Int) -> Scalar) -> ReferenceTensor<Scalar> {
    var result = ReferenceTensor<Scalar>(shape)
    for (index, cell) in cells.enumerated() {
      for n in cell {
        for c in 0..<channels {
          let row = (n * channels + c) * inner
          for place in row..<row + inner { result.elements[place] = body(place, index * channels + c) }
        }
      }
    }
    return result
  }

  private func size(of statistic: Int) -> Scalar { Scalar(cells[statistic / channels].count * inner) }

  /// The mean and the reciprocal of the standard deviation of each channel of each cell.
  func statistics(_ x: ReferenceTensor<Scalar>) -> (mean: [Scalar], reciprocal: [Scalar], variance: [Scalar])
  {
    let total = sums { place, _ in x.elements[place] }
    let mean = total.indices.map { total[$0] / size(of: $0) }
    let deviations = elementwise { x.elements[$0] - mean[$1] }
    let squares = sums { place, _ in deviations.elements[place] * deviations.elements[place] }
    let variance = squares.indices.map { squares[$0] / size(of: $0) }
    return (mean, variance.map { 1 / ($0 + epsilon).squareRoot() }, variance)
  }

  func forward(
    _ x: ReferenceTensor<Scalar>, scale: ReferenceTensor<Scalar>, bias: ReferenceTensor<Scalar>,
    mean: [Scalar], reciprocal: [Scalar]
  ) -> ReferenceTensor<Scalar> {
    elementwise { place, statistic in
      let channel = statistic % channels
      return scale.elements[channel] * (x.elements[place] - mean[statistic]) * reciprocal[statistic]
        + bias.elements[channel]
    }
  }

  /// The error of the input and the gradients of scale and bias, the statistics following the input.
  func backward(
    _ x: ReferenceTensor<Scalar>, scale: ReferenceTensor<Scalar>, _ error: ReferenceTensor<Scalar>,
    mean: [Scalar], reciprocal: [Scalar]
  ) -> [ReferenceTensor<Scalar>] {
    let normal = elementwise { (x.elements[$0] - mean[$1]) * reciprocal[$1] }
    let errors = sums { place, _ in error.elements[place] }
    let products = sums { place, _ in error.elements[place] * normal.elements[place] }
    let dx = elementwise { place, statistic in
      let through = (errors[statistic] + normal.elements[place] * products[statistic]) / size(of: statistic)
      return scale.elements[statistic % channels] * reciprocal[statistic] * (error.elements[place] - through)
    }
    return [dx, overCells(products), overCells(errors)]
  }

  /// The error of the input where the statistics do not follow it.
  func scaled(
    _ error: ReferenceTensor<Scalar>, _ scale: ReferenceTensor<Scalar>, reciprocal: [Scalar]
  ) -> ReferenceTensor<Scalar> {
    elementwise { error.elements[$0] * scale.elements[$1 % channels] * reciprocal[$1] }
  }

  /// The gradients of scale and bias.
  func gradients(
    _ x: ReferenceTensor<Scalar>, _ error: ReferenceTensor<Scalar>, mean: [Scalar], reciprocal: [Scalar]
  ) -> [ReferenceTensor<Scalar>] {
    let products = sums { error.elements[$0] * (x.elements[$0] - mean[$1]) * reciprocal[$1] }
    return [overCells(products), overCells(sums { place, _ in error.elements[place] })]
  }

  /// For each channel Σ (x − µ₀), then for each channel Σ (x − µ₀)², with a given µ₀.
  func shiftedSums(_ x: ReferenceTensor<Scalar>, around origin: [Scalar]) -> [Scalar] {
    let deviations = elementwise { x.elements[$0] - origin[$1 % channels] }
    let first = sums { place, _ in deviations.elements[place] }
    let second = sums { place, _ in deviations.elements[place] * deviations.elements[place] }
    return overCells(first).elements + overCells(second).elements
  }

  /// For each channel Σ e, then for each channel Σ e x̂.
  func errorSums(
    _ x: ReferenceTensor<Scalar>, _ error: ReferenceTensor<Scalar>, mean: [Scalar], reciprocal: [Scalar]
  ) -> [Scalar] {
    let gradients = gradients(x, error, mean: mean, reciprocal: reciprocal)
    return gradients[1].elements + gradients[0].elements
  }

  /// The error of the input from sums over `count` numbers of each channel, on whichever devices these lie.
  func error(
    _ x: ReferenceTensor<Scalar>, scale: ReferenceTensor<Scalar>, _ error: ReferenceTensor<Scalar>,
    mean: [Scalar], reciprocal: [Scalar], sums: [Scalar], count: Int
  ) -> ReferenceTensor<Scalar> {
    elementwise { place, statistic in
      let channel = statistic % channels
      let normal = (x.elements[place] - mean[channel]) * reciprocal[channel]
      let through = (sums[channel] + normal * sums[channels + channel]) / Scalar(count)
      return scale.elements[channel] * reciprocal[channel] * (error.elements[place] - through)
    }
  }

  /// The mean and variance of each cell.
  func moments(_ mean: [Scalar], _ variance: [Scalar]) -> [BatchMoments<Scalar>] {
    cells.indices.map { cell in
      let range = cell * channels..<(cell + 1) * channels
      return BatchMoments(
        mean: Array(mean[range]), variance: Array(variance[range]), count: cells[cell].count * inner)
    }
  }

  private func overCells(_ sums: [Scalar]) -> ReferenceTensor<Scalar> {
    var total = ReferenceTensor<Scalar>([channels])
    for index in sums.indices { total.elements[index % channels] += sums[index] }
    return total
  }
}

/// Normalisation of every row of `length` elements to mean zero and variance one.
///
/// > Source: J. L. Ba, J. R. Kiros, G. E. Hinton. "Layer Normalization." arXiv:1607.06450, 2016, equation 4.
struct LayerNormalizationKernel<Scalar: KernelScalar> {
  let length: Int
  let epsilon: Scalar

  private func row(_ index: Int) -> Range<Int> { index * length..<(index + 1) * length }

  /// The mean and the reciprocal of the standard deviation of each row.
  func statistics(_ x: ReferenceTensor<Scalar>) -> (mean: [Scalar], reciprocal: [Scalar]) {
    let rows = (0..<x.count / length).map(row)
    let mean = rows.map { row in row.reduce(0) { $0 + x.elements[$1] } / Scalar(length) }
    let reciprocal = rows.indices.map { index in
      let squares = rows[index].reduce(Scalar(0)) { sum, place in
        let deviation = x.elements[place] - mean[index]
        return sum + deviation * deviation
      }
      return 1 / (squares / Scalar(length) + epsilon).squareRoot()
    }
    return (mean, reciprocal)
  }

  func normalised(
    _ x: ReferenceTensor<Scalar>, mean: [Scalar], reciprocal: [Scalar]
  ) -> ReferenceTensor<Scalar> {
    ReferenceTensor(x.shape) { (x.elements[$0] - mean[$0 / length]) * reciprocal[$0 / length] }
  }

  /// The error of the input from the error of the normalised rows.
  func error(
    rows: ReferenceTensor<Scalar>, reciprocal: [Scalar], _ error: ReferenceTensor<Scalar>
  ) -> ReferenceTensor<Scalar> {
    var dx = error
    for index in reciprocal.indices {
      let sum = row(index).reduce(0) { $0 + error.elements[$1] }
      let product = row(index).reduce(0) { $0 + error.elements[$1] * rows.elements[$1] }
      for place in row(index) {
        let through = (sum + rows.elements[place] * product) / Scalar(length)
        dx.elements[place] = reciprocal[index] * (error.elements[place] - through)
      }
    }
    return dx
  }
}

/// Local response normalisation across channels: `y = x · s^−β` with `s = k + α ∕ n · Σ x²` over the `n`
/// nearest channels.
///
/// > Source: A. Krizhevsky, I. Sutskever, G. E. Hinton. "ImageNet Classification with Deep Convolutional
/// > Neural Networks." NIPS 2012, section 3.3, with `α` divided by `n` as ONNX does.
struct LocalResponseNormalizationKernel<Scalar: KernelScalar> {
  let shape: [Int]
  let size: Int
  let alpha: Scalar
  let beta: Scalar
  let bias: Scalar

  private var inner: Int { product(shape.dropFirst(2)) }

  /// Sums a tensor over the channels in reach; `mirrored` takes those that have the channel in their reach.
  private func windowSums(_ x: ReferenceTensor<Scalar>, mirrored: Bool) -> ReferenceTensor<Scalar> {
    let (before, after) = ((size - 1) / 2, size / 2)
    return ReferenceTensor(shape) { place in
      let channel = place / inner % shape[1]
      let low = max(0, channel - (mirrored ? after : before))
      let high = min(shape[1] - 1, channel + (mirrored ? before : after))
      return stride(from: low, through: high, by: 1).reduce(0) {
        $0 + x.elements[place + ($1 - channel) * inner]
      }
    }
  }

  func scale(_ x: ReferenceTensor<Scalar>) -> ReferenceTensor<Scalar> {
    windowSums(x.map { $0 * $0 }, mirrored: false).map { bias + alpha / Scalar(size) * $0 }
  }

  func forward(_ x: ReferenceTensor<Scalar>) -> ReferenceTensor<Scalar> {
    x.zip(scale(x)) { $0 * $1.raised(to: -beta) }
  }

  func error(_ x: ReferenceTensor<Scalar>, _ error: ReferenceTensor<Scalar>) -> ReferenceTensor<Scalar> {
    let scale = scale(x)
    let weighted = error.zip(x, *).zip(scale) { $0 * $1.raised(to: -beta - 1) }
    let through = windowSums(weighted, mirrored: true)
    return ReferenceTensor(shape) { place in
      error.elements[place] * scale.elements[place].raised(to: -beta)
        - 2 * alpha * beta / Scalar(size) * x.elements[place] * through.elements[place]
    }
  }
}
