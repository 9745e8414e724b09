import Glibc
import Graphs

/// Layer normalisation: every row to mean zero and variance one.
struct NativeLayerNormalization: Sendable {
  private let rows: Int
  private let length: Int
  private let epsilon: Double
  private let team: ThreadTeam

  init(_ request: KernelRequest, _ rules: LayerNormalization, _ team: ThreadTeam) {
    self.team = team
    length = request.inputTypes[1].elementCount
    rows = request.inputTypes[0].elementCount / max(1, length)
    epsilon = rules.epsilon
  }

  func kernel(_ step: KernelRequest.Step) -> NativeKernel? {
    switch step {
    case .forward:
      return NativeKernel { operands, _, _ in
        team.split(rows, of: length) { rows, _ in forward(rows, operands) }
      }
    case .backward(let operation):
      return NativeKernel { operands, _, _ in backward(operation, operands) }
    case .forwardStatistics, .backwardStatistics: return nil
    }
  }

  private func forward(_ rows: Range<Int>, _ operands: KernelOperands) {
    let (x, scale, y) = (operands.input(0), operands.input(1), operands.output(0))
    let bias =
      operands.inputs.count > 2 ? operands.inputs[2]?.assumingMemoryBound(to: Float.self) : nil
    let (means, reciprocals) = (operands.auxiliary(0), operands.auxiliary(1))
    for row in rows {
      let (source, target) = (x + row * length, y + row * length)
      let mean = Float(sum(source, length) / Double(length))
      let squares = sum(length) { place in
        let deviation = load(source, place) - mean
        return deviation * deviation
      } _: { place in
        let deviation = source[place] - mean
        return deviation * deviation
      }
      let reciprocal = Float(1 / (squares / Double(length) + epsilon).squareRoot())
      means[row] = mean
      reciprocals[row] = reciprocal
      inVectors(length) { place in
        let normal = (load(source, place) - mean) * reciprocal * load(scale, place)
        store(bias.map { normal + load($0, place) } ?? normal, target, place)
      } _: { place in
        target[place] = (source[place] - mean) * reciprocal * scale[place] + (bias?[place] ?? 0)
      }
    }
  }

  /// dx = (g − (Σ g + x̂ Σ g x̂) ∕ n) ∕ σ with g = γ e.
  private func backward(_ operation: GradientOperation, _ operands: KernelOperands) {
    var results: [Floats?] = [nil, nil, nil]
    for (index, input) in operation.inputs.enumerated() { results[input] = operands.result(index) }
    if results[1] != nil || results[2] != nil {
      let (scale, bias) = (results[1], results[2])
      team.split(length, of: rows, at: 8) { columns, _ in gradients(columns, operands, scale, bias) }
    }
    if let dx = results[0] {
      team.split(rows, of: length) { rows, _ in error(rows, operands, dx) }
    }
  }

  /// dγ = Σ e x̂ and dβ = Σ e over the rows, for some columns.
  private func gradients(
    _ columns: Range<Int>, _ operands: KernelOperands, _ scale: Floats?, _ bias: Floats?
  ) {
    let (x, e) = (operands.input(0), operands.outputError(0))
    let (means, reciprocals) = (operands.auxiliary(0), operands.auxiliary(1))
    if let scale { (scale + columns.lowerBound).update(repeating: 0, count: columns.count) }
    if let bias { (bias + columns.lowerBound).update(repeating: 0, count: columns.count) }
    for row in 0..<rows {
      let (source, error) = (x + row * length, e + row * length)
      let (mean, reciprocal) = (means[row], reciprocals[row])
      if let scale {
        inVectors(columns) { place in
          let normal = (load(source, place) - mean) * reciprocal
          store(load(scale, place) + load(error, place) * normal, scale, place)
        } _: { place in
          scale[place] += error[place] * ((source[place] - mean) * reciprocal)
        }
      }
      if let bias { add(error + columns.lowerBound, to: bias + columns.lowerBound, columns.count) }
    }
  }

  private func error(_ rows: Range<Int>, _ operands: KernelOperands, _ dx: Floats) {
    let (x, scale, e) = (operands.input(0), operands.input(1), operands.outputError(0))
    let (means, reciprocals) = (operands.auxiliary(0), operands.auxiliary(1))
    for row in rows {
      let (source, error, target) = (x + row * length, e + row * length, dx + row * length)
      let (mean, reciprocal) = (means[row], reciprocals[row])
      let (first, second) = sums(length) { place in
        let scaled = load(error, place) * load(scale, place)
        return (scaled, scaled * ((load(source, place) - mean) * reciprocal))
      } _: { place in
        let scaled = error[place] * scale[place]
        return (scaled, scaled * ((source[place] - mean) * reciprocal))
      }
      let (constant, slope) = (Float(first / Double(length)), Float(second / Double(length)))
      inVectors(length) { place in
        let normal = (load(source, place) - mean) * reciprocal
        store(
          (load(error, place) * load(scale, place) - (normal * slope + constant)) * reciprocal, target, place)
      } _: { place in
        let normal = (source[place] - mean) * reciprocal
        target[place] = (error[place] * scale[place] - (normal * slope + constant)) * reciprocal
      }
    }
  }
}

