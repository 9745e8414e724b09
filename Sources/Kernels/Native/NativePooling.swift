import Graphs

/// Pooling over one or two spatial dimensions, plane by plane.
struct NativePooling: Sendable {
  private let planes: Int
  private let input: (rows: Int, columns: Int)
  private let output: (rows: Int, columns: Int)
  private let window: (rows: Int, columns: Int)
  private let strides: (rows: Int, columns: Int)
  private let dilations: (rows: Int, columns: Int)
  private let begins: (rows: Int, columns: Int)
  private let reduction: Pooling.Reduction
  /// Of averages, one over the number of elements that count, for each output place.
  private let shares: [Float]

  /// Prepares, or returns nil for more spatial dimensions.
  init?(_ request: KernelRequest, _ rules: Pooling) {
    let (x, y) = (request.inputTypes[0].shape, request.outputTypes[0].shape)
    guard x.count == 3 || x.count == 4 else { return nil }
    func pair(_ values: [Int], _ missing: Int) -> (rows: Int, columns: Int) {
      values.count == 2 ? (values[0], values[1]) : (missing, values[0])
    }
    planes = x[0] * x[1]
    input = pair(Array(x[2...]), 1)
    output = pair(Array(y[2...]), 1)
    window = pair(rules.kernel, 1)
    strides = pair(rules.strides, 1)
    dilations = pair(rules.dilations, 1)
    begins = pair(rules.padding.map(\.begin), 0)
    reduction = rules.reduction
    if case .average(let countsPadding) = rules.reduction {
      let map = WindowMap(
        input: Array(x[2...]), output: Array(y[2...]), window: rules.kernel, strides: rules.strides,
        dilations: rules.dilations, padding: rules.padding)
      shares = (0..<map.outputCount).map { place in
        var covered = 0
        map.forEach(place) { _, _ in covered += 1 }
        return 1 / Float(max(countsPadding ? map.paddedCounts[place] : covered, 1))
      }
    } else {
      shares = []
    }
  }

  func kernel(_ step: KernelRequest.Step) -> NativeKernel? {
    let isMaximum = reduction == .maximum
    switch step {
    case .forward:
      return NativeKernel(scratch: isMaximum ? floats(2 * paddedColumns) : 0) { operands, _, scratch in
        if isMaximum {
          let places = operands.rawAuxiliary(0).assumingMemoryBound(to: Int32.self)
          maximum(operands.input(0), operands.output(0), places, scratch)
        } else {
          average(operands.input(0), operands.output(0))
        }
      }
    case .backward:
      return NativeKernel { operands, _, _ in
        guard let dx = operands.result(0) else { return }
        if isMaximum {
          let places = operands.rawAuxiliary(0).assumingMemoryBound(to: Int32.self)
          maximumError(operands.outputError(0), places, dx)
        } else {
          averageError(operands.outputError(0), dx)
        }
      }
    case .forwardStatistics, .backwardStatistics: return nil
    }
  }

  /// Calls the body for each row of the output and each place of the window that meets the input: the row's
  /// range of columns, where the first of them lies in the input, and its place in the output.
  @inline(__always)
  private func forEachMeeting(
    _ row: Int, _ body: (_ columns: Range<Int>, _ source: Int, _ target: Int) -> Void
  ) {
    for r in 0..<window.rows {
      let line = row * strides.rows - begins.rows + r * dilations.rows
      guard line >= 0 && line < input.rows else { continue }
      for s in 0..<window.columns {
        let offset = s * dilations.columns - begins.columns
        let first = offset >= 0 ? 0 : (-offset + strides.columns - 1) / strides.columns
        let room = input.columns - 1 - offset
        let last = room < 0 ? -1 : min(output.columns - 1, room / strides.columns)
        guard first <= last else { continue }
        body(
          first..<last + 1, line * input.columns + first * strides.columns + offset,
          row * output.columns + first)
      }
    }
  }

  /// The columns of a line of the input with what the windows reach beyond them.
  private var paddedColumns: Int {
    let reach = (output.columns - 1) * strides.columns + (window.columns - 1) * dilations.columns + 1
    return max(reach, begins.columns + input.columns)
  }

