import Machines
import Plans
import TestMachines
import Testing
import Units

struct RoutesTests {
  private static func machine(
    _ devices: [Device], switches: [String] = [], _ links: [(Endpoint, Endpoint)]
  ) -> Machine {
    Machine(
      name: "links", devices: devices, switches: switches,
      links: links.enumerated().map { index, link in
        Link(
          name: "link\(index)", from: link.0, to: link.1, bandwidth: BytesPerSecond(1e9), latency: .zero,
          energy: nil, wire: index)
      }, wireNames: links.indices.map { "link\($0)" })
  }

  private static func device(_ index: Int) -> Endpoint { .device(DeviceID(index)) }
  private static func route(_ machine: Machine, _ from: Int, _ to: Int) -> [Int]? {
    Routes(machine).route(from: DeviceID(from), to: DeviceID(to))?.map(\.index)
  }

  @Test func aRoutePassesThroughSwitches() {
    // Drive i has link 2i to the root and 2i + 1 back.
    let machine = switchedMachine(drives: 3)
    #expect(Self.route(machine, 0, 2) == [0, 5])
    #expect(Self.route(machine, 2, 3) == [4, 7])
    #expect(Self.route(machine, 1, 1) == [])
    #expect(Routes(machine).segments(from: DeviceID(0), to: DeviceID(3)) == [[LinkID(0), LinkID(7)]])
  }

  @Test func onlyAProcessorForwards() {
    let chain = [(Self.device(0), Self.device(1)), (Self.device(1), Self.device(2))]
    let byHost = Self.machine([accelerator("a"), processor("host"), accelerator("b")], chain)
    #expect(Self.route(byHost, 0, 2) == [0, 1])
    #expect(Routes(byHost).segments(from: DeviceID(0), to: DeviceID(2)) == [[LinkID(0)], [LinkID(1)]])
    let byAccelerator = Self.machine([accelerator("a"), accelerator("middle"), accelerator("b")], chain)
    #expect(Self.route(byAccelerator, 0, 2) == nil)
    #expect(Self.route(byAccelerator, 2, 0) == nil)
  }

  @Test func theShortestRouteWinsAndThenTheLowestLink() {
    let devices = [accelerator("a"), accelerator("b")]
    let (first, second) = (Endpoint.switch(0), Endpoint.switch(1))
    // Two ways of two links, of which the one by links 0 and 3 begins lower.
    let two = Self.machine(
      devices, switches: ["s", "t"],
      [
        (Self.device(0), second), (Self.device(0), first), (first, Self.device(1)), (second, Self.device(1)),
      ])
    #expect(Self.route(two, 0, 1) == [0, 3])
    let direct = Self.machine(
      devices, switches: ["s"],
      [(Self.device(0), first), (first, Self.device(1)), (Self.device(0), Self.device(1))])
    #expect(Self.route(direct, 0, 1) == [2])
  }

  @Test func devicesAreJoinedOnlyWhereEachReachesTheOthersAndIsReached() {
    let switched = switchedMachine(drives: 3)
    #expect(Routes(switched).join(switched.devices.indices.map { DeviceID($0) }))
    let oneWay = Self.machine([accelerator("a"), accelerator("b")], [(Self.device(0), Self.device(1))])
    #expect(!Routes(oneWay).join([DeviceID(0), DeviceID(1)]))
    #expect(!Routes(oneWay).join([DeviceID(1), DeviceID(0)]))
    #expect(Routes(oneWay).join([DeviceID(1)]))
  }
}
