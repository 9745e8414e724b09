import ArgumentParser
import Machines
import Plans
import Workflows

/// The training step: what is computed, and what may overlap.
struct StepOptions: ParsableArguments {
  // What is not said is nil and not the default, so that the step of a plan file can stand in its place.

  @Option(help: "How parameters are updated (default: sgd).")
  var optimizer: Request.Optimizer?

  @Option(help: "The precision of arithmetic (default: float32).")
  var precision: Precision?

  @Option(
    help: ArgumentHelp(
      "Where batch normalisation takes its statistics: over the batch (default: full), each cell, or not at "
        + "all."))
  var batchNorm: Request.BatchNormalization?

  @Option(
    help: ArgumentHelp(
      "Nothing overlaps; weight-gradient collectives run under the error pass (default: backward); or steps "
        + "overlap, too."))
  var overlap: Request.Overlap?

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
    if let optimizer { request.optimizer = optimizer }
    if let precision { request.precision = precision }
    if let batchNorm { request.batchNormalization = batchNorm }
    if let overlap { request.overlap = overlap }
    request.cells = cells
    request.microBatches = microBatches
  }
}
