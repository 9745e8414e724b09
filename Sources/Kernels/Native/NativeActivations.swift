import Graphs

/// Element-wise functions of one tensor.
struct NativeActivation {
  let rules: Activation
  let elements: Int
  let team: ThreadTeam

  init(_ request: KernelRequest, _ rules: Activation, _ team: ThreadTeam) {
    self.rules = rules
    self.team = team
    elements = request.inputTypes[0].elementCount
  }

  func kernel(_ step: KernelRequest.Step) -> NativeKernel? {
    switch step {
    case .forward:
      return NativeKernel { operands, _, _ in
        let (x, y) = (operands.input(0), operands.output(0))
        inPieces { forward(x + $0.lowerBound, y + $0.lowerBound, $0.count) }
      }
    case .backward(let operation):
      return NativeKernel { operands, _, _ in
        guard let dx = operands.result(0) else { return }
        let e = operands.outputError(0)
        if operation.reads.contains(.output(0)) {
          let y = operands.output(0)
          inPieces { backward(output: y + $0.lowerBound, e + $0.lowerBound, dx + $0.lowerBound, $0.count) }
        } else if operation.reads.contains(.input(0)) {
          let x = operands.input(0)
          inPieces { backward(input: x + $0.lowerBound, e + $0.lowerBound, dx + $0.lowerBound, $0.count) }
        } else {
          inPieces { negate(e + $0.lowerBound, dx + $0.lowerBound, $0.count) }
        }
      }
    case .forwardStatistics, .backwardStatistics: return nil
    }
  }

  /// Shares the elements among the threads; whole vectors stay whole, so that each is computed as ever.
  private func inPieces(_ body: (Range<Int>) -> Void) {
    team.split(elements, at: 8) { piece, _ in body(piece) }
  }

  @inline(__always)
  private func map(
    _ x: UnsafePointer<Float>, _ y: Floats, _ count: Int, _ whole: (Vector) -> Vector,
    _ single: (Float) -> Float
  ) {
    inVectors(count) {
      store(whole(load(x, $0)), y, $0)
    } _: {
      y[$0] = single(x[$0])
    }
  }

  @inline(__always)
  private func map(
    _ x: UnsafePointer<Float>, _ e: UnsafePointer<Float>, _ dx: Floats, _ count: Int,
    _ whole: (Vector, Vector) -> Vector, _ single: (Float, Float) -> Float
  ) {
    inVectors(count) {
      store(whole(load(x, $0), load(e, $0)), dx, $0)
    } _: {
      dx[$0] = single(x[$0], e[$0])
    }
  }

  /// Functions of the library, one number at a time.
  @inline(__always)
  private func each(_ x: UnsafePointer<Float>, _ y: Floats, _ count: Int, _ body: (Float) -> Float) {
    for place in 0..<count { y[place] = body(x[place]) }
  }

  private func negate(_ e: UnsafePointer<Float>, _ dx: Floats, _ count: Int) {
    map(e, dx, count) {
      -$0
    } _: {
      -$0
    }
  }

  private func forward(_ x: UnsafePointer<Float>, _ y: Floats, _ count: Int) {
    switch rules.function {
    case .relu:
      map(x, y, count) {
        $0.replacing(with: 0, where: $0 .<= 0)
      } _: {
        $0 <= 0 ? 0 : $0
      }
    case .leakyRelu(let slope):
      let alpha = Float(slope)
      map(x, y, count) {
        $0.replacing(with: $0 * alpha, where: $0 .<= 0)
      } _: {
        $0 > 0 ? $0 : alpha * $0
      }
    case .sigmoid:
      map(x, y, count) {
        1 / (1 + exponential(-$0))
      } _: {
        1 / (1 + (-$0).exponential)
      }
    case .tanh: each(x, y, count) { $0.hyperbolicTangent }
    case .gelu:
      map(x, y, count) {
        $0 * normalDistribution($0)
      } _: {
        $0 * normalDistribution($0)
      }
    case .clip(let minimum, let maximum):
      let (low, high) = (Float(minimum), Float(maximum))
      map(x, y, count) {
        bounded($0, Vector(repeating: low), Vector(repeating: high))
      } _: {
        min(max($0, low), high)
      }
    case .hardSigmoid(let slope, let shift):
      let (alpha, beta) = (Float(slope), Float(shift))
      map(x, y, count) {
        bounded($0 * alpha + beta, .zero, .one)
      } _: {
        min(max(alpha * $0 + beta, 0), 1)
      }
    case .hardSwish:
      map(x, y, count) {
        $0 * bounded($0 / 6 + 0.5, .zero, .one)
      } _: {
        $0 * min(max($0 / 6 + 0.5, 0), 1)
      }
    case .elu(let slope):
      let alpha = Float(slope)
      each(x, y, count) { $0 > 0 ? $0 : alpha * ($0.exponential - 1) }
    case .exponential:
      map(x, y, count) {
        exponential($0)
      } _: {
        $0.exponential
      }
    case .logarithm: each(x, y, count) { $0.naturalLogarithm }
    case .squareRoot:
      map(x, y, count) {
        $0.squareRoot()
      } _: {
        $0.squareRoot()
      }
    case .negate:
      map(x, y, count) {
        -$0
      } _: {
        -$0
      }
    case .absolute:
      map(x, y, count) {
        $0.replacing(with: -$0, where: $0 .< 0)
      } _: {
        abs($0)
      }
    case .reciprocal:
      map(x, y, count) {
        1 / $0
      } _: {
        1 / $0
      }
    case .errorFunction:
      map(x, y, count) {
        errorFunction($0)
      } _: {
        $0.errorFunction
      }
    case .softplus: each(x, y, count) { max($0, 0) + (1 + (-abs($0)).exponential).naturalLogarithm }
    }
  }

