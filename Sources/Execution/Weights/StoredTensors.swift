public import Graphs
internal import Units

/// A tensor in memory that is to be written to a file; its bytes stay until that is done.
public struct TensorView {
  /// Its name, unique in the file.
  public let name: String
  /// Its element type and shape.
  public let type: TensorType
  /// Its elements, row-major and little-endian.
  public let bytes: UnsafeRawBufferPointer

  /// Creates a view.
  public init(name: String, type: TensorType, bytes: UnsafeRawBufferPointer) {
    precondition(
      bytes.count == type.size.count, "\(bytes.count) bytes for \(type.size.count) of \(name)")
    self.name = name
    self.type = type
    self.bytes = bytes
  }
}

/// A tensor of float32 numbers in an array.
public struct NamedArray: Hashable, Sendable {
  /// Its name.
  public let name: String
  /// The extent of each dimension.
  public let shape: [Int]
  /// The elements, row-major.
  public let elements: [Float]

  /// Creates a tensor.
  public init(name: String, shape: [Int], elements: [Float]) {
    precondition(
      shape.reduce(1, *) == elements.count, "\(elements.count) elements of \(name) for the shape \(shape)")
    self.name = name
    self.shape = shape
    self.elements = elements
  }
}

/// Runs a function with views of tensors in arrays.
public func withTensorViews<Result, Failure: Error>(
  of tensors: [NamedArray], _ body: ([TensorView]) throws(Failure) -> Result
) throws(Failure) -> Result {
  // One copy in one place is simpler than to nest as many closures as there are tensors.
  let count = tensors.reduce(0) { $0 + $1.elements.count }
  let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: max(1, count))
  defer { memory.deallocate() }
  var views: [TensorView] = []
  var start = 0
  for tensor in tensors {
    let part = UnsafeMutableBufferPointer(rebasing: memory[start..<start + tensor.elements.count])
    _ = part.initialize(from: tensor.elements)
    views.append(
      TensorView(
        name: tensor.name, type: TensorType(.float32, tensor.shape), bytes: UnsafeRawBufferPointer(part)))
    start += tensor.elements.count
  }
  return try body(views)
}

/// Tensors that were read from a file.
public struct StoredTensors: Hashable, Sendable {
  /// Where a tensor lies.
  public struct Entry: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// Its element type and shape.
    public let type: TensorType
    /// Its bytes in the file.
    public let range: Range<Int>
  }

  /// The tensors in the order of the file.
  public let entries: [Entry]
  private let file: [UInt8]
  private let places: [String: Int]

  /// Takes a file and the places of its tensors, all of which lie inside.
  init(file: [UInt8], entries: [Entry]) {
    for entry in entries {
      precondition(
        entry.range.lowerBound >= 0 && entry.range.upperBound <= file.count
          && entry.range.count == entry.type.size.count,
        "\(entry.name) lies at \(entry.range) of \(file.count) bytes")
    }
    self.entries = entries
    self.file = file
    places = Dictionary(entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The tensor of a name, nil where there is none.
  public subscript(name: String) -> Entry? { places[name].map { entries[$0] } }

  /// Runs a function on the bytes of a tensor, row-major and little-endian; nil where there is no such
  /// tensor.
  public func withBytes<Result>(of name: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
    guard let entry = self[name] else { return nil }
    return file.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[entry.range])) }
  }

  /// The elements of a tensor of float32 numbers, nil where there is none.
  public func floats(of name: String) -> [Float]? {
    guard self[name]?.type.elementType == .float32 else { return nil }
    return withBytes(of: name) { bytes in
      (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
  }
}
