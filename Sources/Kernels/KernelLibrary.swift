public import Graphs

/// The numbers that kernels compute with.
public enum KernelScalarType: String, Hashable, Sendable {
  case float32
  case float64

  /// The bytes of one number.
  public var size: Int { self == .float32 ? 4 : 8 }
}

/// What a kernel does: one operation of an operator on tensors of given shapes.
///
/// The shapes are those of the part that one device holds, or of one cell of it: attributes of the operator
/// that name whole extents (of a reshape, say) give way to them.
public struct KernelRequest: Hashable, Sendable {
  /// Which operation is done.
  public enum Step: Hashable, Sendable {
    /// The forward phase; of a batch normalisation the part after the sums.
    case forward
    /// One backward operation; of a batch normalisation the part after the sums.
    case backward(GradientOperation)
    /// The sums over the batch that a batch normalisation needs forward: for each channel Σ (x − µ₀) and then
    /// for each channel Σ (x − µ₀)², with the running mean µ₀.
    case forwardStatistics
    /// The sums that it needs backward: for each channel Σ e, then for each channel Σ e x̂.
    case backwardStatistics(GradientOperation)
  }

  /// The operator.
  public let `operator`: Operator
  /// Which operation is done.
  public let step: Step
  /// The types of the node's inputs as they are present.
  public let inputTypes: [TensorType]
  /// The types of the node's outputs as they are present.
  public let outputTypes: [TensorType]
  /// The numbers that are computed with; labels and indices are int64, masks uint8.
  public let scalar: KernelScalarType
  /// Of a loss, the number of labels in the whole batch, of which it is the mean.
  public let lossCount: Int
  /// Of a batch normalisation, the numbers of each channel over which statistics are taken, over all devices.
  public let statisticsCount: Int
  /// In which order the activations that the node reads, and their errors, lie in memory.
  public let inputMemoryFormat: MemoryFormat
  /// In which order what the node writes and its errors lie in memory; places that a pooling chose likewise.
  public let outputMemoryFormat: MemoryFormat

  /// Creates a request.
  public init(
    _ operator: Operator, _ step: Step, inputTypes: [TensorType], outputTypes: [TensorType],
    scalar: KernelScalarType = .float32, lossCount: Int = 1, statisticsCount: Int = 1,
    inputMemoryFormat: MemoryFormat = .plain, outputMemoryFormat: MemoryFormat = .plain
  ) {
    self.operator = `operator`
    self.step = step
    self.inputTypes = inputTypes
    self.outputTypes = outputTypes
    self.scalar = scalar
    self.lossCount = lossCount
    self.statisticsCount = statisticsCount
    self.inputMemoryFormat = inputMemoryFormat
    self.outputMemoryFormat = outputMemoryFormat
  }
}

/// Where the operands of a kernel lie: row-major, batch outermost; activations in the formats of the request.
///
/// What an operation does not read or write may be nil.
public struct KernelOperands {
  /// The node's inputs; a bias that another device adds is nil.
  public var inputs: [UnsafeMutableRawPointer?]
  /// The node's outputs: written forward, read backward.
  public var outputs: [UnsafeMutableRawPointer?]
  /// What the forward phase leaves for the backward phase, in the order of the gradient rule.
  public var auxiliaries: [UnsafeMutableRawPointer?]
  /// The errors of the outputs.
  public var outputErrors: [UnsafeMutableRawPointer?]
  /// For each input of the backward operation where its error or gradient is written, over what lies there.
  public var results: [UnsafeMutableRawPointer?]
  /// The sums of a batch normalisation: written by its statistics step, read, summed over the batch, by the
  /// other.
  public var statistics: UnsafeMutableRawPointer?
  /// What ``PreparedKernel/packParameters(_:into:)`` wrote since the parameters last changed; where it is nil
  /// every run packs them anew.
  public var packedParameters: UnsafeMutableRawPointer?

  /// Creates operands.
  public init(
    inputs: [UnsafeMutableRawPointer?] = [], outputs: [UnsafeMutableRawPointer?] = [],
    auxiliaries: [UnsafeMutableRawPointer?] = [], outputErrors: [UnsafeMutableRawPointer?] = [],
    results: [UnsafeMutableRawPointer?] = [], statistics: UnsafeMutableRawPointer? = nil,
    packedParameters: UnsafeMutableRawPointer? = nil
  ) {
    self.inputs = inputs
    self.outputs = outputs
    self.auxiliaries = auxiliaries
    self.outputErrors = outputErrors
    self.results = results
    self.statistics = statistics
    self.packedParameters = packedParameters
  }
}

/// What a kernel knows of the moment besides its operands.
public struct KernelMoment: Sendable {
  /// Where masks are drawn.
  public let generator: CounterGenerator
  /// The number in the global batch of the first sample that is present.
  public let firstSample: Int
  /// Of a part that is cut along other dimensions than the batch: for each element of a sample its place in
  /// the whole sample; nil where the samples are whole.
  public let places: [Int]?
  /// Of an embedding whose table is cut, the rows that are present; nil where all are.
  ///
  /// An index of another row gives zeros.
  public let rows: TableRows?

  /// Creates a moment.
  public init(
    generator: CounterGenerator, firstSample: Int = 0, places: [Int]? = nil, rows: TableRows? = nil
  ) {
    self.generator = generator
    self.firstSample = firstSample
    self.places = places
    self.rows = rows
  }
}

/// An operation that is ready to run; made once, run in every step, by several threads at once where each
/// brings its own scratch memory.
public protocol PreparedKernel: AnyObject, Sendable {
  /// The bytes of memory, aligned to 64, that a run needs besides its operands.
  var scratchSize: Int { get }
  /// The bytes, aligned to 64, of the parameters in the order in which the kernel reads them; zero where it
  /// reads them as they lie.
  var packedSize: Int { get }
  /// Puts the parameters in the order in which the kernel reads them, for all runs until they change.
  func packParameters(_ operands: KernelOperands, into packed: UnsafeMutableRawPointer)
  /// Runs the operation.
  func run(_ operands: KernelOperands, _ moment: KernelMoment, scratch: UnsafeMutableRawPointer?)
}

extension PreparedKernel {
  /// Zero: parameters are read as they lie.
  public var packedSize: Int { 0 }
  /// Does nothing.
  public func packParameters(_ operands: KernelOperands, into packed: UnsafeMutableRawPointer) {}
}

/// Kernels for every operator of a network.
public protocol KernelLibrary: Sendable {
  /// The name on the command line: `reference` or `onednn`.
  var name: String { get }
  /// What computes, for the log of a training: the library, its version and its instruction set.
  var description: String { get }
  /// The channels of the blocks in which the convolutions compute fastest, so that activations between them
  /// had better lie in such blocks; nil where all activations are plain.
  var channelBlock: Int? { get }
  /// Returns whether an operation of a convolution computes with such blocks of its input and of its output,
  /// so that it changes the format of what lies otherwise.
  func wantsChannelBlocks(_ request: KernelRequest) -> (input: Bool, output: Bool)
  /// Returns the operation, ready to run.
  ///
  /// - Throws: ``UnrunnableNode`` where the operator has no arithmetic.
  func kernel(for request: KernelRequest) throws(UnrunnableNode) -> any PreparedKernel
}
