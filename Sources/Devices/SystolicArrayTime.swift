import Graphs
public import Machines
import Units

/// Returns the time of the arithmetic of `work` on a weight-stationary systolic array, without its memory.
///
/// ## Model
///
/// `MACs ∕ (R · C · f · u)`, with R rows and C columns of cells, the clock `f` (Hz) and the utilisation `u`
/// of the cells (``Machines/SystolicArray/utilisation(reduction:columns:)``). Contractions whose extents are
/// unknown, as those of layer tables, fill the array (`u = 1`). Element-wise work is assumed to keep pace
/// with the memory as tensors pass, so that only its traffic takes time. The filling and draining of the
/// array are left out.
func arithmeticTime(of work: Work, on array: SystolicArray) -> Seconds {
  let lanes = Double(array.columns) * array.clock.value
  var utilisation = 1.0
  if let contraction = work.contraction {
    utilisation = array.utilisation(reduction: contraction.reduction, columns: contraction.columns)
  }
  return Seconds(work.multiplyAccumulates / (Double(array.rows) * lanes * utilisation))
}

extension SystolicArray {
  /// The fraction of the cells that a stationary matrix of `reduction × columns` keeps busy.
  ///
  /// ## Model
  ///
  /// `u = max(fit(reduction, R) · fit(columns, C), 1 ∕ R)` with `fit(n, t) = n ∕ (t · ⌈n ∕ t⌉)`: the matrix
  /// is cut into tiles of the array's size, and the last ones are partly empty. A product that would fill
  /// less than the vector path of C lanes, as a depthwise convolution, runs there instead: one part in R of
  /// the cells.
  public func utilisation(reduction: Int, columns: Int) -> Double {
    max(fit(reduction, self.rows) * fit(columns, self.columns), 1 / Double(rows))
  }
}

/// The share of ⌈extent ∕ tile⌉ tiles that an extent fills.
private func fit(_ extent: Int, _ tile: Int) -> Double {
  guard extent > 0 else { return 0 }
  let tiles = (extent - 1) / tile + 1
  return Double(extent) / (Double(tile) * Double(tiles))
}