  private func backward(
    output y: UnsafePointer<Float>, _ e: UnsafePointer<Float>, _ dx: Floats, _ count: Int
  ) {
    switch rules.function {
    case .relu:
      map(y, e, dx, count) {
        $1.replacing(with: 0, where: $0 .<= 0)
      } _: {
        $0 > 0 ? $1 : 0
      }
    case .leakyRelu(let slope):
      let alpha = Float(slope)
      map(y, e, dx, count) {
        $1.replacing(with: $1 * alpha, where: $0 .<= 0)
      } _: {
        $0 > 0 ? $1 : alpha * $1
      }
    case .sigmoid:
      map(y, e, dx, count) {
        $1 * ($0 * (1 - $0))
      } _: {
        $1 * ($0 * (1 - $0))
      }
    case .tanh:
      map(y, e, dx, count) {
        $1 * (1 - $0 * $0)
      } _: {
        $1 * (1 - $0 * $0)
      }
    case .clip(let minimum, let maximum):
      let (low, high) = (Float(minimum), Float(maximum))
      map(y, e, dx, count) {
        $1.replacing(with: 0, where: ($0 .<= low) .| ($0 .>= high))
      } _: {
        $0 > low && $0 < high ? $1 : 0
      }
    case .hardSigmoid(let slope, _):
      let alpha = Float(slope)
      map(y, e, dx, count) {
        ($1 * alpha).replacing(with: 0, where: ($0 .<= 0) .| ($0 .>= 1))
      } _: {
        $0 > 0 && $0 < 1 ? alpha * $1 : 0
      }
    case .elu(let slope):
      let alpha = Float(slope)
      map(y, e, dx, count) {
        $1 * Vector.one.replacing(with: $0 + alpha, where: $0 .<= 0)
      } _: {
        $1 * ($0 > 0 ? 1 : $0 + alpha)
      }
    case .exponential:
      map(y, e, dx, count) {
        $1 * $0
      } _: {
        $1 * $0
      }
    case .squareRoot:
      map(y, e, dx, count) {
        $1 / (2 * $0)
      } _: {
        $1 / (2 * $0)
      }
    case .reciprocal:
      map(y, e, dx, count) {
        -($1 * $0 * $0)
      } _: {
        -($1 * $0 * $0)
      }
    case .gelu, .hardSwish, .logarithm, .negate, .absolute, .errorFunction, .softplus:
      preconditionFailure("the output does not decide the derivative of \(rules.kind)")
    }
  }

