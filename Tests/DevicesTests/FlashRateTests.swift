import Devices
import Machines
import Testing
import Units

@Suite struct FlashRateTests {
  func flash(dies: Int) -> Flash {
    Flash(
      channels: 8, diesPerChannel: dies, page: Bytes(16_384), read: Seconds(75e-6), program: Seconds(750e-6),
      bus: BytesPerSecond(333e6), efficiency: 0.75)
  }

  // Eight dies keep a bus busy: 8 * 333 MB/s * 0.75 = 1.998 GB/s, the assumed 2 GB/s of a drive.
  @Test func manyDiesAreBoundByTheBuses() throws {
    #expect(abs(flash(dies: 8).streamRate.value - 1.998e9) < 1)
    let drive = try MachineCatalogue().machine(named: "dpt-vision").devices.first { $0.group == "drive" }
    #expect(drive?.flash?.streamRate == flash(dies: 8).streamRate)
  }

  // One die sends 16384 B in 75 us + 16384 / 333e6 s = 124.2 us: 8 * 131.92 MB/s * 0.75.
  @Test func fewDiesAreBoundByTheirReads() {
    let expected = 0.75 * 8 * 16_384 / (75e-6 + 16_384 / 333e6)
    #expect(abs(flash(dies: 1).streamRate.value / expected - 1) < 1e-12)
    #expect(expected < 0.75 * 8 * 333e6)
  }

  @Test func readTimeIsDataOverRate() {
    #expect(abs(flash(dies: 8).readTime(of: Bytes(1_998_000_000)).value - 1) < 1e-9)
  }
}