  /// The greatest of each window: first that of each column of the window's rows, then that of the columns.
  private func maximum(
    _ x: UnsafePointer<Float>, _ y: Floats, _ places: UnsafeMutablePointer<Int32>,
    _ scratch: UnsafeMutableRawPointer?
  ) {
    let (inputCount, outputCount) = (input.rows * input.columns, output.rows * output.columns)
    let width = paddedColumns
    let greatest = floats(in: scratch)
    let lines = UnsafeMutableRawPointer(greatest + width).assumingMemoryBound(to: Int32.self)
    for plane in 0..<planes {
      let source = x + plane * inputCount
      for row in 0..<output.rows {
        greatest.update(repeating: -.infinity, count: width)
        lines.update(repeating: -1, count: width)
        for r in 0..<window.rows {
          let line = row * strides.rows - begins.rows + r * dilations.rows
          guard line >= 0 && line < input.rows else { continue }
          keepGreater(
            source + line * input.columns, Int32(line), greatest + begins.columns, lines + begins.columns)
        }
        let start = plane * outputCount + row * output.columns
        chooseColumns(greatest, lines, y + start, places + start)
      }
    }
  }

  /// Keeps for each column the greater number and its line, of equal ones the first.
  @inline(__always)
  private func keepGreater(
    _ source: UnsafePointer<Float>, _ line: Int32, _ greatest: Floats, _ lines: UnsafeMutablePointer<Int32>
  ) {
    inVectors(input.columns) { column in
      let (value, best) = (load(source, column), load(greatest, column))
      let isGreater = value .> best
      store(best.replacing(with: value, where: isGreater), greatest, column)
      let place = UnsafeMutableRawPointer(lines + column)
      let kept = place.loadUnaligned(as: SIMD8<Int32>.self).replacing(with: line, where: isGreater)
      place.storeBytes(of: kept, as: SIMD8<Int32>.self)
    } _: { column in
      if source[column] > greatest[column] {
        greatest[column] = source[column]
        lines[column] = line
      }
    }
  }

  /// Takes the greatest column of each window; of equal numbers the one whose place comes first.
  @inline(__always)
  private func chooseColumns(
    _ greatest: UnsafePointer<Float>, _ lines: UnsafePointer<Int32>, _ y: Floats,
    _ places: UnsafeMutablePointer<Int32>
  ) {
    for column in chooseInVectors(greatest, lines, y, places)..<output.columns {
      let first = column * strides.columns
      var best = greatest[first]
      var (line, chosen) = (lines[first], first)
      var s = dilations.columns
      while s < window.columns * dilations.columns {
        let value = greatest[first + s]
        if value > best || (value == best && lines[first + s] < line && lines[first + s] >= 0) {
          (best, line, chosen) = (value, lines[first + s], first + s)
        }
        s += dilations.columns
      }
      y[column] = line < 0 ? 0 : best
      places[column] = line < 0 ? -1 : line * Int32(input.columns) + Int32(chosen - begins.columns)
    }
  }

  /// Does the columns that come in eights, without branches, and returns the first that is left.
  ///
  /// Which of the numbers is the greatest is as good as random, so that a branch would be guessed wrongly.
  @inline(__always)
  private func chooseInVectors(
    _ greatest: UnsafePointer<Float>, _ lines: UnsafePointer<Int32>, _ y: Floats,
    _ places: UnsafeMutablePointer<Int32>
  ) -> Int {
    let step = strides.columns
    guard step <= 2 else { return 0 }
    let reach = (window.columns - 1) * dilations.columns
    let width = paddedColumns
    let numbers = SIMD8<Int32>(0, 1, 2, 3, 4, 5, 6, 7) &* Int32(step)
    var column = 0
    while column + 8 <= output.columns, column * step + reach + 8 * step <= width {
      let first = column * step
      var best = columns(greatest, first, as: Float.self)
      var line = columns(lines, first, as: Int32.self)
      var chosen = numbers &+ Int32(first)
      var s = dilations.columns
      while s <= reach {
        let value = columns(greatest, first + s, as: Float.self)
        let other = columns(lines, first + s, as: Int32.self)
        let isEarlier = (value .== best) .& (other .< line) .& (other .>= 0)
        let isTaken = (value .> best) .| isEarlier
        best.replace(with: value, where: isTaken)
        line.replace(with: other, where: isTaken)
        chosen.replace(with: numbers &+ Int32(first + s), where: isTaken)
        s += dilations.columns
      }
      let isEmpty = line .< 0
      store(best.replacing(with: 0, where: isEmpty), y, column)
      let place = line &* Int32(input.columns) &+ chosen &- Int32(begins.columns)
      UnsafeMutableRawPointer(places + column).storeBytes(
        of: place.replacing(with: -1, where: isEmpty), as: SIMD8<Int32>.self)
      column += 8
    }
    return column
  }

