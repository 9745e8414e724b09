import Devices
import Graphs
public import Machines
public import Results
public import Units

/// The costs of all tasks of a graph alone, in flat arrays.
///
/// Tasks of one collective share their rounds, so that a plan's thousands of them stay small.
public struct TaskCosts: Sendable {
  /// A link or a mesh level, as what carries bytes and spends energy.
  public struct Carrier: Hashable, Sendable {
    /// The name of the link or level.
    public let name: String
    /// Energy of each byte received, if given.
    public let energy: JoulesPerByte?
  }

  /// The machine's resources.
  public let resources: ResourceTable
  /// The links and then the levels of the mesh.
  public let carriers: [Carrier]
  /// For each task its time from start to end, latencies included.
  public let durations: [SimulatedTime]
  /// For each task its rounds, in ``allRounds``.
  public let rounds: [Range<Int>]
  /// The rounds of all tasks.
  public let allRounds: [TaskCost.Round]
  /// The occupancies of all rounds.
  public let occupancies: [TaskCost.Occupancy]
  /// For each task what passes links and levels, in ``allReceived``.
  public let received: [Range<Int>]
  /// What passes links and levels.
  public let allReceived: [TaskCost.Received]
  /// For each task the bytes that devices receive from others.
  public let bytesMoved: [Int]
  /// For each task the earlier task of the same device after which it runs, or -1: program order.
  public let programPredecessors: [Int32]
  let devices: [Device]
  let energies: [DeviceEnergy]

  /// What a compute task spends; nil where a coefficient is missing for what it does.
  struct DeviceEnergy: Hashable, Sendable {
    let device: Int
    let arithmetic: Joules?
    let memory: Joules?
  }

  /// Costs every task of a graph on a machine.
  public init(_ tasks: TaskGraph, on machine: Machine) {
    self.init(
      tasks,
      tables: CostTables(machine: machine, precision: tasks.precision, elementSizes: tasks.elementSizes))
  }

  /// Costs every task of a graph with tables that were made for its machine, precision and sizes.
  ///
  /// - Complexity: O(tasks + dependences + rounds of unlike collectives).
  public init(_ tasks: TaskGraph, tables: CostTables) {
    precondition(
      tables.precision == tasks.precision && tables.elementSizes == tasks.elementSizes,
      "tables for \(tables.precision), tasks in \(tasks.precision)")
    var builder = TaskCostsBuilder(tables, count: tasks.tasks.count)
    for task in tasks.tasks { builder.add(task.kind) }
    resources = tables.resources
    devices = tables.machine.devices
    carriers = builder.carriers
    durations = builder.durations
    rounds = builder.rounds
    allRounds = builder.allRounds
    occupancies = builder.occupancies
    received = builder.received
    allReceived = builder.allReceived
    bytesMoved = builder.bytesMoved
    programPredecessors = builder.programPredecessors
    energies = builder.energies
  }

  /// The cost of one task.
  public func cost(of task: Int) -> TaskCost {
    var uses: [Int: (time: SimulatedTime, bytes: Int)] = [:]
    for round in allRounds[rounds[task]] {
      for occupancy in occupancies[round.occupancies] {
        let old = uses[occupancy.resource] ?? (.zero, 0)
        uses[occupancy.resource] = (
          old.time + occupancy.time * round.repetitions, old.bytes + occupancy.bytes * round.repetitions
        )
      }
    }
    return TaskCost(
      duration: durations[task],
      occupancies: uses.sorted { $0.key < $1.key }.map {
        TaskCost.Occupancy(resource: $0.key, time: $0.value.time, bytes: $0.value.bytes)
      },
      received: Array(allReceived[received[task]]),
      arithmeticEnergy: energies[task].arithmetic, memoryEnergy: energies[task].memory)
  }

  /// The use of each resource by some of the tasks, in the table's order; unused resources are left out.
  public func uses(by tasks: [Int]) -> [ResourceUse] {
    var busy = [SimulatedTime](repeating: .zero, count: resources.resources.count)
    var bytes = [Int](repeating: 0, count: busy.count)
    for task in tasks {
      for round in allRounds[rounds[task]] {
        for occupancy in occupancies[round.occupancies] {
          busy[occupancy.resource] += occupancy.time * round.repetitions
          bytes[occupancy.resource] += occupancy.bytes * round.repetitions
        }
      }
    }
    return busy.indices.filter { busy[$0] > .zero || bytes[$0] > 0 }.map {
      ResourceUse(
        name: resources.resources[$0].name, kind: resources.resources[$0].kind, busy: busy[$0],
        bytes: Bytes(bytes[$0]))
    }
  }

