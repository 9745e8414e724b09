import Graphs

/// Batch normalisation of `[N, C, …]`; the equations stand with ``BatchNormalizationKernel``.
struct NativeBatchNormalization {
  let rules: BatchNormalization
  let samples: Int
  let channels: Int
  let places: Int
  /// The numbers of each channel over which statistics are taken.
  let count: Int
  let team: ThreadTeam

  init(_ request: KernelRequest, _ rules: BatchNormalization, _ team: ThreadTeam) {
    self.rules = rules
    self.team = team
    let shape = request.inputTypes[0].shape
    samples = shape[0]
    channels = shape[1]
    places = product(shape.dropFirst(2))
    count = request.statisticsCount
  }

  func kernel(_ step: KernelRequest.Step) -> NativeKernel {
    let isFrozen = rules.mode == .frozen
    switch step {
    case .forwardStatistics:
      return NativeKernel { operands, _, _ in
        let (x, origin, result) = (operands.input(0), operands.input(3), operands.sums())
        overChannels { sums($0, x, origin, into: result) }
      }
    case .forward:
      return isFrozen
        ? NativeKernel(scratch: floats(2 * channels)) { operands, _, scratch in frozen(operands, scratch) }
        : NativeKernel { operands, _, _ in forward(operands) }
    case .backwardStatistics:
      return NativeKernel { operands, _, _ in
        errorSums(
          operands.input(0), operands.outputError(0), mean: operands.auxiliary(0),
          reciprocal: operands.auxiliary(1), errors: operands.sums(), products: operands.sums() + channels)
      }
    case .backward(let operation):
      if isFrozen {
        return NativeKernel(scratch: floats(3 * channels)) { operands, _, scratch in
          frozenBackward(operation, operands, scratch)
        }
      }
      return NativeKernel(scratch: floats(2 * channels)) { operands, _, scratch in
        backward(operation, operands, scratch)
      }
    }
  }

  /// Whether the samples that are present are all over which statistics are taken.
  private var isWhole: Bool { count == samples * places }

  private func reciprocal(_ variance: Float) -> Float { 1 / (variance + Float(rules.epsilon)).squareRoot() }

  /// Shares the channels among the threads, in eights where they lie side by side.
  private func overChannels(_ body: (Range<Int>) -> Void) {
    team.split(channels, of: samples * places, at: places == 1 ? 8 : 1) { channels, _ in body(channels) }
  }

  /// Shares the planes of all samples and channels among the threads.
  private func overPlanes(_ body: (_ plane: Int, _ channel: Int) -> Void) {
    team.split(samples * channels, of: places) { planes, _ in
      var channel = planes.lowerBound % channels
      for plane in planes {
        body(plane, channel)
        channel = channel + 1 == channels ? 0 : channel + 1
      }
    }
  }

  /// For each channel Σ (x − µ₀) and Σ (x − µ₀)².
  private func sums(
    _ range: Range<Int>, _ x: UnsafePointer<Float>, _ origin: UnsafePointer<Float>, into result: Floats
  ) {
    if places == 1 {
      return inVectors(range) {
        columnSums(x, $0, load(origin, $0), result)
      } _: {
        columnSum(x, $0, origin[$0], result)
      }
    }
    for channel in range {
      let shift = origin[channel]
      var total = (0.0, 0.0)
      for sample in 0..<samples {
        let plane = x + (sample * channels + channel) * places
        let part = Kernels.sums(places) { place in
          let deviation = load(plane, place) - shift
          return (deviation, deviation * deviation)
        } _: { place in
          let deviation = plane[place] - shift
          return (deviation, deviation * deviation)
        }
        total.0 += part.0
        total.1 += part.1
      }
      result[channel] = Float(total.0)
      result[channels + channel] = Float(total.1)
    }
  }

  private func columnSums(_ x: UnsafePointer<Float>, _ channel: Int, _ shift: Vector, _ result: Floats) {
    var (first, second) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
    for sample in 0..<samples {
      let deviation = SIMD8<Double>(load(x, sample * channels + channel) - shift)
      first += deviation
      second += deviation * deviation
    }
    store(Vector(first), result, channel)
    store(Vector(second), result, channels + channel)
  }

