#!/usr/bin/env python3
"""Measures training: against PyTorch, over ranks, and the costs of what surrounds the kernels.

Usage: python3 Benchmarks/training.py [--quick] [--with-torch]. Needs a built `partita` and prints Markdown
tables. All runs of a comparison alternate, each in processes of its own; figures are medians over the runs,
and in brackets the shortest step. A step is timed without the reading of its samples, on both sides; the
first step of a run counts nowhere.
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import torch_install
from samples import write_samples

ROOT = pathlib.Path(__file__).resolve().parent.parent
BATCH = {"lenet": 64, "resnet18": 32}
SHAPE = {"lenet": (1, 28, 28), "resnet18": (3, 224, 224)}
CLASSES = {"lenet": 10, "resnet18": 1000}
SAMPLES = {"lenet": 6400, "resnet18": 192}
PARTS = ["torch", "ranks", "determinism", "memory", "checkpoint", "tasks"]

Case = collections.namedtuple("Case", "network ranks threads deterministic", defaults=[1, 1, "off"])
Torch = collections.namedtuple("Torch", "network threads")


class Run:
    """What one run measured: seconds of each step but the first, their median, and the outer events."""

    def __init__(self, steps, end=None, start=None, whole=0):
        self.steps, self.end, self.start, self.whole = steps, end, start, whole
        self.time = statistics.median(steps or [0])


# MARK: Runs


def output(command, variables=None):
    shown, variables = " ".join(command), os.environ | (variables or {})
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=900, env=variables, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        sys.exit(f"{shown}: {fault}")
    if done.returncode != 0:
        sys.exit(f"{shown}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def train(partita, folder, case, steps, batch=None, extra=()):
    """Trains with `partita` and returns what it measured."""
    batch = batch or BATCH[case.network]
    command = [partita, "train", case.network, "--data", f"{folder}/{case.network}", "--batch", batch]
    command += ["--ranks", case.ranks, "--threads", case.threads, "--deterministic", case.deterministic]
    command += ["--steps", steps, "--no-evaluation", "--json", *extra]
    began = time.monotonic()
    text = output([str(word) for word in command])
    whole = time.monotonic() - began
    events = [json.loads(line) for line in text.splitlines()]
    done = [event for event in events if event["event"] == "step"][1:]
    return Run([step["measured_s"] for step in done], events[-1], events[0], whole)


def train_torch(interpreter, case, steps):
    """Trains with PyTorch and returns what it measured."""
    program, variables = interpreter
    variables = variables | {"OMP_NUM_THREADS": str(case.threads), "OPENBLAS_NUM_THREADS": str(case.threads)}
    worker = str(ROOT / "Benchmarks/torch_step.py")
    words = [program, worker, case.network, str(BATCH[case.network]), str(case.threads), str(steps)]
    text = output(words, variables)
    return Run(json.loads(text)["steps"][1:])


# MARK: What is printed


def seconds(value):
    if value >= 0.9995:
        return f"{value:.2f} s"
    return f"{value * 1e3:.3g} ms" if value >= 0.9995e-3 else f"{value * 1e6:.3g} µs"


def mebibytes(value):
    return f"{value / (1 << 20):.1f} MiB"


def table(head, rows):
    print("| " + " | ".join(head) + " |\n|---" + "|---:" * (len(head) - 1) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


class Report:
    """The runs of all cases, and the tables made from them."""

    def __init__(self, runs):
        self.runs = runs

    def time(self, case):
        return statistics.median(run.time for run in self.runs[case])

    def shown(self, case):
        return f"{seconds(self.time(case))} ({seconds(min(min(run.steps) for run in self.runs[case]))})"

    def ratio(self, case, other):
        """The median of one over that of the other, and the same of their shortest steps."""
        least = [min(min(run.steps) for run in self.runs[item]) for item in [case, other]]
        return f"{self.time(case) / self.time(other):.2f} ({least[0] / least[1]:.2f})"

    def torch(self, networks):
        print("## A step against PyTorch\n")
        rows = []
        for network in networks:
            for threads in [1, 2]:
                ours, theirs = Case(network, 1, threads), Torch(network, threads)
                row = [f"{network}, batch {BATCH[network]}", str(threads), self.shown(ours)]
                if theirs in self.runs:
                    row += [self.shown(theirs), self.ratio(theirs, ours)]
                rows.append(row)
        head = ["network", "threads", "partita", "PyTorch", "PyTorch ÷ partita"]
        table(head[: len(rows[0])], rows)

    def ranks(self, networks):
        print("## From one rank to two, one thread each\n")
        rows = []
        for network in networks:
            for deterministic in ["off", "on"]:
                one, two = [Case(network, ranks, 1, deterministic) for ranks in [1, 2]]
                times = [self.shown(one), self.shown(two), self.ratio(one, two)]
                rows.append([network, deterministic, *times])
        table(["network", "deterministic", "1 rank", "2 ranks", "throughput, 2 ranks ÷ 1"], rows)

    def determinism(self, networks):
        print("## What determinism costs\n")
        rows = []
        for network in networks:
            for ranks in [1, 2]:
                off, on = [Case(network, ranks, 1, deterministic) for deterministic in ["off", "on"]]
                cells = str(self.runs[on][0].start["cells"])
                times = [self.shown(off), self.shown(on), self.ratio(on, off)]
                rows.append([network, str(ranks), cells, *times])
        table(["network", "ranks", "cells", "off", "on", "on ÷ off"], rows)

    def memory(self, networks):
        print("## Resident memory against the plan\n")
        rows = []
        for network in networks:
            for case in [Case(network), Case(network, 2)]:
                for memory in self.runs[case][-1].end["memory"]:
                    planned, resident = memory["planned_bytes"], memory["resident_bytes"]
                    over = f"{100 * (resident / planned - 1):+.1f} %"
                    name = f"{network}, rank {memory['rank']} of {case.ranks}"
                    rows.append([name, mebibytes(planned), mebibytes(resident), over, mebibytes(memory["library_bytes"])])
        table(["network", "planned peak", "growth", "difference", "library"], rows)

    def longest(self, partita, networks, count):
        for network in networks:
            text = output([partita, "inspect", network, "--batch", str(BATCH[network]), "--json"])
            macs = {row["name"]: row["macs"] for row in json.loads(text)["rows"]}
            runs = [run.end["tasks"] for run in self.runs[Case(network)]]
            tasks = []
            for index, task in enumerate(runs[0]):
                time = statistics.median(run[index]["measured_s"] for run in runs)
                phase = task["category"].replace("-", "_")
                tasks.append((time, task, 2 * macs.get(task["name"], {}).get(phase, 0)))
            whole = sum(time for time, _, _ in tasks)
            print(f"## The longest tasks of {network}, one thread\n")
            rows = []
            for time, task, operations in sorted(tasks, key=lambda item: -item[0])[:count]:
                rate = f"{operations / time / 1e9:.0f}" if operations else ""
                name = f"{task['category']} {task['name']}"
                rows.append([name, seconds(time), f"{time / whole:.1%}", rate])
            table(["task", "time", "of the step", "GFLOP/s"], rows)


def checkpoint(partita, folder, networks, rounds):
    print("## A checkpoint\n")
    rows = []
    for network in networks:
        # The cost does not depend on the batch; few samples leave the disk time that the step would hide.
        batch, steps = {"lenet": (64, 30), "resnet18": (2, 8)}[network]
        without, beside, size = [], [], 0
        for _ in range(rounds):
            without.append(train(partita, folder, Case(network), steps, batch).whole)
            place = f"{folder}/checkpoint"
            extra = ["--checkpoint", place, "--checkpoint-every", "1"]
            beside.append(train(partita, folder, Case(network), steps, batch, extra).whole)
            newest = max(pathlib.Path(place).iterdir(), key=lambda path: (path.stat().st_mtime, path.name))
            files = [path for path in newest.rglob("*") if path.is_file()] if newest.is_dir() else [newest]
            size = sum(path.stat().st_size for path in files)
            shutil.rmtree(place)
        cost = (statistics.median(beside) - statistics.median(without)) / steps
        times = [statistics.median(without), statistics.median(beside), cost]
        rate = f"{size / cost / 1e6:.0f} MB/s" if cost > 0 else ""
        rows.append([network, mebibytes(size), *map(seconds, times), rate])
    table(["network", "size", "run without", "with one each step", "one checkpoint", "rate"], rows)


def tasks(partita, folder, networks, rounds):
    print("## The task graph over the kernels\n")
    rows = []
    for network in networks:
        # The graph costs the same for any batch, and a step of few samples shows it best.
        batch, steps = {"lenet": (64, 60), "resnet18": (2, 12)}[network]
        runs = [train(partita, folder, Case(network), steps, batch) for _ in range(rounds)]
        times = [[task["measured_s"] for task in run.end["tasks"]] for run in runs]
        step = statistics.median(run.time for run in runs)
        between = statistics.median(run.time - sum(parts) for run, parts in zip(runs, times))
        within = statistics.median(min(parts) for parts in times) * len(times[0])
        counts = [f"{network}, batch {batch}", str(len(times[0])), seconds(step)]
        rows.append(counts + [f"{between / step:.2%}", f"{within / step:.3%}"])
    table(["network", "tasks", "step", "between tasks", "at most, within tasks"], rows)
    print("*Between tasks* is the step less the medians of its tasks, which noise may well outweigh;")
    print("*within tasks* is their number times the shortest of them, which is hardly more than a call.\n")


# MARK: The whole


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def built():
    for place in [".build-release/release/partita", ".build/release/partita"]:
        if (ROOT / place).exists():
            return str(ROOT / place)
    return shutil.which("partita")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--partita", default=built(), help="the command (default: what was built in release)")
    add("--quick", action="store_true", help="fewer runs: two minutes instead of six")
    add("--with-torch", action="store_true", help="fetch PyTorch into .deps/torch (150 MB)")
    add("--torch-python", help="an interpreter that has PyTorch")
    add("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    add("--networks", default="lenet,resnet18", help="some of lenet,resnet18")
    add("--longest", type=int, default=0, metavar="N", help="the N longest tasks of each network, too")
    return parser, parser.parse_args()


def interpreter_of(options):
    """What runs PyTorch, or None."""
    if options.torch_python:
        interpreter = options.torch_python, {}
    else:
        try:
            if options.with_torch:
                torch_install.fetch()
        except torch_install.Unavailable as fault:
            sys.exit(f"PyTorch cannot be fetched: {fault}")
        if not torch_install.is_there():
            return None
        interpreter = torch_install.environment()
    output([interpreter[0], "-c", "import torch"], interpreter[1])
    return interpreter


def cases_of(parts, networks, interpreter, longest):
    """The cases that the parts need, each once."""
    cases = []
    for network in networks:
        if parts & {"torch", "memory", "ranks", "determinism"} or longest:
            cases.append(Case(network))
        if "torch" in parts and interpreter:
            cases.append(Torch(network, 1))
        if "torch" in parts:
            cases.append(Case(network, 1, 2))
        if "torch" in parts and interpreter:
            cases.append(Torch(network, 2))
        if parts & {"ranks", "determinism", "memory"}:
            cases.append(Case(network, 2))
        if parts & {"ranks", "determinism"}:
            cases += [Case(network, 1, 1, "on"), Case(network, 2, 1, "on")]
    return cases


def measured(options, interpreter, folder, parts, networks):
    """Runs all cases in turn, as often as each network asks for."""

    def run(case, steps):
        if isinstance(case, Torch):
            return train_torch(interpreter, case, steps)
        return train(options.partita, folder, case, steps)

    runs = collections.defaultdict(list)
    cases = cases_of(parts, networks, interpreter, options.longest > 0)
    # Rounds, and steps in each run.
    plan = {"lenet": (5, 60), "resnet18": (3, 3)}
    if options.quick:
        plan = {"lenet": (2, 60), "resnet18": (1, 3)}
    for number in range(max(rounds for rounds, _ in plan.values())):
        for case in cases:
            rounds, steps = plan[case.network]
            if number < rounds:
                runs[case].append(run(case, steps))
    return Report(runs)


def main():
    parser, options = arguments()
    parts, networks = set(options.only.split(",")), options.networks.split(",")
    if parts - set(PARTS) or set(networks) - set(BATCH):
        parser.error(f"--only takes {','.join(PARTS)}, and --networks {','.join(BATCH)}")
    if not options.partita:
        sys.exit("no partita was built: make release, or give its path after --partita")
    options.partita = str(pathlib.Path(options.partita).resolve())
    interpreter = interpreter_of(options)
    began, load = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        for network in BATCH:
            write_samples(f"{folder}/{network}", SAMPLES[network], SHAPE[network], CLASSES[network])
        kernels = train(options.partita, folder, Case("lenet"), 1).start["ranks"][0]["kernels"]
        report = measured(options, interpreter, folder, parts, networks)
        machine = f"{processor()}, {os.cpu_count()} cores, {platform.system()}"
        print(f"{datetime.date.today():%-d %B %Y}, {machine}; {kernels}.")
        print(f"Processes waiting or running before the first run: {load:.1f}.\n")
        if "torch" in parts and not interpreter:
            print("PyTorch was not measured: --with-torch fetches it, --torch-python takes what is there.\n")
        for part in PARTS:
            if part not in parts:
                continue
            if part in ["checkpoint", "tasks"]:
                measure = {"checkpoint": checkpoint, "tasks": tasks}[part]
                measure(options.partita, folder, networks, rounds=1 if options.quick else 3)
            else:
                getattr(report, part)(networks)
        if options.longest:
            report.longest(options.partita, networks, options.longest)
    load = os.getloadavg()[0]
    print(f"{time.monotonic() - began:.0f} s in all; waiting or running at the end: {load:.1f}.")


main()
