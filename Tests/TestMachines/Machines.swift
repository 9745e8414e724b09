public import Machines
import Units

/// A processor of 1 TFLOP∕s and 1 TB∕s without launch time, so that 10⁶ multiply-accumulates take 2 µs.
public func processor(_ name: String, group: String? = nil, energies: Bool = true) -> Device {
  let roofline = Roofline(
    peaks: [.float32: FLOPsPerSecond(1e12)], efficiency: EfficiencyCurve(constant: 1), launch: .zero)
  return Device(
    name: name, group: group ?? name, model: .processor(roofline),
    memory: Memory(
      capacity: Bytes(1 << 40), bandwidth: BytesPerSecond(1e12), efficiency: 1,
      energy: energies ? JoulesPerByte(2e-12) : nil),
    energyPerMultiplyAccumulate: energies ? JoulesPerOperation(4e-12) : nil,
    idlePower: energies ? Watts(3) : nil)
}

/// A graphics processor that is otherwise the same, and forwards nothing.
public func accelerator(_ name: String, group: String? = nil) -> Device {
  let device = processor(name, group: group)
  guard case .processor(let roofline) = device.model else { preconditionFailure("a processor is one") }
  return Device(
    name: name, group: device.group, model: .gpu(roofline), memory: device.memory,
    energyPerMultiplyAccumulate: device.energyPerMultiplyAccumulate, idlePower: device.idlePower)
}

/// A mesh of equal levels over accelerators.
public func meshMachine(
  _ ways: [Int], _ topology: Topology, duplex: Duplex = .full, bandwidth: [Double] = [1e9],
  latency: Double = 1e-6, mover: Mover = .links
) -> Machine {
  let count = ways.reduce(1, *)
  let devices = (0..<count).map { accelerator("accelerator[\($0)]", group: "accelerator") }
  let levels = ways.enumerated().map { index, ways in
    MeshLevel(
      name: "H\(index + 1)", ways: ways, topology: topology,
      bandwidth: BytesPerSecond(bandwidth[index % bandwidth.count]), duplex: duplex,
      latency: Seconds(latency), energy: JoulesPerByte(5e-12), mover: mover)
  }
  return Machine(
    name: "mesh", devices: devices, mesh: Mesh(devices: (0..<count).map { DeviceID($0) }, levels: levels))
}

/// Drives on a switch that a host shares: links of 1 GB∕s and 1 µs, and 2 GB∕s and 2 µs to the host.
public func switchedMachine(drives: Int, duplex: Duplex = .full) -> Machine {
  let devices = (0..<drives).map { accelerator("drive[\($0)]", group: "drive") } + [processor("host")]
  var links: [Link] = []
  var wires: [String] = []
  for index in devices.indices {
    let isHost = index == drives
    let (bandwidth, latency) = (BytesPerSecond(isHost ? 2e9 : 1e9), Seconds(isHost ? 2e-6 : 1e-6))
    let (device, root) = (Endpoint.device(DeviceID(index)), Endpoint.switch(0))
    for (from, to, name) in [
      (device, root, "\(devices[index].name)→root"), (root, device, "root→\(devices[index].name)"),
    ] {
      if duplex == .full || from == device { wires.append(name) }
      links.append(
        Link(
          name: name, from: from, to: to, bandwidth: bandwidth, latency: latency,
          energy: JoulesPerByte(7e-12),
          wire: wires.count - 1))
    }
  }
  return Machine(name: "switched", devices: devices, switches: ["root"], links: links, wireNames: wires)
}

/// Drives with links of their own to a host, 1 GB∕s and 1 µs each way: drive i has link 2i to it and 2i + 1
/// back.
public func directMachine(drives: Int) -> Machine {
  let devices = (0..<drives).map { accelerator("drive[\($0)]", group: "drive") } + [processor("host")]
  let links = (0..<(2 * drives)).map { index in
    let (drive, host) = (Endpoint.device(DeviceID(index / 2)), Endpoint.device(DeviceID(drives)))
    let names = ["drive[\(index / 2)]→host", "host→drive[\(index / 2)]"]
    return Link(
      name: names[index % 2], from: index % 2 == 0 ? drive : host, to: index % 2 == 0 ? host : drive,
      bandwidth: BytesPerSecond(1e9), latency: Seconds(1e-6), energy: JoulesPerByte(7e-12), wire: index)
  }
  return Machine(name: "direct", devices: devices, links: links, wireNames: links.map(\.name))
}
