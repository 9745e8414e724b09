import ArgumentParser
import Graphs
import Planning
import Plans
import Units
import Workflows

/// The search: what is best, within which limits, and which plans are looked at.
struct SearchOptions: ParsableArguments {
  @Option(help: "What the best plan has least of.")
  var minimize: Request.Objective = .time

  @Option(
    help: ArgumentHelp(
      "The most memory of any device, such as 8GiB (default: its capacity).", valueName: "bytes"),
    transform: Reading.bytes)
  var memoryLimit: Bytes?

  @Option(
    help: ArgumentHelp("The longest step that is accepted, such as 20ms.", valueName: "time"),
    transform: Reading.seconds)
  var deadline: Seconds?

  @Option(
    help: ArgumentHelp(
      "The axes along which layers may be split (default: batch,input-channel,output-channel).",
      valueName: "axis,…"),
    transform: Reading.axes)
  var axes: [AxisRole]?

  @Option(help: "When partial results are reduced (default: best).")
  var reduce: Request.Reduction?

  @Option(help: "How the plan space is searched.")
  var search: Request.Strategy = .exact

  @Option(
    help: ArgumentHelp(
      "Where the network is cut between unlike devices: search, none, or after a layer.", valueName: "layer"))
  var cut = "search"

  @Option(
    help: ArgumentHelp(
      "The groups of devices that run layers, in the order of the data, such as drive,npu (default: any).",
      valueName: "group,…"),
    transform: Reading.groups)
  var devices: [String]?

  @Option(help: ArgumentHelp("Keep what this plan file says, and search the rest.", valueName: "plan.json"))
  var fix: String?

  @Option(
    help: ArgumentHelp(
      "Take this plan instead of searching: a plan file, data-parallel, model-parallel, one-weird-trick, or "
        + "single-device[:NAME].", valueName: "plan"),
    transform: Reading.plan)
  var plan: Request.PlanSource?

  func validate() throws {
    if plan != nil, fix != nil { throw ValidationError("--plan and --fix exclude each other") }
  }

  /// Sets the search of a request.
  func apply(to request: inout Request) {
    request.objective = minimize
    request.memoryLimit = memoryLimit
    request.deadline = deadline
    if let axes { request.axes = axes }
    if let reduce { request.reduction = reduce }
    request.search = search
    request.cut = Reading.cut(cut)
    request.groups = devices
    request.fixedPlan = fix
    request.planSource = plan ?? .search
  }
}
