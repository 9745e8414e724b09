public import Machines
public import Units

/// Two devices, one of which sends to the other.
public struct DevicePair: Hashable, Sendable {
  /// The device that sends.
  public let from: DeviceID
  /// The device that receives.
  public let to: DeviceID

  /// Creates a pair.
  public init(from: DeviceID, to: DeviceID) {
    self.from = from
    self.to = to
  }
}

extension TaskGraph {
  /// What each device sends to each other one in a step: collectives message by message, transfers flow by
  /// flow.
  ///
  /// Samples on their way from storage are left out.
  public func messageBytes(on machine: Machine) -> [(pair: DevicePair, bytes: Bytes)] {
    var totals: [DevicePair: Int] = [:]
    for task in tasks {
      switch task.kind {
      case .exchange(let flows):
        if case .samples = task.action { continue }
        for flow in flows {
          totals[DevicePair(from: flow.from, to: flow.to), default: 0] += flow.bytes.count
        }
      case .collective(let collective):
        let group = machine.groups[collective.group]
        for lane in 0..<group.stride(of: collective.level) {
          let ways = group.levels[collective.level].ways
          let rounds = collective.algorithm.rounds(
            collective.operation, sizes: collective.parts.sizes(lane: lane, ways: ways),
            results: collective.resultParts?.sizes(lane: lane, ways: ways),
            pieces: collective.pieces?[lane].map(\.count), addends: collective.addends)
          for round in rounds {
            for message in round.messages {
              func device(_ coordinate: Int) -> DeviceID {
                group.devices[
                  collective.firstDevice + coordinate * group.stride(of: collective.level) + lane]
              }
              totals[DevicePair(from: device(message.from), to: device(message.to)), default: 0] +=
                message.bytes * round.repetitions
            }
          }
        }
      case .compute, .storageRead, .barrier: break
      }
    }
    return totals.sorted {
      ($0.key.from.index, $0.key.to.index) < ($1.key.from.index, $1.key.to.index)
    }.map { ($0.key, Bytes($0.value)) }
  }
}
