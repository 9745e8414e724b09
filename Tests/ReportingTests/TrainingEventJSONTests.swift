import Documents
import Reporting
import Results
import Testing
import Units

struct TrainingEventJSONTests {
  @Test func `every event but a note is a document of one line`() throws {
    let events: [(TrainingEvent, String)] = [
      (.start(TrainingSamples.start), "start"), (.step(TrainingSamples.step(3)), "step"),
      (.epoch(TrainingSamples.epoch), "epoch"), (.checkpoint(path: "run/a", step: 3), "checkpoint"),
      (.end(TrainingSamples.end), "end"),
    ]
    for (event, name) in events {
      let document = try #require(event.json)
      #expect(document["schema"] == "partita.training/1")
      #expect(document["event"] == .string(name))
      #expect(!document.compact.contains("\n"))
    }
    #expect(TrainingEvent.note("a word").json == nil)
  }

  @Test func `every rank says which instructions it uses, and null without a library`() throws {
    let start = try #require(TrainingEvent.start(TrainingSamples.start).json)
    guard case .array(let ranks) = start["ranks"] else { return }
    #expect(ranks.map { $0["instruction_set"] } == ["avx2", .null])
    #expect(ranks.map { $0["rated_threads"] } == [1, .null])
  }

  @Test func `times are seconds and links say what was simulated and measured`() throws {
    let end = try #require(TrainingEvent.end(TrainingSamples.end).json)
    // 1 250 000 000 ps = 0.00125 s.
    #expect(end["measured_s"] == .double(0.00125))
    guard case .array(let links) = end["links"] else { return }
    #expect(links.map { $0["measured_bytes"] } == [2048, 2050])
    #expect(links.map { $0["simulated_bytes"] } == [2048, 2048])
  }

  @Test func `a loss that is no number is null, since JSON knows none`() throws {
    let step = try #require(TrainingEvent.step(TrainingSamples.step(1, loss: .nan)).json)
    #expect(step["loss"] == .null)
    #expect(step["measured_s"] == .double(0.002))
  }
}
