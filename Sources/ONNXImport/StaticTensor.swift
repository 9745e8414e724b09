internal import Graphs

/// A tensor of the model that no sample enters: a weight, a shape, a number.
///
/// Large ones stay where they are, as a view into the file or as one number that fills them; only small
/// ones are ever decoded.
struct StaticTensor: Sendable {
  /// Where the values come from.
  indirect enum Source: Sendable {
    /// The tensor message at this range of the file.
    case stored(Range<Int>)
    /// One number everywhere.
    case fill(Double)
    /// Values that were computed while reading.
    case values([Double])
    /// Another source of the given shape, its dimensions permuted.
    case transposed(Source, shape: [Int], permutation: [Int])
  }
  /// The name of the tensor from which the values come.
  let name: String
  /// The element type and shape.
  let type: TensorType
  /// Where the values come from.
  let source: Source
  /// Whether the file stores the values as weights usually are: as an initializer or as a filled shape.
  let isStored: Bool

  /// The same values in another shape of equally many elements.
  func reshaped(_ shape: [Int]) -> StaticTensor {
    StaticTensor(name: name, type: type.with(shape: shape), source: source, isStored: isStored)
  }

  /// The same values as another element type.
  func with(elementType: ElementType) -> StaticTensor {
    StaticTensor(name: name, type: TensorType(elementType, type.shape), source: source, isStored: isStored)
  }

  /// The values with their dimensions permuted, nil where too many such views lie on each other.
  func transposed(_ permutation: [Int]) -> StaticTensor? {
    guard source.depth < Source.deepestView else { return nil }
    let shape = permutation.map { type.shape[$0] }
    let source: Source =
      if case .fill = self.source { self.source } else {
        .transposed(self.source, shape: type.shape, permutation: permutation)
      }
    return StaticTensor(name: name, type: type.with(shape: shape), source: source, isStored: isStored)
  }
}

extension StaticTensor.Source {
  /// The most permutations on top of each other, so that walking down them needs little stack.
  static let deepestView = 16

  /// How many permutations lie on each other.
  var depth: Int {
    if case .transposed(let source, _, _) = self { source.depth + 1 } else { 0 }
  }

  /// The number that fills the tensor, where one does.
  var uniformValue: Double? {
    switch self {
    case .fill(let value): value
    case .transposed(let source, _, _): source.uniformValue
    case .stored, .values: nil
    }
  }

  /// Returns every value, `count` of them, in row-major order.
  ///
  /// - Parameter folder: The model's folder, for values in other files.
  func decoded(
    _ count: Int, from bytes: UnsafeRawBufferPointer, folder: String?
  ) throws(ImportFault) -> [Double] {
    switch self {
    case .fill(let value): return [Double](repeating: value, count: count)
    case .values(let values): return values
    case .stored(let range): return try TensorMessage(bytes, range).decoded(from: bytes, folder: folder)
    case .transposed(let source, let shape, let permutation):
      let values = try source.decoded(count, from: bytes, folder: folder)
      return permuted(values, shape: shape, permutation: permutation)
    }
  }
}

/// Returns row-major values with their dimensions permuted: dimension d of the result is `permutation[d]`.
func permuted(_ values: [Double], shape: [Int], permutation: [Int]) -> [Double] {
  guard !values.isEmpty else { return values }
  let strides = rowMajorStrides(shape)
  let extents = permutation.map { shape[$0] }
  let steps = permutation.map { strides[$0] }
  return gathered(values, extents: extents, steps: steps)
}

/// Returns the values at every index of `extents`, each dimension `d` moving by `steps[d]` from `start`.
func gathered(_ values: [Double], extents: [Int], steps: [Int], start: Int = 0) -> [Double] {
  let count = extents.reduce(1, *)
  guard count > 0 else { return [] }
  var result: [Double] = []
  result.reserveCapacity(count)
  var index = [Int](repeating: 0, count: extents.count)
  var position = start
  while result.count < count {
    result.append(values[position])
    for dimension in extents.indices.reversed() {
      index[dimension] += 1
      position += steps[dimension]
      if index[dimension] < extents[dimension] { break }
      position -= steps[dimension] * extents[dimension]
      index[dimension] = 0
    }
  }
  return result
}

/// Returns the distance between neighbours along each dimension of a dense row-major tensor.
func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for dimension in shape.indices.dropLast().reversed() {
    strides[dimension] = strides[dimension + 1] * max(1, shape[dimension + 1])
  }
  return strides
}

extension TensorMessage {
  /// Returns every value in row-major order.
  func decoded(from bytes: UnsafeRawBufferPointer, folder: String?) throws(ImportFault) -> [Double] {
    let elementType = type.elementType
    let size = elementType.byteCount
    var values: [Double] = []
    switch storage {
    case .raw(let range):
      values.reserveCapacity(range.count / size)
      var reader = WireReader(bytes, range)
      while !reader.isAtEnd { values.append(elementType.value(try reader.fixed(size))) }
    case .external(let location):
      guard let folder else {
        throw ImportFault(
          "external data needs a folder, but the model came from memory", at: range.lowerBound,
          part: "tensor \(name)")
      }
      let data = try location.read(in: folder, at: range.lowerBound, part: "tensor \(name)")
      values.reserveCapacity(data.count / size)
      for start in stride(from: 0, to: data.count, by: size) {
        var bits: UInt64 = 0
        for index in 0..<size { bits |= UInt64(data[start + index]) << UInt64(8 * index) }
        values.append(elementType.value(bits))
      }
    case .typed(let number):
      values.reserveCapacity(type.elementCount)
      var message = WireReader(bytes, range)
      while let field = try message.next() {
        guard field.number == number else { continue }
        guard field.encoding == .lengthDelimited else {
          values.append(elementType.value(field.bits))
          continue
        }
        var packed = WireReader(bytes, field.payload)
        while !packed.isAtEnd {
          let bits =
            number == 4 ? try packed.fixed(4) : number == 10 ? try packed.fixed(8) : try packed.varint()
          values.append(elementType.value(bits))
        }
      }
    }
    guard values.count == type.elementCount else {
      throw ImportFault(
        "\(values.count) values are stored where \(type.elementCount) belong", at: range.lowerBound,
        part: "tensor \(name)", hint: damagedHint)
    }
    return values
  }
}
