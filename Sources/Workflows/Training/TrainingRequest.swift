public import Machines

/// What a user asks for who wants a network trained.
///
/// ```swift
/// var request = TrainingRequest(model: "lenet", data: "fashion-mnist")
/// request.ranks = 2
/// request.length = .epochs(3)
/// try train(request) { event in … }
/// ```
public struct TrainingRequest: Hashable, Sendable {
  /// How long a run lasts.
  public enum Length: Hashable, Sendable {
    /// So many steps in all, those of a checkpoint included.
    case steps(Int)
    /// So many times through the data.
    case epochs(Int)
  }

  /// What computes.
  public enum Kernels: String, Hashable, Sendable, CaseIterable {
    /// oneDNN and native loops, or reference kernels where oneDNN is absent.
    case onednn
    /// The plainly written ones.
    case reference
  }

  /// Where a run is made to fail, for tests of recovery: inside a step or around the writing of a checkpoint.
  public struct Failure: Hashable, Sendable {
    /// The number of the step, from one.
    public let step: Int
    /// The point's name.
    public let point: String

    /// Creates a failure.
    public init(step: Int, point: String) {
      self.step = step
      self.point = point
    }

    /// The points inside and between steps; the others are those of ``Execution/FaultPoint``.
    public static let stepPoints = ["before-step", "mid-step", "after-step"]
  }

  /// The network, the machine, the step and the limits of the search.
  ///
  /// A machine that is nil stands for as many equal devices of this computer as there are ranks.
  public var planning: Request
  /// The name of a data set, or a path.
  public var data: String
  /// Where named data sets are looked for.
  public var dataFolders: [String] = []
  /// How many ranks there must be; nil takes as many as the plan has devices.
  public var ranks: Int?
  /// How long the run lasts.
  public var length: Length = .epochs(1)
  /// What samples, masks and initial weights are drawn from.
  public var seed: UInt64 = 0
  /// The learning rate; nil takes the optimizer's usual one.
  public var learningRate: Double?
  /// How the learning rate changes, in the words of ``LearningRateSchedule``.
  public var schedule = "constant"
  /// Whether the batch is cut into cells whose sums keep their order.
  public var isDeterministic = true
  /// What computes.
  public var kernels: Kernels = .onednn
  /// Where the kernels' library may lie, besides the usual places.
  public var kernelPaths: [String] = []
  /// How many threads compute in each rank; nil takes those of its device, or divides the cores among ranks.
  public var threads: Int?
  /// For each rank the instructions to which it keeps; where it is empty, those of the machine's devices.
  public var instructionSets: [InstructionSet] = []
  /// Where trained weights are written as safetensors.
  public var weightsPath: String?
  /// Where the trained network is written as ONNX.
  public var networkPath: String?
  /// The folder of checkpoints.
  public var checkpointFolder: String?
  /// After how many steps a checkpoint is written; nil at the end of every epoch.
  public var checkpointInterval: Int?
  /// Whether the run goes on from the last checkpoint.
  public var isResumed = false
  /// Whether test samples are classified at the end of every epoch.
  public var evaluates = true
  /// Where the run is made to fail.
  public var failure: Failure?

  /// Creates a request with the default for everything else.
  public init(model: String, data: String) {
    planning = Request(model: model)
    self.data = data
  }
}

/// Why a training run did not end well, other than by bad input.
public enum TrainingFault: Error, Hashable, Sendable {
  /// A rank was lost (exit 69).
  case peerLost(String)
  /// The run failed (exit 1), such as by a loss that is no number.
  case failed(String)
  /// The user ended it (exit 130).
  case interrupted
}
