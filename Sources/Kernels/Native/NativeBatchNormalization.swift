import Graphs

/// Batch normalisation of `[N, C, …]`; the equations stand with ``BatchNormalizationKernel``.
struct NativeBatchNormalization {
  private let rules: BatchNormalization
  private let layout: ChannelLayout
  /// The numbers of each channel over which statistics are taken.
  private let count: Int
  private let team: ThreadTeam

  init(_ request: KernelRequest, _ rules: BatchNormalization, _ team: ThreadTeam) {
    self.rules = rules
    self.team = team
    layout = ChannelLayout(request)
    count = request.statisticsCount
  }

  private var channels: Int { layout.channels }

  func kernel(_ step: KernelRequest.Step) -> NativeKernel {
    let isFrozen = rules.mode == .frozen
    switch step {
    case .forwardStatistics:
      return NativeKernel { operands, _, _ in
        sums(operands.input(0), around: operands.input(3), into: operands.sums())
      }
    case .forward:
      return NativeKernel(scratch: floats((isFrozen ? 2 : 1) * channels)) { operands, _, scratch in
        isFrozen ? frozen(operands, floats(in: scratch)) : forward(operands, floats(in: scratch))
      }
    case .backwardStatistics:
      return NativeKernel { operands, _, _ in
        errorSums(
          operands.input(0), operands.outputError(0), mean: operands.auxiliary(0),
          reciprocal: operands.auxiliary(1), errors: operands.sums(), products: operands.sums() + channels)
      }
    case .backward(let operation):
      return NativeKernel(scratch: floats((isFrozen ? 2 : 3) * channels)) { operands, _, scratch in
        isFrozen
          ? frozenBackward(operation, operands, floats(in: scratch))
          : backward(operation, operands, floats(in: scratch))
      }
    }
  }

  /// Whether the samples that are present are all over which statistics are taken.
  private var isWhole: Bool { count == layout.samples * layout.places }

  /// Writes 1 ∕ σ by the running variance.
  private func writeRunningReciprocals(_ operands: KernelOperands, _ reciprocals: Floats) {
    let variance = operands.input(4)
    for channel in 0..<channels {
      reciprocals[channel] = 1 / (variance[channel] + Float(rules.epsilon)).squareRoot()
    }
  }

  /// For each channel Σ (x − µ₀) and Σ (x − µ₀)².
  private func sums(_ x: UnsafePointer<Float>, around origin: UnsafePointer<Float>, into result: Floats) {
    layout.overChannels(team) { channels in
      layout.forEachSum(of: channels, origin) {
        squares(Vector(x, $0), $1)
      } _: {
        squares(x[$0], $1)
      } _: { channel, sums in
        result[channel] = Float(sums.0)
        result[self.channels + channel] = Float(sums.1)
      }
    }
  }

  @inline(__always)
  private func squares<Numbers: Lanes>(_ x: Numbers, _ origin: Numbers) -> (Numbers, Numbers) {
    let deviation = x - origin
    return (deviation, deviation * deviation)
  }

  private func forward(_ operands: KernelOperands, _ factors: Floats) {
    let (sums, origin) = (operands.sums(), operands.input(3))
    let (mean, reciprocals) = (operands.auxiliary(0), operands.auxiliary(1))
    for channel in 0..<channels {
      // The same equations as ``BatchMoments``, in Float64 because of the difference.
      let shift = Double(sums[channel]) / Double(count)
      let variance = max(Double(sums[channels + channel]) / Double(count) - shift * shift, 0)
      mean[channel] = Float(Double(origin[channel]) + shift)
      reciprocals[channel] = Float(1 / (variance + rules.epsilon).squareRoot())
    }
    normalise(operands, mean, reciprocals, factors)
  }

  private func frozen(_ operands: KernelOperands, _ scratch: Floats) {
    let (reciprocals, factors) = (scratch, scratch + channels)
    writeRunningReciprocals(operands, reciprocals)
    normalise(operands, operands.input(3), reciprocals, factors)
  }

  /// y = γ (x − µ) ∕ σ + β.
  private func normalise(
    _ operands: KernelOperands, _ mean: UnsafePointer<Float>, _ reciprocals: UnsafePointer<Float>,
    _ factors: Floats
  ) {
    let (x, y, scale) = (operands.input(0), operands.output(0), operands.input(1))
    for channel in 0..<channels { factors[channel] = scale[channel] * reciprocals[channel] }
    let numbers = ChannelNumbers<UnsafePointer<Float>>(
      centre: mean, factor: factors, slope: factors, shift: operands.input(2))
    layout.overItems(team) { items in
      layout.forEachElement(of: items, numbers) { place, own in
        normal(Vector(x, place), own).write(y, place)
      } _: { place, own in
        normal(x[place], own).write(y, place)
      }
    }
  }

