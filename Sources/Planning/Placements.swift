import Devices
import Differentiation
import Graphs
import Machines
import Plans

extension PlanningProblem {
  /// Every way to give consecutive operators to groups of devices.
  ///
  /// A group alone runs everything; of two or three groups each order and every cut of the topological order
  /// is a placement, and everything alive at the cut crosses it. A third group is tried on machines with few
  /// operators or where the cut is searched; groups that cannot take the precision are left out.
  func placements() -> [[Segment]] {
    let all = everyPlacement()
    if options.fixedGroups.isEmpty { return all }
    let groups = machine.groups
    let wanted = training.graph.nodes.map { options.fixedGroups[$0.name] }
    return all.filter { placement in
      placement.allSatisfy { segment in
        segment.nodes.allSatisfy { wanted[$0] == nil || wanted[$0] == groups[segment.group].name }
      }
    }
  }

  private func everyPlacement() -> [[Segment]] {
    let groups = machine.groups
    let count = training.graph.nodes.count
    let usable = groups.indices.filter { index in
      (options.onlyGroup.map { $0 == groups[index].name } ?? true)
        && groups[index].devices.allSatisfy { machine[$0].supports(step.precision) }
    }
    var placements: [[Segment]] = []
    if case .after = options.cut {
    } else {
      placements += usable.map { [Segment(group: $0, nodes: 0..<count)] }
    }
    let cuts: [Int]
    switch options.cut {
    case .none: return placements
    case .after(let node): cuts = [node + 1].filter { $0 > 0 && $0 < count }
    case .search: cuts = count > 1 ? Array(1..<count) : []
    }
    for first in usable {
      for second in usable where second != first {
        for cut in cuts {
          placements.append([
            Segment(group: first, nodes: 0..<cut), Segment(group: second, nodes: cut..<count),
          ])
        }
      }
    }
    guard case .search = options.cut, usable.count > 2, count <= Self.thirdGroupLimit else {
      return placements
    }
    for first in usable {
      for second in usable where second != first {
        for third in usable where third != first && third != second {
          for (position, cut) in cuts.enumerated() {
            for other in cuts[(position + 1)...] {
              placements.append([
                Segment(group: first, nodes: 0..<cut), Segment(group: second, nodes: cut..<other),
                Segment(group: third, nodes: other..<count),
              ])
            }
          }
        }
      }
    }
    return placements
  }

  /// Beyond so many operators only two groups share a network: three would make a million placements.
  static let thirdGroupLimit = 60
}
