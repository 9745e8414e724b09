public import Diagnostics

/// How samples are brought to the shape that a network reads.
public enum SampleFitting: Hashable, Sendable {
  /// They have it, up to extents of one and rows of features that are an image.
  case exact
  /// One channel is repeated, and images are put in the middle of larger ones, with zeros (the mean) around.
  case padded
}

extension Dataset {
  /// Returns the set with samples of the shape that a network reads.
  ///
  /// - Parameters:
  ///   - shape: The shape of a sample without the batch.
  ///   - classes: The classes that the network tells apart.
  ///   - fitting: What may be done to the samples.
  /// - Throws: `InputError` where the samples do not fit or have more classes.
  public func fitted(
    to shape: [Int], classes: Int, by fitting: SampleFitting = .exact
  ) throws(InputError) -> any Dataset {
    guard classCount <= classes else {
      throw InputError(
        .badModel, "the data set has \(classCount) classes, and the network tells \(classes) apart",
        at: SourceLocation(file: name), hint: "train a network with \(classCount) outputs")
    }
    if sampleShape == shape { return self }
    let isRow = sampleShape.count == 1 || shape.count == 1
    let isSameButOnes = sampleShape.filter { $0 != 1 } == shape.filter { $0 != 1 }
    if sampleElements == shape.reduce(1, *), isRow || isSameButOnes {
      return FittedDataset(base: self, sampleShape: shape, plan: .asItIs)
    }
    let pads =
      sampleShape.count == 3 && shape.count == 3
      && (sampleShape[0] == shape[0] || sampleShape[0] == 1)
      && sampleShape[1] <= shape[1] && sampleShape[2] <= shape[2]
    if pads, fitting == .padded {
      return FittedDataset(base: self, sampleShape: shape, plan: .padded)
    }
    let isChannelsLast =
      shape.count == 3 && sampleShape == [shape[1], shape[2], shape[0]]
    throw InputError(
      .badModel,
      "samples of \(extents(sampleShape)) do not fit the network, which reads \(extents(shape))",
      at: SourceLocation(file: name),
      hint: isChannelsLast
        ? "save images with the channels first: numpy.moveaxis(images, -1, 1)"
        : "train a network whose input has the shape of the samples")
  }
}

/// A data set whose samples are brought to another shape.
struct FittedDataset: Dataset {
  /// What is done to a sample.
  enum Plan: Hashable, Sendable {
    case asItIs
    case padded
  }

  let base: any Dataset
  let sampleShape: [Int]
  let plan: Plan

  var name: String { base.name }
  var count: Int { base.count }
  var classCount: Int { base.classCount }
  func label(of index: Int) -> Int { base.label(of: index) }

  func copySample(_ index: Int, to destination: UnsafeMutablePointer<Float>) {
    guard plan == .padded else { return base.copySample(index, to: destination) }
    let (rows, columns) = (base.sampleShape[1], base.sampleShape[2])
    let (height, width) = (sampleShape[1], sampleShape[2])
    let (top, left) = ((height - rows) / 2, (width - columns) / 2)
    let sample = base.sample(index)
    destination.update(repeating: 0, count: sampleElements)
    for channel in 0..<sampleShape[0] {
      let source = base.sampleShape[0] == 1 ? 0 : channel
      for row in 0..<rows {
        for column in 0..<columns {
          destination[(channel * height + top + row) * width + left + column] =
            sample[(source * rows + row) * columns + column]
        }
      }
    }
  }
}
