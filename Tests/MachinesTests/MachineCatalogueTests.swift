import Diagnostics
import Glibc
import Machines
import Testing
import Units

@Suite struct MachineCatalogueTests {
  let catalogue = MachineCatalogue()

  @Test(arguments: MachineCatalogue().names) func everyMachineIsReadWithoutAWarning(name: String) throws {
    let yaml = try #require(catalogue.yaml(named: name))
    let file = try MachineFile(yaml: yaml, file: name)
    #expect(file.machine.name == name)
    // A warning is a device, link or level without a source.
    #expect(file.warnings.isEmpty)
    #expect(try catalogue.machine(named: name) == file.machine)
  }

  // A file that no line of the catalogue names would be built in and never found.
  @Test func everyFileOfTheFolderIsInTheCatalogue() throws {
    let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let directory = try #require(opendir("/\(folder)/Sources/Machines/Catalogue"))
    defer { closedir(directory) }
    var files: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { files.append(name) }
    }
    #expect(files.count >= 5)
    for file in files {
      #expect(file.hasSuffix(".yaml"))
      #expect(catalogue.names.contains(String(file.dropLast(5))))
    }
  }

  @Test func namesAreUnique() {
    #expect(Set(catalogue.names).count == catalogue.names.count)
  }

  // Bandwidth of level h: 0.25 GB/s / 2^h. 2^N devices for N levels.
  @Test(arguments: 0...6) func hyParHasABinaryTreeOfHalvingLinks(levels: Int) throws {
    let machine = try catalogue.machine(named: "hypar/\(1 << levels)")
    #expect(machine.devices.count == 1 << levels)
    #expect(machine.links.isEmpty)
    let mesh = machine.mesh?.levels ?? []
    #expect(mesh.map(\.bandwidth.value) == (0..<levels).map { 0.25e9 / Double(1 << $0) })
    #expect(mesh.allSatisfy { $0.ways == 2 && $0.topology == .tree && $0.duplex == .half })
    #expect(mesh.allSatisfy { $0.latency == .zero && $0.energy == JoulesPerByte(640e-12) })
    let device = try #require(machine.devices.first)
    #expect(device.energyPerMultiplyAccumulate == JoulesPerOperation(4.6e-12))
    #expect(device.memory.energy == JoulesPerByte(0))
    #expect(device.memory.capacity == Bytes(16 << 30))
    guard case .rowStationaryArray(let array) = device.model else {
      Issue.record("a HyPar accelerator is a row-stationary array")
      return
    }
    #expect(array.peaks[.float32] == FLOPsPerSecond(84e9))
    #expect(array.efficiency == EfficiencyCurve(constant: 1))
  }

  // The torus that Fig. 12 fits: the tree of 16 at half the bandwidth.
  @Test func hyParTorusHasHalfTheBandwidth() throws {
    let tree = try #require(try catalogue.machine(named: "hypar/16").mesh)
    let torus = try #require(try catalogue.machine(named: "hypar/torus").mesh)
    #expect(torus.levels.map { $0.bandwidth * 2 } == tree.levels.map(\.bandwidth))
  }

  // The tree of 16: 1 x 250 + 2 x 125 + 4 x 62.5 + 8 x 31.25 MB/s; the torus: 2 levels x 16 links.
  @Test func routedTorusHasTheTreesTotalBandwidth() throws {
    let levels = try #require(try catalogue.machine(named: "hypar/torus-4x4").mesh).levels
    #expect(levels.map(\.topology) == [.ring, .ring])
    #expect(levels.map(\.ways) == [4, 4])
    #expect(levels.reduce(0) { $0 + 16 * $1.bandwidth.value } == 1e9)
  }

  @Test(arguments: 1...16) func nearStorageDrivesStandBehindOneRoot(drives: Int) throws {
    let machine = try catalogue.machine(named: "dpt-vision/\(drives)")
    let ids = machine.devices.indices.filter { machine.devices[$0].group == "drive" }.map { DeviceID($0) }
    #expect(ids.count == drives)
    #expect(machine.samples == SampleLocation(devices: ids, bytesPerElement: 1))
    #expect(machine.switches == ["root"])
    // A link each way for each drive, the host and the NPU.
    #expect(machine.links.count == 2 * (drives + 2))
    #expect(Set(machine.links.map(\.wire)).count == machine.links.count)
    #expect(Set(machine.links.map(\.name)).count == machine.links.count)
    let fromDrives = machine.links.filter { link in ids.contains { link.from == .device($0) } }
    #expect(fromDrives.allSatisfy { $0.to == .switch(0) && $0.bandwidth == BytesPerSecond(3.2e9) })
  }

  @Test func nearStorageDefaultHasFourDrives() throws {
    let four = try catalogue.machine(named: "dpt-vision/4")
    #expect(try catalogue.machine(named: "dpt-vision").devices == four.devices)
  }

  @Test(arguments: [
    "hypar/3", "hypar/128", "dpt-vision/0", "dpt-vision/17", "dpt-vision/04", "", "hypar/16 ",
  ])
  func whatIsNotThereIsAMissingFile(name: String) {
    let error = #expect(throws: InputError.self) { try catalogue.machine(named: name) }
    #expect(error?.diagnostics.map(\.kind) == [.missingFile])
  }

  @Test func aMisspeltNameGetsTheNearest() {
    let error = #expect(throws: InputError.self) { try catalogue.machine(named: "worksation") }
    #expect(error?.diagnostics.first?.hint == "did you mean 'workstation'?")
  }
}
