/// Mean and variance of each channel from the sums that the statistics step of a batch normalisation leaves.
///
/// With `m` numbers of a channel, an origin `µ₀` near their mean, `S₁ = Σ (x − µ₀)` and `S₂ = Σ (x − µ₀)²`:
///
///     µ = µ₀ + S₁ ∕ m,  σ² = S₂ ∕ m − (S₁ ∕ m)²
///
/// and the running statistics `r` follow with the momentum `k`: `r ← k r + (1 − k) s`. Where statistics are
/// taken for each cell, `s` is the mean over the cells, each weighted with its numbers.
///
/// > Source: T. F. Chan, G. H. Golub, R. J. LeVeque. "Algorithms for computing the sample variance." *Am.
/// > Stat.* 37(3), 1983 (shifted data); S. Ioffe, C. Szegedy. "Batch Normalization." ICML 2015, section 3.1.
public struct BatchMoments<Scalar: KernelScalar>: Hashable, Sendable {
  /// The mean of each channel.
  public let mean: [Scalar]
  /// The biased variance of each channel.
  public let variance: [Scalar]
  /// The numbers of each channel.
  public let count: Int

  // Inlinable, since code for any scalar takes a microsecond for each channel.

  /// Creates moments from sums over `count` numbers of each channel.
  @inlinable public init(sums: [Scalar], origin: [Scalar], count: Int) {
    let channels = origin.count
    precondition(sums.count == 2 * channels, "\(sums.count) sums for \(channels) channels")
    let size = Scalar(count)
    mean = origin.indices.map { origin[$0] + sums[$0] / size }
    // Rounding may take a variance of nothing below zero.
    variance = origin.indices.map { channel in
      let shift = sums[channel] / size
      return max(sums[channels + channel] / size - shift * shift, 0)
    }
    self.count = count
  }

  /// Creates moments that are known.
  public init(mean: [Scalar], variance: [Scalar], count: Int) {
    self.mean = mean
    self.variance = variance
    self.count = count
  }

  /// Returns the mean over cells, each weighted with its numbers; added in the order given.
  public static func overCells(_ cells: [BatchMoments]) -> BatchMoments {
    precondition(!cells.isEmpty, "no cell has statistics")
    let count = cells.reduce(0) { $0 + $1.count }
    func weighted(_ values: (BatchMoments) -> [Scalar]) -> [Scalar] {
      values(cells[0]).indices.map { channel in
        cells.reduce(0) { $0 + values($1)[channel] * Scalar($1.count) } / Scalar(count)
      }
    }
    return BatchMoments(mean: weighted(\.mean), variance: weighted(\.variance), count: count)
  }

  /// Returns the running mean and variance after a step that keeps the part `momentum` of them.
  @inlinable public func runningStatistics(
    mean runningMean: [Scalar], variance runningVariance: [Scalar], momentum: Double
  ) -> (mean: [Scalar], variance: [Scalar]) {
    let keep = Scalar(momentum)
    func followed(_ old: [Scalar], _ new: [Scalar]) -> [Scalar] {
      zip(old, new).map { keep * $0 + (1 - keep) * $1 }
    }
    return (followed(runningMean, mean), followed(runningVariance, variance))
  }
}
