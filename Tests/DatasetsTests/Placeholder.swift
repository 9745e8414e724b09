import Testing

@testable import Datasets

@Suite struct DatasetsPlaceholder {
  @Test func theModuleBuilds() {}
}
