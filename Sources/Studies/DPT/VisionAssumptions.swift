import Machines
import Results
import Units

extension Assumption {
  /// Everything that is assumed for the vision case, row by row; the machine's numbers are read from it.
  static func vision(on machine: Machine) -> [Assumption] { hardware(machine) + step }

  private static func hardware(_ machine: Machine) -> [Assumption] {
    guard let npu = machine.devices.first(where: { $0.group == "npu" }),
      let drive = machine.devices.first(where: { $0.group == "drive" }),
      let host = machine.devices.first(where: { $0.group == "host" }),
      case .systolicArray(let large) = npu.model, case .nearStorage(let small, let flash) = drive.model
    else { preconditionFailure("\(machine.name) has no NPU beside drives and a host") }
    return [
      Assumption(
        what: "NPU", value: "weight-stationary array, \(large.text)",
        why: "the publication names none; the clock is that of TPU v1"),
      Assumption(
        what: "memory of the NPU", value: npu.memory.text,
        why: "one HBM2 stack, 1024 bits at 2.0 Gb/s (JESD235); efficiency and capacity assumed"),
      Assumption(
        what: "array of a drive", value: "weight-stationary array, \(small.text)",
        why: "fits an FPGA of the KU15P class, 1968 multipliers, in 16 bits and not in 32"),
      Assumption(
        what: "memory of a drive", value: drive.memory.text,
        why: "DDR4-2400, 64 bits (JESD79-4); efficiency and capacity assumed"),
      Assumption(
        what: "flash of a drive",
        value: "\(flash.channels) channels of \(flash.bus), efficiency \(flash.efficiency)",
        why: "assumed; images stand there as bytes and load under the step before"),
      Assumption(
        what: "link of a drive", value: "\(rate(of: machine, between: "drive")) in each direction",
        why: "PCI Express 3.0, 4 lanes, 3.94 GB/s less protocol"),
      Assumption(
        what: "links of the host and of the NPU",
        value: "\(rate(of: machine, between: "npu")) in each direction",
        why: "PCI Express 3.0, 16 lanes, 15.75 GB/s less protocol"),
      Assumption(
        what: "host", value: "sums the drives' gradients at \(host.memory.bandwidth)",
        why: "the natural duty of the processor in a cut over three kinds of device; assumed"),
    ]
  }

  private static let step = [
    Assumption(
      what: "networks", value: "AlexNet, VGG-16, ResNet-18, -34, -50 and -101 in the mean",
      why: "the publication names none; the usual ones of its years"),
    Assumption(
      what: "images", value: "224 × 224 × 3 (AlexNet 227), one byte an element on flash",
      why: "the geometry of ImageNet-1k; the publication names no data set"),
    Assumption(
      what: "front layers", value: "trained",
      why: "a layer index at which training is cut suggests it"),
    Assumption(
      what: "precision", value: "bfloat16, gradients and master copies in 32 bits",
      why: "the publication names none"),
    Assumption(what: "optimizer", value: "momentum", why: "usual for convolutional networks"),
    Assumption(
      what: "batch normalisation",
      value: "over one micro-batch on one device: with a flush \(localSamples) images on each of four drives",
      why: "statistics over the whole batch forbid micro-batches"),
    Assumption(
      what: "schedules",
      value:
        "\(flush) micro-batches and a flush; or steps that overlap, one stale, of \(steady) micro-batches",
      why: "without overlap there is no gain; the publication does not say which"),
    Assumption(
      what: "baseline", value: "everything on the NPU, same schedule and micro-batches, images prefetched",
      why: "the publication does not say whether its baseline prefetches"),
    Assumption(
      what: "memory passes", value: "each operator reads and writes its tensors once, nothing is fused",
      why: "blocking on chip is assumed; no operator is free"),
    Assumption(
      what: "depthwise convolutions", value: "on the vector path, one lane a column",
      why: "a weight-stationary array has no use for its rows there; only MobileNets depend on it"),
  ]

  private static let flush = VisionSchedule.flush.microBatches
  private static let steady = VisionSchedule.steady.microBatches
  private static let localSamples = VisionRun.batch / flush / 4

  private static func rate(of machine: Machine, between name: String) -> String {
    machine.links.first { $0.name.contains(name) }?.bandwidth.description ?? "none"
  }
}

extension SystolicArray {
  fileprivate var text: String { "\(rows) × \(columns) cells at \(clock)" }
}

extension Memory {
  fileprivate var text: String { "\(capacity), \(bandwidth) × \(efficiency)" }
}
