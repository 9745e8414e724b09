/// What the paper prints of one network.
///
/// > Source: L. Song, J. Mao, Y. Zhuo, X. Qian, H. Li, Y. Chen. "HyPar: Towards Hybrid Parallelism for Deep
/// > Learning Accelerator Array." *HPCA* 2019, arXiv 1901.02067.
struct HyParFigures {
  /// The name in the figures.
  let name: String
  /// Figure 5: for each level from the top one digit for each layer, 0 for data, 1 for model parallelism.
  let lists: [String]
  /// Figure 8: gigabytes moved in a step under data parallelism and under HyPar's plan.
  let gigabytes: (dataParallel: Double, hyPar: Double)
  /// Figure 6: performance over data parallelism of model parallelism and of HyPar's plan.
  let performance: (modelParallel: Double, hyPar: Double)
  /// Figure 7: energy efficiency of HyPar's plan over data parallelism.
  let energyEfficiency: Double
  /// Figure 12, read off the chart: performance of HyPar's plan on a torus over data parallelism on the tree;
  /// nil where the bar is cut off.
  let torus: Double?

  /// The model's name.
  var model: String { "hypar/" + name.lowercased() }

  /// How far Figure 8 may deviate: by its rounding, but VGG-B is printed with the bytes of VGG-A.
  var bytesTolerance: Double { name == "VGG-B" ? 0.02 : 0.005 }

  /// How far Figure 7 may deviate: it depends on memory accesses inside an accelerator, which nothing
  /// published gives, and these weigh most where little is computed for each weight.
  var energyTolerance: Double {
    switch name {
    case "SFC": 0.2
    case "Lenet-c", "Cifar-c": 0.05
    default: 0.03
    }
  }

  static let all = [
    HyParFigures(
      name: "SFC", lists: ["1111", "1111", "0111", "1111"], gigabytes: (16.9, 0.681),
      performance: (22.19, 23.48), energyEfficiency: 10.27, torus: nil),
    HyParFigures(
      name: "SCONV", lists: ["0000", "0000", "0000", "0000"], gigabytes: (0.0121, 0.0121),
      performance: (0.0374, 1.00), energyEfficiency: 1.00, torus: 0.60),
    HyParFigures(
      name: "Lenet-c", lists: ["0011", "0010", "0000", "0011"], gigabytes: (0.0517, 0.0161),
      performance: (0.469, 3.05), energyEfficiency: 1.81, torus: 1.58),
    HyParFigures(
      name: "Cifar-c", lists: ["00000", "00000", "00010", "00111"], gigabytes: (0.0174, 0.0135),
      performance: (0.100, 1.23), energyEfficiency: 1.03, torus: 0.69),
    HyParFigures(
      name: "AlexNet", lists: ["00000111", "00000111", "00000111", "00000100"], gigabytes: (2.00, 0.289),
      performance: (0.183, 3.27), energyEfficiency: 1.19, torus: 2.37),
    vgg(
      "A", convolutions: 8, gigabytes: (15.9, 1.47), performance: (0.346, 4.97), energyEfficiency: 1.35,
      torus: 3.55),
    vgg(
      "B", convolutions: 10, gigabytes: (16.0, 1.47), performance: (0.140, 4.06), energyEfficiency: 1.22,
      torus: 3.10),
    vgg(
      "C", convolutions: 13, gigabytes: (16.0, 1.58), performance: (0.121, 3.92), energyEfficiency: 1.21,
      torus: 2.97),
    vgg(
      "D", convolutions: 13, gigabytes: (16.6, 2.13), performance: (0.130, 3.21), energyEfficiency: 1.16,
      torus: 2.43),
    vgg(
      "E", convolutions: 16, gigabytes: (17.2, 2.76), performance: (0.123, 2.73), energyEfficiency: 1.13,
      torus: 2.05),
  ]

  /// All convolutions are data-parallel and all dense layers model-parallel, but for the last convolution at
  /// H4, which is model-parallel unless its kernel is 1×1 (VGG-C).
  private static func vgg(
    _ letter: String, convolutions: Int, gigabytes: (dataParallel: Double, hyPar: Double),
    performance: (modelParallel: Double, hyPar: Double), energyEfficiency: Double, torus: Double
  ) -> HyParFigures {
    let upper = String(repeating: "0", count: convolutions) + "111"
    let last = String(repeating: "0", count: convolutions - 1) + (letter == "C" ? "0" : "1") + "111"
    return HyParFigures(
      name: "VGG-" + letter, lists: [upper, upper, upper, last], gigabytes: gigabytes,
      performance: performance, energyEfficiency: energyEfficiency, torus: torus)
  }
}

/// Figure 11, read off the chart: gains of VGG-E over one accelerator.
struct HyParScaling {
  let accelerators: Int
  let dataParallel: Double
  let hyPar: Double

  static let all = [
    HyParScaling(accelerators: 2, dataParallel: 1.95, hyPar: 2.0),
    HyParScaling(accelerators: 4, dataParallel: 3.45, hyPar: 3.9),
    HyParScaling(accelerators: 8, dataParallel: 4.65, hyPar: 7.15),
    HyParScaling(accelerators: 16, dataParallel: 3.95, hyPar: 10.75),
    HyParScaling(accelerators: 32, dataParallel: 2.35, hyPar: 11.2),
    HyParScaling(accelerators: 64, dataParallel: 1.2, hyPar: 8.25),
  ]
}
