internal import Diagnostics

/// Samples in files, standardised as they are read.
struct StoredDataset: Dataset {
  let name: String
  let classCount: Int
  private let store: SampleStore
  private let labels: [Int32]
  private let standardization: Standardization
  private let byteTables: [Float]

  /// Creates a set whose labels are all below the number of classes.
  init(
    name: String, store: SampleStore, labels: [Int32], classCount: Int, standardization: Standardization
  ) {
    precondition(store.count == labels.count, "\(store.count) samples with \(labels.count) labels")
    self.name = name
    self.store = store
    self.labels = labels
    self.classCount = classCount
    self.standardization = standardization
    byteTables = store.coding.kind == .uint8 ? standardization.byteTables : []
  }

  var count: Int { store.count }
  var sampleShape: [Int] { store.shape }

  func label(of index: Int) -> Int { Int(labels[index]) }

  func copySample(_ index: Int, to destination: UnsafeMutablePointer<Float>) {
    let start = store.start(of: index)
    let groups = standardization.groups.count
    let inner = store.elementCount / groups
    let strides = groups == 1 ? (group: 0, element: 1) : store.strides
    if store.coding.kind == .uint8 {
      byteTables.withUnsafeBufferPointer { tables in
        for group in 0..<groups {
          let source = start + group * strides.group
          let target = destination + group * inner
          for element in 0..<inner {
            target[element] =
              tables[
                group * 256 + Int((source + element * strides.element).load(as: UInt8.self))]
          }
        }
      }
      return
    }
    let size = store.coding.size
    for (group, moments) in standardization.groups.enumerated() {
      let source = start + group * strides.group * size
      for element in 0..<inner {
        let number = store.coding.load(source + element * strides.element * size) * standardization.unit
        destination[group * inner + element] = Float((number - moments.mean) / moments.deviation)
      }
    }
  }
}
