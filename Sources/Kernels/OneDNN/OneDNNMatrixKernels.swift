import Graphs

/// Weighted operators that are products of matrices as these lie in memory.
struct OneDNNMatrixKernels {
  let library: OneDNNLibrary
  let request: KernelRequest

  /// A dense layer: one product, its factors, and the bias laid down before it or summed after it.
  func dense(_ rules: Dense) -> (any PreparedKernel)? {
    let library = library
    let (batch, units) = (request.outputTypes[0].shape[0], request.outputTypes[0].shape[1])
    let channels = request.inputTypes[0].elementCount / max(1, batch)
    let (alpha, beta) = (Float(rules.alpha), Float(rules.beta))
    let (turnsInput, turnsWeight) = (rules.transposeInput, rules.transposeWeight)
    switch request.step {
    case .forward:
      let shape = OneDNNLibrary.MatrixShape(
        rows: batch, columns: units, inner: channels, transposesLeft: turnsInput, transposesRight: turnsWeight
      )
      return NativeKernel { operands, _, _ in
        library.setThreads()
        let y = operands.output(0)
        var kept: Float = 0
        if operands.inputs.count > 2, operands.inputs[2] != nil {
          let bias = operands.input(2)
          library.team.split(batch, of: units) { rows, _ in
            for row in rows {
              for unit in 0..<units { y[row * units + unit] = beta * bias[unit] }
            }
          }
          kept = 1
        }
        library.multiply(shape, operands.input(0), operands.input(1), into: y, factor: alpha, kept: kept)
      }
    case .backward(let operation) where operation.phase == .error:
      // The transposed input's error is the transpose of the product: its factors change places.
      var shape = OneDNNLibrary.MatrixShape(
        rows: batch, columns: channels, inner: units, transposesRight: !turnsWeight)
      if turnsInput {
        shape = OneDNNLibrary.MatrixShape(
          rows: channels, columns: batch, inner: units, transposesLeft: turnsWeight, transposesRight: true)
      }
      return NativeKernel { [shape] operands, _, _ in
        guard let result = operands.result(0) else { return }
        library.setThreads()
        let (error, weight) = (operands.outputError(0), operands.input(1))
        library.multiply(
          shape, turnsInput ? weight : error, turnsInput ? error : weight, into: result, factor: alpha)
      }
    case .backward(let operation):
      var shape = OneDNNLibrary.MatrixShape(
        rows: channels, columns: units, inner: batch, transposesLeft: !turnsInput)
      if turnsWeight {
        shape = OneDNNLibrary.MatrixShape(
          rows: units, columns: channels, inner: batch, transposesLeft: true, transposesRight: turnsInput)
      }
      let inputs = operation.inputs
      return NativeKernel { [shape] operands, _, _ in
        library.setThreads()
        let error = operands.outputError(0)
        for (index, input) in inputs.enumerated() {
          guard let result = operands.result(index) else { continue }
          if input == 1 {
            let x = operands.input(0)
            library.multiply(
              shape, turnsWeight ? error : x, turnsWeight ? x : error, into: result, factor: alpha)
          } else {
            library.team.split(units, of: batch, at: 8) { columns, _ in
              columnSums(columns, of: error, rows: batch, columns: units, factor: beta, into: result)
            }
          }
        }
      }
    case .forwardStatistics, .backwardStatistics: return nil
    }
  }

  /// A convolution with windows of one place and steps of one: for each sample a product of matrices, with no
  /// change of layout; for planes that are worth it.
  func pointwiseConvolution(_ rules: Convolution) -> (any PreparedKernel)? {
    let (input, weight) = (request.inputTypes[0].shape, request.inputTypes[1].shape)
    guard
      request.inputMemoryFormat == .plain, request.outputMemoryFormat == .plain,
      weight[2...].allSatisfy({ $0 == 1 }), rules.strides.allSatisfy({ $0 == 1 }),
      rules.padding.allSatisfy({ $0.begin == 0 && $0.end == 0 }), input[1] == weight[1],
      // Products of narrow matrices are slower than the convolution and its changes of layout.
      product(input[2...]) >= 400
    else { return nil }
    let library = library
    let (samples, channels, outputs, places) = (input[0], input[1], weight[0], product(input[2...]))
    switch request.step {
    case .forward:
      let shape = OneDNNLibrary.MatrixShape(rows: outputs, columns: places, inner: channels)
      return NativeKernel { operands, _, _ in
        library.setThreads()
        let (x, w, y) = (operands.input(0), operands.input(1), operands.output(0))
        let hasBias = operands.inputs.count > 2 && operands.inputs[2] != nil
        for sample in 0..<samples {
          let target = y + sample * outputs * places
          if hasBias {
            let bias = operands.input(2)
            for output in 0..<outputs {
              (target + output * places).update(repeating: bias[output], count: places)
            }
          }
          library.multiply(shape, w, x + sample * channels * places, into: target, kept: hasBias ? 1 : 0)
        }
      }
    case .backward(let operation) where operation.phase == .error:
      let shape = OneDNNLibrary.MatrixShape(
        rows: channels, columns: places, inner: outputs, transposesLeft: true)
      return NativeKernel { operands, _, _ in
        guard let result = operands.result(0) else { return }
        library.setThreads()
        let (w, e) = (operands.input(1), operands.outputError(0))
        for sample in 0..<samples {
          library.multiply(
            shape, w, e + sample * outputs * places, into: result + sample * channels * places)
        }
      }
    case .backward(let operation):
      let shape = OneDNNLibrary.MatrixShape(
        rows: outputs, columns: channels, inner: places, transposesRight: true)
      let inputs = operation.inputs
      return NativeKernel { operands, _, _ in
        library.setThreads()
        let error = operands.outputError(0)
        for (index, input) in inputs.enumerated() {
          guard let result = operands.result(index) else { continue }
          if input == 1 {
            let x = operands.input(0)
            for sample in 0..<samples {
              library.multiply(
                shape, error + sample * outputs * places, x + sample * channels * places, into: result,
                kept: sample == 0 ? 0 : 1)
            }
          } else {
            library.team.split(outputs, of: samples * places) { channels, _ in
              planeSums(channels, of: error, samples, outputs, places, into: result)
            }
          }
        }
      }
    case .forwardStatistics, .backwardStatistics: return nil
    }
  }

