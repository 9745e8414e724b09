public import Machines

/// The shortest route over listed links between any two devices.
///
/// Shortest means fewest links; of several the one whose first differing link has the lowest index. A route
/// passes through switches and through devices of the kind `processor`, which forward what is not theirs;
/// through no other device. Machines of up to 512 devices find all routes once; larger ones find each when it
/// is asked for.
public struct Routes: Hashable, Sendable {
  private let links: [Link]
  private let deviceCount: Int
  /// For each endpoint, devices first, whether it passes data on.
  private let forwards: [Bool]
  /// For each endpoint the links that leave it.
  private let leaving: [[Int32]]
  /// For each source the last link of the route to each endpoint, or -1; empty for large machines.
  private var trees: [[Int32]] = []

  /// Finds the routes of a machine.
  ///
  /// - Complexity: O(devices × (links + endpoints)).
  public init(_ machine: Machine) {
    links = machine.links
    deviceCount = machine.devices.count
    forwards =
      machine.devices.map { device in
        if case .processor = device.model { true } else { false }
      } + machine.switches.map { _ in true }
    var leaving = [[Int32]](repeating: [], count: forwards.count)
    for (index, link) in machine.links.enumerated() {
      leaving[Self.vertex(link.from, machine.devices.count)].append(Int32(index))
    }
    self.leaving = leaving
    guard !links.isEmpty, deviceCount <= 512 else { return }
    trees = (0..<deviceCount).map { leaving[$0].isEmpty ? [] : tree(from: $0) }
  }

  /// Returns the links from one device to another, none where they are the same, nil where no route exists.
  public func route(from: DeviceID, to: DeviceID) -> [LinkID]? {
    guard from != to else { return [] }
    guard !leaving[from.index].isEmpty else { return nil }
    let tree = trees.isEmpty ? tree(from: from.index) : trees[from.index]
    var route: [LinkID] = []
    var vertex = to.index
    while vertex != from.index {
      let link = Int(tree[vertex])
      guard link >= 0 else { return nil }
      route.append(LinkID(link))
      vertex = Self.vertex(links[link].from, deviceCount)
    }
    return route.reversed()
  }

  /// Whether every one of some devices can reach every other.
  public func join(_ devices: [DeviceID]) -> Bool {
    guard let first = devices.first else { return true }
    return devices.allSatisfy { route(from: first, to: $0) != nil && route(from: $0, to: first) != nil }
  }

  /// Returns a route cut at the devices that forward: within a part links cut through, from part to part data
  /// is stored first, so that each part is a transfer of its own.
  public func segments(from: DeviceID, to: DeviceID) -> [[LinkID]]? {
    guard let route = route(from: from, to: to) else { return nil }
    var segments: [[LinkID]] = []
    var startsSegment = true
    for link in route {
      if startsSegment { segments.append([]) }
      segments[segments.count - 1].append(link)
      if case .device = links[link.index].to { startsSegment = true } else { startsSegment = false }
    }
    return segments
  }

  /// Breadth first with links by index, so that the first link found to an endpoint ends the route that is
  /// wanted.
  private func tree(from source: Int) -> [Int32] {
    var last = [Int32](repeating: -1, count: forwards.count)
    var queue = [source]
    var head = 0
    while head < queue.count {
      let vertex = queue[head]
      head += 1
      guard vertex == source || forwards[vertex] else { continue }
      for link in leaving[vertex] {
        let next = Self.vertex(links[Int(link)].to, deviceCount)
        guard next != source, last[next] < 0 else { continue }
        last[next] = link
        queue.append(next)
      }
    }
    return last
  }

  private static func vertex(_ endpoint: Endpoint, _ deviceCount: Int) -> Int {
    switch endpoint {
    case .device(let device): device.index
    case .switch(let index): deviceCount + index
    }
  }
}
