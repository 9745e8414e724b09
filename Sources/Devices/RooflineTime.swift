import Graphs
import Machines
import Units

/// Returns the time of the arithmetic of `work` on a processor or GPU, without its launch and memory.
///
/// ## Model
///
/// `W ∕ (P · η(W))`, with `W = 2 · MACs + element operations` (FLOP), the peak `P` of the precision
/// (FLOP∕s) and the efficiency η of work of that size.
///
/// > Source: S. Williams, A. Waterman, D. Patterson. "Roofline: An Insightful Visual Performance Model for
/// > Multicore Architectures." *Commun. ACM* 52(4), 2009, pp. 65–76.
func arithmeticTime(of work: Work, on roofline: Roofline, precision: Precision) -> Seconds {
  guard let peak = roofline.peaks[precision] else {
    preconditionFailure("no peak for \(precision) among \(roofline.peaks.precisions)")
  }
  let operations = work.floatingPointOperations
  return operations / (peak * roofline.efficiency.fraction(at: operations))
}

extension Work {
  /// Floating-point operations: two for each multiply-accumulate, one for each element-wise operation.
  var floatingPointOperations: FLOPs { FLOPs(2 * multiplyAccumulates + elementOperations) }
}
