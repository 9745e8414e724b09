import Documents
import Reporting
import Results
import Testing
import Units

struct KernelComparisonTests {
  private let rows = [
    KernelComparison(
      name: "fc1", kernel: "dense", phase: "forward", predicted: Seconds(3e-6), measured: Seconds(2e-6))
  ]

  // The keys are those of Documentation/schemas/partita.comparison.1.json.
  @Test func `the document says which device was compared`() throws {
    let document = json(of: rows, model: "lenet", machine: "mine", device: "sse41[0]")
    #expect(document["schema"] == "partita.comparison/1" && document["device"] == "sse41[0]")
    #expect(document["machine"] == "mine" && document["model"] == "lenet")
    guard case .array(let operations) = document["operations"] else {
      Issue.record("no operations: \(document.compact)")
      return
    }
    #expect(operations.map { $0["predicted_s"] } == [.double(3e-6)])
  }

  @Test func `the text says it too, and how far the prediction is off`() {
    let text = text(of: rows, model: "lenet", machine: "mine", device: "sse41[0]")
    #expect(text.hasPrefix("Kernels of lenet, predicted for sse41[0] of mine and measured now\n"))
    // 3 ∕ 2 − 1.
    #expect(text.contains("50 %"))
  }
}
