import Graphs

/// Operators that select or reduce elements.
struct NativeSelection: Sendable {
  let request: KernelRequest
  let team: ThreadTeam

  func embedding() -> NativeKernel {
    let count = request.inputTypes[0].elementCount
    let (rows, columns) = (request.inputTypes[1].shape[0], request.inputTypes[1].shape[1])
    let all = TableRows(count: rows, present: [0..<rows])
    if request.step == .forward {
      return NativeKernel { operands, moment, _ in
        let (indices, table, y) = (operands.indices(0), operands.input(1), operands.output(0))
        let present = moment.rows ?? all
        team.split(count, of: columns) { places, _ in
          for place in places {
            let target = y + place * columns
            if let row = present.place(of: Int(indices[place])) {
              target.update(from: table + row * columns, count: columns)
            } else {
              target.update(repeating: 0, count: columns)
            }
          }
        }
      }
    }
    return NativeKernel { operands, moment, _ in
      guard let gradient = operands.result(0) else { return }
      let (indices, e) = (operands.indices(0), operands.outputError(0))
      gradient.update(repeating: 0, count: rows * columns)
      let present = moment.rows ?? all
      for place in 0..<count {
        guard let row = present.place(of: Int(indices[place])) else { continue }
        add(e + place * columns, to: gradient + row * columns, columns)
      }
    }
  }

  func gather(_ rules: Gather) -> NativeKernel {
    let data = request.inputTypes[0].shape
    let (outer, extent) = (product(data[..<rules.axis]), data[rules.axis])
    let inner = product(data[(rules.axis + 1)...])
    let count = request.inputTypes[1].elementCount
    @Sendable func row(_ index: Int64) -> Int {
      let place = index < 0 ? Int(index) + extent : Int(index)
      precondition((0..<extent).contains(place), "the index \(index) is outside \(extent)")
      return place
    }
    if request.step == .forward {
      return NativeKernel { operands, _, _ in
        let (x, indices, y) = (operands.input(0), operands.indices(1), operands.output(0))
        for line in 0..<outer {
          for place in 0..<count {
            (y + (line * count + place) * inner)
              .update(from: x + (line * extent + row(indices[place])) * inner, count: inner)
          }
        }
      }
    }
    return NativeKernel { operands, _, _ in
      guard let dx = operands.result(0) else { return }
      let (e, indices) = (operands.outputError(0), operands.indices(1))
      dx.update(repeating: 0, count: outer * extent * inner)
      for line in 0..<outer {
        for place in 0..<count {
          add(
            e + (line * count + place) * inner, to: dx + (line * extent + row(indices[place])) * inner, inner)
        }
      }
    }
  }

  func reduction(_ rules: Reduction) -> NativeKernel? {
    let shape = request.inputTypes[0].shape
    let reduced = shape.indices.filter { rules.axes.contains($0) && shape[$0] != 1 }
    // Reduced dimensions that do not lie side by side are left to the reference kernel.
    guard reduced.isEmpty || reduced == Array(reduced[0]...reduced[reduced.count - 1]) else { return nil }
    let outer = product(shape[..<(reduced.first ?? shape.count)])
    let length = product(reduced.map { shape[$0] })
    let inner = product(shape[(reduced.last.map { $0 + 1 } ?? shape.count)...])
    switch rules.function {
    case .maximum: return nil
    case .mean, .sum:
      let factor = rules.function == .mean ? 1 / Float(length) : 1
      if request.step == .forward {
        return NativeKernel { operands, _, _ in
          let (x, y) = (operands.input(0), operands.output(0))
          team.split(outer, of: length * inner) { lines, _ in
            for line in lines {
              let source = x + line * length * inner
              if inner == 1 {
                y[line] = Float(sum(source, length)) * factor
              } else {
                columnSums(
                  0..<inner, of: source, rows: length, columns: inner, factor: factor, into: y + line * inner)
              }
            }
          }
        }
      }
      return NativeKernel { operands, _, _ in
        guard let dx = operands.result(0) else { return }
        let e = operands.outputError(0)
        team.split(outer, of: length * inner) { lines, _ in
          for line in lines {
            let target = dx + line * length * inner
            if inner == 1 {
              target.update(repeating: e[line] * factor, count: length)
            } else {
              for row in 0..<length {
                for place in 0..<inner { target[row * inner + place] = e[line * inner + place] * factor }
              }
            }
          }
        }
      }
    }
  }
}

/// Adds numbers to others.
func add(_ source: UnsafePointer<Float>, to target: Floats, _ count: Int) {
  inVectors(count) {
    store(load(target, $0) + load(source, $0), target, $0)
  } _: {
    target[$0] += source[$0]
  }
}
