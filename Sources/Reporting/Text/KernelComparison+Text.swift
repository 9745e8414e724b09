public import Results
import Units

/// Returns the comparison of kernels with their prediction for a terminal: by kernel and phase, then all.
public func text(
  of comparisons: [KernelComparison], model: String, machine: String, device: String
) -> String {
  var page = TextPage()
  page.title("Kernels of \(model), predicted for \(device) of \(machine) and measured now")
  var groups: [(name: String, phase: String, members: [KernelComparison])] = []
  for comparison in comparisons {
    if let index = groups.firstIndex(where: { $0.name == comparison.kernel && $0.phase == comparison.phase })
    {
      groups[index].members.append(comparison)
    } else {
      groups.append((comparison.kernel, comparison.phase, [comparison]))
    }
  }
  groups.append(("all", "", comparisons))
  page.add(
    TextTable(
      columns: [
        .words("kernel"), .words("phase"), .numbers("operations"), .numbers("predicted"),
        .numbers("measured"),
        .numbers("median error"), .numbers("worst"),
      ],
      rows: groups.map { group in
        let errors = group.members.map { abs($0.error) }.sorted()
        let sum = group.members.reduce((predicted: Seconds.zero, measured: Seconds.zero)) {
          ($0.predicted + $1.predicted, $0.measured + $1.measured)
        }
        return [
          group.name, group.phase, "\(group.members.count)", "\(sum.predicted)", "\(sum.measured)",
          errors.isEmpty ? "" : Wording.percent(errors[errors.count / 2]),
          errors.last.map(Wording.percent) ?? "",
        ]
      }
    ).lines())
  return page.text
}
