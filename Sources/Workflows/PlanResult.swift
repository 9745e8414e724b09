import Diagnostics
import Machines
import Plans
import Pricing
import Results
import Simulation
import Units

/// A plan lowered, priced and simulated.
struct PlanResult {
  let tasks: TaskGraph
  let costs: TaskCosts
  let cost: StepCost
  let timeline: Timeline

  init(_ tasks: TaskGraph, on machine: Machine) {
    self.tasks = tasks
    costs = TaskCosts(tasks, on: machine)
    cost = price(tasks, costs: costs)
    timeline = Simulation.simulate(tasks, costs: costs)
  }

  /// The tasks that decide the makespan, in the order of time.
  var criticalPath: [SimulationReport.CriticalTask] {
    timeline.criticalTasks(of: tasks).map { index in
      let task = tasks.tasks[index]
      let interval = timeline.taskIntervals[index]
      return SimulationReport.CriticalTask(
        task: index, name: task.label.name, category: task.category.rawValue,
        resources: costs.cost(of: index).occupancies.map { costs.resources.resources[$0.resource].name },
        start: interval.start, duration: interval.end - interval.start)
    }
  }
}

extension Session {
  /// Lowers, prices and simulates a decision's plan.
  func result(of decision: Decision) throws(InputError) -> PlanResult {
    PlanResult(try tasks(of: decision), on: decision.machine)
  }

  /// The tasks of a decision's plan.
  func tasks(of decision: Decision) throws(InputError) -> TaskGraph {
    do throws(PlanViolations) {
      return try lowered(decision.plan, facts: decision.facts, on: decision.machine)
    } catch {
      throw InputError(.infeasible, error.violations.map(\.description).joined(separator: "; "))
    }
  }
}
