public import Diagnostics

/// The machines that are built in.
///
/// A machine is a file in the folder `Catalogue` and a line in ``single``; a family of machines that differ
/// in a number is a template.
public struct MachineCatalogue: Sendable {
  /// Creates the catalogue.
  public init() {}

  /// The names of the machines that lists show; families have further members.
  public var names: [String] {
    MachineCatalogue.single.map(\.name) + LocalMachine.names + HyParMachine.names + NearStorageMachine.names
  }

  /// The YAML text of a machine, or nil where there is none of that name.
  public func yaml(named name: String) -> String? {
    if let entry = MachineCatalogue.single.first(where: { $0.name == name }) {
      return String(decoding: entry.text, as: UTF8.self)
    }
    return LocalMachine(name: name)?.yaml ?? HyParMachine(name: name)?.yaml
      ?? NearStorageMachine(name: name)?.yaml
  }

  /// The machine of a name.
  ///
  /// - Throws: ``Diagnostics/InputError`` of kind `missingFile` with the nearest name, where there is none.
  public func machine(named name: String) throws(InputError) -> Machine {
    guard let yaml = yaml(named: name) else {
      let hint = suggestion(for: name.shortened, among: names)
      throw InputError(
        .missingFile, "no machine is named '\(name.shortened)'",
        hint: hint ?? "the catalogue has: " + names.joined(separator: ", "))
    }
    return try readMachine(yaml: yaml, file: name)
  }

  private static var single: [(name: String, text: [UInt8])] {
    [
      ("laptop", PackageResources.laptop_yaml),
      ("workstation", PackageResources.workstation_yaml),
      ("unequal-gpus", PackageResources.unequal_gpus_yaml),
      ("gpu-server-8", PackageResources.gpu_server_8_yaml),
      ("torus-4x4", PackageResources.torus_4x4_yaml),
    ]
  }
}
