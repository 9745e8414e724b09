import Graphs

/// The places of two operands that are repeated to the shape of a result: runs along which both step evenly.
struct BroadcastRuns {
  /// The elements of a run.
  let length: Int
  /// How far the operands step within a run: one or zero.
  let steps: (left: Int, right: Int)
  /// Where each run begins in the operands.
  let starts: [(left: Int, right: Int)]

  init(_ left: [Int], _ right: [Int], _ result: [Int]) {
    func strides(_ shape: [Int]) -> [Int] {
      let own = rowMajorStrides(shape)
      let missing = result.count - shape.count
      return result.indices.map { d in d < missing || shape[d - missing] == 1 ? 0 : own[d - missing] }
    }
    let (a, b) = (strides(left), strides(right))
    // Neighbouring dimensions that both operands walk through as one are one.
    var dimensions: [(extent: Int, left: Int, right: Int)] = []
    for d in result.indices where result[d] != 1 {
      if let last = dimensions.last, last.left == a[d] * result[d], last.right == b[d] * result[d] {
        dimensions[dimensions.count - 1] = (last.extent * result[d], a[d], b[d])
      } else {
        dimensions.append((result[d], a[d], b[d]))
      }
    }
    let inner = dimensions.popLast() ?? (1, 0, 0)
    length = inner.extent
    steps = (inner.left, inner.right)
    var starts = [(left: 0, right: 0)]
    for dimension in dimensions {
      starts = starts.flatMap { start in
        (0..<dimension.extent).map {
          (start.left + $0 * dimension.left, start.right + $0 * dimension.right)
        }
      }
    }
    self.starts = starts
  }
}

/// Element-wise functions of two tensors, either of which may be repeated.
struct NativeElementwise: Sendable {
  private let rules: Elementwise
  private let runs: BroadcastRuns
  private let counts: [Int]
  private let team: ThreadTeam

  /// Prepares, or returns nil where operands are whole numbers.
  init(_ request: KernelRequest, _ rules: Elementwise, _ team: ThreadTeam) {
    self.rules = rules
    self.team = team
    runs = BroadcastRuns(
      request.inputTypes[0].shape, request.inputTypes[1].shape, request.outputTypes[0].shape)
    counts = request.inputTypes.map(\.elementCount)
  }

  func kernel(_ step: KernelRequest.Step) -> NativeKernel? {
    switch step {
    case .forward:
      return NativeKernel { operands, _, _ in
        let (a, b, y) = (operands.input(0), operands.input(1), operands.output(0))
        inPieces { forward($0, a, b, y) }
      }
    case .backward(let operation):
      let inputs = operation.inputs
      return NativeKernel { operands, _, _ in
        for (index, input) in inputs.enumerated() {
          guard let result = operands.result(index) else { continue }
          backward(input, operands, result)
        }
      }
    case .forwardStatistics, .backwardStatistics: return nil
    }
  }

  /// Some places of some runs.
  private struct Piece {
    let runs: Range<Int>
    let places: Range<Int>
  }

  /// Shares the runs among the threads, or the places of every run.
  private func inPieces(ofRuns isAnyRun: Bool = true, _ body: (Piece) -> Void) {
    if isAnyRun, runs.starts.count >= team.count {
      team.split(runs.starts.count, of: runs.length) { range, _ in
        body(Piece(runs: range, places: 0..<runs.length))
      }
    } else {
      team.split(runs.length, of: runs.starts.count, at: 8) { range, _ in
        body(Piece(runs: runs.starts.indices, places: range))
      }
    }
  }

  private func forward(
    _ piece: Piece, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: Floats
  ) {
    switch rules.function {
    case .add:
      combine(piece, a, b, y) {
        $0 + $1
      } _: {
        $0 + $1
      }
    case .subtract:
      combine(piece, a, b, y) {
        $0 - $1
      } _: {
        $0 - $1
      }
    case .multiply:
      combine(piece, a, b, y) {
        $0 * $1
      } _: {
        $0 * $1
      }
    case .divide:
      combine(piece, a, b, y) {
        $0 / $1
      } _: {
        $0 / $1
      }
    case .maximum:
      combine(piece, a, b, y) {
        $0.replacing(with: $1, where: $0 .< $1)
      } _: {
        $0 < $1 ? $1 : $0
      }
    case .minimum:
      combine(piece, a, b, y) {
        $0.replacing(with: $1, where: $0 .> $1)
      } _: {
        $0 > $1 ? $1 : $0
      }
    case .power:
      forEachRun(piece) { start, target in
        for place in piece.places {
          y[target + place] = a[start.left + place * runs.steps.left]
            .raised(to: b[start.right + place * runs.steps.right])
        }
      }
    }
  }

