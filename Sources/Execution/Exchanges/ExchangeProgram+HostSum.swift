public import Graphs
public import Machines
import Plans

extension ExchangeProgram {
  /// The first half of a sum on the host: every device sends its addends, and the host adds them, in the
  /// order of the devices or in the tree over the cells.
  ///
  /// A device has its addends *before*, one behind the other, and nothing *after*; the host the other way
  /// round has the sum. The host takes one device's addends after another's, so that it needs no scratch for
  /// all of them. With the sum done, the host sends it back by
  /// ``hostReturn(_:to:from:device:elementType:)``.
  ///
  /// - Parameters:
  ///   - count: The elements of an addend.
  ///   - devices: The devices that have addends.
  ///   - host: The device that sums.
  ///   - device: The device whose program it is.
  ///   - addends: The nodes of the tree that the devices' addends are; nil where each has one, and the order
  ///     of the devices counts.
  ///   - elementType: What one element is.
  public static func hostSum(
    _ count: Int, of devices: [DeviceID], on host: DeviceID, device: DeviceID, addends: CellAddends? = nil,
    elementType: ElementType
  ) -> ExchangeProgram {
    var builder = ExchangeBuilder(elementType)
    guard device == host else {
      guard let index = devices.firstIndex(of: device) else {
        return builder.program(beforeCount: 0, afterCount: 0)
      }
      let sent = count * (addends?.nodes[index].count ?? 1)
      let region = Region(.before, offset: 0, count: sent)
      builder.exchange([.init(peer: host.index, region: region, remote: region.strips)], [])
      return builder.program(beforeCount: sent, afterCount: 0)
    }
    let result = Region(.after, offset: 0, count: count)
    if let addends {
      builder.sumInTree(addends, of: devices, count, to: result)
    } else {
      for (index, sender) in devices.enumerated() {
        builder.exchange(
          [],
          [.init(peer: sender.index, region: result, remote: result.strips, isAdded: index > 0)])
      }
    }
    return builder.program(beforeCount: 0, afterCount: count)
  }

  /// The second half of a sum on the host: every device receives the sum.
  ///
  /// The host has the sum *before* and nothing *after*, a device the other way round.
  ///
  /// - Parameters:
  ///   - count: The elements of the sum.
  ///   - devices: The devices that receive it.
  ///   - host: The device that has it.
  ///   - device: The device whose program it is.
  ///   - elementType: What one element is.
  public static func hostReturn(
    _ count: Int, to devices: [DeviceID], from host: DeviceID, device: DeviceID, elementType: ElementType
  ) -> ExchangeProgram {
    var builder = ExchangeBuilder(elementType)
    let sum = Region(.before, offset: 0, count: count)
    let result = Region(.after, offset: 0, count: count)
    if device == host {
      builder.exchange(
        devices.map { .init(peer: $0.index, region: sum, remote: result.strips) }, [])
      return builder.program(beforeCount: count, afterCount: 0)
    }
    guard devices.contains(device) else { return builder.program(beforeCount: 0, afterCount: 0) }
    builder.exchange([], [.init(peer: host.index, region: result, remote: sum.strips)])
    return builder.program(beforeCount: 0, afterCount: count)
  }
}

extension ExchangeBuilder {
  /// Receives addends device by device and adds at once what can be added, so that little waits.
  fileprivate mutating func sumInTree(
    _ addends: CellAddends, of devices: [DeviceID], _ count: Int, to result: Region
  ) {
    guard count > 0 else { return }
    var held: [(node: CellGrid.Node, place: Region)] = []
    for (index, sender) in devices.enumerated() {
      let nodes = addends.nodes[index]
      let arrived = allocate(nodes.count * count)
      exchange([], [.init(peer: sender.index, region: arrived, remote: arrived.strips)])
      let start = arrived.start?.offset ?? 0
      held += nodes.enumerated().map {
        ($1, Region(.scratch, offset: start + $0 * count, count: count))
      }
      let leaves = held.map(\.place)
      held = addends.grid.merge(held.map(\.node)).map { ($0.node, evaluate($0.sum, leaves)) }
    }
    precondition(held.count == 1, "\(held.map(\.node)) are not all cells")
    copy(from: held[0].place, to: result)
    free(held[0].place)
  }
}
