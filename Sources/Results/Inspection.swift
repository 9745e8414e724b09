public import Units

/// What is in a network, and what training it would need.
public struct Inspection: Hashable, Sendable {
  /// Multiply-accumulates of convolutions, GEMM and MatMul by phase, over the whole batch.
  ///
  /// Held as `Double` (exact to 2⁵³), because a large batch of a large network exceeds 64-bit integers.
  public struct MultiplyAccumulates: Hashable, Sendable {
    /// Of the forward phase.
    public let forward: Double
    /// Of the error phase; the graph's input needs no error.
    public let error: Double
    /// Of the weight-gradient phase.
    public let weightGradient: Double

    /// Creates counts.
    public init(forward: Double, error: Double, weightGradient: Double) {
      self.forward = forward
      self.error = error
      self.weightGradient = weightGradient
    }

    /// The sum over the phases.
    public var total: Double { forward + error + weightGradient }
  }

  /// How many operators of a kind there are.
  public struct KindCount: Hashable, Sendable {
    /// The kind, such as `convolution`.
    public let kind: String
    /// How many there are.
    public let count: Int

    /// Creates a count.
    public init(kind: String, count: Int) {
      self.kind = kind
      self.count = count
    }
  }

  /// A kind of operator that cannot be imported, and where it stands.
  public struct Unsupported: Hashable, Sendable {
    /// The kind as the model names it.
    public let kind: String
    /// The names of its nodes.
    public let nodes: [String]

    /// Creates an entry.
    public init(kind: String, nodes: [String]) {
      self.kind = kind
      self.nodes = nodes
    }
  }

  /// One operator.
  public struct Row: Hashable, Sendable {
    /// The node's name.
    public let name: String
    /// The operator's kind.
    public let kind: String
    /// The shape of its first output.
    public let outputShape: [Int]
    /// Its trainable elements.
    public let parameters: Int
    /// Its multiply-accumulates.
    public let multiplyAccumulates: MultiplyAccumulates
    /// The activations that it keeps for its backward phases; each tensor counts where it is first kept.
    public let savedActivations: Bytes

    /// Creates a row.
    public init(
      name: String, kind: String, outputShape: [Int], parameters: Int,
      multiplyAccumulates: MultiplyAccumulates, savedActivations: Bytes
    ) {
      self.name = name
      self.kind = kind
      self.outputShape = outputShape
      self.parameters = parameters
      self.multiplyAccumulates = multiplyAccumulates
      self.savedActivations = savedActivations
    }
  }

  /// The network's name.
  public let model: String
  /// The global mini-batch.
  public let batch: Int
  /// Trainable elements: scale and shift of batch normalisation, but not running statistics.
  public let parameters: Int
  /// The operators by kind, in the order in which kinds first appear.
  public let operators: [KindCount]
  /// Multiply-accumulates of the whole network.
  public let multiplyAccumulates: MultiplyAccumulates
  /// Activations kept from the forward phase for the backward phases, all at once.
  public let savedActivations: Bytes
  /// What cannot be imported; the rest of the counts then leaves it out.
  public let unsupported: [Unsupported]
  /// Every operator, in topological order.
  public let rows: [Row]

  /// Creates an inspection.
  public init(
    model: String, batch: Int, parameters: Int, operators: [KindCount],
    multiplyAccumulates: MultiplyAccumulates, savedActivations: Bytes, unsupported: [Unsupported], rows: [Row]
  ) {
    self.model = model
    self.batch = batch
    self.parameters = parameters
    self.operators = operators
    self.multiplyAccumulates = multiplyAccumulates
    self.savedActivations = savedActivations
    self.unsupported = unsupported
    self.rows = rows
  }
}
