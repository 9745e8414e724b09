/// The time that `data` takes at `rate`.
@inlinable public func / (data: Bytes, rate: BytesPerSecond) -> Seconds {
  Seconds(Double(data.count) / rate.value)
}

/// The time that `work` takes at `rate`.
@inlinable public func / (work: FLOPs, rate: FLOPsPerSecond) -> Seconds { Seconds(work.value / rate.value) }

/// The energy of moving `data` at a cost for each byte.
@inlinable public func * (data: Bytes, energy: JoulesPerByte) -> Joules {
  Joules(Double(data.count) * energy.value)
}

/// The energy that `power` spends in `time`.
@inlinable public func * (power: Watts, time: Seconds) -> Joules { Joules(power.value * time.value) }