  private func columnSum(_ x: UnsafePointer<Float>, _ channel: Int, _ shift: Float, _ result: Floats) {
    var (first, second) = (0.0, 0.0)
    for sample in 0..<samples {
      let deviation = Double(x[sample * channels + channel] - shift)
      first += deviation
      second += deviation * deviation
    }
    result[channel] = Float(first)
    result[channels + channel] = Float(second)
  }

  private func forward(_ operands: KernelOperands) {
    let (sums, origin) = (operands.sums(), operands.input(3))
    let (mean, reciprocals) = (operands.auxiliary(0), operands.auxiliary(1))
    for channel in 0..<channels {
      // The same equations as ``BatchMoments``, in Float64 because of the difference.
      let shift = Double(sums[channel]) / Double(count)
      let variance = max(Double(sums[channels + channel]) / Double(count) - shift * shift, 0)
      mean[channel] = Float(Double(origin[channel]) + shift)
      reciprocals[channel] = Float(1 / (variance + rules.epsilon).squareRoot())
    }
    normalise(operands, mean, reciprocals)
  }

  /// y = γ (x − µ) ∕ σ + β.
  private func normalise(
    _ operands: KernelOperands, _ mean: UnsafePointer<Float>, _ reciprocals: UnsafePointer<Float>
  ) {
    let (x, y) = (operands.input(0), operands.output(0))
    let (scale, bias) = (operands.input(1), operands.input(2))
    if places == 1 {
      for sample in 0..<samples {
        let row = sample * channels
        inVectors(channels) { c in
          let normal = (load(x, row + c) - load(mean, c)) * (load(scale, c) * load(reciprocals, c))
          store(normal + load(bias, c), y, row + c)
        } _: { c in
          y[row + c] = (x[row + c] - mean[c]) * (scale[c] * reciprocals[c]) + bias[c]
        }
      }
      return
    }
    overPlanes { plane, channel in
      let (source, target) = (x + plane * places, y + plane * places)
      let (centre, factor) = (mean[channel], scale[channel] * reciprocals[channel])
      let shift = bias[channel]
      inVectors(places) { place in
        store((load(source, place) - centre) * factor + shift, target, place)
      } _: { place in
        target[place] = (source[place] - centre) * factor + shift
      }
    }
  }

  private func frozen(_ operands: KernelOperands, _ scratch: UnsafeMutableRawPointer?) {
    let reciprocals = floats(in: scratch)
    for channel in 0..<channels { reciprocals[channel] = reciprocal(operands.input(4)[channel]) }
    normalise(operands, operands.input(3), reciprocals)
  }

  /// For each channel Σ e and Σ e x̂.
  private func errorSums(
    _ x: UnsafePointer<Float>, _ e: UnsafePointer<Float>, mean: UnsafePointer<Float>,
    reciprocal: UnsafePointer<Float>, errors: Floats?, products: Floats?
  ) {
    overChannels {
      errorSums($0, x, e, mean: mean, reciprocal: reciprocal, errors: errors, products: products)
    }
  }

  private func errorSums(
    _ range: Range<Int>, _ x: UnsafePointer<Float>, _ e: UnsafePointer<Float>, mean: UnsafePointer<Float>,
    reciprocal: UnsafePointer<Float>, errors: Floats?, products: Floats?
  ) {
    for channel in range {
      let centre = mean[channel]
      var total = (0.0, 0.0)
      if places == 1 {
        for sample in 0..<samples {
          let place = sample * channels + channel
          total.0 += Double(e[place])
          total.1 += Double(e[place] * (x[place] - centre))
        }
      } else {
        for sample in 0..<samples {
          let offset = (sample * channels + channel) * places
          let (source, error) = (x + offset, e + offset)
          let part = Kernels.sums(places) { place in
            let own = load(error, place)
            return (own, own * (load(source, place) - centre))
          } _: { place in
            (error[place], error[place] * (source[place] - centre))
          }
          total.0 += part.0
          total.1 += part.1
        }
      }
      errors?[channel] = Float(total.0)
      products?[channel] = Float(total.1 * Double(reciprocal[channel]))
    }
  }

