#if canImport(Glibc)
  import Glibc
#endif

/// The kernels whose speed a machine file may give for themselves, as it names them.
public enum RatedKernel: String, Hashable, Sendable, CaseIterable {
  case convolution
  case depthwiseConvolution = "depthwise-convolution"
  case dense
  case matrixMultiplication = "matrix-multiplication"
  case maxPooling = "max-pooling"
  case averagePooling = "average-pooling"
  case globalPooling = "global-pooling"
  case batchNormalization = "batch-normalization"
  case batchStatistics = "batch-statistics"
  case batchScaling = "batch-scaling"
  case layerNormalization = "layer-normalization"
  case softmax
  case crossEntropy = "cross-entropy"
  case activation, function, elementwise, broadcast, copy, transpose, reduction, dropout
  case localResponseNormalization = "local-response-normalization"
  case selection, fork, sgd, momentum, adam, packing, sum
}

/// The phases in which kernels run, as machine files name them.
public enum RatedPhase: String, Hashable, Sendable, CaseIterable {
  case forward, error
  case weightGradient = "weight-gradient"
  case update
}

/// What the speed of a kernel may depend on, as machine files name it.
public enum RateExtent: String, Hashable, Sendable, CaseIterable {
  case samples
  case inputChannels = "input-channels"
  case outputChannels = "output-channels"
  case places, elements
  /// The bytes over which the device passes between one use of a value and the next: what caches must hold.
  case footprint
}

/// The rates of one kernel in one phase at points of a grid.
public struct RateTable: Hashable, Sendable {
  /// What the rates count.
  public enum Unit: Hashable, Sendable {
    /// Floating-point operations each second.
    case operations
    /// Bytes between the device and its memory each second.
    case bytes
  }

  /// Whether the rates are of extents that fill their blocks.
  public enum Filling: String, Hashable, Sendable, CaseIterable {
    /// They do.
    case whole
    /// The last block of at least one extent is filled in part.
    case partial
  }

  /// One extent and where it was measured.
  public struct Axis: Hashable, Sendable {
    /// The extent.
    public let extent: RateExtent
    /// The points in increasing order, each at least one.
    public let points: [Int]
    /// The kernel computes as many as the next multiple of this, but where there are so few that the points
    /// below the first multiple hold them.
    public let block: Int
    fileprivate let logarithms: [Double]

    /// Creates an axis.
    public init(_ extent: RateExtent, _ points: [Int], block: Int = 1) {
      precondition(!points.isEmpty && points[0] > 0, "an axis of points \(points)")
      precondition(zip(points, points.dropFirst()).allSatisfy(<), "points \(points) do not increase")
      self.extent = extent
      self.points = points
      self.block = block
      logarithms = points.map { log(Double($0)) }
    }
  }

  /// The kernel.
  public let kernel: RatedKernel
  /// The phase.
  public let phase: RatedPhase
  /// The places of the window, where the kernel has one.
  public let window: Int
  /// The greatest step of the window.
  public let stride: Int
  /// Whether blocks were filled.
  public let filling: Filling
  /// How many devices computed at once when the rates were measured.
  public let devices: Int
  /// What the rates count.
  public let unit: Unit
  /// The axes of the grid.
  public let axes: [Axis]
  /// The rates at the points of the grid, in base units; the last axis varies fastest.
  public let rates: [Double]
  private let logarithms: [Double]

  /// Creates a table.
  ///
  /// - Precondition: There is a positive rate for each point of the grid.
  public init(
    kernel: RatedKernel, phase: RatedPhase, window: Int = 1, stride: Int = 1, filling: Filling = .whole,
    devices: Int = 1, unit: Unit, axes: [Axis], rates: [Double]
  ) {
    precondition(
      rates.count == axes.reduce(1) { $0 * $1.points.count }, "\(rates.count) rates on axes \(axes)")
    precondition(rates.allSatisfy { $0 > 0 }, "a rate is not positive")
    self.kernel = kernel
    self.phase = phase
    self.window = window
    self.stride = stride
    self.filling = filling
    self.devices = devices
    self.unit = unit
    self.axes = axes
    self.rates = rates
    logarithms = rates.map { log($0) }
  }

  /// Returns the seconds of a call that does some amount in the table's unit, without its launch.
  ///
  /// ## Model
  ///
  /// `A ∕ r · Π ⌈e ∕ b⌉ · b ∕ e` with the amount A, the rate r and for each extent e its block b. The
  /// logarithm of the rate is linear in the logarithm of each extent (in whole blocks) between points, and
  /// constant beyond them.
  public func seconds(of amount: Double, at extent: (RateExtent) -> Double) -> Double {
    var corners: [(place: Int, weight: Double)] = [(0, 1)]
    var amount = amount
    for axis in axes {
      let given = extent(axis.extent)
      let whole = axis.wholeBlocks(given)
      amount *= whole / given
      let (index, part) = axis.position(of: whole)
      let count = corners.count
      for corner in 0..<count {
        let (place, weight) = corners[corner]
        corners[corner] = (place * axis.points.count + index, weight * (1 - part))
        if part > 0 { corners.append((place * axis.points.count + index + 1, weight * part)) }
      }
    }
    return amount / exp(corners.reduce(0) { $0 + $1.weight * logarithms[$1.place] })
  }

