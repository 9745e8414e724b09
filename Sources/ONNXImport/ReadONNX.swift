public import Diagnostics
internal import Graphs

/// Reads a network from an ONNX file of operator set 7 to 21.
///
/// The file is mapped, not loaded: weights stay views, so that reading takes time and memory by the number of
/// nodes and not by the size of the weights.
///
/// ```swift
/// let model = try readONNX(path: "Examples/lenet.onnx", batch: 32)
/// ```
///
/// ## The batch
///
/// Dimension 0 of the inputs is the batch. Where it is symbolic, `batch` binds it. Where the file fixes it,
/// `batch` replaces it: literal extents of reshapes that were made for the file's batch are replaced, too,
/// and it is an error where the batch cannot be followed through the network.
///
/// ## What is trained
///
/// Weights and biases of convolutions, dense layers, products and tables, scales and shifts of
/// normalisations, and stored operands of additions and multiplications with more than one element are
/// parameters; running statistics are state; all else is constant. Where a batch normalisation is followed by
/// another scale and shift, these are trained and its own pair is frozen.
///
/// - Parameters:
///   - path: The file.
///   - batch: The samples of one step; needed where the file's batch is symbolic.
///   - dimensions: The extents of other symbolic dimensions by name.
/// - Throws: `InputError` of the kind `missingFile`, `inputOutput` or `badModel`. Of operators that cannot be
///   read all are listed at once.
/// - Complexity: O(size of the graph); weights are not touched.
public func readONNX(
  path: String, batch: Int? = nil, dimensions: [String: Int] = [:]
) throws(InputError) -> ImportedModel {
  do {
    return try imported(
      MappedFile(path: path), name: path, folder: folder(of: path), batch: batch, dimensions: dimensions)
  } catch { throw error.inputError(file: path) }
}

/// Reads a network from the bytes of an ONNX file, as ``readONNX(path:batch:dimensions:)`` does.
///
/// - Parameters:
///   - bytes: The file's bytes; they are copied.
///   - name: What to call the input in errors.
///   - batch: The samples of one step; needed where the file's batch is symbolic.
///   - dimensions: The extents of other symbolic dimensions by name.
public func readONNX(
  bytes: [UInt8], name: String, batch: Int? = nil, dimensions: [String: Int] = [:]
) throws(InputError) -> ImportedModel {
  do {
    return try imported(
      MappedFile(copying: bytes), name: name, folder: nil, batch: batch, dimensions: dimensions)
  } catch { throw error.inputError(file: name) }
}

/// Returns the operators of an ONNX file that cannot be read, each kind once with all its nodes.
///
/// - Throws: `InputError` where the file cannot be read at all.
public func unsupportedOperators(path: String) throws(InputError) -> [UnsupportedOperator] {
  do {
    let file = try MappedFile(path: path)
    return try withExtendedLifetime(file) { () throws(ImportFault) in
      try Survey(ModelMessage(file.bytes), file.bytes).unsupported
    }
  } catch { throw error.inputError(file: path) }
}

