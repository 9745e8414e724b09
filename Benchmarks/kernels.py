#!/usr/bin/env python3
"""Measures the kernels one by one on one thread: the fastest of twelve runs each.

Usage: python3 Benchmarks/kernels.py [--only PART-OF-A-NAME] [swift test flags]
By default the tests are built as `make test` builds them.
"""

import os
import subprocess
import sys

arguments = sys.argv[1:]
only = ""
if arguments[:1] == ["--only"] and len(arguments) > 1:
    only, arguments = arguments[1], arguments[2:]
flags = arguments or ["-c", "release", "-Xswiftc", "-enable-testing", "--scratch-path", ".build-release"]
command = ["swift", "test", "--disable-xctest", *flags, "--filter", "kernelSpeeds"]
run = subprocess.run(
    command, env=os.environ | {"PARTITA_MEASURE": only}, stdout=subprocess.PIPE, text=True, check=False)
lines = [line.split("\t")[1:] for line in run.stdout.splitlines() if line.startswith("speed\t")]
if run.returncode != 0 or not lines:
    sys.exit(f"{' '.join(command)} ended with {run.returncode} and measured nothing:\n{run.stdout[-2000:]}")
print(lines[0][1])
print(f"{'kernel':58} {'by':9} {'ms':>9} {'GFLOP/s':>8} {'GB/s':>7}")
for name, source, time, operations, bytes_moved in lines[1:]:
    speed = f"{float(operations) / 1e9:8.1f}" if float(operations) > 0 else " " * 8
    print(f"{name:58} {source:9} {float(time) * 1e3:9.3f} {speed} {float(bytes_moved) / 1e9:7.1f}")