  /// Products over the last two dimensions, where outer dimensions are repeated as needed.
  func matrixMultiplication() -> (any PreparedKernel)? {
    let library = library
    let (a, b, c) = (
      request.inputTypes[0].shape, request.inputTypes[1].shape, request.outputTypes[0].shape
    )
    let (rows, inner, columns) = (a[a.count - 2], a[a.count - 1], b[b.count - 1])
    let outer = Array(c.dropLast(2))
    let left = broadcastPlaces(of: Array(a.dropLast(2)), in: outer).map { $0 * rows * inner }
    let right = broadcastPlaces(of: Array(b.dropLast(2)), in: outer).map { $0 * inner * columns }
    // One matrix on the right serves all rows of the left: a single product.
    let isOne = product(b.dropLast(2)) == 1 && left.count == product(a.dropLast(2))
    let count = isOne ? 1 : left.count
    let allRows = isOne ? rows * left.count : rows
    let step = rows * columns
    switch request.step {
    case .forward:
      let shape = OneDNNLibrary.MatrixShape(rows: allRows, columns: columns, inner: inner)
      return NativeKernel { operands, _, _ in
        library.setThreads()
        let (x, w, y) = (operands.input(0), operands.input(1), operands.output(0))
        for index in 0..<count {
          library.multiply(shape, x + left[index], w + right[index], into: y + index * step)
        }
      }
    case .backward(let operation):
      let leftShape = OneDNNLibrary.MatrixShape(
        rows: allRows, columns: inner, inner: columns, transposesRight: true)
      let rightShape = OneDNNLibrary.MatrixShape(
        rows: inner, columns: columns, inner: allRows, transposesLeft: true)
      let (leftRepeats, rightRepeats) = (Repeats(left), Repeats(right))
      let inputs = operation.inputs
      return NativeKernel { operands, _, _ in
        library.setThreads()
        let error = operands.outputError(0)
        for (place, input) in inputs.enumerated() {
          guard let result = operands.result(place) else { continue }
          for index in 0..<count {
            if input == 0 {
              library.multiply(
                leftShape, error + index * step, operands.input(1) + right[index],
                into: result + left[index], kept: leftRepeats.kept[index])
            } else {
              library.multiply(
                rightShape, operands.input(0) + left[index], error + index * step,
                into: result + right[index], kept: rightRepeats.kept[index])
            }
          }
        }
      }
    case .forwardStatistics, .backwardStatistics: return nil
    }
  }

  /// For each product whether its result is added to what an earlier one left in the same place.
  private struct Repeats {
    let kept: [Float]

    init(_ places: [Int]) {
      var seen = Set<Int>()
      kept = places.map { seen.insert($0).inserted ? 0 : 1 }
    }
  }
}

/// The sum of each of some columns of a matrix, times a factor.
func columnSums(
  _ range: Range<Int>, of matrix: UnsafePointer<Float>, rows: Int, columns: Int, factor: Float = 1,
  into sums: Floats
) {
  inVectors(range) { column in
    var sum = Vector.zero
    for row in 0..<rows { sum += load(matrix, row * columns + column) }
    store(factor * sum, sums, column)
  } _: { column in
    var sum: Float = 0
    for row in 0..<rows { sum += matrix[row * columns + column] }
    sums[column] = factor * sum
  }
}

/// The sum of each of some channels over samples and places.
private func planeSums(
  _ range: Range<Int>, of x: UnsafePointer<Float>, _ samples: Int, _ channels: Int, _ places: Int,
  into sums: Floats
) {
  for channel in range {
    var total = 0.0
    for sample in 0..<samples { total += sum(x + (sample * channels + channel) * places, places) }
    sums[channel] = Float(total)
  }
}
