import Devices
import Graphs
import Machines
public import Units

extension CostTables {
  /// Whether listed links join the devices of every flow.
  public func canExchange(_ flows: [Flow]) -> Bool {
    flows.allSatisfy { routes.route(from: $0.from, to: $0.to) != nil }
  }

  /// The loads of all flows at once, or nil where some are not joined.
  ///
  /// The exchange lasts max over links (bytes ∕ bandwidth) and then the latency of its longest route; data
  /// cuts through from link to link.
  func exchangeRound(of flows: [Flow]) -> LevelRound? {
    let messages = flows.map {
      CollectiveRound.Message(from: $0.from.index, to: $0.to.index, bytes: $0.bytes.count)
    }
    return machine.levelRounds([[CollectiveRound(messages)]], routes: routes, resources: resources) {
      _, device in
      DeviceID(device)
    }?.first
  }

  /// How long a task takes alone, from start to end.
  public func duration(of kind: TaskGraph.Kind) -> SimulatedTime {
    switch kind {
    case .compute(let device, let work): work.isEmpty ? .zero : computeTime(of: work, on: device)
    case .collective(let collective): collectiveTime(of: collective)
    case .exchange(let flows): exchangeRound(of: flows)?.duration(unit: 1) ?? .zero
    case .storageRead(let device, let bytes): SimulatedTime(roundingUp: bytes / machine[device].storageRate)
    case .barrier: .zero
    }
  }

  /// The bytes that devices receive from others in a task.
  public func bytesReceived(of kind: TaskGraph.Kind) -> Bytes {
    switch kind {
    case .collective(let collective): bytesReceived(by: collective)
    case .exchange(let flows): flows.reduce(.zero) { $0 + $1.bytes }
    case .compute, .storageRead, .barrier: .zero
    }
  }

  /// The joules that a task spends besides what devices draw at rest; coefficients that are not given count
  /// nothing.
  public func energy(of kind: TaskGraph.Kind) -> Double {
    switch kind {
    case .compute(let device, let work):
      let spent = cost(of: work, on: machine[device], precision: precision, sizes: elementSizes)
      return (spent.arithmeticEnergy?.value ?? 0) + (spent.memoryEnergy?.value ?? 0)
    case .collective(let collective):
      guard resources.levels[collective.group][collective.level] != nil,
        case .mesh(let level) = resources.groups[collective.group].levels[collective.level].network
      else { return linkEnergy(levelRounds(of: collective)) }
      return Double(bytesReceived(by: collective).count) * (level.energy?.value ?? 0)
    case .exchange(let flows): return linkEnergy(exchangeRound(of: flows).map { [$0] } ?? [])
    case .storageRead, .barrier: return 0
    }
  }

  private func linkEnergy(_ rounds: [LevelRound]) -> Double {
    rounds.reduce(0) { sum, round in
      sum
        + round.loads.reduce(0) { sum, load in
          let energy = load.link.flatMap { machine[LinkID($0)].energy?.value } ?? 0
          return sum + Double(load.units * round.repetitions) * energy
        }
    }
  }
}
