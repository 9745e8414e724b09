import Devices
import Differentiation
public import Graphs
public import Machines
import Units

/// The devices that store the samples, in equal shares of the batch.
struct SampleStore {
  let cut: Cut
  let layout: Layout

  init(_ samples: SampleLocation, grid: CellGrid?) {
    let count = samples.devices.count
    let levels = count == 1 ? [] : [DeviceGroup.Level(ways: count, network: .listed)]
    let group = DeviceGroup(name: "samples", devices: samples.devices, levels: levels)
    cut = Cut(group: group, shares: .equal(group), grid: grid)
    layout = Layout(count == 1 ? [] : [.sharded(0)])
  }
}

extension StageTasks {
  /// The bytes of an element of an activation that moves: whole numbers, such as words, move as int64.
  public func movingSize(of tensor: TensorID) -> Int {
    training.graph[tensor].type.elementType.isFloatingPoint ? sizes.activation : ElementType.int64.size.count
  }

  /// What must flow so that another group holds a tensor of this one.
  ///
  /// - Parameter elementSize: The bytes of an element.
  public func flows(
    _ shape: [Int], from: Layout, to: Layout, at other: StageTasks, elementSize: Int
  ) -> [Flow] {
    Plans.flows(shape, elementSize: elementSize, source: from, over: cut, target: to, over: other.cut)
  }

  /// The reads of stored samples and the flows that bring them to this group, or nil where samples stand
  /// nowhere.
  public func load(
    _ shape: [Int], to target: Layout, from machine: Machine
  ) -> (reads: [TaskGraph.Kind], flows: [Flow])? {
    guard let samples = machine.samples else { return nil }
    let store = SampleStore(samples, grid: cut.grid)
    let reads = samples.devices.indices.map { device in
      let elements = store.cut.localElements(shape, store.layout, device: device)
      return TaskGraph.Kind.storageRead(
        samples.devices[device], bytes: Bytes(elements * samples.bytesPerElement))
    }
    let flows = Plans.flows(
      shape, elementSize: samples.bytesPerElement, source: store.layout, over: store.cut, target: target,
      over: cut)
    return (reads, flows)
  }

  /// The layout in which a tensor leaves its group: addends are summed, along the batch where that can be
  /// cut.
  public func wholeBeforeLeaving(_ shape: [Int], _ layout: Layout) -> Layout {
    guard layout.isPartial else { return layout }
    var whole = layout
    for level in 0..<layout.levelCount where layout[level] == .partial {
      let scattered = whole.with(.sharded(0), at: level)
      whole = cut.fits(shape, scattered) ? scattered : whole.with(.replicated, at: level)
    }
    return whole
  }
}
