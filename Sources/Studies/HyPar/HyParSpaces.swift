import Diagnostics
import Results
import Workflows

/// The sixteen settings of four binary choices.
private let settings: [String] = (0..<16).map { number in
  String((0..<4).map { number >> (3 - $0) & 1 == 1 ? "1" : "0" })
}

/// One written plan of a swept space and its performance over data parallelism.
private struct Point {
  let first: String
  let second: String
  let performance: Double

  var name: String { "\(first) \(second)" }
}

/// Every pair of settings, priced; of equal points the earlier stands first.
private func sweep(
  _ request: Request, _ layers: (_ first: String, _ second: String) -> [PlanReport.Layer]
) throws(InputError) -> (points: [Point], ranked: [Point]) {
  let dataParallel = try priced(request.taking(.dataParallel))
  var points: [Point] = []
  for first in settings {
    for second in settings {
      let plan = try priced(request.taking(layers(first, second)))
      points.append(
        Point(first: first, second: second, performance: plan.performance(over: dataParallel)))
    }
  }
  let ranked = points.enumerated().sorted {
    ($1.element.performance, $0.offset) < ($0.element.performance, $1.offset)
  }
  return (points, ranked.map(\.element))
}

/// Figure 9: Lenet-c with H2 and H3 as HyPar chooses them, and every list of H1 and H4.
func hyParLeNetSpace() throws(InputError) -> [Claim] {
  let request = Request.hyPar("hypar/lenet-c")
  let chosen = try priced(request).layers
  let ranked = try sweep(request) { top, bottom in
    let digits = zip(top, bottom)
    return zip(chosen, digits).map { layer, digits in
      layer.choosing(String(digits.0)).choosing(String(digits.1), from: 3)
    }
  }.ranked
  let note = "of 256 written plans; the second is \(ranked[1].name) with \(noted(ranked[1].performance))"
  return [
    Claim(
      "fig9.best", what: "lists of H1 and H4 with the best performance, Lenet-c", source: "HyPar, Fig. 9",
      published: .text("0011 0011"), reproduced: .text(ranked[0].name), target: .equal, note: note),
    Claim(
      "fig9.value", what: "its performance over data parallelism", source: "HyPar, Fig. 9",
      published: .number(3.05), reproduced: .number(ranked[0].performance), target: .within(0.01),
      note: "the worst of the 256 has \(noted(ranked[255].performance))"),
  ]
}

/// Figure 10: VGG-A with everything as HyPar chooses it, but every setting of its last convolution and of its
/// first dense layer.
func hyParVGGSpace() throws(InputError) -> [Claim] {
  let request = Request.hyPar("hypar/vgg-a")
  let chosen = try priced(request).layers
  let (points, ranked) = try sweep(request) { convolution, dense in
    chosen.map { layer in
      switch layer.name {
      case "conv5_2": layer.choosing(convolution)
      case "fc1": layer.choosing(dense)
      default: layer
      }
    }
  }
  // What HyPar chooses for the two layers.
  guard let own = points.first(where: { $0.name == "0001 1111" }),
    let other = points.first(where: { $0.name == "1000 1111" })
  else { preconditionFailure("\(points.count) points") }
  let best = ranked[0]
  return [
    Claim(
      "fig10.hypar", what: "performance over data parallelism of HyPar's choices for conv5_2 and fc1, VGG-A",
      source: "HyPar, Fig. 10", published: .number(4.97), reproduced: .number(own.performance),
      target: .within(0.02),
      note: "the best is \(best.name) with \(noted(best.performance)); "
        + "the paper's best, 1000 1111 with 5.05, has \(noted(other.performance)) here",
      condition: Condition(
        "within 2 % of the best of 256 written plans", isMet: own.performance >= 0.98 * best.performance))
  ]
}
