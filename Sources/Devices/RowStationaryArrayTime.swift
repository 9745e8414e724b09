import Graphs
import Machines
import Units

/// Returns the time of the arithmetic of `work` on a row-stationary array, without its memory.
///
/// ## Model
///
/// `W ∕ (P · η(W))`, with `W = 2 · MACs + element operations` (FLOP), the peak `P` of the precision
/// (FLOP∕s) and the efficiency η of work of that size. The mapping of rows to cells is not modelled: its
/// effect is in η.
func arithmeticTime(of work: Work, on array: RowStationaryArray, precision: Precision) -> Seconds {
  guard let peak = array.peaks[precision] else {
    preconditionFailure("no peak for \(precision) among \(array.peaks.precisions)")
  }
  let operations = work.floatingPointOperations
  return operations / (peak * array.efficiency.fraction(at: operations))
}
