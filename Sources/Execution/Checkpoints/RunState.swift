public import Diagnostics
internal import Documents

/// What a training run needs besides its tensors to go on as if it had never stopped.
public struct RunState: Hashable, Sendable {
  /// The steps that are done; the next step has this number, counted from zero.
  public let step: Int
  /// The epoch of the next step, from zero.
  public let epoch: Int
  /// What samples, initial weights and masks are drawn from.
  public let seed: UInt64
  /// The samples of a step.
  public let batch: Int
  /// Into how many cells the batch is cut.
  public let cells: Int
  /// The name of the optimizer.
  public let optimizer: String
  /// The learning-rate schedule in words that are equal where schedules are.
  public let schedule: String
  /// How far the schedule is.
  public let schedulePosition: Int
  /// The samples read so far, as the text of a ledger.
  public let ledger: String
  /// What tells networks apart, as ``modelFingerprint(of:)`` makes it.
  public let model: String
  /// What else the run keeps, by key.
  public let settings: [Setting]

  /// A key and its value.
  public struct Setting: Hashable, Sendable {
    /// The key.
    public let key: String
    /// The value.
    public let value: String

    /// Creates a setting.
    public init(_ key: String, _ value: String) {
      self.key = key
      self.value = value
    }
  }

  /// Creates a state.
  public init(
    step: Int, epoch: Int, seed: UInt64, batch: Int, cells: Int, optimizer: String, schedule: String = "",
    schedulePosition: Int = 0, ledger: String = "", model: String, settings: [Setting] = []
  ) {
    precondition(step >= 0 && epoch >= 0, "step \(step) of epoch \(epoch)")
    self.step = step
    self.epoch = epoch
    self.seed = seed
    self.batch = batch
    self.cells = cells
    self.optimizer = optimizer
    self.schedule = schedule
    self.schedulePosition = schedulePosition
    self.ledger = ledger
    self.model = model
    self.settings = settings
  }

  /// The value of a setting.
  public subscript(key: String) -> String? { settings.first { $0.key == key }?.value }

  /// Checks that a run which is to go on from this state is the same run.
  ///
  /// The number of ranks, the plan and the kernels may be others.
  ///
  /// - Throws: `InputError` that lists everything that differs.
  public func requireSameRun(as other: RunState, file: String) throws(InputError) {
    let pairs = [
      ("the network", model, other.model), ("--seed", "\(seed)", "\(other.seed)"),
      ("--batch", "\(batch)", "\(other.batch)"), ("--cells", "\(cells)", "\(other.cells)"),
      ("--optimizer", optimizer, other.optimizer), ("the learning rate", schedule, other.schedule),
    ]
    let diagnostics = pairs.filter { $0.1 != $0.2 }.map { what, stored, wanted in
      let isLong = stored.utf8.count > 40 || wanted.utf8.count > 40
      return Diagnostic(
        .badModel,
        isLong
          ? "the checkpoint is of another run: \(what) differs"
          : "the checkpoint is of another run: \(what) was \(stored), not \(wanted)",
        at: SourceLocation(file: file), hint: "give the same flags, or start in another folder")
    }
    guard diagnostics.isEmpty else { throw InputError(diagnostics) }
  }
}

extension RunState {
  /// The keys in files, without that of the tensors.
  static let keys = [
    "schema", "step", "epoch", "seed", "batch", "cells", "optimizer", "schedule", "schedule_position",
    "ledger",
    "model", "settings",
  ]

  /// The state as members of a document.
  var members: [JSONValue.Member] {
    [
      .init("schema", .string(Checkpoint.schema)), .init("step", .integer(step)),
      .init("epoch", .integer(epoch)),
      // A seed may have more bits than an integer of JSON.
      .init("seed", .string("\(seed)")), .init("batch", .integer(batch)), .init("cells", .integer(cells)),
      .init("optimizer", .string(optimizer)), .init("schedule", .string(schedule)),
      .init("schedule_position", .integer(schedulePosition)), .init("ledger", .string(ledger)),
      .init("model", .string(model)),
      .init("settings", .object(settings.map { .init($0.key, .string($0.value)) })),
    ]
  }

  /// Reads a state.
  init(_ fields: JSONFields) throws(InputError) {
    let schema = try fields["schema"].string()
    guard schema == Checkpoint.schema else {
      throw fields["schema"].fault(
        "the checkpoint is of the kind \(schema), and \(Checkpoint.schema) is read",
        hint: "it was written by another version")
    }
    guard let seed = UInt64(try fields["seed"].string()) else {
      throw fields["seed"].fault("the seed is no number of 64 bits")
    }
    var settings: [Setting] = []
    for member in try fields["settings"].members() {
      settings.append(Setting(member.key, try member.value.string()))
    }
    self.init(
      step: try fields["step"].integer(in: 0...Int.max), epoch: try fields["epoch"].integer(in: 0...Int.max),
      seed: seed, batch: try fields["batch"].integer(), cells: try fields["cells"].integer(),
      optimizer: try fields["optimizer"].string(), schedule: try fields["schedule"].string(),
      schedulePosition: try fields["schedule_position"].integer(), ledger: try fields["ledger"].string(),
      model: try fields["model"].string(), settings: settings)
  }
}
