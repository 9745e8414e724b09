import Machines
import Units

extension Machine {
  /// The machine with twice the bandwidth of the link or mesh level that a resource belongs to, and its name.
  func doublingBandwidth(of resource: String) -> (name: String, machine: Machine)? {
    if let wire = wireNames.firstIndex(of: resource) {
      let faster = links.map { link in
        guard link.wire == wire else { return link }
        return Link(
          name: link.name, from: link.from, to: link.to, bandwidth: 2 * link.bandwidth, latency: link.latency,
          energy: link.energy, wire: link.wire, mover: link.mover)
      }
      return (resource, with(links: faster))
    }
    guard let mesh, let level = mesh.levels.firstIndex(where: { resource.hasPrefix($0.name + " ") }) else {
      return nil
    }
    var levels = mesh.levels
    let old = levels[level]
    levels[level] = MeshLevel(
      name: old.name, ways: old.ways, topology: old.topology, bandwidth: 2 * old.bandwidth,
      duplex: old.duplex, latency: old.latency, energy: old.energy, mover: old.mover)
    return (old.name, with(mesh: Mesh(devices: mesh.devices, levels: levels)))
  }

  /// The same groups with the rates, energies and capacities of another reading of the description.
  func takingPhysics(of other: Machine) -> Machine {
    let devices = zip(devices, other.devices).map { own, changed in
      Device(
        name: own.name, group: own.group, model: changed.model, memory: changed.memory,
        energyPerMultiplyAccumulate: changed.energyPerMultiplyAccumulate, idlePower: changed.idlePower,
        instructionSet: own.instructionSet, threads: own.threads)
    }
    return with(devices: devices).with(links: other.links)
  }

  /// The machine with one device as a group of its own name, outside any mesh.
  func isolating(_ device: Device) -> Machine {
    let renamed = devices.map { other in
      guard other.name == device.name else { return other }
      return Device(
        name: other.name, group: other.name, model: other.model, memory: other.memory,
        energyPerMultiplyAccumulate: other.energyPerMultiplyAccumulate, idlePower: other.idlePower,
        instructionSet: other.instructionSet, threads: other.threads)
    }
    return with(devices: renamed).with(mesh: nil)
  }

  /// The machine in which no memory holds more than `limit`.
  func limitingMemory(to limit: Bytes) -> Machine {
    with(
      devices: devices.map { device in
        Device(
          name: device.name, group: device.group, model: device.model,
          memory: Memory(
            capacity: min(device.memory.capacity, limit), bandwidth: device.memory.bandwidth,
            efficiency: device.memory.efficiency, energy: device.memory.energy),
          energyPerMultiplyAccumulate: device.energyPerMultiplyAccumulate, idlePower: device.idlePower,
          instructionSet: device.instructionSet, threads: device.threads)
      })
  }
}