  /// How extents fill the blocks of the table.
  public func filling(at extent: (RateExtent) -> Double) -> Filling {
    axes.contains { $0.wholeBlocks(extent($0.extent)) != extent($0.extent) } ? .partial : .whole
  }

  /// The table with every rate multiplied.
  func scaled(by factor: Double) -> RateTable {
    RateTable(
      kernel: kernel, phase: phase, window: window, stride: stride, filling: filling, devices: devices,
      unit: unit, axes: axes, rates: rates.map { $0 * factor })
  }
}

extension RateTable.Axis {
  /// The extent that the kernel computes where it is given another.
  fileprivate func wholeBlocks(_ value: Double) -> Double {
    guard block > 1, value > Double(points.last { $0 < block } ?? 0) else { return value }
    return (value / Double(block)).rounded(.up) * Double(block)
  }

  /// The point at or below a value, and how far the value is towards the next.
  fileprivate func position(of value: Double) -> (index: Int, part: Double) {
    guard let above = points.firstIndex(where: { Double($0) > value }) else { return (points.count - 1, 0) }
    guard above > 0 else { return (0, 0) }
    let (low, high) = (logarithms[above - 1], logarithms[above])
    return (above - 1, (log(value) - low) / (high - low))
  }
}

/// Measured rates of kernels, for work that says which kernel does it.
public struct KernelRates: Hashable, Sendable {
  /// The tables in the order of the file.
  public let tables: [RateTable]
  private let index: [Key: [Int]]
  private let counts: [Key: [Int]]

  private struct Key: Hashable {
    let kernel: RatedKernel
    let phase: RatedPhase
  }

  /// Creates rates.
  public init(_ tables: [RateTable]) {
    self.tables = tables
    index = Dictionary(grouping: tables.indices) { Key(kernel: tables[$0].kernel, phase: tables[$0].phase) }
    counts = index.mapValues { Set($0.map { tables[$0].devices }).sorted() }
  }

  /// For how many devices that compute at once a kernel and phase have tables, in increasing order.
  public func deviceCounts(for kernel: RatedKernel, _ phase: RatedPhase) -> [Int] {
    counts[Key(kernel: kernel, phase: phase)] ?? []
  }

  /// The table of a kernel and phase whose window and stride are nearest, among those of so many devices; nil
  /// where there is none.
  ///
  /// Windows of one place have tables of their own, if there are any; then a stride above one and the
  /// distance of windows by their ratio decide, and how blocks are filled counts as much as a ratio of ten.
  public func table(
    for kernel: RatedKernel, _ phase: RatedPhase, window: Int = 1, stride: Int = 1,
    filling: RateTable.Filling = .whole, devices: Int = 1
  ) -> RateTable? {
    guard let all = index[Key(kernel: kernel, phase: phase)] else { return nil }
    let candidates = all.filter { tables[$0].devices == devices }
    guard candidates.count > 1 else { return candidates.first.map { tables[$0] } }
    func distance(_ table: RateTable) -> Double {
      let ratio = Double(max(window, table.window)) / Double(min(window, table.window))
      return ((table.window == 1) == (window == 1) ? 0 : 1e6) + ((table.stride > 1) == (stride > 1) ? 0 : 1e3)
        + ratio + (table.filling == filling ? 0 : 10)
    }
    var best = candidates[0]
    for candidate in candidates.dropFirst() where distance(tables[candidate]) < distance(tables[best]) {
      best = candidate
    }
    return tables[best]
  }
}

extension Device {
  /// The measured rates of its kernels, if the description gives them.
  public var kernelRates: KernelRates? {
    switch model {
    case .processor(let roofline), .gpu(let roofline): roofline.rates
    case .rowStationaryArray, .systolicArray, .nearStorage: nil
    }
  }
}

extension Machine {
  /// The machine as it is without measured rates of single kernels: peaks and efficiencies alone.
  public var withoutKernelRates: Machine {
    let devices = devices.map { device in
      let model: ComputeModel =
        switch device.model {
        case .processor(let roofline): .processor(roofline.withoutRates)
        case .gpu(let roofline): .gpu(roofline.withoutRates)
        case .rowStationaryArray, .systolicArray, .nearStorage: device.model
        }
      return Device(
        name: device.name, group: device.group, model: model, memory: device.memory,
        energyPerMultiplyAccumulate: device.energyPerMultiplyAccumulate, idlePower: device.idlePower,
        instructionSet: device.instructionSet, threads: device.threads)
    }
    return Machine(
      name: name, devices: devices, switches: switches, links: links, wireNames: wireNames, mesh: mesh,
      samples: samples)
  }
}

extension Roofline {
  fileprivate var withoutRates: Roofline { Roofline(peaks: peaks, efficiency: efficiency, launch: launch) }
}
