import Testing

@testable import Workflows

/// What ranks tell arrives as it was sent.
struct RankMessageTests {
  @Test(
    arguments: [
      RankMessage.ready(
        process: 7, kernels: "a \"b\"", instructionSet: "sse41", threads: 2, firstStep: 3,
        notes: ["one", "two"]),
      .ready(process: 7, kernels: "k", instructionSet: nil, threads: 2, firstStep: 3, notes: []),
      .step(
        number: 4, losses: [.init(index: 0, value: 0.1), .init(index: 5, value: .infinity)], correct: 9,
        nanoseconds: 12),
      .epoch(number: 2, testAccuracy: 0.875), .epoch(number: 2, testAccuracy: nil),
      .checkpoint(path: "a/b", step: 8),
      .measured(
        .init(
          times: [.init(index: 3, value: 17)], bytesSent: [0, 5], steps: 6, planned: 70, resident: 80,
          library: 90, evaluation: 60)),
      .result(digest: "d", ledger: "l", testAccuracy: 1, steps: 5),
      .fault(kind: "usage", message: "m", hint: nil, file: "f"),
    ])
  func aMessageIsReadAsItWasWritten(message: RankMessage) {
    #expect(RankMessage(bytes: message.bytes) == message)
  }

  @Test(arguments: ["", "{}", "[]", "[\"step\"]", "[\"nothing\",1,2,3,4]", "[7]"])
  func otherBytesAreNoMessage(text: String) { #expect(RankMessage(bytes: Array(text.utf8)) == nil) }
}
