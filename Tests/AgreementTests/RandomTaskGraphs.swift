import Devices
import Graphs
import Machines
import Plans
import TestSupport
import Units

/// Machines and task graphs without meaning, of every kind of resource and task.
struct RandomTaskGraphs {
  var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  /// A mesh, drives with flash on a shared switch or on the host, and a host.
  mutating func machine() -> Machine {
    let levels = (0..<random.number(1...2)).map { index in
      MeshLevel(
        name: "H\(index)", ways: random.number(1...4),
        topology: random.element(of: [.ring, .line, .fullyConnected, .switch, .tree]),
        bandwidth: bandwidth(), duplex: random.element(of: [.half, .full]), latency: latency(),
        energy: JoulesPerByte(1e-12), mover: random.chance(30) ? .devices : .links)
    }
    let meshCount = levels.reduce(1) { $0 * $1.ways }
    let drives = random.number(1...4)
    var devices = (0..<meshCount).map { device("accelerator[\($0)]", "accelerator") }
    devices += (0..<drives).map { device("drive[\($0)]", "drive", flash: true) }
    devices.append(device("host", "host"))
    let host = Endpoint.device(DeviceID(devices.count - 1))
    let isSwitched = random.chance(50)
    var links: [Link] = []
    var wires: [String] = []
    for index in meshCount..<(devices.count - (isSwitched ? 0 : 1)) {
      let near = Endpoint.device(DeviceID(index))
      let far = isSwitched ? Endpoint.switch(0) : host
      let rate = (bandwidth(), latency())
      let isHalf = random.chance(40)
      let mover = random.chance(30) ? Mover.devices : .links
      for (from, to, name) in [(near, far, "up \(index)"), (far, near, "down \(index)")] {
        if !isHalf || from == near { wires.append(name) }
        links.append(
          Link(
            name: name, from: from, to: to, bandwidth: rate.0, latency: rate.1, energy: JoulesPerByte(2e-12),
            wire: wires.count - 1, mover: mover))
      }
    }
    return Machine(
      name: "random", devices: devices, switches: isSwitched ? ["root"] : [], links: links, wireNames: wires,
      mesh: Mesh(devices: (0..<meshCount).map { DeviceID($0) }, levels: levels))
  }

  /// Tasks of every kind with random dependences; `steps` copies of one pattern with dependences on earlier
  /// copies.
  mutating func tasks(
    on machine: Machine, count: Int, steps: Int = 1, kinds: [Int] = [0, 0, 0, 1, 1, 2, 2, 3, 4]
  )
    -> TaskGraph
  {
    let pattern = (0..<count).map { index in
      (
        kind: kind(random.element(of: kinds), on: machine),
        within: (0..<(index == 0 ? 0 : random.number(0...2))).map { _ in
          random.number(max(0, index - 12)...(index - 1))
        },
        across: steps > 1 && random.chance(15)
          ? [(distance: random.number(1...3), place: random.number(0...(count - 1)))] : []
      )
    }
    var tasks: [TaskGraph.Task] = []
    for step in 0..<steps {
      for (place, task) in pattern.enumerated() {
        let dependencies =
          task.within.map { step * count + $0 }
          + task.across.filter { $0.distance <= step }.map { (step - $0.distance) * count + $0.place }
        tasks.append(
          TaskGraph.Task(
            kind: task.kind, label: .init(category: .forward, name: "\(place)", step: step),
            dependencies: dependencies))
      }
    }
    return graph(tasks, steps: steps)
  }

  /// The same tasks, each of which also waits for every earlier one that shares a resource with it.
  static func withoutContention(_ tasks: TaskGraph, _ costs: TaskCosts) -> TaskGraph {
    var last = [Int](repeating: -1, count: costs.resources.resources.count)
    var ordered: [TaskGraph.Task] = []
    for (index, task) in tasks.tasks.enumerated() {
      let resources = costs.cost(of: index).occupancies.map(\.resource)
      let owners = Set(resources.map { last[$0] }.filter { $0 >= 0 })
      for resource in resources { last[resource] = index }
      ordered.append(
        TaskGraph.Task(
          kind: task.kind, label: task.label, dependencies: task.dependencies + owners.sorted()))
    }
    return RandomTaskGraphs.graph(ordered, steps: tasks.steps)
  }

