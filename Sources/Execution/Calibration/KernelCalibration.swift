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

  /// The memory that each thread may need to measure, in bytes.
  public static var memoryPerRank: Int { KernelBench.size }

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

/// Measures the kernels of a library on this thread, alone and while other threads run them as well.
///
/// All points are measured once, and again while there is time. The median of a point at the computer's usual
/// pace counts, since steps are judged by theirs. Points that would take too long are left out, and have the
/// rates of their neighbours. What company leaves of a rate is measured at every second or third point.
///
/// - Parameters:
///   - library: The kernels.
///   - ranks: How many threads compute at once, this one among them, as ranks do in a step.
///   - seconds: The time to spend.
/// - Returns: What was measured, or nil where there is no memory for it, or no more threads are to be had.
public func calibrateKernels(
  _ library: any KernelLibrary, ranks: Int = 1, seconds: Double
) -> KernelCalibration? {
  let end = steadySeconds() + seconds
  guard let bench = KernelBench(library), let pace = Pace(library) else { return nil }
  let company = ranks > 1 ? KernelCompany(library, count: ranks - 1) : nil
  guard ranks <= 1 || company != nil else { return nil }
  defer { company?.end() }
  var calibrator = Calibrator(bench: bench, company: company, pace: pace, end: end)
  return calibrator.run()
}

private struct Calibrator {
  /// A point that was measured.
  struct Visit {
    /// The seconds of a call.
    let time: Double
    /// When it was measured.
    let moments: ClosedRange<Int>
  }

  /// Portions of rates of operations that are not looked at again.
  private static let believed = 0.85...1.15

  let bench: KernelBench
  /// Who runs the same kernels meanwhile; nil where nobody shall.
  let company: KernelCompany?
  let pace: Pace
  let designs: [RateDesign]
  let end: Double
  /// For each table and point what was measured, each time.
  var times: [[[Visit]]]
  /// For each table and point what company leaves of its rate, each time that it was measured.
  ///
  /// By chance that is more than all of it now and then: cut off there, the median would be too low.
  var portions: [[[Double]]]

  init(bench: KernelBench, company: KernelCompany?, pace: Pace, end: Double) {
    self.bench = bench
    self.company = company
    self.pace = pace
    self.end = end
    func block(_ weights: (Int) -> [Int]) -> Int {
      end - steadySeconds() > 1 ? bench.channelBlock(weights) : 1
    }
    designs = rateDesigns(ChannelBlocks(inputs: block { [64, $0] }, outputs: block { [$0, 64] }))
    times = designs.map { [[Visit]](repeating: [], count: $0.grid.count) }
    portions = designs.map { [[Double]](repeating: [], count: $0.grid.count) }
  }

