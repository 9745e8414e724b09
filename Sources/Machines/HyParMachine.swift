/// A member of the family `hypar/N`: HyPar's array of N row-stationary accelerators in a binary tree.
///
/// Only the ratio of link bandwidth to arithmetic rate is fixed by the published figures; see each `source:`.
struct HyParMachine {
  /// How the accelerators are joined.
  enum Network {
    /// A tree whose links halve in bandwidth from level to level.
    case tree
    /// The same levels at half the bandwidth, which is how the published torus comes out.
    case halvedTree
    /// A routed 4×4 torus of links that have together as much bandwidth as the tree's.
    case routedTorus
  }

  /// The names that lists show, all that there are.
  static var names: [String] { (0...6).map { "hypar/\(1 << $0)" } + ["hypar/torus", "hypar/torus-4x4"] }

  let name: String
  /// The number of levels; 2 to that power is the number of accelerators.
  let levels: Int
  let network: Network

  init?(name: String) {
    self.name = name
    switch name {
    case "hypar/torus":
      self.levels = 4
      self.network = .halvedTree
    case "hypar/torus-4x4":
      self.levels = 4
      self.network = .routedTorus
    default:
      guard let levels = (0...6).first(where: { name == "hypar/\(1 << $0)" }) else { return nil }
      self.levels = levels
      self.network = .tree
    }
  }

  /// The machine file.
  var yaml: String {
    let count = 1 << levels
    var text = """
      # HyPar's array: \(count == 1 ? "one accelerator" : "\(count) accelerators \(shape)").
      # L. Song et al., "HyPar: Towards Hybrid Parallelism for Deep Learning Accelerator Array", HPCA 2019.
      schema: partita.machine/1
      name: \(name)
      devices:
        accelerator:
          kind: row-stationary-array\(count == 1 ? "" : "\n    count: \(count)")
          peak: {float32: 84 GFLOP/s}
          efficiency: 1
          energy-per-mac: 4.6 pJ
          idle-power: 0 W
          memory: {capacity: 16 GiB, bandwidth: 320 GB/s, efficiency: 1, energy: 0 pJ/B}
          source:
            - "peak: 168 cells x 250 MHz x 2 operations, which Fig. 6 confirms"
            - "memory bandwidth: a Hybrid Memory Cube, 320 GB/s; its efficiency: assumed"
            - "energy a MAC, idle power, memory energy: fitted to Fig. 7"
            - "efficiency 1: fitted to Fig. 6, which fixes only the ratio of link bandwidth to peak"
            - "capacity: assumed (VGG-E on one accelerator needs 11.8 GB)"

      """
    guard count > 1 else { return text }
    text += """
      mesh:
        over: [accelerator]
        levels:

      """
    switch network {
    case .tree: text += treeLevels(top: 0.25, source: "bandwidth: fitted to Fig. 6; no latency: assumed")
    case .halvedTree:
      text += treeLevels(top: 0.125, source: "bandwidth: fitted to Fig. 12; no latency: assumed")
    case .routedTorus: text += torusLevel
    }
    return text
  }

  private var shape: String {
    switch network {
    case .tree: "in a binary tree"
    case .halvedTree: "in the levels that stand for a torus"
    case .routedTorus: "in a routed 4x4 torus"
    }
  }

  /// Levels of two ways; each has half the bandwidth of the one above, in GB/s.
  private func treeLevels(top: Double, source: String) -> String {
    (0..<levels).map { level in
      """
          - name: H\(level + 1)
            ways: 2
            topology: tree
            bandwidth: \(top / Double(1 << level)) GB/s
            duplex: half
            latency: 0 s
            energy: 640 pJ/B
            source: "\(source); energy: fitted to Fig. 7"

      """
    }.joined()
  }

  /// 32 links that share the 1 GB/s that the tree's four levels have together.
  private var torusLevel: String {
    """
        - name: torus
          topology: torus
          shape: [4, 4]
          bandwidth: 0.03125 GB/s
          duplex: half
          latency: 0 s
          energy: 640 pJ/B
          source:
            - "32 equal links with the total bandwidth of the tree, no latency: assumed"
            - "energy: fitted to Fig. 7"

    """
  }
}
