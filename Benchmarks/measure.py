#!/usr/bin/env python3
"""Measures CPU time and peak memory of a few commands, and the ratios that matter.

Usage: measure.py BINARY [RUNS]. Prints a Markdown table: for each command the median and the least of several runs,
in CPU seconds (user and system, which other processes on the machine disturb least), and the peak resident memory.
"""

import os
import pathlib
import platform
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
NETWORK = ROOT / ".deps/onnx/backend/test/data/light/light_resnet50.onnx"
NONE = "--batch 256 --overlap none --json"
COMMANDS = {
    "start-up": "--version",
    "read light_resnet50.onnx": "inspect resnet50.onnx --batch 256 --json",
    "exact, 4 devices (2 levels)": f"plan resnet50.onnx --machine hypar/4 {NONE}",
    "exact, 8 devices (3 levels)": f"plan resnet50.onnx --machine hypar/8 {NONE}",
    "exact, 16 devices (4 levels)": f"plan resnet50.onnx --machine hypar/16 {NONE}",
    "hierarchical, 4 devices": f"plan resnet50.onnx --machine hypar/4 {NONE} --search hierarchical",
    "hierarchical, 8 devices": f"plan resnet50.onnx --machine hypar/8 {NONE} --search hierarchical",
    "hierarchical, 16 devices": f"plan resnet50.onnx --machine hypar/16 {NONE} --search hierarchical",
    "exact, 16 devices, overlap": "plan resnet50.onnx --machine hypar/16 --batch 256 --json",
    "plan, 8 GPUs and a host": "plan resnet50.onnx --machine gpu-server-8 --batch 256 --json",
    "densenet121, 16 devices": f"plan densenet121 --machine hypar/16 {NONE}",
    "simulate a plan file": "simulate resnet50.onnx --machine hypar/16 --batch 256 --plan plan.json --json",
    "simulate, with a trace": "simulate resnet50.onnx --machine hypar/16 --batch 256 --plan plan.json"
    " --trace trace.json --json",
    "study hypar": "study hypar --json",
}
RATIOS = [
    ("exact, 8 devices (3 levels)", "exact, 4 devices (2 levels)"),
    ("exact, 16 devices (4 levels)", "exact, 8 devices (3 levels)"),
    ("exact, 4 devices (2 levels)", "hierarchical, 4 devices"),
    ("exact, 8 devices (3 levels)", "hierarchical, 8 devices"),
    ("exact, 16 devices (4 levels)", "hierarchical, 16 devices"),
    ("exact, 16 devices, overlap", "exact, 16 devices (4 levels)"),
]


def run(binary, words):
    """Returns the CPU seconds and the peak resident bytes of one run."""
    process = os.posix_spawn(
        binary,
        [binary] + words,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(process, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{' '.join(words)}: exit {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def seconds(value):
    return f"{value:.2f} s" if value >= 0.995 else f"{value * 1e3:.0f} ms"


binary = os.path.abspath(sys.argv[1])
runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
medians = {}
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    os.symlink(NETWORK, "resnet50.onnx")
    run(binary, "plan resnet50.onnx --machine hypar/16 --batch 256 --overlap none --out plan.json".split())
    print(f"{processor()}, {os.cpu_count()} cores, {platform.system()}; {runs} runs each.\n")
    print("| what | median | least | memory | command |\n|---|---:|---:|---:|---|")
    for name, command in COMMANDS.items():
        results = [run(binary, command.split()) for _ in range(runs)]
        times = [time for time, _ in results]
        peak = max(memory for _, memory in results)
        medians[name] = statistics.median(times)
        print(
            f"| {name} | {seconds(medians[name])} | {seconds(min(times))} | {peak / 2**20:.0f} MiB"
            f" | `partita {command}` |",
            flush=True,
        )
    print("\n| ratio of medians | |\n|---|---:|")
    for above, below in RATIOS:
        print(f"| {above} ÷ {below} | {medians[above] / medians[below]:.1f} |")
    os.chdir("/")
