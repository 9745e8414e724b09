import Graphs

/// Operators that take elements from one place to another.
struct NativeShaping: Sendable {
  let request: KernelRequest
  let team: ThreadTeam

  /// Tensors put one after another along a dimension: rows of the parts alternate in the whole.
  private func parts(_ types: [TensorType], axis: Int) -> (outer: Int, rows: [Int]) {
    let shape = types[0].shape
    return (product(shape[..<axis]), types.map { product($0.shape[axis...]) })
  }

  private func gather(
    _ outer: Int, _ rows: [Int], from parts: (Int) -> UnsafePointer<Float>?, into whole: Floats
  ) {
    let length = rows.reduce(0, +)
    var offset = 0
    for (index, row) in rows.enumerated() {
      let (part, start) = (parts(index), offset)
      team.split(outer, of: row) { lines, _ in
        for line in lines {
          let target = whole + line * length + start
          if let part {
            target.update(from: part + line * row, count: row)
          } else {
            target.update(repeating: 0, count: row)
          }
        }
      }
      offset += row
    }
  }

  private func scatter(_ outer: Int, _ rows: [Int], from whole: Floats, into parts: (Int) -> Floats?) {
    let length = rows.reduce(0, +)
    var offset = 0
    for (index, row) in rows.enumerated() {
      if let part = parts(index) {
        let start = offset
        team.split(outer, of: row) { lines, _ in
          for line in lines {
            (part + line * row).update(from: whole + line * length + start, count: row)
          }
        }
      }
      offset += row
    }
  }

  func concatenation(_ rules: Concatenation) -> NativeKernel {
    let (outer, rows) = parts(request.inputTypes, axis: rules.axis)
    if case .backward(let operation) = request.step {
      let inputs = operation.inputs
      return NativeKernel { operands, _, _ in
        scatter(outer, rows, from: operands.outputError(0)) { part in
          inputs.firstIndex(of: part).flatMap { operands.result($0) }
        }
      }
    }
    return NativeKernel { operands, _, _ in
      gather(outer, rows, from: { UnsafePointer(operands.input($0)) }, into: operands.output(0))
    }
  }

  func split(_ rules: Split) -> NativeKernel {
    let (outer, rows) = parts(request.outputTypes, axis: rules.axis)
    guard request.step == .forward else {
      return NativeKernel { operands, _, _ in
        guard let dx = operands.result(0) else { return }
        // An output that does not lead to the loss has no error.
        gather(
          outer, rows,
          from: { part in
            operands.outputErrors[part].map { UnsafePointer($0.assumingMemoryBound(to: Float.self)) }
          }, into: dx)
      }
    }
    return NativeKernel { operands, _, _ in
      scatter(outer, rows, from: operands.input(0)) { part in
        operands.outputs[part]?.assumingMemoryBound(to: Float.self)
      }
    }
  }

  func slice(_ rules: Slice) -> NativeKernel? {
    let input = request.inputTypes[0].shape
    let own = rowMajorStrides(input)
    var (start, strides) = (0, own)
    for (index, axis) in rules.axes.enumerated() {
      start += rules.range(index, extent: input[axis]).start * own[axis]
      strides[axis] *= rules.steps[index]
    }
    let walk = StridedWalk(request.outputTypes[0].shape, strides, start: start)
    return kernel(walk, filler: nil)
  }

  func transpose(_ rules: Transpose) -> NativeKernel? {
    let own = rowMajorStrides(request.inputTypes[0].shape)
    let walk = StridedWalk(request.outputTypes[0].shape, rules.permutation.map { own[$0] }, start: 0)
    return kernel(walk, filler: nil)
  }

  /// Padding with a constant: the input lies in the middle of the output.
  func pad(_ rules: Pad) -> NativeKernel? {
    guard case .constant(let filler) = rules.mode else { return nil }
    let own = rowMajorStrides(request.outputTypes[0].shape)
    let start = zip(rules.padding, own).reduce(0) { $0 + $1.0.begin * $1.1 }
    let walk = StridedWalk(request.inputTypes[0].shape, own, start: start)
    return kernel(walk, filler: Float(filler))
  }

