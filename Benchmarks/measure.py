#!/usr/bin/env python3
"""Measures wall-clock time and peak memory of a few commands.

Usage: measure.py BINARY. Prints the median and the fastest of several runs of each.
"""

import os
import statistics
import sys
import tempfile
import time

RUNS = 7
COMMANDS = [
    "--version",
    "inspect resnet50 --batch 256 --json",
    "plan resnet50 --machine hypar/16 --batch 256 --overlap none --json",
    "plan resnet50 --machine hypar/16 --batch 256 --plan data-parallel --overlap none --json",
    "simulate resnet50 --machine hypar/16 --batch 256 --plan data-parallel --overlap none --json",
    "study hypar --json",
]


def run(binary, words):
    """Returns the seconds and the peak resident bytes of one run."""
    start = time.perf_counter()
    process = os.posix_spawn(
        binary,
        [binary] + words,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(process, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{' '.join(words)}: exit {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - start, usage.ru_maxrss * 1024


binary = os.path.abspath(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    print(f"{'median':>10} {'fastest':>10} {'memory':>10}  command")
    for command in COMMANDS:
        runs = [run(binary, command.split()) for _ in range(RUNS)]
        times = [seconds for seconds, _ in runs]
        peak = max(memory for _, memory in runs)
        print(
            f"{statistics.median(times) * 1e3:8.1f} ms {min(times) * 1e3:7.1f} ms"
            f" {peak / 2**20:6.0f} MiB  partita {command}"
        )
