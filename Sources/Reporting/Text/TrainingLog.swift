public import Results
import Units

/// What a training run tells a reader while it runs: line by line, and as one line that is rewritten.
///
/// ```swift
/// var log = TrainingLog(detail: .normal)
/// for event in events { write(log.lines(for: event, steps: true)) }
/// ```
public struct TrainingLog {
  /// The first steps, each of which is told.
  private static let firstSteps = 3
  /// Into how many parts the steps are divided, of each of which one step is told.
  private static let parts = 50

  private let detail: Detail
  private var start: TrainingStart?
  private var toldPart = -1

  /// Creates a log; a brief one tells nothing of single steps, a full one every step.
  public init(detail: Detail) { self.detail = detail }

  /// Returns the lines that tell of an event, none where it is told by others.
  ///
  /// - Parameters:
  ///   - event: The event.
  ///   - steps: Whether single steps are told, as where no line is rewritten.
  public mutating func lines(for event: TrainingEvent, steps: Bool) -> String {
    guard detail != .brief else { return "" }
    switch event {
    case .start(let start):
      self.start = start
      return start.text
    case .step(let step):
      return steps && isTold(step) ? Self.line(of: step, in: start) + "\n" : ""
    case .epoch(let epoch): return epoch.line + "\n"
    case .checkpoint(let path, let step):
      return detail == .full ? "checkpoint after step \(step): \(path)\n" : ""
    case .note, .end: return ""
    }
  }

  /// Returns the line to which a step rewrites the progress.
  ///
  /// - Parameters:
  ///   - step: The step.
  ///   - width: The columns of the terminal; the line leaves the last one free.
  public func progress(of step: TrainingStep, width: Int) -> String {
    let line = Self.line(of: step, in: start)
    return String(line.prefix(max(1, width - 1)))
  }

  private mutating func isTold(_ step: TrainingStep) -> Bool {
    guard detail != .full, let start else { return true }
    let part = step.number * Self.parts / max(1, start.steps)
    let isNew = part != toldPart
    toldPart = part
    let first = step.number - start.firstStep
    return isNew || first <= Self.firstSteps || step.number == start.steps
  }

  private static func line(of step: TrainingStep, in start: TrainingStart?) -> String {
    let steps = start.map { "\($0.steps)" } ?? ""
    let number = "\(step.number)"
    let space = String(repeating: " ", count: max(0, steps.count - number.count))
    let of = steps.isEmpty ? "" : "/\(steps)"
    return "step \(space)\(number)\(of)  epoch \(step.epoch)  loss \(fixed(step.loss, decimals: 4))  "
      + "accuracy \(fixed(100 * step.accuracy, decimals: 1)) %  "
      + "\(fixed(step.samplesPerSecond, decimals: 0)) samples/s  \(Self.time(step.remaining)) left"
  }

  /// A time as people count it, such as `1 min 05 s`.
  static func time(_ time: Seconds) -> String {
    guard time.value.isFinite, time.value >= 0, time.value < 1e9 else { return "?" }
    let seconds = Int(time.value.rounded(.up))
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    switch seconds {
    case ..<60: return "\(seconds) s"
    case ..<3600: return "\(seconds / 60) min \(two(seconds % 60)) s"
    default: return "\(seconds / 3600) h \(two(seconds / 60 % 60)) min"
    }
  }

  /// A number with so many digits after the point, so that a line keeps its width.
  static func fixed(_ value: Double, decimals: Int) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
    let scale = (0..<decimals).reduce(1) { scale, _ in scale * 10 }
    let units = Int((abs(value) * Double(scale)).rounded())
    let whole = "\(value < 0 ? "-" : "")\(units / scale)"
    guard decimals > 0 else { return whole }
    let digits = String(units % scale)
    return whole + "." + String(repeating: "0", count: decimals - digits.count) + digits
  }
}

extension TrainingStart {
  fileprivate var text: String {
    var page = TextPage()
    page.title("\(model) on \(data), batch \(batch), on \(machine)")
    let epochs = stepsPerEpoch > 0 ? Double(steps) / Double(stepsPerEpoch) : 0
    var facts = [
      (
        "steps",
        "\(firstStep > 0 ? "\(firstStep) are done of " : "")\(steps), "
          + "\(Wording.rounded(epochs, digits: 3)) epochs of \(stepsPerEpoch)"
      ),
      (
        "a step",
        simulated == priced
          ? "\(simulated), priced and simulated"
          : "\(simulated) simulated; the price, a lower bound, is \(priced)"
      ),
      (
        "sums",
        isDeterministic
          ? "in one order for any number of ranks"
            + (cells.map { ", in \(Wording.number($0, "cell"))" } ?? "")
          : "in an order that depends on the plan"
            + (cells.map { ", in \(Wording.number($0, "cell"))" } ?? "")
      ),
    ]
    for rank in ranks {
      facts.append(
        (
          "rank \(rank.rank)",
          "\(rank.device): \(rank.kernels), \(Wording.number(rank.threads, "thread")), "
            + "process \(rank.process)"
        ))
    }
    page.facts(facts)
    return page.text
  }
}

extension TrainingEpoch {
  fileprivate var line: String {
    let test = testAccuracy.map { ", test accuracy \(TrainingLog.fixed(100 * $0, decimals: 2)) %" } ?? ""
    return "epoch \(number): loss \(TrainingLog.fixed(loss, decimals: 4)), "
      + "accuracy \(TrainingLog.fixed(100 * accuracy, decimals: 2)) %\(test), "
      + "\(TrainingLog.fixed(samplesPerSecond, decimals: 0)) samples/s"
  }
}
