public import Units

/// A built-in network in a list.
public struct ModelSummary: Hashable, Sendable {
  /// The form of a built-in network.
  public enum Form: String, Hashable, Sendable {
    /// Operators over tensors: it can be exported.
    case graph
    /// A table of weighted layers.
    case layerTable = "layer-table"
  }

  /// The name that commands take.
  public let name: String
  /// What it is, in a few words.
  public let title: String
  /// Its form.
  public let form: Form
  /// Trainable elements.
  public let parameters: Int
  /// Multiply-accumulates of the forward phase of one sample.
  public let multiplyAccumulates: Double
  /// Where the network was published.
  public let source: String

  /// Creates a summary.
  public init(
    name: String, title: String, form: Form, parameters: Int, multiplyAccumulates: Double, source: String
  ) {
    self.name = name
    self.title = title
    self.form = form
    self.parameters = parameters
    self.multiplyAccumulates = multiplyAccumulates
    self.source = source
  }
}

/// A machine of the catalogue in a list.
public struct MachineSummary: Hashable, Sendable {
  /// Devices of one kind.
  public struct Devices: Hashable, Sendable {
    /// The key of the machine file.
    public let name: String
    /// The kind, such as `near-storage`.
    public let kind: String
    /// How many there are.
    public let count: Int
    /// The memory of each.
    public let memory: Bytes

    /// Creates an entry.
    public init(name: String, kind: String, count: Int, memory: Bytes) {
      self.name = name
      self.kind = kind
      self.count = count
      self.memory = memory
    }
  }

  /// The name that commands take.
  public let name: String
  /// The name that the description gives itself.
  public let title: String
  /// The devices, in the order of the description.
  public let devices: [Devices]
  /// The mesh levels from the top, such as `H1: 2-way tree`.
  public let levels: [String]

  /// Creates a summary.
  public init(name: String, title: String, devices: [Devices], levels: [String]) {
    self.name = name
    self.title = title
    self.devices = devices
    self.levels = levels
  }
}
