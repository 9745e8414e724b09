import Devices
public import Differentiation
import Graphs
public import Machines

/// A plan whose names have been looked up: every stage with its tasks, every node with its strategy.
public final class ResolvedPlan: Sendable {
  /// A stage with what its operators do.
  public struct Stage: Sendable {
    /// What its operators do on its devices, and how the devices share tensors.
    public let tasks: StageTasks
    /// Its devices.
    public let group: DeviceGroup
    /// The nodes of the forward graph that it runs.
    public let nodes: Range<Int>
  }

  /// The plan.
  public let plan: Plan
  /// The machine that it is for.
  public let machine: Machine
  /// The training graph of one micro-batch and who reads and writes what.
  public let facts: StepFacts
  /// The routes over listed links.
  let routes: Routes
  /// The stages in the order of the data.
  public let stages: [Stage]
  /// For each node how it is spread over the devices of its stage.
  public let strategies: [Strategy]
  /// For each node the index of its stage.
  public let stageOfNode: [Int]

  /// The training graph of one micro-batch.
  public var training: TrainingGraph { facts.training }
  var profiles: [OperatorProfile] { facts.profiles }
  var consumers: [StepFacts.Reader?] { facts.consumers }
  var producers: [StepFacts.Writer?] { facts.producers }
  var backward: [[TrainingGraph.Operation]] { facts.backward }
  var forward: [TrainingGraph.Operation?] { facts.forward }

  /// Whether every sum over the batch keeps its order: every weighted operator is replicated or split along
  /// the batch alone, and no other operator leaves addends that are not gradients over the batch.
  ///
  /// With cells (``StepOptions/cells``) such a plan gives the same bits as a single device.
  public var keepsOrder: Bool {
    strategies.indices.allSatisfy { index in
      let node = profiles[index].node
      return strategies[index].rules.allSatisfy { rule in
        if node.operator.rules.isWeighted, let axis = rule.axis, axis != .batch { return false }
        // A loss leaves addends over the batch, which nothing on a device reads.
        if rule.outputs.contains(.partial), !node.operator.rules.isLoss { return false }
        return rule.inputErrors.indices.allSatisfy { input in
          rule.inputErrors[input] != .partial
            || rule.axis == .batch && facts.training.graph[node.inputs[input]].role.isStatic
        }
      }
    }
  }

  /// Looks up the names of a plan.
  ///
  /// - Throws: Every name that is not there, and every rule that an operator does not allow.
  public init(_ plan: Plan, facts: StepFacts, machine: Machine) throws(PlanViolations) {
    let training = facts.training
    let graph = training.graph
    self.plan = plan
    self.machine = machine
    self.facts = facts
    routes = Routes(machine)
    var violations: [PlanViolation] = []
    var stages: [Stage] = []
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
        let profile = facts.profiles[node]
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
    self.strategies = strategies
    self.stageOfNode = stageOfNode
  }
}
