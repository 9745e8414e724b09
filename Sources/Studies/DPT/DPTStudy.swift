import Diagnostics
import Machines
import Results

/// The study of training that is cut between near-storage drives and an NPU: the vision case.
///
/// > Source: Y. Jang, S. Kim, D. Kim, S. Lee, J. Kung. "Deep Partitioned Training From Near-Storage Computing
/// > to DNN Accelerators." *IEEE Computer Architecture Letters* 20(1), 2021, pp. 70–73, of which the abstract
/// > and the catalogue record are used.
///
/// - Throws: ``Diagnostics/InputError`` where a network or machine of the study is faulty.
func dptStudy() throws(InputError) -> StudyResult {
  StudyResult(
    study: "dpt",
    source: "Y. Jang et al., Deep Partitioned Training, IEEE Computer Architecture Letters 20(1), 2021",
    claims: try VisionStudy().claims(),
    assumptions: Assumption.vision(on: try MachineCatalogue().machine(named: "dpt-vision")))
}
