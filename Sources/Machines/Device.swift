public import Units

/// A number's precision on a device, as machine files name peaks.
public enum Precision: String, Hashable, Sendable, CaseIterable {
  case float64, float32, bfloat16, float16
}

/// Peak rates of arithmetic by precision; a precision without one is not computed.
public struct PeakRates: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  // Four fields and no dictionary: a search reads a peak for each task that it prices.
  private let float64: FLOPsPerSecond?
  private let float32: FLOPsPerSecond?
  private let bfloat16: FLOPsPerSecond?
  private let float16: FLOPsPerSecond?

  /// Creates rates, as in `[.float32: FLOPsPerSecond(84e9)]`; of a repeated precision the last counts.
  public init(dictionaryLiteral elements: (Precision, FLOPsPerSecond)...) { self.init(elements) }

  /// Creates rates from pairs; of a repeated precision the last counts.
  public init(_ rates: [(Precision, FLOPsPerSecond)]) {
    func rate(_ precision: Precision) -> FLOPsPerSecond? { rates.last { $0.0 == precision }?.1 }
    self.float64 = rate(.float64)
    self.float32 = rate(.float32)
    self.bfloat16 = rate(.bfloat16)
    self.float16 = rate(.float16)
  }

  /// The peak of a precision, two operations for a multiply-accumulate; nil where the device has none.
  public subscript(precision: Precision) -> FLOPsPerSecond? {
    switch precision {
    case .float64: float64
    case .float32: float32
    case .bfloat16: bfloat16
    case .float16: float16
    }
  }

  /// The precisions that have a peak, in the order of ``Precision``.
  public var precisions: [Precision] { Precision.allCases.filter { self[$0] != nil } }
}

/// A processor or GPU: a roofline under peak rates.
public struct Roofline: Hashable, Sendable {
  /// Peak rates of contractions and of element-wise work by precision.
  public let peaks: PeakRates
  /// The fraction of the peak that a task reaches.
  public let efficiency: EfficiencyCurve
  /// The time that each task costs before it starts.
  public let launch: Seconds
  /// Measured rates of single kernels in `float32`, which come before the peak.
  public let rates: KernelRates?

  /// Creates a roofline.
  public init(peaks: PeakRates, efficiency: EfficiencyCurve, launch: Seconds, rates: KernelRates? = nil) {
    self.peaks = peaks
    self.efficiency = efficiency
    self.launch = launch
    self.rates = rates
  }
}

/// A row-stationary array: a peak rate and the fraction of it that is reached.
public struct RowStationaryArray: Hashable, Sendable {
  /// Peak rates by precision, two operations for a multiply-accumulate.
  public let peaks: PeakRates
  /// The fraction of the peak that a task reaches.
  public let efficiency: EfficiencyCurve

  /// Creates an array.
  public init(peaks: PeakRates, efficiency: EfficiencyCurve) {
    self.peaks = peaks
    self.efficiency = efficiency
  }
}

/// A weight-stationary systolic array of multiply-accumulate cells, with a vector path as wide as its
/// columns.
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
  /// The instructions to which a rank that stands for the device keeps, if given.
  public let instructionSet: InstructionSet?
  /// The threads on which a rank that stands for the device computes, and for which its rates hold, if given.
  public let threads: Int?

  /// Creates a device.
  public init(
    name: String, group: String, model: ComputeModel, memory: Memory,
    energyPerMultiplyAccumulate: JoulesPerOperation?, idlePower: Watts?,
    instructionSet: InstructionSet? = nil, threads: Int? = nil
  ) {
    if let threads { precondition(threads > 0, "\(threads) threads of '\(name)'") }
    self.name = name
    self.group = group
    self.model = model
    self.memory = memory
    self.energyPerMultiplyAccumulate = energyPerMultiplyAccumulate
    self.idlePower = idlePower
    self.instructionSet = instructionSet
    self.threads = threads
  }
}

extension ComputeModel {
  /// The kind's name in machine files.
  public var kind: String {
    switch self {
    case .processor: "processor"
    case .gpu: "gpu"
    case .rowStationaryArray: "row-stationary-array"
    case .systolicArray: "systolic-array"
    case .nearStorage: "near-storage"
    }
  }
}