  @inline(__always)
  private func forEachRun(
    _ piece: Piece, _ body: (_ start: (left: Int, right: Int), _ result: Int) -> Void
  ) {
    for index in piece.runs { body(runs.starts[index], index * runs.length) }
  }

  @inline(__always)
  private func combine(
    _ piece: Piece, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: Floats,
    _ whole: (Vector, Vector) -> Vector, _ single: (Float, Float) -> Float
  ) {
    forEachRun(piece) { start, target in
      let (left, right, result) = (a + start.left, b + start.right, y + target)
      switch (runs.steps.left, runs.steps.right) {
      case (1, 1):
        inVectors(piece.places) {
          store(whole(load(left, $0), load(right, $0)), result, $0)
        } _: {
          result[$0] = single(left[$0], right[$0])
        }
      case (1, 0):
        let one = right[0]
        inVectors(piece.places) {
          store(whole(load(left, $0), Vector(repeating: one)), result, $0)
        } _: {
          result[$0] = single(left[$0], one)
        }
      case (0, 1):
        let one = left[0]
        inVectors(piece.places) {
          store(whole(Vector(repeating: one), load(right, $0)), result, $0)
        } _: {
          result[$0] = single(one, right[$0])
        }
      default:
        for place in piece.places {
          result[place] = single(left[place * runs.steps.left], right[place * runs.steps.right])
        }
      }
    }
  }

  /// The error of an operand: that of every element it was repeated to, summed.
  private func backward(_ operand: Int, _ operands: KernelOperands, _ result: Floats) {
    let isWhole = counts[operand] == runs.starts.count * runs.length
    if !isWhole { result.update(repeating: 0, count: counts[operand]) }
    if isWhole || (operand == 0 ? runs.steps.left : runs.steps.right) == 1 {
      // Runs may add to the same elements, and every element is one thread's alone.
      inPieces(ofRuns: isWhole) { backward($0, operand, operands, result) }
    } else {
      let all = Piece(runs: runs.starts.indices, places: 0..<runs.length)
      backward(all, operand, operands, result)
    }
  }

  private func backward(_ piece: Piece, _ operand: Int, _ operands: KernelOperands, _ result: Floats) {
    let e = operands.outputError(0)
    func input(_ index: Int) -> UnsafePointer<Float> { UnsafePointer(operands.input(index)) }
    switch (rules.function, operand) {
    case (.add, _), (.subtract, 0): spread(piece, operand, result) { _, _, place in e[place] }
    case (.subtract, _): spread(piece, operand, result) { _, _, place in -e[place] }
    case (.multiply, 0):
      let b = input(1)
      spread(piece, operand, result) { _, right, place in e[place] * b[right] }
    case (.multiply, _):
      let a = input(0)
      spread(piece, operand, result) { left, _, place in e[place] * a[left] }
    case (.divide, 0):
      let b = input(1)
      spread(piece, operand, result) { _, right, place in e[place] / b[right] }
    case (.divide, _):
      let (b, y) = (input(1), operands.output(0))
      spread(piece, operand, result) { _, right, place in -(e[place] * y[place]) / b[right] }
    case (.maximum, _):
      let (a, b, takes) = (input(0), input(1), operand == 0)
      spread(piece, operand, result) { left, right, place in (a[left] >= b[right]) == takes ? e[place] : 0 }
    case (.minimum, _):
      let (a, b, takes) = (input(0), input(1), operand == 0)
      spread(piece, operand, result) { left, right, place in (a[left] <= b[right]) == takes ? e[place] : 0 }
    case (.power, 0):
      let (a, b) = (input(0), input(1))
      spread(piece, operand, result) { left, right, place in
        e[place] * (b[right] * a[left].raised(to: b[right] - 1))
      }
    case (.power, _):
      let (a, y) = (input(0), operands.output(0))
      spread(piece, operand, result) { left, _, place in e[place] * y[place] * a[left].naturalLogarithm }
    }
  }

  /// Adds a function of the places of left, right and result to the operand's places.
  @inline(__always)
  private func spread(
    _ piece: Piece, _ operand: Int, _ result: Floats, _ term: (Int, Int, Int) -> Float
  ) {
    let (left, right) = runs.steps
    let step = operand == 0 ? left : right
    let isWhole = counts[operand] == runs.starts.count * runs.length
    forEachRun(piece) { start, target in
      let own = operand == 0 ? start.left : start.right
      if step == 0 {
        var total: Float = 0
        for place in piece.places {
          total += term(start.left + place * left, start.right + place * right, target + place)
        }
        result[own] = isWhole ? total : result[own] + total
      } else if isWhole {
        for place in piece.places {
          result[own + place * step] = term(
            start.left + place * left, start.right + place * right, target + place)
        }
      } else {
        for place in piece.places {
          result[own + place * step] += term(
            start.left + place * left, start.right + place * right, target + place)
        }
      }
    }
  }
}