  mutating func run() -> KernelCalibration {
    var launch = leastCall()
    measureOnce()
    for _ in 0..<2 { lookAgain() }
    repeat { measureAgain() } while steadySeconds() < end && times.contains { $0.contains { !$0.isEmpty } }
    launch = times.joined().joined().reduce(launch) { min($0, $1.time) }
    let bandwidth = 12 * Double(1 << 24) / (bench.time(.sum(1 << 24)) ?? 1)
    let measured = times.reduce(0) { $0 + $1.count { !$0.isEmpty } }
    let alone = designs.indices.compactMap { table($0, launch: launch) }
    let together = designs.indices.compactMap { sharedTable($0, launch: launch) }
    let rates = alone.filter { $0.unit == .operations }.flatMap(\.rates)
    let peak = rates.max() ?? 1e9
    let tables = [alone, together].flatMap { $0 + normalizations($0, launch: launch) }
    return KernelCalibration(
      launch: Seconds(launch), rates: KernelRates(tables),
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

  /// Measures every point once: first the tables of bytes, then those of operations, each of them within its
  /// share of the time that is left.
  private mutating func measureOnce() {
    let start = steadySeconds()
    for index in designs.indices where designs[index].unit == .bytes {
      measure(index, until: start + 0.45 * (end - start), isFirst: true)
    }
    let others = designs.indices.filter { designs[$0].unit == .operations }
    let estimates = others.map { designs[$0].estimatedSeconds(inCompany: company != nil) }
    let total = estimates.reduce(0, +)
    let begin = steadySeconds()
    let left = (end - begin) * (company == nil ? 1 : 0.92)
    var share = 0.0
    for (index, estimate) in zip(others, estimates) {
      share += estimate
      measure(index, until: begin + left * share / total, isFirst: true)
    }
  }

  /// Measures points of arithmetic once more of which company seemed to take much, or to give some: what
  /// disturbed a point for a moment would count for its neighbours as well.
  private mutating func lookAgain() {
    for index in designs.indices where designs[index].unit == .operations {
      for (place, extents) in designs[index].grid.enumerated() {
        guard !portions[index][place].isEmpty, steadySeconds() < end,
          !Self.believed.contains(median(portions[index][place])), let point = designs[index].point(extents)
        else { continue }
        measure(index, place, point)
      }
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
      if steadySeconds() > limit, !(isFirst && times[index].allSatisfy(\.isEmpty)) { return }
      if !isFirst, times[index][place].isEmpty { continue }
      measure(index, place, point)
    }
  }

  /// Measures a point, in company too where that is wanted.
  private mutating func measure(_ index: Int, _ place: Int, _ point: RateDesign.Point) {
    let footprint = designs[index].footprint(at: place)
    let subject = bench.carried(point.subject)
    guard let loop = bench.prepare(subject, footprint: footprint) else { return }
    let first = pace.now()
    let time = bench.time(loop)
    times[index][place].append(Visit(time: time, moments: first...pace.now()))
    if let company, designs[index].isMeasuredInCompany(place) || portions[index].allSatisfy(\.isEmpty) {
      let shared = company.during(subject, footprint: footprint) { bench.time(loop) }
      portions[index][place].append(time / shared)
    }
  }

  // MARK: Rates

  private func table(_ index: Int, launch: Double) -> RateTable? {
    let design = designs[index]
    let slowness = pace.slowness(of: design.unit)
    let known = zip(design.grid, times[index]).map { extents, visits -> Double? in
      let time = median(visits.map { $0.time / slowness($0.moments) })
      guard !visits.isEmpty, let point = design.point(extents) else { return nil }
      // A call that takes hardly longer than any call does says little of a rate.
      return point.amount / max(time - launch, 0.1 * time)
    }
    guard known.contains(where: { $0 != nil }) else { return nil }
    return RateTable(
      kernel: design.kernel, phase: design.phase.rated, window: design.window, stride: design.stride,
      filling: design.filling, unit: design.unit, axes: design.axes,
      rates: completed(known, of: design).map { max($0, 1) })
  }

  /// The rates that are left while others compute; nil where nobody did.
  private func sharedTable(_ index: Int, launch: Double) -> RateTable? {
    let known = portions[index].map { $0.isEmpty ? nil : median($0) }
    guard let company, known.contains(where: { $0 != nil }), let alone = table(index, launch: launch) else {
      return nil
    }
    let left = completed(known, of: designs[index])
    return RateTable(
      kernel: alone.kernel, phase: alone.phase, window: alone.window, stride: alone.stride,
      filling: alone.filling, devices: company.count + 1, unit: alone.unit, axes: alone.axes,
      rates: zip(alone.rates, left).map { max($0 * $1, 1) })
  }

  /// Gives points that were not measured the mean rate of their neighbours.
  ///
  /// The nearest are those along the samples or elements, then along the places, and channels come last. For
  /// products, which depend on their rows the most, these come last.
  private func completed(_ known: [Double?], of design: RateDesign) -> [Double] {
    let extents = design.axes.map(\.points.count)
    var rates = known
    var strides = [Int](repeating: 1, count: extents.count)
    for axis in extents.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * extents[axis + 1]
    }
    let others = extents.indices.dropFirst().reversed()
    let order = design.isProduct ? others + [0] : [0] + others
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
      let rest = sums.axes.dropFirst().reduce(1) { $0 * $1.points.count }
      let elements = sums.axes[0].points.flatMap { [Double](repeating: Double($0), count: rest) }
      let rates = zip(elements, zip(sums.rates, scaling.rates)).map { count, rates in
        let bytes = 4 * count
        let time = before * bytes / rates.0 + after * bytes / rates.1 + launch
        return (before + after) * bytes / time
      }
      return RateTable(
        kernel: .batchNormalization, phase: phase, devices: sums.devices, unit: .bytes, axes: sums.axes,
        rates: rates)
    }
  }
}

extension KernelBench {
  /// The channels that convolutions compute together: 16 where 17 and 24 take about as long as 32, 8 where 9
  /// take about as long as 16, else one.
  ///
  /// One by one, 17 and 9 would take hardly more than half as long. What fills no whole block is carried
  /// row-major, and so are these.
  fileprivate func channelBlock(_ weights: (Int) -> [Int]) -> Int {
    func time(_ channels: Int) -> Double {
      let shape = weights(channels)
      let convolution = Operator.convolution(Convolution(padding: 1))
      let point = RateDesign.Point(
        convolution, [[1, shape[1], 14, 14], shape + [3, 3]], .forward, unit: .operations)
      return point.flatMap { point in (0..<3).compactMap { _ in self.time(point.subject) }.min() } ?? 1
    }
    // Between the whole and three quarters: what surrounds the channels takes as long for few of them.
    let least = 0.85
    if [17, 24].allSatisfy({ time($0) > least * time(32) }) { return 16 }
    return time(9) > least * time(16) ? 8 : 1
  }
}

/// The median; of an even number of values the geometric mean of the two in the middle; one of none.
func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { return 1 }
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] * sorted[middle]).squareRoot()
}
