// swift-tools-version: 6.2
import PackageDescription

/// Settings of every target: imports stay inside, members come only from imported modules, and a warning is
/// an error.
let settings: [SwiftSetting] = [
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil
) -> Target {
  .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

/// What the tests of several targets share; only tests import it.
func support(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: settings)
}

let package = Package(
  name: "partita",
  products: [.executable(name: "partita", targets: ["partita"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    // Layer 0
    library("Units"),
    library("Diagnostics"),
    // The instructions of processors for digests, which Swift cannot say.
    .target(name: "CDigest"),
    library("Documents", ["CDigest", "Diagnostics"]),
    // Layer 1
    library("Graphs", ["Units", "Diagnostics"]),
    library("ONNXImport", ["Graphs", "Diagnostics"]),
    library("Differentiation", ["Graphs", "Units", "Diagnostics"]),
    library(
      "Machines",
      ["Units", "Diagnostics", .product(name: "Yams", package: "Yams")],
      resources: [.embedInCode("Catalogue")]),
    library("Results", ["Units", "Diagnostics"]),
    library("Datasets", ["Units", "Diagnostics"]),
    // Layer 2
    library("Devices", ["Units", "Graphs", "Machines"]),
    library(
      "Plans",
      ["Units", "Diagnostics", "Documents", "Graphs", "Differentiation", "Machines", "Devices", "Results"]),
    // C declarations of the parts of oneDNN that kernels call, looked up at run time.
    .target(name: "COneDNN"),
    library("Kernels", ["COneDNN", "Units", "Graphs", "Differentiation"]),
    // Atomic words in shared memory and the system calls that Swift's module of the C library leaves out.
    .target(name: "CTransport"),
    library("Communication", ["CTransport", "Units", "Diagnostics"]),
    // Layer 3
    library("Planning", ["Units", "Graphs", "Differentiation", "Machines", "Devices", "Plans", "Results"]),
    library("Pricing", ["Units", "Machines", "Plans", "Results"]),
    library("Simulation", ["Units", "Machines", "Plans", "Results"]),
    library(
      "Execution",
      [
        "Units", "Diagnostics", "Documents", "Graphs", "Differentiation", "Machines", "Devices", "Plans",
        "Results", "Kernels", "Communication", "Datasets",
      ]),
    // Layer 4
    library("Reporting", ["Units", "Diagnostics", "Documents", "Results"]),
    library(
      "Workflows",
      [
        "Units", "Diagnostics", "Documents", "Graphs", "ONNXImport", "Differentiation", "Machines",
        "Results", "Devices", "Plans", "Planning", "Pricing", "Simulation", "Kernels", "Communication",
        "Datasets", "Execution",
      ]),
    library(
      "Studies",
      [
        "Units", "Diagnostics", "Graphs", "Machines", "Results", "Plans", "Planning", "Workflows",
      ]),
    // Layer 5
    .executableTarget(
      name: "partita",
      dependencies: [
        "Units", "Diagnostics", "Documents", "Graphs", "Machines", "Results", "Plans", "Planning",
        "Workflows", "Reporting", "Studies", "Execution", "Communication", "Datasets", "Kernels",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),
    // A rank of the tests and benchmarks of `Communication`; no product, nobody types it.
    .executableTarget(name: "RankProbe", dependencies: ["Communication"], swiftSettings: settings),
    // Tests
    support("TestSupport", []),
    support("TestMachines", ["Units", "Graphs", "Machines", "Devices", "Plans"]),
    support("TestThreads", ["Communication"]),
    tests("UnitsTests", ["Units"]),
    tests("DiagnosticsTests", ["Diagnostics"]),
    tests("DocumentsTests", ["TestSupport", "Documents", "Diagnostics"]),
    tests("GraphsTests", ["TestSupport", "Graphs", "Units", "Diagnostics"]),
    tests("ONNXImportTests", ["TestSupport", "ONNXImport", "Graphs", "Diagnostics"]),
    tests("DifferentiationTests", ["Differentiation", "Graphs", "Diagnostics", "Units"]),
    tests("KernelsTests", ["TestSupport", "Kernels", "Differentiation", "Graphs"]),
    tests("MachinesTests", ["TestSupport", "Machines", "Units", "Diagnostics"]),
    tests("ResultsTests", ["Results", "Units"]),
    tests("DatasetsTests", ["TestSupport", "Datasets", "Units", "Diagnostics"]),
    tests("CommunicationTests", ["TestThreads", "Communication", "RankProbe", "Units", "Diagnostics"]),
    tests(
      "ExecutionTests",
      [
        "TestSupport", "TestThreads",
        "Execution", "Plans", "Differentiation", "Devices", "Machines", "Graphs", "Kernels", "Communication",
        "Datasets", "Documents", "Units", "Results", "Diagnostics",
      ]),
    tests("DevicesTests", ["Devices", "Machines", "Graphs", "Units"]),
    tests(
      "PlansTests",
      [
        "TestMachines", "TestSupport",
        "Plans", "Differentiation", "Devices", "Machines", "Graphs", "Units", "Results", "Documents",
        "Diagnostics",
      ]),
    tests(
      "PricingTests",
      ["TestMachines", "Pricing", "Plans", "Devices", "Machines", "Graphs", "Units", "Results"]),
    tests(
      "SimulationTests",
      [
        "TestMachines", "Simulation", "Pricing", "Plans", "Devices", "Machines", "Graphs", "Units", "Results",
      ]),
    tests(
      "PlanningTests",
      [
        "TestSupport",
        "Planning", "Plans", "Pricing", "Simulation", "Differentiation", "Devices", "Machines", "Graphs",
        "Units", "Results",
      ]),
    tests("ReportingTests", ["Reporting", "Results", "Documents", "Units", "Diagnostics"]),
    tests(
      "WorkflowsTests",
      [
        "TestSupport",
        "Workflows", "Documents", "Graphs", "Differentiation", "Machines", "Plans", "Planning", "Results",
        "Units", "Diagnostics", "Execution", "Kernels",
      ]),
    tests("StudiesTests", ["Studies", "Results", "Diagnostics", "Workflows", "Machines", "Units"]),
    tests(
      "AgreementTests",
      [
        "TestSupport", "TestThreads",
        "Workflows", "Planning", "Plans", "Pricing", "Simulation", "Differentiation", "Devices", "Machines",
        "Graphs", "Units", "Results", "Kernels", "Communication", "Execution",
      ]),
    tests("ArchitectureTests", []),
  ]
)
