import Graphs
import Kernels
import Machines

/// How fast the computer is from moment to moment, by two kernels that are run again and again.
///
/// A guest on a larger computer, or one whose clock follows its heat, is now faster and now slower, for
/// seconds. Times of other kernels are compared at its usual pace.
final class Pace {
  /// A kernel, and the seconds that it took at each moment.
  private struct Reference {
    let bench: KernelBench
    let loop: KernelBench.Loop
    /// The calls that are timed at once, so many that reading the clock does not count.
    let repetitions: Int
    var times: [Double] = []

    init?(_ library: any KernelLibrary, _ subject: KernelBench.Subject) {
      guard let bench = KernelBench(library), let loop = bench.prepare(bench.carried(subject))
      else { return nil }
      self.bench = bench
      self.loop = loop
      loop.body(0)
      let start = threadSeconds()
      loop.body(0)
      repetitions = max(1, Int(1e-4 / max(threadSeconds() - start, 1e-7)))
    }

    mutating func measure() {
      // What ran before has left its own in the caches.
      loop.body(0)
      times.append(
        median(
          (0..<3).map { _ in
            let start = threadSeconds()
            for _ in 0..<repetitions { loop.body(0) }
            return threadSeconds() - start
          }))
    }

    /// By how much the kernel took longer than usual.
    func slowness(at moment: Int, usual: Double) -> Double { usual > 0 ? times[moment] / usual : 1 }
  }

  /// A moment lasts so long, in seconds.
  private static let moment = 0.03

  private var arithmetic: Reference
  /// A sum of tensors that a cache holds.
  private var traffic: Reference
  private var last = -Double.infinity

  /// Prepares both kernels; nil where there is no memory.
  init?(_ library: any KernelLibrary) {
    guard
      let convolution = RateDesign.Point(
        .convolution(Convolution(padding: 1)), [[1, 32, 7, 7], [32, 32, 3, 3]], .forward,
        unit: .operations),
      let arithmetic = Reference(library, convolution.subject),
      let traffic = Reference(library, .sum(1 << 17))
    else { return nil }
    self.arithmetic = arithmetic
    self.traffic = traffic
  }

  /// The number of this moment, at whose beginning both kernels are measured.
  func now() -> Int {
    if steadySeconds() - last > Self.moment {
      arithmetic.measure()
      traffic.measure()
      last = steadySeconds()
    }
    return arithmetic.times.count - 1
  }

  /// Tells by how much the computer was slower than usual between two moments, one where it was not, for what
  /// a table counts.
  func slowness(of unit: RateTable.Unit) -> (ClosedRange<Int>) -> Double {
    let reference =
      switch unit {
      case .operations: arithmetic
      case .bytes: traffic
      }
    let usual = median(reference.times)
    return { moments in
      let ends = [moments.lowerBound, moments.upperBound].map { reference.slowness(at: $0, usual: usual) }
      return median(ends)
    }
  }
}
