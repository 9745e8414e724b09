import Testing

@testable import Machines

/// The family of machines that stand for the computer that trains.
struct LocalMachineTests {
  @Test(arguments: [1, 2, 3, 64]) func aMemberHasSoManyEqualDevices(count: Int) throws {
    let machine = try MachineCatalogue().machine(named: "local/\(count)")
    #expect(machine.devices.count == count)
    #expect(machine.groups.count == 1)
    #expect(machine.groups[0].levels.map(\.ways) == (count == 1 ? [] : [count]))
  }

  @Test(arguments: ["local/0", "local/65", "local/x", "local/", "local", "local/2/2"])
  func otherNamesAreNoMembers(name: String) { #expect(LocalMachine(name: name) == nil) }
}
