import Graphs

/// Pooling over one or two spatial dimensions, plane by plane.
struct NativePooling: Sendable {
  private let planes: Int
  /// The channels that lie side by side at every place.
  private let block: Int
  /// Where channels lie in blocks, from which places the result at each place comes.
  private let gathering: BlockGathering?
  private let input: (rows: Int, columns: Int)
  private let output: (rows: Int, columns: Int)
  private let window: (rows: Int, columns: Int)
  private let strides: (rows: Int, columns: Int)
  private let dilations: (rows: Int, columns: Int)
  private let begins: (rows: Int, columns: Int)
  private let reduction: Pooling.Reduction
  /// Of averages, one over the number of elements that count, for each output place.
  private let shares: [Float]
  private let team: ThreadTeam

  /// Prepares, or returns nil for more spatial dimensions.
  init?(_ request: KernelRequest, _ rules: Pooling, _ team: ThreadTeam) {
    let (x, y) = (request.inputTypes[0].shape, request.outputTypes[0].shape)
    guard x.count == 3 || x.count == 4 else { return nil }
    func pair(_ values: [Int], _ missing: Int) -> (rows: Int, columns: Int) {
      values.count == 2 ? (values[0], values[1]) : (missing, values[0])
    }
    self.team = team
    block = request.channelBlock
    planes = x[0] * x[1] / block
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
    let isForward = request.step == .forward
    gathering =
      block == 1
      ? nil
      : BlockGathering(
        block: block, input: Array(x[2...]), output: Array(y[2...]), rules, isForward: isForward,
        // So that terms are added in the order of row-major planes.
        fromLastColumn: !isForward && rules.reduction != .maximum)
  }

