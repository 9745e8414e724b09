import Devices
import Graphs
import Machines
import Units

/// A memory that is fast enough never to decide, unless a test says otherwise.
func memory(
  bandwidth: Double = 1e18, efficiency: Double = 1, energy: JoulesPerByte? = nil
) -> Memory {
  Memory(
    capacity: Bytes(1 << 34), bandwidth: BytesPerSecond(bandwidth), efficiency: efficiency, energy: energy)
}

/// A device of a model.
func device(
  _ model: ComputeModel, _ memory: Memory = memory(), energy: JoulesPerOperation? = nil
) -> Device {
  Device(
    name: "device", group: "device", model: model, memory: memory, energyPerMultiplyAccumulate: energy,
    idlePower: nil)
}

let float32Sizes = ElementSizes(.float32)
