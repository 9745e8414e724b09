import Diagnostics
import Graphs
import Machines
import Plans
import Units
import Workflows

/// One network of the vision case.
struct VisionNetwork: Hashable {
  /// The name in claims.
  let name: String
  /// The name of the built-in network.
  let model: String
  /// Whether the mean is taken over it.
  let isInMean: Bool

  /// The networks: the six of the mean, then two that were added to see what depthwise layers do.
  ///
  /// The publication names none; these are the usual ones of its years.
  static let all: [VisionNetwork] = [
    VisionNetwork(name: "AlexNet", model: "alexnet", isInMean: true),
    VisionNetwork(name: "VGG-16", model: "vgg16", isInMean: true),
    VisionNetwork(name: "ResNet-18", model: "resnet18", isInMean: true),
    VisionNetwork(name: "ResNet-34", model: "resnet34", isInMean: true),
    VisionNetwork(name: "ResNet-50", model: "resnet50", isInMean: true),
    VisionNetwork(name: "ResNet-101", model: "resnet101", isInMean: true),
    VisionNetwork(name: "MobileNetV1", model: "mobilenet-v1", isInMean: false),
    VisionNetwork(name: "MobileNetV2", model: "mobilenet-v2", isInMean: false),
  ]

  /// The networks of the mean.
  static var averaged: [VisionNetwork] { all.filter(\.isInMean) }
}

/// How the steps of the vision case are run.
enum VisionSchedule: Hashable {
  /// Exact gradient descent: a pipeline of micro-batches that runs empty at the end of each step.
  case flush
  /// Steps overlap, and weights are one step stale.
  case steady
  /// Nothing overlaps.
  case serial

  var overlap: Request.Overlap {
    switch self {
    case .flush: .backward
    case .steady: .steady
    case .serial: .none
    }
  }

  /// Into how many micro-batches the batch is cut; on the NPU alone, too, which cannot hold it whole.
  ///
  /// Where steps overlap no pipeline runs empty, and four are enough to fit.
  var microBatches: Int { self == .steady ? 4 : 16 }
}

/// A network on a near-storage machine, with the NPU alone as the baseline.
struct VisionRun: Hashable {
  /// The mini-batch of the publication.
  static let batch = 512

  let network: VisionNetwork
  var machine = "dpt-vision"
  /// The text of a machine that is in no catalogue, nil for one of the catalogue.
  var machineText: String?
  let schedule: VisionSchedule

  /// The step on which both plans agree.
  private var request: Request {
    var request = Request(model: network.model)
    request.machine = machine
    if let machineText { request.texts[machine] = machineText }
    request.batch = Self.batch
    request.microBatches = schedule.microBatches
    request.precision = .bfloat16
    request.optimizer = .momentum
    request.batchNormalization = .cell
    request.axes = [.batch]
    request.overlap = schedule.overlap
    return request
  }

  /// The front of the network on the drives and the rest on the NPU, cut where it is best; also nowhere.
  var partitioned: Request {
    var request = request
    request.groups = ["drive", "npu"]
    return request
  }

  /// Everything on the NPU.
  var alone: Request {
    var request = request
    request.planSource = .baseline(.singleDevice("npu"))
    return request
  }

  /// Searches the cut and compares it with the NPU alone.
  func result() throws(InputError) -> VisionResult {
    VisionResult(
      network: network, alone: try timed(alone).time, partitioned: try timed(partitioned))
  }
}

/// What a run gives.
struct VisionResult: Hashable {
  let network: VisionNetwork
  /// The step of the NPU alone.
  let alone: SimulatedTime
  /// The step with the best cut.
  let partitioned: TimedPlan

  /// By how much the step is shorter, in per cent.
  var reduction: Double {
    100 * (1 - Double(partitioned.time.picoseconds) / Double(alone.picoseconds))
  }

  private var front: TimedPlan.Stage? { partitioned.stages.first { $0.devices == "drive" } }

  /// The last operator on the drives, nil where they compute nothing.
  var cut: String? { front?.last }

  /// How many operators the drives run.
  var frontOperators: Int { front?.operators ?? 0 }

  /// The cut and both times.
  var note: String {
    let place = cut.map { "cut after \($0)" } ?? "nothing on the drives"
    return "\(place); \(partitioned.time) against \(alone) on the NPU alone"
  }
}