private func folder(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

private func imported(
  _ file: MappedFile, name: String, folder: String?, batch: Int?, dimensions: [String: Int]
) throws(ImportFault) -> ImportedModel {
  try withExtendedLifetime(file) { () throws(ImportFault) in
    let bytes = file.bytes
    let model = try ModelMessage(bytes)
    let survey = try Survey(model, bytes)
    guard survey.unsupported.isEmpty else { throw fault(of: survey.unsupported) }
    let wanted = try WantedBatch(model, survey, batch: batch, dimensions: dimensions)
    func pass(
      _ batch: Int, isFirst: Bool = false, reference: BatchBinding.Reference? = nil
    ) throws(ImportFault) -> (Importer, Graph) {
      let binding = BatchBinding(
        batch: batch, batchName: wanted.name, dimensions: dimensions, fixedBatch: wanted.fixed,
        isFirstOfTwo: isFirst, reference: reference)
      var importer = Importer(
        bytes: bytes, folder: folder, model: model, survey: survey, binding: binding, name: name)
      let graph = try importer.run()
      return (importer, graph)
    }
    func rebound(from first: Int) throws(ImportFault) -> (Importer, Graph) {
      let (reader, _) = try pass(first, isFirst: true)
      let reference = BatchBinding.Reference(
        batch: first, shapes: reader.shapes, reshapeTargets: reader.reshapeTargets)
      return try pass(wanted.batch, reference: reference)
    }
    var notes: [String] = []
    let result: (importer: Importer, graph: Graph)
    if let fixed = wanted.fixed, fixed != wanted.batch {
      result = try rebound(from: fixed)
      notes.append("The file fixes the batch to \(fixed); it was rebound to \(wanted.batch).")
    } else if wanted.fixed == nil, wanted.batch != 1 {
      result = try passOrRebound(direct: { () throws(ImportFault) in try pass(wanted.batch) }) {
        () throws(ImportFault) in
        let result = try rebound(from: 1)
        notes.append("Reshapes made for a batch of 1 were rebound to \(wanted.batch).")
        return result
      }
    } else {
      result = try pass(wanted.batch)
    }
    for name in result.importer.weightsInSeveralForms {
      notes.append("The weight \(shortened(name)) is read in several forms, which are trained apart.")
    }
    let rescaled = result.importer.rescaledNormalizations
    if rescaled > 0 {
      notes.append(
        """
        \(rescaled) batch normalisations are followed by a scale and a shift, which are trained; their own \
        are kept as they are.
        """)
    }
    return ImportedModel(
      graph: result.graph, model: model, notes: notes, file: file, name: name, folder: folder,
      sources: result.importer.sources)
  }
}

/// Reads with the batch as it is, and where its shapes do not fit as a file traced with a batch of 1.
private func passOrRebound(
  direct: () throws(ImportFault) -> (Importer, Graph), rebound: () throws(ImportFault) -> (Importer, Graph)
) throws(ImportFault) -> (Importer, Graph) {
  do { return try direct() } catch {
    guard error.isAboutBatch else { throw error }
    do { return try rebound() } catch _ { throw error }
  }
}

/// The batch of a model as the file has it and as the user wants it.
private struct WantedBatch {
  let batch: Int
  let fixed: Int?
  let name: String

  init(_ model: ModelMessage, _ survey: Survey, batch: Int?, dimensions: [String: Int]) throws(ImportFault) {
    let input = model.graph.inputs.first { !survey.initializers.contains($0.name) }
    guard let input, let first = input.dimensions?.first else {
      throw ImportFault(
        "the graph has no input with a shape", at: input?.offset ?? 0,
        hint: "export the model with typed inputs; a model without samples cannot be trained")
    }
    if let batch, batch < 1 {
      throw ImportFault("a batch of \(batch) has no samples", hint: "give --batch a positive number")
    }
    switch first {
    case .fixed(let extent):
      (fixed, name, self.batch) = (extent, "", batch ?? extent)
    case .symbolic(let name):
      guard let bound = batch ?? dimensions[name] else {
        throw ImportFault(
          "the batch dimension is symbolic\(name.isEmpty ? "" : " (\(shortened(name)))")", at: input.offset,
          part: "input \(input.name)", hint: "say how many samples a step has, as in --batch 32")
      }
      (fixed, self.name, self.batch) = (nil, name, bound)
    }
  }
}

/// Returns one fault that names every operator that cannot be read.
private func fault(of unsupported: [UnsupportedOperator]) -> ImportFault {
  let kinds = unsupported.map { entry in
    let shown = entry.nodes.prefix(8).map(shortened).joined(separator: ", ")
    let rest = entry.nodes.count > 8 ? " and \(entry.nodes.count - 8) more" : ""
    return "\(shortened(entry.kind)) (\(shown)\(rest))"
  }
  let shown = kinds.prefix(64).joined(separator: "; ")
  let rest = kinds.count > 64 ? "; and \(kinds.count - 64) more kinds" : ""
  return ImportFault(
    "\(kinds.count == 1 ? "an operator is" : "\(kinds.count) operators are") not supported: \(shown)\(rest)",
    hint: "'partita inspect' lists all of them; replace them in the model before exporting")
}
