#if canImport(Glibc)
  import Glibc
#endif
public import Units

/// A number's precision on a device, as machine files name peaks.
public enum Precision: String, Hashable, Sendable, CaseIterable {
  case float64, float32, bfloat16, float16
}

/// A fraction of a peak rate that is reached, by the size of the work.
public struct EfficiencyCurve: Hashable, Sendable {
  /// One point of the curve.
  public struct Point: Hashable, Sendable {
    /// The floating-point operations of one task.
    public let work: FLOPs
    /// The fraction reached, in (0, 1].
    public let fraction: Double
    /// Creates a point.
    public init(work: FLOPs, fraction: Double) {
      self.work = work
      self.fraction = fraction
    }
  }
  /// The points by increasing work; at least one.
  public let points: [Point]
  /// Creates a curve.
  public init(points: [Point]) {
    precondition(!points.isEmpty, "an efficiency curve needs a point")
    self.points = points
  }
  /// Creates a curve that is the same for every size.
  public init(constant fraction: Double) { self.init(points: [Point(work: .zero, fraction: fraction)]) }
  /// The fraction reached by `work`: linear in its logarithm between points, constant outside them.
  public func fraction(at work: FLOPs) -> Double {
    guard let next = points.firstIndex(where: { $0.work > work }) else { return points[points.count - 1].fraction }
    guard next > 0, points[next - 1].work > .zero else { return points[max(0, next - 1)].fraction }
    let (low, high) = (points[next - 1], points[next])
    let position = log(work / low.work) / log(high.work / low.work)
    return low.fraction + position * (high.fraction - low.fraction)
  }
}

/// A processor or GPU: a roofline under peak rates.
public struct Roofline: Hashable, Sendable {
  /// Peak rates of contractions and of element-wise work by precision.
  public let peaks: [Precision: FLOPsPerSecond]
  /// The fraction of the peak that a task reaches.
  public let efficiency: EfficiencyCurve
  /// The time that each task costs before it starts.
  public let launch: Seconds

  /// Creates a roofline.
  public init(peaks: [Precision: FLOPsPerSecond], efficiency: EfficiencyCurve, launch: Seconds) {
    self.peaks = peaks
    self.efficiency = efficiency
    self.launch = launch
  }
}

/// A row-stationary array: a peak rate and the fraction of it that is reached.
public struct RowStationaryArray: Hashable, Sendable {
  /// Peak rates by precision, two operations for a multiply-accumulate.
  public let peaks: [Precision: FLOPsPerSecond]
  /// The fraction of the peak that a task reaches.
  public let efficiency: EfficiencyCurve

  /// Creates an array.
  public init(peaks: [Precision: FLOPsPerSecond], efficiency: EfficiencyCurve) {
    self.peaks = peaks
    self.efficiency = efficiency
  }
}

/// A weight-stationary systolic array of multiply-accumulate cells, with a vector path as wide as its columns.
public struct SystolicArray: Hashable, Sendable {
  /// Rows of cells.
  public let rows: Int
  /// Columns of cells.
  public let columns: Int
  /// Cycles each second.
  public let clock: Hertz

  /// Creates an array.
  public init(rows: Int, columns: Int, clock: Hertz) {
    self.rows = rows
    self.columns = columns
    self.clock = clock
  }
}

/// Flash dies behind channels.
public struct Flash: Hashable, Sendable {
  /// Channels of the controller.
  public let channels: Int
  /// Dies behind each channel.
  public let diesPerChannel: Int
  /// Bytes of a page.
  public let page: Bytes
  /// Time of reading a page into the die's register.
  public let read: Seconds
  /// Time of programming a page.
  public let program: Seconds
  /// Rate of one channel's bus.
  public let bus: BytesPerSecond
  /// The fraction of the rate that a stream reaches.
  public let efficiency: Double

  /// Creates flash.
  public init(
    channels: Int, diesPerChannel: Int, page: Bytes, read: Seconds, program: Seconds, bus: BytesPerSecond,
    efficiency: Double
  ) {
    self.channels = channels
    self.diesPerChannel = diesPerChannel
    self.page = page
    self.read = read
    self.program = program
    self.bus = bus
    self.efficiency = efficiency
  }
}

/// What computes in a device.
public enum ComputeModel: Hashable, Sendable {
  case processor(Roofline)
  case gpu(Roofline)
  case rowStationaryArray(RowStationaryArray)
  case systolicArray(SystolicArray)
  /// A systolic array beside flash.
  case nearStorage(SystolicArray, Flash)
}

/// A device's memory.
public struct Memory: Hashable, Sendable {
  /// How much it holds.
  public let capacity: Bytes
  /// Peak data each second.
  public let bandwidth: BytesPerSecond
  /// The fraction of the peak that is reached.
  public let efficiency: Double
  /// Energy of each byte read or written, if given.
  public let energy: JoulesPerByte?

  /// Creates a memory.
  public init(capacity: Bytes, bandwidth: BytesPerSecond, efficiency: Double, energy: JoulesPerByte?) {
    self.capacity = capacity
    self.bandwidth = bandwidth
    self.efficiency = efficiency
    self.energy = energy
  }
}

/// Something that computes.
public struct Device: Hashable, Sendable {
  /// Its name: the key of the machine file, with an index where there are several.
  public let name: String
  /// The key of the machine file.
  public let group: String
  /// What computes in it.
  public let model: ComputeModel
  /// Its memory.
  public let memory: Memory
  /// Energy of one multiply-accumulate, if given.
  public let energyPerMultiplyAccumulate: JoulesPerOperation?
  /// Power drawn all the time, if given.
  public let idlePower: Watts?

  /// Creates a device.
  public init(
    name: String, group: String, model: ComputeModel, memory: Memory,
    energyPerMultiplyAccumulate: JoulesPerOperation?, idlePower: Watts?
  ) {
    self.name = name
    self.group = group
    self.model = model
    self.memory = memory
    self.energyPerMultiplyAccumulate = energyPerMultiplyAccumulate
    self.idlePower = idlePower
  }
}