  /// The energy that some of the tasks spend, and the machine at rest in `time`.
  ///
  /// Parts stand in a fixed order, arithmetic, memory, communication, idle, each by device, link or level,
  /// and their sum in that order is the total. Parts of nothing are left out. The total is nil where the
  /// machine does not give a coefficient for something that is done, or an idle power.
  public func energy(of tasks: [Int], over time: SimulatedTime) -> (total: Joules?, parts: [CostPart]) {
    var arithmetic = [Double](repeating: 0, count: devices.count)
    var memory = arithmetic
    var bytes = [Int](repeating: 0, count: carriers.count)
    var isComplete = true
    for task in tasks {
      let spent = energies[task]
      if spent.device >= 0 {
        if let energy = spent.arithmetic {
          arithmetic[spent.device] += energy.value
        } else {
          isComplete = false
        }
        if let energy = spent.memory { memory[spent.device] += energy.value } else { isComplete = false }
      }
      for item in allReceived[received[task]] { bytes[item.carrier] += item.bytes }
    }
    var parts: [CostPart] = []
    func add(_ kind: String, _ name: String, _ energy: Joules?) {
      guard let energy else { return isComplete = false }
      if energy != .zero { parts.append(CostPart(kind: kind, name: name, value: energy.value)) }
    }
    for (device, energy) in zip(devices, arithmetic) { add("arithmetic", device.name, Joules(energy)) }
    for (device, energy) in zip(devices, memory) { add("memory", device.name, Joules(energy)) }
    for (carrier, count) in zip(carriers, bytes) where count > 0 {
      add("communication", carrier.name, carrier.energy.map { Bytes(count) * $0 })
    }
    for device in devices { add("idle", device.name, device.idlePower.map { $0 * time.seconds }) }
    return (isComplete ? Joules(parts.reduce(0) { $0 + $1.value }) : nil, parts)
  }
}

/// Fills the arrays of ``TaskCosts``.
private struct TaskCostsBuilder {
  let tables: CostTables
  var carriers: [TaskCosts.Carrier]
  /// For each group and level the carrier of a mesh level.
  private var levelCarriers: [[Int?]] = []
  var durations: [SimulatedTime] = []
  var rounds: [Range<Int>] = []
  var allRounds: [TaskCost.Round] = []
  var occupancies: [TaskCost.Occupancy] = []
  var received: [Range<Int>] = []
  var allReceived: [TaskCost.Received] = []
  var bytesMoved: [Int] = []
  var programPredecessors: [Int32] = []
  var energies: [TaskCosts.DeviceEnergy] = []
  private var lastOfDevice: [Int32]
  private var collectives: [Collective: Int] = [:]
  private var patterns: [Pattern: [LevelRound]] = [:]

  /// What the rounds of even collectives have in common.
  private struct Pattern: Hashable {
    let operation: CollectiveOperation
    let algorithm: CollectiveAlgorithm
    let group: Int
    let level: Int
    /// The first device where listed links make a difference.
    let firstDevice: Int
  }

  init(_ tables: CostTables, count: Int) {
    self.tables = tables
    carriers = tables.machine.links.map { .init(name: $0.name, energy: $0.energy) }
    lastOfDevice = [Int32](repeating: -1, count: tables.machine.devices.count)
    for levels in tables.resources.levels {
      levelCarriers.append(
        levels.map { ports in
          guard let ports else { return nil }
          carriers.append(.init(name: ports.level.name, energy: ports.level.energy))
          return carriers.count - 1
        })
    }
    durations.reserveCapacity(count)
    rounds.reserveCapacity(count)
    received.reserveCapacity(count)
    bytesMoved.reserveCapacity(count)
    programPredecessors.reserveCapacity(count)
    energies.reserveCapacity(count)
    allRounds.reserveCapacity(count)
    occupancies.reserveCapacity(count)
  }

  mutating func add(_ kind: TaskGraph.Kind) {
    let task = durations.count
    let firstRound = allRounds.count
    let firstReceived = allReceived.count
    var predecessor: Int32 = -1
    var energy = TaskCosts.DeviceEnergy(device: -1, arithmetic: .zero, memory: .zero)
    var moved = 0
    switch kind {
    case .compute(let device, let work):
      let cost = cost(
        of: work, on: tables.machine[device], precision: tables.precision, sizes: tables.elementSizes)
      energy = TaskCosts.DeviceEnergy(
        device: device.index,
        arithmetic: work.multiplyAccumulates > 0 ? cost.arithmeticEnergy : .zero,
        memory: cost.traffic > .zero ? cost.memoryEnergy : .zero)
      predecessor = lastOfDevice[device.index]
      lastOfDevice[device.index] = Int32(task)
      addRound(tables.resources.compute(device), SimulatedTime(roundingUp: cost.time), bytes: 0)
    case .storageRead(let device, let bytes):
      guard let storage = tables.resources.storage[device.index] else {
        preconditionFailure("\(tables.machine[device].name) has no storage: lowering reads from none")
      }
      let time = bytes / tables.machine[device].storageRate
      addRound(storage, SimulatedTime(roundingUp: time), bytes: bytes.count)
    case .exchange(let flows):
      moved = addExchange(flows)
    case .collective(let collective):
      if let earlier = collectives[collective] { return share(earlier) }
      collectives[collective] = task
      moved = addCollective(collective)
    case .barrier: break
    }
    finish(firstRound..<allRounds.count, firstReceived..<allReceived.count, moved, predecessor, energy)
  }