  /// A walk through the larger tensor in step with all elements of the smaller one.
  ///
  /// The smaller is the output unless a filler says what surrounds the input.
  private func kernel(_ walk: StridedWalk, filler: Float?) -> NativeKernel {
    let whole = (filler == nil ? request.inputTypes : request.outputTypes)[0].elementCount
    let isForward = request.step == .forward
    return NativeKernel { operands, _, _ in
      guard
        let target = isForward ? operands.output(0) : operands.result(0)
      else { return }
      let source = isForward ? operands.input(0) : operands.outputError(0)
      if isForward == (filler == nil) {
        walk.collect(from: source, into: target, team)
      } else {
        if walk.count < whole { target.update(repeating: isForward ? filler ?? 0 : 0, count: whole) }
        walk.distribute(from: source, into: target, team)
      }
    }
  }
}

/// A walk through a tensor by given steps, in row-major order of a shape.
struct StridedWalk: Sendable {
  /// The number of elements that are visited.
  let count: Int
  private let rows: Int
  private let columns: Int
  private let rowStep: Int
  private let columnStep: Int
  private let starts: [Int]

  init(_ shape: [Int], _ strides: [Int], start: Int) {
    count = product(shape)
    // Neighbouring dimensions that are walked through as one are one.
    var dimensions: [(extent: Int, stride: Int)] = []
    for d in shape.indices where shape[d] != 1 {
      if let last = dimensions.last, last.stride == strides[d] * shape[d] {
        dimensions[dimensions.count - 1] = (last.extent * shape[d], strides[d])
      } else {
        dimensions.append((shape[d], strides[d]))
      }
    }
    let inner = dimensions.popLast() ?? (1, 1)
    let outer = dimensions.popLast() ?? (1, 0)
    (columns, columnStep, rows, rowStep) = (inner.extent, inner.stride, outer.extent, outer.stride)
    var starts = [start]
    for dimension in dimensions {
      starts = starts.flatMap { start in (0..<dimension.extent).map { start + $0 * dimension.stride } }
    }
    self.starts = starts
  }

  /// Calls the body for blocks that stay in the cache: places in the dense and in the stepped tensor.
  @inline(__always)
  private func forEachRow(
    _ starts: Range<Int>, _ body: (_ dense: Int, _ stepped: Int, _ count: Int) -> Void
  ) {
    // Few lines at a time: those of evenly spaced rows crowd into few places of the cache.
    let block = columnStep == 1 ? columns : 16
    for index in starts {
      let start = self.starts[index]
      var column = 0
      while column < columns {
        let width = min(block, columns - column)
        for row in 0..<rows {
          body((index * rows + row) * columns + column, start + row * rowStep + column * columnStep, width)
        }
        column += width
      }
    }
  }

  /// Copies the visited elements one after another.
  func collect(from source: UnsafePointer<Float>, into target: Floats, _ team: ThreadTeam) {
    team.split(starts.count, of: rows * columns) { starts, _ in collect(starts, source, target) }
  }

  private func collect(_ starts: Range<Int>, _ source: UnsafePointer<Float>, _ target: Floats) {
    forEachRow(starts) { dense, stepped, count in
      if columnStep == 1 {
        (target + dense).update(from: source + stepped, count: count)
      } else {
        for place in 0..<count { target[dense + place] = source[stepped + place * columnStep] }
      }
    }
  }

  /// Copies elements that lie one after another to the visited places.
  func distribute(from source: UnsafePointer<Float>, into target: Floats, _ team: ThreadTeam) {
    team.split(starts.count, of: rows * columns) { starts, _ in distribute(starts, source, target) }
  }

  private func distribute(_ starts: Range<Int>, _ source: UnsafePointer<Float>, _ target: Floats) {
    forEachRow(starts) { dense, stepped, count in
      if columnStep == 1 {
        (target + stepped).update(from: source + dense, count: count)
      } else {
        for place in 0..<count { target[stepped + place * columnStep] = source[dense + place] }
      }
    }
  }
}
