import Diagnostics
import Results
import Workflows

/// Compares HyPar's published plans, bytes, times and energies with ours.
func hyParStudy() throws(InputError) -> StudyResult {
  var runs: [HyParRuns] = []
  for figures in HyParFigures.all { runs.append(try HyParRuns(figures)) }
  var claims = hyParLists(runs) + hyParPerformance(runs) + hyParEnergy(runs) + hyParBytes(runs)
  claims += try hyParLeNetSpace()
  claims += try hyParVGGSpace()
  claims += try hyParScaling()
  claims += hyParTorus(runs)
  claims += try hyParTrick()
  claims += try hyParWholeSpace(runs)
  return StudyResult(
    study: "hypar",
    source:
      "L. Song et al., HyPar: Towards Hybrid Parallelism for Deep Learning Accelerator Array, HPCA 2019",
    claims: claims, assumptions: hyParAssumptions)
}

// MARK: One step of each network

/// Figure 5: the lists, and what they are where partial sums are reduced at once, as Table 2 counts.
private func hyParLists(_ runs: [HyParRuns]) -> [Claim] {
  func claims(
    _ figure: String, _ source: String, _ plan: (HyParRuns) -> PricedPlan, _ target: Target,
    _ note: (Bool) -> String
  ) -> [Claim] {
    runs.flatMap { run in
      run.figures.lists.enumerated().map { level, list in
        let reproduced = plan(run).list(level: level)
        return Claim(
          "\(figure).\(run.figures.name).H\(level + 1)",
          what: "choices of the layers, 1 for model parallelism",
          source: source, published: .text(list), reproduced: .text(reproduced), target: target,
          note: note(reproduced == list))
      }
    }
  }
  return claims("fig5", "HyPar, Fig. 5", \.hyPar, .equal) { _ in "" }
    + claims("table2", "HyPar, Table 2 as printed, against Fig. 5", \.eager, .none) { isEqual in
      "reduced at once, as Table 2 counts" + (isEqual ? "" : ": not the lists of Fig. 5")
    }
}

/// Figure 6: performance over data parallelism.
private func hyParPerformance(_ runs: [HyParRuns]) -> [Claim] {
  let source = "HyPar, Fig. 6"
  let gains = runs.map { $0.hyPar.performance(over: $0.dataParallel) }
  var claims = zip(runs, gains).map { run, gain in
    Claim(
      "fig6.hypar.\(run.figures.name)", what: "performance over data parallelism", source: source,
      published: .number(run.figures.performance.hyPar), reproduced: .number(gain), target: .within(0.01))
  }
  claims.append(
    Claim(
      "fig6.hypar.gmean", what: "performance over data parallelism, geometric mean", source: source,
      published: .number(3.39), reproduced: .number(geometricMean(gains)), target: .within(0.01)))
  claims += runs.map { run in
    Claim(
      "fig6.mp.\(run.figures.name)", what: "performance of model parallelism over data parallelism",
      source: source, published: .number(run.figures.performance.modelParallel),
      reproduced: .number(run.modelParallel.performance(over: run.dataParallel)), target: .none,
      note: "the paper's bytes of model parallelism follow no stated rule")
  }
  return claims
}

/// Figure 7: energy efficiency over data parallelism.
private func hyParEnergy(_ runs: [HyParRuns]) -> [Claim] {
  let source = "HyPar, Fig. 7"
  let gains = runs.map { $0.hyPar.energyEfficiency(over: $0.dataParallel) ?? .nan }
  var claims = zip(runs, gains).map { run, gain in
    Claim(
      "fig7.hypar.\(run.figures.name)", what: "energy efficiency over data parallelism", source: source,
      published: .number(run.figures.energyEfficiency), reproduced: .number(gain),
      target: .within(run.figures.energyTolerance))
  }
  claims.append(
    Claim(
      "fig7.hypar.gmean", what: "energy efficiency over data parallelism, geometric mean", source: source,
      published: .number(1.51), reproduced: .number(geometricMean(gains)), target: .within(0.03)))
  return claims
}

/// Figure 8: the bytes moved in a step.
private func hyParBytes(_ runs: [HyParRuns]) -> [Claim] {
  func claim(
    _ id: String, _ published: Double, _ plan: PricedPlan, _ tolerance: Double, _ note: String = ""
  ) -> Claim {
    Claim(
      "fig8.\(id)", what: "bytes moved in a step (GB)", source: "HyPar, Fig. 8",
      published: .number(published), reproduced: .number(plan.gigabytes), target: .within(tolerance),
      note: note)
  }
  let dataParallel = runs.map { run in
    claim("dp.\(run.figures.name)", run.figures.gigabytes.dataParallel, run.dataParallel, 0.005)
  }
  let hyPar = runs.map { run in
    claim(
      "hypar.\(run.figures.name)", run.figures.gigabytes.hyPar, run.hyPar, run.figures.bytesTolerance,
      run.figures.name == "VGG-B" ? "printed as for VGG-A, which has 184 320 weights less" : "")
  }
  return dataParallel + hyPar
}

/// Figure 12: HyPar's plan on the torus against data parallelism on the tree.
private func hyParTorus(_ runs: [HyParRuns]) -> [Claim] {
  let source = "HyPar, Fig. 12 (chart)"
  let gains = runs.map { $0.torus.performance(over: $0.dataParallel) }
  let routed = runs.map { $0.routedTorus.performance(over: $0.dataParallel) }
  var claims = zip(runs, gains).map { run, gain in
    Claim(
      "fig12.torus.\(run.figures.name)", what: "performance on a torus over data parallelism on the tree",
      source: source, published: run.figures.torus.map { .number($0) } ?? .text("above 10"),
      reproduced: .number(gain),
      target: run.figures.torus == nil ? .inside(10...Double.greatestFiniteMagnitude) : .within(0.02),
      note: run.figures.torus == nil ? "the chart cuts the bar off at 10" : "")
  }
  claims.append(
    Claim(
      "fig12.torus.gmean", what: "performance on a torus over data parallelism on the tree, geometric mean",
      source: source, published: .number(2.23), reproduced: .number(geometricMean(gains)),
      target: .within(0.02),
      note: "\(noted(geometricMean(routed))) on hypar/torus-4x4, whose links are routed over"))
  return claims
}