/// Kernels of operators that scale, mask, copy and add.
enum NativePointwise {
  static func scale(_ request: KernelRequest, _ rules: ScaleByConstant, _ team: ThreadTeam) -> NativeKernel {
    let (count, factor) = (request.inputTypes[0].elementCount, Float(rules.factor))
    let isForward = request.step == .forward
    return NativeKernel { operands, _, _ in
      guard let y = isForward ? operands.output(0) : operands.result(0) else { return }
      let x = isForward ? operands.input(0) : operands.outputError(0)
      team.split(count, at: 8) { piece, _ in
        inVectors(piece) {
          store(load(x, $0) * factor, y, $0)
        } _: {
          y[$0] = factor * x[$0]
        }
      }
    }
  }

  static func dropout(_ request: KernelRequest, _ rules: Dropout, _ team: ThreadTeam) -> NativeKernel {
    let shape = request.inputTypes[0].shape
    let (samples, elements) = (shape[0], product(shape.dropFirst()))
    let (ratio, factor) = (rules.ratio, 1 / Float(1 - rules.ratio))
    guard request.step == .forward else {
      return NativeKernel { operands, _, _ in
        guard let dx = operands.result(0) else { return }
        let e = operands.outputError(0)
        let mask = operands.rawAuxiliary(0).assumingMemoryBound(to: UInt8.self)
        team.split(samples * elements) { piece, _ in
          for place in piece { dx[place] = mask[place] == 0 ? 0 : e[place] * factor }
        }
      }
    }
    return NativeKernel { operands, moment, _ in
      let (x, y) = (operands.input(0), operands.output(0))
      let mask = operands.rawAuxiliary(0).assumingMemoryBound(to: UInt8.self)
      let places = moment.places
      // A random number costs as much as a dozen elements elsewhere.
      team.split(samples, of: 12 * elements) { samples, _ in
        for sample in samples {
          let numbers = moment.generator.sample(UInt64(moment.firstSample + sample))
          let row = sample * elements
          for element in 0..<elements {
            let place = places?[element] ?? element
            let isKept = numbers.uniform(UInt64(truncatingIfNeeded: place)) >= ratio
            mask[row + element] = isKept ? 1 : 0
            y[row + element] = isKept ? x[row + element] * factor : 0
          }
        }
      }
    }
  }

  static func fork(_ request: KernelRequest, _ team: ThreadTeam) -> NativeKernel {
    let count = request.inputTypes[0].elementCount
    guard request.step == .forward else {
      return NativeKernel { operands, _, _ in
        guard let dx = operands.result(0) else { return }
        let errors = operands.outputErrors.compactMap { $0?.assumingMemoryBound(to: Float.self) }
        switch errors.count {
        case 0: dx.update(repeating: 0, count: count)
        case 1: team.copy(errors[0], to: dx, count)
        default:
          let (a, b) = (errors[0], errors[1])
          team.split(count, at: 8) { piece, _ in
            inVectors(piece) {
              store(load(a, $0) + load(b, $0), dx, $0)
            } _: {
              dx[$0] = a[$0] + b[$0]
            }
          }
        }
      }
    }
    return NativeKernel { operands, _, _ in
      for index in operands.outputs.indices where operands.outputs[index] != nil {
        team.copy(operands.input(0), to: operands.output(index), count)
      }
    }
  }

  static func reshape(_ request: KernelRequest, _ team: ThreadTeam) -> NativeKernel {
    let count = request.inputTypes[0].elementCount
    let isForward = request.step == .forward
    return NativeKernel { operands, _, _ in
      guard let y = isForward ? operands.output(0) : operands.result(0) else { return }
      team.copy(isForward ? operands.input(0) : operands.outputError(0), to: y, count)
    }
  }
}

extension ThreadTeam {
  /// Copies numbers unless they lie where they should.
  fileprivate func copy(_ source: UnsafePointer<Float>, to target: Floats, _ count: Int) {
    if source == UnsafePointer(target) { return }
    split(count) { piece, _ in
      (target + piece.lowerBound).update(from: source + piece.lowerBound, count: piece.count)
    }
  }
}
