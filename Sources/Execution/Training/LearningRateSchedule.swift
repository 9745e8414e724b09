import Glibc

/// How the learning rate changes from step to step.
///
/// With the rate η₀, the step t from zero, the steps T in all and the epoch e from zero:
///
/// | words | rate |
/// |---|---|
/// | `constant` | η₀ |
/// | `step:E:F` | η₀ · F^⌊e ∕ E⌋ |
/// | `cosine` | η₀ · (1 + cos(π t ∕ T)) ∕ 2 |
/// | `warmup:W:…` | η₀ · (t + 1) ∕ W while t < W, else the rest |
///
/// > Source: I. Loshchilov, F. Hutter. "SGDR." ICLR 2017, eq. 5 (without restarts); P. Goyal et al.
/// > "Accurate, Large Minibatch SGD." arXiv:1706.02677, section 2.2 (gradual warm-up).
public struct LearningRateSchedule: Hashable, Sendable {
  private indirect enum Form: Hashable, Sendable {
    case constant
    case step(epochs: Int, factor: Double)
    case cosine
    case warmup(steps: Int, Form)
  }

  /// The words that describe it.
  public let words: String
  private let form: Form

  /// The forms, for error messages.
  public static let legal = ["constant", "step:EPOCHS:FACTOR", "cosine", "warmup:STEPS:…"]

  /// Reads words; nil where they describe no schedule.
  public init?(words: String) {
    guard let form = Self.form(words.split(separator: ":", omittingEmptySubsequences: false).map(String.init))
    else { return nil }
    self.words = words
    self.form = form
  }

  private static func form(_ words: [String]) -> Form? {
    switch words.first {
    case "constant" where words.count == 1: return .constant
    case "cosine" where words.count == 1: return .cosine
    case "step" where words.count == 3:
      guard let epochs = Int(words[1]), epochs > 0, let factor = Double(words[2]), factor > 0, factor <= 1
      else { return nil }
      return .step(epochs: epochs, factor: factor)
    case "warmup" where words.count >= 3:
      guard let steps = Int(words[1]), steps > 0, let rest = form(Array(words[2...])) else { return nil }
      return .warmup(steps: steps, rest)
    default: return nil
    }
  }

  /// The rate of a step.
  ///
  /// - Parameters:
  ///   - rate: The rate η₀.
  ///   - step: The step, from zero.
  ///   - steps: The steps in all.
  ///   - epoch: The epoch of the step, from zero.
  public func rate(_ rate: Double, step: Int, of steps: Int, epoch: Int) -> Double {
    rate * factor(form, step, steps, epoch)
  }

  private func factor(_ form: Form, _ step: Int, _ steps: Int, _ epoch: Int) -> Double {
    switch form {
    case .constant: return 1
    case .step(let epochs, let factor): return (0..<(epoch / epochs)).reduce(1) { value, _ in value * factor }
    case .cosine: return (1 + cos(Double.pi * Double(step) / Double(max(1, steps)))) / 2
    case .warmup(let count, let rest):
      return step < count ? Double(step + 1) / Double(count) : factor(rest, step, steps, epoch)
    }
  }
}
