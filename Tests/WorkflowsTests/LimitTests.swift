import Diagnostics
import Documents
import Machines
import Planning
import Plans
import Results
import Testing
import Units
import Workflows

/// Limits of memory in spaces that are too large to try every plan, times beyond what is counted, and cells
/// from file to file.
struct LimitTests {
  private func peak(_ report: PlanReport) -> Int { report.memory.map(\.peak.count).max() ?? 0 }

  // 27⁵ plans of five layers on eight devices. Every answer keeps its limit, none is faster than the best
  // without a limit, and where the best fits the limit changes nothing.
  @Test func answersInALargeSpaceKeepTheirLimit() throws {
    var request = request("hypar/cifar-c", on: "hypar/8", batch: 256)
    request.overlap = .none
    let free = try plan(request).report
    #expect(free.search.exact)
    var kept = 0
    for share in [1.0, 0.9, 0.8, 0.7, 0.6] {
      request.memoryLimit = Bytes(Int(Double(peak(free)) * share))
      do throws(InputError) {
        let limited = try plan(request).report
        #expect(peak(limited) <= Int(Double(peak(free)) * share), "\(share)")
        #expect(limited.cost.time >= free.cost.time, "\(share)")
        if share == 1 { #expect(limited.cost.time == free.cost.time) }
        kept += 1
      } catch {
        #expect(error.diagnostics.first?.kind == .infeasible, "\(share)")
        #expect(error.diagnostics.first?.hint?.contains("smallest peak found is") == true, "\(share)")
      }
    }
    #expect(kept >= 1)
  }

  // One FLOP∕s: a step of LeNet takes 10⁹ seconds, 30 years, where 46 days are counted.
  @Test func aStepLongerThanIsCountedIsRefused() throws {
    var request = request("lenet", on: "slow.yaml", batch: 256)
    request.texts["slow.yaml"] = """
      schema: partita.machine/1
      name: slow
      devices:
        host: {kind: processor, peak: {float32: 1 FLOP/s}, efficiency: 1, launch: 0 s, source: made up,
               memory: {capacity: 64 GiB, bandwidth: 80 GB/s, efficiency: 1}}
      """
    for overlap in [Request.Overlap.none, .backward, .steady] {
      request.overlap = overlap
      let fault = try #require(faults { () throws(InputError) in try plan(request) }.first)
      #expect(fault.kind == .infeasible, "\(overlap)")
      #expect(fault.message.contains("46 days"), "\(overlap): \(fault.message)")
    }
  }

  // The grid of a searched plan is that of the plan that is read, and without one there is none.
  @Test(arguments: [nil, 4, 16]) func cellsComeBackFromTheFile(_ cells: Int?) throws {
    var asked = request()
    asked.cells = cells
    let first = try plan(asked)
    #expect(first.report.settings.cells == cells)
    var reading = request()
    reading.planSource = .file("plan.json")
    reading.texts["plan.json"] = first.plan.prettyPrinted
    let second = try plan(reading)
    #expect(second.report.settings.cells == cells)
    #expect(second.report.cost == first.report.cost)
    #expect(second.plan == first.plan)
  }
}
