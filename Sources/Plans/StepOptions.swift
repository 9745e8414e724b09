import Differentiation
public import Machines
public import Units

/// What may run at the same time in a training step.
public enum Overlap: String, Hashable, Sendable, CaseIterable {
  /// A barrier after every operator phase and conversion: the price is the serial sum, loading included.
  case none
  /// Weight-gradient collectives run under the error pass; the next samples load under this step.
  case backward
  /// As `backward`, and steps overlap: step t uses weights no older than those of step t − 2.
  case steady
}

/// When a partial result is reduced.
public enum ReductionTiming: String, Hashable, Sendable, CaseIterable {
  /// At each fork whatever is cheapest; on a chain the same as `lazy`.
  case best
  /// Straight into what each consumer needs, one consumer at a time.
  case lazy
  /// To the whole at once, and sliced later.
  case eager
}

/// How a training step is run, apart from where and along which axes.
public struct StepOptions: Hashable, Sendable {
  /// What may overlap.
  public let overlap: Overlap
  /// Into how many parts a pipeline of several stages cuts the batch.
  public let microBatches: Int
  /// The precision of arithmetic and activations.
  public let precision: Precision
  /// When partial results are reduced.
  public let reduction: ReductionTiming
  /// Gradients are reduced together until so many bytes are ready; nil where each is reduced alone.
  public let gradientBucket: Bytes?
  /// Into how many cells the batch is cut, at most one for each sample, so that sums over it are added along
  /// one fixed tree; nil where the batch is cut anywhere and sums are added in any order.
  public let cells: Int?

  /// Creates options.
  public init(
    overlap: Overlap = .backward, microBatches: Int = 1, precision: Precision = .float32,
    reduction: ReductionTiming = .best, gradientBucket: Bytes? = Bytes(25 << 20), cells: Int? = nil
  ) {
    self.overlap = overlap
    self.microBatches = microBatches
    self.precision = precision
    self.reduction = reduction
    self.gradientBucket = gradientBucket
    self.cells = cells
  }

  /// The cells of the whole batch, given the samples of a micro-batch; nil where there is no grid.
  public func grid(microBatch samples: Int) -> CellGrid? {
    cells.map { CellGrid(samples: samples * max(1, microBatches), cells: $0) }
  }

  /// The cells of one micro-batch of so many samples.
  ///
  /// - Precondition: Micro-batches hold whole cells
  ///   (``PlanViolation/cellsAcrossMicroBatches(cells:count:)``).
  public func microGrid(samples: Int) -> CellGrid? {
    grid(microBatch: samples).map {
      CellGrid(samples: samples, cells: max(1, $0.count / max(1, microBatches)))
    }
  }
}
