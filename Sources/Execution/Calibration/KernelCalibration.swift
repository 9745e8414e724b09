import Devices
import Graphs
public import Kernels
public import Machines
public import Units

/// What was measured of the kernels of this computer, on one thread.
public struct KernelCalibration: Sendable {
  /// The time of the least call.
  public let launch: Seconds
  /// The rates.
  public let rates: KernelRates
  /// The data that pass between the memory and a sum of large tensors each second.
  public let memoryBandwidth: BytesPerSecond
  /// The highest rate of arithmetic that was measured.
  public let peak: FLOPsPerSecond
  /// The typical fraction of the peak that convolutions and products reach.
  public let efficiency: Double
  /// The points that were measured.
  public let measuredCount: Int
  /// The points of the grids that were not.
  public let leftOutCount: Int

  /// Creates what was measured.
  public init(
    launch: Seconds, rates: KernelRates, memoryBandwidth: BytesPerSecond, peak: FLOPsPerSecond,
    efficiency: Double, measuredCount: Int, leftOutCount: Int
  ) {
    self.launch = launch
    self.rates = rates
    self.memoryBandwidth = memoryBandwidth
    self.peak = peak
    self.efficiency = efficiency
    self.measuredCount = measuredCount
    self.leftOutCount = leftOutCount
  }
}

/// Measures the kernels of a library on this thread.
///
/// All points are measured once, and again while there is time. The least time of a point counts, since other
/// work on the computer can only add to it. Points that would take too long are left out, and have the
/// rates of their neighbours.
///
/// - Parameters:
///   - library: The kernels.
///   - seconds: The time to spend.
/// - Returns: What was measured, or nil where there is no memory for it.
public func calibrateKernels(_ library: any KernelLibrary, seconds: Double) -> KernelCalibration? {
  guard let bench = KernelBench(library) else { return nil }
  var calibrator = Calibrator(bench: bench, end: steadySeconds() + seconds)
  return calibrator.run()
}

private struct Calibrator {
  let bench: KernelBench
  let designs: [RateDesign]
  let end: Double
  /// For each table the least time of each point, in seconds; nil where it was not measured.
  var times: [[Double?]]

  init(bench: KernelBench, end: Double) {
    self.bench = bench
    self.end = end
    func block(_ weights: (Int) -> [Int]) -> Int {
      end - steadySeconds() > 1 ? bench.channelBlock(weights) : 1
    }
    designs = rateDesigns(ChannelBlocks(inputs: block { [64, $0] }, outputs: block { [$0, 64] }))
    times = designs.map { [Double?](repeating: nil, count: $0.grid.count) }
  }

  mutating func run() -> KernelCalibration {
    var launch = leastCall()
    measureOnce()
    repeat { measureAgain() } while steadySeconds() < end && times.contains { $0.contains { $0 != nil } }
    for table in times { launch = table.reduce(launch) { min($0, $1 ?? $0) } }
    let bandwidth = 12 * Double(1 << 24) / (bench.time(.sum(1 << 24)) ?? 1)
    let measured = times.reduce(0) { $0 + $1.count { $0 != nil } }
    let tables = designs.indices.compactMap { table($0, launch: launch) }
    let rates = tables.filter { $0.unit == .operations }.flatMap(\.rates)
    let peak = rates.max() ?? 1e9
    return KernelCalibration(
      launch: Seconds(launch), rates: KernelRates(tables + normalizations(tables, launch: launch)),
      memoryBandwidth: BytesPerSecond(bandwidth), peak: FLOPsPerSecond(peak),
      efficiency: median(rates) / peak, measuredCount: measured,
      leftOutCount: times.reduce(0) { $0 + $1.count } - measured)
  }

  /// The time of a kernel that has next to nothing to do.
  private func leastCall() -> Double {
    let relu = Operator.activation(Activation(.relu))
    guard let point = RateDesign.Point(relu, [[1]], .forward, unit: .bytes) else { return 1e-7 }
    return bench.time(point.subject) ?? 1e-7
  }

  /// Measures every point once, each table within its share of the time.
  private mutating func measureOnce() {
    let start = steadySeconds()
    let points = designs.map { Double($0.grid.count) }
    let total = points.reduce(0, +)
    var share = 0.0
    for index in designs.indices {
      share += points[index]
      measure(index, until: start + 0.8 * (end - start) * share / total, isFirst: true)
    }
  }

  /// Measures once more, the tables of few points first: what disturbed them disturbs them whole.
  private mutating func measureAgain() {
    let order = designs.indices.sorted { (designs[$0].grid.count, $0) < (designs[$1].grid.count, $1) }
    for index in order { measure(index, until: end, isFirst: false) }
  }

