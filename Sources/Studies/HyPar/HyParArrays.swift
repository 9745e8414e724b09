import Diagnostics
import Results
import Workflows

/// Figure 11: VGG-E on 2 to 64 accelerators against one.
func hyParScaling() throws(InputError) -> [Claim] {
  let model = "hypar/vgg-e"
  let single = try priced(.hyPar(model, on: "hypar/1").taking(.singleDevice(nil)))
  var dataParallel: [Double] = []
  var hyPar: [Double] = []
  for point in HyParScaling.all {
    let request = Request.hyPar(model, on: "hypar/\(point.accelerators)")
    dataParallel.append(try priced(request.taking(.dataParallel)).performance(over: single))
    hyPar.append(try priced(request).performance(over: single))
  }
  func claims(_ name: String, _ published: KeyPath<HyParScaling, Double>, _ gains: [Double]) -> [Claim] {
    let points = HyParScaling.all
    let peak = points.map { $0[keyPath: published] }.max()
    return zip(points, gains).map { point, gain in
      let isPeak = point[keyPath: published] == peak
      return Claim(
        "fig11.\(name).\(point.accelerators)", what: "performance over one accelerator, VGG-E",
        source: "HyPar, Fig. 11 (chart)", published: .number(point[keyPath: published]),
        reproduced: .number(gain), target: .within(0.03),
        condition: isPeak ? Condition("the maximum of the curve", isMet: gain == gains.max()) : nil)
    }
  }
  return claims("dp", \.dataParallel, dataParallel) + claims("hypar", \.hyPar, hyPar)
}

/// Figure 13: the last dense layer of a VGG alone, where "one weird trick" would always split the input
/// channels.
func hyParTrick() throws(InputError) -> [Claim] {
  let published = [2: 1.23, 3: 1.58, 4: 2.40]
  var claims: [Claim] = []
  for levels in 2...4 {
    var request = Request.hyPar("fc3.csv", on: "hypar/\(1 << levels)", batch: 4096)
    request.texts["fc3.csv"] = """
      name,kind,weights,input,output,macs_forward,macs_error,macs_weight_gradient
      fc3,dense,4096000,4096,1000,4096000,4096000,4096000
      """
    let hyPar = try priced(request)
    let trick = try priced(request.taking(.modelParallel))
    claims.append(
      Claim(
        "fig13.fc3.h\(levels)", what: "performance over one weird trick, a dense layer with a batch of 4096",
        source: "HyPar, Fig. 13", published: published[levels].map { .number($0) },
        reproduced: .number(hyPar.performance(over: trick)), target: .within(0.02),
        note: "HyPar's list is " + (0..<levels).map { hyPar.list(level: $0) }.joined(separator: " ")))
  }
  return claims
}

/// Beyond the paper: the shortest step over all levels together with three axes.
func hyParWholeSpace(_ runs: [HyParRuns]) throws(InputError) -> [Claim] {
  var claims: [Claim] = []
  for run in runs {
    let best = try priced(.wholeSpace(run.figures.model))
    claims.append(wholeSpaceClaim(run.figures.name, best, over: run.dataParallel, run.hyPar))
  }
  for model in ["resnet50", "densenet121"] {
    let best = try priced(.wholeSpace(model))
    let dataParallel = try priced(.wholeSpace(model).taking(.dataParallel))
    claims.append(wholeSpaceClaim(model, best, over: dataParallel, try priced(.hyPar(model))))
  }
  return claims
}

private func wholeSpaceClaim(
  _ name: String, _ best: PricedPlan, over dataParallel: PricedPlan, _ hyPar: PricedPlan
) -> Claim {
  let bound =
    best.search.exact
    ? "no plan of the space is better" : best.search.gap.map { "within \(noted(100 * $0)) % of a bound" }
  return Claim(
    "exact.\(name)", what: "performance over data parallelism, three axes, all levels searched together",
    source: "none", published: nil, reproduced: .number(best.performance(over: dataParallel)), target: .none,
    note: "nothing published; \(noted(best.performance(over: hyPar))) × the performance of HyPar's plan"
      + (bound.map { "; \($0)" } ?? ""))
}