/// Local response normalisation across channels; the equations stand with
/// ``LocalResponseNormalizationKernel``.
struct NativeLocalResponseNormalization: Sendable {
  private let rules: LocalResponseNormalization
  private let samples: Int
  private let channels: Int
  private let places: Int
  private let team: ThreadTeam

  init(_ request: KernelRequest, _ rules: LocalResponseNormalization, _ team: ThreadTeam) {
    self.team = team
    self.rules = rules
    let shape = request.inputTypes[0].shape
    (samples, channels, places) = (shape[0], shape[1], product(shape[2...]))
  }

  func kernel(_ step: KernelRequest.Step) -> NativeKernel? {
    switch step {
    case .forward:
      let size = floats(2 * places)
      return NativeKernel(scratch: team.count * size) { operands, _, scratch in
        let (x, y) = (operands.input(0), operands.output(0))
        overSamples { offset, part in
          forward(x + offset, y + offset, floats(in: scratch.map { $0 + part * size }))
        }
      }
    case .backward:
      let size = floats((2 * channels + 2) * places)
      return NativeKernel(scratch: team.count * size) { operands, _, scratch in
        guard let dx = operands.result(0) else { return }
        let (x, e) = (operands.input(0), operands.outputError(0))
        overSamples { offset, part in
          backward(x + offset, e + offset, dx + offset, floats(in: scratch.map { $0 + part * size }))
        }
      }
    case .forwardStatistics, .backwardStatistics: return nil
    }
  }

  /// Shares the samples among the threads.
  private func overSamples(_ body: (_ offset: Int, _ part: Int) -> Void) {
    team.split(samples, of: channels * places) { samples, part in
      for sample in samples { body(sample * channels * places, part) }
    }
  }

  /// Writes k + α ∕ n · Σ x² over the channels in reach of one, for each place.
  private func scale(_ x: UnsafePointer<Float>, _ channel: Int, _ result: Floats) {
    let (before, after) = ((rules.size - 1) / 2, rules.size / 2)
    let (low, high) = (max(0, channel - before), min(channels - 1, channel + after))
    let (factor, bias) = (Float(rules.alpha / Double(rules.size)), Float(rules.bias))
    result.update(repeating: bias, count: places)
    for other in low..<high + 1 {
      let plane = x + other * places
      inVectors(places) { place in
        let value = load(plane, place)
        store(load(result, place) + value * value * factor, result, place)
      } _: { place in
        result[place] += plane[place] * plane[place] * factor
      }
    }
  }

  /// Writes s^−β.
  private func power(_ s: UnsafePointer<Float>, _ result: Floats) {
    if rules.beta == 0.75 {
      inVectors(places) { place in
        let root = load(s, place).squareRoot()
        store(1 / (root * root.squareRoot()), result, place)
      } _: { place in
        let root = s[place].squareRoot()
        result[place] = 1 / (root * root.squareRoot())
      }
    } else {
      let exponent = -Float(rules.beta)
      for place in 0..<places { result[place] = s[place].raised(to: exponent) }
    }
  }

  private func forward(_ x: UnsafePointer<Float>, _ y: Floats, _ scratch: Floats) {
    let (scales, powers) = (scratch, scratch + places)
    for channel in 0..<channels {
      scale(x, channel, scales)
      power(scales, powers)
      let offset = channel * places
      inVectors(places) {
        store(load(x, offset + $0) * load(powers, $0), y, offset + $0)
      } _: {
        y[offset + $0] = x[offset + $0] * powers[$0]
      }
    }
  }

  private func backward(
    _ x: UnsafePointer<Float>, _ e: UnsafePointer<Float>, _ dx: Floats, _ scratch: Floats
  ) {
    let direct = scratch
    let weighted = scratch + channels * places
    let scales = weighted + channels * places
    let powers = scales + places
    for channel in 0..<channels {
      let offset = channel * places
      scale(x, channel, scales)
      power(scales, powers)
      inVectors(places) { place in
        let own = load(e, offset + place) * load(powers, place)
        store(own, direct, offset + place)
        store(own * load(x, offset + place) / load(scales, place), weighted, offset + place)
      } _: { place in
        let own = e[offset + place] * powers[place]
        direct[offset + place] = own
        weighted[offset + place] = own * x[offset + place] / scales[place]
      }
    }
    let (before, after) = ((rules.size - 1) / 2, rules.size / 2)
    let factor = Float(2 * rules.alpha * rules.beta / Double(rules.size))
    for channel in 0..<channels {
      let offset = channel * places
      // The channels in whose reach this one lies.
      let (low, high) = (max(0, channel - after), min(channels - 1, channel + before))
      let sum = scales
      sum.update(repeating: 0, count: places)
      for other in low..<high + 1 { add(weighted + other * places, to: sum, places) }
      inVectors(places) { place in
        let through = load(x, offset + place) * load(sum, place) * factor
        store(load(direct, offset + place) - through, dx, offset + place)
      } _: { place in
        dx[offset + place] = direct[offset + place] - factor * x[offset + place] * sum[place]
      }
    }
  }
}
