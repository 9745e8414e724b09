import Kernels
public import Machines

extension InstructionSet {
  /// The variable by which oneDNN is told to keep to a set.
  static let limitVariable = "ONEDNN_MAX_CPU_ISA"
  /// The names under which oneDNN reads that variable; the first that is set counts.
  public static let limitVariables = [limitVariable, "DNNL_MAX_CPU_ISA"]

  /// The set as the value of ``limitVariable``.
  var limit: String {
    self == .native ? "DEFAULT" : String(rawValue.uppercased().map { $0 == "-" ? "_" : $0 })
  }

  /// The set that a library's kernels really use; nil without oneDNN, and where the set has no name.
  init?(usedBy library: any KernelLibrary) {
    guard let words = (library as? FastKernelLibrary)?.instructionSet else { return nil }
    self.init(words: words)
  }
}
