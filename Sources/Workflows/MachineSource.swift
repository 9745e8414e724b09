import Diagnostics
import FoundationEssentials
import Machines

/// A machine as the user named it: a catalogue name or the path of a description.
struct MachineSource {
  let file: String
  let yaml: String
  let description: MachineFile

  /// Reads the machine of that name, or the text that stands in for its file.
  init(_ name: String, _ texts: [String: String] = [:]) throws(InputError) {
    let catalogue = MachineCatalogue()
    file = name
    if let text = texts[name] {
      yaml = text
    } else if let known = catalogue.yaml(named: name) {
      yaml = known
    } else if FileManager.default.fileExists(atPath: name) || name.hasSuffix(".yaml")
      || name.hasSuffix(".yml")
    {
      yaml = try text(of: name, .badMachine)
    } else {
      // Names the nearest machine of the catalogue.
      _ = try catalogue.machine(named: name)
      yaml = ""
    }
    description = try MachineFile(yaml: yaml, file: file)
  }

  var machine: Machine { description.machine }

  /// The machine with one physical quantity doubled.
  func doubling(_ field: PhysicsField) throws(InputError) -> Machine {
    try MachineFile(yaml: yaml, file: file, doubling: field).machine
  }
}