  private mutating func finish(
    _ ownRounds: Range<Int>, _ ownReceived: Range<Int>, _ moved: Int, _ predecessor: Int32,
    _ energy: TaskCosts.DeviceEnergy
  ) {
    var duration = SimulatedTime.zero
    for round in allRounds[ownRounds] { duration += (round.longest + round.latency) * round.repetitions }
    durations.append(duration)
    rounds.append(ownRounds)
    received.append(ownReceived)
    bytesMoved.append(moved)
    programPredecessors.append(predecessor)
    energies.append(energy)
  }

  private mutating func share(_ earlier: Int) {
    durations.append(durations[earlier])
    rounds.append(rounds[earlier])
    received.append(received[earlier])
    bytesMoved.append(bytesMoved[earlier])
    programPredecessors.append(-1)
    energies.append(energies[earlier])
  }

  /// A round of one resource and no latency.
  private mutating func addRound(_ resource: Int, _ time: SimulatedTime, bytes: Int) {
    let first = occupancies.count
    occupancies.append(.init(resource: resource, time: time, bytes: bytes))
    allRounds.append(.init(repetitions: 1, longest: time, latency: .zero, occupancies: first..<(first + 1)))
  }

  /// Adds the one round of an exchange and returns the bytes that its devices receive.
  private mutating func addExchange(_ flows: [Flow]) -> Int {
    guard let round = tables.exchangeRound(of: flows) else {
      preconditionFailure("an exchange between devices that are not joined: lowering refuses it")
    }
    guard round.delivered > 0 else { return 0 }
    add(round, unit: 1, firstResource: 0, devices: nil)
    for load in round.loads {
      if let link = load.link { allReceived.append(.init(carrier: link, bytes: load.units)) }
    }
    return round.delivered
  }

  /// Adds the rounds of a collective and returns the bytes that its devices receive.
  private mutating func addCollective(_ collective: Collective) -> Int {
    let ports = tables.resources.levels[collective.group][collective.level]
    var firstResource = 0
    if let ports {
      let (instance, rest) = collective.firstDevice.quotientAndRemainder(dividingBy: ports.ways * ports.lanes)
      precondition(
        rest == 0 && instance < ports.instances, "no part of the level begins at \(collective.firstDevice)")
      firstResource = ports.first + instance * ports.portsPerInstance
    }
    let even = tables.evenUnit(of: collective)
    let unit = even ?? 1
    let levelRounds = even == nil ? tables.levelRounds(of: collective) : pattern(of: collective, ports: ports)
    let devices = tables.resources.groups[collective.group].devices[collective.firstDevice...]
    var moved = 0
    var perLink: [Int: Int] = [:]
    for round in levelRounds where unit > 0 && round.delivered > 0 {
      add(round, unit: unit, firstResource: firstResource, devices: ports == nil ? nil : devices)
      moved += round.delivered * unit * round.repetitions
      for load in round.loads {
        if let link = load.link { perLink[link, default: 0] += load.units * unit * round.repetitions }
      }
    }
    if let carrier = levelCarriers[collective.group][collective.level] {
      if moved > 0 { allReceived.append(.init(carrier: carrier, bytes: moved)) }
    } else {
      for (link, bytes) in perLink.sorted(by: { $0.key < $1.key }) {
        allReceived.append(.init(carrier: link, bytes: bytes))
      }
    }
    return moved
  }

  /// The rounds of an even collective whose unit is one byte.
  private mutating func pattern(of collective: Collective, ports: LevelPorts?) -> [LevelRound] {
    let key = Pattern(
      operation: collective.operation, algorithm: collective.algorithm, group: collective.group,
      level: collective.level, firstDevice: ports == nil ? collective.firstDevice : 0)
    if let known = patterns[key] { return known }
    let ways = tables.resources.groups[collective.group].levels[collective.level].ways
    let sizes = [Int](repeating: collective.operation == .allToAll ? ways : 1, count: ways)
    let rounds = tables.levelRounds(
      of: collective, [collective.algorithm.rounds(collective.operation, sizes: sizes)])
    patterns[key] = rounds
    return rounds
  }

  /// Adds a round, whose movers are counted among `devices`, or among those of the machine.
  ///
  /// A device that moves data is occupied from the start of the round to its end, latency included.
  private mutating func add(
    _ round: LevelRound, unit: Int, firstResource: Int, devices: ArraySlice<DeviceID>?
  ) {
    let first = occupancies.count
    var longest = SimulatedTime.zero
    round.forEachOccupancy(unit: unit) { resource, time, bytes in
      occupancies.append(.init(resource: firstResource + resource, time: time, bytes: bytes))
      longest = max(longest, time)
    }
    var latency = round.latency
    if !round.movers.isEmpty {
      longest += latency
      latency = .zero
      for mover in round.movers {
        let device = devices.map { $0[$0.startIndex + mover] } ?? DeviceID(mover)
        occupancies.append(.init(resource: tables.resources.compute(device), time: longest, bytes: 0))
      }
    }
    if occupancies[first...].contains(where: { $0.time != longest }) {
      occupancies[first...].sort { ($0.time, $0.resource) < ($1.time, $1.resource) }
    }
    allRounds.append(
      .init(
        repetitions: round.repetitions, longest: longest, latency: latency,
        occupancies: first..<occupancies.count))
  }
}