  /// dx = γ ∕ σ · (e − (Σ e + x̂ Σ e x̂) ∕ m), with γ's and β's gradients from the samples that are present.
  private func backward(
    _ operation: GradientOperation, _ operands: KernelOperands, _ scratch: UnsafeMutableRawPointer?
  ) {
    let (x, e) = (operands.input(0), operands.outputError(0))
    let (mean, reciprocals) = (operands.auxiliary(0), operands.auxiliary(1))
    let scale = operands.input(1)
    var results: [Floats?] = [nil, nil, nil]
    for (index, input) in operation.inputs.enumerated() { results[input] = operands.result(index) }
    if isWhole {
      // The sums over the batch are those over the samples that are present.
      results[2]?.update(from: operands.sums(), count: channels)
      results[1]?.update(from: operands.sums() + channels, count: channels)
    } else if results[1] != nil || results[2] != nil {
      errorSums(x, e, mean: mean, reciprocal: reciprocals, errors: results[2], products: results[1])
    }
    guard let dx = results[0] else { return }
    let sums = operands.sums()
    let (constants, slopes) = (floats(in: scratch), floats(in: scratch) + channels)
    // dx = factor · e − (x − µ) · slope − constant.
    for c in 0..<channels {
      let factor = scale[c] * reciprocals[c]
      constants[c] = factor * (sums[c] / Float(count))
      slopes[c] = factor * reciprocals[c] * (sums[channels + c] / Float(count))
    }
    if places == 1 {
      for sample in 0..<samples {
        let row = sample * channels
        inVectors(channels) { c in
          let through = (load(x, row + c) - load(mean, c)) * load(slopes, c) + load(constants, c)
          store(load(scale, c) * load(reciprocals, c) * load(e, row + c) - through, dx, row + c)
        } _: { c in
          let through = (x[row + c] - mean[c]) * slopes[c] + constants[c]
          dx[row + c] = scale[c] * reciprocals[c] * e[row + c] - through
        }
      }
      return
    }
    overPlanes { plane, c in
      let offset = plane * places
      let (source, error, target) = (x + offset, e + offset, dx + offset)
      let (factor, centre) = (scale[c] * reciprocals[c], mean[c])
      let (slope, constant) = (slopes[c], constants[c])
      inVectors(places) { place in
        let through = (load(source, place) - centre) * slope + constant
        store(load(error, place) * factor - through, target, place)
      } _: { place in
        target[place] = error[place] * factor - ((source[place] - centre) * slope + constant)
      }
    }
  }

  private func frozenBackward(
    _ operation: GradientOperation, _ operands: KernelOperands, _ scratch: UnsafeMutableRawPointer?
  ) {
    let reciprocals = floats(in: scratch)
    for channel in 0..<channels { reciprocals[channel] = reciprocal(operands.input(4)[channel]) }
    let e = operands.outputError(0)
    if operation.phase == .error {
      guard let dx = operands.result(0) else { return }
      let scale = operands.input(1)
      overPlanes { plane, channel in
        let factor = scale[channel] * reciprocals[channel]
        for place in plane * places..<(plane + 1) * places { dx[place] = e[place] * factor }
      }
      return
    }
    var results: [Floats?] = [nil, nil, nil]
    for (index, input) in operation.inputs.enumerated() { results[input] = operands.result(index) }
    errorSums(
      operands.input(0), e, mean: operands.input(3), reciprocal: reciprocals, errors: results[2],
      products: results[1])
  }
}

/// The bytes of so many numbers.
func floats(_ count: Int) -> Int { aligned(count * MemoryLayout<Float>.stride) }

/// Scratch memory as numbers.
func floats(in scratch: UnsafeMutableRawPointer?) -> Floats {
  guard let scratch else { preconditionFailure("the kernel is given no scratch memory") }
  return scratch.assumingMemoryBound(to: Float.self)
}
