public import Graphs
public import Machines
import Units

/// Returns the time of work whose kernel was measured, or nil where there is no rate for it.
///
/// ## Model
///
/// `n · t₀ + A ∕ r` for n calls on equal parts, with the launch t₀ (s), the amount A that the table of the
/// kernel counts, `2 · MACs` without those on padding (FLOP) or the traffic (B), and the table's rate r at
/// the extents of one call. To it are added the packing of the parameters of a convolution, once, 8 B of
/// each, and the sums that join what several calls contribute: s sums of e elements with a addends together
/// take `s · t₀ + 6 · a · e ∕ r`. Their rate r counts the 12 B of an element of two addends, which are read
/// and of which one is written; each addend more takes as long as one of these, since the written one was
/// read. Where a kernel was measured while different numbers of devices computed, its time is linear in
/// their number between these.
func measuredTime(of work: Work, on device: Device, sizes: ElementSizes) -> Seconds? {
  let roofline: Roofline
  switch device.model {
  case .processor(let model), .gpu(let model): roofline = model
  case .rowStationaryArray, .systolicArray, .nearStorage: return nil
  }
  guard let rates = roofline.rates, let use = work.kernel else { return nil }
  let calls = Double(use.calls)
  func extent(_ extent: RateExtent) -> Double {
    switch extent {
    case .samples: Double(use.samples) / calls
    case .inputChannels: Double(use.inputChannels)
    case .outputChannels: Double(use.outputChannels)
    case .places: Double(use.places)
    case .elements: Double(use.elements) / calls
    case .footprint: Double(use.footprint)
    }
  }
  let measured = rates.time(of: use.kind, use.phase, devices: use.devices) { phase, devices in
    func table(_ filling: RateTable.Filling) -> RateTable? {
      rates.table(
        for: use.kind.rated, phase, window: use.window, stride: use.stride, filling: filling,
        devices: devices)
    }
    guard let whole = table(.whole) else { return nil }
    let filling = whole.filling(at: extent)
    let table = filling == .whole ? whole : table(filling) ?? whole
    let amount =
      switch table.unit {
      case .operations: 2 * work.multiplyAccumulates * use.portionComputed
      case .bytes: Double(sizes.traffic(of: work).count)
      }
    return table.seconds(of: amount, at: extent)
  }
  guard let measured else { return nil }
  var time = calls * roofline.launch.value + measured
  if use.kind == .convolution, use.phase != .weightGradient {
    time += passTime(
      .packing, .forward, bytesOfElement: 8, elements: work.parameterElements, calls: 1, use.footprint, use,
      roofline)
  }
  for sums in use.sums {
    time += passTime(
      .sum, .weightGradient, bytesOfElement: 6 * sums.addends, elements: sums.elements, calls: sums.count,
      sums.footprint, use, roofline)
  }
  return Seconds(time)
}

/// The time in which some calls, all together, move some bytes of each element; zero where their rate is not
/// given.
private func passTime(
  _ kind: KernelKind, _ phase: Phase, bytesOfElement: Double, elements: Int, calls: Double, _ footprint: Int,
  _ use: KernelUse, _ roofline: Roofline
) -> Double {
  guard elements > 0, let rates = roofline.rates else { return 0 }
  let moving = rates.time(of: kind, phase, devices: use.devices) { phase, devices in
    rates.table(for: kind.rated, phase, devices: devices)?
      .seconds(of: bytesOfElement * Double(elements)) { Double($0 == .footprint ? footprint : elements) }
  }
  guard let moving else { return 0 }
  return calls * roofline.launch.value + moving
}

extension KernelRates {
  /// The seconds that `time` tells for the numbers of devices on either side of some number, between which it
  /// is linear; those of the nearest number beyond all.
  ///
  /// - Parameter time: The seconds by the tables of a phase and number of devices. The phase is another where
  ///   the kernel has no tables of its own phase.
  /// - Returns: The seconds, or nil where the kernel was not measured.
  fileprivate func time(
    of kind: KernelKind, _ phase: Phase, devices: Int, _ time: (RatedPhase, Int) -> Double?
  ) -> Double? {
    for phase in [phase.rated] + RatedPhase.allCases {
      let counts = deviceCounts(for: kind.rated, phase)
      guard let low = counts.last(where: { $0 <= devices }) ?? counts.first else { continue }
      let below = time(phase, low)
      guard let below, low < devices, let high = counts.first(where: { $0 > devices }) else { return below }
      guard let above = time(phase, high) else { return below }
      return below + (above - below) * Double(devices - low) / Double(high - low)
    }
    return nil
  }
}

extension Phase {
  /// The phase as machine files name it.
  public var rated: RatedPhase {
    switch self {
    case .forward: .forward
    case .error: .error
    case .weightGradient: .weightGradient
    case .update: .update
    }
  }
}

extension KernelKind {
  /// The kernel as machine files name it.
  public var rated: RatedKernel {
    switch self {
    case .convolution: .convolution
    case .depthwiseConvolution: .depthwiseConvolution
    case .dense: .dense
    case .matrixMultiplication: .matrixMultiplication
    case .maxPooling: .maxPooling
    case .averagePooling: .averagePooling
    case .globalPooling: .globalPooling
    case .batchNormalization: .batchNormalization
    case .batchStatistics: .batchStatistics
    case .batchScaling: .batchScaling
    case .layerNormalization: .layerNormalization
    case .softmax: .softmax
    case .crossEntropy: .crossEntropy
    case .activation: .activation
    case .function: .function
    case .elementwise: .elementwise
    case .broadcast: .broadcast
    case .copy: .copy
    case .transpose: .transpose
    case .reduction: .reduction
    case .dropout: .dropout
    case .localResponseNormalization: .localResponseNormalization
    case .selection: .selection
    case .fork: .fork
    case .sgd: .sgd
    case .momentum: .momentum
    case .adam: .adam
    case .packing: .packing
    case .sum: .sum
    }
  }
}
