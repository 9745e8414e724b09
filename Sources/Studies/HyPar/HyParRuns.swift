import Diagnostics
import Graphs
import Planning
import Plans
import Results
import Units
import Workflows

#if canImport(Glibc)
  import Glibc
#endif

extension Request {
  /// The request behind HyPar's figures: its two axes, its order of decisions and its objective, nothing
  /// overlapped.
  static func hyPar(_ model: String, on machine: String = "hypar/16", batch: Int = 256) -> Request {
    var request = Request(model: model)
    request.machine = machine
    request.batch = batch
    request.axes = [.batch, .inputChannel]
    request.reduction = .lazy
    request.search = .hierarchical
    request.objective = .communication
    request.overlap = .none
    return request
  }

  /// The request for the shortest step of the whole space: three axes, any moment of reduction, all levels
  /// together.
  static func wholeSpace(_ model: String) -> Request {
    var request = hyPar(model)
    request.axes = [.batch, .inputChannel, .outputChannel]
    request.reduction = .best
    request.search = .exact
    request.objective = .time
    return request
  }

  /// The same step under a plan that is not searched for.
  func taking(_ baseline: Baseline) -> Request {
    var request = self
    request.planSource = .baseline(baseline)
    return request
  }

  /// The same step under a written plan.
  func taking(_ layers: [PlanReport.Layer]) -> Request {
    let entries = layers.map { layer in
      let axes = layer.axes.map { "\"\($0)\"" }.joined(separator: ", ")
      return "{\"name\": \"\(layer.name)\", \"devices\": \"\(layer.devices)\", \"axes\": [\(axes)]}"
    }
    var request = self
    request.planSource = .file("written.json")
    request.texts["written.json"] =
      "{\"schema\": \"partita.plan/1\", \"layers\": [\(entries.joined(separator: ", "))]}"
    return request
  }
}

extension PricedPlan {
  /// The other plan's time over this one's.
  func performance(over other: PricedPlan) -> Double { other.cost.time.seconds / cost.time.seconds }

  /// The other plan's energy over this one's; nil where the machine gives no energies.
  func energyEfficiency(over other: PricedPlan) -> Double? {
    guard let own = cost.energy, let energy = other.cost.energy else { return nil }
    return energy / own
  }

  /// What all accelerators together receive in a step.
  var gigabytes: Double { Double(cost.bytesMoved.count) / 1e9 }

  /// One digit for each layer, as the paper prints a level's choices.
  func list(level: Int) -> String {
    layers.map { layer in
      switch layer.axes[level] {
      case AxisRole.batch.rawValue: "0"
      case AxisRole.inputChannel.rawValue: "1"
      default: "?"
      }
    }.joined()
  }
}

extension PlanReport.Layer {
  /// The layer with another choice on one level, or on all of them, in the paper's digits.
  func choosing(_ digits: String, from level: Int = 0) -> PlanReport.Layer {
    var axes = axes
    for (offset, digit) in digits.enumerated() {
      axes[level + offset] = (digit == "0" ? AxisRole.batch : .inputChannel).rawValue
    }
    return PlanReport.Layer(name: name, devices: devices, axes: axes)
  }
}

/// The plans of one network that several figures share.
struct HyParRuns {
  let figures: HyParFigures
  /// HyPar's plan, with partial sums reduced as late as possible.
  let hyPar: PricedPlan
  /// HyPar's plan where partial sums are reduced at once.
  let eager: PricedPlan
  /// HyPar's plan on the torus.
  let torus: PricedPlan
  /// The plan of the same search on a torus whose links are routed over, in two levels of four ways.
  let routedTorus: PricedPlan
  let dataParallel: PricedPlan
  let modelParallel: PricedPlan

  init(_ figures: HyParFigures) throws(InputError) {
    self.figures = figures
    let request = Request.hyPar(figures.model)
    hyPar = try priced(request)
    var early = request
    early.reduction = .eager
    eager = try priced(early)
    torus = try priced(.hyPar(figures.model, on: "hypar/torus"))
    routedTorus = try priced(.hyPar(figures.model, on: "hypar/torus-4x4"))
    dataParallel = try priced(request.taking(.dataParallel))
    modelParallel = try priced(request.taking(.modelParallel))
  }
}

/// The mean by which the paper sums up its ten networks.
func geometricMean(_ values: [Double]) -> Double {
  pow(values.reduce(1, *), 1 / Double(values.count))
}

/// A number in a note, to four significant digits at most.
func noted(_ value: Double) -> String {
  let scale: Double = abs(value) >= 100 ? 10 : abs(value) >= 10 ? 100 : abs(value) >= 1 ? 1000 : 10_000
  let rounded = (value * scale).rounded() / scale
  return rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)"
}
