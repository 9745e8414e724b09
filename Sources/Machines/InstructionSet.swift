/// A set of instructions of x86 processors, as machine files and command lines name it.
///
/// Kernels of a library keep to a set that they are told, so that one computer can stand for unequal devices.
///
/// > Source: oneDNN, developer guide, "CPU Dispatcher Control": the names, and which sets hold which.
public enum InstructionSet: String, Hashable, Sendable, CaseIterable {
  /// Everything that the processor has.
  case native
  case sse41
  case avx
  case avx2
  case avx2VNNI = "avx2-vnni"
  case avx2VNNI2 = "avx2-vnni-2"
  case avx512Core = "avx512-core"
  case avx512CoreVNNI = "avx512-core-vnni"
  case avx512CoreBF16 = "avx512-core-bf16"
  case avx512CoreFP16 = "avx512-core-fp16"
  case avx512CoreAMX = "avx512-core-amx"
  case avx512CoreAMXFP16 = "avx512-core-amx-fp16"

  /// Reads a name in either case, also in the words of oneDNN's variable `ONEDNN_MAX_CPU_ISA`, such as
  /// `AVX512_CORE` or `DEFAULT`; nil where it is none.
  public init?(words: String) {
    let name = String(words.lowercased().map { $0 == "_" ? "-" : $0 })
    if name == "default" {
      self = .native
    } else {
      self.init(rawValue: name)
    }
  }
}
