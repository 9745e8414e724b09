import Documents
import Reporting
import Results
import Testing
import Units

struct TraceTests {
  private func events() throws -> [JSONValue] {
    let trace = Samples.timeline.trace(named: "lenet on two devices")
    let document = try JSONElement(parsing: Array(trace.utf8), file: "trace.json").value
    guard case .array(let events) = document["traceEvents"] else { return [] }
    return events
  }

  @Test func `each resource is a track with its name and place`() throws {
    let names = try events().filter { $0["name"] == "thread_name" }
    #expect(names.map { $0["args"]?["name"] } == ["npu[0]", "H1 \"up\""])
    #expect(names.map { $0["tid"] } == [1, 2])
    let order = try events().filter { $0["name"] == "thread_sort_index" }
    #expect(order.map { $0["args"]?["sort_index"] } == [0, 1])
    let process = try events().filter { $0["name"] == "process_name" }
    #expect(process.map { $0["args"]?["name"] } == ["lenet on two devices"])
  }

  // A picosecond is 10⁻⁶ of the format's microsecond.
  @Test func `times are microseconds, exact to the picosecond`() throws {
    let text = Samples.timeline.trace(named: "")
    #expect(text.contains(#""ts": 0, "dur": 0.000001,"#))
    #expect(text.contains(#""ts": 1.000001, "dur": 2.5,"#))
  }

  @Test func `each span is one complete event on its track`() throws {
    let spans = try events().filter { $0["ph"] == "X" }
    #expect(spans.map { $0["tid"] } == [1, 2])
    #expect(spans.map { $0["name"] } == ["conv1", "fc1"])
    #expect(spans.map { $0["cat"] } == ["forward", "collective"])
    #expect(spans.map { $0["args"]?["task"] } == [0, 1])
  }

  @Test func `an empty timeline is still a trace`() throws {
    let empty = Timeline(tracks: [], spans: [], makespan: .zero, taskIntervals: [])
    let document = try JSONElement(parsing: Array(empty.trace(named: "x").utf8), file: "t").value
    #expect(document["displayTimeUnit"] == "ns")
  }
}
