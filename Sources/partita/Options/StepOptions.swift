import Plans
import ArgumentParser
import Machines
import Workflows

/// The training step: what is computed, and what may overlap.
struct StepOptions: ParsableArguments {
  @Option(help: "How parameters are updated.")
  var optimizer: Request.Optimizer = .sgd

  @Option(help: "The precision of arithmetic.")
  var precision: Precision = .float32

  @Option(help: "Where batch normalisation takes its statistics: over the batch, each cell, or not at all.")
  var batchNorm: Request.BatchNormalization = .full

  @Option(
    help: "Nothing overlaps; weight-gradient collectives run under the error pass; or steps overlap, too.")
  var overlap: Request.Overlap = .backward

  @Option(
    help: ArgumentHelp(
      "Into how many cells the batch is cut, so that sums over it keep their order (default: none).",
      valueName: "n"))
  var cells: Int?

  @Option(
    help: ArgumentHelp(
      "Into how many micro-batches a pipeline cuts the batch (default: chosen).", valueName: "n"))
  var microBatches: Int?

  func validate() throws {
    try Reading.positive(cells, "--cells")
    try Reading.positive(microBatches, "--micro-batches")
  }

  /// Sets the step of a request.
  func apply(to request: inout Request) {
    request.optimizer = optimizer
    request.precision = precision
    request.batchNormalization = batchNorm
    request.overlap = overlap
    request.cells = cells
    request.microBatches = microBatches
  }
}
