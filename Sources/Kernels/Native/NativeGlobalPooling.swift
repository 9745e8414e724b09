import Graphs

/// The mean or the greatest element of each whole plane.
struct NativeGlobalPooling {
  private let isMaximum: Bool
  private let planes: Int
  /// The places of a plane.
  private let count: Int
  /// The channels that lie side by side at every place; those of the result always do.
  private let block: Int
  private let team: ThreadTeam

  init(_ request: KernelRequest, _ rules: GlobalPooling, _ team: ThreadTeam) {
    let shape = request.inputTypes[0].shape
    block = request.channelBlock
    (planes, count) = (shape[0] * shape[1] / block, product(shape[2...]))
    isMaximum = rules.reduction == .maximum
    self.team = team
  }

  func kernel(_ step: KernelRequest.Step) -> NativeKernel {
    if step == .forward {
      return NativeKernel { operands, _, _ in
        let (x, y) = (operands.input(0), operands.output(0))
        guard isMaximum else { return overPlanes { mean(x, y, plane: $0) } }
        let places = operands.rawAuxiliary(0).assumingMemoryBound(to: Int32.self)
        overPlanes { greatest(x, y, places, plane: $0) }
      }
    }
    return NativeKernel { operands, _, _ in
      guard let dx = operands.result(0) else { return }
      let e = operands.outputError(0)
      guard isMaximum else { return overPlanes { meanError(e, dx, plane: $0) } }
      let places = operands.rawAuxiliary(0).assumingMemoryBound(to: Int32.self)
      overPlanes { plane in
        (dx + plane * count * block).update(repeating: 0, count: count * block)
        for channel in plane * block..<(plane + 1) * block {
          dx[(plane * count + Int(places[channel])) * block + channel - plane * block] = e[channel]
        }
      }
    }
  }

  /// Shares the planes among the threads.
  private func overPlanes(_ body: (Int) -> Void) {
    team.split(planes, of: count * block) { planes, _ in
      for plane in planes { body(plane) }
    }
  }

  /// Calls the body for every eight channels of a block: where they lie in the first place of the plane, and
  /// where in the result.
  @inline(__always)
  private func forEachEight(of plane: Int, _ body: (_ start: Int, _ result: Int) -> Void) {
    var lane = 0
    while lane < block {
      body(plane * count * block + lane, plane * block + lane)
      lane += 8
    }
  }

  private func mean(_ x: UnsafePointer<Float>, _ y: Floats, plane: Int) {
    if block == 1 {
      y[plane] = Float(sum(x + plane * count, count)) / Float(count)
      return
    }
    forEachEight(of: plane) { start, result in
      var total = SIMD8<Double>.zero
      inRuns(count) { run in
        let first = start + run.lowerBound * block
        total += SIMD8<Double>(sum(run.count, from: first, by: block) { load(x, $0) })
      }
      store(Vector(total) / Float(count), y, result)
    }
  }

  private func greatest(
    _ x: UnsafePointer<Float>, _ y: Floats, _ places: UnsafeMutablePointer<Int32>, plane: Int
  ) {
    if block == 1 {
      let source = x + plane * count
      var best = 0
      for place in 1..<max(1, count) where source[place] > source[best] { best = place }
      y[plane] = source[best]
      places[plane] = Int32(best)
      return
    }
    forEachEight(of: plane) { start, result in
      var greatest = GreatestSoFar(value: load(x, start), place: .zero)
      for place in 1..<max(1, count) { greatest.consider(load(x, start + place * block), place) }
      greatest.write(y, places, result)
    }
  }

  private func meanError(_ e: UnsafePointer<Float>, _ dx: Floats, plane: Int) {
    if block == 1 {
      (dx + plane * count).update(repeating: e[plane] / Float(count), count: count)
      return
    }
    forEachEight(of: plane) { start, result in
      let share = load(e, result) / Float(count)
      for place in 0..<count { store(share, dx, start + place * block) }
    }
  }
}
