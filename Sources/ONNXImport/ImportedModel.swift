public import Diagnostics
public import Graphs

/// A network that was read from an ONNX file, with a way to its weights.
///
/// The weights stay in the mapped file until ``contents(of:)`` asks for them.
public struct ImportedModel: Sendable {
  /// The network as the file has it, without a loss.
  public let graph: Graph
  /// The version of the default operator set.
  public let opset: Int
  /// The program that wrote the file, as far as it says so.
  public let producer: String
  /// What the user should know about how the file was read, one sentence each.
  public let notes: [String]

  private let file: MappedFile
  private let name: String
  private let folder: String?
  private let sources: [TensorID: StaticTensor]

  init(
    graph: Graph, model: ModelMessage, notes: [String], file: MappedFile, name: String, folder: String?,
    sources: [TensorID: StaticTensor]
  ) {
    self.graph = graph
    opset = model.opset
    producer = model.producer
    self.notes = notes
    self.file = file
    self.name = name
    self.folder = folder
    self.sources = sources
  }

  /// Returns what the file stores for a parameter, a state or a constant, nil for any other tensor.
  ///
  /// Asking reads nothing yet.
  public func contents(of tensor: TensorID) -> TensorContents? {
    sources[tensor].map { TensorContents(source: $0, file: file, name: name, folder: folder) }
  }
}

/// The values of one tensor of a model, read when asked for.
public struct TensorContents: Sendable {
  private let source: StaticTensor
  private let file: MappedFile
  private let name: String
  private let folder: String?

  init(source: StaticTensor, file: MappedFile, name: String, folder: String?) {
    self.source = source
    self.file = file
    self.name = name
    self.folder = folder
  }

  /// The element type and shape.
  public var type: TensorType { source.type }

  /// The number that fills the tensor, where the file gives one number for all elements.
  public var uniformValue: Double? { source.source.uniformValue }

  /// Returns every value in row-major order.
  ///
  /// - Throws: `InputError` where the values lie in a file that is missing, a link or too short.
  public func values() throws(InputError) -> [Double] {
    do {
      // The source reads through the mapping, which must not end before.
      return try withExtendedLifetime(file) { () throws(ImportFault) in
        try source.source.decoded(source.type.elementCount, from: file.bytes, folder: folder)
      }
    } catch { throw error.inputError(file: name) }
  }
}
