import Glibc
import Kernels
import Testing

private func seconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Prints the speeds that Benchmarks/kernels.py collects, where the variable `PARTITA_MEASURE` asks for it:
/// of the kernels whose names contain its value.
@Test(.enabled(if: getenv("PARTITA_MEASURE") != nil)) func kernelSpeeds() throws {
  let library = FastKernelLibrary()
  print("speed\tlibrary\t\(library.description)")
  let only = getenv("PARTITA_MEASURE").map { String(cString: $0) } ?? ""
  for measured in try measuredKernels(block: library.channelBlock ?? 16)
  where only.isEmpty || measured.name.contains(only) {
    let source = try library.source(of: measured.request)
    let time = try measured.time(library, runs: source == .reference ? 1 : 12, now: seconds)
    #expect(time > 0)
    print(
      "speed\t\(measured.name)\t\(source.rawValue)\t\(time)\t\(measured.operations / time)\t"
        + "\(measured.bytes / time)")
  }
}
