import Diagnostics
import Documents

/// What a rank tells the coordinator.
enum RankMessage: Hashable {
  /// The rank is ready to run its first step.
  case ready(
    process: Int, kernels: String, instructionSet: String?, threads: Int, firstStep: Int, notes: [String])
  /// A step is done: the parts of the loss that the rank reports, what it classified rightly, its time.
  case step(number: Int, losses: [Part], correct: Int, nanoseconds: Int)
  /// An epoch is done, with the accuracy on the test samples if there are any.
  case epoch(number: Int, testAccuracy: Double?)
  /// A checkpoint was written.
  case checkpoint(path: String, step: Int)
  /// What the rank measured.
  case measured(Measurement)
  /// What came out: the digest of the weights and of the samples read.
  case result(digest: String, ledger: String, testAccuracy: Double?, steps: Int)
  /// The rank gives up.
  case fault(kind: String, message: String, hint: String?, file: String?)

  /// A number of a cell, micro-batch or task and its value.
  struct Part: Hashable {
    let index: Int
    let value: Double
  }

  /// What a rank measured: the times of its tasks, the bytes that it sent to each rank in all its steps, and
  /// the bytes of its memory.
  struct Measurement: Hashable {
    let times: [Part]
    let bytesSent: [Int]
    let steps: Int
    let planned: Int
    let resident: Int
    let library: Int
    let evaluation: Int
  }

  /// The message as bytes.
  var bytes: [UInt8] { Array(document.compact.utf8) }

  private var document: JSONValue {
    func parts(_ parts: [Part]) -> JSONValue {
      // Bits, because no loss may lose any, and because some are no numbers.
      .array(parts.flatMap { [.integer($0.index), .string(String($0.value.bitPattern, radix: 16))] })
    }
    func number(_ value: Double?) -> JSONValue { value.map { .string("\($0)") } ?? .null }
    switch self {
    case .ready(let process, let kernels, let instructionSet, let threads, let firstStep, let notes):
      return .array([
        "ready", .integer(process), .string(kernels), .integer(threads), .integer(firstStep),
        .array(notes.map { .string($0) }), instructionSet.map { .string($0) } ?? .null,
      ])
    case .step(let number, let losses, let correct, let nanoseconds):
      return .array(["step", .integer(number), parts(losses), .integer(correct), .integer(nanoseconds)])
    case .epoch(let epoch, let accuracy): return .array(["epoch", .integer(epoch), number(accuracy)])
    case .checkpoint(let path, let step): return .array(["checkpoint", .string(path), .integer(step)])
    case .measured(let found):
      return .array([
        "measured", parts(found.times), .array(found.bytesSent.map { .integer($0) }), .integer(found.steps),
        .integer(found.planned), .integer(found.resident), .integer(found.library),
        .integer(found.evaluation),
      ])
    case .result(let digest, let ledger, let accuracy, let steps):
      return .array(["result", .string(digest), .string(ledger), number(accuracy), .integer(steps)])
    case .fault(let kind, let message, let hint, let file):
      return .array([
        "fault", .string(kind), .string(message), hint.map { .string($0) } ?? .null,
        file.map { .string($0) } ?? .null,
      ])
    }
  }

  /// Reads a message; nil where it is none.
  init?(bytes: [UInt8]) {
    guard let list = try? JSONElement(parsing: bytes, file: "a rank").array(),
      let word = try? list.first?.string()
    else { return nil }
    func integer(_ index: Int) -> Int { (try? list[index].integer()) ?? 0 }
    func text(_ index: Int) -> String? { try? list[index].string() }
    func integers(_ index: Int) -> [Int] {
      ((try? list[index].array()) ?? []).map { (try? $0.integer()) ?? 0 }
    }
    func parts(_ index: Int) -> [Part] {
      let items = (try? list[index].array()) ?? []
      return stride(from: 0, to: items.count - 1, by: 2).map { place in
        let bits = (try? items[place + 1].string()).flatMap { UInt64($0, radix: 16) } ?? 0
        return Part(index: (try? items[place].integer()) ?? 0, value: Double(bitPattern: bits))
      }
    }
    switch (word, list.count) {
    case ("ready", 7):
      let notes = ((try? list[5].array()) ?? []).compactMap { try? $0.string() }
      self = .ready(
        process: integer(1), kernels: text(2) ?? "", instructionSet: text(6), threads: integer(3),
        firstStep: integer(4), notes: notes)
    case ("step", 5):
      self = .step(number: integer(1), losses: parts(2), correct: integer(3), nanoseconds: integer(4))
    case ("epoch", 3): self = .epoch(number: integer(1), testAccuracy: text(2).flatMap(Double.init))
    case ("checkpoint", 3): self = .checkpoint(path: text(1) ?? "", step: integer(2))
    case ("measured", 8):
      self = .measured(
        Measurement(
          times: parts(1), bytesSent: integers(2), steps: integer(3), planned: integer(4),
          resident: integer(5), library: integer(6), evaluation: integer(7)))
    case ("result", 5):
      self = .result(
        digest: text(1) ?? "", ledger: text(2) ?? "", testAccuracy: text(3).flatMap(Double.init),
        steps: integer(4))
    case ("fault", 5):
      self = .fault(kind: text(1) ?? "", message: text(2) ?? "", hint: text(3), file: text(4))
    default: return nil
    }
  }
}
