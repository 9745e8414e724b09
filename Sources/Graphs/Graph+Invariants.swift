extension Graph {
  /// Returns what is wrong with the graph, in words; nothing for every graph that a builder or a pass makes.
  ///
  /// Identifiers exist, names are unique, each tensor has one source, nodes stand after what they read, and
  /// types are those of the operators' shape rules.
  public func invariantViolations() -> [String] {
    let identifiers = nodes.flatMap { $0.inputs + $0.outputs } + inputs + outputs
    let missing = identifiers.filter { !tensors.indices.contains($0.index) }
    if !missing.isEmpty { return missing.map { "there is no tensor \($0.index)" } }
    return nameViolations() + sourceViolations() + typeViolations()
  }

  private func nameViolations() -> [String] {
    var violations: [String] = []
    for (kind, names) in [("tensor", tensors.map(\.name)), ("node", nodes.map(\.name))] {
      var seen: Set<String> = []
      for name in names where !seen.insert(name).inserted {
        violations.append("the \(kind) name \(name) is not unique")
      }
    }
    return violations
  }

  private func sourceViolations() -> [String] {
    var violations: [String] = []
    var exists = tensors.map { $0.role.isStatic }
    for input in inputs {
      if exists[input.index] { violations.append("the input \(self[input].name) has another source") }
      exists[input.index] = true
    }
    for node in nodes {
      for input in node.inputs where !exists[input.index] {
        violations.append("the node \(node.name) reads \(self[input].name) before it is made")
      }
      for output in node.outputs {
        if exists[output.index] { violations.append("\(self[output].name) is made twice") }
        if self[output].role != .activation {
          violations.append("\(self[output].name) is made by a node but is no activation")
        }
        exists[output.index] = true
      }
    }
    for output in outputs where !exists[output.index] {
      violations.append("the output \(self[output].name) is never made")
    }
    return violations
  }

  private func typeViolations() -> [String] {
    nodes.compactMap { node in
      do {
        let types = try node.operator.rules.outputTypes(inputs: inputTypes(of: node))
        return types == outputTypes(of: node)
          ? nil : "the outputs of \(node.name) do not have the types \(types)"
      } catch {
        return "the inputs of \(node.name) do not fit: \(error)"
      }
    }
  }
}
