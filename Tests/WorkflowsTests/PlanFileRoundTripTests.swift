import Diagnostics
import Differentiation
import Documents
import Graphs
import Machines
import Planning
import Plans
import Results
import TestSupport
import Testing
import Units

@testable import Workflows

/// What is written must be what is read: the same plan, and not one that costs the same.
struct PlanFileRoundTripTests {
  /// Four unlike devices over two levels beside a processor.
  private static let machine = """
    schema: partita.machine/1
    name: unlike
    devices:
      slow: &slow
        kind: gpu
        count: 2
        peak: {float64: 1 TFLOP/s, float32: 1 TFLOP/s, float16: 2 TFLOP/s}
        efficiency: 0.5
        launch: 1 us
        source: made up
        memory: {capacity: 8 GiB, bandwidth: 100 GB/s, efficiency: 0.8}
      fast:
        kind: gpu
        count: 2
        peak: {float64: 3 TFLOP/s, float32: 3 TFLOP/s, float16: 6 TFLOP/s}
        efficiency: 0.5
        launch: 1 us
        source: made up
        memory: {capacity: 8 GiB, bandwidth: 200 GB/s, efficiency: 0.8}
    mesh:
      over: [slow, fast]
      levels:
        - {name: upper, ways: 2, topology: fully-connected, bandwidth: 10 GB/s, duplex: full, latency: 1 us}
        - {name: lower, ways: 2, topology: fully-connected, bandwidth: 20 GB/s, duplex: full, latency: 1 us}
    """

  private func baseRequest() -> Request {
    var request = Request(model: "lenet")
    request.machine = "unlike.yaml"
    request.texts["unlike.yaml"] = Self.machine.replacing("&slow", with: "")
    request.batch = 32
    return request
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
  func aWrittenPlanIsReadAsTheSamePlan(_ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var request = baseRequest()
    request.overlap = random.element(of: [.none, .backward, .steady])
    request.optimizer = random.element(of: [.sgd, .momentum, .adam])
    request.precision = random.element(of: [.float32, .float64, .float16])
    request.reduction = random.element(of: [.best, .lazy])
    request.batchNormalization = random.element(of: [.full, .cell, .frozen])
    request.cells = random.element(of: [nil, 4, 8])
    let microBatches = random.element(of: [1, 2, 4])
    request.microBatches = microBatches
    let session = try Session(request)
    let group = try #require(session.machine.firstGroupOfSeveral)
    let training = try session.training(microBatches: microBatches)
    let shares = Shares([[1 + random.below(4), 1 + random.below(4)], [1 + random.below(4), 1]])
    let cut = Cut(group: group, shares: shares)
    let rules = training.graph.nodes.indices.map { index in
      random.element(
        of:
          OperatorProfile(NodeID(index), in: training.graph)
          .strategies(over: cut, axes: [.batch, .inputChannel, .outputChannel], fixed: []).map(\.names))
    }
    let plan = Plan(
      model: training.graph.name, machine: session.machine.name, batch: 32,
      stages: [Stage(group: group.name, nodes: rules.indices, rules: rules, shares: shares)],
      options: session.step(microBatches: microBatches, cells: request.cells))
    // A plan of random rules may be impossible to lower; its file must be the same in any case.
    let decision = Decision(
      plan: plan, machine: session.machine, facts: StepFacts(training),
      outcome: SearchOutcome(
        best: nil, others: [], rejected: [], isExact: false, gap: nil, states: 0, earliest: nil),
      origin: "a test")
    let written = plan.document(
      training.graph, settings: session.settings(of: plan).document, shares: session.shares(of: decision))
    // Nothing but the model, the machine and the file: the step must come from the file alone.
    var reading = baseRequest()
    reading.batch = nil
    reading.planSource = .file("plan.json")
    reading.texts["plan.json"] = written.prettyPrinted
    let again = try Session(reading)
    #expect(again.settings(of: plan) == session.settings(of: plan), "seed \(seed)")
    let file = try #require(again.planFile)
    let kept = try file.decisions(for: training.graph, on: session.machine)
    #expect(training.graph.nodes.map { kept.rules[$0.name] } == rules, "seed \(seed)")
    #expect(try file.shares(on: session.machine) == ["mesh": shares], "seed \(seed)")
    do throws(InputError) {
      #expect(try again.decide().plan == plan, "seed \(seed)")
    } catch {
      #expect(error.diagnostics.first?.kind == .infeasible, "seed \(seed): \(error)")
      #expect(throws: PlanViolations.self) {
        try lower(plan, facts: StepFacts(training), machine: session.machine)
      }
    }
  }

