public import Graphs
public import Machines
public import Plans

extension ExchangeProgram {
  /// A transfer from one group to another, as one device runs it: ``Plans/StageTasks/flows(_:from:to:at:)``
  /// on real data.
  ///
  /// Each receiver takes every element of its part from one device that holds it; where several hold it,
  /// receiver `j` of the group asks replica `j mod replicas`. What a device takes from itself is copied. The
  /// buffer *before* is the device's local tensor of the source layout, if it stands in the source group;
  /// *after* is that of the target layout, if it stands in the target group.
  ///
  /// - Parameters:
  ///   - shape: The shape of the whole tensor.
  ///   - source: The layout before, which is not partial.
  ///   - sourceCut: The group that sends.
  ///   - target: The layout afterwards.
  ///   - targetCut: The group that receives.
  ///   - device: The device whose program it is.
  ///   - elementType: What one element is.
  public static func transfer(
    _ shape: [Int], from source: Layout, over sourceCut: Cut, to target: Layout, over targetCut: Cut,
    device: DeviceID, elementType: ElementType
  ) -> ExchangeProgram {
    precondition(
      !source.isPartial && !target.isPartial, "\(source) to \(target): addends never leave a group")
    let (senders, receivers) = (sourceCut.group.devices, targetCut.group.devices)
    func held(_ sender: Int) -> Holding { Holding(shape, source, over: sourceCut, device: sender) }
    func wanted(_ receiver: Int) -> Holding { Holding(shape, target, over: targetCut, device: receiver) }
    let replica = ReplicaNumbers(source, over: sourceCut)
    var builder = ExchangeBuilder(elementType)
    var outgoing: [ExchangeBuilder.Outgoing] = []
    var incoming: [ExchangeBuilder.Incoming] = []
    let sender = senders.firstIndex(of: device)
    let receiver = receivers.firstIndex(of: device)
    let own = (before: sender.map(held), after: receiver.map(wanted))
    if let sender, let before = own.before {
      for other in receivers.indices where replica[sender] == other % replica.count {
        let after = wanted(other)
        let common = before.intersection(after)
        let region = Region(.before, before.strips(of: common))
        if receivers[other] == device {
          builder.copy(from: region, to: Region(.after, after.strips(of: common)))
        } else {
          outgoing.append(
            .init(peer: receivers[other].index, region: region, remote: after.strips(of: common)))
        }
      }
    }
    if let receiver, let after = own.after {
      for other in senders.indices
      where senders[other] != device && replica[other] == receiver % replica.count {
        let before = held(other)
        let common = before.intersection(after)
        incoming.append(
          .init(
            peer: senders[other].index, region: Region(.after, after.strips(of: common)),
            remote: before.strips(of: common)))
      }
    }
    builder.exchange(outgoing, incoming)
    return builder.program(beforeCount: own.before?.count ?? 0, afterCount: own.after?.count ?? 0)
  }
}
