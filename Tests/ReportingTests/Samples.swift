import Results
import Units

/// Reports written by hand; their numbers mean nothing but differ from one another.
enum Samples {
  static let cost = StepCost(
    time: SimulatedTime(12_345_678_901), criticalPath: SimulatedTime(12_000_000_000),
    serialSum: SimulatedTime(20_000_000_000),
    resources: [
      ResourceUse(name: "npu[0]", kind: .device, busy: SimulatedTime(9_000_000_000), bytes: .zero),
      ResourceUse(name: "npu[1]", kind: .device, busy: SimulatedTime(9_000_000_000), bytes: .zero),
      ResourceUse(name: "H1", kind: .link, busy: SimulatedTime(5_000_000_000), bytes: Bytes(1 << 20)),
    ],
    timeParts: [CostPart(kind: "forward", name: "", value: 0.004)],
    energy: Joules(1.25),
    energyParts: [
      CostPart(kind: "arithmetic", name: "npu", value: 1),
      CostPart(kind: "communication", name: "H1", value: 0.25),
    ],
    bytesMoved: Bytes(3 << 20))

  static let inspection = Inspection(
    model: "lenet", batch: 4, parameters: 431_080,
    operators: [
      Inspection.KindCount(kind: "convolution", count: 2), Inspection.KindCount(kind: "dense", count: 2),
    ],
    multiplyAccumulates: Inspection.MultiplyAccumulates(
      forward: 9_172_000, error: 8_000_000, weightGradient: 9_172_000),
    savedActivations: Bytes(123_456),
    unsupported: [Inspection.Unsupported(kind: "NonZero", nodes: ["n1", "n2"])],
    rows: (0..<20).map { index in
      Inspection.Row(
        name: "conv\(index)", kind: "convolution", outputShape: [4, 20, 24, 24], parameters: 520,
        multiplyAccumulates: Inspection.MultiplyAccumulates(
          forward: Double(index), error: 0, weightGradient: 0),
        savedActivations: Bytes(3136))
    })

  static let plan = PlanReport(
    model: "lenet", machine: "two devices", batch: 256,
    settings: StepSettings(
      optimizer: "sgd", precision: "float32", batchNormalization: "full", overlap: "none", cells: 16,
      microBatches: 1),
    search: PlanReport.Search(strategy: "exact", objective: "time", exact: true, gap: nil, states: 81),
    cost: cost, simulated: SimulatedTime(13_000_000_000),
    memory: (0..<16).map { index in
      MemoryUse(
        device: "npu[\(index)]", peak: Bytes(900 << 20), capacity: Bytes(1 << 30),
        parts: [
          MemoryUse.Part(kind: "weights", size: Bytes(800 << 20)),
          MemoryUse.Part(kind: "activations", size: Bytes(100 << 20)),
          MemoryUse.Part(kind: "workspace", size: .zero),
        ], task: "fc1 weight-gradient")
    },
    layers: ["conv1", "conv2", "fc1"].enumerated().map { index, name in
      PlanReport.Layer(name: name, devices: "mesh", axes: [index < 2 ? "batch" : "input-channel", "batch"])
    },
    shares: [
      PlanReport.Share(
        devices: "mesh", level: "H1", axis: "batch", fractions: [0.75, 0.25], weights: [3, 1])
    ],
    alternatives: [
      PlanReport.Alternative(
        summary: "data-parallel", cost: cost,
        reason: "the gradients of fc1 cross H1, which is occupied for 91 % of the step and leaves little else"
      ),
      PlanReport.Alternative(summary: "single-device:npu[0]", cost: nil, reason: "needs 2 GiB of 1 GiB"),
    ],
    why: ["fc1 has many parameters and few activations"],
    bottlenecks: [
      Bottleneck(
        resource: "npu[0]", kind: .device, busy: SimulatedTime(9_000_000_000), fraction: 0.729,
        timeIfDoubled: SimulatedTime(8_000_000_000)),
      Bottleneck(
        resource: "H1", kind: .link, busy: SimulatedTime(5_000_000_000), fraction: 0.405, timeIfDoubled: nil),
    ],
    assumptions: [Assumption(what: "samples", value: "anywhere", why: "the machine names no storage")],
    warnings: ["machine.yaml:3: `idle-power` changed no number"])

  static let simulation = SimulationReport(
    subject: .step(model: "lenet", batch: 256, plan: "data-parallel"), machine: "two devices",
    makespan: SimulatedTime(13_000_000_000), cost: cost,
    criticalPath: [
      SimulationReport.CriticalTask(
        task: 0, name: "conv1 forward", category: "forward", resources: ["npu[0]", "npu[1]"],
        start: .zero, duration: SimulatedTime(4_000_000_000)),
      SimulationReport.CriticalTask(
        task: 7, name: "fc1 gradient", category: "collective", resources: ["H1"],
        start: SimulatedTime(4_000_000_000), duration: SimulatedTime(9_000_000_000)),
    ],
    resources: cost.resources, exposedCommunication: SimulatedTime(1_000_000_000),
    bottlenecks: plan.bottlenecks, memory: plan.memory, assumptions: [], warnings: [])

  static let study = StudyResult(
    study: "hypar", source: "L. Song et al., HPCA 2019",
    claims: [
      Claim(
        id: "fig6.hypar.VGG-A", what: "performance over data parallelism", source: "HyPar, Fig. 6",
        published: .number(4.97), reproduced: .number(4.973), tolerance: 0.01, verdict: .holds, note: ""),
      Claim(
        id: "fig6.mp.VGG-A", what: "model parallelism", source: "HyPar, Fig. 6", published: nil,
        reproduced: .text("0010"), tolerance: nil, verdict: .context,
        note: "the printed bytes follow no stated rule, so that no target can be claimed for this value"),
    ]
      + (0..<40).map { index in
        Claim(
          id: "fig5.SFC.H\(index)", what: "list", source: "HyPar, Fig. 5", published: .text("1111"),
          reproduced: .text(index == 3 ? "0111" : "1111"), tolerance: nil,
          verdict: index == 3 ? .misses : .holds, note: "")
      }, assumptions: [])

  static let models = [
    ModelSummary(
      name: "lenet", title: "two convolutions and two dense layers", form: .graph, parameters: 431_080,
      multiplyAccumulates: 2_293_000, source: "Y. LeCun et al., 1998")
  ]

  static let machines = [
    MachineSummary(
      name: "hypar/16", title: "sixteen accelerators in an H-tree",
      devices: [
        MachineSummary.Devices(
          name: "accelerator", kind: "row-stationary-array", count: 16, memory: Bytes(8 << 30))
      ], levels: ["H1: 2-way tree", "H2: 2-way tree"])
  ]

  static let timeline = Timeline(
    tracks: ["npu[0]", "H1 \"up\""],
    spans: [
      Timeline.Span(
        track: 0, start: .zero, duration: SimulatedTime(1), name: "conv1", category: "forward", task: 0),
      Timeline.Span(
        track: 1, start: SimulatedTime(1_000_001), duration: SimulatedTime(2_500_000), name: "fc1",
        category: "collective", task: 1),
    ], makespan: SimulatedTime(3_500_001),
    taskIntervals: [
      Timeline.Interval(start: .zero, end: SimulatedTime(1)),
      Timeline.Interval(start: SimulatedTime(1_000_001), end: SimulatedTime(3_500_001)),
    ])
}
