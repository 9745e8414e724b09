public import Diagnostics

/// A machine file as read: the machine, its numbers of physics, and what is doubtful about it.
public struct MachineFile: Hashable, Sendable {
  /// The schema that is read.
  public static var schema: String { "partita.machine/1" }

  /// The machine.
  public let machine: Machine
  /// Every number of physics, in the order of reading.
  public let physicsFields: [PhysicsField]
  /// What is doubtful, such as numbers without a source.
  public let warnings: [Diagnostic]

  /// Reads a machine from YAML.
  ///
  /// Every fault that can be found in one pass is reported, in the order of the file.
  ///
  /// - Parameters:
  ///   - yaml: The text, at most one mebibyte.
  ///   - file: The name that diagnostics show.
  ///   - field: A number of physics that is read as twice what it is, or half if it is an efficiency, so
  ///     that a caller learns whether it influences a result; nil to read everything as written.
  /// - Throws: ``Diagnostics/InputError`` of kind `badMachine`.
  public init(yaml: String, file: String, doubling field: PhysicsField? = nil) throws(InputError) {
    let root = try YAMLNode.parse(yaml, file: file)
    var reader = MachineReader(fields: FieldReader(file: file, doubled: field?.path))
    let machine = reader.read(root)
    guard let machine, reader.fields.diagnostics.isEmpty else {
      throw InputError(reader.fields.diagnostics.inOrderOfInput)
    }
    self.machine = machine
    self.physicsFields = reader.fields.fields
    self.warnings = reader.fields.warnings
  }
}

/// Reads a machine from YAML: see ``MachineFile/init(yaml:file:doubling:)``.
public func readMachine(yaml: String, file: String) throws(InputError) -> Machine {
  try MachineFile(yaml: yaml, file: file).machine
}

/// Reads a machine with one number of physics doubled: see ``MachineFile/init(yaml:file:doubling:)``.
public func readMachine(
  yaml: String, file: String, doubling field: PhysicsField
) throws(InputError) -> Machine {
  try MachineFile(yaml: yaml, file: file, doubling: field).machine
}

/// The numbers of physics in a machine file, in the order of reading.
public func physicsFields(yaml: String, file: String) throws(InputError) -> [PhysicsField] {
  try MachineFile(yaml: yaml, file: file).physicsFields
}

extension [Diagnostic] {
  /// The diagnostics by line and column; those of one place stay as they are.
  fileprivate var inOrderOfInput: [Diagnostic] {
    func place(_ diagnostic: Diagnostic) -> (Int, Int) {
      (diagnostic.location?.line ?? 0, diagnostic.location?.column ?? 0)
    }
    return enumerated()
      .sorted {
        let (left, right) = (place($0.element), place($1.element))
        return (left.0, left.1, $0.offset) < (right.0, right.1, $1.offset)
      }
      .map(\.element)
  }
}
