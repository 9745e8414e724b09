extension Machine {
  /// The same machine with other devices in the places of its own.
  public func with(devices: [Device]) -> Machine {
    precondition(
      devices.count == self.devices.count, "\(devices.count) devices for \(self.devices.count) places")
    return Machine(
      name: name, devices: devices, switches: switches, links: links, wireNames: wireNames, mesh: mesh,
      samples: samples)
  }

  /// The same machine with other links over its wires.
  public func with(links: [Link]) -> Machine {
    Machine(
      name: name, devices: devices, switches: switches, links: links, wireNames: wireNames, mesh: mesh,
      samples: samples)
  }

  /// The same machine with another mesh of its devices, or none.
  public func with(mesh: Mesh?) -> Machine {
    Machine(
      name: name, devices: devices, switches: switches, links: links, wireNames: wireNames, mesh: mesh,
      samples: samples)
  }
}
