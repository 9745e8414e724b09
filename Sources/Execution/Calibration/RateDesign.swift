import Devices
import Differentiation
import Graphs
import Kernels
import Machines
import Units

/// A table of rates that is to be measured: a grid, and what is measured at each of its points.
struct RateDesign {
  /// What is measured at a point, and how much it does in the table's unit.
  struct Point {
    let subject: KernelBench.Subject
    let amount: Double

    /// The same point with its amount multiplied.
    func counting(_ factor: Double) -> Point { Point(subject: subject, amount: amount * factor) }
  }

  let kernel: RatedKernel
  let phase: Phase
  let window: Int
  let stride: Int
  let unit: RateTable.Unit
  let axes: [RateTable.Axis]
  /// Whether channels fill the blocks in which they are computed.
  let filling: RateTable.Filling
  /// Points that do more are not measured: their rates are those of smaller ones.
  let limit: Double
  /// What is measured where the axes have some extents, in the order of the axes; nil where there is no such
  /// point.
  let point: @Sendable ([Int]) -> Point?

  init(
    _ kernel: RatedKernel, _ phase: Phase, window: Int = 1, stride: Int = 1, unit: RateTable.Unit = .bytes,
    _ axes: [(RateExtent, [Int])], limit: Double = 256e6, blocks: ChannelBlocks? = nil,
    filling: RateTable.Filling = .whole,
    point: @escaping @Sendable ([Int]) -> Point?
  ) {
    self.kernel = kernel
    self.phase = phase
    self.window = window
    self.stride = stride
    self.unit = unit
    self.axes = axes.map { RateTable.Axis($0.0, $0.1, block: blocks?.block(of: $0.0) ?? 1) }
    self.limit = limit
    self.filling = filling
    self.point = point
  }

  /// The extents of all points; the last axis varies fastest.
  var grid: [[Int]] {
    axes.reduce([[]]) { points, axis in points.flatMap { point in axis.points.map { point + [$0] } } }
  }

  /// About how long it takes to measure every point once, in seconds.
  func estimatedSeconds(inCompany: Bool) -> Double {
    let (rate, least) = axes.last?.extent == .footprint ? (1e10, 1e-2) : (3e10, 2e-3)
    return grid.enumerated().reduce(0) { sum, entry in
      guard let point = point(entry.element), point.amount <= limit else { return sum }
      let once = least + 2 * point.amount / rate
      return sum + (inCompany && isMeasuredInCompany(entry.offset) ? 2.5 : 1) * once
    }
  }

  /// Whether the kernel is a product of matrices, whose rows decide whether memory or arithmetic does.
  var isProduct: Bool { kernel == .dense || kernel == .matrixMultiplication }

  /// Whether a point is measured in company too: each of few points, else every second or third.
  ///
  /// The one of the largest extents is among them, since what company leaves of a cache says little of what
  /// it leaves of memory. Of samples the least suffice, but for products, where each number of rows has such
  /// points.
  func isMeasuredInCompany(_ place: Int) -> Bool {
    guard grid.count > 12 else { return true }
    var (rest, steps) = (place, 0)
    for axis in axes.reversed() {
      let digit = rest % axis.points.count
      rest /= axis.points.count
      if axis.extent == .samples, axes.count > 2 {
        if !isProduct, digit > 0 { return false }
      } else {
        steps += axis.points.count - 1 - digit
      }
    }
    return steps % (unit == .operations ? 3 : 2) == 0
  }

  /// The footprint at a point; nil where the table has no such axis.
  func footprint(at place: Int) -> Int? {
    guard let axis = axes.last, axis.extent == .footprint else { return nil }
    return axis.points[place % axis.points.count]
  }
}

/// The channels that convolutions compute together.
struct ChannelBlocks {
  let inputs: Int
  let outputs: Int

  /// The block of an extent, one where it has none.
  func block(of extent: RateExtent) -> Int {
    switch extent {
    case .inputChannels: inputs
    case .outputChannels: outputs
    case .samples, .places, .elements, .footprint: 1
    }
  }

  /// A number of channels that takes as many blocks, and fills five eighths of the last.
  func partial(_ channels: Int, _ extent: RateExtent) -> Int {
    let block = block(of: extent)
    return channels < block ? channels : channels - block * 3 / 8
  }
}

/// Which part of an operator's phase a kernel does.
enum KernelPart { case whole, statistics, scaling }

extension RateDesign.Point {
  /// A kernel of an operator on tensors of some shapes.
  init?(
    _ operator: Operator, _ shapes: [[Int]], _ phase: Phase, unit: RateTable.Unit,
    part: KernelPart = .whole, isPacking: Bool = false
  ) {
    let types = shapes.map { TensorType(.float32, $0) }
    let rules = `operator`.rules
    guard let outputs = try? rules.outputTypes(inputs: types) else { return nil }
    let rule = rules.gradient(inputs: types, outputs: outputs)
    let operation = rule.operations.first { $0.phase == phase }
    guard phase == .forward || operation != nil else { return nil }
    var work =
      operation.map { rules.work(of: $0, inputs: types, outputs: outputs) }
      ?? rules.work(phase, inputs: types, outputs: outputs)
    let before = rules.workBeforeStatistics(phase, inputs: types, outputs: outputs)
    var step = operation.map { KernelRequest.Step.backward($0) } ?? .forward
    switch part {
    case .whole: break
    case .scaling: work = work.less(before)
    case .statistics:
      work = before
      step = operation.map { .backwardStatistics($0) } ?? .forwardStatistics
    }
    let request = KernelRequest(
      `operator`, step, inputTypes: types, outputTypes: outputs, statisticsCount: 1 << 14)
    if isPacking {
      amount = Double(8 * types[1].elementCount)
      subject = .packing(request)
    } else {
      let use = `operator`.kernelUse(phase, inputs: types, outputs: outputs)
      amount =
        unit == .operations
        ? 2 * work.multiplyAccumulates * (use?.portionComputed ?? 1)
        : Double(ElementSizes(.float32).traffic(of: work).count)
      subject = .kernel(request)
    }
    guard amount > 0 else { return nil }
  }
}