  /// Eight numbers, each as far from the next as the windows are.
  @inline(__always)
  private func columns<Number: SIMDScalar>(
    _ row: UnsafePointer<Number>, _ first: Int, as type: Number.Type
  ) -> SIMD8<Number> {
    let start = UnsafeRawPointer(row + first)
    return strides.columns == 1
      ? start.loadUnaligned(as: SIMD8<Number>.self) : start.loadUnaligned(as: SIMD16<Number>.self).evenHalf
  }

  private func maximumError(
    _ e: UnsafePointer<Float>, _ places: UnsafePointer<Int32>, _ dx: Floats
  ) {
    let (inputCount, outputCount) = (input.rows * input.columns, output.rows * output.columns)
    for plane in 0..<planes {
      let (error, chosen) = (e + plane * outputCount, places + plane * outputCount)
      let target = dx + plane * inputCount
      target.update(repeating: 0, count: inputCount)
      for place in 0..<outputCount where chosen[place] >= 0 { target[Int(chosen[place])] += error[place] }
    }
  }

  private func average(_ x: UnsafePointer<Float>, _ y: Floats) {
    let (inputCount, outputCount) = (input.rows * input.columns, output.rows * output.columns)
    let step = strides.columns
    shares.withUnsafeBufferPointer { shares in
      for plane in 0..<planes {
        let (source, target) = (x + plane * inputCount, y + plane * outputCount)
        target.update(repeating: 0, count: outputCount)
        for row in 0..<output.rows {
          forEachMeeting(row) { columns, first, result in
            if step == 1 { return add(source + first, to: target + result, columns.count) }
            for column in 0..<columns.count { target[result + column] += source[first + column * step] }
          }
        }
        for place in 0..<outputCount { target[place] *= shares[place] }
      }
    }
  }

  private func averageError(_ e: UnsafePointer<Float>, _ dx: Floats) {
    let (inputCount, outputCount) = (input.rows * input.columns, output.rows * output.columns)
    let step = strides.columns
    shares.withUnsafeBufferPointer { shares in
      for plane in 0..<planes {
        let (error, target) = (e + plane * outputCount, dx + plane * inputCount)
        target.update(repeating: 0, count: inputCount)
        for row in 0..<output.rows {
          forEachMeeting(row) { columns, first, result in
            if step == 1 {
              let start = shares.baseAddress.map { $0 + result }
              guard let start else { return }
              return inVectors(columns.count) { column in
                let term = load(error, result + column) * load(start, column)
                store(load(target, first + column) + term, target, first + column)
              } _: { column in
                target[first + column] += error[result + column] * start[column]
              }
            }
            for column in 0..<columns.count {
              target[first + column * step] += error[result + column] * shares[result + column]
            }
          }
        }
      }
    }
  }

  /// The mean or the greatest element of each whole plane.
  static func global(_ request: KernelRequest, _ rules: GlobalPooling) -> NativeKernel {
    let shape = request.inputTypes[0].shape
    let (planes, count) = (shape[0] * shape[1], product(shape[2...]))
    let isMaximum = rules.reduction == .maximum
    if request.step == .forward {
      return NativeKernel { operands, _, _ in
        let (x, y) = (operands.input(0), operands.output(0))
        for plane in 0..<planes {
          let source = x + plane * count
          guard isMaximum else {
            y[plane] = Float(sum(source, count)) / Float(count)
            continue
          }
          var best = 0
          for place in 1..<max(1, count) where source[place] > source[best] { best = place }
          y[plane] = source[best]
          operands.rawAuxiliary(0).assumingMemoryBound(to: Int32.self)[plane] = Int32(best)
        }
      }
    }
    return NativeKernel { operands, _, _ in
      guard let dx = operands.result(0) else { return }
      let e = operands.outputError(0)
      for plane in 0..<planes {
        let target = dx + plane * count
        guard isMaximum else {
          target.update(repeating: e[plane] / Float(count), count: count)
          continue
        }
        target.update(repeating: 0, count: count)
        let best = operands.rawAuxiliary(0).assumingMemoryBound(to: Int32.self)[plane]
        target[Int(best)] = e[plane]
      }
    }
  }
}
