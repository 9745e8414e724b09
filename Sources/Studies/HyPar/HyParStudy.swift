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
      "partial sums reduced at once, as Table 2 counts"
        + (isEqual ? "" : "; differs from Fig. 5, which follows from late reduction")
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
      note: "the printed bytes of model parallelism follow no stated rule; here by that of the other bars")
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
  func claim(_ run: HyParRuns, _ name: String, _ published: Double, _ plan: PricedPlan, _ note: String = "")
    -> Claim
  {
    Claim(
      "fig8.\(name).\(run.figures.name)", what: "bytes moved in a step (GB)", source: "HyPar, Fig. 8",
      published: .number(published), reproduced: .number(plan.gigabytes),
      target: .within(note.isEmpty ? 0.005 : 0.02), note: note)
  }
  return runs.map { claim($0, "dp", $0.figures.gigabytes.dataParallel, $0.dataParallel) }
    + runs.map { run in
      claim(
        run, "hypar", run.figures.gigabytes.hyPar, run.hyPar,
        run.figures.name == "VGG-B" ? "printed as for VGG-A, which has 184 320 weights less" : "")
    }
}

/// Figure 12: HyPar's plan on the torus against data parallelism on the tree.
private func hyParTorus(_ runs: [HyParRuns]) -> [Claim] {
  let source = "HyPar, Fig. 12 (chart)"
  let gains = runs.map { $0.torus.performance(over: $0.dataParallel) }
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
      target: .within(0.02)))
  return claims
}
