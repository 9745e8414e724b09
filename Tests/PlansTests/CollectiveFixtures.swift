import Devices
import Machines
import Plans

/// Tables in single precision.
func tables(_ machine: Machine) -> CostTables {
  CostTables(machine: machine, precision: .float32, elementSizes: ElementSizes(.float32))
}
