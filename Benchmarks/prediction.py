#!/usr/bin/env python3
"""Checks predictions of a measured machine file: kernels in a loop, and whole training steps.

Usage: prediction.py BINARY [MACHINE.yaml] [--kernels-only | --steps-only] [--runs N]

Without a machine file this computer is calibrated first (a minute). The first table compares every operation of
several networks on one device with its kernel in a loop, by kernel and phase. The second compares whole steps under
several plans, each the median of alternating runs: what the step was priced, simulated and measured, and what the
machine without measured rates predicts. Operations shorter than a microsecond are left out of the first table.
"""

import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

from samples import write_samples

KERNELS = [("lenet", 64), ("Examples/digits.onnx", 32), ("resnet18", 16), ("mobilenet-v2", 16), ("vgg11", 16)]
# Networks with the batch, the shape of a sample, the classes, and the steps of a run.
STEPS = [
    ("lenet", 64, (1, 28, 28), 10, 40),
    ("Examples/digits.onnx", 256, (1, 8, 8), 10, 100),
    ("hypar/sfc-graph", 32, (784,), 10, 4),
    ("hypar/sconv-graph", 64, (1, 28, 28), 10, 20),
    ("hypar/lenet-c-graph", 256, (1, 28, 28), 10, 20),
    ("hypar/cifar-c-graph", 64, (3, 32, 32), 10, 15),
    ("alexnet", 8, (3, 227, 227), 1000, 4),
    ("mobilenet-v2", 8, (3, 224, 224), 1000, 5),
    ("resnet18", 8, (3, 224, 224), 1000, 4),
]
# Sums over sixteen cells of the batch keep their order; the plan that is found may split channels and does not.
PLANS = {
    "one device": ["--plan", "single-device"],
    "data parallel": ["--plan", "data-parallel"],
    "data parallel, 16 cells": ["--plan", "data-parallel", "--cells", 16],
    "found": [],
}
ROOT = pathlib.Path(__file__).resolve().parent.parent
SHORT = 1e-6


def partita(*words):
    done = subprocess.run([binary, *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        return None, done.stderr.decode().strip().splitlines()[-1:]
    return done.stdout.decode(), None


def percent(value):
    return f"{100 * value:.1f} %"


def kernels():
    groups = {}
    print("| network | batch | operations | predicted | measured | median error | worst |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for model, batch in KERNELS:
        text, fault = partita("calibrate", "--compare", model, "--batch", batch, "--machine", machine, "--json")
        if text is None:
            print(f"| {model} | {batch} | {fault} |")
            continue
        rows = json.loads(text)["operations"]
        sums = [sum(row[key] for row in rows) for key in ("predicted_s", "measured_s")]
        errors = []
        for row in rows:
            if row["measured_s"] < SHORT:
                continue
            error = abs(row["predicted_s"] / row["measured_s"] - 1)
            errors.append(error)
            groups.setdefault((row["kernel"], row["phase"]), []).append((error, row["measured_s"], model, row["name"]))
        print(
            f"| {model} | {batch} | {len(errors)} | {sums[0] * 1e3:.2f} ms | {sums[1] * 1e3:.2f} ms"
            f" | {percent(statistics.median(errors))} | {percent(max(errors))} |",
            flush=True,
        )
    print("\n| kernel | phase | operations | time | median error | worst | which |\n|---|---|---:|---:|---:|---:|---|")
    for (kernel, phase), members in sorted(groups.items()):
        worst = max(members)
        print(
            f"| {kernel} | {phase} | {len(members)} | {sum(member[1] for member in members) * 1e3:.2f} ms"
            f" | {percent(statistics.median(member[0] for member in members))} | {percent(worst[0])}"
            f" | {worst[2]} {worst[3]} |"
        )
    every = [member for members in groups.values() for member in members]
    if every:
        time = sum(member[1] for member in every)
        print(
            f"| all | | {len(every)} | {time * 1e3:.2f} ms | {percent(statistics.median(m[0] for m in every))}"
            f" | {percent(max(every)[0])} | weighted by time {percent(sum(m[0] * m[1] for m in every) / time)} |"
        )


def measure(case, folder):
    """Plans and trains once and returns the last event, or what went wrong."""
    (model, batch, _, _, count), name = case
    plan = pathlib.Path(folder) / "plan.json"
    data = pathlib.Path(folder) / model.replace("/", "-")
    text, fault = partita("plan", model, "--machine", machine, "--batch", batch, *PLANS[name], "--out", plan, "--json")
    if text is None:
        return None, fault
    words = ["--machine", machine, "--batch", batch, "--steps", count, "--no-evaluation", "--json"]
    text, fault = partita("train", model, "--data", data, "--plan", plan, *words)
    return (json.loads(text.splitlines()[-1]), None) if text else (None, fault)


def steps():
    cases = [(network, name) for network in STEPS for name in PLANS]
    ends = {case: [] for case in cases}
    faults = {}
    with tempfile.TemporaryDirectory() as folder:
        for model, batch, shape, classes, count in STEPS:
            write_samples(pathlib.Path(folder) / model.replace("/", "-"), max(2, count) * batch, shape, classes)
        # Alternating runs: what else the computer does falls on all of them.
        for _ in range(runs):
            for case in cases:
                if case in faults:
                    continue
                end, fault = measure(case, folder)
                if end is None:
                    faults[case] = fault
                else:
                    ends[case].append(end)
    print("\n| network | batch | plan | priced | simulated | measured | error | uncalibrated |")
    print("|---|---:|---|---:|---:|---:|---:|---:|")
    errors, plain = [], []
    for case in cases:
        (model, batch, *_), name = case
        if not ends[case]:
            print(f"| {model} | {batch} | {name} | {faults.get(case)} |")
            continue
        measured = statistics.median(end["measured_s"] for end in ends[case])
        end = ends[case][0]
        error = end["simulated_s"] / measured - 1
        errors.append((abs(error), model, name))
        without = end["uncalibrated_s"] / measured - 1
        plain.append(abs(without))
        print(
            f"| {model} | {batch} | {name} | {end['priced_s'] * 1e3:.3f} ms | {end['simulated_s'] * 1e3:.3f} ms"
            f" | {measured * 1e3:.3f} ms | {percent(error)} | {percent(without)} |"
        )
    if errors:
        worst = max(errors)
        print(
            f"\n{len(errors)} plans of {len(STEPS)} networks, each the median of {runs} alternating runs:"
            f" median error {percent(statistics.median(error for error, _, _ in errors))},"
            f" worst {percent(worst[0])} ({worst[1]}, {worst[2]});"
            f" without measured rates {percent(statistics.median(plain))}."
        )
    return not faults


arguments = sys.argv[1:]
kernels_only = "--kernels-only" in arguments
steps_only = "--steps-only" in arguments
runs = int(arguments[arguments.index("--runs") + 1]) if "--runs" in arguments else 5
named = [word for word in arguments if not word.startswith("--") and not re.fullmatch(r"\d+", word)]
if not named:
    sys.exit(__doc__)
binary = str(pathlib.Path(named[0]).resolve())
with tempfile.TemporaryDirectory() as own:
    machine = str(pathlib.Path(named[1]).resolve()) if len(named) > 1 else str(pathlib.Path(own) / "this.yaml")
    if len(named) < 2:
        text, fault = partita("calibrate", "--out", machine)
        if text is None:
            sys.exit(f"calibrate: {fault}")
    if not steps_only:
        kernels()
    done = kernels_only or steps()
sys.exit(0 if done else 1)
