import Documents
import Reporting
import Results
import Testing
import Units

struct JSONTests {
  @Test func `every document names its schema first`() {
    let documents = [
      (Samples.inspection.json, "partita.inspection/1"), (Samples.plan.json, "partita.plan/1"),
      (Samples.simulation.json, "partita.simulation/1"), (Samples.study.json, "partita.study/1"),
      (json(of: Samples.models), "partita.models/1"), (json(of: Samples.machines), "partita.machines/1"),
    ]
    for (document, schema) in documents {
      guard case .object(let members) = document else {
        Issue.record("\(schema) is no object")
        continue
      }
      #expect(members.first == JSONValue.Member("schema", .string(schema)))
    }
  }

  @Test func `times are seconds, exact to the picosecond`() throws {
    // 12 345 678 901 ps = 0.012345678901 s.
    #expect(Samples.plan.json["cost"]?["time_s"] == .double(0.012345678901))
    #expect(Samples.plan.json["cost"]?["simulated_s"] == .double(0.013))
    #expect(Samples.simulation.json["makespan_s"] == .double(0.013))
  }

  @Test func `what was not computed is null and not a number`() {
    #expect(Samples.plan.json["search"]?["gap"] == .null)
    guard case .array(let bottlenecks) = Samples.plan.json["bottlenecks"] else { return }
    #expect(bottlenecks.map { $0["time_if_doubled_s"] } == [.double(0.008), .null])
    guard case .array(let alternatives) = Samples.plan.json["alternatives"] else { return }
    #expect(alternatives.last?["cost"] == .null)
  }

  @Test func `counts are integers`() {
    #expect(Samples.inspection.json["macs"]?["forward"] == 9_172_000)
    #expect(Samples.inspection.json["operators"]?["dense"] == 2)
    #expect(Samples.plan.json["cost"]?["bytes_moved"] == .integer(3 << 20))
  }

  @Test func `a claim keeps numbers apart from texts`() {
    guard case .array(let claims) = Samples.study.json["claims"] else { return }
    #expect(claims[0]["published"] == .double(4.97))
    #expect(claims[1]["published"] == .null)
    #expect(claims[1]["reproduced"] == "0010")
    #expect(claims[1]["verdict"] == "context")
  }

  @Test func `the same report has the same bytes`() {
    #expect(Samples.plan.json.prettyPrinted == Samples.plan.json.prettyPrinted)
    #expect(Samples.plan.json.prettyPrinted.split(separator: "\n").allSatisfy { $0.count <= 160 })
  }
}
