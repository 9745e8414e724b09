import Diagnostics
import Execution
import FoundationEssentials
import Glibc
import Machines

/// The computer that measures and trains.
public enum ThisComputer {
  /// The processors that may be used.
  public static var processorCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// Its memory, in bytes.
  static var memory: Int {
    max(1, Int(sysconf(Int32(_SC_PHYS_PAGES)))) * max(1, Int(sysconf(Int32(_SC_PAGESIZE))))
  }

  /// How many of some ranks can compute at once here while kernels are measured: one on each processor, as
  /// far as half of the memory suffices.
  public static func togetherCount(of ranks: Int) -> Int {
    max(1, min(ranks, processorCount, memory / 2 / KernelCalibration.memoryPerRank))
  }

  /// Its processor, as it calls itself.
  static var processorName: String {
    guard let name = value(of: "model name") else { return "this computer" }
    return String(name.filter { $0.isASCII && $0 != "\"" && $0 != "\\" })
  }

  /// The instruction sets that its processor has.
  static var instructionSets: [InstructionSet] {
    let flags = Set((value(of: "flags") ?? "").split(separator: " "))
    return InstructionSet.allCases.filter { $0.processorFlags.allSatisfy { flags.contains($0) } }
  }

  /// Whether its processor has an instruction set.
  static func has(_ set: InstructionSet) -> Bool { instructionSets.contains(set) }

  /// Refuses instruction sets that its processor has not.
  static func require(_ sets: [InstructionSet]) throws(InputError) {
    let own = instructionSets
    guard let missing = sets.first(where: { !own.contains($0) }) else { return }
    throw InputError(
      .usage, "this computer has no '\(missing.rawValue)' instructions",
      hint: "it has: \(own.map(\.rawValue).joined(separator: ", "))")
  }

  /// What the kernel says of the first processor.
  private static func value(of key: String) -> String? {
    guard let data = FileManager.default.contents(atPath: "/proc/cpuinfo") else { return nil }
    for line in String(decoding: data, as: UTF8.self).split(separator: "\n") where line.hasPrefix(key) {
      let halves = line.split(separator: ":", maxSplits: 1)
      guard halves.count == 2, halves[0].filter({ $0 != "\t" }) == key else { continue }
      return String(halves[1].drop { $0 == " " })
    }
    return nil
  }
}

extension InstructionSet {
  /// What Linux must say of a processor that has the set.
  ///
  /// > Source: oneDNN 3.2, `src/cpu/x64/cpu_isa_traits.hpp`; the words are those of `/proc/cpuinfo`.
  fileprivate var processorFlags: [Substring] {
    let avx512: [Substring] = ["avx512f", "avx512bw", "avx512vl", "avx512dq"]
    let amx: [Substring] = ["avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"]
    return switch self {
    case .native: []
    case .sse41: ["sse4_1"]
    case .avx: ["avx"]
    case .avx2: ["avx2"]
    case .avx2VNNI: ["avx_vnni"]
    case .avx2VNNI2: ["avx_vnni_int8", "avx_ne_convert"]
    case .avx512Core: avx512
    case .avx512CoreVNNI: avx512 + ["avx512_vnni"]
    case .avx512CoreBF16: avx512 + ["avx512_vnni", "avx512_bf16"]
    case .avx512CoreFP16: avx512 + ["avx512_vnni", "avx512_bf16", "avx512_fp16"]
    case .avx512CoreAMX: avx512 + amx
    case .avx512CoreAMXFP16: avx512 + amx + ["amx_fp16"]
    }
  }
}
