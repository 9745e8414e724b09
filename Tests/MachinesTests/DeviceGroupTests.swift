import Machines
import Testing

@Suite struct DeviceGroupTests {
  @Test func theMeshComesFirstAndEachOtherKindIsAGroup() throws {
    let groups = try readMachine(yaml: wholeMachine, file: "").groups
    #expect(groups.map(\.name) == ["mesh", "host", "npu", "drive"])
    #expect(groups.map(\.devices.count) == [8, 1, 1, 4])
    #expect(groups[1].levels.isEmpty)
    #expect(groups[3].levels == [DeviceGroup.Level(ways: 4, network: .listed)])
  }

  // Levels of 2, 2, 2 from the top: strides 4, 2, 1; device 5 is 1, 0, 1.
  @Test func coordinatesAreDigitsOfTheIndex() throws {
    let mesh = try readMachine(yaml: wholeMachine, file: "").groups[0]
    #expect((0..<3).map { mesh.stride(of: $0) } == [4, 2, 1])
    #expect((0..<3).map { mesh.coordinate(of: 5, at: $0) } == [1, 0, 1])
  }
}