  private func backward(
    input x: UnsafePointer<Float>, _ e: UnsafePointer<Float>, _ dx: Floats, _ count: Int
  ) {
    switch rules.function {
    case .gelu:
      let factor = 1 / (2 * Float.pi).squareRoot()
      map(x, e, dx, count) {
        $1 * (normalDistribution($0) + $0 * factor * exponential(-($0 * $0) / 2))
      } _: {
        $1 * (normalDistribution($0) + $0 * factor * (-$0 * $0 / 2).exponential)
      }
    case .hardSwish:
      map(x, e, dx, count) {
        let inside = $1 * ($0 / 3 + 0.5)
        return inside.replacing(with: 0, where: $0 .<= -3).replacing(with: $1, where: $0 .>= 3)
      } _: {
        $0 <= -3 ? 0 : ($0 >= 3 ? $1 : $1 * ($0 / 3 + 0.5))
      }
    case .logarithm:
      map(x, e, dx, count) {
        $1 / $0
      } _: {
        $1 / $0
      }
    case .negate: negate(e, dx, count)
    case .absolute:
      map(x, e, dx, count) {
        $1.replacing(with: -$1, where: $0 .< 0).replacing(with: 0, where: $0 .== 0)
      } _: {
        $0 > 0 ? $1 : ($0 < 0 ? -$1 : 0)
      }
    case .errorFunction:
      let factor = 2 / Float.pi.squareRoot()
      map(x, e, dx, count) {
        $1 * (factor * exponential(-$0 * $0))
      } _: {
        $1 * (factor * (-$0 * $0).exponential)
      }
    case .softplus:
      map(x, e, dx, count) {
        $1 / (1 + exponential(-$0))
      } _: {
        $1 / (1 + (-$0).exponential)
      }
    case .relu, .leakyRelu, .sigmoid, .tanh, .clip, .hardSigmoid, .elu, .exponential, .squareRoot,
      .reciprocal:
      preconditionFailure("the derivative of \(rules.kind) is taken from its output")
    }
  }

  private func normalDistribution(_ x: Float) -> Float {
    (1 + (x * Float(0.5).squareRoot()).errorFunction) / 2
  }

  @inline(__always)
  private func normalDistribution(_ x: Vector) -> Vector {
    (1 + errorFunction(x * Float(0.5).squareRoot())) / 2
  }
}

extension Vector {
  @inline(__always)
  fileprivate static var one: Vector { Vector(repeating: 1) }
}

/// e to the power of eight numbers, within 2 units in the last place of the library's function.
///
///     e^x = 2^n · e^r,  n = round(x ∕ ln 2),  r = x − n ln 2,  e^r ≈ Σ rᵏ ∕ k!  up to k = 7
///
/// with an error of at most r⁸ ∕ 8! ≤ 6·10⁻⁹ for |r| ≤ ln 2 ∕ 2. Results below the least normal number are
/// zero.
@inline(__always)
func exponential(_ x: Vector) -> Vector {
  let inside = bounded(x, Vector(repeating: -87.3), Vector(repeating: 88.7))
  // Added to 1.5 · 2²³ a number is rounded to a whole one, which the low bits of the sum hold.
  let magic = Vector(repeating: 12_582_912)
  let sum = inside * 1.442_695_04 + magic
  let power = sum - magic
  let whole = unsafeBitCast(sum, to: SIMD8<Int32>.self) &- unsafeBitCast(magic, to: SIMD8<Int32>.self)
  // The two parts of ln 2 keep r exact for every n.
  let r = (inside - power * 0.693_359_375) + power * 2.121_944_4e-4
  var series = Vector(repeating: 1 / 5040)
  series = series * r + 1 / 720
  series = series * r + 1 / 120
  series = series * r + 1 / 24
  series = series * r + 1 / 6
  series = series * r + 0.5
  series = series * r + 1
  series = series * r + 1
  // 2^n in two factors: n may be 128, for which one has no room.
  let half = whole &>> 1
  let result = series * powerOfTwo(half) * powerOfTwo(whole &- half)
  let infinite = result.replacing(with: .infinity, where: x .> 88.73)
  return infinite.replacing(with: 0, where: x .< -87.3).replacing(with: x, where: x .!= x)
}

@inline(__always)
private func powerOfTwo(_ n: SIMD8<Int32>) -> Vector {
  unsafeBitCast((n &+ 127) &<< 23, to: Vector.self)
}

/// The error function of eight numbers, within 2·10⁻⁷.
///
///     erf(x) ≈ 1 − (a₁ t + a₂ t² + … + a₅ t⁵) e^(−x²),  t = 1 ∕ (1 + p x)  for x ≥ 0
///
/// > Source: M. Abramowitz, I. A. Stegun. *Handbook of Mathematical Functions.* 1964, formula 7.1.26.
@inline(__always)
func errorFunction(_ x: Vector) -> Vector {
  let magnitude = x.replacing(with: -x, where: x .< 0)
  let t = 1 / (magnitude * 0.327_591_1 + 1)
  var sum = Vector(repeating: 1.061_405_429)
  sum = sum * t - 1.453_152_027
  sum = sum * t + 1.421_413_741
  sum = sum * t - 0.284_496_736
  sum = sum * t + 0.254_829_592
  let positive = 1 - sum * t * exponential(-(x * x))
  return positive.replacing(with: -positive, where: x .< 0)
}
