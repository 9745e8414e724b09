import Diagnostics
import Documents
import Machines
import Plans

extension PlanFile {
  /// How one level of a group of devices is shared out.
  struct Share {
    let devices: String
    let level: String
    let weights: [Int]
    let element: JSONElement

    init(_ element: JSONElement) throws(InputError) {
      self.element = element
      let fields = try element.fields(
        required: ["devices", "level"], optional: ["axis", "fractions", "weights"])
      devices = try fields["devices"].string()
      level = try fields["level"].string()
      if let axis = fields.optional("axis"), try axis.string() != "all" {
        throw axis.fault("shares hold for all axes of a level", hint: "say \"all\", or leave the axis out")
      }
      var fractions: [Double]?
      if let list = fields.optional("fractions") {
        fractions = []
        for value in try list.array() { fractions?.append(try value.number()) }
      }
      guard let list = fields.optional("weights") else {
        guard let fractions, let found = Self.weights(of: fractions) else {
          throw element.fault(
            "shares need whole-number weights", hint: "such as \"weights\": [3, 1] for three quarters")
        }
        weights = found
        return
      }
      var weights: [Int] = []
      for value in try list.array() { weights.append(try value.integer(in: 0...Self.largestWeight)) }
      let total = weights.reduce(0, +)
      guard total > 0 else { throw list.fault("weights must not all be zero") }
      if let fractions {
        let agrees =
          fractions.count == weights.count
          && zip(fractions, weights).allSatisfy { abs($0 - Double($1) / Double(total)) < 1e-6 }
        guard agrees else {
          throw element.fault("fractions and weights contradict each other", hint: "leave one of them out")
        }
      }
      self.weights = weights
    }

    private static let largestWeight = 4096

    /// The smallest whole numbers in the proportion of some fractions; nil where there are none.
    private static func weights(of fractions: [Double]) -> [Int]? {
      guard !fractions.isEmpty, fractions.allSatisfy({ $0 >= 0 && $0 <= 1 }),
        abs(fractions.reduce(0, +) - 1) < 1e-6
      else { return nil }
      return (1...largestWeight).lazy.map { total in fractions.map { ($0 * Double(total)).rounded() } }
        .first { weights in
          let total = weights.reduce(0, +)
          return zip(weights, fractions).allSatisfy { abs($0 / total - $1) < 1e-6 }
        }?.map { Int($0) }
    }
  }

  /// The shares of every group for which some stand in the file; levels that are not named take equal ones.
  func shares(on machine: Machine) throws(InputError) -> [String: Shares] {
    var weights: [String: [[Int]]] = [:]
    var seen: Set<[String]> = []
    for share in shares {
      guard let group = machine.groups.first(where: { $0.name == share.devices }), !group.levels.isEmpty
      else {
        let legal = machine.groups.filter { !$0.levels.isEmpty }.map(\.name)
        throw share.element.fault(
          "the machine has no group '\(share.devices)' of several devices",
          hint: legal.isEmpty ? nil : "it has: \(legal.joined(separator: ", "))")
      }
      let labels = group.levelLabels
      guard let level = labels.firstIndex(of: share.level) else {
        throw share.element.fault(
          "'\(group.name)' has no level '\(share.level)'", hint: "it has: \(labels.joined(separator: ", "))")
      }
      guard share.weights.count == group.levels[level].ways else {
        throw share.element.fault(
          "'\(share.level)' has \(group.levels[level].ways) parts, not \(share.weights.count)")
      }
      guard seen.insert([share.devices, share.level]).inserted else {
        throw share.element.fault("the shares of '\(share.level)' of '\(share.devices)' stand twice")
      }
      weights[group.name, default: Shares.equal(group).weights][level] = share.weights
    }
    return weights.mapValues { Shares($0) }
  }
}

extension DeviceGroup {
  /// For each level its name, or its number from the top where names do not tell them apart.
  var levelLabels: [String] {
    let names = levels.map { $0.name ?? name }
    return Set(names).count == names.count ? names : levels.indices.map { "\($0 + 1)" }
  }
}
