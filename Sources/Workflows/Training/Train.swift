public import Results

/// Trains a network under a plan, one process for each device of the plan.
///
/// The process that calls it coordinates: it plans, starts the ranks as processes of the same program with the
/// arguments `arguments`, tells `report` what happens, and returns when all ranks have ended. The ranks call
/// ``runRank(_:)`` with the same request.
///
/// - Parameters:
///   - request: What is trained on what.
///   - arguments: The command line by which a process of this program becomes a rank.
///   - report: Called for every event, in their order.
/// - Throws: `InputError` for bad input, ``TrainingFault`` for a run that did not end well, and whatever
///   `report` throws, after the ranks have ended.
public func train(
  _ request: TrainingRequest, arguments: [String], report: (TrainingEvent) throws -> Void
) throws {
  preconditionFailure("to be written")
}

/// Does the work of one rank in a process that ``train(_:arguments:report:)`` started, and returns the exit
/// code.
public func runRank(_ request: TrainingRequest) -> Int32 {
  preconditionFailure("to be written")
}