  private mutating func kind(_ choice: Int, on machine: Machine) -> TaskGraph.Kind {
    let device = DeviceID(random.number(0...(machine.devices.count - 1)))
    switch choice {
    case 0:
      return .compute(
        device,
        Work(
          multiplyAccumulates: Double(random.number(0...1_000_000)),
          activationElements: random.number(0...100_000)))
    case 1:
      let meshCount = machine.mesh?.devices.count ?? 0
      return .exchange(
        (0..<random.number(1...3)).map { _ in
          let from = random.number(meshCount...(machine.devices.count - 1))
          let to = random.number(meshCount...(machine.devices.count - 1))
          return Flow(
            from: DeviceID(from), to: DeviceID(to), bytes: Bytes(from == to ? 0 : random.number(0...100_000)))
        })
    case 2: return .collective(collective(on: machine))
    case 3:
      let drives = machine.devices.indices.filter { machine.devices[$0].flash != nil }
      return .storageRead(DeviceID(random.element(of: drives)), bytes: Bytes(random.number(0...1_000_000)))
    default: return .barrier
    }
  }

  private mutating func collective(on machine: Machine) -> Collective {
    let groups = machine.groups
    let group = random.element(of: groups.indices.filter { !groups[$0].levels.isEmpty })
    let level = random.number(0...(groups[group].levels.count - 1))
    let ways = groups[group].levels[level].ways
    let lanes = groups[group].stride(of: level)
    let instances = groups[group].devices.count / (ways * lanes)
    return Collective(
      operation: random.element(of: CollectiveOperation.allCases),
      algorithm: random.element(of: CollectiveAlgorithm.allCases), group: group, level: level,
      firstDevice: random.number(0...(instances - 1)) * ways * lanes, parts: parts(ways: ways, lanes: lanes))
  }

  /// Even parts, or uneven ones that may be empty.
  mutating func parts(ways: Int, lanes: Int) -> CollectiveParts {
    guard random.chance(50) else { return .even(Bytes(random.number(0...50_000))) }
    let copies = random.chance(50) ? 1 : lanes
    let sizes = (0..<(ways * copies)).map { _ in Bytes(random.number(0...50_000)) }
    return copies == lanes ? CollectiveParts(sizes, ways: ways) : .byCoordinate(sizes)
  }

  private mutating func bandwidth() -> BytesPerSecond {
    BytesPerSecond(Double(random.number(1...40)) * 0.1e9)
  }
  private mutating func latency() -> Seconds { Seconds(Double(random.number(0...3)) * 0.7e-6) }

  private mutating func device(_ name: String, _ group: String, flash hasFlash: Bool = false) -> Device {
    let peak = FLOPsPerSecond(Double(random.number(1...20)) * 1e10)
    let roofline = Roofline(
      peaks: [.float32: peak], efficiency: EfficiencyCurve(constant: 1), launch: Seconds(1e-7))
    let flash = Flash(
      channels: 4, diesPerChannel: 4, page: Bytes(16_384), read: Seconds(75e-6), program: Seconds(750e-6),
      bus: BytesPerSecond(0.3e9), efficiency: 0.9)
    let array = SystolicArray(rows: 16, columns: 16, clock: Hertz(2e8))
    return Device(
      name: name, group: group,
      model: hasFlash ? .nearStorage(array, flash) : group == "host" ? .processor(roofline) : .gpu(roofline),
      memory: Memory(
        capacity: Bytes(1 << 30), bandwidth: BytesPerSecond(50e9), efficiency: 0.8,
        energy: JoulesPerByte(3e-12)),
      energyPerMultiplyAccumulate: JoulesPerOperation(4e-12), idlePower: Watts(0.7))
  }

  private func graph(_ tasks: [TaskGraph.Task], steps: Int) -> TaskGraph { Self.graph(tasks, steps: steps) }

  private static func graph(_ tasks: [TaskGraph.Task], steps: Int) -> TaskGraph {
    TaskGraph(
      tasks: tasks, elementSizes: ElementSizes(.float32), precision: .float32, steps: steps, memory: [])
  }
}
