public import Diagnostics
public import Results

/// Reads a network and says what training it would need.
///
/// - Throws: ``InputError`` where the model cannot be read. Unsupported operators are no error here: they are
///   listed in the result.
public func inspect(_ request: Request) throws(InputError) -> Inspection {
  throw unfinished("inspect")
}

/// Finds, or takes, a plan and says what it costs and why.
///
/// - Throws: ``InputError`` for bad input, or of kind `infeasible` with the cheapest relaxation as its hint.
public func plan(_ request: Request) throws(InputError) -> PlanOutcome {
  throw unfinished("plan")
}

/// Simulates the step of a plan that is searched for, named or read.
///
/// - Throws: ``InputError`` for bad input, or of kind `infeasible` with the cheapest relaxation as its hint.
public func simulate(_ request: Request) throws(InputError) -> SimulationOutcome {
  throw unfinished("simulate")
}

/// Simulates one collective alone on a machine's mesh.
///
/// - Throws: ``InputError`` for a bad machine, an unknown operation or algorithm, or a machine without a
///   mesh.
public func simulateCollective(_ request: CollectiveRequest) throws(InputError) -> SimulationOutcome {
  throw unfinished("simulate --collective")
}

/// The built-in networks, in the order in which they are listed.
public func models() -> [ModelSummary] { [] }

/// Returns a built-in network as the bytes of an ONNX file.
///
/// - Throws: ``InputError`` for an unknown name or a layer table, which has no ONNX form.
public func exportModel(named name: String, batch: Int) throws(InputError) -> [UInt8] {
  throw unfinished("models NAME --out")
}

/// The machines of the catalogue, in the order in which they are listed.
public func machines() -> [MachineSummary] { [] }

/// Returns the description of a machine of the catalogue, as it stands in its file.
///
/// - Throws: ``InputError`` for an unknown name, with the nearest legal one.
public func machineDescription(named name: String) throws(InputError) -> String {
  throw unfinished("machines NAME")
}

private func unfinished(_ command: String) -> InputError {
  InputError(.usage, "`\(command)` is not part of this build")
}
