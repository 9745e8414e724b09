import Documents
import Glibc
import Reporting
import Results

/// Shows what happens in a training run.
///
/// Results go to standard output: lines of JSON, or a log and at its end a summary. On a terminal one line of
/// standard error is rewritten at every step; where it cannot be, the log tells of steps.
struct TrainingDisplay {
  private let output: OutputOptions
  private let files: [(what: String, path: String)]
  private let rewrites: Bool
  private let tellsSteps: Bool
  private var log: TrainingLog
  private var ranks: [TrainingStart.Rank] = []
  /// The length of the line that stands unfinished on the terminal.
  private var unfinished = 0
  private var lastProgress: ContinuousClock.Instant?

  init(output: OutputOptions, files: [(what: String, path: String)]) {
    self.output = output
    self.files = files
    log = TrainingLog(detail: output.detail)
    let isTerminal = isatty(STDERR_FILENO) == 1
    let isResultTerminal = isatty(STDOUT_FILENO) == 1
    // Lines of JSON on the same terminal would tear the line that is rewritten.
    rewrites = isTerminal && !output.quiet && !(output.json && isResultTerminal)
    tellsSteps = output.verbose || !(isTerminal && isResultTerminal)
  }

  /// Shows an event.
  mutating func show(_ event: TrainingEvent) throws {
    if case .note(let text) = event {
      clear()
      output.note(text)
      return
    }
    if case .start(let start) = event { ranks = start.ranks }
    if output.json {
      if let document = event.json {
        if !rewrites || !isStep(event) { clear() }
        try Output.write(document.compact + "\n")
      }
      if case .start = event { _ = log.lines(for: event, steps: false) }
    } else {
      let lines = log.lines(for: event, steps: tellsSteps)
      if !lines.isEmpty {
        clear()
        try Output.write(lines)
      }
    }
    switch event {
    case .step(let step): rewrite(step)
    case .end(let end):
      clear()
      if !output.json {
        try Output.write((output.quiet ? "" : "\n") + end.text(output.detail, ranks: ranks, files: files))
      }
    default: break
    }
  }

  /// Removes the unfinished line.
  mutating func clear() {
    guard unfinished > 0 else { return }
    // Spaces do what an escape sequence would, on every terminal.
    Output.writeToStandardError("\r" + String(repeating: " ", count: unfinished) + "\r")
    unfinished = 0
  }

  private func isStep(_ event: TrainingEvent) -> Bool {
    if case .step = event { true } else { false }
  }

  private mutating func rewrite(_ step: TrainingStep) {
    guard rewrites else { return }
    let now = ContinuousClock.now
    // Nobody reads faster, and slow terminals would hold the ranks up.
    if let last = lastProgress, now - last < .milliseconds(100), unfinished > 0 { return }
    lastProgress = now
    let line = log.progress(of: step, width: width)
    let space = String(repeating: " ", count: max(0, unfinished - line.count))
    Output.writeToStandardError("\r" + line + space)
    unfinished = line.count
  }

  private var width: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }
}