  @Test(arguments: ["unlike.yaml", "workstation", "dpt-vision"])
  func aFoundPlanIsReadAsTheSamePlan(_ machine: String) throws {
    var request = baseRequest()
    if machine != "unlike.yaml" { request.machine = machine }
    request.precision = .float32
    request.optimizer = .momentum
    let outcome = try Workflows.plan(request)
    let first = try Session(request).decide().plan
    var reading = baseRequest()
    reading.machine = request.machine
    reading.planSource = .file("plan.json")
    reading.texts["plan.json"] = outcome.plan.prettyPrinted
    #expect(try Session(reading).decide().plan == first)
    #expect(try Workflows.plan(reading).plan == outcome.plan)
  }

  @Test func aFlagWinsOverTheFileAndADefaultDoesNot() throws {
    var request = baseRequest()
    request.texts["plan.json"] = """
      {"schema": "partita.plan/1", "batch": 16, "step": {"optimizer": "adam", "overlap": "none", "cells": 2,
       "micro_batches": 2, "precision": "float64", "reduction": "lazy", "batch_normalization": "cell"}}
      """
    request.planSource = .file("plan.json")
    request.batch = nil
    var settings = try Workflows.plan(request).report.settings
    #expect(settings.optimizer == "adam" && settings.overlap == "none" && settings.precision == "float64")
    #expect(settings.reduction == "lazy" && settings.batchNormalization == "cell")
    #expect(settings.cells == 2 && settings.microBatches == 2)
    request.optimizer = .sgd
    request.overlap = .backward
    request.microBatches = 1
    settings = try Workflows.plan(request).report.settings
    #expect(settings.optimizer == "sgd" && settings.overlap == "backward" && settings.microBatches == 1)
    #expect(settings.precision == "float64")
  }

  @Test func sharesThatContradictAreRefusedWithTheirPlace() throws {
    let cases = [
      (#"{"devices": "mesh", "level": "upper", "weights": [1, 2, 3]}"#, "has 2 parts"),
      (#"{"devices": "mesh", "level": "middle", "weights": [1, 2]}"#, "no level 'middle'"),
      (#"{"devices": "slow", "level": "upper", "weights": [1, 2]}"#, "no group 'slow'"),
      (#"{"devices": "mesh", "level": "upper", "weights": [0, 0]}"#, "not all be zero"),
      (
        #"{"devices": "mesh", "level": "upper", "weights": [1, 1], "fractions": [0.7, 0.3]}"#, "contradict"
      ),
      (#"{"devices": "mesh", "level": "upper", "fractions": [0.7, 0.7]}"#, "whole-number weights"),
      (#"{"devices": "mesh", "level": "upper"}"#, "whole-number weights"),
      (#"{"devices": "mesh", "level": "upper", "axis": "batch", "weights": [1, 1]}"#, "all axes"),
    ]
    for (share, message) in cases {
      var request = baseRequest()
      request.planSource = .file("plan.json")
      request.texts["plan.json"] = #"{"schema": "partita.plan/1", "shares": [\#(share)]}"#
      let fault = try #require(
        faults { () throws(InputError) in try Workflows.plan(request) }.first, "\(share)")
      #expect(fault.kind == .badModel && fault.location?.file == "plan.json", "\(share)")
      #expect(fault.message.contains(message), "\(share): \(fault.message)")
    }
  }

  // A third and two thirds are weights 1 and 2, of which the smallest are taken.
  @Test func fractionsAloneAreReadAsTheSmallestWeights() throws {
    var request = baseRequest()
    request.planSource = .file("plan.json")
    request.texts["plan.json"] = """
      {"schema": "partita.plan/1", "shares": [
       {"devices": "mesh", "level": "lower", "axis": "all", "fractions": [0.3333333, 0.6666667]}]}
      """
    let stage = try #require(try Session(request).decide().plan.stages.first { $0.group == "mesh" })
    #expect(stage.shares == Shares([[1, 1], [1, 2]]))
  }

  @Test func aCutThatThePlanOrTheMachineLeavesNoRoomForIsRefused() throws {
    func fault(_ change: (inout Request) -> Void) throws -> Diagnostic {
      var request = request()
      change(&request)
      return try #require(faults { () throws(InputError) in try Workflows.plan(request) }.first)
    }
    let one = try fault { $0.cut = .after("conv1") }
    #expect(one.kind == .usage && one.message.contains("one group of devices, 'mesh'"))
    let end = try fault {
      $0.machine = "workstation"
      $0.cut = .after("loss")
    }
    #expect(end.kind == .usage && end.message.contains("with which the network ends"))
    let elsewhere = try fault {
      $0.machine = "workstation"
      $0.cut = .after("conv1")
      $0.texts["plan.json"] = """
        {"schema": "partita.plan/1", "layers": [{"name": "conv1", "devices": "gpu"},
         {"name": "fc2", "devices": "gpu"}]}
        """
      $0.planSource = .file("plan.json")
    }
    #expect(elsewhere.kind == .usage && elsewhere.message.contains("not cut after 'conv1'"))
  }
}
