import COneDNN
import Glibc
import Synchronization

/// An open oneDNN library.
///
/// > Source: oneDNN, developer guide and C API reference, version 3.2.
final class OneDNNLibrary: @unchecked Sendable {
  // Unchecked: functions and engine are written once, and the library lets any thread call them.
  let functions: onednn_functions
  let engine: OpaquePointer
  /// The version, such as `3.2.0`.
  let version: String
  /// The set of instructions that it uses, such as `AVX-512`.
  let instructionSet: String
  /// The set in the words of the library's environment variable, such as `AVX512_CORE`; nil where unknown.
  let instructionSetWord: String?
  /// The threads with which the library computes.
  let team: ThreadTeam
  private let threads: onednn_threads
  /// How many threads a call may use.
  private let threadCount: Int32
  private let hasProducts = Mutex(false)

  /// Opens the first library that can be opened, or returns nil.
  ///
  /// - Parameters:
  ///   - paths: Files, or names that the system's loader looks up.
  ///   - threads: How many threads a call may use.
  init?(paths: [String], threads count: Int) {
    var threads = onednn_threads()
    var found: UnsafePointer<onednn_functions>?
    for path in paths where found == nil { found = onednn_open(path, &threads) }
    guard let functions = found?.pointee else { return nil }
    self.threads = threads
    team = ThreadTeam(threads, count: count)
    threadCount = Int32(clamping: max(1, count))
    // Descriptions and primitives fit the number of threads that is set when they are made.
    threads.set_count?(threadCount)
    var engine: OpaquePointer?
    guard
      functions.engine_create(&engine, onednn_cpu_engine.rawValue, 0) == onednn_success.rawValue,
      let engine
    else { return nil }
    self.functions = functions
    self.engine = engine
    let version = functions.version().pointee
    self.version = "\(version.major).\(version.minor).\(version.patch)"
    let number = functions.get_effective_cpu_isa()
    let set = Self.instructionSets[number]
    instructionSet = set?.name ?? "unnamed instruction set \(number)"
    instructionSetWord = set?.word
  }

  /// Makes the calls of the current thread use the library's number of threads.
  func setThreads() {
    guard let get = threads.get_count, let set = threads.set_count, get() != threadCount else { return }
    set(threadCount)
  }

  /// Where a library is looked for: `.deps` of the current folder and of the folders around the running
  /// program, and the system's loader.
  static func usualPaths() -> [String] {
    let place = "/.deps/onednn/lib/libdnnl.so.3"
    var paths = ["." + place]
    var folder = executablePath()[...]
    while let slash = folder.lastIndex(of: "/") {
      folder = folder[..<slash]
      paths.append(folder + place)
    }
    return paths + ["libdnnl.so.3"]
  }

  private static func executablePath() -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes { bytes in
      bytes.bindMemory(to: CChar.self).baseAddress.map {
        readlink("/proc/self/exe", $0, bytes.count)
      } ?? 0
    }
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
  }

  /// The sets of instructions by the numbers that the library's interface documents: how people call them,
  /// and the words of the library's environment variable.
  private static let instructionSets: [UInt32: (name: String, word: String)] = [
    0x1: ("SSE4.1", "SSE41"),
    0x3: ("AVX", "AVX"),
    0x7: ("AVX2", "AVX2"),
    0xf: ("AVX2 with VNNI", "AVX2_VNNI"),
    0x1f: ("AVX2 with VNNI", "AVX2_VNNI_2"),
    0x27: ("AVX-512", "AVX512_CORE"),
    0x67: ("AVX-512 with VNNI", "AVX512_CORE_VNNI"),
    0xe7: ("AVX-512 with VNNI and bfloat16", "AVX512_CORE_BF16"),
    0x1ef: ("AVX-512 with float16", "AVX512_CORE_FP16"),
    0xfef: ("AVX-512 with AMX", "AVX512_CORE_AMX"),
    0x1fef: ("AVX-512 with AMX", "AVX512_CORE_AMX_FP16"),
  ]
}

extension OneDNNLibrary {
  /// The product of two matrices in row-major order: `c = a · b + kept · c`.
  struct MatrixShape: Hashable, Sendable {
    var rows: Int
    var columns: Int
    var inner: Int
    /// Whether the left matrix lies transposed.
    var transposesLeft = false
    /// Whether the right matrix lies transposed.
    var transposesRight = false
  }

  /// Computes `result = factor · left · right + kept · result`.
  @inline(__always)
  func multiply(
    _ shape: MatrixShape, _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>, factor: Float = 1, kept: Float = 0
  ) {
    let status = functions.sgemm(
      shape.transposesLeft ? Self.transposed : Self.plain,
      shape.transposesRight ? Self.transposed : Self.plain,
      Int64(shape.rows), Int64(shape.columns), Int64(shape.inner), factor, left,
      Int64(shape.transposesLeft ? shape.rows : shape.inner), right,
      Int64(shape.transposesRight ? shape.inner : shape.columns), kept, result, Int64(shape.columns))
    precondition(status == onednn_success.rawValue, "oneDNN's matrix product ends with \(status) on \(shape)")
  }

  /// Lets the library make the code of its products now, some mebibytes, and not in the first of them.
  ///
  /// So what it takes for itself is known before the first step.
  func prepareProducts() {
    hasProducts.withLock { isDone in
      guard !isDone else { return }
      isDone = true
      setThreads()
      // It has code for vectors, for matrices, and for few rows by a transposed matrix.
      for (extent, isTransposed) in [(1, false), (2, false), (2, true)] {
        let shape = MatrixShape(rows: extent, columns: extent, inner: extent, transposesRight: isTransposed)
        var result = [Float](repeating: 0, count: 4)
        multiply(shape, [0, 0, 0, 0], [0, 0, 0, 0], into: &result)
      }
    }
  }

  private static let transposed = CChar(bitPattern: UInt8(ascii: "T"))
  private static let plain = CChar(bitPattern: UInt8(ascii: "N"))
}
