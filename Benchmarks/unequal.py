#!/usr/bin/env python3
"""Shows what unequal shares are worth: two ranks with unlike instruction sets, planned and really trained.

Usage: unequal.py BINARY [--machine FILE] [--sets native,sse41] [--networks lenet,resnet18,digits]
       [--modes off,on] [--runs 5] [--quick]

Without --machine this computer is calibrated first, which takes minutes. Each network is planned on both devices, and
the plan that is found is held against the same with equal shares and against each device alone (one core each). These
four train in turn, each run in processes of its own; the first step of a run counts nowhere. In the mode `on` the batch
is cut into 16 cells, so that sums keep their order; in `off` shares are of single samples.

All of it takes more than ten minutes, most of them for ResNet-18. What is ahead is said on standard error; the rows of
a network and mode are printed as soon as its runs have ended, and the verdicts last. --networks, --modes and --runs cut
it down.
"""

import argparse
import collections
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from samples import write_samples

ROOT = pathlib.Path(__file__).resolve().parent.parent

# The model, its batch, the shape of its samples and the classes (None: the digits that come with it), and the steps of
# a run, of which the first does not count.
Network = collections.namedtuple("Network", "model batch shape classes steps")
NETWORKS = {
    "lenet": Network("lenet", 64, (1, 28, 28), 10, 40),
    "resnet18": Network("resnet18", 16, (3, 224, 224), 1000, 3),
    "digits": Network(str(ROOT / "Examples" / "digits.onnx"), 256, None, None, 100),
}
VARIANTS = ["uneven", "even", "fast alone", "slow alone"]
# What a run takes besides its steps, in seconds: the plan is read and priced, kernels are made, memory is touched.
BEGINNING = 1.0


