import Graphs
public import Machines
public import Units

/// Data that goes from one device to another.
public struct Flow: Hashable, Sendable {
  /// Where it comes from.
  public let from: DeviceID
  /// Where it goes.
  public let to: DeviceID
  /// How much it is.
  public let bytes: Bytes

  /// Creates a flow.
  public init(from: DeviceID, to: DeviceID, bytes: Bytes) {
    self.from = from
    self.to = to
    self.bytes = bytes
  }
}

/// Returns what must flow so that the devices of one group hold a tensor that stands on another.
///
/// Each receiver takes every element of its part from one device that holds it; where several hold it,
/// receiver `j` of the group asks replica `j mod replicas`. Data that a device already holds does not flow.
///
/// - Precondition: `source` is not partial.
func flows(
  _ shape: [Int], elementSize: Int, source: Layout, over sourceCut: Cut, target: Layout, over targetCut: Cut
) -> [Flow] {
  precondition(!source.isPartial, "partial data cannot leave its group")
  let replicas = ReplicaNumbers(source, over: sourceCut)
  var flows: [Flow] = []
  for receiver in 0..<targetCut.deviceCount {
    for sender in 0..<sourceCut.deviceCount where replicas[sender] == receiver % replicas.count {
      let from = sourceCut.group.devices[sender]
      let to = targetCut.group.devices[receiver]
      if from == to { continue }
      var elements = 1
      for dimension in shape.indices where elements > 0 {
        elements *= overlap(
          shape[dimension], dimension, source, sourceCut, sender, target, targetCut, receiver)
      }
      if elements > 0 { flows.append(Flow(from: from, to: to, bytes: Bytes(elements * elementSize))) }
    }
  }
  return flows
}

/// Which replica of the data each device of a group holds.
public struct ReplicaNumbers: Sendable {
  /// The number of replicas.
  public let count: Int
  private let cut: Cut
  private let levels: [Int]

  /// Numbers the replicas that a layout makes.
  public init(_ layout: Layout, over cut: Cut) {
    self.cut = cut
    levels = (0..<layout.levelCount).filter { layout[$0] == .replicated }
    count = levels.reduce(1) { $0 * cut.ways[$1] }
  }

  /// The number of the replica that a device holds a part of.
  public subscript(device: Int) -> Int {
    levels.reduce(0) { $0 * cut.ways[$1] + cut.coordinate(of: device, at: $1) }
  }
}

/// The steps of a dimension that two devices of two groups both hold.
private func overlap(
  _ extent: Int, _ dimension: Int, _ left: Layout, _ leftCut: Cut, _ sender: Int, _ right: Layout,
  _ rightCut: Cut, _ receiver: Int
) -> Int {
  if leftCut.parts(of: dimension, left) == 1 {
    return rightCut.localExtent(extent, dimension: dimension, layout: right, device: receiver)
  }
  if rightCut.parts(of: dimension, right) == 1 {
    return leftCut.localExtent(extent, dimension: dimension, layout: left, device: sender)
  }
  var sum = 0
  for one in 0..<leftCut.deviceCount where leftCut.holds(one, of: dimension, layout: left, device: sender) {
    let block = leftCut.block(one, of: extent)
    for other in 0..<rightCut.deviceCount
    where rightCut.holds(other, of: dimension, layout: right, device: receiver) {
      let match = rightCut.block(other, of: extent).clamped(to: block)
      sum += match.count
    }
  }
  return sum
}
