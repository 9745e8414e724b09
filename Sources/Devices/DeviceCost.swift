public import Graphs
public import Machines
public import Units

/// What one task costs a device that does nothing else.
public struct DeviceCost: Hashable, Sendable {
  /// How long the device is occupied.
  public let time: Seconds
  /// Energy of the multiply-accumulates, nil where the device gives no coefficient.
  public let arithmeticEnergy: Joules?
  /// Energy of the accesses to memory, nil where the memory gives no coefficient.
  public let memoryEnergy: Joules?
  /// The data between the device and its memory.
  public let traffic: Bytes

  /// Creates a cost.
  @inlinable public init(time: Seconds, arithmeticEnergy: Joules?, memoryEnergy: Joules?, traffic: Bytes) {
    self.time = time
    self.arithmeticEnergy = arithmeticEnergy
    self.memoryEnergy = memoryEnergy
    self.traffic = traffic
  }
}

/// Returns what `work` costs `device` alone.
///
/// ## Model
///
/// The time of arithmetic is that of the device's kind (`arithmeticTime` of each); memory takes
/// `traffic ∕ (β · η)`, with the memory's bandwidth β (B∕s) and efficiency η. Arithmetic and memory overlap
/// perfectly, so the longer decides; a launch comes before both. Where a device's kernels were measured, and
/// work says which of them does it, their rates take the place of both.
/// Energy is `MACs · e_mac + traffic · e_mem` (J). Element-wise operations cost time and traffic, and no
/// energy of arithmetic. Work of nothing costs nothing, not even a launch.
///
/// - Precondition: The device supports the precision: see ``Machines/Device/supports(_:)``.
public func cost(
  of work: Work, on device: Device, precision: Precision, sizes: ElementSizes
) -> DeviceCost {
  let traffic = sizes.traffic(of: work)
  let energyOfArithmetic = device.energyPerMultiplyAccumulate.map {
    Joules(work.multiplyAccumulates * $0.value)
  }
  let energyOfMemory = device.memory.energy.map { traffic * $0 }
  var time = Seconds.zero
  if precision == .float32, let measured = measuredTime(of: work, on: device, sizes: sizes) {
    time = measured
  } else if work.multiplyAccumulates > 0 || work.elementOperations > 0 || traffic > .zero {
    let launch: Seconds
    let arithmetic: Seconds
    switch device.model {
    case .processor(let roofline), .gpu(let roofline):
      launch = roofline.launch
      arithmetic = arithmeticTime(of: work, on: roofline, precision: precision)
    case .rowStationaryArray(let array):
      launch = .zero
      arithmetic = arithmeticTime(of: work, on: array, precision: precision)
    case .systolicArray(let array), .nearStorage(let array, _):
      launch = .zero
      arithmetic = arithmeticTime(of: work, on: array)
    }
    time = launch + max(arithmetic, traffic / device.memory.sustainedBandwidth)
  }
  return DeviceCost(
    time: time, arithmeticEnergy: energyOfArithmetic, memoryEnergy: energyOfMemory, traffic: traffic)
}

extension Memory {
  /// The data each second that is reached: the peak times the efficiency.
  @inlinable public var sustainedBandwidth: BytesPerSecond { bandwidth * efficiency }
}

extension Device {
  /// Whether the device computes in a precision.
  ///
  /// Systolic arrays compute every precision but `float64`, at one rate (assumed: their cells are built for
  /// the precision that the plan asks for).
  public func supports(_ precision: Precision) -> Bool {
    switch model {
    case .processor(let roofline), .gpu(let roofline): roofline.peaks[precision] != nil
    case .rowStationaryArray(let array): array.peaks[precision] != nil
    case .systolicArray, .nearStorage: precision != .float64
    }
  }

  /// The flash beside the device, if it has any.
  public var flash: Flash? {
    guard case .nearStorage(_, let flash) = model else { return nil }
    return flash
  }
}