  private mutating func measure(_ index: Int, until limit: Double, isFirst: Bool) {
    let design = designs[index]
    let points = design.grid.enumerated().compactMap { place, extents in
      design.point(extents).map { (place: place, point: $0) }
    }
    .filter { $0.point.amount <= design.limit }
    .sorted { ($0.point.amount, $0.place) < ($1.point.amount, $1.place) }
    for (place, point) in points {
      // The smallest points are measured whatever it takes, so that no table is empty.
      if steadySeconds() > limit, !(isFirst && times[index].allSatisfy { $0 == nil }) { return }
      if !isFirst, times[index][place] == nil { continue }
      guard let time = bench.time(point.subject) else { continue }
      times[index][place] = min(time, times[index][place] ?? time)
    }
  }

  // MARK: Rates

  private func table(_ index: Int, launch: Double) -> RateTable? {
    let design = designs[index]
    let known = zip(design.grid, times[index]).map { extents, time -> Double? in
      guard let time, let point = design.point(extents) else { return nil }
      // A call that takes hardly longer than any call does says little of a rate.
      return point.amount / max(time - launch, 0.1 * time)
    }
    guard known.contains(where: { $0 != nil }) else { return nil }
    return RateTable(
      kernel: design.kernel, phase: design.phase.rated, window: design.window, stride: design.stride,
      filling: design.filling, unit: design.unit, axes: design.axes,
      rates: completed(known, extents: design.axes.map(\.points.count)).map { max($0, 1) })
  }

  /// Gives points that were not measured the mean rate of their neighbours, the nearest first: along the
  /// samples or elements, then the places, and channels last.
  private func completed(_ known: [Double?], extents: [Int]) -> [Double] {
    var rates = known
    var strides = [Int](repeating: 1, count: extents.count)
    for axis in extents.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * extents[axis + 1]
    }
    let order = [0] + extents.indices.dropFirst().reversed()
    while rates.contains(where: { $0 == nil }) {
      for axis in order {
        let before = rates
        for place in rates.indices where before[place] == nil {
          let digit = place / strides[axis] % extents[axis]
          let low = digit > 0 ? before[place - strides[axis]] : nil
          let high = digit + 1 < extents[axis] ? before[place + strides[axis]] : nil
          let neighbours = [low, high].compactMap { $0 }
          if !neighbours.isEmpty { rates[place] = median(neighbours) }
        }
        if rates != before { break }
      }
    }
    return rates.compactMap { $0 }
  }

  /// The tables of whole batch normalisations: sums and scaling one after another.
  private func normalizations(_ tables: [RateTable], launch: Double) -> [RateTable] {
    [RatedPhase.forward, .error].compactMap { phase in
      guard
        let sums = tables.first(where: { $0.kernel == .batchStatistics && $0.phase == phase }),
        let scaling = tables.first(where: { $0.kernel == .batchScaling && $0.phase == phase })
      else { return nil }
      // Passes over the elements: one of three forward and two of five backward are those of the sums.
      let (before, after) = phase == .forward ? (1.0, 2.0) : (2.0, 3.0)
      let elements = sums.axes[0].points.flatMap { point in sums.axes[1].points.map { _ in Double(point) } }
      let rates = zip(elements, zip(sums.rates, scaling.rates)).map { count, rates in
        let bytes = 4 * count
        let time = before * bytes / rates.0 + after * bytes / rates.1 + launch
        return (before + after) * bytes / time
      }
      return RateTable(
        kernel: .batchNormalization, phase: phase, unit: .bytes, axes: sums.axes, rates: rates)
    }
  }
}

extension KernelBench {
  /// The channels that convolutions compute together: 16 where 24 take as long as 32, 8 where 20 take as long
  /// as 24, else one.
  fileprivate func channelBlock(_ weights: (Int) -> [Int]) -> Int {
    func time(_ channels: Int) -> Double {
      let shape = weights(channels)
      let convolution = Operator.convolution(Convolution(padding: 1))
      let point = RateDesign.Point(
        convolution, [[1, shape[1], 14, 14], shape + [3, 3]], .forward, unit: .operations)
      return point.flatMap { point in (0..<3).compactMap { _ in self.time(point.subject) }.min() } ?? 1
    }
    if time(24) > 0.88 * time(32) { return 16 }
    return time(20) > 0.92 * time(24) ? 8 : 1
  }
}

/// The median; of an even number of values the geometric mean of the two in the middle; one of none.
func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { return 1 }
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] * sorted[middle]).squareRoot()
}