  func kernel(_ step: KernelRequest.Step) -> NativeKernel? {
    let isMaximum = reduction == .maximum
    let elements = input.rows * input.columns * block
    switch step {
    case .forward:
      return NativeKernel { operands, _, _ in
        let (x, y) = (operands.input(0), operands.output(0))
        if isMaximum {
          let places = operands.rawAuxiliary(0).assumingMemoryBound(to: Int32.self)
          team.split(planes, of: elements) { planes, _ in
            if let gathering {
              gathering.maximum(planes, x, y, places)
            } else {
              maximum(planes, x, y, places)
            }
          }
        } else {
          team.split(planes, of: elements) { planes, _ in
            if let gathering {
              gathering.average(planes, x, y, shares)
            } else {
              average(planes, x, y)
            }
          }
        }
      }
    case .backward:
      return NativeKernel { operands, _, _ in
        guard let dx = operands.result(0) else { return }
        let e = operands.outputError(0)
        if isMaximum {
          let places = operands.rawAuxiliary(0).assumingMemoryBound(to: Int32.self)
          team.split(planes, of: elements) { planes, _ in
            if let gathering {
              gathering.maximumError(planes, e, places, dx)
            } else {
              maximumError(planes, e, places, dx)
            }
          }
        } else {
          team.split(planes, of: elements) { planes, _ in
            if let gathering {
              gathering.averageError(planes, e, dx, shares)
            } else {
              averageError(planes, e, dx)
            }
          }
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

  /// The greatest of each window, of equal ones the first.
  private func maximum(
    _ planes: Range<Int>, _ x: UnsafePointer<Float>, _ y: Floats, _ places: UnsafeMutablePointer<Int32>
  ) {
    let (inputCount, outputCount) = (input.rows * input.columns, output.rows * output.columns)
    let inside = insideColumns
    for plane in planes {
      let source = x + plane * inputCount
      for row in 0..<output.rows {
        let top = row * strides.rows - begins.rows
        let lines = range(window.rows, steps: dilations.rows, from: top, below: input.rows)
        let start = plane * outputCount + row * output.columns
        var column = 0
        while column < output.columns {
          if inside.count >= 4, inside.contains(column) {
            // The last four may be chosen once more in part.
            column = min(column, inside.upperBound - 4)
            chooseFour(source, top, lines, column, y + start, places + start)
            column += 4
          } else {
            chooseOne(source, top, lines, column, y + start, places + start)
            column += 1
          }
        }
      }
    }
  }

  /// The columns whose windows reach over neither edge.
  private var insideColumns: Range<Int> {
    let first = (begins.columns + strides.columns - 1) / strides.columns
    let room = input.columns - 1 + begins.columns - (window.columns - 1) * dilations.columns
    let end = room < 0 ? 0 : min(output.columns, room / strides.columns + 1)
    return min(first, end)..<end
  }

  /// Which of a window's places, evenly spaced from the first, lie within an extent.
  private func range(_ places: Int, steps: Int, from first: Int, below extent: Int) -> Range<Int> {
    let begin = first >= 0 ? 0 : (-first + steps - 1) / steps
    let end = min(places, max(0, (extent - first + steps - 1) / steps))
    return min(begin, end)..<end
  }

  /// Chooses for one window.
  private func chooseOne(
    _ source: UnsafePointer<Float>, _ top: Int, _ lines: Range<Int>, _ column: Int, _ y: Floats,
    _ places: UnsafeMutablePointer<Int32>
  ) {
    let left = column * strides.columns - begins.columns
    let columns = range(window.columns, steps: dilations.columns, from: left, below: input.columns)
    var (best, chosen) = (-Float.infinity, -1)
    for r in lines {
      let start = (top + r * dilations.rows) * input.columns + left
      for s in columns {
        let place = start + s * dilations.columns
        if source[place] > best { (best, chosen) = (source[place], place) }
      }
    }
    y[column] = chosen < 0 ? 0 : best
    places[column] = Int32(chosen)
  }

  /// Chooses for four windows side by side, without branches.
  ///
  /// Which of the numbers is the greatest is as good as random, so that a branch would be guessed wrongly.
  @inline(__always)
  private func chooseFour(
    _ source: UnsafePointer<Float>, _ top: Int, _ lines: Range<Int>, _ column: Int, _ y: Floats,
    _ places: UnsafeMutablePointer<Int32>
  ) {
    let left = column * strides.columns - begins.columns
    let numbers = SIMD4<Int32>(0, 1, 2, 3) &* Int32(strides.columns)
    var best = SIMD4<Float>(repeating: -.infinity)
    var chosen = SIMD4<Int32>(repeating: -1)
    for r in lines {
      var place = (top + r * dilations.rows) * input.columns + left
      for _ in 0..<window.columns {
        let value = four(source + place)
        let isGreater = value .> best
        best.replace(with: value, where: isGreater)
        chosen.replace(with: numbers &+ Int32(place), where: isGreater)
        place += dilations.columns
      }
    }
    // Nothing was chosen. Comparing places would go through memory, one by one.
    best.replace(with: 0, where: best .== -.infinity)
    UnsafeMutableRawPointer(y + column).storeBytes(of: best, as: SIMD4<Float>.self)
    UnsafeMutableRawPointer(places + column).storeBytes(of: chosen, as: SIMD4<Int32>.self)
  }

  /// Four numbers, each as far from the next as the windows are.
  @inline(__always)
  private func four(_ start: UnsafePointer<Float>) -> SIMD4<Float> {
    let step = strides.columns
    if step == 1 { return UnsafeRawPointer(start).loadUnaligned(as: SIMD4<Float>.self) }
    if step == 2 {
      let low = UnsafeRawPointer(start).loadUnaligned(as: SIMD4<Float>.self)
      let high = UnsafeRawPointer(start + 3).loadUnaligned(as: SIMD4<Float>.self)
      return SIMD4(low[0], low[2], high[1], high[3])
    }
    return SIMD4(start[0], start[step], start[2 * step], start[3 * step])
  }

  private func maximumError(
    _ planes: Range<Int>, _ e: UnsafePointer<Float>, _ places: UnsafePointer<Int32>, _ dx: Floats
  ) {
    let (inputCount, outputCount) = (input.rows * input.columns, output.rows * output.columns)
    for plane in planes {
      let (error, chosen) = (e + plane * outputCount, places + plane * outputCount)
      let target = dx + plane * inputCount
      target.update(repeating: 0, count: inputCount)
      for place in 0..<outputCount where chosen[place] >= 0 { target[Int(chosen[place])] += error[place] }
    }
  }

  private func average(_ planes: Range<Int>, _ x: UnsafePointer<Float>, _ y: Floats) {
    let (inputCount, outputCount) = (input.rows * input.columns, output.rows * output.columns)
    let step = strides.columns
    shares.withUnsafeBufferPointer { shares in
      for plane in planes {
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

  private func averageError(_ planes: Range<Int>, _ e: UnsafePointer<Float>, _ dx: Floats) {
    let (inputCount, outputCount) = (input.rows * input.columns, output.rows * output.columns)
    let step = strides.columns
    shares.withUnsafeBufferPointer { shares in
      for plane in planes {
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
}
