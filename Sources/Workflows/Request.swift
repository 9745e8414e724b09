public import Graphs
public import Machines
public import Planning
public import Plans
public import Units

/// What a user asks for: a network, a machine, the training step and the limits of the search.
///
/// Every command takes one, so that a flag means the same thing everywhere. Raw values are the words of the
/// command line.
///
/// ```swift
/// var request = Request(model: "resnet50")
/// request.machine = "hypar/16"
/// request.batch = 256
/// let outcome = try plan(request)
/// ```
public struct Request: Hashable, Sendable {
  /// How parameters are updated.
  public enum Optimizer: String, Hashable, Sendable, CaseIterable {
    case sgd, momentum, adam
  }

  /// Over which samples batch normalisation takes its statistics.
  public enum BatchNormalization: String, Hashable, Sendable, CaseIterable {
    /// The global batch.
    case full
    /// Each cell of the batch grid.
    case cell
    /// None: the stored statistics are kept.
    case frozen
  }

  /// What may run at the same time.
  public typealias Overlap = Plans.Overlap
  /// When partial results are reduced.
  public typealias Reduction = Plans.ReductionTiming
  /// How the plan space is searched.
  public typealias Strategy = Planning.SearchStrategy
  /// What the best plan has least of.
  public typealias Objective = Planning.Objective

  /// Where the network may be cut between unlike devices.
  public enum Cut: Hashable, Sendable {
    /// Wherever it pays.
    case search
    /// Nowhere.
    case none
    /// After the layer of this name.
    case after(String)
  }

  /// A plan that is not searched for.
  public enum Baseline: Hashable, Sendable {
    /// The batch is split at every level.
    case dataParallel
    /// The input channels are split at every level.
    case modelParallel
    /// Convolutions split the batch, dense layers the input channels.
    case oneWeirdTrick
    /// Everything on the named device, or on the one with the shortest step.
    case singleDevice(String?)

    /// The words of the command line, for help texts and errors.
    public static let words = ["data-parallel", "model-parallel", "one-weird-trick", "single-device"]

    /// Reads the words of the command line, such as `single-device:npu`; nil where they name no baseline.
    public init?(words: String) {
      switch words {
      case "data-parallel": self = .dataParallel
      case "model-parallel": self = .modelParallel
      case "one-weird-trick": self = .oneWeirdTrick
      case "single-device": self = .singleDevice(nil)
      default:
        let prefix = "single-device:"
        guard words.hasPrefix(prefix), words.count > prefix.count else { return nil }
        self = .singleDevice(String(words.dropFirst(prefix.count)))
      }
    }

    /// The words of the command line.
    public var words: String {
      switch self {
      case .dataParallel: "data-parallel"
      case .modelParallel: "model-parallel"
      case .oneWeirdTrick: "one-weird-trick"
      case .singleDevice(let name): name.map { "single-device:\($0)" } ?? "single-device"
      }
    }
  }

  /// Where the plan comes from.
  public enum PlanSource: Hashable, Sendable {
    case search
    case baseline(Baseline)
    /// A plan file, by its path.
    case file(String)
  }

  /// A path to an ONNX file or a layer table, or a built-in name.
  public var model: String
  /// A path to a machine file, or a catalogue name.
  public var machine: String?
  /// The global mini-batch; nil takes the model's own.
  public var batch: Int?
  /// How parameters are updated.
  public var optimizer: Optimizer = .sgd { didSet { stated.insert(.optimizer) } }
  /// The precision of arithmetic.
  public var precision: Precision = .float32 { didSet { stated.insert(.precision) } }
  /// Over which samples batch normalisation takes its statistics.
  public var batchNormalization: BatchNormalization = .full {
    didSet { stated.insert(.batchNormalization) }
  }
  /// What may run at the same time.
  public var overlap: Overlap = .backward { didSet { stated.insert(.overlap) } }
  /// Into how many cells the batch is cut, at most one for each sample, so that sums over it keep their
  /// order; nil takes the plan file's, or none.
  public var cells: Int?
  /// Into how many micro-batches a pipeline cuts the batch; nil lets the search choose.
  public var microBatches: Int?
  /// The layer up to and including which the network is kept as it is; nil trains all of it.
  public var freeze: String?
  /// The axes along which weighted operators may be split; of equal plans the one whose axes stand first
  /// wins.
  public var axes: [AxisRole] = [.batch, .inputChannel, .outputChannel]
  /// When partial results are reduced.
  public var reduction: Reduction = .best { didSet { stated.insert(.reduction) } }
  /// How the plan space is searched.
  public var search: Strategy = .exact
  /// What the best plan has least of.
  public var objective: Objective = .time
  /// The most memory that a plan may use of any device; nil takes each device's capacity.
  public var memoryLimit: Bytes?
  /// The longest step that is accepted.
  public var deadline: Seconds?
  /// Where the network may be cut between unlike devices.
  public var cut: Cut = .search
  /// The groups of devices that may run operators, in the order of the data; nil allows all, in any order.
  ///
  /// What is left out still sums gradients and passes data on.
  public var groups: [String]?
  /// Where the plan comes from.
  public var planSource: PlanSource = .search
  /// A plan file whose decisions are kept while the rest is searched.
  public var fixedPlan: String?
  /// Texts that stand in for files, by the path under which this request names them: layer tables,
  /// machines and plans that are on no disk.
  public var texts: [String: String] = [:]

  /// A setting of the step that has a default and stands in plan files, too.
  enum Setting: Hashable, Sendable {
    case optimizer, precision, batchNormalization, overlap, reduction
  }

  /// The settings that were assigned; they win over those of a plan file, and defaults do not.
  private(set) var stated: Set<Setting> = []

  /// Creates a request with the default for everything but the model.
  public init(model: String) { self.model = model }
}

/// A request to simulate one collective alone on a machine's mesh.
public struct CollectiveRequest: Hashable, Sendable {
  /// A path to a machine file, or a catalogue name.
  public var machine: String
  /// `all-reduce`, `reduce-scatter`, `all-gather` or `all-to-all`.
  public var operation: String
  /// The data of each device.
  public var bytes: Bytes
  /// `ring`, `direct` or `halving-doubling`; nil takes each level's fastest.
  public var algorithm: String?
  /// Into how many chunks the data is cut, so that levels overlap.
  public var chunks: Int

  /// Creates a request.
  public init(machine: String, operation: String, bytes: Bytes, algorithm: String? = nil, chunks: Int = 1) {
    self.machine = machine
    self.operation = operation
    self.bytes = bytes
    self.algorithm = algorithm
    self.chunks = chunks
  }
}
