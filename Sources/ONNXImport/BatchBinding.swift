internal import Graphs

/// What the symbolic dimensions are, and how a batch that is fixed in the file becomes another.
///
/// A file with a fixed batch is read twice: once as it is, and once with the wanted batch. In the second
/// pass each tensor must be the first pass's with one dimension scaled, so a literal batch in a reshape is
/// seen and replaced, and whatever cannot follow is an error and never a silent change of the network.
struct BatchBinding {
  /// A first pass: its batch, its shapes by name, and the targets of its reshapes by the result's name.
  struct Reference {
    let batch: Int
    let shapes: [String: [Int]]
    let reshapeTargets: [String: [Int]]
  }

  /// The batch of this pass.
  let batch: Int
  /// The name of the batch dimension, empty where it has none.
  let batchName: String
  /// What other symbolic dimensions are.
  let dimensions: [String: Int]
  /// The batch that the file fixes, nil where it is symbolic.
  let fixedBatch: Int?
  /// Whether a second pass will need this one's shapes.
  let isFirstOfTwo: Bool
  /// The first pass, where this is the second.
  let reference: Reference?

  /// Returns the extents of an input.
  func shape(of input: ValueMessage, _ dimensions: [Dimension]) throws(ImportFault) -> [Int] {
    var shape: [Int] = []
    for (index, dimension) in dimensions.enumerated() {
      switch dimension {
      case .fixed(let extent):
        shape.append(index == 0 && extent == fixedBatch ? batch : extent)
      case .symbolic(let name):
        if let extent = self.dimensions[name], !name.isEmpty {
          shape.append(extent)
        } else if index == 0 || (!name.isEmpty && name == batchName) {
          shape.append(batch)
        } else {
          throw ImportFault(
            "dimension \(index) of the input is symbolic\(name.isEmpty ? "" : " (\(shortened(name)))")",
            at: input.offset, part: "input \(input.name)",
            hint: "export the model with this dimension fixed, or bind it")
        }
      }
    }
    return shape
  }

  /// Throws where a tensor of the second pass is not the first's with one dimension scaled.
  func check(_ shape: [Int], of name: String, at offset: Int) throws(ImportFault) {
    guard let reference else { return }
    guard let first = reference.shapes[name], first.count == shape.count else {
      throw fault("\(shortened(name)) has another rank", at: offset, name: name, reference: reference)
    }
    let scaled = shape.indices.filter { shape[$0] != first[$0] }
    let isScaled =
      scaled.count <= 1
      && scaled.allSatisfy { dimension in
        let left = shape[dimension].multipliedFullWidth(by: reference.batch)
        let right = first[dimension].multipliedFullWidth(by: batch)
        return left == right
      }
    guard isScaled else {
      throw fault("\(first) would become \(shape)", at: offset, name: name, reference: reference)
    }
  }

  /// Returns the shape that a reshape to literal extents has with this batch, nil where none is clear.
  ///
  /// The batch lies at one dimension of the input. In row-major order the result must hold it where the
  /// elements before it, or those after it, are as many as in the input.
  func rebound(input: [Int], firstInput: [Int], firstOutput: [Int]) -> [Int]? {
    guard let reference else { return nil }
    guard let place = input.indices.first(where: { input[$0] != firstInput[$0] }) else { return firstOutput }
    let before = firstInput[..<place].reduce(1, *)
    let after = firstInput[(place + 1)...].reduce(1, *)
    let candidates = firstOutput.indices.filter { firstOutput[$0] % reference.batch == 0 }
    let startsAlike = candidates.filter { firstOutput[..<$0].reduce(1, *) == before }
    let endsAlike = candidates.filter { firstOutput[($0 + 1)...].reduce(1, *) == after }
    guard
      let found = startsAlike.first(where: { endsAlike.contains($0) || firstOutput[$0] == reference.batch })
        ?? endsAlike.first ?? startsAlike.first
    else { return nil }
    var shape = firstOutput
    let (extent, overflow) = (shape[found] / reference.batch).multipliedReportingOverflow(by: batch)
    guard !overflow else { return nil }
    shape[found] = extent
    return shape
  }

  private func fault(_ reason: String, at offset: Int, name: String, reference: Reference) -> ImportFault {
    ImportFault(
      "the batch \(reference.batch) of the file cannot become \(batch): \(reason)", at: offset,
      part: "tensor \(name)",
      hint: "use --batch \(reference.batch), or export the model with a symbolic batch dimension")
  }
}
