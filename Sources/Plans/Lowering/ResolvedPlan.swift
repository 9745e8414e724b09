import Devices
import Differentiation
public import Graphs
import Machines

/// A plan whose names have been looked up: every stage with its tasks, every node with its strategy.
struct ResolvedPlan {
  struct Stage {
    let tasks: StageTasks
    let group: DeviceGroup
    let nodes: Range<Int>
  }

  let plan: Plan
  let machine: Machine
  let training: TrainingGraph
  let stages: [Stage]
  let profiles: [OperatorProfile]
  let strategies: [Strategy]
  /// For each node the index of its stage.
  let stageOfNode: [Int]
  /// For each tensor the node that reads it as an activation and at which input; after forks there is one at
  /// most.
  let consumers: [(node: Int, input: Int)?]
  let producers: [(node: Int, output: Int)?]
  /// For each node its backward operations, in program order.
  let backward: [[TrainingGraph.Operation]]
  let forward: [TrainingGraph.Operation?]
  /// For each parameter the first node that reads it.
  let parameterOwners: [TensorID: NodeID]

  init(_ plan: Plan, training: TrainingGraph, machine: Machine) throws(PlanViolations) {
    let graph = training.graph
    self.plan = plan
    self.machine = machine
    self.training = training
    var violations: [PlanViolation] = []
    var stages: [Stage] = []
    var profiles: [OperatorProfile] = []
    var strategies: [Strategy] = []
    var stageOfNode: [Int] = []
    let groups = machine.groups
    for stage in plan.stages {
      guard let index = groups.firstIndex(where: { $0.name == stage.group }) else {
        throw PlanViolations([.unknownGroup(stage.group)])
      }
      guard stage.nodes.lowerBound == stageOfNode.count, stage.nodes.upperBound <= graph.nodes.count else {
        throw PlanViolations([.stagesDoNotCover(expected: graph.nodes.count, found: stage.nodes.upperBound)])
      }
      for device in groups[index].devices where !machine[device].supports(plan.options.precision) {
        violations.append(
          .precision(device: machine[device].name, precision: plan.options.precision.rawValue))
      }
      let tasks = StageTasks(
        training: training, machine: machine, groupIndex: index, shares: stage.shares, options: plan.options)
      for (node, names) in zip(stage.nodes, stage.rules) {
        let profile = OperatorProfile(NodeID(node), in: graph)
        profiles.append(profile)
        stageOfNode.append(stages.count)
        do throws(PlanViolation) {
          strategies.append(try profile.strategy(named: names, over: tasks.cut))
        } catch {
          violations.append(error)
        }
      }
      stages.append(Stage(tasks: tasks, group: groups[index], nodes: stage.nodes))
    }
    if stageOfNode.count != graph.nodes.count {
      violations.append(.stagesDoNotCover(expected: graph.nodes.count, found: stageOfNode.count))
    }
    guard violations.isEmpty else { throw PlanViolations(violations) }
    self.stages = stages
    self.profiles = profiles
    self.strategies = strategies
    self.stageOfNode = stageOfNode
    (producers, consumers) = activationEnds(graph)
    var backward = [[TrainingGraph.Operation]](repeating: [], count: graph.nodes.count)
    var forward = [TrainingGraph.Operation?](repeating: nil, count: graph.nodes.count)
    for operation in training.operations {
      guard let node = operation.node else { continue }
      if operation.phase == .forward {
        forward[node.index] = operation
      } else {
        backward[node.index].append(operation)
      }
    }
    self.backward = backward
    self.forward = forward
    var owners: [TensorID: NodeID] = [:]
    for (index, node) in graph.nodes.enumerated() {
      for tensor in node.inputs where graph[tensor].role.isStatic && owners[tensor] == nil {
        owners[tensor] = NodeID(index)
      }
    }
    parameterOwners = owners
  }

  /// Whether the error of a tensor is computed at all.
  func hasError(_ tensor: TensorID) -> Bool {
    guard let consumer = consumers[tensor.index] else { return false }
    return backward[consumer.node].contains { $0.writes.contains(.error(tensor)) }
  }
}

/// Returns for each tensor the node and output that write it, and the node and input that read it as an
/// activation.
public func activationEnds(
  _ graph: Graph
) -> (producers: [(node: Int, output: Int)?], consumers: [(node: Int, input: Int)?]) {
  var producers = [(node: Int, output: Int)?](repeating: nil, count: graph.tensors.count)
  var consumers = [(node: Int, input: Int)?](repeating: nil, count: graph.tensors.count)
  for (index, node) in graph.nodes.enumerated() {
    for (position, tensor) in node.outputs.enumerated() { producers[tensor.index] = (index, position) }
    for (position, tensor) in node.inputs.enumerated() where !graph[tensor].role.isStatic {
      consumers[tensor.index] = (index, position)
    }
  }
  return (producers, consumers)
}
