extension ReferenceTensor {
  /// The part `[start, start + count)` of a dimension.
  func slice(_ axis: Int, from start: Int, count: Int) -> ReferenceTensor {
    let places = slicePlaces(axis, from: start, count: count)
    var target = shape
    target[axis] = count
    return ReferenceTensor(target) { elements[places[$0]] }
  }

  /// Adds a slice to the part that ``slice(_:from:count:)`` would take.
  mutating func add(_ slice: ReferenceTensor, along axis: Int, from start: Int) {
    let places = slicePlaces(axis, from: start, count: slice.shape[axis])
    for place in 0..<slice.count { elements[places[place]] += slice.elements[place] }
  }

  private func slicePlaces(_ axis: Int, from start: Int, count: Int) -> [Int] {
    let inner = product(shape[(axis + 1)...])
    var places: [Int] = []
    for outer in 0..<product(shape[..<axis]) {
      for index in 0..<count {
        let row = (outer * shape[axis] + start + index) * inner
        places.append(contentsOf: row..<row + inner)
      }
    }
    return places
  }

  /// Tensors one after the other along a dimension.
  static func concatenated(_ parts: [ReferenceTensor], axis: Int, shape: [Int]) -> ReferenceTensor {
    var result = ReferenceTensor(shape)
    var start = 0
    for part in parts {
      result.add(part, along: axis, from: start)
      start += part.shape[axis]
    }
    return result
  }
}
