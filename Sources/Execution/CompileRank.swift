public import Kernels
public import Plans

/// Returns what a rank does in a step of a plan.
///
/// - Parameters:
///   - tasks: The plan's task graph.
///   - plan: The plan.
///   - ranks: Which device is which rank.
///   - rank: The number of the rank.
///   - library: The kernels to run.
///   - settings: How tensors are computed.
/// - Throws: ``ExecutionFault`` for what cannot be run.
public func compile(
  _ tasks: TaskGraph, of plan: ResolvedPlan, ranks: RankTable, rank: Int, library: any KernelLibrary,
  settings: ExecutionSettings
) throws(ExecutionFault) -> RankProgram {
  guard tasks.steps == 1 else {
    throw ExecutionFault("steps that overlap use weights that are a step old, and are not run")
  }
  var builder = ProgramBuilder(
    plan: plan, tasks: tasks, ranks: ranks, rank: rank, library: library, settings: settings)
  return try builder.build()
}
