import Devices
import Differentiation
import Graphs
import Machines
import Plans

extension PlanningProblem {
  /// Every way to give consecutive operators to groups of devices.
  ///
  /// A group alone runs everything; of two or three groups each order and every cut of the topological order
  /// is a placement, and everything alive at the cut crosses it. A third group is tried where operators are
  /// few and the cut is searched; groups that cannot take the precision are left out.
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
    let named = options.onlyGroups.map { names in
      names.compactMap { name in groups.firstIndex { $0.name == name } }
    }
    let usable = (named ?? Array(groups.indices)).filter { index in
      groups[index].devices.allSatisfy { machine[$0].supports(step.precision) }
    }
    // Where the groups are named they stand in the order of the data; otherwise every order is tried.
    func mayFollow(_ first: Int, _ second: Int) -> Bool { named == nil ? first != second : first < second }
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
    for (first, group) in usable.enumerated() {
      for (second, other) in usable.enumerated() where mayFollow(first, second) {
        for cut in cuts {
          placements.append([
            Segment(group: group, nodes: 0..<cut), Segment(group: other, nodes: cut..<count),
          ])
        }
      }
    }
    guard case .search = options.cut, usable.count > 2, count <= Self.thirdGroupLimit else {
      return placements
    }
    for (first, group) in usable.enumerated() {
      for (second, other) in usable.enumerated() where mayFollow(first, second) {
        for (third, last) in usable.enumerated()
        where third != first && mayFollow(second, third) {
          for (position, cut) in cuts.enumerated() {
            for next in cuts[(position + 1)...] {
              placements.append([
                Segment(group: group, nodes: 0..<cut), Segment(group: other, nodes: cut..<next),
                Segment(group: last, nodes: next..<count),
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
