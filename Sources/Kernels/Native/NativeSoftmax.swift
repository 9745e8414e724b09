import Graphs

/// Softmax along a dimension and the cross-entropy made of it.
struct NativeSoftmax: Sendable {
  private let outer: Int
  private let length: Int
  private let inner: Int
  private let team: ThreadTeam

  init(_ shape: [Int], axis: Int, _ team: ThreadTeam) {
    self.team = team
    outer = product(shape[..<axis])
    length = shape[axis]
    inner = product(shape[(axis + 1)...])
  }

  func softmax(_ request: KernelRequest, isLogarithmic: Bool) -> NativeKernel? {
    // Rows whose elements do not lie side by side are left to the reference kernel.
    guard inner == 1 else { return nil }
    if request.step == .forward {
      return NativeKernel { operands, _, _ in
        let (x, y) = (operands.input(0), operands.output(0))
        overRows { row in forward(x + row * length, y + row * length, isLogarithmic) }
      }
    }
    return NativeKernel { operands, _, _ in
      guard let dx = operands.result(0) else { return }
      let (y, e) = (operands.output(0), operands.outputError(0))
      overRows { row in
        backward(y + row * length, e + row * length, dx + row * length, isLogarithmic)
      }
    }
  }

  /// Shares the rows among the threads; an exponential costs as much as four elements elsewhere.
  private func overRows(_ body: (Int) -> Void) {
    team.split(outer, of: 4 * length) { rows, _ in
      for row in rows { body(row) }
    }
  }

  private func forward(_ x: UnsafePointer<Float>, _ y: Floats, _ isLogarithmic: Bool) {
    let (largest, total) = probabilities(x, y)
    if isLogarithmic {
      let shift = largest + Float(total).naturalLogarithm
      for place in 0..<length { y[place] = x[place] - shift }
    } else {
      scale(y, by: 1 / Float(total))
    }
  }

  private func backward(
    _ y: UnsafePointer<Float>, _ e: UnsafePointer<Float>, _ dx: Floats, _ isLogarithmic: Bool
  ) {
    if isLogarithmic {
      let total = Float(sum(e, length))
      inVectors(length) {
        store(load(e, $0) - exponential(load(y, $0)) * total, dx, $0)
      } _: {
        dx[$0] = e[$0] - y[$0].exponential * total
      }
    } else {
      let through = Float(sum(length, { load(y, $0) * load(e, $0) }, { y[$0] * e[$0] }))
      inVectors(length) {
        store(load(y, $0) * (load(e, $0) - through), dx, $0)
      } _: {
        dx[$0] = y[$0] * (e[$0] - through)
      }
    }
  }

  /// Writes e^(x − largest) and returns the largest and the sum.
  private func probabilities(_ x: UnsafePointer<Float>, _ y: Floats) -> (largest: Float, total: Double) {
    var largest = -Float.infinity
    for place in 0..<length { largest = max(largest, x[place]) }
    inVectors(length) {
      store(exponential(load(x, $0) - largest), y, $0)
    } _: {
      y[$0] = (x[$0] - largest).exponential
    }
    return (largest, sum(y, length))
  }

  private func scale(_ y: Floats, by factor: Float) {
    inVectors(length) {
      store(load(y, $0) * factor, y, $0)
    } _: {
      y[$0] *= factor
    }
  }

  /// The sum of −ln p of the labels that are present, over the number of all labels.
  static func crossEntropy(_ request: KernelRequest, _ team: ThreadTeam) -> NativeKernel? {
    let shape = request.inputTypes[0].shape
    let rows = NativeSoftmax(shape, axis: 1, team)
    guard rows.inner == 1 else { return nil }
    let (samples, classes) = (shape[0], shape[1])
    let count = request.lossCount
    @Sendable func place(_ label: Int64) -> Int {
      precondition(label >= 0 && label < classes, "the label \(label) is none of \(classes) classes")
      return Int(label)
    }
    if request.step == .forward {
      return NativeKernel(scratch: floats(samples)) { operands, _, scratch in
        let (x, labels, y) = (operands.input(0), operands.indices(1), operands.auxiliary(0))
        let logarithms = floats(in: scratch)
        rows.overRows { sample in
          let (source, target) = (x + sample * classes, y + sample * classes)
          let (largest, total) = rows.probabilities(source, target)
          rows.scale(target, by: 1 / Float(total))
          logarithms[sample] = source[place(labels[sample])] - largest - Float(total).naturalLogarithm
        }
        var loss = 0.0
        for sample in 0..<samples { loss -= Double(logarithms[sample]) }
        operands.output(0)[0] = Float(loss / Double(count))
      }
    }
    return NativeKernel { operands, _, _ in
      guard let dx = operands.result(0) else { return }
      let (labels, y) = (operands.indices(1), operands.auxiliary(0))
      let share = 1 / Float(count)
      rows.overRows { sample in
        let (own, target) = (y + sample * classes, dx + sample * classes)
        for index in 0..<classes { target[index] = own[index] * share }
        let label = place(labels[sample])
        target[label] = (own[label] - 1) * share
      }
    }
  }
}
