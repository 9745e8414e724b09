public import Diagnostics

/// A network as papers list it: one row for each weighted layer, with counts instead of shapes.
///
/// As CSV its columns are `name,kind,weights,input,output,macs_forward,macs_error,macs_weight_gradient`, in
/// any order; all counts but the weights are for one sample. A layer reads what the layer before it leaves,
/// so its input equals that output. Tables can be planned, priced and simulated; there is nothing in them to
/// train or export.
public struct LayerTable: Hashable, Sendable {
  /// One weighted layer, with everything that is attached to it.
  public struct Layer: Hashable, Sendable {
    /// What the layer is.
    public typealias Kind = Tabulated.Kind

    /// Its name, unique in the table.
    public let name: String
    /// What it is.
    public let kind: Kind
    /// The elements of its parameters.
    public let weights: Int
    /// The elements that it reads, for each sample.
    public let input: Int
    /// The elements that it leaves, for each sample.
    public let output: Int
    /// The multiply-accumulates of the forward phase, for each sample.
    public let forward: Int
    /// The multiply-accumulates of the error phase, for each sample.
    public let error: Int
    /// The multiply-accumulates of the weight-gradient phase, for each sample.
    public let weightGradient: Int

    /// Creates a layer.
    public init(
      name: String, kind: Kind, weights: Int, input: Int, output: Int, forward: Int, error: Int,
      weightGradient: Int
    ) {
      self.name = name
      self.kind = kind
      self.weights = weights
      self.input = input
      self.output = output
      self.forward = forward
      self.error = error
      self.weightGradient = weightGradient
    }

    /// Creates a layer whose three phases make the same number of multiply-accumulates.
    init(name: String, kind: Kind, weights: Int, input: Int, output: Int, equalPhases: Int) {
      self.init(
        name: name, kind: kind, weights: weights, input: input, output: output, forward: equalPhases,
        error: equalPhases, weightGradient: equalPhases)
    }
  }

  /// The columns of the CSV form, in the order in which they are written.
  public enum Column: String, Hashable, Sendable, CaseIterable {
    case name, kind, weights, input, output
    case forward = "macs_forward"
    case error = "macs_error"
    case weightGradient = "macs_weight_gradient"
  }

  /// The layers, in the order in which a sample passes them.
  public let layers: [Layer]

  init(layers: [Layer]) { self.layers = layers }

  /// The table as CSV, one row for each layer, ending in a line feed.
  public var csv: String {
    var lines = [Column.allCases.map(\.rawValue).joined(separator: ",")]
    for layer in layers {
      lines.append(Column.allCases.map { layer[text: $0] }.joined(separator: ","))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Returns the table as a chain of tabulated operators, from `samples` to a loss of no cost.
  ///
  /// - Parameters:
  ///   - name: The graph's name.
  ///   - batch: The global mini-batch.
  /// - Throws: `InputError` where the batch is not positive or makes a tensor of more than 2⁴⁸ bytes.
  public func graph(name: String, batch: Int) throws(InputError) -> Graph {
    try checkSize(batch: batch, name: name)
    do {
      return try chain(name: name, batch: batch)
    } catch {
      preconditionFailure("the layer table \(name) with batch \(batch): \(error.message)")
    }
  }

  private func chain(name: String, batch: Int) throws(ShapeError) -> Graph {
    var builder = GraphBuilder(name: name)
    var x = builder.sample("samples", TensorType(.float32, [batch, layers[0].input]))
    for layer in layers {
      x = try builder.tabulated(x, layer.operation, name: layer.name)
    }
    x = try builder.tabulatedLoss(x)
    return builder.build(outputs: [x])
  }

  private func checkSize(batch: Int, name: String) throws(InputError) {
    guard batch > 0 else {
      throw InputError(.usage, "a batch of \(batch)", hint: "use a batch of at least 1")
    }
    let largest = layers.map { max($0.input, $0.output) }.max() ?? 0
    let (elements, overflow) = largest.multipliedReportingOverflow(by: batch)
    guard !overflow, elements <= Self.largestCount else {
      throw InputError(
        .usage, "a batch of \(batch) makes a tensor of “\(name)” larger than 2⁴⁸ bytes",
        hint: "its largest tensor has \(largest) elements a sample")
    }
  }

  /// The most elements of one tensor and of the whole table: 2⁴⁸ bytes of four each.
  static let largestCount = 1 << 46
}

extension LayerTable.Layer {
  fileprivate var operation: Tabulated {
    Tabulated(
      kind, inputElements: input, outputElements: output, weightElements: weights,
      forwardMultiplyAccumulates: Double(forward), errorMultiplyAccumulates: Double(error),
      weightGradientMultiplyAccumulates: Double(weightGradient))
  }

  fileprivate subscript(text column: LayerTable.Column) -> String {
    switch column {
    case .name: name
    case .kind: kind.rawValue
    case .weights: String(weights)
    case .input: String(input)
    case .output: String(output)
    case .forward: String(forward)
    case .error: String(error)
    case .weightGradient: String(weightGradient)
    }
  }
}
