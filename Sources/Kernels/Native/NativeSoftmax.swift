import Graphs

/// Softmax along a dimension and the cross-entropy made of it.
struct NativeSoftmax: Sendable {
  private let outer: Int
  private let length: Int
  private let inner: Int

  init(_ shape: [Int], axis: Int) {
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
        for row in 0..<outer {
          let (source, target) = (x + row * length, y + row * length)
          let (largest, total) = probabilities(source, target)
          if isLogarithmic {
            let shift = largest + Float(total).naturalLogarithm
            for place in 0..<length { target[place] = source[place] - shift }
          } else {
            scale(target, by: 1 / Float(total))
          }
        }
      }
    }
    return NativeKernel { operands, _, _ in
      guard let dx = operands.result(0) else { return }
      let (y, e) = (operands.output(0), operands.outputError(0))
      for row in 0..<outer {
        let (own, error, target) = (y + row * length, e + row * length, dx + row * length)
        if isLogarithmic {
          let total = Float(sum(error, length))
          inVectors(length) {
            store(load(error, $0) - exponential(load(own, $0)) * total, target, $0)
          } _: {
            target[$0] = error[$0] - own[$0].exponential * total
          }
        } else {
          let through = Float(sum(length, { load(own, $0) * load(error, $0) }, { own[$0] * error[$0] }))
          inVectors(length) {
            store(load(own, $0) * (load(error, $0) - through), target, $0)
          } _: {
            target[$0] = own[$0] * (error[$0] - through)
          }
        }
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
  static func crossEntropy(_ request: KernelRequest) -> NativeKernel? {
    let shape = request.inputTypes[0].shape
    let rows = NativeSoftmax(shape, axis: 1)
    guard rows.inner == 1 else { return nil }
    let (samples, classes) = (shape[0], shape[1])
    let count = request.lossCount
    @Sendable func place(_ label: Int64) -> Int {
      precondition(label >= 0 && label < classes, "the label \(label) is none of \(classes) classes")
      return Int(label)
    }
    if request.step == .forward {
      return NativeKernel { operands, _, _ in
        let (x, labels, y) = (operands.input(0), operands.indices(1), operands.auxiliary(0))
        var loss = 0.0
        for sample in 0..<samples {
          let (source, target) = (x + sample * classes, y + sample * classes)
          let (largest, total) = rows.probabilities(source, target)
          rows.scale(target, by: 1 / Float(total))
          loss -= Double(source[place(labels[sample])] - largest - Float(total).naturalLogarithm)
        }
        operands.output(0)[0] = Float(loss / Double(count))
      }
    }
    return NativeKernel { operands, _, _ in
      guard let dx = operands.result(0) else { return }
      let (labels, y) = (operands.indices(1), operands.auxiliary(0))
      let share = 1 / Float(count)
      for sample in 0..<samples {
        let (own, target) = (y + sample * classes, dx + sample * classes)
        for index in 0..<classes { target[index] = own[index] * share }
        let label = place(labels[sample])
        target[label] = (own[label] - 1) * share
      }
    }
  }
}