def partita(*words):
    done = subprocess.run([binary, *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"partita {' '.join(map(str, words))}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def say(text):
    """Tells whoever waits; the tables stand on standard output alone."""
    print(text, file=sys.stderr, flush=True)


def duration(seconds):
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def with_equal_shares(plan):
    """The plan with equal shares in the place of its own."""
    for share in plan.get("shares", []):
        share["weights"] = [1] * len(share["weights"])
        share.pop("fractions", None)
    return plan


def simulated(folder, network, name):
    """The seconds of a step under a plan that was written."""
    text = partita(
        "simulate", network.model, "--machine", machine, "--batch", network.batch, "--plan", folder / f"{name}.json",
        "--json")
    return json.loads(text)["makespan_s"]


def write_plans(folder, network, mode):
    """Writes the plans that are compared and returns the shares of the one that is found."""
    common = ["plan", network.model, "--machine", machine, "--batch", network.batch, "--quiet"]
    common += ["--cells", 16] if mode == "on" else []
    found = folder / "uneven.json"
    # What `train` looks for by itself where sums keep their order.
    partita(*common, *(["--axes", "batch"] if mode == "on" else []), "--out", found)
    plan = json.loads(found.read_text())
    shares = [share for share in plan.get("shares", []) if share["devices"] == "mesh"]
    if shares:
        (folder / "even.json").write_text(json.dumps(with_equal_shares(plan)))
    else:
        partita(*common, "--axes", "batch", "--devices", "mesh", "--out", folder / "even.json")
        plan = json.loads((folder / "even.json").read_text())
        (folder / "even.json").write_text(json.dumps(with_equal_shares(plan)))
    for name, device in zip(VARIANTS[2:], (sets[0], sets[-1])):
        words = [*common, "--plan", f"single-device:{device}", "--out", folder / f"{name}.json"]
        partita(*words)
    plan = json.loads(found.read_text())
    return [share["weights"] for share in plan.get("shares", [])]


def train(folder, data, network, mode, name):
    """One run: the seconds of each step but the first, and what was predicted."""
    text = partita(
        "train", network.model, "--data", data, "--machine", machine, "--batch", network.batch, "--steps",
        network.steps, "--plan", folder / f"{name}.json", "--deterministic", mode, "--no-evaluation",
        "--learning-rate", 0.001, "--json")
    events = [json.loads(line) for line in text.splitlines()]
    steps = [event["measured_s"] for event in events if event["event"] == "step"][1:]
    return steps, events[-1]["simulated_s"], events[0]["ranks"]


def shown(value):
    if value >= 0.9995:
        return f"{value:.2f} s"
    return f"{value * 1e3:.3g} ms"


def report(name, network, mode, shares, runs):
    """Prints the rows of a network and mode and returns what they say, in a sentence."""
    predicted = {variant: runs[variant][0][1] for variant in VARIANTS}
    measured = {variant: statistics.median(statistics.median(run[0]) for run in runs[variant]) for variant in VARIANTS}
    least = {variant: min(min(run[0]) for run in runs[variant]) for variant in VARIANTS}
    for variant in VARIANTS:
        ranks = ", ".join(f"{rank['device']}: {rank['instruction_set']}" for rank in runs[variant][0][2])
        share = " : ".join(map(str, shares[0])) if variant == "uneven" and shares else "1 : 1" if variant == "even" else ""
        print(
            f"| {name}, batch {network.batch} | {mode} | {variant} | {share} | {ranks} | {shown(predicted[variant])}"
            f" | {shown(measured[variant])} ({shown(least[variant])})"
            f" | {100 * (predicted[variant] / measured[variant] - 1):+.0f} % |",
            flush=True,
        )
    verdicts = []
    for words, times in (("predicted", predicted), ("measured", measured), ("shortest steps", least)):
        gains = [f"{times[other] / times['uneven']:.2f} against {other}" for other in VARIANTS[1:]]
        wins = all(times["uneven"] < times[other] for other in VARIANTS[1:])
        verdicts.append(f"{words}: uneven shares {'win' if wins else 'do not win'} ({', '.join(gains)})")
    return f"{name}, deterministic {mode}: " + "; ".join(verdicts)


reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
reader.add_argument("binary")
reader.add_argument("--machine")
reader.add_argument("--sets", default="native,sse41")
reader.add_argument("--networks", default=",".join(NETWORKS), help="of " + ", ".join(NETWORKS))
reader.add_argument("--modes", default="off,on", help="of off, on")
reader.add_argument("--runs", type=int, default=5, help="how often each plan is trained")
reader.add_argument("--quick", action="store_true", help="two runs of each")
options = reader.parse_args()
binary = str(pathlib.Path(options.binary).resolve())
sets = options.sets.split(",")
for word, known in [*((name, list(NETWORKS)) for name in options.networks.split(",")),
                    *((mode, ["off", "on"]) for mode in options.modes.split(","))]:
    if word not in known:
        reader.error(f"'{word}' is none of {', '.join(known)}")
chosen = {name: NETWORKS[name] for name in options.networks.split(",")}
modes = options.modes.split(",")
with tempfile.TemporaryDirectory() as place:
    place = pathlib.Path(place)
    machine = str(pathlib.Path(options.machine).resolve()) if options.machine else str(place / "unequal.yaml")
    if not options.machine:
        say("this computer is calibrated first, which takes some minutes")
        partita("calibrate", "--instruction-sets", options.sets, "--out", machine)
    say(f"{', '.join(chosen)}: planned first")
    folders, found, data = {}, {}, {}
    for name, network in chosen.items():
        data[name] = "digits" if network.shape is None else place / f"{name}-data"
        if network.shape:
            write_samples(data[name], 3 * network.batch, network.shape, network.classes)
        for mode in modes:
            folder = folders[name, mode] = place / f"{name}-{mode}"
            folder.mkdir()
            found[name, mode] = write_plans(folder, network, mode)
    rounds = 2 if options.quick else options.runs
    ahead = {}
    for (name, mode), folder in folders.items():
        steps = sum(simulated(folder, chosen[name], variant) for variant in VARIANTS) * chosen[name].steps
        ahead[name, mode] = rounds * (steps + BEGINNING * len(VARIANTS))
    say(f"{rounds} runs of each of {len(VARIANTS)} plans in {len(folders)} cases: about {duration(sum(ahead.values()))}")
    print("| network | deterministic | plan | shares | ranks | predicted | measured (shortest) | error |")
    print("|---|---|---|---:|---|---:|---:|---:|", flush=True)
    lines = []
    for (name, mode), folder in folders.items():
        say(f"{name}, deterministic {mode}: about {duration(ahead.pop((name, mode)))}")
        begin = time.monotonic()
        runs = {variant: [] for variant in VARIANTS}
        # Alternating runs: what else the computer does falls on all of them.
        for _ in range(rounds):
            for variant in VARIANTS:
                runs[variant].append(train(folder, data[name], chosen[name], mode, variant))
        lines.append(report(name, chosen[name], mode, found[name, mode], runs))
        left = f"; about {duration(sum(ahead.values()))} left" if ahead else ""
        say(f"{name}, deterministic {mode}: took {duration(time.monotonic() - begin)}{left}")
    print()
    for line in lines:
        print(f"- {line}.")