  @inline(__always)
  private func normal<Numbers: Lanes>(_ x: Numbers, _ own: ChannelNumbers<Numbers>) -> Numbers {
    (x - own.centre) * own.factor + own.shift
  }

  /// For each channel Σ e and Σ e x̂.
  private func errorSums(
    _ x: UnsafePointer<Float>, _ e: UnsafePointer<Float>, mean: UnsafePointer<Float>,
    reciprocal: UnsafePointer<Float>, errors: Floats?, products: Floats?
  ) {
    layout.overChannels(team) { channels in
      layout.forEachSum(of: channels, mean) {
        terms(Vector(x, $0), Vector(e, $0), $1)
      } _: {
        terms(x[$0], e[$0], $1)
      } _: { channel, sums in
        errors?[channel] = Float(sums.0)
        products?[channel] = Float(sums.1 * Double(reciprocal[channel]))
      }
    }
  }

  @inline(__always)
  private func terms<Numbers: Lanes>(_ x: Numbers, _ e: Numbers, _ mean: Numbers) -> (Numbers, Numbers) {
    (e, e * (x - mean))
  }

  /// dx = γ ∕ σ · (e − (Σ e + x̂ Σ e x̂) ∕ m), with γ's and β's gradients from the samples that are present.
  private func backward(_ operation: GradientOperation, _ operands: KernelOperands, _ scratch: Floats) {
    let (x, e) = (operands.input(0), operands.outputError(0))
    let (mean, reciprocals) = (operands.auxiliary(0), operands.auxiliary(1))
    let (scale, sums) = (operands.input(1), operands.sums())
    let results = resultsByInput(operation, operands)
    if isWhole {
      // The sums over the batch are those over the samples that are present.
      results[2]?.update(from: sums, count: channels)
      results[1]?.update(from: sums + channels, count: channels)
    } else if results[1] != nil || results[2] != nil {
      errorSums(x, e, mean: mean, reciprocal: reciprocals, errors: results[2], products: results[1])
    }
    guard let dx = results[0] else { return }
    let (factors, slopes, constants) = (scratch, scratch + channels, scratch + 2 * channels)
    // dx = factor · e − (x − µ) · slope − constant.
    for c in 0..<channels {
      factors[c] = scale[c] * reciprocals[c]
      constants[c] = factors[c] * (sums[c] / Float(count))
      slopes[c] = factors[c] * reciprocals[c] * (sums[channels + c] / Float(count))
    }
    let numbers = ChannelNumbers<UnsafePointer<Float>>(
      centre: mean, factor: factors, slope: slopes, shift: constants)
    layout.overItems(team) { items in
      layout.forEachElement(of: items, numbers) { place, own in
        error(Vector(x, place), Vector(e, place), own).write(dx, place)
      } _: { place, own in
        error(x[place], e[place], own).write(dx, place)
      }
    }
  }

  @inline(__always)
  private func error<Numbers: Lanes>(
    _ x: Numbers, _ e: Numbers, _ own: ChannelNumbers<Numbers>
  ) -> Numbers {
    e * own.factor - ((x - own.centre) * own.slope + own.shift)
  }

  private func frozenBackward(_ operation: GradientOperation, _ operands: KernelOperands, _ scratch: Floats) {
    let (reciprocals, factors) = (scratch, scratch + channels)
    writeRunningReciprocals(operands, reciprocals)
    let e = operands.outputError(0)
    guard operation.phase == .error else {
      let results = resultsByInput(operation, operands)
      return errorSums(
        operands.input(0), e, mean: operands.input(3), reciprocal: reciprocals, errors: results[2],
        products: results[1])
    }
    guard let dx = operands.result(0) else { return }
    let scale = operands.input(1)
    for channel in 0..<channels { factors[channel] = scale[channel] * reciprocals[channel] }
    let numbers = ChannelNumbers<UnsafePointer<Float>>(
      centre: factors, factor: factors, slope: factors, shift: factors)
    layout.overItems(team) { items in
      layout.forEachElement(of: items, numbers) { place, own in
        (Vector(e, place) * own.factor).write(dx, place)
      } _: { place, own in
        dx[place] = e[place] * own.factor
      }
    }
  }

  /// Where the results for data, scale and bias go.
  private func resultsByInput(_ operation: GradientOperation, _ operands: KernelOperands) -> [Floats?] {
    var results: [Floats?] = [nil, nil, nil]
    for (index, input) in operation.inputs.enumerated() { results[input] = operands.result(index) }
    return results
  }
}

/// The bytes of so many numbers.
func floats(_ count: Int) -> Int { aligned(count * MemoryLayout<Float>.stride) }

/// Scratch memory as numbers.
func floats(in scratch: UnsafeMutableRawPointer?) -> Floats {
  guard let scratch else { preconditionFailure("the kernel is given no scratch memory") }
  return scratch.assumingMemoryBound(to: Float.self)
}
